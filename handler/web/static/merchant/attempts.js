// The attempts of a delivery: what was signed and sent, byte for byte, what was answered, and how long it took.

import { h, icon } from "../core/dom.js";
import { doButton } from "../core/item.js";
import { openSheet } from "../core/sheet.js";
import { pagedList } from "../console/list.js";
import { copyable, empty, facts, moment, pill } from "../console/parts.js";

/**
 * @param {import("./console.js").MerchantPage} page
 * @param {{id: string, mode: string, hook: string, delivery: any}} of
 * @param {() => Promise<void>} replay
 */
export function openAttempts(page, { id, mode, hook, delivery }, replay) {
  const { texts, api, services } = page;
  const { t } = texts;
  const attempt = (a) =>
    h(
      "li",
      { class: "attempt", data: { testid: `attempt-${a.number}`, outcome: a.outcome } },
      h(
        "div",
        { class: "attempt-head" },
        h("h3", {}, t("attempt.number", { n: a.number })),
        pill(page, a.outcome),
        a.status > 0 && h("span", { class: "tag code" }, `HTTP ${a.status}`),
        h("span", { class: "hint" }, moment(page, a.at, true), " · ", t("attempt.took", { n: a.took_ms })),
      ),
      a.failure && h("p", { class: "bad", lang: "en" }, a.failure),
      h("h4", {}, t("attempt.signed")),
      copyable(page, a.signed, t("attempt.signed"), { block: true, testid: `signed-${a.number}` }),
      facts([
        ["webhook-id", h("code", { class: "code" }, a.signed.split(".")[0])],
        ["webhook-timestamp", h("code", { class: "code" }, a.timestamp)],
        ["webhook-signature", h("code", { class: "code" }, a.signature)],
      ]),
      a.status > 0 && h("h4", {}, t("attempt.answer")),
      a.status > 0 &&
        (a.answer
          ? copyable(page, a.answer, t("attempt.answer"), { block: true, testid: `answer-${a.number}` })
          : h("p", { class: "hint" }, t("attempt.no_body"))),
    );
  const list = pagedList(page, {
    read: async (cursor) => {
      const { attempts, next_cursor: next } = await api.attempts(id, mode, hook, delivery.event_id, cursor);
      return { items: attempts ?? [], next };
    },
    row: attempt,
    nothing: () => empty("send", t("attempt.none"), t("attempt.none_text")),
    label: t("attempt.title"),
    testid: "attempts",
    tag: "ol",
  });
  const again = doButton(
    page,
    { class: "secondary small", data: { testid: "replay" } },
    [icon("return"), t("attempt.replay")],
    async () => {
      await replay();
      dialog.close();
    },
  );
  const head = h(
    "div",
    { class: "attempt-head" },
    h("strong", { class: "code" }, delivery.type),
    pill(page, delivery.state),
    h("span", { class: "grow" }),
    again,
  );
  const dialog = openSheet(page, t("attempt.title"), [head, list.el], null, { wide: true });
  dialog.classList.add("roomy");
  services.attempt(list.refresh());
}
