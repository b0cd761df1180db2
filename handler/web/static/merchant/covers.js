// The covers of one side.

import { h, icon } from "../core/dom.js";
import { coverThumb } from "../console/cover.js";
import { pagedList } from "../console/list.js";
import { empty, modeSwitch, moment, panel, pill, placeLink, refill, viewHead } from "../console/parts.js";
import { may, works } from "./rules.js";
import { testNote } from "./side.js";

/** @param {import("./console.js").MerchantPage} page */
export function coversView(page) {
  const { texts, nav, api, merchants } = page;
  const { t } = texts;
  const { merchant: id, mode } = nav.place();
  const actions = h("div", { class: "view-actions" }, modeSwitch(page));
  let can = false;
  const make = () =>
    placeLink(
      page,
      { view: "cover-editor" },
      { class: "primary small", data: { testid: "cover-new" } },
      icon("plus"),
      t("covers.new"),
    );
  const row = (cover) => {
    const until = cover.usable_until > 0 && [t("cover.until"), " ", moment(page, cover.usable_until)];
    return h(
      "li",
      {},
      placeLink(
        page,
        { view: "cover", item: cover.id },
        { class: "row", data: { testid: `cover-${cover.id}` } },
        coverThumb(page, cover.design),
        h(
          "span",
          { class: "row-text" },
          h("strong", {}, cover.design.name || t("cover.unnamed")),
          h("small", {}, until || moment(page, cover.changed_at)),
        ),
        h("span", { class: "row-side" }, pill(page, cover.state), icon("chevron")),
      ),
    );
  };
  const list = pagedList(page, {
    read: async (cursor) => {
      const { covers, next_cursor: next } = await api.covers(id, mode, cursor);
      return { items: covers ?? [], next };
    },
    row,
    nothing: () => empty("cover", t("covers.none"), can ? t("covers.none_text") : "", can && make()),
    label: t("nav.covers"),
    testid: "covers",
  });
  const refresh = async () => {
    const merchant = await api.get(id);
    can = may(merchants.role(id), "edit_covers") && works(merchant.state, mode);
    await list.refresh();
    refill(actions, modeSwitch(page), can && list.items().length > 0 && make());
  };
  const title = t("nav.covers");
  const el = h(
    "div",
    { class: "view" },
    viewHead(title, { lead: t("covers.lead"), actions }),
    testNote(page),
    panel(t("nav.covers"), list.el),
  );
  return { el, title, refresh };
}
