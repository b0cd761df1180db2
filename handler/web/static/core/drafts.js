// What was typed into forms that were closed without sending. It is kept as long as the page, and typed in again when
// the same form opens.

import { newRequestId } from "./api.js";

/** @typedef {{id: string, value: string, checked: boolean|undefined}[]} Values */

export class Drafts {
  /** @type {Map<string, {requestId: string, values: Values}>} */
  #all = new Map();

  /**
   * The request id of a form. It stays the same until the form was sent, however often it is closed and opened: what was
   * sent while its answer got lost is not sent twice.
   * @param {string} key
   */
  requestId(key) {
    const known = this.#all.get(key);
    if (known) return known.requestId;
    const requestId = newRequestId();
    this.#all.set(key, { requestId, values: [] });
    return requestId;
  }

  /** Keeps what stands in a form's controls. @param {string} key @param {HTMLElement} form */
  keep(key, form) {
    const values = controls(form).map((control) => ({
      id: idOf(control),
      value: control.value,
      checked: isChoice(control) ? control.checked : undefined,
    }));
    this.#all.set(key, { requestId: this.requestId(key), values });
  }

  /** Types what was kept into a form. A choice may bring further controls, which come after it. @param {string} key */
  restore(key, form) {
    for (const { id, value, checked } of this.#all.get(key)?.values ?? []) {
      const control = controls(form).find((c) => idOf(c) === id);
      if (!control || (checked === undefined ? control.value === value : control.checked === checked)) continue;
      if (checked === undefined) control.value = value;
      else control.checked = checked;
      control.dispatchEvent(new Event(control.matches("select, [type=radio], [type=checkbox]") ? "change" : "input"));
    }
  }

  /** Forgets a form that was sent. @param {string} key */
  drop(key) {
    this.#all.delete(key);
  }
}

/** @param {HTMLElement} form @returns {HTMLInputElement[]} */
const controls = (form) => Array.from(form.querySelectorAll("input, select, textarea"));

/** @param {HTMLInputElement} control */
const isChoice = (control) => control.type === "radio" || control.type === "checkbox";

/** What tells the controls of a form apart: a choice by its name and value, the rest by their test ids. */
const idOf = (control) =>
  control.type === "radio" ? `${control.name} ${control.value}` : (control.dataset.testid ?? control.name);
