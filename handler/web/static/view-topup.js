// Top up: money into the wallet, through the installation's funding provider.

import { newRequestId } from "./api.js";
import { h } from "./dom.js";
import { Checks, moneyField } from "./form.js";
import { format } from "./money.js";
import { checkTopUp } from "./rules.js";
import { openSheet } from "./sheet.js";

const OFFERS = [100, 500, 2000]; // major units

export function openTopUp(ctx) {
  const { t, lang } = ctx;
  const changed = () => {
    checks.touch("amount");
    show();
  };
  const amount = moneyField(ctx, t("topup.amount"), { amount: "topup-amount", currency: "topup-currency" }, changed);
  amount.input.value = String(OFFERS[1]);
  const checks = new Checks(ctx, { amount });
  const choose = (major) => {
    amount.input.value = String(major);
    changed();
  };
  const offers = OFFERS.map((major) =>
    h("button", { class: "chip", type: "button", on: { click: () => choose(major) } }, String(major)),
  );
  // For as long as this sheet is open, the same amount is paid in once.
  let asked = { body: "", id: "" };

  const show = () => {
    amount.refresh();
    checks.show(checkTopUp({ amount: amount.read() }), amount.currency.value);
  };

  const submit = async () => {
    const read = amount.read();
    const currency = amount.currency.value;
    if (!checks.pass(checkTopUp({ amount: read }), currency)) return false;
    const body = `${read.minor} ${currency}`;
    if (asked.body !== body) asked = { body, id: newRequestId() };
    await ctx.actions.topUp(read.minor, currency, asked.id);
    ctx.toasts.show(t("topup.done", { money: format(read.minor, currency, lang) }), "", "good");
    return true;
  };

  openSheet(
    ctx,
    t("topup.title"),
    [
      amount.el,
      h("div", { class: "chips" }, offers),
      h("button", { class: "primary wide-button", data: { testid: "topup-send" } }, t("topup.go")),
      h("p", { class: "hint center" }, t("topup.hint")),
    ],
    submit,
  );
  show();
}
