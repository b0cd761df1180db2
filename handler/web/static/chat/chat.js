// One chat: its head, the feed of what people sent and asked for, and the buttons that send something.

import { ofKind } from "../core/changes.js";
import { calm, fill, h, icon, keyed, setText } from "../core/dom.js";
import { doButton } from "../core/item.js";
import { groupIn } from "../core/places.js";
import { keyOf, placeOf, thingOf, THINGS, timeline } from "./timeline.js";
import { cardItem } from "../envelope/card.js";
import { collectionItem } from "../collection/ticket.js";
import { bubbleItem } from "../message/bubble.js";
import { messageInput } from "../message/input.js";
import { transferItem } from "../transfer/ticket.js";

const NEAR_END_PX = 80;
const NEAR_START_PX = 120;
const STAMP_GAP_MS = 5 * 60_000; // a time is shown after a pause this long
const NAMES = 5;
const ITEMS = { envelope: cardItem, transfer: transferItem, collection: collectionItem, message: bubbleItem };

/** @typedef {import("./timeline.js").Item} Item */
/** @typedef {import("../core/changes.js").Change} Change */
/**
 * @typedef {object} Shown
 * @property {HTMLElement} el
 * @property {(shown: boolean) => void} stamped
 * @property {(thing: any) => void} update
 * @property {() => void} [tick]
 */

