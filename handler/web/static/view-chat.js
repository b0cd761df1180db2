// One chat: its head, the feed of red envelopes, and the button that sends one.

import { fill, h, icon, keyed, setText } from "./dom.js";
import { cardItem } from "./view-card.js";

const NEAR_END_PX = 80;
const STAMP_GAP_MS = 5 * 60_000; // a time is shown after a pause this long
const AVATARS = 5;

export function chatView(ctx) {
  const { t, store } = ctx;
  const title = h("h1", {});
  const people = h("p", { class: "chat-people" });
  const feed = h("div", { class: "feed-items", role: "log", "aria-label": t("nav.groups") });
  const empty = h(
    "div",
    { class: "empty" },
    icon("packet"),
    h("h2", {}, t("chat.empty")),
    h("p", {}, t("chat.empty_text")),
  );
  const scroller = h(
    "div",
    { class: "feed", tabindex: "0", on: { scroll: () => atEnd() && (newer.hidden = true) } },
    empty,
    feed,
  );
  const newer = h(
    "button",
    { class: "newer", type: "button", on: { click: () => toEnd(true) } },
    icon("down"),
    t("chat.newer"),
  );
  const compose = h(
    "button",
    { class: "primary compose", type: "button", data: { testid: "compose" }, on: { click: ctx.compose } },
    icon("packet"),
    t("chat.compose"),
  );
  const chat = h(
    "div",
    { class: "chat-inner" },
    h(
      "header",
      { class: "chat-head" },
      h(
        "button",
        {
          class: "plain back",
          type: "button",
          "aria-label": t("nav.back"),
          data: { testid: "back" },
          on: { click: () => ctx.go("") },
        },
        icon("back"),
      ),
      h("div", { class: "grow" }, title, people),
    ),
    scroller,
    newer,
    h("footer", { class: "chat-foot" }, compose),
  );
  const none = h("div", { class: "empty" });
  const el = h("main", { class: "chat" }, chat, none);
  newer.hidden = true;

  const atEnd = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_END_PX;
  const toEnd = (smooth) => {
    newer.hidden = true;
    scroller.scrollTo({
      top: scroller.scrollHeight,
      behavior: smooth && !matchMedia("(prefers-reduced-motion: reduce)").matches ? "smooth" : "instant",
    });
  };

  const items = new Map(); // envelope id → its card
  const create = (e) => {
    const item = cardItem(ctx, e);
    items.set(e.id, item);
    return item.el;
  };

  let shown = "";
  let last = "";
  const update = () => {
    const id = ctx.group();
    const group = store.groups.get(id);
    chat.hidden = !group;
    none.hidden = Boolean(group);
    if (!group) {
      notHere(id);
      shown = "";
      return;
    }
    const envelopes = store.feed(id);
    const end = shown !== id || atEnd();
    if (shown !== id) items.clear(), feed.replaceChildren();
    setText(title, ctx.groupName(id));
    setText(people, `${t("chat.members", { n: group.members.length })} · ${names(group.members)}`);
    people.hidden = !group.members.length;
    empty.hidden = envelopes.length > 0;
    keyed(feed, envelopes, (e) => e.id, create);
    let before = 0;
    for (const e of envelopes) {
      items.get(e.id).update(e.createdAt - before > STAMP_GAP_MS);
      before = e.createdAt;
    }
    const newest = envelopes.at(-1)?.id ?? "";
    const mine = envelopes.at(-1)?.sender === ctx.me;
    if (newest !== last || end) {
      if (end || mine) toEnd(shown === id && newest !== last);
      else newer.hidden = false;
    }
    shown = id;
    last = newest;
  };

  const names = (members) =>
    members.slice(0, AVATARS).map(ctx.name).join(", ") + (members.length > AVATARS ? " …" : "");

  // A group in the address that one is not in, or no group at all.
  const notHere = (id) => {
    if (none.dataset.group === id) return;
    none.dataset.group = id;
    if (!id) {
      fill(none, icon("packet"), h("h2", {}, t("groups.pick")));
      return;
    }
    const join = async () => {
      try {
        await ctx.join(id);
      } catch (problem) {
        ctx.toasts.problem(problem);
      }
    };
    fill(
      none,
      icon("people"),
      h("h2", {}, t("join.title", { group: ctx.groupName(id) })),
      h("p", {}, t(ctx.dev ? "join.text_dev" : "join.text_prod")),
      h(
        "div",
        { class: "buttons" },
        h("button", { class: "secondary back", type: "button", on: { click: () => ctx.go("") } }, t("nav.back")),
        ctx.dev &&
          h(
            "button",
            { class: "primary", type: "button", data: { testid: "join" }, on: { click: join } },
            t("join.go"),
          ),
      ),
    );
  };

  return { el, update };
}
