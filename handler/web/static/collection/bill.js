// The bill of a collection: everybody's part, and who has paid it.

import { of } from "../core/changes.js";
import { fill, h, icon, setText } from "../core/dom.js";
import { paid, payers } from "./collections.js";
import { initial, tint } from "../core/people.js";
import { openSheet } from "../core/sheet.js";
import { doButton } from "../core/item.js";

/** The buttons of a collection: pay, for who owes; close, for the collector. prefix goes before their test ids. */
export function collectionActions(page, id, prefix = "") {
  const { texts, services } = page;
  const { t } = texts;
  const { collections, actions, toasts } = services;
  const pay = doButton(
    page,
    { class: "ticket-button strong", data: { testid: `${prefix}pay-${id}` } },
    "",
    async () => {
      const c = collections.get(id);
      const part = collections.owed(c);
      if (!part) return;
      await actions.collections.pay(id, part, c.currency);
      toasts.announce(t("collection.paid", { money: texts.money(part.amount, c.currency) }));
    },
  );
  const close = doButton(
    page,
    { class: "ticket-button", data: { testid: `${prefix}close-${id}` } },
    t("collection.close"),
    () => actions.collections.close(id),
  );
  const el = h("div", { class: "ticket-actions" }, close, pay);
  const update = (c) => {
    const owed = collections.owed(c);
    pay.hidden = !owed;
    if (owed) setText(pay, t("collection.pay", { money: texts.money(owed.amount, c.currency) }));
    close.hidden = !collections.mayClose(c);
    el.hidden = pay.hidden && close.hidden;
  };
  return { el, update };
}

/** @param {import("../core/page.js").Page} page @param {string} id */
export function openBill(page, id) {
  const { texts, services } = page;
  const { t } = texts;
  const { me, collections, changes, actions } = services;
  const collection = collections.get(id);
  if (!collection) return;
  const money = (minor) => texts.money(minor, collection.currency);
  const big = h("p", { class: "big-amount" });
  const progress = h("p", { class: "hint center" });
  const list = h("ul", { class: "parts" });
  const buttons = collectionActions(page, id, "bill-");

  const update = () => {
    const c = collections.get(id) ?? collection;
    fill(
      big,
      texts.pieces(c.total, c.currency).map((p) => h("span", { class: p.type }, p.text)),
    );
    const n = paid(c).length;
    const sum = t("collection.sum", { money: money(c.collected), total: money(c.due) });
    setText(progress, `${t("collection.progress", { n, m: payers(c).length })} · ${sum}`);
    const rank = { paid: 0, own: 1, claimed: 2, due: 3 };
    const parts = [...c.parts].sort(
      (a, b) => rank[a.state] - rank[b.state] || a.at - b.at || (a.user < b.user ? -1 : 1),
    );
    fill(
      list,
      parts.map((p) => partLine(page, c, p, money)),
    );
    buttons.update(c);
  };
  const unwatch = changes.watch(of("collection", id), update);
  openSheet(
    page,
    collection.collector === me
      ? t("collection.title_you")
      : t("collection.title", { name: texts.name(collection.collector) }),
    [
      big,
      h("p", { class: "center" }, collection.note || t("collection.no_note")),
      progress,
      list,
      h("div", { class: "bill-foot" }, buttons.el),
    ],
    null,
    { done: unwatch },
  );
  update();
  services.quietly(actions.collections.read(id));
}

function partLine({ texts, services }, collection, part, money) {
  const { t } = texts;
  const ended = collection.state === "closed" && part.state === "due";
  const state = ended ? "unpaid" : part.state;
  return h(
    "li",
    { class: `part part-${state}`, data: { testid: `part-${part.user}` } },
    h("span", { class: `avatar ${tint(part.user)}`, "aria-hidden": "true" }, initial(texts.name(part.user))),
    h(
      "span",
      { class: "line-text" },
      h("span", {}, part.user === services.me ? t("feed.You") : texts.name(part.user)),
      h("small", {}, part.state === "paid" ? texts.time(part.at, true) : ""),
    ),
    h("span", { class: "line-amount" }, h("strong", {}, money(part.amount)), h("small", {}, t(`part.${state}`))),
    h("span", { class: "part-sign", "aria-hidden": "true" }, part.state === "paid" && icon("check")),
  );
}
