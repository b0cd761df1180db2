// A list of the API that is shown page by page.

import { h } from "../core/dom.js";
import { doButton } from "../core/item.js";
import { refill } from "./parts.js";

/** @typedef {import("./page.js").Page} Page */

/**
 * @template Item
 * @param {Page} page
 * @param {object} options
 * @param {(cursor: string) => Promise<{items: Item[], next: string}>} options.read
 * @param {(item: Item) => HTMLElement} options.row an li
 * @param {() => HTMLElement} options.nothing
 * @param {string} options.label
 * @param {string} [options.testid]
 * @param {string} [options.tag] ul, or ol where the order means something
 */
export function pagedList(page, { read, row, nothing, label, testid = "list", tag = "ul" }) {
  const list = h(/** @type {"ul"} */ (tag), { class: "rows", "aria-label": label, data: { testid } });
  const none = h("div", {});
  /** @type {Item[]} */
  let shown = [];
  let next = "";
  let turn = 0; // of two answers the later question's counts
  const draw = () => {
    refill(list, shown.map(row));
    list.hidden = shown.length === 0;
    refill(none, shown.length === 0 && nothing());
    more.hidden = !next;
  };
  const load = async () => {
    const mine = ++turn;
    const found = await read(next);
    if (mine !== turn) return;
    shown = [...shown, ...found.items];
    next = found.next;
    draw();
  };
  const more = doButton(
    page,
    { class: "secondary more", data: { testid: `${testid}-more` } },
    page.texts.t("wallet.more"),
    load,
  );
  more.hidden = true;
  /** Reads the list again: as many pages as were shown, so that nothing disappears under the reader. */
  const refresh = async () => {
    const mine = ++turn;
    const wanted = shown.length;
    /** @type {Item[]} */
    let items = [];
    let cursor = "";
    do {
      const found = await read(cursor);
      items = [...items, ...found.items];
      cursor = found.next;
    } while (cursor && items.length < wanted);
    if (mine !== turn) return;
    shown = items;
    next = cursor;
    draw();
  };
  const el = h("div", { class: "paged" }, list, none, more);
  return { el, refresh, items: () => shown };
}
