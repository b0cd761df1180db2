// The clock of a merchant's test side: how far it is ahead, and the form that advances it.

import { h } from "../core/dom.js";
import { newRequestId } from "../core/api.js";
import { openSheet } from "../core/sheet.js";
import { facts, iconButton, moment, panel } from "../console/parts.js";
import { lineField } from "../console/sheets.js";
import { may, MOST_ADVANCE_DAYS, wholeNumber } from "./rules.js";

const DAY_MS = 24 * 60 * 60 * 1000;

/** @param {import("./console.js").MerchantPage} page @param {string} id */
export function clockPanel(page, id) {
  const { texts, api, merchants, nav, services } = page;
  const { t } = texts;
  const advance = () => {
    const request = newRequestId();
    const days = lineField(t("clock.days"), "clock-days", { inputmode: "numeric" }, t("clock.days_hint"));
    const submit = async () => {
      const n = wholeNumber(days.input.value, MOST_ADVANCE_DAYS);
      days.show(Number.isNaN(n) ? t("rule.days", { max: MOST_ADVANCE_DAYS }) : "");
      if (Number.isNaN(n)) return false;
      await api.advanceTestClock(id, { request_id: request, by_ms: n * DAY_MS });
      services.toasts.show(t("clock.advanced"), "", "good");
      await merchants.read();
      await nav.refresh();
      return true;
    };
    const button = h("button", { class: "primary wide-button", data: { testid: "clock-send" } }, t("clock.advance"));
    openSheet(page, t("clock.advance"), [h("p", { class: "sheet-text" }, t("clock.text")), days.el, button], submit);
    days.input.focus();
  };
  const can = may(merchants.role(id), "advance_clock");
  return (m) =>
    panel(
      t("clock.title"),
      facts([
        [t("clock.now"), moment(page, api.now() + m.test_ahead_ms)],
        [t("clock.ahead"), t("clock.ahead_days", { n: Math.round((10 * m.test_ahead_ms) / DAY_MS) / 10 })],
      ]),
      {
        hint: t("clock.hint"),
        testid: "clock",
        actions: can && iconButton("clock", t("clock.advance"), advance, { data: { testid: "clock-advance" } }),
      },
    );
}
