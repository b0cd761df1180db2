// Help for forms: an amount with its currency, and what is wrong said where it is, once somebody has typed there.

import { attribute, h, setText } from "./dom.js";
import { CURRENCIES, digits, parse, toInput } from "./money.js";
import { field } from "./sheet.js";

/** The sentence of a rule of rules.js. */
export function ruleText(texts, rule, currency) {
  const money = (minor) => texts.money(minor, currency);
  return texts.t(rule.key, {
    ...rule,
    currency,
    digits: digits(currency),
    unit: money(1),
    ...(rule.money !== undefined && { money: money(rule.money), typed: toInput(rule.money, currency) }),
    ...(rule.each && { each: money(rule.each) }),
  });
}

/** A line of text. changed runs at each change and when it is left. */
export function textInput(testid, changed, props = {}) {
  return h("input", {
    type: "text",
    autocomplete: "off",
    data: { testid },
    ...props,
    on: { input: changed, blur: changed },
  });
}

/** A choice of currency that follows what one has: the first that there is money in. */
export function currencySelect({ texts, services }, testid, changed) {
  const owned = services.balances
    .list()
    .filter((b) => b.amount > 0)
    .map((b) => b.currency);
  const chosen = owned.length && !owned.includes("CNY") ? owned[0] : "CNY";
  const codes = [...new Set([...CURRENCIES, ...owned])];
  return h(
    "select",
    { class: "currency", "aria-label": texts.t("compose.currency"), data: { testid }, on: { change: changed } },
    codes.map((code) => h("option", { value: code, selected: code === chosen }, code)),
  );
}

/** An amount and its currency. read() is what money.parse says of it. */
export function moneyField(page, label, testids, changed) {
  const currency = currencySelect(page, testids.currency, changed);
  const input = textInput(testids.amount, changed, { inputmode: "decimal", autofocus: true, "aria-label": label });
  const made = field(label, h("span", { class: "money-input" }, input, currency));
  return {
    ...made,
    currency,
    read: () => parse(input.value, currency.value),
    refresh: () => attribute(input, "placeholder", toInput(0, currency.value)),
  };
}

/** What is wrong with each field, shown from the moment that something was typed there, or all of it was submitted. */
export class Checks {
  #texts;
  #fields;
  #touched = new Set();

  /**
   * @param {import("./texts.js").Texts} texts
   * @param {Record<string, {input: HTMLInputElement, show: (text: string) => void}>} fields
   */
  constructor(texts, fields) {
    this.#texts = texts;
    this.#fields = fields;
  }

  touch(name) {
    if (this.#fields[name].input.value !== "") this.#touched.add(name);
  }

  /** @param {Record<string, object>} wrong rules by field */
  show(wrong, currency) {
    for (const [name, { show }] of Object.entries(this.#fields)) {
      const rule = this.#touched.has(name) ? wrong[name] : null;
      show(rule ? ruleText(this.#texts, rule, currency) : "");
    }
  }

  /** Shows everything that is wrong, and goes to the first of it. Returns whether nothing is. */
  pass(wrong, currency) {
    for (const name of Object.keys(this.#fields)) this.#touched.add(name);
    this.show(wrong, currency);
    const first = Object.keys(this.#fields).find((name) => wrong[name]);
    if (first) this.#fields[first].input.focus();
    return !first;
  }
}

/** Choices side by side. */
export function segments(name, label, options, changed) {
  const el = h(
    "fieldset",
    { class: "kinds" },
    h("legend", { class: "spoken" }, label),
    options.map(({ value, text, testid, checked }, i) =>
      h(
        "label",
        { class: "kind", data: { testid } },
        h("input", { type: "radio", name, value, checked: checked ?? i === 0, on: { change: changed } }),
        h("span", {}, text),
      ),
    ),
  );
  el.style.setProperty("--choices", options.length);
  return { el, value: () => /** @type {HTMLInputElement} */ (el.querySelector("input:checked")).value };
}

/**
 * A line that says what one has of a currency. Where that is not enough, the button that would send cannot be pressed, and
 * the line leads to more.
 * @param {import("./page.js").Page} page
 * @param {HTMLButtonElement} send
 */
export function ownedLine({ texts, nav, services }, send) {
  const text = h("span", {});
  const more =
    services.dev &&
    h(
      "button",
      { class: "link", type: "button", data: { testid: "form-topup" }, on: { click: nav.topUp } },
      texts.t("nav.topup"),
    );
  const el = h("p", { class: "hint center owned", role: "status" }, text, more);
  /** @param {number} minor what is to be sent @param {string} currency */
  const show = (minor, currency) => {
    const have = services.balances.of(currency);
    const isShort = minor > have;
    const money = texts.money(have, currency);
    setText(text, texts.t(isShort ? "compose.short" : "compose.balance", { money }));
    el.classList.toggle("bad", isShort);
    if (more) more.hidden = !isShort;
    send.disabled = isShort;
  };
  return { el, show };
}
