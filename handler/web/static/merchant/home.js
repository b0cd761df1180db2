// The merchants of which one is a member, and the way to apply for one.

import { h, icon } from "../core/dom.js";
import { empty, pill, placeLink, refill, viewHead } from "../console/parts.js";

/** @typedef {import("./console.js").MerchantPage} MerchantPage */

/** @param {MerchantPage} page */
export function homeView(page) {
  const { t } = page.texts;
  const apply = () =>
    placeLink(
      page,
      { merchant: "", view: "apply" },
      { class: "primary small", data: { testid: "apply" } },
      icon("plus"),
      t("home.apply"),
    );
  const list = h("div", { class: "panel" });
  const actions = h("div", {});
  const row = (m) =>
    h(
      "li",
      {},
      placeLink(
        page,
        { merchant: m.id, view: "overview" },
        { class: "row", data: { testid: `merchant-${m.id}` } },
        h(
          "span",
          { class: "row-text" },
          h("strong", {}, m.name),
          h("small", {}, t("merchant.you_are", { role: t(`role.${m.role}`) })),
        ),
        h("span", { class: "row-side" }, pill(page, m.state), icon("chevron")),
      ),
    );
  const draw = () => {
    const all = page.merchants.list();
    refill(actions, all.length > 0 && apply());
    refill(
      list,
      all.length > 0
        ? h("ul", { class: "rows", "aria-label": t("home.title") }, all.map(row))
        : empty("shop", t("home.none"), t("home.none_text"), apply()),
    );
  };
  const refresh = async () => {
    await page.merchants.read();
    draw();
  };
  draw();
  const title = t("home.title");
  return { el: h("div", { class: "view" }, viewHead(title, { lead: t("home.lead"), actions }), list), title, refresh };
}
