// The bill of a collection: everybody's part, and who has paid it.

import { fill, h, icon, setText } from "./dom.js";
import { paid, payers } from "./collections.js";
import { format, pieces } from "./money.js";
import { initial, tint } from "./people.js";
import { openSheet } from "./sheet.js";
import { doButton } from "./view-item.js";

/** The buttons of a collection: pay, for who owes; close, for the collector. prefix goes before their test ids. */
export function collectionActions(ctx, id, prefix = "") {
  const { t, store, social, toasts } = ctx;
  const pay = doButton(ctx, { class: "ticket-button strong", data: { testid: `${prefix}pay-${id}` } }, "", async () => {
    const c = store.collections.get(id);
    const part = store.collections.owed(c);
    if (!part) return;
    await social.pay(id, part, c.currency);
    toasts.announce(t("collection.paid", { money: format(part.amount, c.currency, ctx.lang) }));
  });
  const close = doButton(
    ctx,
    { class: "ticket-button", data: { testid: `${prefix}close-${id}` } },
    t("collection.close"),
    () => social.close(id),
  );
  const el = h("div", { class: "ticket-actions" }, close, pay);
  const update = (c) => {
    const owed = store.collections.owed(c);
    pay.hidden = !owed;
    if (owed) setText(pay, t("collection.pay", { money: format(owed.amount, c.currency, ctx.lang) }));
    close.hidden = !store.collections.mayClose(c);
    el.hidden = pay.hidden && close.hidden;
  };
  return { el, update };
}

export function openBill(ctx, id) {
  const { t, lang, store } = ctx;
  const collection = store.collections.get(id);
  if (!collection) return;
  const money = (minor) => format(minor, collection.currency, lang);
  const big = h("p", { class: "big-amount" });
  const progress = h("p", { class: "hint center" });
  const list = h("ul", { class: "parts" });
  const { el: actions, update: updateActions } = collectionActions(ctx, id, "bill-");

  const update = () => {
    const c = store.collections.get(id);
    fill(
      big,
      pieces(c.total, c.currency, lang).map((p) => h("span", { class: p.type }, p.text)),
    );
    const n = paid(c).length;
    const sum = t("collection.sum", { money: money(c.collected), total: money(c.due) });
    setText(progress, `${t("collection.progress", { n, m: payers(c).length })} · ${sum}`);
    const rank = { paid: 0, own: 1, claimed: 2, due: 3 };
    const parts = [...c.parts.values()].sort(
      (a, b) => rank[a.state] - rank[b.state] || a.at - b.at || (a.user < b.user ? -1 : 1),
    );
    fill(
      list,
      parts.map((p) => partLine(ctx, c, p, money)),
    );
    updateActions(c);
  };
  const unwatch = ctx.watch(update);
  openSheet(
    ctx,
    collection.collector === ctx.me
      ? t("collection.title_you")
      : t("collection.title", { name: ctx.name(collection.collector) }),
    [
      big,
      h("p", { class: "center" }, collection.note || t("collection.no_note")),
      progress,
      list,
      h("div", { class: "bill-foot" }, actions),
    ],
    null,
    { done: unwatch },
  );
  update();
  ctx.quietly(ctx.social.collection(id));
}

function partLine(ctx, collection, part, money) {
  const { t } = ctx;
  const ended = collection.state === "closed" && part.state === "due";
  const state = ended ? "unpaid" : part.state;
  return h(
    "li",
    { class: `part part-${state}`, data: { testid: `part-${part.user}` } },
    h("span", { class: `avatar ${tint(part.user)}`, "aria-hidden": "true" }, initial(ctx.name(part.user))),
    h(
      "span",
      { class: "line-text" },
      h("span", {}, part.user === ctx.me ? t("feed.You") : ctx.name(part.user)),
      h("small", {}, part.state === "paid" ? ctx.i18n.time(part.at, true) : ""),
    ),
    h("span", { class: "line-amount" }, h("strong", {}, money(part.amount)), h("small", {}, t(`part.${state}`))),
    h("span", { class: "part-sign", "aria-hidden": "true" }, part.state === "paid" && icon("check")),
  );
}
