// A collection in its group's chat: the bill, how far it is, and what one may do about it. A click shows who paid.

import { attribute, fill, h, icon, setText } from "../core/dom.js";
import { paid, payers } from "./collections.js";
import { initial, tint } from "../core/people.js";
import { itemFrame } from "../core/item.js";
import { collectionActions } from "./bill.js";

const FACES = 6;

/**
 * @param {import("../core/page.js").Page} page
 * @param {import("./collections.js").Collection} collection
 */
export function collectionItem(page, collection) {
  const { texts, nav } = page;
  const { t } = texts;
  const { id, collector } = collection;
  const money = (minor) => texts.money(minor, collection.currency);
  const sign = h("span", { class: "ticket-sign", "aria-hidden": "true" });
  const amount = h("strong", { class: "ticket-amount" });
  const bar = h("progress", { max: "1", value: "0" });
  const count = h("span", {});
  const sum = h("span", { class: "ticket-clock" });
  const faces = h("span", { class: "faces", "aria-hidden": "true" });
  const standing = h("p", { class: "ticket-line" });
  const { el: actions, update: updateActions } = collectionActions(page, id);
  const main = h(
    "button",
    { class: "ticket-main", type: "button", on: { click: () => nav.openBill(id) } },
    h(
      "span",
      { class: "ticket-top" },
      sign,
      h(
        "span",
        { class: "ticket-text" },
        h("span", { class: "spoken" }, `${t("collection.by", { name: texts.name(collector) })}: `),
        amount,
        h("span", { class: "ticket-note" }, collection.note || t("collection.no_note")),
      ),
    ),
    h("span", { class: "ticket-progress" }, bar, h("span", { class: "ticket-row" }, count, faces), sum),
  );
  const card = h(
    "article",
    { class: "ticket collection", data: { testid: `collection-${id}` } },
    main,
    h("div", { class: "ticket-foot" }, standing, actions),
  );
  const frame = itemFrame(page, collector, collection.createdAt, card);

  let drawn = "";
  const update = (c) => {
    const list = payers(c);
    const have = paid(c);
    const words = standingText(page, c);
    const now = [c.state, c.collected, have.length, list.length, words.text].join();
    if (now === drawn) return;
    drawn = now;
    card.dataset.standing = words.standing;
    fill(sign, icon(c.state === "complete" ? "check" : "collect"));
    setText(amount, money(c.total));
    attribute(bar, "value", c.due ? c.collected / c.due : 1);
    const progress = t("collection.progress", { n: have.length, m: list.length });
    setText(count, progress);
    attribute(bar, "aria-label", progress);
    setText(sum, t("collection.sum", { money: money(c.collected), total: money(c.due) }));
    fill(
      faces,
      have.slice(-FACES).map((p) => h("i", { class: tint(p.user) }, initial(texts.name(p.user)))),
    );
    setText(standing, words.text);
    standing.classList.toggle("overdue", words.standing === "overdue");
    updateActions(c);
  };
  return { ...frame, update };
}

// What it is for me.
function standingText({ texts, services }, collection) {
  const { t } = texts;
  const { me, collections } = services;
  const part = collections.mine(collection);
  const owed = collections.owed(collection);
  const say = (standing, params) => ({ standing, text: t(`collection.${standing}`, params) });
  const money = part && texts.money(part.amount, collection.currency);
  if (part?.state === "paid") return say("paid", { money });
  if (owed)
    return say(collections.overdue(collection) ? "overdue" : owed.state, {
      money,
      name: texts.name(collection.collector),
    });
  if (collection.state !== "open") return say(collection.state);
  return collection.collector === me ? say("collecting") : say("watching");
}
