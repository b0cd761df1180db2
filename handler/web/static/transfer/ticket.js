// A transfer in the conversation of its two sides: the card with the amount and the note, where it stands, and what one
// may do about it.

import { fill, h, icon, setText } from "../core/dom.js";
import { doButton, itemFrame } from "../core/item.js";

const SIGNS = {
  accepted: "clock",
  arriving: "clock",
  arrived: "check",
  declined: "return",
  expired: "return",
  recalled: "return",
};

/**
 * @param {import("../core/page.js").Page} page
 * @param {import("./transfers.js").Transfer} transfer
 */
export function transferItem(page, transfer) {
  const { texts, services } = page;
  const { t } = texts;
  const { transfers, actions } = services;
  const { id } = transfer;
  const mine = transfer.sender === services.me;
  const money = texts.money(transfer.amount, transfer.currency);
  const sign = h("span", { class: "ticket-sign", "aria-hidden": "true" });
  const state = h("span", { class: "ticket-state" });
  const clock = h("span", { class: "ticket-clock" });
  const step = (name, style) =>
    doButton(page, { class: style, data: { testid: `${name}-${id}` } }, t(`transfer.${name}`), () =>
      actions.transfers.step(id, name),
    );
  const accept = step("accept", "ticket-button strong");
  const decline = step("decline", "ticket-button");
  const recall = step("recall", "ticket-button");
  const buttons = h("div", { class: "ticket-actions" }, decline, accept, recall);
  const card = h(
    "article",
    { class: "ticket", data: { testid: `transfer-${id}` } },
    h(
      "div",
      { class: "ticket-top" },
      sign,
      h(
        "div",
        { class: "ticket-text" },
        h("strong", { class: "ticket-amount" }, money),
        h(
          "p",
          { class: "ticket-note" },
          transfer.note || t(mine ? "transfer.to" : "transfer.to_you", names(texts, transfer)),
        ),
      ),
    ),
    h("div", { class: "ticket-foot" }, h("p", { class: "ticket-line" }, state), clock, buttons),
  );
  const frame = itemFrame(page, transfer.sender, transfer.createdAt, card);

  let drawn = "";
  const update = (now) => {
    transfer = now;
    const standing = transfers.standing(transfer);
    if (standing !== drawn) draw(standing);
    tick();
  };

  const draw = (standing) => {
    drawn = standing;
    card.dataset.standing = standing;
    const may = transfers.may(transfer);
    fill(sign, icon(SIGNS[standing] ?? "transfer"));
    const words = t(`transfer.${standing}_${mine ? "sender" : "recipient"}`, names(texts, transfer));
    setText(state, words);
    const label = t(mine ? "transfer.label_mine" : "transfer.label", {
      ...names(texts, transfer),
      money,
      note: transfer.note,
      state: words,
    });
    card.setAttribute("aria-label", label);
    accept.hidden = decline.hidden = !may.answer;
    recall.hidden = !may.recall;
    buttons.hidden = !may.answer && !may.recall;
  };

  // The line that changes by itself: how long there is, or when it happened.
  const tick = () => {
    const deadline = transfers.deadline(transfer);
    const time = deadline ? texts.remaining(deadline - services.api.now()) : texts.time(transfer.changedAt);
    switch (drawn) {
      case "offered": {
        const later = transfer.arrivesIn !== "now" && t(`transfer.later_${transfer.arrivesIn}`);
        setText(clock, [t("transfer.expires", { time }), later].filter(Boolean).join(" · "));
        break;
      }
      case "accepted":
        setText(clock, t("transfer.arrives", { at: texts.time(transfer.arrivesAt), time }));
        break;
      case "arriving":
        setText(clock, "");
        break;
      default:
        setText(clock, time);
    }
  };
  return { ...frame, update, tick };
}

const names = (texts, { sender, to }) => ({ name: texts.name(sender), other: texts.name(to) });
