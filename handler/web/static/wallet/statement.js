// Lines of the wallet's lists, and what an entry of the statement was for.

import { h, icon } from "../core/dom.js";
import { initial, tint } from "../core/people.js";

const SIGNS = { topup: "plus", withdrawal: "out", void: "return", transfer: "transfer", collection: "collect" };

/**
 * @param {object} parts
 * @param {HTMLElement} parts.sign
 * @param {string} parts.title
 * @param {string} parts.text
 * @param {string} parts.amount
 * @param {string} parts.under what stands below the amount
 * @param {string} [parts.tone] in or out
 * @param {HTMLButtonElement|null} [parts.open] a button that leads to what the line is about; the line goes into it
 */
export function line({ sign, title, text, amount, under, tone = "", open = null }) {
  const content = [
    sign,
    h("span", { class: "line-text" }, h("span", {}, title), h("small", {}, text)),
    h("span", { class: "line-amount" }, h("strong", {}, amount), h("small", {}, under)),
  ];
  open?.append(...content);
  return h("li", { class: `line ${tone}` }, open ?? content);
}

/** @typedef {import("../core/texts.js").Texts} Texts */

/** @param {Texts} texts @param {string} id a user */
export const face = (texts, id) =>
  h("span", { class: `avatar ${tint(id)}`, "aria-hidden": "true" }, initial(texts.name(id)));
export const sign = (name) =>
  h("span", { class: `line-sign sign-${name}`, "aria-hidden": "true" }, icon(SIGNS[name] ?? "packet"));
export const joined = (...parts) => parts.filter(Boolean).join(" · ");

/** What an entry was for, with the other side where there is one. @param {Texts} texts */
export function entryTitle(texts, { kind, subject, counterparty }) {
  const { t, has } = texts;
  const name = counterparty && texts.name(counterparty);
  const key = subject === "funding" ? `entry.${kind}` : `entry.${subject}_${kind}`;
  if (name && has(`${key}_name`)) return t(`${key}_name`, { name });
  if (has(key)) return t(key);
  return joined(`${subject} ${kind}`, name); // something newer than this page
}

/**
 * @param {Texts} texts
 * @param {string} currency
 * @param {(subject: string, reference: string) => HTMLButtonElement|null} opener
 */
export function entryLine(texts, entry, currency, opener) {
  const { kind, subject, counterparty } = entry;
  const plain = subject === "envelope" || kind === "void" || subject === "funding" ? kind : subject;
  return line({
    sign: kind === "post" && counterparty ? face(texts, counterparty) : sign(plain),
    title: entryTitle(texts, entry),
    text: joined(texts.time(entry.at), entry.note),
    amount: texts.signed(entry.amount, currency),
    under: texts.t("wallet.balance_after", { money: texts.money(entry.balance, currency) }),
    tone: entry.amount > 0 ? "in" : "out",
    open: opener(subject, entry.reference),
  });
}
