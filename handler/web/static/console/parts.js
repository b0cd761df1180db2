// The parts that the views of the consoles are made of.

import { h, icon } from "../core/dom.js";
import { initial, tint } from "../core/people.js";

/** @typedef {import("./page.js").Page} Page */

/** Whether a click on a link means to go there in this window. @param {MouseEvent} event */
export function plainClick(event) {
  return event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
}

const TONES = {
  good: ["active", "delivered", "balanced", "settled", "approved"],
  wait: ["applied", "rolling", "due", "paused", "throttled", "pending", "in_review", "open"],
  bad: ["suspended", "dead", "disabled", "failed", "gone", "unbalanced", "frozen", "taken_down"],
};

/** A state in a word and a colour. @param {Page} page @param {string} state */
export function pill({ texts }, state) {
  const tone = Object.keys(TONES).find((name) => TONES[name].includes(state)) ?? "off";
  return h("span", { class: `pill pill-${tone}`, data: { testid: "state", state } }, texts.t(`state.${state}`));
}

/**
 * The head of a view.
 * @param {string} title
 * @param {{lead?: any, actions?: any, before?: any}} [more]
 */
export function viewHead(title, { lead = null, actions = null, before = null } = {}) {
  return h(
    "header",
    { class: "view-head" },
    before,
    h("div", { class: "view-title" }, h("h1", { data: { testid: "title" } }, title), lead && h("p", {}, lead)),
    actions && h("div", { class: "view-actions" }, actions),
  );
}

/**
 * A box with a title.
 * @param {string} title
 * @param {any} content
 * @param {{actions?: any, testid?: string, hint?: string}} [more]
 */
export function panel(title, content, { actions = null, testid = "", hint = "" } = {}) {
  return h(
    "section",
    { class: "panel", "aria-label": title, data: testid ? { testid } : {} },
    h(
      "header",
      { class: "panel-head" },
      h("div", {}, h("h2", {}, title), hint && h("p", { class: "hint" }, hint)),
      actions && h("div", { class: "panel-actions" }, actions),
    ),
    content,
  );
}

/** What is known of something: names and values. Those without a value are left out. */
export function facts(pairs) {
  return h(
    "dl",
    { class: "facts" },
    pairs
      .filter(([, value]) => value !== "" && value !== null && value !== undefined && value !== false)
      .map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );
}

/**
 * What stands where there is nothing.
 * @param {string} symbol
 * @param {string} title
 * @param {string} [text]
 * @param {any} [action]
 */
export function empty(symbol, title, text = "", action = null) {
  return h(
    "div",
    { class: "nothing", data: { testid: "empty" } },
    icon(symbol),
    h("p", { class: "nothing-title" }, title),
    text && h("p", {}, text),
    action,
  );
}

/** A person with a face. @param {Page} page @param {string} id */
export function person({ texts, services }, id) {
  const name = texts.name(id);
  return h(
    "span",
    { class: "person-line" },
    h("span", { class: `avatar small ${tint(id)}`, "aria-hidden": "true" }, initial(name)),
    h("span", {}, id === services.me ? texts.t("console.you", { name }) : name),
  );
}

/** A moment, with the exact time where one points at it. @param {Page} page @param {number} ms */
export function moment({ texts }, ms, seconds = false) {
  return h(
    "time",
    { datetime: new Date(ms).toISOString(), title: new Date(ms).toISOString() },
    texts.time(ms, seconds),
  );
}

/** A text that one may want elsewhere, with a button that copies it. @param {Page} page @param {string} label */
export function copyable(page, text, label, { block = false, testid = "" } = {}) {
  const { t } = page.texts;
  const code = h(block ? "pre" : "code", { class: "code", translate: "no", data: testid ? { testid } : {} }, text);
  if (block) Object.assign(code, { tabIndex: 0 });
  if (block) code.setAttribute("aria-label", label);
  if (block) code.setAttribute("role", "group");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      page.services.toasts.show(t("console.copied"), label, "good");
    } catch {
      getSelection()?.selectAllChildren(code);
      page.services.toasts.show(t("console.copy_by_hand"), "", "plain");
    }
  };
  return h(
    "span",
    { class: block ? "copyable block" : "copyable" },
    code,
    h(
      "button",
      {
        class: "plain copy",
        type: "button",
        title: t("console.copy"),
        "aria-label": t("console.copy_what", { what: label }),
        on: { click: copy },
      },
      icon("copy"),
    ),
  );
}

/** A button with an icon. */
export function iconButton(symbol, label, click, props = {}) {
  return h("button", { class: "secondary small", type: "button", ...props, on: { click } }, icon(symbol), label);
}

/** A link to another place of the console. @param {Page} page @param {Partial<import("./places.js").Place>} change */
export function placeLink({ nav }, change, props, ...content) {
  const go = (event) => {
    if (!plainClick(event)) return;
    event.preventDefault();
    nav.go(change);
  };
  return h("a", { href: nav.href(change), ...props, on: { click: go } }, content);
}

/** The way back to where a view belongs. @param {Page} page */
export function backLink(page, change, label) {
  return placeLink(page, change, { class: "back-link", data: { testid: "back" } }, icon("back"), label);
}

/** The two sides of a merchant, one of which is shown. @param {Page} page */
export function modeSwitch(page) {
  const { texts, nav } = page;
  const { mode, view } = nav.place();
  return h(
    "div",
    { class: "mode", role: "group", "aria-label": texts.t("mode.label") },
    ["live", "test"].map((one) =>
      h(
        "button",
        {
          type: "button",
          class: `mode-${one}`,
          "aria-pressed": String(one === mode),
          data: { testid: `mode-${one}` },
          on: { click: () => nav.go({ view, mode: /** @type {"live"|"test"} */ (one) }, true) },
        },
        texts.t(`mode.${one}`),
      ),
    ),
  );
}

/**
 * Replaces an element's content, and leaves the focus where it was. What would look the same stays: what is being pressed
 * or read is not pulled away.
 */
export function refill(el, ...children) {
  const next = children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false);
  const old = [...el.childNodes];
  if (next.length === old.length && next.every((node, i) => node instanceof Node && node.isEqualNode(old[i]))) return;
  const active = /** @type {HTMLElement|null} */ (el.contains(document.activeElement) ? document.activeElement : null);
  const wanted = active?.dataset.testid;
  el.replaceChildren(...next);
  if (wanted) {
    const again = /** @type {HTMLElement|null} */ (el.querySelector(`[data-testid="${CSS.escape(wanted)}"]`));
    again?.focus({ preventScroll: true });
  }
}
