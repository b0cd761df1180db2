// The bar at the top: who one is, what one owns, the way to the wallet, the language.

import { attribute, countTo, fill, h, icon, setText } from "./dom.js";
import { format } from "./money.js";
import { initial, tint } from "./people.js";

const DEFAULT_CURRENCY = "CNY";

export function barView(ctx) {
  const { t, me } = ctx;
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
        title: t("nav.switch"),
        "aria-label": `${ctx.name(me)}. ${t("nav.switch")}`,
        data: { testid: "me" },
        on: { click: ctx.leave },
      },
      h("span", { class: `avatar ${tint(me)}`, "aria-hidden": "true" }, initial(ctx.name(me))),
      h("span", { class: "me-name" }, ctx.name(me)),
    ),
    h("span", { class: "grow" }),
    h("button", { class: "balance", type: "button", title: t("nav.balance"), on: { click: ctx.wallet } }, amount, more),
    ctx.dev && button("plus", "topup", t("nav.topup"), ctx.topUp),
    button("history", "history", t("nav.history"), ctx.wallet),
    h(
      "button",
      {
        class: "bar-button lang",
        type: "button",
        data: { testid: "lang" },
        "aria-label": t("app.lang_label"),
        on: { click: ctx.toggleLang },
      },
      t("app.lang"),
    ),
    notice,
  );

  let owned; // what the balance is, or counts up to
  let ownedIn = "";
  let shown; // what stands there
  let stop = () => {};
  const say = (minor, currency) => {
    shown = minor;
    setText(amount, format(minor, currency, ctx.lang));
  };
  const update = () => {
    const { balances, status } = ctx.store;
    const currency = balances.has(DEFAULT_CURRENCY) || !balances.size ? DEFAULT_CURRENCY : [...balances.keys()][0];
    const now = balances.get(currency) ?? 0;
    const others = [...balances].filter(([c, minor]) => c !== currency && minor > 0);
    setText(more, others.map(([c, minor]) => format(minor, c, ctx.lang)).join(" · "));
    if (now !== owned || currency !== ownedIn) {
      stop();
      const before = currency === ownedIn ? owned : undefined;
      if (before === undefined || now < before) say(now, currency);
      else stop = countTo(shown, now, (minor) => say(minor, currency));
      if (before !== undefined) flash(now > before ? "up" : "down");
      if (balances.size) [owned, ownedIn] = [now, currency];
    }
    const trouble = !navigator.onLine ? "device_offline" : status === "live" ? "" : status;
    attribute(el, "data-status", trouble || "live");
    fill(notice, trouble && t(`status.${trouble}`));
  };
  const flash = (way) => {
    amount.classList.remove("up", "down");
    void amount.offsetWidth; // starts the animation again
    amount.classList.add(way);
  };
  return { el, update };
}
