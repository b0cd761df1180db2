// The wallets of one side in each currency, money in and between them, and the statement.

import { h, icon } from "../core/dom.js";
import { parse, toInput } from "../core/money.js";
import { atLeast, checkAmount } from "../core/rules.js";
import { ruleText } from "../core/form.js";
import { openSheet } from "../core/sheet.js";
import { joined, line, sign } from "../wallet/statement.js";
import { pagedList } from "../console/list.js";
import { empty, iconButton, modeSwitch, panel, refill, viewHead } from "../console/parts.js";
import { choiceField, lineField } from "../console/sheets.js";
import { may, works } from "./rules.js";
import { testNote } from "./side.js";

const WALLETS = ["available", "marketing"];

/** @param {import("./console.js").MerchantPage} page */
export function walletsView(page) {
  const { texts, nav, api, merchants, services } = page;
  const { t } = texts;
  const { merchant: id, mode } = nav.place();
  const cards = h("div", {});
  const actions = h("div", { class: "view-actions" }, modeSwitch(page));
  let wallet = WALLETS[0];
  let currency = "";
  /** @type {string[]} */
  let currencies = [];
  const statementTitle = h("div", {});

  const entry = (e) =>
    line({
      sign: sign(e.subject === "funding" ? e.kind : e.subject === "merchant" ? "transfer" : e.kind),
      title: entryText(texts, e),
      text: joined(e.note, texts.time(e.at)),
      amount: texts.signed(e.amount, currency),
      under: t("wallet.balance_after", { money: texts.money(e.balance, currency) }),
      tone: e.amount > 0 ? "in" : "out",
    });
  const statement = pagedList(page, {
    read: async (cursor) => {
      if (!currency) return { items: [], next: "" };
      const { entries, next_cursor: next } = await api.entries(id, mode, wallet, currency, cursor);
      return { items: entries ?? [], next };
    },
    row: entry,
    nothing: () => empty("events", t("wallet.empty"), t("wallet.empty_text")),
    label: t("wallet.statement"),
    testid: "statement",
  });
  statement.el.querySelector("ul")?.classList.add("lines");

  const choose = (chosen, of) => {
    wallet = chosen;
    currency = of;
    services.attempt(refresh());
  };
  const balance = (all, one, of) => all.find((w) => w.wallet === one && w.currency === of)?.amount ?? 0;
  const card = (all, one, of) =>
    h(
      "button",
      {
        class: "money-card",
        type: "button",
        "aria-pressed": String(one === wallet && of === currency),
        data: { testid: `wallet-${one}-${of}` },
        on: { click: () => choose(one, of) },
      },
      h("span", {}, t(`wallets.${one}`)),
      h("strong", {}, texts.money(balance(all, one, of), of)),
      h("span", {}, t(`wallets.${one}_text`)),
    );

  const refresh = async () => {
    const [merchant, { wallets }] = await Promise.all([api.get(id), api.wallets(id, mode)]);
    const all = wallets ?? [];
    currencies = [...new Set([...merchant.currencies, ...all.map((w) => w.currency)])];
    if (!currencies.includes(currency)) currency = currencies[0];
    const can = may(merchants.role(id), "move_money") && works(merchant.state, mode);
    const money = { page, id, mode, currencies: merchant.currencies, chosen: { wallet, currency } };
    refill(
      actions,
      modeSwitch(page),
      can && iconButton("transfer", t("wallets.move"), () => openMove(money), { data: { testid: "move" } }),
      can &&
        h(
          "button",
          { class: "primary small", type: "button", data: { testid: "topup" }, on: { click: () => openTopUp(money) } },
          icon("plus"),
          t("nav.topup"),
        ),
    );
    refill(
      cards,
      currencies.map((of) =>
        panel(
          of,
          h(
            "div",
            { class: "money-cards" },
            WALLETS.map((one) => card(all, one, of)),
          ),
        ),
      ),
    );
    refill(statementTitle, h("p", { class: "hint" }, t("wallets.of", { wallet: t(`wallets.${wallet}`), currency })));
    await statement.refresh();
  };
  cards.className = "view";
  const title = t("nav.wallets");
  const el = h(
    "div",
    { class: "view" },
    viewHead(title, { lead: t("wallets.lead"), actions }),
    testNote(page),
    cards,
    panel(t("wallet.statement"), [h("div", { class: "toolbar" }, statementTitle), statement.el]),
  );
  return { el, title, refresh };
}

