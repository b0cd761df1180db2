// The images and colours of a cover. Images are decoration: what they belong to says what it is.

import { h, icon } from "../core/dom.js";
import { artURL, inkOn } from "./rules.js";

/** @typedef {import("./covers.js").Cover} Cover */

/**
 * An image, loaded once it comes near the screen. It removes itself where it cannot be shown.
 * @param {string} hash
 * @param {"large"|"medium"|"small"} size
 * @param {string} className
 * @param {() => void} [failed]
 */
export function art(hash, size, className, failed = () => {}) {
  const src = artURL(hash, size);
  if (!src) return null;
  const img = h("img", { class: className, alt: "", loading: "lazy", decoding: "async", src });
  img.addEventListener("error", () => {
    img.remove();
    failed();
  });
  return img;
}

/** Gives an element the colours of a cover, or takes them away. @param {HTMLElement} el @param {Cover|null} cover */
export function paint(el, cover) {
  const colours = { "--cover": cover?.colour, "--seal": cover?.accent };
  const inks = { "--on-cover": cover && inkOn(cover.colour), "--on-seal": cover && inkOn(cover.accent) };
  for (const [name, value] of Object.entries({ ...colours, ...inks })) {
    if (value) el.style.setProperty(name, value);
    else el.style.removeProperty(name);
  }
}

/** The envelope in small. @param {Cover} cover */
export function thumb(cover, size = /** @type {"small"|"medium"} */ ("small"), failed = () => {}) {
  const el = h("span", { class: "thumb", "aria-hidden": "true" }, art(cover.face, size, "thumb-art", failed), h("i"));
  paint(el, cover);
  return el;
}

/**
 * The envelope as it is handed over: its front, and its back once it is turned.
 * @param {Cover} cover
 */
export function envelope(cover) {
  const front = h("span", { class: "whole-side whole-front" }, art(cover.face, "large", "whole-art"));
  front.append(h("span", { class: "whole-flap" }), h("span", { class: "whole-seal" }, icon("coin")));
  const back = h("span", { class: "whole-side whole-back" }, art(cover.opened || cover.face, "large", "whole-art"));
  const el = h("div", { class: "whole", "aria-hidden": "true" }, h("div", { class: "whole-turn" }, front, back));
  paint(el, cover);
  return el;
}
