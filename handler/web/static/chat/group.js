// A group: its name, who is in it, and the way for others to come in.

import { h } from "../core/dom.js";
import { textInput } from "../core/form.js";
import { doButton } from "../core/item.js";
import { initial, tint } from "../core/people.js";
import { personPlace, queryOf } from "../core/places.js";
import { field, openSheet } from "../core/sheet.js";
import { qrCode } from "./qr.js";

const MAX_NAME = 32;

/** @param {import("../core/page.js").Page} page @param {string} id */
export function openGroup(page, id) {
  const { texts, nav, services } = page;
  const { t } = texts;
  const { actions, names, me, dev } = services;
  const group = services.chats.group(id);
  if (!group) return;
  const name = field(
    t("group.name"),
    textInput("group-rename", () => {}, { maxlength: MAX_NAME, value: names.group(id) ?? "", placeholder: id }),
  );
  const save = h("button", { class: "secondary", data: { testid: "group-save" } }, t("me.save"));
  const link = `${location.origin}/?${new URLSearchParams(queryOf(nav.place()))}`;
  const copy = async () => {
    await navigator.clipboard.writeText(link);
    services.toasts.show(t("group.copied"), "", "good");
  };
  const person = (user) =>
    h(
      "li",
      {},
      h(
        "button",
        {
          class: "group",
          type: "button",
          disabled: user === me,
          on: {
            click: () => {
              nav.go(personPlace(user));
              sheet.close();
            },
          },
        },
        h("span", { class: `avatar round ${tint(user)}`, "aria-hidden": "true" }, initial(texts.name(user))),
        h("span", { class: "group-text" }, h("span", { class: "group-name" }, texts.name(user)), h("small", {}, user)),
      ),
    );
  const invitation = [
    h("p", { class: "form-label" }, t("group.invite")),
    qrCode(link, t("group.qr")),
    doButton(page, { class: "secondary wide-button", data: { testid: "invite-copy" } }, t("group.copy"), copy),
  ];
  const sheet = openSheet(
    page,
    texts.groupName(id),
    [
      name.el,
      save,
      ...(dev ? invitation : []),
      h("p", { class: "form-label" }, t("chat.members", { n: group.members.length })),
      h(
        "ul",
        { class: "group-people", "aria-label": t("chat.members", { n: group.members.length }) },
        group.members.map(person),
      ),
    ],
    async () => {
      await actions.messages.nameGroup(id, name.input.value.trim());
      return true;
    },
    { wide: true },
  );
}
