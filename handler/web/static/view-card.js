// A red envelope in the chat: the card, and below it one line that follows who opened it.

import { fill, h, icon, setText } from "./dom.js";
import { format } from "./money.js";
import { initial, tint } from "./people.js";
import { takes } from "./store.js";
import { itemFrame } from "./view-item.js";

const FACES = 5; // avatars of takers on the card

export function cardItem(ctx, envelope) {
  const { t, store } = ctx;
  const greeting = envelope.greeting || t("compose.default_greeting");
  const sign = h("span", { class: "card-sign" });
  const state = h("span", { class: "card-state" });
  const progress = h("span", { class: "card-progress" });
  const faces = h("span", { class: "faces", "aria-hidden": "true" });
  const caption = h("p", { class: "caption" });
  const card = h(
    "button",
    {
      class: "card",
      type: "button",
      data: { testid: `card-${envelope.id}`, kind: envelope.kind },
      on: { click: () => ctx.open(envelope.id) },
    },
    h(
      "span",
      { class: "card-top" },
      sign,
      h("span", { class: "card-text" }, h("span", { class: "card-greeting" }, greeting), state),
    ),
    h(
      "span",
      { class: "card-foot" },
      h("span", {}, t(`kind.${envelope.kind}`)),
      progress,
      h("span", { class: "grow" }),
      faces,
    ),
  );
  const { el, stamped } = itemFrame(ctx, envelope.sender, envelope.createdAt, card, caption);

  let drawn = "";
  const update = () => {
    const standing = store.standing(envelope);
    const list = takes(envelope);
    // Many cards are asked to update at each event; only the one that it concerns is drawn again.
    const now = [standing, list.length, envelope.best, envelope.refunded].join();
    if (now === drawn) return;
    drawn = now;
    card.dataset.standing = standing;
    fill(sign, icon(standing === "open" || standing === "reserved" ? "packet" : "opened"));
    const words = stateText(ctx, envelope, standing);
    setText(state, words);
    setText(progress, `${list.length}/${envelope.count}`);
    fill(
      faces,
      list.slice(-FACES).map((take) => h("i", { class: tint(take.user) }, initial(ctx.name(take.user)))),
    );
    card.setAttribute(
      "aria-label",
      t("card.label", { name: ctx.name(envelope.sender), greeting, state: words, n: list.length, m: envelope.count }),
    );
    fill(caption, captionText(ctx, envelope, list));
    caption.hidden = !caption.childNodes.length;
  };
  return { el, stamped, update };
}

function stateText(ctx, envelope, standing) {
  const { t, lang, me } = ctx;
  switch (standing) {
    case "won":
      return t("card.won", { money: format(envelope.taken.get(me).amount, envelope.currency, lang) });
    case "reserved":
      return t("card.reserved", { name: ctx.name(envelope.to) });
    case "open":
      return t(envelope.kind === "exclusive" ? "card.for_you" : "card.open");
  }
  return t(`card.${standing}`);
}

// Who opened it, oneself first; then the best luck, or what went back.
function captionText(ctx, envelope, list) {
  const { t, lang, me } = ctx;
  const parts = [];
  const users = list.map((take) => take.user).sort((a, b) => Number(b === me) - Number(a === me));
  const who = users.map((user, i) => (user === me ? t(i ? "feed.you" : "feed.You") : ctx.name(user)));
  const more = { name: who[0], other: who[1], n: who.length - 2, all: who.length };
  if (who.length === 1) parts.push(users[0] === me ? t("feed.opened_you") : t("feed.opened_one", more));
  else if (who.length === 2) parts.push(t("feed.opened_two", more));
  else if (who.length > 2) parts.push(t("feed.opened_more", more));
  const best = envelope.best && envelope.kind === "lucky" && envelope.count > 1 && envelope.taken.get(envelope.best);
  if (best) {
    const name = best.user === me ? t("feed.you") : ctx.name(best.user);
    parts.push(
      h(
        "span",
        { class: "caption-best" },
        icon("crown"),
        t("feed.best", { name, money: format(best.amount, envelope.currency, lang) }),
      ),
    );
  }
  if (envelope.refunded) {
    const name = envelope.sender === me ? t("feed.you") : ctx.name(envelope.sender);
    parts.push(t("feed.refunded", { money: format(envelope.refunded, envelope.currency, lang), name }));
  }
  return parts.map((part) => (typeof part === "string" ? h("span", {}, part) : part));
}
