// A red envelope in the chat: the card, and below it one line that follows who opened it.

import { fill, h, icon, setText } from "../core/dom.js";
import { initial, tint } from "../core/people.js";
import { takeOf } from "./envelopes.js";
import { itemFrame } from "../core/item.js";

/** @typedef {import("../core/page.js").Page} Page */

const SOON_MS = 60 * 60_000;
const FACES = 5; // avatars of takers on the card

/**
 * @param {Page} page
 * @param {import("./envelopes.js").Envelope} envelope
 */
export function cardItem(page, envelope) {
  const { texts, nav, services } = page;
  const { t } = texts;
  const greeting = texts.greeting(envelope.greeting);
  const sign = h("span", { class: "card-sign" });
  const state = h("span", { class: "card-state" });
  const progress = h("span", { class: "card-progress" });
  const clock = h("span", { class: "card-clock" });
  const faces = h("span", { class: "faces", "aria-hidden": "true" });
  const caption = h("p", { class: "caption" });
  const card = h(
    "button",
    {
      class: "card",
      type: "button",
      data: { testid: `card-${envelope.id}`, kind: envelope.kind },
      on: { click: () => nav.openEnvelope(envelope.id) },
    },
    h(
      "span",
      { class: "card-top" },
      sign,
      h(
        "span",
        { class: "card-text" },
        h("span", { class: "spoken" }, `${page.texts.t("packet.from", { name: texts.name(envelope.sender) })}: `),
        h("span", { class: "card-greeting" }, greeting),
        state,
      ),
    ),
    h(
      "span",
      { class: "card-foot" },
      h("span", {}, t(`kind.${envelope.kind}`)),
      progress,
      clock,
      h("span", { class: "grow" }),
      faces,
    ),
  );
  const { el, stamped } = itemFrame(page, envelope.sender, envelope.createdAt, card, caption);

  // How long it can still be opened, once that is less than an hour.
  const tick = () => {
    const left = envelope.expiresAt - services.api.now();
    const counts = left > 0 && left < SOON_MS && services.envelopes.state(envelope) === "open";
    setText(clock, counts ? t("card.left", { time: texts.remaining(left) }) : "");
  };
  let drawn = "";
  const update = (now) => {
    envelope = now;
    tick();
    const standing = services.envelopes.standing(envelope);
    const list = envelope.taken;
    const { looks } = services;
    const look = [standing, list.length, envelope.best, envelope.refunded, looks.key(envelope.cover)].join();
    if (look === drawn) return;
    drawn = look;
    card.dataset.standing = standing;
    const closed = standing === "open" || standing === "reserved";
    fill(sign, looks.card(card, envelope.cover) ?? icon(closed ? "packet" : "opened"));
    const words = stateText(page, envelope, standing);
    setText(state, words);
    setText(progress, `${list.length}/${envelope.count}`);
    fill(
      faces,
      list.slice(-FACES).map((take) => h("i", { class: tint(take.user) }, initial(texts.name(take.user)))),
    );
    fill(caption, captionText(page, envelope));
    caption.hidden = !caption.childNodes.length;
  };
  return { el, stamped, update, tick };
}

function stateText({ texts, services }, envelope, standing) {
  const { t } = texts;
  switch (standing) {
    case "won":
      return t("card.won", { money: texts.money(services.envelopes.mine(envelope).amount, envelope.currency) });
    case "reserved":
      return t("card.reserved", { name: texts.name(envelope.to) });
    case "open":
      return t(envelope.kind === "exclusive" ? "card.for_you" : "card.open");
  }
  return t(`card.${standing}`);
}

// Who opened it, oneself first; then the best luck, or what went back.
function captionText({ texts, services }, envelope) {
  const { t } = texts;
  const { me } = services;
  const parts = [];
  const users = envelope.taken.map((take) => take.user).sort((a, b) => Number(b === me) - Number(a === me));
  const who = users.map((user, i) => (user === me ? t(i ? "feed.you" : "feed.You") : texts.name(user)));
  const more = { name: who[0], other: who[1], n: who.length - 2, all: who.length };
  if (who.length === 1) parts.push(users[0] === me ? t("feed.opened_you") : t("feed.opened_one", more));
  else if (who.length === 2) parts.push(t("feed.opened_two", more));
  else if (who.length > 2) parts.push(t("feed.opened_more", more));
  const best = envelope.best && envelope.kind === "lucky" && envelope.count > 1 && takeOf(envelope, envelope.best);
  if (best) {
    const name = best.user === me ? t("feed.you") : texts.name(best.user);
    parts.push(
      h(
        "span",
        { class: "caption-best" },
        icon("crown"),
        t("feed.best", { name, money: texts.money(best.amount, envelope.currency) }),
      ),
    );
  }
  if (envelope.refunded) {
    const name = envelope.sender === me ? t("feed.you") : texts.name(envelope.sender);
    parts.push(t("feed.refunded", { money: texts.money(envelope.refunded, envelope.currency), name }));
  }
  return parts.map((part) => (typeof part === "string" ? h("span", {}, part) : part));
}
