// Lines of the wallet's lists, and what an entry of the statement was for.

import { h, icon } from "./dom.js";
import { format, formatSigned } from "./money.js";
import { initial, tint } from "./people.js";

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

export const face = (ctx, id) =>
  h("span", { class: `avatar ${tint(id)}`, "aria-hidden": "true" }, initial(ctx.name(id)));
export const sign = (name) =>
  h("span", { class: `line-sign sign-${name}`, "aria-hidden": "true" }, icon(SIGNS[name] ?? "packet"));
export const joined = (...parts) => parts.filter(Boolean).join(" · ");

/** What an entry was for, with the other side where there is one. */
export function entryTitle(ctx, { kind, subject, counterparty }) {
  const { t, i18n } = ctx;
  const name = counterparty && ctx.name(counterparty);
  const key = subject === "funding" ? `entry.${kind}` : `entry.${subject}_${kind}`;
  if (name && i18n.has(`${key}_name`)) return t(`${key}_name`, { name });
  if (i18n.has(key)) return t(key);
  return joined(`${subject} ${kind}`, name); // something newer than this page
}

export function entryLine(ctx, entry, currency) {
  const { t, lang } = ctx;
  const { kind, subject, counterparty } = entry;
  const plain = subject === "envelope" || kind === "void" || subject === "funding" ? kind : subject;
  return line(
    kind === "post" && counterparty ? face(ctx, counterparty) : sign(plain),
    entryTitle(ctx, entry),
    joined(entry.note, ctx.i18n.time(entry.at)),
    formatSigned(entry.amount, currency, lang),
    t("wallet.balance_after", { money: format(entry.balance, currency, lang) }),
    entry.amount > 0 ? "in" : "out",
  );
}
