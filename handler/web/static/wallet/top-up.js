// Top up: money into the wallet, through the installation's funding provider.

import { newRequestId } from "../core/api.js";
import { h } from "../core/dom.js";
import { Checks, moneyField } from "../core/form.js";
import { openSheet } from "../core/sheet.js";
import { checkTopUp } from "./rules.js";

const OFFERS = [100, 500, 2000]; // major units

/** @param {import("../core/page.js").Page} page */
export function openTopUp(page) {
  const { texts, services } = page;
  const { t } = texts;
  const changed = () => {
    checks.touch("amount");
    show();
  };
  const amount = moneyField(page, t("topup.amount"), { amount: "topup-amount", currency: "topup-currency" }, changed);
  amount.input.value = String(OFFERS[1]);
  const checks = new Checks(texts, { amount });
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
    const { minor = 0 } = read;
    const body = `${minor} ${currency}`;
    if (asked.body !== body) asked = { body, id: newRequestId() };
    const { state } = await services.actions.wallet.topUp(minor, currency, asked.id);
    const money = texts.money(minor, currency);
    if (state === "pending") services.toasts.show(t("topup.pending", { money }));
    else services.toasts.show(t("topup.done", { money }), "", "good");
    return true;
  };

  openSheet(
    page,
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
