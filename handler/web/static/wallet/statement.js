// Lines of the wallet's lists, and what an entry of the statement was for.

import { h, icon } from "../core/dom.js";
import { initial, tint } from "../core/people.js";

const SIGNS = { topup: "plus", withdrawal: "out", void: "return", transfer: "transfer", collection: "collect" };

export function line(sign, title, text, amount, under, tone = "") {
  return h(
    "li",
    { class: `line ${tone}` },
    sign,
    h("span", { class: "line-text" }, h("span", {}, title), h("small", {}, text)),
    h("span", { class: "line-amount" }, h("strong", {}, amount), h("small", {}, under)),
  );
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

/** @param {Texts} texts @param {string} currency */
export function entryLine(texts, entry, currency) {
  const { kind, subject, counterparty } = entry;
  const plain = subject === "envelope" || kind === "void" || subject === "funding" ? kind : subject;
  return line(
    kind === "post" && counterparty ? face(texts, counterparty) : sign(plain),
    entryTitle(texts, entry),
    joined(entry.note, texts.time(entry.at)),
    texts.signed(entry.amount, currency),
    texts.t("wallet.balance_after", { money: texts.money(entry.balance, currency) }),
    entry.amount > 0 ? "in" : "out",
  );
}
