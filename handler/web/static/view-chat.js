// One chat: its head, the feed of what people sent and asked for, and the buttons that send something.

import { calm, fill, h, icon, keyed, setText } from "./dom.js";
import { timeline } from "./timeline.js";
import { cardItem } from "./view-card.js";
import { collectionItem } from "./view-collection.js";
import { transferItem } from "./view-transfer.js";

const NEAR_END_PX = 80;
const STAMP_GAP_MS = 5 * 60_000; // a time is shown after a pause this long
const NAMES = 5;
const ITEMS = { envelope: cardItem, transfer: transferItem, collection: collectionItem };

export function chatView(ctx) {
  const { t, store } = ctx;
  const title = h("h1", {});
  const people = h("p", { class: "chat-people" });
  const feed = h("div", { class: "feed-items", role: "log", "aria-label": t("nav.groups") });
  const empty = h("div", { class: "empty" });
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
  const tool = (testid, sign, text, click) =>
    h("button", { class: "tool", type: "button", data: { testid }, on: { click } }, icon(sign), h("span", {}, text));
  const send = tool("transfer-new", "transfer", t("chat.transfer"), ctx.send);
  const collect = tool("collect-new", "collect", t("chat.collect"), ctx.collect);
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
    h("footer", { class: "chat-foot" }, compose, send, collect),
  );
  const none = h("div", { class: "empty" });
  const el = h("main", { class: "chat" }, chat, none);
  newer.hidden = true;

  const atEnd = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_END_PX;
  const toEnd = (smooth) => {
    newer.hidden = true;
    scroller.scrollTo({
      top: scroller.scrollHeight,
      behavior: smooth && !calm() ? "smooth" : "instant",
    });
  };

  const items = new Map(); // key → what is on the screen for it
  const create = (item) => {
    const made = ITEMS[item.type](ctx, item.thing);
    items.set(item.key, made);
    return made.el;
  };

  let shown = "";
  let last = "";
  const update = () => {
    const place = ctx.place();
    const group = store.groups.get(ctx.group());
    const here = Boolean(group || ctx.person());
    chat.hidden = !here;
    none.hidden = here;
    if (!here) {
      notHere(ctx.group());
      shown = "";
      return;
    }
    const entries = timeline(store, place);
    const end = shown !== place || atEnd();
    if (shown !== place) {
      items.clear();
      feed.replaceChildren();
      furnish(group);
    }
    setText(title, group ? ctx.groupName(group.id) : ctx.name(ctx.person()));
    setText(
      people,
      group ? `${t("chat.members", { n: group.members.length })} · ${names(group.members)}` : ctx.person(),
    );
    people.hidden = group ? !group.members.length : ctx.person() === ctx.name(ctx.person()).toLowerCase();
    empty.hidden = entries.length > 0;
    keyed(feed, entries, (item) => item.key, create);
    let before = 0;
    for (const item of entries) {
      const { stamped, update: draw } = items.get(item.key);
      stamped(item.at - before > STAMP_GAP_MS);
      draw(item.thing);
      before = item.at;
    }
    const newest = entries.at(-1);
    if ((newest?.key ?? "") !== last || end) {
      if (end || newest?.by === ctx.me) toEnd(shown === place && newest?.key !== last);
      else newer.hidden = false;
    }
    shown = place;
    last = newest?.key ?? "";
  };

  // What differs between a group and a person.
  const furnish = (group) => {
    const kind = group ? "chat" : "person";
    fill(
      empty,
      icon(group ? "packet" : "transfer"),
      h("h2", {}, t(`${kind}.empty`)),
      h("p", {}, t(`${kind}.empty_text`)),
    );
    chat.dataset.kind = group ? "group" : "person";
    compose.hidden = !group;
    collect.hidden = !group;
    send.className = group ? "tool" : "primary compose";
    newer.lastChild.textContent = t(group ? "chat.newer" : "person.newer");
  };

  // Countdowns.
  const tick = () => {
    for (const item of items.values()) item.tick?.();
  };

  const names = (members) => members.slice(0, NAMES).map(ctx.name).join(", ") + (members.length > NAMES ? " …" : "");

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

  return { el, update, tick };
}
