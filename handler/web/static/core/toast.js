// Messages that come and go, and what is said to screen readers.

import { Problem } from "./api.js";
import { fill, h, icon } from "./dom.js";

const SHOWN_MS = 6000;
const MOST_AT_ONCE = 3;

export class Toasts {
  #texts;
  #root;
  #remedies;
  #list = h("div", { class: "toasts", role: "status", "aria-live": "polite" });
  #spoken = h("div", { class: "spoken", "aria-live": "polite" });

  /**
   * @param {import("./texts.js").Texts} texts
   * @param {Element} root
   * @param {Record<string, {label: string, run: () => void}>} [remedies] what may be offered with a problem, by
   *   its code
   */
  constructor(texts, root, remedies = {}) {
    this.#texts = texts;
    this.#root = root;
    this.#remedies = remedies;
    root.append(this.#list, this.#spoken);
    // Above everything, an open dialog too, where the browser can.
    this.#list.popover = "manual";
  }

  /**
   * Shows a message.
   * @param {string} title
   * @param {string} [detail]
   * @param {"bad"|"good"|"plain"} [tone]
   * @param {{action?: {label: string, run: () => void}, testid?: string, about?: string}} [more] action: what
   *   can be done about it; about: what it leads to, for seen
   */
  show(title, detail = "", tone = "plain", more = {}) {
    const { action, testid = "toast", about = "" } = more;
    const act = () => {
      this.#drop(toast);
      action?.run();
    };
    const toast = h(
      "div",
      { class: `toast toast-${tone}`, data: { testid, about } },
      h("div", { class: "toast-text" }, h("strong", {}, title), detail && h("p", {}, detail)),
      action &&
        h(
          "button",
          { class: "toast-action", type: "button", data: { testid: "toast-action" }, on: { click: act } },
          action.label,
        ),
      h(
        "button",
        {
          class: "plain",
          type: "button",
          "aria-label": this.#texts.t("toast.close"),
          on: { click: () => this.#drop(toast) },
        },
        icon("close"),
      ),
    );
    const same = (/** @type {Element} */ other) => other.textContent === toast.textContent;
    for (const other of [...this.#list.children]) if (same(other)) other.remove();
    while (this.#list.children.length >= MOST_AT_ONCE) this.#list.firstElementChild?.remove();
    this.#list.append(toast);
    this.#raise();
    setTimeout(() => this.#drop(toast), SHOWN_MS);
  }

  /**
   * Shows what went wrong. Errors that are no answers of the API are defects and go to the console too.
   * @param {any} error
   */
  problem(error) {
    const { t } = this.#texts;
    if (!(error instanceof Problem)) {
      console.error(error);
      this.show(t("error.other"), String(error?.message ?? error), "bad");
      return;
    }
    const { title, text } = this.#texts.problem(error);
    this.show(title, text, "bad", { action: this.#remedies[error.code] });
  }

  /** Takes back the messages about something that is on the screen now. */
  seen(about) {
    const toasts = /** @type {HTMLElement[]} */ ([...this.#list.children]);
    for (const toast of toasts) if (about && toast.dataset.about === about) this.#drop(toast);
  }

  remove() {
    this.#list.remove();
    this.#spoken.remove();
  }

  /** Says something to screen readers. */
  announce(text) {
    fill(this.#spoken, text);
  }

  // An open dialog makes everything outside it inert: messages move into it, and out again when it closes.
  #raise() {
    const dialog = Array.from(document.querySelectorAll("dialog[open]")).at(-1);
    const home = dialog ?? this.#root;
    if (this.#list.parentNode !== home) {
      home.append(this.#list);
      dialog?.addEventListener("close", () => this.#list.parentNode === dialog && this.#raise(), { once: true });
    }
    if (!this.#list.children.length) return;
    this.#list.hidePopover?.();
    this.#list.showPopover?.();
  }

  #drop(toast) {
    toast.remove();
    if (!this.#list.children.length) this.#list.hidePopover?.();
  }
}
