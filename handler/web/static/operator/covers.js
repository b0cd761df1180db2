// The covers in a state: those in review first.

import { h, icon } from "../core/dom.js";
import { coverThumb } from "../console/cover.js";
import { pagedList } from "../console/list.js";
import { empty, moment, panel, pill, placeLink, viewHead } from "../console/parts.js";

const STATES = ["in_review", "appealed", "approved", "frozen", "rejected", "expired", "taken_down"];

/** @param {import("./console.js").OperatorPage} page */
export function coversView(page) {
  const { texts, services, api } = page;
  const { t } = texts;
  const state = h(
    "select",
    {
      "aria-label": t("covers.state"),
      data: { testid: "cover-state" },
      on: { change: () => services.attempt(list.refresh()) },
    },
    STATES.map((one) => h("option", { value: one }, t(`state.${one}`))),
  );
  const row = (cover) =>
    h(
      "li",
      {},
      placeLink(
        page,
        { view: "cover", merchant: cover.merchant_id, item: cover.id },
        { class: "row", data: { testid: `cover-${cover.id}` } },
        coverThumb(page, cover.design),
        h(
          "span",
          { class: "row-text" },
          h("strong", {}, cover.design.name || t("cover.unnamed")),
          h(
            "small",
            {},
            t("covers.of", { merchant: cover.merchant_id }),
            cover.mode === "test" && ` · ${t("mode.test")}`,
          ),
        ),
        h("span", { class: "row-side" }, moment(page, cover.changed_at), pill(page, cover.state), icon("chevron")),
      ),
    );
  const list = pagedList(page, {
    read: async (cursor) => {
      const { covers, next_cursor: next } = await api.covers(state.value, cursor);
      return { items: covers ?? [], next };
    },
    row,
    nothing: () => empty("cover", t("covers.none"), t("covers.none_text")),
    label: t("covers.list"),
    testid: "covers",
  });
  const title = t("nav.covers");
  const el = h(
    "div",
    { class: "view" },
    viewHead(title, { lead: t("covers.lead") }),
    panel(t("covers.list"), list.el, { actions: state }),
  );
  return { el, title, refresh: list.refresh };
}
