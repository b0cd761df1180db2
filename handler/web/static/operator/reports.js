// What users say is wrong with covers.

import { h } from "../core/dom.js";
import { pagedList } from "../console/list.js";
import { empty, iconButton, moment, panel, person, viewHead } from "../console/parts.js";
import { ask } from "../console/sheets.js";

/** @param {import("./console.js").OperatorPage} page */
export function reportsView(page) {
  const { texts, nav, services, api, state } = page;
  const { t } = texts;
  const decide = (report, outcome) =>
    ask(page, {
      title: t(`reports.${outcome === "upheld" ? "uphold" : "dismiss"}`),
      text: t(`reports.${outcome === "upheld" ? "uphold" : "dismiss"}_text`),
      go: t(`reports.${outcome === "upheld" ? "uphold" : "dismiss"}`),
      reason: "required",
      label: t("decide.reason"),
      run: async (reason) => {
        await api.decideReport(report.id, { outcome, reason });
        services.toasts.show(t(`reports.${outcome}`), "", "good");
        await Promise.all([nav.refresh(), state.look()]);
      },
    });
  const row = (report) =>
    h(
      "li",
      { data: { testid: `report-${report.id}` } },
      h(
        "div",
        { class: "row" },
        h(
          "span",
          { class: "row-text" },
          h("strong", {}, t(`report.${report.reason}`)),
          report.note && h("span", {}, report.note),
          h("small", {}, person(page, report.user_id), " ", moment(page, report.at, true)),
        ),
        h(
          "span",
          { class: "row-side" },
          iconButton(
            "cover",
            t("reports.see"),
            () => nav.go({ view: "cover", merchant: report.merchant_id, item: report.cover_id }),
            {
              data: { testid: `see-${report.id}` },
            },
          ),
          iconButton("check", t("reports.uphold"), () => decide(report, "upheld"), {
            data: { testid: `uphold-${report.id}` },
          }),
          iconButton("close", t("reports.dismiss"), () => decide(report, "dismissed"), {
            data: { testid: `dismiss-${report.id}` },
          }),
        ),
      ),
    );
  const list = pagedList(page, {
    read: async (cursor) => {
      const { reports, next_cursor: next } = await api.reports(cursor);
      return { items: reports ?? [], next };
    },
    row,
    nothing: () => empty("flag", t("reports.none"), t("reports.none_text")),
    label: t("reports.list"),
    testid: "reports",
  });
  const title = t("nav.reports");
  const el = h(
    "div",
    { class: "view" },
    viewHead(title, { lead: t("reports.lead") }),
    panel(t("reports.list"), list.el),
  );
  return { el, title, refresh: list.refresh };
}