/** What an entry of a merchant's statement was for. */
export function entryText({ t, has }, { kind, subject, amount }) {
  if (subject === "funding") return t(`entry.${kind}`);
  if (subject === "merchant") return t(amount > 0 ? "entry.merchant_in" : "entry.merchant_out");
  const key = `entry.merchant_${subject}_${kind}`;
  return has(key) ? t(key) : `${subject} ${kind}`; // something newer than this page
}

// A form about an amount of a merchant's money; run carries it out.
function openMoney({ page, currencies, chosen }, { title, go, fields, draft, run }) {
  const { texts, services, nav } = page;
  const { t } = texts;
  const currency = choiceField(
    t("compose.currency"),
    `${draft}-currency`,
    currencies.map((c) => ({ value: c, text: c })),
    chosen.currency,
  );
  const amount = lineField(t("topup.amount"), `${draft}-amount`, { inputmode: "decimal" });
  const example = () => amount.input.setAttribute("placeholder", toInput(0, currency.input.value));
  currency.input.addEventListener("change", example);
  const submit = async () => {
    const read = parse(amount.input.value, currency.input.value);
    const rule = checkAmount(read) ?? atLeast(read, 1);
    amount.show(rule ? ruleText(texts, rule, currency.input.value) : "");
    if (rule) {
      amount.input.focus();
      return false;
    }
    await run({
      request_id: services.drafts.requestId(draft),
      amount: read.minor,
      currency: currency.input.value,
    });
    services.drafts.drop(draft);
    await nav.refresh();
    return true;
  };
  const button = h("button", { class: "primary wide-button", data: { testid: `${draft}-send` } }, go);
  openSheet(page, title, [...fields, currency.el, amount.el, button], submit, { draft });
  example();
  amount.input.focus();
}

function openTopUp(money) {
  const { page, id, mode, chosen } = money;
  const { texts, api, services } = page;
  const { t } = texts;
  const wallet = choiceField(t("wallets.into"), "topup-wallet", walletOptions(t), chosen.wallet);
  openMoney(money, {
    title: t("nav.topup"),
    go: t("topup.go"),
    fields: [wallet.el],
    draft: "topup",
    run: async (body) => {
      const { state } = await api.topUp(id, { ...body, mode, wallet: wallet.input.value });
      const text = texts.money(body.amount, body.currency);
      services.toasts.show(t(state === "settled" ? "wallets.topped" : "wallets.topping", { money: text }), "", "good");
    },
  });
}

function openMove(money) {
  const { page, id, mode, chosen } = money;
  const { texts, api, services, nav } = page;
  const { t } = texts;
  const sender = choiceField(t("wallets.from"), "move-sender", walletOptions(t), chosen.wallet);
  openMoney(money, {
    title: t("wallets.move"),
    go: t("wallets.move_go"),
    fields: [sender.el],
    draft: "move",
    run: async (body) => {
      const from = sender.input.value;
      const receiver = WALLETS.find((one) => one !== from);
      await api.move(id, { ...body, mode, sender: from, receiver });
      services.toasts.show(t("wallets.moved", { money: texts.money(body.amount, body.currency) }), "", "good");
      nav.follow(300, 1200); // it arrives within moments
    },
  });
}

const walletOptions = (t) => WALLETS.map((value) => ({ value, text: t(`wallets.${value}`) }));
