// What every item of a chat has: a time above it where there was a pause, whose it is, and one line below.

import { h } from "./dom.js";
import { initial, tint } from "./people.js";
import { personPlace } from "./places.js";

/**
 * @param {import("./page.js").Page} page
 * @param {string} by whose item it is
 * @param {number} at Unix ms
 * @param {Node} card
 * @param {Node|null} [caption]
 * @returns {{el: HTMLElement, stamped: (shown: boolean) => void}}
 */
export function itemFrame({ texts, nav, services }, by, at, card, caption = null) {
  const mine = by === services.me;
  const stamp = h("time", { class: "stamp" }, texts.time(at));
  const name = texts.name(by);
  const face = mine
    ? h("span", { class: `avatar ${tint(by)}`, "aria-hidden": "true" }, initial(name))
    : h(
        "button",
        {
          class: `avatar ${tint(by)}`,
          type: "button",
          "aria-label": texts.t("chat.with", { name }),
          title: texts.t("chat.with", { name }),
          on: { click: () => nav.go(personPlace(by)) },
        },
        initial(name),
      );
  const el = h(
    "article",
    { class: mine ? "item mine" : "item" },
    stamp,
    h(
      "div",
      { class: "item-row" },
      face,
      h("div", { class: "item-column" }, h("p", { class: "item-who" }, name), card),
    ),
    caption,
  );
  return { el, stamped: (shown) => (stamp.hidden = !shown) };
}

/**
 * A button that does one thing at a time: while it runs it cannot be pressed again. What goes wrong is shown.
 * @param {import("./page.js").Ground} page
 * @param {Record<string, any>} props
 * @param {any} label
 * @param {() => Promise<any>} run
 */
export function doButton({ services }, props, label, run) {
  const click = async () => {
    button.disabled = true;
    try {
      await run();
    } catch (problem) {
      services.toasts.problem(problem);
    } finally {
      button.disabled = false;
    }
  };
  const button = h("button", { type: "button", ...props, on: { click } }, label);
  return button;
}
