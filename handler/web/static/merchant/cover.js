// One cover: what people see, how it stands, its pieces, the ways to them, what came of it, and its history.

import { newRequestId } from "../core/api.js";
import { fill, h, icon } from "../core/dom.js";
import { coverPreview, coverStory } from "../console/cover.js";
import { coverChangeText, findingsList, historyPanel } from "../console/history.js";
import { backLink, copyable, facts, moment, panel, pill, placeLink, refill, viewHead } from "../console/parts.js";
import { ask } from "../console/sheets.js";
import { channelsPanel } from "./channels.js";
import { may } from "./rules.js";
import { testNote } from "./side.js";
import { statsPanel } from "./stats.js";
import { stockPanel } from "./stock.js";

const STOCKED = ["approved", "frozen", "expired", "taken_down"]; // states that a cover may have pieces in

/** @param {import("./console.js").MerchantPage} page */
export function coverView(page) {
  const { texts, nav, services, api, merchants } = page;
  const { t } = texts;
  const { merchant: id, item } = nav.place();
  const head = h("div", { class: "view" });
  const known = h("div", {});
  const preview = coverPreview(page);
  const story = h("div", {});
  const business = h("div", { class: "view" });
  const stock = stockPanel(page, id, item);
  let mode = "live"; // until the cover is read
  const now = () => api.now() + merchants.ahead(id, mode);
  const channels = channelsPanel(page, id, item, now);
  const stats = statsPanel(page, id, item, () => channels.names(), now);
  const history = historyPanel(page, (cursor) => api.coverHistory(id, item, cursor), coverChangeText);
  fill(business, stock.el, channels.el, stats.el);
  business.hidden = true;

  const submit = () =>
    ask(page, {
      title: t("cover.submit"),
      text: t("cover.submit_text"),
      go: t("cover.submit"),
      run: async () => {
        await api.changeCover(id, item, "submit", { request_id: newRequestId() });
        services.toasts.show(t("cover.submitted"), "", "good");
        await nav.refresh();
      },
    });
  const appeal = (cover) =>
    ask(page, {
      title: t("cover.appeal_go"),
      text: t("cover.appeal_text", { time: texts.time(cover.appeal_until) }),
      go: t("cover.appeal_go"),
      reason: "required",
      run: async (reason) => {
        await api.changeCover(id, item, "appeal", { request_id: newRequestId(), reason });
        await nav.refresh();
      },
    });
  const banner = (cover) => {
    const findings = cover.findings ?? [];
    if (!["rejected", "frozen", "taken_down"].includes(cover.state)) return null;
    return h(
      "div",
      { class: "banner banner-bad" },
      icon("flag"),
      h(
        "div",
        {},
        h("strong", {}, t(cover.state === "frozen" ? "state.frozen" : "cover.review")),
        h("p", {}, cover.reason),
        findings.length > 0 && findingsList(page, findings),
        cover.state === "frozen" && h("p", {}, t("cover.frozen_text")),
        cover.appeal && h("p", {}, `${t("cover.appeal")}: ${cover.appeal_text} (${t(`cover.appeal_${cover.appeal}`)})`),
      ),
    );
  };
  const draw = (cover) => {
    mode = cover.mode;
    const edits = may(merchants.role(id), "edit_covers");
    const isOpen = edits && ["draft", "rejected"].includes(cover.state);
    const appeals = edits && cover.state === "frozen" && !cover.appeal && cover.appeal_until > now();
    refill(
      head,
      viewHead(cover.design.name || t("cover.unnamed"), {
        before: backLink(page, { view: "covers" }, t("nav.covers")),
        actions: [
          pill(page, cover.state),
          isOpen &&
            placeLink(
              page,
              { view: "cover-editor", item },
              { class: "secondary small", data: { testid: "cover-edit" } },
              icon("edit"),
              t("cover.edit"),
            ),
          edits &&
            cover.state === "draft" &&
            h(
              "button",
              { class: "primary small", type: "button", data: { testid: "cover-submit" }, on: { click: submit } },
              icon("send"),
              t("cover.submit"),
            ),
          appeals &&
            h(
              "button",
              {
                class: "primary small",
                type: "button",
                data: { testid: "cover-appeal" },
                on: { click: () => appeal(cover) },
              },
              icon("flag"),
              t("cover.appeal_go"),
            ),
        ],
      }),
      testNote(page),
      banner(cover),
    );
    preview.show(cover.design);
    fill(story, coverStory(page, cover.design));
    refill(
      known,
      facts([
        [t("cover.greeting"), cover.design.greeting],
        [t("cover.until"), cover.usable_until > 0 && moment(page, cover.usable_until)],
        [t("facts.changed"), moment(page, cover.changed_at)],
        [t("facts.since"), moment(page, cover.created_at)],
        [t("facts.id"), copyable(page, cover.id, t("facts.id"))],
      ]),
    );
  };
  const refresh = async () => {
    const cover = await api.cover(id, item);
    draw(cover);
    business.hidden = !STOCKED.includes(cover.state);
    await Promise.all([
      history.refresh(),
      !business.hidden &&
        Promise.all([api.stock(id, item)]).then(([all]) =>
          Promise.all([stock.draw(all, cover), channels.draw(all, cover), stats.refresh()]),
        ),
    ]);
  };
  const el = h(
    "div",
    { class: "view" },
    head,
    h(
      "div",
      { class: "editor" },
      h("div", {}, business, history.el),
      h("div", {}, panel(t("cover.preview"), [preview.el, story, known])),
    ),
  );
  return { el, title: t("nav.cover"), refresh, end: stats.end };
}
