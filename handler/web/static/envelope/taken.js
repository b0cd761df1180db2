// Who opened an envelope: the newest first, growing as it happens, with the crown once all are taken.

import { fill, h, icon, keyed, setText } from "../core/dom.js";
import { initial, tint } from "../core/people.js";
import { takenAmount } from "./envelopes.js";

/**
 * @param {import("../core/page.js").Page} page
 * @param {import("./envelopes.js").Envelope} envelope
 */
export function takenView({ texts, services }, envelope) {
  const { t } = texts;
  const money = (minor) => texts.money(minor, envelope.currency);
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
      h("span", { class: `avatar ${tint(take.user)}`, "aria-hidden": "true" }, initial(texts.name(take.user))),
      h("span", { class: "taken-who" }, h("span", {}, texts.name(take.user)), h("time", {})),
      h("span", { class: "taken-amount" }, h("strong", {}, money(take.amount)), h("span", { class: "taken-best" })),
    );

  const show = (li, take) => {
    li.classList.toggle("own", take.user === services.me);
    setText(li.querySelector("time"), texts.time(take.at, true));
    // Luck needs others: the crown is for random shares only.
    const best = envelope.best === take.user && envelope.kind === "lucky" && envelope.count > 1;
    const place = li.querySelector(".taken-best");
    if (best && !place.childNodes.length) {
      fill(place, h("span", { class: "best", data: { testid: "best" } }, icon("crown"), t("packet.best")));
    }
  };

  /** @param {import("./envelopes.js").Envelope} now */
  const update = (now) => {
    envelope = now;
    const all = envelope.taken;
    const text = t("packet.summary", {
      n: all.length,
      m: envelope.count,
      money: money(takenAmount(envelope)),
      total: money(envelope.total),
    });
    const took =
      all.length === envelope.count
        ? t("packet.took", { time: texts.duration((all.at(-1)?.at ?? 0) - envelope.createdAt) })
        : "";
    setText(summary, took && envelope.count > 1 ? `${text} · ${took}` : text);
    keyed(list, [...all].reverse(), (take) => take.user, create, show);
    setText(empty, all.length ? "" : t("packet.nobody"));
    setText(
      back,
      envelope.refunded
        ? t("packet.refunded", { money: money(envelope.refunded), name: texts.name(envelope.sender) })
        : "",
    );
  };
  return { el, update };
}
