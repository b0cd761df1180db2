// Messages that come and go, and what is said to screen readers.

import { Problem } from "./api.js";
import { fill, h, icon } from "./dom.js";

const SHOWN_MS = 6000;
const MOST_AT_ONCE = 3;

export class Toasts {
  #i18n;
  #list = h("div", { class: "toasts", role: "status", "aria-live": "polite" });
  #spoken = h("div", { class: "spoken", "aria-live": "polite" });

  constructor(i18n, root) {
    this.#i18n = i18n;
    root.append(this.#list, this.#spoken);
    // Above everything, an open dialog too, where the browser can.
    this.#list.popover = "manual";
  }

  /** Shows a message. tone: bad, good or plain. */
  show(title, detail = "", tone = "plain") {
    const toast = h(
      "div",
      { class: `toast toast-${tone}`, data: { testid: "toast" } },
      h("div", { class: "toast-text" }, h("strong", {}, title), detail && h("p", {}, detail)),
      h(
        "button",
        {
          class: "plain",
          type: "button",
          "aria-label": this.#i18n.t("toast.close"),
          on: { click: () => this.#drop(toast) },
        },
        icon("close"),
      ),
    );
    while (this.#list.children.length >= MOST_AT_ONCE) this.#list.firstElementChild.remove();
    this.#list.append(toast);
    // Shown anew, it comes above a dialog that was opened meanwhile.
    this.#list.hidePopover?.();
    this.#list.showPopover?.();
    setTimeout(() => this.#drop(toast), SHOWN_MS);
  }

  /** Shows what went wrong. Errors that are no answers of the API are defects and go to the console too. */
  problem(error) {
    const { t } = this.#i18n;
    if (!(error instanceof Problem)) {
      console.error(error);
      this.show(t("error.other"), String(error?.message ?? error), "bad");
      return;
    }
    if (error.status === 0) {
      this.show(t("error.no_answer"), t("error.no_answer_text"), "bad");
      return;
    }
    const key = `error.${error.code}`;
    this.show(t(this.#i18n.has(key) ? key : "error.other"), error.detail, "bad");
  }

  remove() {
    this.#list.remove();
    this.#spoken.remove();
  }

  /** Says something to screen readers. */
  announce(text) {
    fill(this.#spoken, text);
  }

  #drop(toast) {
    toast.remove();
    if (!this.#list.children.length) this.#list.hidePopover?.();
  }
}
