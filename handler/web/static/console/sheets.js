// Sheets that ask before something is done, and that show a secret the one time it can be shown.

import { h, icon } from "../core/dom.js";
import { textInput } from "../core/form.js";
import { field, openSheet } from "../core/sheet.js";
import { copyable } from "./parts.js";

/** @typedef {import("./page.js").Page} Page */

export const MAX_REASON = 300;

/**
 * Asks whether something shall be done, and why.
 * @param {Page} page
 * @param {object} options
 * @param {string} options.title
 * @param {string} options.text what will happen
 * @param {string} options.go what the button says
 * @param {"none"|"optional"|"required"} [options.reason]
 * @param {boolean} [options.danger]
 * @param {string} [options.label] of the reason
 * @param {number} [options.most] characters of the reason
 * @param {any} [options.more] further controls
 * @param {(reason: string) => Promise<any>} options.run
 */
export function ask(page, options) {
  const { title, text, go, reason = "none", danger = false, label, most = MAX_REASON, more = null, run } = options;
  const { t } = page.texts;
  const why = field(
    label ?? t(reason === "required" ? "ask.reason" : "ask.reason_optional"),
    h("textarea", { rows: 3, maxlength: most, data: { testid: "reason" } }),
  );
  why.el.classList.add("tall");
  const submit = async () => {
    const said = why.input.value.trim().replace(/\s+/g, " ");
    if (reason === "required" && !said) {
      why.show(t("ask.reason_missing"));
      why.input.focus();
      return false;
    }
    await run(said);
    return true;
  };
  const button = h(
    "button",
    { class: `primary wide-button${danger ? " danger" : ""}`, data: { testid: "confirm" } },
    go,
  );
  openSheet(page, title, [h("p", { class: "sheet-text" }, text), more, reason !== "none" && why.el, button], submit);
  if (reason !== "none") why.input.focus();
}

/**
 * Shows a secret that is shown once. It may have been lost on the way: then it says what to do.
 * @param {Page} page
 * @param {{title: string, text: string, secret: string, lost: string}} options
 */
export function showSecret(page, { title, text, secret, lost }) {
  const { t } = page.texts;
  const content = secret
    ? [
        h("p", { class: "sheet-text" }, text),
        copyable(page, secret, t("secret.label"), { block: true, testid: "secret" }),
        h("p", { class: "notice-line" }, icon("shield"), t("secret.once")),
      ]
    : [h("p", { class: "sheet-text", role: "alert" }, lost)];
  const done = h("button", { class: "primary wide-button", data: { testid: "secret-done" } }, t("secret.done"));
  openSheet(page, title, [...content, done], async () => true);
}

/**
 * A line of text in a form, with its label and a hint.
 * @param {string} label
 * @param {string} testid
 * @param {Record<string, any>} [props]
 * @param {string} [hint]
 */
export function lineField(label, testid, props = {}, hint = "") {
  return field(
    label,
    textInput(testid, () => {}, props),
    hint ? h("p", { class: "field-hint" }, hint) : null,
  );
}

/**
 * A choice in a form.
 * @param {string} label
 * @param {string} testid
 * @param {{value: string, text: string}[]} options
 */
export function choiceField(label, testid, options, chosen = options[0]?.value, changed = () => {}) {
  const select = h(
    "select",
    { data: { testid }, on: { change: changed } },
    options.map(({ value, text }) => h("option", { value, selected: value === chosen }, text)),
  );
  return field(label, select);
}

/**
 * Choices of which any number may be made.
 * @param {string} label
 * @param {string} name
 * @param {{value: string, text: string, hint?: string}[]} options
 * @param {string[]} chosen
 */
export function checksField(label, name, options, chosen) {
  const error = h("p", { class: "field-error", role: "alert" });
  const el = h(
    "fieldset",
    { class: "checks" },
    h("legend", {}, label),
    options.map(({ value, text, hint }) =>
      h(
        "label",
        { class: "check" },
        h("input", {
          type: "checkbox",
          name,
          value,
          checked: chosen.includes(value),
          data: { testid: `${name}-${value}` },
        }),
        h("span", {}, text, hint && h("small", {}, hint)),
      ),
    ),
    error,
  );
  const inputs = () => /** @type {HTMLInputElement[]} */ ([...el.querySelectorAll("input")]);
  return {
    el,
    values: () => inputs().flatMap((input) => (input.checked ? [input.value] : [])),
    show: (text) => {
      error.textContent = text;
      if (text) inputs()[0].focus();
    },
  };
}
