// The list of chats: the groups one is in, and the people with whom there is a conversation, the latest first.

import { h, icon, keyed, setText } from "./dom.js";
import { initial, tint } from "./people.js";
import { groupPlace, personPlace } from "./places.js";
import { preview, timeline } from "./timeline.js";

export function chatsView(ctx) {
  const { t, store } = ctx;
  const list = h("ul", { class: "groups", "aria-label": t("nav.groups") });
  const empty = h(
    "div",
    { class: "empty" },
    icon("packet"),
    h("h2", {}, t("groups.empty")),
    h("p", {}, t(ctx.dev ? "groups.empty_dev" : "groups.empty_prod")),
  );
  const add =
    ctx.dev &&
    h(
      "button",
      { class: "secondary", type: "button", data: { testid: "group-new" }, on: { click: ctx.newGroup } },
      icon("plus"),
      t("groups.new"),
    );
  const el = h(
    "nav",
    { class: "side", "aria-label": t("nav.groups") },
    list,
    empty,
    add && h("div", { class: "side-foot" }, add),
  );

  const create = ({ place, id, person, name }) => {
    const row = h(
      "button",
      {
        class: "group",
        type: "button",
        data: { testid: `${person ? "person-chat" : "group"}-${id}` },
        on: { click: () => ctx.go(place) },
      },
      h("span", { class: `avatar ${person ? "round " : ""}${tint(id)}`, "aria-hidden": "true" }, initial(name)),
      h("span", { class: "group-text" }, h("span", { class: "group-name" }, name), h("span", { class: "group-last" })),
      h("span", { class: "group-side" }, h("time", {}), h("span", { class: "badge" })),
    );
    return h("li", {}, row);
  };

  const show = (li, { place, person, unread, last }) => {
    const row = li.firstElementChild;
    row.toggleAttribute("aria-current", ctx.place() === place);
    setText(
      li.querySelector(".group-last"),
      last ? preview(ctx, last) : t(person ? "chats.none_person" : "groups.none_yet"),
    );
    setText(li.querySelector("time"), last ? ctx.i18n.time(last.at) : "");
    const badge = li.querySelector(".badge");
    badge.hidden = !unread;
    setText(badge, unread ? String(Math.min(unread, 99)) : "");
    if (unread) badge.setAttribute("aria-label", t("groups.unread", { n: unread }));
  };

  const chats = () => {
    const row = (place, { id, unread }, person) => ({
      place,
      id,
      unread,
      person,
      name: person ? ctx.name(id) : ctx.groupName(id),
      last: timeline(store, place).at(-1),
    });
    const groups = [...store.groups.values()].map((g) => row(groupPlace(g.id), g, false));
    const people = [...store.people.values()].map((p) => row(personPlace(p.id), p, true));
    const newest = (chat) => chat.last?.at ?? 0;
    return [...groups, ...people].sort((a, b) => newest(b) - newest(a) || (a.place < b.place ? -1 : 1));
  };

  const update = () => {
    const rows = chats();
    keyed(list, rows, (chat) => chat.place, create, show);
    empty.hidden = rows.length > 0;
  };
  return { el, update };
}
