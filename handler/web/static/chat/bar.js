// The bar at the top: who one is, what one owns, the way to the wallet, the language.

import { ofKind } from "../core/changes.js";
import { attribute, countTo, fill, h, icon, setText } from "../core/dom.js";
import { initial, tint } from "../core/people.js";
import { openMe } from "./me.js";

const DEFAULT_CURRENCY = "CNY";
const NOTHING = { currency: DEFAULT_CURRENCY, amount: 0 };

/** @param {import("../core/page.js").Page} page */
export function barView(page) {
  const { texts, nav, services } = page;
  const { t, name: nameOf } = texts;
  const { me, balances, connection, changes } = services;
  const amount = h("strong", { data: { testid: "balance" } });
  const more = h("small", {});
  const notice = h("p", { class: "notice", role: "status" });
  const button = (name, testid, label, click) =>
    h(
      "button",
      { class: "bar-button", type: "button", title: label, "aria-label": label, data: { testid }, on: { click } },
      icon(name),
    );

  const el = h(
    "header",
    { class: "bar" },
    h(
      "button",
      {
        class: "me",
        type: "button",
        title: t("me.title"),
        "aria-haspopup": "dialog",
        data: { testid: "me" },
        on: { click: () => openMe(page) },
      },
      h("span", { class: `avatar ${tint(me)}`, "aria-hidden": "true" }, initial(nameOf(me))),
      h("span", { class: "me-name" }, nameOf(me)),
    ),
    h("span", { class: "grow" }),
    h("button", { class: "balance", type: "button", title: t("nav.balance"), on: { click: nav.wallet } }, amount, more),
    services.dev && button("plus", "topup", t("nav.topup"), nav.topUp),
    button("history", "history", t("nav.history"), nav.wallet),
    h(
      "button",
      {
        class: "bar-button lang",
        type: "button",
        data: { testid: "lang" },
        "aria-label": t("app.lang_label"),
        on: { click: nav.toggleLang },
      },
      icon("language"),
    ),
    notice,
  );

  /** @type {number|undefined} what the balance is, or counts up to */
  let owned;
  let ownedIn = "";
  let shown = 0; // what stands there
  let stop = () => {};
  const say = (minor, currency) => {
    shown = minor;
    setText(amount, texts.money(minor, currency));
  };
  const showBalances = () => {
    if (!balances.isRead) return setText(amount, "–");
    const all = balances.list();
    const { currency, amount: now } = all.find((b) => b.currency === DEFAULT_CURRENCY) ?? all[0] ?? NOTHING;
    const others = all.filter((b) => b.currency !== currency && b.amount > 0);
    setText(more, others.map((b) => texts.money(b.amount, b.currency)).join(" · "));
    if (now !== owned || currency !== ownedIn) {
      stop();
      const before = currency === ownedIn ? owned : undefined;
      if (before === undefined || now < before) say(now, currency);
      else stop = countTo(shown, now, (minor) => say(minor, currency));
      if (before !== undefined) flash(now > before ? "up" : "down");
      if (balances.known) [owned, ownedIn] = [now, currency];
    }
  };
  const showConnection = () => {
    const { status } = connection;
    const trouble = !navigator.onLine ? "device_offline" : status === "live" ? "" : status;
    attribute(el, "data-status", trouble || "live");
    fill(notice, trouble && t(`status.${trouble}`));
  };
  const flash = (way) => {
    amount.classList.remove("up", "down");
    void amount.offsetWidth; // starts the animation again
    amount.classList.add(way);
  };
  const update = () => {
    showBalances();
    showConnection();
  };
  const stops = [changes.watch(ofKind("balances"), showBalances), changes.watch(ofKind("connection"), showConnection)];
  return { el, update, end: () => stops.forEach((stopWatching) => stopWatching()) };
}
