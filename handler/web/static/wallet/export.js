// The statement as a file, for a range of days.

import { h, icon } from "../core/dom.js";

const DAY_MS = 24 * 60 * 60_000;
const DAYS = 30; // of the range offered first

const day = (ms) => new Date(ms).toISOString().slice(0, 10); // UTC, as the server's days

/** @param {import("../core/page.js").Page} page @param {() => string} currency the one that is shown */
export function exporter({ texts, services }, currency) {
  const { t } = texts;
  const { api, toasts } = services;
  const today = api.now();
  const input = (testid, label, value) =>
    h(
      "label",
      { class: "export-day" },
      h("span", {}, label),
      h("input", { type: "date", value, required: true, data: { testid } }),
    );
  const from = input("export-from", t("export.from"), day(today - DAYS * DAY_MS));
  const to = input("export-to", t("export.to"), day(today));
  const valueOf = (label) => label.lastElementChild.value;
  const save = async () => {
    button.disabled = true;
    try {
      const range = { from: valueOf(from), to: valueOf(to) };
      if (!range.from || !range.to || range.from > range.to) {
        toasts.show(t("export.bad_range"), "", "bad");
        return;
      }
      const blob = await api.statement(currency(), range.from, range.to);
      download(await forSpreadsheets(blob), `statement-${currency()}-${range.from}-${range.to}.csv`);
    } catch (problem) {
      toasts.problem(problem);
    } finally {
      button.disabled = false;
    }
  };
  const button = h(
    "button",
    { class: "chip", type: "button", data: { testid: "export-csv" }, on: { click: save } },
    icon("download"),
    t("export.go"),
  );
  return h(
    "details",
    { class: "export" },
    h("summary", { data: { testid: "export" } }, t("export.title")),
    h("div", { class: "export-form" }, from, to, button),
    h("p", { class: "hint" }, t("export.hint")),
  );

  // What a spreadsheet opens as it should be read: marked as UTF-8, with headings in the language of the page.
  async function forSpreadsheets(blob) {
    const text = await blob.text();
    const end = text.indexOf("\r\n");
    const headings = text.slice(0, end).split(",");
    const named = headings.map((name) => `"${t(`export.${name}`)}"`).join(",");
    return new Blob(["\ufeff", named, text.slice(end)], { type: "text/csv;charset=utf-8" });
  }
}

// The address needs the token in a header, which a link cannot send: the file goes through memory.
function download(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = h("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 0);
}
