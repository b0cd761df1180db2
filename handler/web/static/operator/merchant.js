// One merchant: what is known of it and the decision on one side, its history on the other.

import { newRequestId } from "../core/api.js";
import { h } from "../core/dom.js";
import { doButton } from "../core/item.js";
import { field } from "../core/sheet.js";
import { historyPanel } from "../console/history.js";
import { merchantFacts } from "../console/merchant.js";
import { backLink, moment, panel, person, pill, refill, viewHead } from "../console/parts.js";
import { ask, MAX_REASON } from "../console/sheets.js";

const VERBS = { applied: ["approve", "reject"], active: ["suspend"], suspended: ["resume", "close"] };
const BAD = ["reject", "suspend", "close"];

/** @param {import("./console.js").OperatorPage} page */
export function merchantView(page) {
  const { texts, nav, services, api, state } = page;
  const { t } = texts;
  const id = nav.place().item;
  const head = h("div", {});
  const known = h("div", {});
  const deciding = h("div", {});
  const members = h("ul", { class: "rows", "aria-label": t("members.list") });
  const history = historyPanel(page, (cursor) => api.history(id, cursor));
  const reason = field(
    t("decide.reason"),
    h("textarea", { rows: 3, maxlength: MAX_REASON, data: { testid: "decision-reason" } }),
  );
  reason.el.classList.add("tall");

  const decide = async (m, verb) => {
    const said = reason.input.value.trim().replace(/\s+/g, " ");
    reason.show(said ? "" : t("ask.reason_missing"));
    if (!said) return reason.input.focus();
    const carryOut = async () => {
      await api.decide(id, { request_id: newRequestId(), decision: verb, reason: said });
      reason.input.value = "";
      services.toasts.show(t(`decide.${verb}_done`, { name: m.name }), "", "good");
      await Promise.all([nav.refresh(), state.look()]);
    };
    if (verb !== "close") return carryOut();
    ask(page, {
      title: t("decide.close_sure", { name: m.name }),
      text: t("decide.close_text"),
      go: t("decide.close"),
      danger: true,
      run: carryOut,
    });
  };
  const draw = (m, all) => {
    const verbs = VERBS[m.state] ?? [];
    refill(
      head,
      viewHead(m.name, {
        before: backLink(
          page,
          { view: m.state === "applied" ? "queue" : "merchants" },
          t(m.state === "applied" ? "nav.queue" : "nav.merchants"),
        ),
        actions: pill(page, m.state),
      }),
    );
    refill(known, panel(t("overview.facts"), merchantFacts(page, m)));
    const button = (verb) => {
      const tone = BAD.includes(verb) ? "secondary small danger" : "primary small";
      return doButton(page, { class: tone, data: { testid: `decide-${verb}` } }, t(`decide.${verb}`), () =>
        decide(m, verb),
      );
    };
    if (deciding.dataset.state !== m.state) {
      deciding.dataset.state = m.state;
      const form =
        verbs.length > 0
          ? [h("div", { class: "panel-body" }, reason.el), h("div", { class: "choices" }, verbs.map(button))]
          : h("p", { class: "panel-body hint" }, t("decide.final"));
      refill(deciding, panel(t("decide.title"), form, { hint: t("decide.hint") }));
    }
    refill(
      members,
      all.map((one) =>
        h(
          "li",
          { class: "row" },
          h("span", { class: "row-text" }, person(page, one.user_id)),
          h(
            "span",
            { class: "row-side" },
            h("span", { class: "tag" }, t(`role.${one.role}`)),
            h("span", {}, t("members.since"), " ", moment(page, one.since)),
          ),
        ),
      ),
    );
  };
  const refresh = async () => {
    const [m, { members: all }] = await Promise.all([api.get(id), api.members(id), history.refresh()]);
    draw(m, all ?? []);
  };
  const title = t("nav.merchants");
  const el = h(
    "div",
    { class: "view" },
    head,
    h(
      "div",
      { class: "columns" },
      h("div", {}, deciding, known, panel(t("members.list"), members)),
      h("div", {}, history.el),
    ),
  );
  return { el, title, refresh };
}