/** @param {import("../core/page.js").Page} page */
export function chatView(page) {
  const { texts, nav, services } = page;
  const { t } = texts;
  const { chats, changes } = services;
  const title = h("h1", {});
  const input = messageInput(page);
  const present = h("span", { class: "chat-here", data: { testid: "here" } });
  const members = h("span", {});
  const people = h("p", { class: "chat-people" }, present, members);
  const feed = h("div", { class: "feed-items", role: "log", "aria-label": t("nav.groups") });
  const empty = h("div", { class: "empty" });
  const older = doButton(page, { class: "older", data: { testid: "older" } }, t("chat.older"), () => loadOlder());
  const scroller = h(
    "div",
    { class: "feed", tabindex: "0", data: { entry: "", testid: "feed" }, on: { scroll: () => scrolled() } },
    older,
    empty,
    feed,
  );
  const newerText = h("span", {});
  const newer = h(
    "button",
    { class: "newer", type: "button", on: { click: () => toEnd(true) } },
    icon("down"),
    newerText,
  );
  const compose = h(
    "button",
    { class: "primary compose", type: "button", data: { testid: "compose" }, on: { click: nav.compose } },
    icon("packet"),
    t("chat.compose"),
  );
  const tool = (testid, sign, text, click) =>
    h("button", { class: "tool", type: "button", data: { testid }, on: { click } }, icon(sign), h("span", {}, text));
  const send = tool("transfer-new", "transfer", t("chat.transfer"), nav.send);
  const collect = tool("collect-new", "collect", t("chat.collect"), nav.collect);
  const about = h(
    "button",
    {
      class: "plain",
      type: "button",
      "aria-label": t("group.title"),
      title: t("group.title"),
      data: { testid: "group-about" },
      on: { click: () => nav.openGroup(nav.group()) },
    },
    icon("more"),
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
          on: { click: () => nav.go("") },
        },
        icon("back"),
      ),
      h("div", { class: "grow" }, title, people),
      about,
    ),
    scroller,
    newer,
    h("footer", { class: "chat-foot" }, input.el, h("div", { class: "chat-tools" }, compose, send, collect)),
  );
  const none = h("div", { class: "empty" });
  const el = h("main", { class: "chat" }, chat, none);
  newer.hidden = true;

  const atEnd = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_END_PX;
  // Whoever reads the newest follows it until scrolling up, also while the feed is still on its way there.
  let following = true;
  let top = 0;
  const scrolled = () => {
    const isUp = scroller.scrollTop < top;
    top = scroller.scrollTop;
    if (atEnd()) {
      following = true;
      newer.hidden = true;
    } else if (isUp) following = false;
    if (isUp && top < NEAR_START_PX && !older.hidden && !older.disabled) older.click();
  };
  // Runs something that changes the feed. What is on the screen stays where it is, whatever comes or grows above it.
  // Items are measured as they are laid out, since one that is new still moves into its place.
  const keepPlace = (change) => {
    scrolled(); // the window may have scrolled without having said so yet
    const bottomOf = (item) => item.offsetTop + item.offsetHeight - scroller.offsetTop;
    const children = /** @type {HTMLElement[]} */ ([...feed.children]);
    const anchor = following ? undefined : children.find((item) => bottomOf(item) > scroller.scrollTop);
    const before = anchor ? bottomOf(anchor) : 0;
    change();
    if (anchor?.isConnected && !following) scroller.scrollTop += bottomOf(anchor) - before;
  };
  // Reads what happened before, and keeps what is on the screen where it is.
  const loadOlder = async () => {
    const place = shown;
    const { envelopes, collections, transfers, messages } = services.actions;
    following = false;
    const group = groupIn(place);
    const things = group ? [envelopes.older(group), collections.older(group)] : [transfers.older()];
    await Promise.all([...things, messages.older(place)]);
    if (place !== shown) return;
    keepPlace(() => drawFeed(false));
    following = atEnd();
  };
  const hasOlder = () => {
    const { envelopes, collections, transfers, messages } = services.actions;
    const group = groupIn(shown);
    if (messages.hasOlder(shown)) return true;
    return group ? envelopes.hasOlder(group) || collections.hasOlder(group) : transfers.hasOlder;
  };
  const toEnd = (smooth) => {
    newer.hidden = true;
    following = true;
    scroller.scrollTo({
      top: scroller.scrollHeight,
      behavior: smooth && !calm() ? "smooth" : "instant",
    });
  };

  /** @type {Map<string, Shown>} */
  const items = new Map(); // key → what is on the screen for it
  /** @param {Item} item */
  const create = (item) => {
    const made = ITEMS[item.type](page, item.thing);
    items.set(item.key, made);
    return made.el;
  };

  let shown = "";
  let last = "";
  const update = () => {
    const place = nav.place();
    const group = chats.group(nav.group());
    const here = Boolean(group || nav.person());
    chat.hidden = !here;
    none.hidden = here;
    if (!here) {
      notHere(nav.group());
      shown = "";
      return;
    }
    const isNew = shown !== place;
    if (isNew) {
      items.clear();
      feed.replaceChildren();
      furnish(group);
      shown = place;
    }
    drawHead(group);
    input.update();
    drawFeed(isNew);
    // Whoever chose a chat goes on in it.
    if (isNew && document.activeElement?.closest(".group")) scroller.focus({ preventScroll: true });
  };

  const drawHead = (group) => {
    const person = nav.person();
    setText(title, group ? texts.groupName(group.id) : texts.name(person));
    setText(members, group ? `${t("chat.members", { n: group.members.length })} · ${names(group.members)}` : person);
    drawHere();
    people.hidden = group ? !group.members.length : person === texts.name(person).toLowerCase();
  };

  // Whoever is alone is not told so.
  const drawHere = () => {
    const here = chats.group(nav.group())?.here ?? 0;
    present.hidden = here < 2;
    setText(present, here < 2 ? "" : t("chat.here", { n: here }));
  };

  // The feed as it is now. What is there already is not drawn again: that is for redraw.
  const drawFeed = (isNew) => {
    const entries = timeline(services, shown);
    empty.hidden = entries.length > 0;
    older.hidden = !hasOlder();
    const known = new Set(items.keys());
    keyed(feed, entries, (item) => item.key, create);
    let before = 0;
    for (const item of entries) {
      const made = items.get(item.key);
      made?.stamped(item.at - before > STAMP_GAP_MS);
      if (!known.has(item.key)) made?.update(item.thing);
      before = item.at;
    }
    const newest = entries.at(-1);
    const key = newest?.key ?? "";
    if (isNew || following || (key !== last && newest?.by === services.me)) toEnd(!isNew && key !== last);
    else if (key !== last) newer.hidden = false;
    last = key;
  };

  // Draws the things that changed. One that is not in the feed yet changes the feed.
  /** @param {Change[]} happened */
  const redraw = (happened) => {
    const here = happened.filter((change) => shown && placeOf(services, change) === shown);
    if (!here.length) return;
    const isMissing = here.some(({ kind, id }) => !items.has(keyOf(kind, id)));
    keepPlace(() => {
      for (const { kind, id } of here) items.get(keyOf(kind, id))?.update(thingOf(services, kind, id));
      if (isMissing) drawFeed(false);
    });
    if (!isMissing && following) toEnd(false); // a card may have grown
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
    about.hidden = !group;
    send.className = group ? "tool" : "primary compose";
    setText(newerText, t(group ? "chat.newer" : "person.newer"));
  };

  // Countdowns.
  const tick = () => {
    for (const item of items.values()) item.tick?.();
  };

  const names = (members) => members.slice(0, NAMES).map(texts.name).join(", ") + (members.length > NAMES ? " …" : "");

  // A group in the address that one is not in, or no group at all.
  const notHere = (id) => {
    const key = `${chats.known} ${id}`;
    if (none.dataset.shows === key) return;
    none.dataset.shows = key;
    if (!chats.known) {
      fill(none, icon("packet"), h("h1", {}, t("groups.unknown")));
      return;
    }
    if (!id) {
      fill(none, icon("packet"), h("h1", {}, t("groups.pick")));
      return;
    }
    const join = async () => {
      try {
        await nav.join(id);
      } catch (problem) {
        services.toasts.problem(problem);
      }
    };
    fill(
      none,
      icon("people"),
      h("h1", {}, t("join.title", { group: texts.groupName(id) })),
      h("p", {}, t(services.dev ? "join.text_dev" : "join.text_prod")),
      h(
        "div",
        { class: "buttons" },
        h("button", { class: "secondary back", type: "button", on: { click: () => nav.go("") } }, t("nav.back")),
        services.dev &&
          h(
            "button",
            { class: "primary", type: "button", data: { testid: "join" }, on: { click: join } },
            t("join.go"),
          ),
      ),
    );
  };

  // The room of the feed changes with the keyboard of a phone, and with the window.
  const room = new ResizeObserver(() => following && toEnd(false));
  room.observe(scroller);

  const stops = [
    () => room.disconnect(),
    changes.watch(ofKind("groups", "place"), update),
    changes.watch(ofKind("present"), drawHere),
    changes.watch(ofKind(...THINGS), redraw),
  ];
  const end = () => {
    input.end();
    stops.forEach((stop) => stop());
  };
  return { el, update, tick, end };
}
