// A sheet: a dialog with a title and a form, from the bottom on a phone, in the middle on a desktop.

import { fill, h, icon } from "./dom.js";

/**
 * @param {import("./page.js").Ground} page
 * @param {string} title
 * @param {(Node|false|null)[]} content
 * @param {(() => Promise<boolean>)|null} onSubmit returns whether the sheet may close; while it
 *   runs, nothing is submitted again
 * @param {{wide?: boolean, draft?: string, done?: () => void}} [options] draft: the key under which what was typed is
 *   kept when the sheet closes without having been sent
 * @returns {HTMLDialogElement}
 */
export function openSheet({ texts, services }, title, content, onSubmit, { wide = false, draft = "", done } = {}) {
  let busy = false;
  let isSent = false;
  const submit = async (event) => {
    event.preventDefault();
    if (busy || !onSubmit) return;
    busy = true;
    dialog.setAttribute("aria-busy", "true");
    try {
      if (!(await onSubmit())) return;
      isSent = true;
      dialog.close();
    } catch (problem) {
      services.toasts.problem(problem);
    } finally {
      busy = false;
      dialog.removeAttribute("aria-busy");
    }
  };
  const form = h("form", { class: "sheet-body", novalidate: true, on: { submit } }, content);
  const dialog = h(
    "dialog",
    { class: wide ? "sheet wide" : "sheet", "aria-label": title },
    h(
      "header",
      { class: "sheet-head" },
      h("h2", {}, title),
      h(
        "button",
        {
          class: "plain",
          type: "button",
          "aria-label": texts.t("packet.close"),
          data: { testid: "close" },
          on: { click: () => dialog.close() },
        },
        icon("close"),
      ),
    ),
    form,
  );
  services.dialogs.show(dialog, () => {
    if (draft && isSent) services.drafts.drop(draft);
    else if (draft) services.drafts.keep(draft, form);
    done?.();
  });
  if (draft) services.drafts.restore(draft, form);
  /** @type {HTMLElement|null} */ (dialog.querySelector("[autofocus]"))?.focus();
  return dialog;
}

/**
 * A labelled control with a place for what is wrong with it. show(text) says it, show("") takes it back.
 * @param {string} label
 * @param {HTMLElement} control
 * @param {Node|null} [hint]
 */
export function field(label, control, hint = null) {
  const error = h("p", { class: "field-error", role: "alert" });
  const el = h(
    "div",
    { class: "field" },
    h("label", { class: "field-row" }, h("span", { class: "field-label" }, label), control),
    hint,
    error,
  );
  const controls = "input, select, textarea";
  const input = /** @type {HTMLInputElement} */ (control.matches(controls) ? control : control.querySelector(controls));
  const show = (text) => {
    fill(error, text);
    input.setAttribute("aria-invalid", text ? "true" : "false");
    el.classList.toggle("wrong", Boolean(text));
  };
  return { el, input, show };
}
