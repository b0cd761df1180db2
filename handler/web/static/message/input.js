// Where one writes: a field that grows, emoji, and what is being answered.

import { newRequestId } from "../core/api.js";
import { fill, h, icon, setText } from "../core/dom.js";

const MOST = 1000; // characters
const HIGHEST_PX = 120;
const EMOJI =
  "😀 😂 🥰 😍 😎 🤔 😭 😅 🙏 👍 👏 💪 ❤️ 🎉 🎊 🧧 💰 🐉 🐎 🍀 🌹 🎂 🍻 🍵 🥟 🏮 🎆 🌟 ✨ 🔥 🤣 😘 😴 🙈 👋 🤝 ✅ ❓ 💯 🚀".split(
    " ",
  );

/** @param {import("../core/page.js").Page} page */
export function messageInput(page) {
  const { texts, nav, services } = page;
  const { t } = texts;
  const { actions, toasts } = services;
  let shown = "";
  let answers = ""; // the id of the message that is answered
  let failed = { said: "", requestId: "" };

  const grow = () => {
    if (/^\n+$/.test(field.value)) field.value = ""; // what a keyboard that sends by itself may leave behind
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight, HIGHEST_PX)}px`;
    send.hidden = field.value.trim() === "";
  };
  const field = h("textarea", {
    class: "say",
    rows: 1,
    maxlength: MOST,
    "aria-label": t("message.label"),
    placeholder: t("message.placeholder"),
    enterkeyhint: "send",
    data: { testid: "say" },
    on: {
      input: grow,
      keydown: (e) => {
        if (e.key === "Escape" && answers) answer("");
        if (e.key !== "Enter" || e.shiftKey || e.isComposing) return;
        e.preventDefault();
        submit();
      },
    },
  });
  const insert = (emoji) => {
    field.setRangeText(emoji, field.selectionStart, field.selectionEnd, "end");
    grow();
    field.focus();
  };
  const faces = h(
    "div",
    { class: "faces-list", popover: "auto", id: "emoji", role: "group", "aria-label": t("message.emoji") },
    EMOJI.map((emoji) => h("button", { type: "button", on: { click: () => insert(emoji) } }, emoji)),
  );
  const pick = h(
    "button",
    {
      class: "plain",
      type: "button",
      "aria-label": t("message.emoji"),
      popovertarget: "emoji",
      title: t("message.emoji"),
    },
    icon("smile"),
  );
  const send = h("button", { class: "primary say-send", data: { testid: "say-send" } }, t("message.send"));
  const quote = h("p", { class: "say-quote" });
  const answer = (id) => {
    answers = id;
    const message = services.messages.get(id);
    quote.hidden = !message;
    if (!message) return;
    const text = h("span", { class: "grow" });
    setText(text, `${texts.name(message.sender)}: ${message.text}`);
    fill(
      quote,
      text,
      h(
        "button",
        { class: "plain", type: "button", "aria-label": t("message.no_reply"), on: { click: () => answer("") } },
        icon("close"),
      ),
    );
    field.focus();
  };
  services.reply.begin = (message) => answer(message.id);

  const submit = async () => {
    const text = field.value.trim();
    if (!text) return;
    const replyTo = answers;
    const place = shown;
    const said = `${place} ${replyTo} ${text}`;
    const requestId = failed.said === said ? failed.requestId : newRequestId();
    failed = { said: "", requestId: "" };
    field.value = "";
    answer("");
    grow();
    try {
      await actions.messages.say(place, text, { replyTo, requestId });
    } catch (problem) {
      failed = { said, requestId }; // sent again, it is the same message
      toasts.problem(problem);
      if (place !== shown || field.value) return;
      field.value = text;
      answer(replyTo);
      grow();
    }
  };
  const el = h(
    "form",
    { class: "say-bar", on: { submit: (e) => (e.preventDefault(), submit()) } },
    quote,
    h("div", { class: "say-row" }, field, pick, send),
    faces,
  );
  quote.hidden = true;
  send.hidden = true;

  /** Follows the place that is shown. What was typed stays with its place. */
  const update = () => {
    const place = nav.place();
    if (place === shown) return;
    services.unsent.set(shown, field.value);
    shown = place;
    field.value = services.unsent.get(place) ?? "";
    answer("");
    grow();
  };
  const end = () => services.unsent.set(shown, field.value);
  return { el, update, end };
}
