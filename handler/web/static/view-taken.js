// Who opened an envelope: the newest first, growing as it happens, with the crown once all are taken.

import { fill, h, icon, keyed, setText } from "./dom.js";
import { format } from "./money.js";
import { initial, tint } from "./people.js";
import { takenAmount, takes } from "./store.js";

export function takenView(ctx, envelope) {
  const { t, lang } = ctx;
  const money = (minor) => format(minor, envelope.currency, lang);
  const summary = h("p", { class: "taken-summary", data: { testid: "taken-summary" } });
  const list = h("ol", {
    class: "taken",
    reversed: true,
    data: { testid: "taken-list" },
    "aria-label": t("packet.list"),
    "aria-live": "polite",
  });
  const empty = h("p", { class: "hint center" });
  const back = h("p", { class: "hint center" });
  const el = h("section", { class: "taken-section" }, summary, list, empty, back);

  const create = (take) =>
    h(
      "li",
      { data: { testid: `taken-${take.user}` } },
      h("span", { class: `avatar ${tint(take.user)}`, "aria-hidden": "true" }, initial(ctx.name(take.user))),
      h("span", { class: "taken-who" }, h("span", {}, ctx.name(take.user)), h("time", {})),
      h("span", { class: "taken-amount" }, h("strong", {}, money(take.amount)), h("span", { class: "taken-best" })),
    );

  const show = (li, take) => {
    li.classList.toggle("own", take.user === ctx.me);
    setText(li.querySelector("time"), ctx.i18n.time(take.at, true));
    // Luck needs others: the crown is for random shares only.
    const best = envelope.best === take.user && envelope.kind === "lucky" && envelope.count > 1;
    const place = li.querySelector(".taken-best");
    if (best && !place.childNodes.length) {
      fill(place, h("span", { class: "best", data: { testid: "best" } }, icon("crown"), t("packet.best")));
    }
  };

  const update = () => {
    const all = takes(envelope);
    const text = t("packet.summary", {
      n: all.length,
      m: envelope.count,
      money: money(takenAmount(envelope)),
      total: money(envelope.total),
    });
    const took =
      all.length === envelope.count
        ? t("packet.took", { time: ctx.i18n.duration(all.at(-1).at - envelope.createdAt) })
        : "";
    setText(summary, took && envelope.count > 1 ? `${text} · ${took}` : text);
    keyed(list, all.reverse(), (take) => take.user, create, show);
    setText(empty, all.length ? "" : t("packet.nobody"));
    setText(
      back,
      envelope.refunded
        ? t("packet.refunded", { money: money(envelope.refunded), name: ctx.name(envelope.sender) })
        : "",
    );
  };
  return { el, update };
}
