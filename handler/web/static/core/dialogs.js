// Dialogs and the way back: an open dialog is a step in the window's history, so that going back closes it and leaves
// the page beneath as it is.

import { again } from "./dom.js";

const STEP = "dialog"; // in the state of a dialog's entry of the history

export class Dialogs {
  /** @type {HTMLDialogElement[]} */
  #open = []; // the topmost last
  #isGone = false;
  #ignored = 0; // steps back that this page took itself
  #beneath = ""; // the address that the page's entry gets once the window is back there

  /**
   * Shows a dialog above everything. It closes on Escape, on its backdrop and by going back, and removes itself; done
   * runs after that. The focus returns to where it was, also where that was drawn anew meanwhile; where that is not
   * shown any more, it goes to where the page that came instead begins (data-entry), once that is drawn.
   * @param {HTMLDialogElement} dialog
   * @param {() => void} [done]
   */
  show(dialog, done = () => {}) {
    const before = /** @type {HTMLElement|null} */ (document.activeElement);
    dialog.addEventListener("pointerdown", (e) => {
      if (e.target === dialog) dialog.close();
    });
    dialog.addEventListener("close", () => {
      this.#closed(dialog);
      dialog.remove();
      done();
      if (before) setTimeout(() => comeBack(before)); // what changed before is drawn by then
    });
    this.#open.push(dialog);
    history.pushState({ step: STEP }, "");
    document.body.append(dialog);
    dialog.showModal();
  }

  /** Whether the window stands at a dialog's entry of the history: what leads elsewhere takes the entry's place. */
  get isStep() {
    return history.state?.step === STEP;
  }

  /**
   * Gives the page another address, in its own entry of the history: while dialogs are open the window stands at
   * theirs, which stay steps.
   * @param {string} url
   */
  replace(url) {
    this.#beneath = this.isStep && this.#open.length ? url : "";
    history.replaceState(this.#beneath ? { step: STEP } : null, "", url);
  }

  /** The window went back or forward. Returns whether that concerned dialogs alone. */
  moved() {
    const own = this.#ignored > 0;
    if (own) this.#ignored--;
    const top = own ? undefined : this.#open.pop();
    if (this.#beneath && !this.#open.length && !this.isStep) {
      history.replaceState(null, "", this.#beneath);
      this.#beneath = "";
    }
    top?.close();
    return own || top !== undefined;
  }

  /** Closes all dialogs, for a page that ends: the history is left to whoever comes next. */
  end() {
    this.#isGone = true;
    for (const dialog of [...this.#open]) dialog.close();
  }

  /** @param {HTMLDialogElement} dialog */
  #closed(dialog) {
    if (!this.#open.includes(dialog)) return; // by going back
    this.#open = this.#open.filter((other) => other !== dialog);
    if (this.#isGone || !this.isStep) {
      this.#beneath = "";
      return;
    }
    this.#ignored++;
    history.back();
  }
}

/** @param {HTMLElement} before what had the focus before the dialog */
function comeBack(before) {
  if (document.activeElement !== document.body || before.checkVisibility()) return;
  const places = [again(before), document.querySelector("[data-entry]")];
  const next = places.find((place) => place?.checkVisibility());
  /** @type {HTMLElement|undefined} */ (next)?.focus({ preventScroll: true });
}
