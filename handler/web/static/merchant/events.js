// The events of one side, as its servers hear of them or ask for them.

import { h } from "../core/dom.js";
import { pagedList } from "../console/list.js";
import { copyable, empty, modeSwitch, moment, panel, viewHead } from "../console/parts.js";
import { PAGE } from "./api.js";
import { testNote } from "./side.js";

/** @param {import("./console.js").MerchantPage} page */
export function eventsView(page) {
  const { texts, nav, api } = page;
  const { t, has } = texts;
  const { merchant: id, mode } = nav.place();
  const open = new Set(); // the ids of those whose body is shown
  const row = (event) => {
    const body = h("div", { class: "row-foot" });
    const fold = () => {
      if (details.open) open.add(event.id);
      else open.delete(event.id);
      if (details.open && !body.firstChild)
        body.append(copyable(page, pretty(event.payload), t("events.body"), { block: true }));
    };
    const details = h(
      "details",
      {
        class: "fold-row",
        open: open.has(event.id),
        data: { testid: `event-${event.position}` },
        on: { toggle: fold },
      },
      h(
        "summary",
        { class: "row" },
        h("span", { class: "tag code" }, `#${event.position}`),
        h(
          "span",
          { class: "row-text" },
          h("strong", { class: "code" }, event.type),
          has(`event.${event.type}`) && h("small", {}, t(`event.${event.type}`)),
        ),
        h(
          "span",
          { class: "row-side" },
          h("span", { class: "code" }, `${event.object} · ${event.sequence}`),
          moment(page, event.at, true),
        ),
      ),
      body,
    );
    return h("li", {}, details);
  };
  const list = pagedList(page, {
    read: async (cursor) => {
      const events = (await api.events(id, mode, cursor)).events ?? [];
      return { items: events, next: events.length < PAGE ? "" : String(events[events.length - 1].position) };
    },
    row,
    nothing: () => empty("events", t("events.none"), t("events.none_text")),
    label: t("nav.events"),
    testid: "events",
  });
  const title = t("nav.events");
  const el = h(
    "div",
    { class: "view" },
    viewHead(title, { lead: t("events.lead"), actions: modeSwitch(page) }),
    testNote(page),
    panel(t("events.list"), list.el, { hint: t("events.hint") }),
  );
  return { el, title, refresh: list.refresh };
}

function pretty(payload) {
  try {
    return JSON.stringify(JSON.parse(payload), null, 2);
  } catch {
    return payload;
  }
}
