// What a merchant may have and its keys may do, and how much of it is used.

import { h } from "../core/dom.js";
import { empty, modeSwitch, moment, panel, refill, viewHead } from "../console/parts.js";
import { may } from "./rules.js";
import { testNote } from "./side.js";

const WEBHOOKS = 16; // of one side that are not disabled

/** @param {import("./console.js").MerchantPage} page */
export function limitsView(page) {
  const { texts, nav, api, merchants } = page;
  const { t } = texts;
  const { merchant: id, mode } = nav.place();
  const own = h("div", {});
  const calls = h("div", {});
  const meter = (label, { used, limit, resets_at: resets }, hint) =>
    h(
      "div",
      { class: "meter", data: { testid: "meter" } },
      h("span", {}, h("strong", {}, label), h("small", {}, " ", hint)),
      h("span", { class: "meter-value" }, t("limits.of", { n: used, limit })),
      h("progress", { max: limit, value: used, "aria-label": label }),
      h(
        "small",
        {},
        resets > 0 && used > 0
          ? [t("limits.resets"), " ", moment(page, resets, true)]
          : t("limits.left", { n: limit - used }),
      ),
    );
  const refresh = async () => {
    const role = merchants.role(id);
    const [{ limits, keys }, hooks, named] = await Promise.all([
      api.limits(id, mode),
      may(role, "manage_webhooks") ? api.webhooks(id, mode) : null,
      may(role, "see_keys") ? api.keys(id) : null,
    ]);
    const names = new Map((named?.keys ?? []).map((key) => [key.id, key]));
    const used = hooks && (hooks.webhooks ?? []).filter((hook) => hook.state !== "disabled").length;
    refill(
      own,
      (limits ?? []).map((limit) => meter(t(`limits.${limit.name}`), limit, t(`limits.${limit.name}_text`))),
      used !== null && meter(t("limits.webhooks"), { used, limit: WEBHOOKS, resets_at: 0 }, t("limits.webhooks_text")),
    );
    const all = (keys ?? []).flatMap(({ key_id: key, limits: some }) => some.map((limit) => ({ key, limit })));
    const label = (key) => names.get(key)?.name ?? t("limits.key", { id: key.slice(-6) });
    const hint = (key) => (names.get(key)?.hint ? `…${names.get(key)?.hint}` : "");
    refill(
      calls,
      all.length > 0
        ? all.map(({ key, limit }) => meter(label(key), limit, hint(key)))
        : empty("key", t("keys.none"), t("limits.no_keys")),
    );
  };
  const title = t("nav.limits");
  const el = h(
    "div",
    { class: "view" },
    viewHead(title, { lead: t("limits.lead"), actions: modeSwitch(page) }),
    testNote(page),
    panel(t("limits.own"), own),
    panel(t("limits.calls_per_second"), calls, { hint: t("limits.calls_per_second_text") }),
  );
  return { el, title, refresh };
}
