// A message in the chat, with what it answers or is about, and a way to answer it.

import { h, icon } from "../core/dom.js";
import { itemFrame } from "../core/item.js";

const EMOJI_ONLY = /^(?:\p{Extended_Pictographic}[\p{Emoji_Modifier}\u200d\ufe0f\p{Extended_Pictographic}]*\s?){1,3}$/u;

/**
 * @param {import("../core/page.js").Page} page
 * @param {import("./messages.js").Message} message
 */
export function bubbleItem(page, message) {
  const { texts, services } = page;
  const { t } = texts;
  const reply = h(
    "button",
    {
      class: "bubble-reply",
      type: "button",
      title: t("message.reply"),
      "aria-label": `${t("message.reply")}: ${message.text.slice(0, 40)}`,
      on: { click: () => services.reply.begin(message) },
    },
    icon("return"),
  );
  const big = EMOJI_ONLY.test(message.text);
  const bubble = h(
    "div",
    { class: big ? "bubble big" : "bubble", data: { testid: `message-${message.id}` } },
    quoteOf(page, message),
    h("p", { class: "bubble-text" }, message.text),
  );
  const row = h("div", { class: "bubble-row" }, bubble, reply);
  return { ...itemFrame(page, message.sender, message.createdAt, row), update: () => {} };
}

// What it answers, or the envelope that it is about, as a button that leads there.
function quoteOf({ texts, nav, services }, { replyTo, about }) {
  const { t } = texts;
  const answered = services.messages.get(replyTo);
  if (answered) {
    const there = () => {
      const el = document.querySelector(`[data-testid="message-${CSS.escape(replyTo)}"]`);
      el?.scrollIntoView({ block: "center", behavior: "smooth" });
    };
    return h(
      "button",
      { class: "bubble-quote", type: "button", on: { click: there } },
      h("strong", {}, texts.name(answered.sender)),
      h("span", {}, answered.text),
    );
  }
  const envelope = about && services.envelopes.get(about);
  if (!envelope) return null;
  return h(
    "button",
    { class: "bubble-quote", type: "button", on: { click: () => nav.openEnvelope(about) } },
    icon("packet"),
    h("span", {}, t("packet.from", { name: texts.name(envelope.sender) })),
  );
}
