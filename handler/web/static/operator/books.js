// The books: an audit on demand, what is under way, and what the installation is.

import { h, icon } from "../core/dom.js";
import { doButton } from "../core/item.js";
import { empty, facts, moment, panel, pill, refill, viewHead } from "../console/parts.js";

/** @param {import("./console.js").OperatorPage} page */
export function booksView(page) {
  const { texts, services, api, state } = page;
  const { t } = texts;
  const audit = h("div", {});
  const backlog = h("div", { class: "figures" });
  const installation = h("div", {});
  const number = (n) => new Intl.NumberFormat(texts.lang).format(n);
  const figure = (label, value) => h("div", { class: "figure" }, h("strong", {}, value), h("span", {}, label));

  const draw = () => {
    if (!state.audit) {
      refill(audit, empty("books", t(state.running ? "books.checking" : "books.never"), t("books.never_text")));
      return;
    }
    const { report, at } = state.audit;
    const inFlight = (report.in_flight ?? []).map((a) => texts.money(a.amount, a.currency)).join(" · ");
    const title = report.balanced ? t("books.good") : t("books.bad", { n: report.found });
    refill(
      audit,
      h(
        "div",
        { class: "row", data: { testid: "audit-result", balanced: String(report.balanced) } },
        h(
          "span",
          { class: "row-text" },
          h("strong", {}, title),
          h("small", {}, t("books.at"), " ", moment(page, at, true)),
        ),
        pill(page, report.balanced ? "balanced" : "unbalanced"),
      ),
      h(
        "div",
        { class: "figures" },
        ["shards", "accounts", "entries", "holds", "posts"].map((name) =>
          figure(t(`books.${name}`), number(report[name])),
        ),
        figure(t("books.flight"), inFlight || t("books.idle")),
      ),
      (report.discrepancies ?? []).length > 0 &&
        h(
          "ul",
          { class: "rows" },
          report.discrepancies.map((d) =>
            h(
              "li",
              { class: "row" },
              h(
                "span",
                { class: "row-text" },
                h("strong", { class: "code" }, `${d.kind} · ${d.shard}`),
                h("small", { class: "code" }, d.what),
              ),
              h(
                "span",
                { class: "row-side code" },
                `${t("books.expected")} ${d.expected}, ${t("books.found")} ${d.found}`,
              ),
            ),
          ),
        ),
    );
  };
  const check = async () => {
    state.running = true;
    draw();
    try {
      const report = await api.audit();
      state.audit = { report, at: Date.now() };
      services.toasts.announce(report.balanced ? t("books.good") : t("books.bad", { n: report.found }));
    } finally {
      state.running = false;
      draw();
    }
  };
  const run = doButton(
    page,
    { class: "primary small", data: { testid: "audit" } },
    [icon("shield"), t("books.check")],
    check,
  );

  const refresh = async () => {
    const [all, at] = await Promise.all([api.backlog(), api.installation()]);
    const shards = all.shards ?? [];
    const sum = (name) => shards.reduce((n, s) => n + s[name], 0);
    const oldest = Math.max(0, ...shards.map((s) => Math.max(s.settle_age_ms, s.clearing_age_ms)));
    refill(
      backlog,
      figure(t("books.settle"), number(sum("settle_entries"))),
      figure(t("books.relay"), number(sum("relay_entries"))),
      figure(t("books.oldest"), oldest > 0 ? texts.duration(oldest) : t("books.idle")),
    );
    const redis = (at.redis ?? []).map((r) => `${r.version} (appendfsync ${r.appendfsync || "?"})`);
    refill(
      installation,
      facts([
        [t("books.version"), h("code", { class: "code" }, at.version)],
        [t("books.sandbox"), t(at.sandbox ? "books.sandbox_yes" : "books.sandbox_no")],
        [t("books.shards"), String(at.shards)],
        [t("books.installed"), moment(page, at.created_at)],
        [t("books.redis"), redis.join(", ")],
        [t("books.mysql"), (at.mysql ?? []).map((m) => m.version).join(", ")],
        [t("facts.id"), h("code", { class: "code" }, at.id)],
      ]),
    );
    draw();
  };
  const title = t("nav.books");
  const el = h(
    "div",
    { class: "view" },
    viewHead(title, { lead: t("books.lead"), actions: run }),
    panel(t("books.audit"), audit, { hint: t("books.audit_hint"), testid: "audit-panel" }),
    panel(t("books.backlog"), backlog, { hint: t("books.backlog_hint") }),
    panel(t("books.installation"), installation),
  );
  draw();
  return { el, title, refresh };
}
