// Development only: start a group, or join one that exists.

import { h } from "../core/dom.js";
import { PRESETS, toId, validId } from "../core/people.js";
import { field, openSheet } from "../core/sheet.js";

/** @param {import("../core/page.js").Page} page */
export function openNewGroup(page) {
  const { texts, nav, services } = page;
  const { t } = texts;
  const others = PRESETS.map((p) => p.id).filter((id) => id !== services.me);
  const input = (testid, props) =>
    h("input", {
      type: "text",
      autocomplete: "off",
      autocapitalize: "none",
      spellcheck: "false",
      data: { testid },
      ...props,
    });
  const name = field(t("new.name"), input("group-name", { placeholder: "family", autofocus: true }));
  const members = field(
    t("new.members"),
    input("group-members", { placeholder: others.slice(0, 3).join(", ") }),
    h("p", { class: "field-hint" }, t("new.members_hint")),
  );
  const add = (id) => {
    const ids = idsIn(members.input.value);
    if (!ids.includes(id)) members.input.value = [...ids, id].join(", ");
  };
  const chips = h(
    "div",
    { class: "chips" },
    others.map((id) =>
      h("button", { class: "chip", type: "button", on: { click: () => add(id) } }, "+ ", texts.name(id)),
    ),
  );

  const submit = async () => {
    const id = name.input.value.trim();
    const ids = idsIn(members.input.value);
    const bad = ids.find((member) => !validId(member));
    name.show(validId(id) ? "" : t("new.bad_name"));
    members.show(bad === undefined ? "" : t("new.bad_member", { id: bad }));
    if (!validId(id) || bad !== undefined) return false;
    await nav.join(id, ids);
    return true;
  };

  openSheet(
    page,
    t("new.title"),
    [
      name.el,
      members.el,
      chips,
      h("p", { class: "hint" }, t("new.hint")),
      h("button", { class: "primary wide-button", data: { testid: "group-create" } }, t("new.submit")),
    ],
    submit,
  );
}

function idsIn(text) {
  return [
    ...new Set(
      text
        .split(/[\s,，、;；]+/)
        .filter(Boolean)
        .map(toId),
    ),
  ];
}
