// The list of chats: the groups one is in, and the people with whom there is a conversation, the latest first.

import { ofKind } from "../core/changes.js";
import { attribute, h, icon, keyed, setText } from "../core/dom.js";
import { doButton } from "../core/item.js";
import { startTour } from "./tour.js";
import { initial, tint } from "../core/people.js";
import { groupPlace, personPlace } from "../core/places.js";
import { placeOf, preview, THINGS, timeline } from "./timeline.js";

/** @typedef {import("./timeline.js").Item} Item */
/** @typedef {{place: string, id: string, unread: number, person: boolean, name: string, last: Item|undefined}} Row */

/** @param {import("../core/page.js").Page} page */
export function listView(page) {
  const { texts, nav, services } = page;
  const { t } = texts;
  const { chats, changes } = services;
  const list = h("ul", { class: "groups", "aria-label": t("nav.groups") });
  const empty = h(
    "div",
    { class: "empty" },
    icon("packet"),
    h("h2", {}, t("groups.empty")),
    h("p", {}, t(services.dev ? "groups.empty_dev" : "groups.empty_prod")),
    services.dev &&
      doButton(page, { class: "primary", data: { testid: "tour" } }, [icon("people"), t("tour.go")], () =>
        startTour(page),
      ),
  );
  const waiting = h("div", { class: "waiting", "aria-hidden": "true" }, h("i", {}), h("i", {}), h("i", {}));
  const add =
    services.dev &&
    h(
      "button",
      { class: "secondary", type: "button", data: { testid: "group-new" }, on: { click: nav.newGroup } },
      icon("plus"),
      t("groups.new"),
    );
  const content = h(
    "nav",
    { class: "side-nav", "aria-label": t("nav.groups") },
    h("h1", { class: "spoken" }, t("nav.groups")),
    list,
    waiting,
    empty,
    add && h("div", { class: "side-foot" }, add),
  );
  const el = h("div", { class: "side" }, content);

  const create = ({ place, id, person, name }) => {
    const row = h(
      "button",
      {
        class: "group",
        type: "button",
        data: { testid: `${person ? "person-chat" : "group"}-${id}`, place },
        on: { click: () => nav.go(place) },
      },
      h("span", { class: `avatar ${person ? "round " : ""}${tint(id)}`, "aria-hidden": "true" }, initial(name)),
      h("span", { class: "group-text" }, h("span", { class: "group-name" }, name), h("span", { class: "group-last" })),
      h("span", { class: "group-side" }, h("time", {}), h("span", { class: "badge" })),
    );
    return h("li", {}, row);
  };

  const show = (li, { place, person, unread, last }) => {
    const row = li.firstElementChild;
    row.toggleAttribute("aria-current", nav.place() === place);
    setText(
      li.querySelector(".group-last"),
      last ? preview(page, last) : t(person ? "chats.none_person" : "groups.none_yet"),
    );
    setText(li.querySelector("time"), last ? texts.time(last.at) : "");
    const badge = li.querySelector(".badge");
    badge.hidden = !unread;
    setText(badge, unread ? String(Math.min(unread, 99)) : "");
    if (unread) badge.setAttribute("aria-label", t("groups.unread", { n: unread }));
  };

  /** @type {Map<string, Item|undefined>} */
  const lasts = new Map(); // place → the last thing that happened there

  /** @returns {Row[]} the latest first */
  const rows = () => {
    const row = (place, { id, unread }, person) => {
      if (!lasts.has(place)) lasts.set(place, timeline(services, place).at(-1));
      const name = person ? texts.name(id) : texts.groupName(id);
      return { place, id, unread, person, name, last: lasts.get(place) };
    };
    const groups = chats.groups().map((g) => row(groupPlace(g.id), g, false));
    const people = chats.people().map((p) => row(personPlace(p.id), p, true));
    const newest = (chat) => chat.last?.at ?? 0;
    return [...groups, ...people].sort((a, b) => newest(b) - newest(a) || (a.place < b.place ? -1 : 1));
  };

  const draw = () => {
    const all = rows();
    keyed(list, all, (chat) => chat.place, create, show);
    empty.hidden = all.length > 0 || !chats.known;
    waiting.hidden = chats.known || !navigator.onLine;
  };

  // On a phone it is all there is, while no chat is shown.
  const narrow = matchMedia("(width < 760px)");
  const landmark = () => attribute(el, "role", narrow.matches && !nav.place() ? "main" : null);
  // Whoever comes back to the list goes on where they left it.
  let left = "";
  const comeBack = () => {
    if (narrow.matches && left && !nav.place()) {
      /** @type {HTMLElement|null} */ (list.querySelector(`[data-place="${CSS.escape(left)}"]`))?.focus();
    }
    left = nav.place();
  };
  const update = () => {
    left = nav.place();
    landmark();
    lasts.clear();
    draw();
  };
  const stop = changes.watch(ofKind("groups", "people", "place", ...THINGS), (happened) => {
    landmark();
    for (const change of happened) lasts.delete(placeOf(services, change));
    draw();
    comeBack();
  });
  narrow.addEventListener("change", landmark);
  const end = () => {
    narrow.removeEventListener("change", landmark);
    stop();
  };
  return { el, update, end };
}
