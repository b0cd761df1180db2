// Which group an envelope with a cover goes to.

import { h, icon } from "../core/dom.js";
import { initial, tint } from "../core/people.js";
import { groupPlace } from "../core/places.js";
import { openSheet } from "../core/sheet.js";

/** @param {import("../core/page.js").Page} page @param {string} cover */
export function openGroups(page, cover) {
  const { texts, nav, services } = page;
  const { t } = texts;
  const choose = (group) => {
    nav.go(groupPlace(group));
    sheet.close();
    nav.sendWith(cover);
  };
  const rows = services.chats
    .groups()
    .map(({ id }) =>
      h(
        "li",
        {},
        h(
          "button",
          { class: "group", type: "button", data: { testid: `into-${id}` }, on: { click: () => choose(id) } },
          h("span", { class: `avatar ${tint(id)}`, "aria-hidden": "true" }, initial(texts.groupName(id))),
          h("span", { class: "group-text" }, h("span", { class: "group-name" }, texts.groupName(id))),
        ),
      ),
    );
  const none = h(
    "div",
    { class: "empty" },
    icon("packet"),
    h("h2", {}, t("pick.none")),
    h("p", {}, t("pick.none_text")),
  );
  const sheet = openSheet(page, t("pick.title"), [rows.length ? h("ul", {}, rows) : none], null);
}
