// Who works for a merchant, in which role.

import { newRequestId } from "../core/api.js";
import { h } from "../core/dom.js";
import { doButton } from "../core/item.js";
import { initial, tint, toId, validId } from "../core/people.js";
import { iconButton, moment, panel, refill, viewHead } from "../console/parts.js";
import { ask } from "../console/sheets.js";
import { may, ROLES } from "./rules.js";

/** @param {import("./console.js").MerchantPage} page */
export function membersView(page) {
  const { texts, nav, services, api, merchants } = page;
  const { t } = texts;
  const id = nav.place().merchant;
  const list = h("ul", { class: "rows", "aria-label": t("nav.members"), data: { testid: "members" } });

  const set = async (user, role) => {
    const { members } = await api.setMember(id, { request_id: newRequestId(), user_id: user, role });
    draw(members);
    services.toasts.announce(t("members.set", { name: texts.name(user), role: t(`role.${role}`) }));
  };
  const remove = (user) => {
    const leaves = user === services.me;
    ask(page, {
      title: leaves ? t("members.leave") : t("members.remove_title", { name: texts.name(user) }),
      text: t(leaves ? "members.leave_text" : "members.remove_text"),
      go: t(leaves ? "members.leave" : "members.remove"),
      reason: "optional",
      danger: true,
      run: async (reason) => {
        const { members } = await api.removeMember(id, user, { request_id: newRequestId(), ...(reason && { reason }) });
        await merchants.read();
        if (leaves) nav.go({ merchant: "", view: "home" });
        else draw(members);
      },
    });
  };
  const roleSelect = (member) => {
    const change = async () => {
      select.disabled = true;
      try {
        await set(member.user_id, select.value);
      } catch (problem) {
        select.value = member.role;
        services.toasts.problem(problem);
      } finally {
        select.disabled = false;
      }
    };
    const select = h(
      "select",
      {
        "aria-label": t("members.role_of", { name: texts.name(member.user_id) }),
        data: { testid: `role-${member.user_id}` },
        on: { change },
      },
      ROLES.map((role) => h("option", { value: role, selected: role === member.role }, t(`role.${role}`))),
    );
    return select;
  };
  const row = (member) => {
    const owner = may(merchants.role(id), "manage_members");
    const mine = member.user_id === services.me;
    const name = texts.name(member.user_id);
    return h(
      "li",
      { class: "row", data: { testid: `member-${member.user_id}` } },
      h("span", { class: `avatar ${tint(member.user_id)}`, "aria-hidden": "true" }, initial(name)),
      h(
        "span",
        { class: "row-text" },
        h("strong", {}, mine ? t("console.you", { name }) : name),
        h("small", {}, t("members.since"), " ", moment(page, member.since)),
      ),
      h(
        "span",
        { class: "row-side" },
        owner ? roleSelect(member) : h("span", { class: "tag" }, t(`role.${member.role}`)),
        (owner || mine) &&
          iconButton(
            mine ? "out" : "trash",
            t(mine ? "members.leave" : "members.remove"),
            () => remove(member.user_id),
            {
              class: "secondary small danger",
              "aria-label": mine ? t("members.leave") : t("members.remove_title", { name }),
              data: { testid: `remove-${member.user_id}` },
            },
          ),
      ),
    );
  };
  const user = h("input", {
    type: "text",
    autocomplete: "off",
    autocapitalize: "none",
    spellcheck: "false",
    "aria-label": t("members.user"),
    placeholder: t("members.user"),
    "aria-describedby": "member-error",
    data: { testid: "member-user" },
  });
  const role = h(
    "select",
    { "aria-label": t("members.role"), data: { testid: "member-role" } },
    ROLES.map((one) => h("option", { value: one, selected: one === "developer" }, t(`role.${one}`))),
  );
  const error = h("p", { class: "field-error", role: "alert", id: "member-error" });
  const add = doButton(
    page,
    { type: "submit", class: "primary small", data: { testid: "member-add" } },
    t("members.add"),
    async () => {
      const who = toId(user.value);
      error.textContent = validId(who) ? "" : t("login.bad_id");
      if (!validId(who)) return user.focus();
      await set(who, role.value);
      user.value = "";
      user.focus();
    },
  );
  const adding = h(
    "form",
    {
      class: "inline-form",
      novalidate: true,
      "aria-label": t("members.add"),
      on: { submit: (e) => e.preventDefault() },
    },
    h("div", {}, user, error),
    role,
    add,
  );
  const guide = panel(
    t("members.roles"),
    h(
      "dl",
      { class: "facts wide" },
      ROLES.map((one) => h("div", {}, h("dt", {}, t(`role.${one}`)), h("dd", {}, t(`role.${one}_text`)))),
    ),
  );
  const draw = (members) => {
    refill(list, (members ?? []).map(row));
    adding.hidden = !may(merchants.role(id), "manage_members");
  };
  const refresh = async () => {
    const [{ members }] = await Promise.all([api.members(id), merchants.get(id) ? null : merchants.read()]);
    draw(members);
  };
  adding.hidden = true;
  const title = t("nav.members");
  const el = h(
    "div",
    { class: "view" },
    viewHead(title, { lead: t("members.lead") }),
    panel(t("members.list"), [list, adding]),
    guide,
  );
  return { el, title, refresh };
}
