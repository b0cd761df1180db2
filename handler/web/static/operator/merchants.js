// All merchants: by state, or searched for.

import { h, icon } from "../core/dom.js";
import { pagedList } from "../console/list.js";
import { empty, panel, viewHead } from "../console/parts.js";
import { merchantRow } from "./rows.js";

const STATES = ["active", "suspended", "applied", "closed", "rejected"];
const SEARCH_MS = 250; // after the last key
const MAX_QUERY = 60;

/** @param {import("./console.js").OperatorPage} page */
export function merchantsView(page) {
  const { texts, services, api } = page;
  const { t } = texts;
  let timer = 0;
  const search = h("input", {
    type: "search",
    maxlength: MAX_QUERY,
    spellcheck: "false",
    autocomplete: "off",
    placeholder: t("merchants.search"),
    "aria-label": t("merchants.search"),
    data: { testid: "search" },
    on: { input: () => soon() },
  });
  const state = h(
    "select",
    {
      "aria-label": t("merchants.state"),
      data: { testid: "state-filter" },
      on: { change: () => services.attempt(list.refresh()) },
    },
    h("option", { value: "", hidden: true }, t("merchants.any")),
    STATES.map((one) => h("option", { value: one, selected: one === "active" }, t(`state.${one}`))),
  );
  const any = /** @type {HTMLOptionElement} */ (state.options[0]);
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(() => services.attempt(list.refresh()), SEARCH_MS);
  };
  let searched = false;
  const list = pagedList(page, {
    read: async (cursor) => {
      const text = search.value.trim();
      // A search is over every state until one is chosen; a list without a search needs one.
      any.hidden = !text;
      if (Boolean(text) !== searched) {
        searched = Boolean(text);
        state.value = searched ? "" : STATES[0];
      }
      const found = text ? await api.find(text, state.value, cursor) : await api.inState(state.value, cursor);
      return { items: found.merchants ?? [], next: found.next_cursor };
    },
    row: (m) => merchantRow(page, m),
    nothing: () => empty("shop", t("merchants.none"), t(searched ? "merchants.none_found" : "merchants.none_text")),
    label: t("merchants.list"),
    testid: "merchants",
  });
  const tools = h("div", { class: "toolbar" }, h("label", { class: "search" }, icon("search"), search), state);
  const title = t("nav.merchants");
  const el = h(
    "div",
    { class: "view" },
    viewHead(title, { lead: t("merchants.lead") }),
    panel(t("merchants.list"), [tools, list.el]),
  );
  return { el, title, refresh: list.refresh, end: () => clearTimeout(timer) };
}
