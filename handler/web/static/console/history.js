// The history of a merchant, as both sides read it: who changed what, when and why.

import { h } from "../core/dom.js";
import { pagedList } from "./list.js";
import { empty, moment, panel, person } from "./parts.js";

/** @typedef {import("./page.js").Page} Page */

const DECISIONS = ["approve", "reject", "suspend", "resume", "close", "freeze", "restore", "keep", "take_down"];

/** What a review says of single fields. @param {Page} page @param {{field: string, text: string}[]} findings */
export function findingsList({ texts: { t } }, findings) {
  return h(
    "ul",
    { class: "findings", "aria-label": t("cover.review") },
    findings.map(({ field, text }) => h("li", {}, h("strong", {}, t(`cover.${field}`)), " ", text)),
  );
}

/** What a line of the history says. @param {Page} page */
export function changeText({ texts }, { action, object, before, after }) {
  const { t, has } = texts;
  const role = (name) => t(`role.${name}`);
  if (action === "set_member") {
    const name = texts.name(object);
    return before
      ? t("change.role", { name, before: role(before), after: role(after) })
      : t("change.member", { name, role: role(after) });
  }
  if (action === "remove_member") return t("change.remove_member", { name: texts.name(object) });
  return has(`change.${action}`) ? t(`change.${action}`, { key: object.slice(-6) }) : action;
}

/** What a line of a cover's history says. @param {Page} page */
export function coverChangeText({ texts }, { action }) {
  const key = `change.cover_${action}`;
  return texts.has(key) ? texts.t(key) : action;
}

/**
 * @param {Page} page
 * @param {(cursor: string) => Promise<{changes: any[], next_cursor: string}>} read
 * @param {(page: Page, change: any) => string} [say]
 */
export function historyPanel(page, read, say = changeText) {
  const { texts } = page;
  const { t } = texts;
  const row = (change) =>
    h(
      "li",
      { class: `change change-${change.side}${DECISIONS.includes(change.action) ? " decision" : ""}` },
      h(
        "div",
        { class: "change-head" },
        h("strong", {}, say(page, change)),
        h("span", { class: "change-side" }, t(`side.${change.side}`)),
      ),
      change.reason && h("blockquote", {}, change.reason),
      (change.findings ?? []).length > 0 && findingsList(page, change.findings),
      h("p", { class: "change-by" }, change.by && person(page, change.by), moment(page, change.at, true)),
    );
  const list = pagedList(page, {
    read: async (cursor) => {
      const { changes, next_cursor: next } = await read(cursor);
      return { items: changes ?? [], next };
    },
    row,
    nothing: () => empty("events", t("history.none")),
    label: t("history.title"),
    testid: "history",
    tag: "ol",
  });
  list.el.classList.add("timeline");
  return { el: panel(t("history.title"), list.el, { hint: t("history.hint") }), refresh: list.refresh };
}
