// Files that the page makes itself.

import { h } from "../core/dom.js";

/** @param {BlobPart} content @param {string} type @param {string} name */
export function saveFile(content, type, name) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = h("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 0);
}
