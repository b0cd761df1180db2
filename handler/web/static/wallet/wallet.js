// The wallet: the statement with its running balance, the red envelopes one sent, and those one received.

import { ofKind } from "../core/changes.js";
import { fill, h, icon, setText } from "../core/dom.js";
import { doButton } from "../core/item.js";
import { personPlace } from "../core/places.js";
import { openSheet } from "../core/sheet.js";
import { tabList } from "../core/tabs.js";
import { exporter } from "./export.js";
import { openReport, yearOptions } from "./report.js";
import { isPast, readYear, reckon, yearOf } from "./year.js";
import { entryLine, face, joined, line, sign } from "./statement.js";

const TABS = ["statement", "sent", "received"];

/** @param {import("../core/page.js").Page} page */
export function openWallet(page) {
  const { texts, nav, services } = page;
  const { t } = texts;
  const { api, balances, transfers, chats, changes, actions, toasts } = services;
  const currencies = balances.known ? balances.list().map((b) => b.currency) : ["CNY"];
  let currency = currencies.includes("CNY") ? "CNY" : currencies[0];
  let tab = TABS[0];
  let year = yearOf(api.now());
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
  const years = h(
    "select",
    {
      class: "currency",
      "aria-label": t("year.choose"),
      data: { testid: "history-year" },
      on: { change: () => ((year = Number(years.value)), show()) },
    },
    yearOptions(year, year),
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

  // A button that leads to what a line is about: envelopes and bills open above the wallet, transfers in their
  // conversation.
  const opener = (subject, reference) => {
    const ways = {
      envelope: async () => {
        await actions.envelopes.read(reference);
        nav.openEnvelope(reference);
      },
      transfer: async () => {
        const transfer = await actions.transfers.read(reference);
        nav.go(personPlace(transfers.other(transfer)));
        sheet.close();
      },
      collection: async () => {
        const bill = await actions.collections.ofPayment(
          reference,
          chats.groups().map((g) => g.id),
        );
        if (bill) nav.openBill(bill.id);
        else toasts.show(t("wallet.no_bill"));
      },
    };
    const way = ways[subject];
    return way
      ? doButton(page, { class: "line-open", data: { testid: `see-${subject}-${reference}` } }, "", way)
      : null;
  };

  // How each list is read, its lines, and, where it is one of years, when a line was.
  const lists = {
    statement: {
      read: (cursor) => api.entries(currency, cursor),
      of: ({ entries = [] }) => entries,
      line: (e) => entryLine(texts, e, currency, opener),
    },
    sent: {
      read: (cursor) => api.sent(cursor),
      of: ({ envelopes = [] }) => envelopes,
      line: (e) => sentLine(texts, e, opener),
      at: (e) => e.created_at,
    },
    received: {
      read: (cursor) => api.received(cursor),
      of: ({ shares = [] }) => shares,
      line: (s) => receivedLine(texts, s, opener),
      at: (s) => s.at,
    },
  };
  const linesOf = (answer) => {
    const { of, line: draw, at } = lists[tab];
    return of(answer)
      .filter((one) => !at || yearOf(at(one)) === year)
      .map(draw);
  };
  const nextOf = (answer) => {
    const { of, at } = lists[tab];
    const last = of(answer).at(-1);
    return at && last && isPast(at(last), year) ? "" : answer.next_cursor;
  };

  const keyNow = () => (tab === TABS[0] ? `${tab} ${currency}` : tab);
  const load = async (cursor, mine) => {
    more.disabled = true;
    panel.setAttribute("aria-busy", "true");
    try {
      let answer = await lists[tab].read(cursor);
      if (mine !== turn) return;
      if (!cursor) {
        actions.wallet.firsts.set(keyNow(), answer);
        list.replaceChildren();
      }
      list.append(...linesOf(answer));
      // A year begins where the years after it end.
      while (list.children.length === 0 && nextOf(answer)) {
        answer = await lists[tab].read(answer.next_cursor);
        if (mine !== turn) return;
        list.append(...linesOf(answer));
      }
      const next = nextOf(answer);
      more.hidden = !next;
      more.onclick = () => load(next, mine);
      empty.hidden = list.children.length > 0;
      toasts.announce(empty.hidden ? t("wallet.loaded", { n: list.children.length }) : t("wallet.empty"));
    } catch (problem) {
      if (mine === turn) more.hidden = false;
      toasts.problem(problem);
    } finally {
      more.disabled = false;
      panel.removeAttribute("aria-busy");
    }
  };

  // What a year's envelopes come to, above their list.
  const totals = h("p", { class: "year-totals", role: "status", data: { testid: "year-totals" } });
  const sumUp = async (mine) => {
    setText(totals, "");
    if (tab === TABS[0]) return;
    const { read, of, at } = lists[tab];
    const page = async (cursor) => {
      const answer = await read(cursor);
      return { lines: of(answer), next: answer.next_cursor };
    };
    const lines = await services.quietly(readYear(page, at, year));
    if (mine !== turn || !lines) return;
    const found = reckon({
      me: services.me,
      currency,
      sent: tab === "sent" ? lines : [],
      shares: tab === "received" ? lines : [],
      known: (id) => services.envelopes.get(id),
    });
    const { count, total } = tab === "sent" ? found.given : found.received;
    const money = texts.money(total, currency);
    const best = tab === "received" && found.best ? ` · ${t("year.best_text", { n: found.best })}` : "";
    setText(totals, t(`year.${tab}_total`, { year, n: count, money }) + best);
  };

  const file = exporter(page, () => currency);
  const balance = () =>
    fill(
      big,
      texts.pieces(balances.of(currency), currency).map((p) => h("span", { class: p.type }, p.text)),
    );
  const show = () => {
    turn++;
    const mine = turn;
    const known = actions.wallet.firsts.get(keyNow()); // shown until there is an answer, and where there is none
    list.replaceChildren(...(known ? linesOf(known) : []));
    empty.hidden = true;
    more.hidden = true;
    more.onclick = () => load("", mine);
    file.hidden = tab !== TABS[0];
    ofYear.hidden = tab === TABS[0];
    balance();
    load("", mine);
    sumUp(mine);
  };

  const covers = h(
    "button",
    {
      class: "secondary wallet-covers",
      type: "button",
      data: { testid: "my-covers" },
      on: { click: () => toCovers() },
    },
    icon("packet"),
    t("wallet.covers"),
  );
  const report = h(
    "button",
    {
      class: "secondary",
      type: "button",
      data: { testid: "year-open" },
      on: { click: () => openReport(page, currency, year) },
    },
    icon("history"),
    t("year.open"),
  );
  const toCovers = () => {
    sheet.close();
    nav.covers();
  };

  const ofYear = h("div", { class: "wallet-year" }, years, totals);
  const panel = h("div", { class: "tab-panel" }, file, ofYear, list, empty, h("div", { class: "buttons" }, more));
  const tabs = tabList({
    label: t("wallet.title"),
    tabs: TABS.map((name) => ({
      name,
      testid: `history-${name}`,
      text: [name !== TABS[0] && icon("packet"), t(`wallet.${name}`)],
    })),
    panel,
    changed: (name) => {
      tab = name;
      show();
    },
  });

  const unwatch = changes.watch(ofKind("balances"), balance);
  const sheet = openSheet(
    page,
    t("wallet.title"),
    [
      h("div", { class: "wallet-top" }, big, currencies.length > 1 && choice),
      h("div", { class: "buttons" }, covers, report),
      tabs,
      panel,
    ],
    null,
    { wide: true, done: unwatch },
  );
  show();
  services.attempt(actions.wallet.read());
}

function sentLine(texts, sent, opener) {
  const { t } = texts;
  const money = (minor) => texts.money(minor, sent.currency);
  const under = [
    sent.settled > 0 && t("wallet.settled", { money: money(sent.settled) }),
    sent.refunded > 0 && t("wallet.returned", { money: money(sent.refunded) }),
  ];
  return line({
    sign: sign("hold"),
    title: joined(t(`kind.${sent.kind}`), t("wallet.in_group", { group: texts.groupName(sent.group_id) })),
    text: joined(texts.time(sent.created_at), texts.greeting(sent.greeting)),
    amount: money(sent.total),
    under: joined(...under) || t("wallet.waiting"),
    open: opener("envelope", sent.envelope_id),
  });
}

function receivedLine(texts, share, opener) {
  const { t } = texts;
  return line({
    sign: face(texts, share.sender),
    title: t("packet.from", { name: texts.name(share.sender) }),
    text: joined(texts.time(share.at), texts.greeting(share.greeting)),
    amount: texts.signed(share.amount, share.currency),
    under: "",
    tone: "in",
    open: opener("envelope", share.envelope_id),
  });
}
