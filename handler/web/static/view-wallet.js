// The wallet: the statement with its running balance, the red envelopes one sent, and those one received.

import { fill, h, icon } from "./dom.js";
import { format, formatSigned, pieces } from "./money.js";
import { openSheet } from "./sheet.js";
import { exporter } from "./view-export.js";
import { entryLine, face, joined, line, sign } from "./view-statement.js";

const TABS = ["statement", "sent", "received"];

export function openWallet(ctx) {
  const { t, store } = ctx;
  const currencies = store.balances.size ? [...store.balances.keys()] : ["CNY"];
  let currency = currencies.includes("CNY") ? "CNY" : currencies[0];
  let tab = TABS[0];
  let turn = 0; // answers of a list that is not shown any more are dropped

  const big = h("p", { class: "big-amount" });
  const choice = h(
    "select",
    {
      class: "currency",
      "aria-label": t("compose.currency"),
      data: { testid: "history-currency" },
      on: { change: () => ((currency = choice.value), show()) },
    },
    currencies.map((code) => h("option", { value: code, selected: code === currency }, code)),
  );
  const tabs = TABS.map((name) =>
    h(
      "button",
      {
        type: "button",
        role: "tab",
        class: "tab",
        "aria-label": t(`wallet.${name}_label`),
        data: { testid: `history-${name}` },
        on: { click: () => ((tab = name), show()) },
      },
      name !== TABS[0] && icon("packet"),
      t(`wallet.${name}`),
    ),
  );
  const list = h("ul", { class: "lines", data: { testid: "history-list" } });
  const more = h("button", { class: "secondary", type: "button", data: { testid: "history-more" } }, t("wallet.more"));
  const empty = h(
    "div",
    { class: "empty" },
    icon("packet"),
    h("h2", {}, t("wallet.empty")),
    h("p", {}, t("wallet.empty_text")),
  );

  const pages = {
    statement: async (cursor) => {
      const page = await ctx.api.entries(currency, cursor);
      return { lines: (page.entries ?? []).map((e) => entryLine(ctx, e, currency)), next: page.next_cursor };
    },
    sent: async (cursor) => {
      const page = await ctx.api.sent(cursor);
      return { lines: (page.envelopes ?? []).map((e) => sentLine(ctx, e)), next: page.next_cursor };
    },
    received: async (cursor) => {
      const page = await ctx.api.received(cursor);
      return { lines: (page.shares ?? []).map((s) => receivedLine(ctx, s)), next: page.next_cursor };
    },
  };

  const load = async (cursor, mine) => {
    more.disabled = true;
    try {
      const { lines, next } = await pages[tab](cursor);
      if (mine !== turn) return;
      list.append(...lines);
      more.hidden = !next;
      more.onclick = () => load(next, mine);
      empty.hidden = list.children.length > 0;
    } catch (problem) {
      if (mine === turn) more.hidden = false;
      ctx.toasts.problem(problem);
    } finally {
      more.disabled = false;
    }
  };

  const file = exporter(ctx, () => currency);
  const balance = () =>
    fill(
      big,
      pieces(store.balances.get(currency) ?? 0, currency, ctx.lang).map((p) => h("span", { class: p.type }, p.text)),
    );
  const show = () => {
    turn++;
    const mine = turn;
    tabs.forEach((el, i) => el.setAttribute("aria-selected", String(TABS[i] === tab)));
    list.replaceChildren();
    empty.hidden = true;
    more.hidden = true;
    more.onclick = () => load("", mine);
    file.hidden = tab !== TABS[0];
    balance();
    load("", mine);
  };

  const unwatch = ctx.watch(balance);
  openSheet(
    ctx,
    t("wallet.title"),
    [
      h("div", { class: "wallet-top" }, big, currencies.length > 1 && choice),
      h("div", { class: "tabs", role: "tablist" }, tabs),
      file,
      list,
      empty,
      h("div", { class: "buttons" }, more),
    ],
    null,
    { wide: true, done: unwatch },
  );
  show();
  ctx.actions.balances().catch((problem) => ctx.toasts.problem(problem));
}

function sentLine(ctx, sent) {
  const { t, lang } = ctx;
  const money = (minor) => format(minor, sent.currency, lang);
  const under = [
    sent.settled > 0 && t("wallet.settled", { money: money(sent.settled) }),
    sent.refunded > 0 && t("wallet.returned", { money: money(sent.refunded) }),
  ];
  return line(
    sign("hold"),
    joined(t(`kind.${sent.kind}`), t("wallet.in_group", { group: ctx.groupName(sent.group_id) })),
    joined(sent.greeting, ctx.i18n.time(sent.created_at)),
    money(sent.total),
    joined(...under) || t("wallet.waiting"),
  );
}

function receivedLine(ctx, share) {
  const { t, lang } = ctx;
  return line(
    face(ctx, share.sender),
    t("packet.from", { name: ctx.name(share.sender) }),
    joined(share.greeting, ctx.i18n.time(share.at)),
    formatSigned(share.amount, share.currency, lang),
    "",
    "in",
  );
}
