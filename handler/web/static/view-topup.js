// Top up: money into the wallet, through the installation's funding provider.

import { newRequestId } from "./api.js";
import { h } from "./dom.js";
import { CURRENCIES, digits, format, parse } from "./money.js";
import { field, openSheet } from "./sheet.js";

const OFFERS = [100, 500, 2000]; // major units

export function openTopUp(ctx) {
  const { t, lang } = ctx;
  const currency = h(
    "select",
    { class: "currency", "aria-label": t("compose.currency"), data: { testid: "topup-currency" } },
    CURRENCIES.map((code) => h("option", { value: code }, code)),
  );
  const amount = h("input", {
    type: "text",
    inputmode: "decimal",
    autocomplete: "off",
    autofocus: true,
    data: { testid: "topup-amount" },
    "aria-label": t("topup.amount"),
    value: OFFERS[1],
  });
  const total = field(t("topup.amount"), h("span", { class: "money-input" }, currency, amount));
  const offers = OFFERS.map((major) =>
    h("button", { class: "chip", type: "button", on: { click: () => (amount.value = major) } }, String(major)),
  );
  // As with sending: for as long as this sheet is open, the same amount is paid in once.
  let asked = { body: "", id: "" };

  const submit = async () => {
    const parsed = parse(amount.value, currency.value);
    if (!(parsed.minor > 0)) {
      const key =
        parsed.problem === "decimals"
          ? "rule.total_decimals"
          : parsed.problem === "malformed"
            ? "rule.total_malformed"
            : "rule.total_empty";
      total.show(t(key, { currency: currency.value, digits: digits(currency.value) }));
      amount.focus();
      return false;
    }
    total.show("");
    const body = `${parsed.minor} ${currency.value}`;
    if (asked.body !== body) asked = { body, id: newRequestId() };
    const { state } = await ctx.actions.topUp(parsed.minor, currency.value, asked.id);
    const money = format(parsed.minor, currency.value, lang);
    if (state === "pending") ctx.toasts.show(t("topup.pending", { money }));
    else ctx.toasts.show(t("topup.done", { money }), "", "good");
    return true;
  };

  openSheet(
    ctx,
    t("topup.title"),
    [
      total.el,
      h("div", { class: "chips" }, offers),
      h("button", { class: "primary wide-button", data: { testid: "topup-send" } }, t("topup.go")),
      h("p", { class: "hint center" }, t("topup.hint")),
    ],
    submit,
  );
}
