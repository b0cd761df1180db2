// A merchant at a glance: where it stands, what is known of it, and its history.

import { h, icon } from "../core/dom.js";
import { historyPanel } from "../console/history.js";
import { merchantFacts } from "../console/merchant.js";
import { panel, pill, refill, viewHead } from "../console/parts.js";
import { clockPanel } from "./clock.js";

const BANNERS = {
  applied: ["wait", "events"],
  active: ["good", "check"],
  suspended: ["bad", "pause"],
  closed: ["bad", "close"],
  rejected: ["bad", "close"],
};

/** @param {import("./console.js").MerchantPage} page */
export function overviewView(page) {
  const { texts, nav, api, merchants } = page;
  const { t } = texts;
  const id = nav.place().merchant;
  const top = h("div", {});
  const history = historyPanel(page, (cursor) => api.history(id, cursor));
  const clock = clockPanel(page, id);
  const draw = (m) => {
    const [tone, symbol] = BANNERS[m.state] ?? ["wait", "events"];
    const banner = h(
      "div",
      { class: `banner banner-${tone}`, data: { testid: "banner", state: m.state } },
      icon(symbol),
      h("div", {}, h("strong", {}, t(`banner.${m.state}`)), h("p", {}, t(`banner.${m.state}_text`))),
    );
    refill(
      top,
      viewHead(m.name, { actions: pill(page, m.state) }),
      banner,
      panel(t("overview.facts"), merchantFacts(page, m)),
      clock(m),
    );
  };
  top.className = "view";
  const known = merchants.get(id);
  if (known) draw(known);
  const refresh = async () => {
    const [m] = await Promise.all([api.get(id), history.refresh()]);
    draw(m);
  };
  return { el: h("div", { class: "view" }, top, history.el), title: known?.name ?? t("nav.overview"), refresh };
}
