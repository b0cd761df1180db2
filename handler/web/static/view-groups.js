// The list of chats.

import { h, icon, keyed, setText } from "./dom.js";
import { initial, tint } from "./people.js";

export function groupsView(ctx) {
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

  const create = ({ id }) => {
    const row = h(
      "button",
      { class: "group", type: "button", data: { testid: `group-${id}` }, on: { click: () => ctx.go(id) } },
      h("span", { class: `avatar ${tint(id)}`, "aria-hidden": "true" }, initial(ctx.groupName(id))),
      h(
        "span",
        { class: "group-text" },
        h("span", { class: "group-name" }, ctx.groupName(id)),
        h("span", { class: "group-last" }),
      ),
      h("span", { class: "group-side" }, h("time", {}), h("span", { class: "badge" })),
    );
    return h("li", {}, row);
  };

  const show = (li, { id, unread }) => {
    const last = store.feed(id).at(-1);
    const row = li.firstElementChild;
    row.toggleAttribute("aria-current", ctx.group() === id);
    setText(
      li.querySelector(".group-last"),
      last ? t("groups.preview", { greeting: last.greeting || t("compose.default_greeting") }) : t("groups.none_yet"),
    );
    setText(li.querySelector("time"), last ? ctx.i18n.time(last.createdAt) : "");
    const badge = li.querySelector(".badge");
    badge.hidden = !unread;
    setText(badge, unread ? String(Math.min(unread, 99)) : "");
    if (unread) badge.setAttribute("aria-label", t("groups.unread", { n: unread }));
  };

  const update = () => {
    const groups = [...store.groups.values()];
    const newest = new Map(groups.map((g) => [g.id, store.feed(g.id).at(-1)?.createdAt ?? 0]));
    groups.sort((a, b) => newest.get(b.id) - newest.get(a.id) || (a.id < b.id ? -1 : 1));
    keyed(list, groups, (g) => g.id, create, show);
    empty.hidden = groups.length > 0;
  };
  return { el, update };
}
