// Calls that a velocity rule has stopped until an operator has looked at them, and those that were decided.

import { h } from "../core/dom.js";
import { pagedList } from "../console/list.js";
import { empty, iconButton, moment, panel, person, pill, viewHead } from "../console/parts.js";
import { ask } from "../console/sheets.js";

const STATES = ["open", "approved", "declined"];
const MAX_REASON = 200; // as risk.Decision has it

/** @param {import("./console.js").OperatorPage} page */
export function reviewsView(page) {
  const { texts, nav, services, api, state } = page;
  const { t } = texts;
  const chosen = h(
    "select",
    {
      "aria-label": t("reviews.state"),
      data: { testid: "review-state" },
      on: { change: () => services.attempt(list.refresh()) },
    },
    STATES.map((one) => h("option", { value: one }, t(`state.${one}`))),
  );
  const decide = (review, decision) => {
    const verb = decision === "approved" ? "approve" : "decline";
    ask(page, {
      title: t(`reviews.${verb}`),
      text: t(`reviews.${verb}_text`),
      go: t(`reviews.${verb}`),
      reason: "required",
      most: MAX_REASON,
      label: t("reviews.reason"),
      danger: decision === "declined",
      run: async (reason) => {
        await api.decideReview(review.id, { decision, reason });
        state.waiting.reviews = Math.max(0, state.waiting.reviews - 1);
        services.toasts.show(t(`reviews.${decision}`), "", "good");
        await nav.refresh();
      },
    });
  };
  const decided = (review) =>
    review.state !== "open" &&
    h(
      "small",
      {},
      t("reviews.by", { name: texts.name(review.by), reason: review.reason }),
      " · ",
      moment(page, review.decided_at, true),
    );
  const side = (review) =>
    review.state === "open"
      ? [
          iconButton("check", t("reviews.approve"), () => decide(review, "approved"), {
            data: { testid: `approve-${review.id}` },
          }),
          iconButton("close", t("reviews.decline"), () => decide(review, "declined"), {
            data: { testid: `decline-${review.id}` },
          }),
        ]
      : pill(page, review.state);
  const row = (review) =>
    h(
      "li",
      { data: { testid: `review-${review.id}` } },
      h(
        "div",
        { class: "row" },
        h(
          "span",
          { class: "row-text" },
          h(
            "strong",
            {},
            t(`reviews.kind_${review.kind}`, { amount: texts.money(review.amount, review.currency) }),
            review.payee && ` → ${texts.name(review.payee)}`,
          ),
          h("span", {}, t("reviews.rule", { rule: review.rule, version: review.version })),
          h("small", {}, person(page, review.user), " ", moment(page, review.at, true)),
          decided(review),
        ),
        h("span", { class: "row-side" }, side(review)),
      ),
    );
  const list = pagedList(page, {
    read: async (cursor) => {
      const { reviews, next_cursor: next } = await api.reviews(chosen.value, cursor);
      return { items: reviews ?? [], next };
    },
    row,
    nothing: () => empty("check", t("reviews.none"), t(`reviews.none_${chosen.value}`)),
    label: t("reviews.list"),
    testid: "reviews",
  });
  const title = t("nav.reviews");
  const el = h(
    "div",
    { class: "view" },
    viewHead(title, { lead: t("reviews.lead") }),
    panel(t("reviews.list"), list.el, { actions: chosen }),
  );
  return { el, title, refresh: list.refresh };
}
