// The pieces of a cover: bought, claimed, left, withdrawn, and the purchases.

import { h, icon } from "../core/dom.js";
import { openSheet } from "../core/sheet.js";
import { iconButton, moment, panel, person, refill } from "../console/parts.js";
import { choiceField, lineField } from "../console/sheets.js";
import { may, wholeNumber } from "./rules.js";

const MOST = 1_000_000;
const WALLETS = ["available", "marketing"];
const DAY_MS = 24 * 60 * 60_000;
const FOLLOW_MS = [600, 2000];

/** @param {import("./console.js").MerchantPage} page @param {string} id @param {string} cover */
export function stockPanel(page, id, cover) {
  const { texts, nav, services, api, merchants } = page;
  const { t } = texts;
  const figures = h("div", { class: "figures" });
  const batches = h("ul", { class: "rows", "aria-label": t("stock.batches"), data: { testid: "batches" } });
  const actions = h("div", { class: "panel-actions" });
  const number = (n) => new Intl.NumberFormat(texts.lang).format(n);
  const lasts = (ms) => {
    if (ms <= 0) return t("stock.lasts_unknown");
    return ms < 2 * DAY_MS ? texts.duration(ms) : t("stats.days", { n: Math.round(ms / DAY_MS) });
  };
  const figure = (name, value) =>
    h(
      "div",
      { class: "figure", data: { testid: `stock-${name}` } },
      h("strong", {}, value),
      h("span", {}, t(`stock.${name}`)),
    );

  /** @param {{title: string, text: string, go: string, draft: string, extra?: HTMLElement[], run: (body: any) => Promise<void>}} options */
  const openPieces = ({ title, text, go, draft, extra = [], run }) => {
    const pieces = lineField(t("stock.pieces"), `${draft}-pieces`, { inputmode: "numeric" });
    const submit = async () => {
      const n = wholeNumber(pieces.input.value, MOST);
      pieces.show(Number.isNaN(n) ? t("rule.pieces") : "");
      if (Number.isNaN(n)) {
        pieces.input.focus();
        return false;
      }
      await run({ request_id: services.drafts.requestId(draft), pieces: n });
      services.drafts.drop(draft);
      await nav.refresh();
      nav.follow(...FOLLOW_MS); // pieces come into the pot, and back from it, within moments
      return true;
    };
    const button = h("button", { class: "primary wide-button", data: { testid: `${draft}-send` } }, go);
    openSheet(page, title, [h("p", { class: "sheet-text" }, text), pieces.el, ...extra, button], submit, { draft });
    pieces.input.focus();
  };
  const buy = () => {
    const wallet = choiceField(
      t("stock.wallet"),
      "buy-wallet",
      WALLETS.map((value) => ({ value, text: t(`wallets.${value}`) })),
    );
    openPieces({
      title: t("stock.buy"),
      text: t("stock.buy_text"),
      go: t("stock.buy"),
      draft: "buy",
      extra: [wallet.el],
      run: async (body) => {
        const { pieces: n } = await api.buy(id, cover, { ...body, wallet: wallet.input.value, currency: "CNY" });
        services.toasts.show(t("stock.bought_done", { n }), "", "good");
      },
    });
  };
  const withdraw = () =>
    openPieces({
      title: t("stock.withdraw"),
      text: t("stock.withdraw_text"),
      go: t("stock.withdraw"),
      draft: "withdraw",
      run: async (body) => {
        await api.withdraw(id, cover, body);
        services.toasts.show(t("stock.withdraw_done"), "", "good");
      },
    });
  const batch = (b) =>
    h(
      "li",
      { class: "row" },
      h(
        "span",
        { class: "row-text" },
        h("strong", {}, t("stock.batch", { n: number(b.pieces), price: texts.money(b.price, b.currency) })),
        h("small", {}, t("stock.batch_text", { claimed: number(b.claimed), withdrawn: number(b.withdrawn) })),
      ),
      h("span", { class: "row-side" }, person(page, b.by), moment(page, b.at)),
    );
  /** @param {any} stock @param {any} of the cover */
  const draw = (stock, of) => {
    const buys = may(merchants.role(id), "buy_stock");
    refill(
      figures,
      ["bought", "claimed", "left", "withdrawn"].map((name) => figure(name, number(stock[name]))),
      figure("lasts", stock.left > 0 ? lasts(stock.lasts_ms) : "–"),
    );
    refill(
      actions,
      buys && stock.left > 0 && iconButton("return", t("stock.withdraw"), withdraw, { data: { testid: "withdraw" } }),
      buys &&
        of.state === "approved" &&
        h(
          "button",
          { class: "primary small", type: "button", data: { testid: "buy" }, on: { click: buy } },
          icon("plus"),
          t("stock.buy"),
        ),
    );
    refill(batches, (stock.batches ?? []).map(batch));
  };
  return { el: panel(t("stock.title"), [figures, batches], { actions, hint: t("stock.hint"), testid: "stock" }), draw };
}
