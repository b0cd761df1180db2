// One cover: what people would see and the decision on one side, its history on the other.

import { newRequestId } from "../core/api.js";
import { fill, h } from "../core/dom.js";
import { doButton } from "../core/item.js";
import { field } from "../core/sheet.js";
import { blankDesign, coverPreview, coverStory } from "../console/cover.js";
import { coverChangeText, historyPanel } from "../console/history.js";
import { backLink, copyable, facts, moment, panel, pill, placeLink, refill, viewHead } from "../console/parts.js";
import { ask, lineField, MAX_REASON } from "../console/sheets.js";

const VERBS = { in_review: ["approve", "reject"], approved: ["freeze"], frozen: ["restore", "take_down"] };
const BAD = ["reject", "freeze", "take_down"];
const FIELDS = ["name", "face", "opened", "pendant", "story", "colour", "accent", "greeting"];

/** @param {import("./console.js").OperatorPage} page */
export function coverView(page) {
  const { texts, nav, services, api, state } = page;
  const { t } = texts;
  const { merchant: id, item } = nav.place();
  const head = h("div", {});
  const deciding = h("div", {});
  const known = h("div", {});
  const story = h("div", {});
  const preview = coverPreview(page);
  preview.show(blankDesign());
  const history = historyPanel(page, (cursor) => api.coverHistory(id, item, cursor), coverChangeText);
  const reason = field(
    t("decide.reason"),
    h("textarea", { rows: 3, maxlength: MAX_REASON, data: { testid: "decision-reason" } }),
  );
  reason.el.classList.add("tall");
  const findings = FIELDS.map((name) => ({
    name,
    ...lineField(t(`cover.${name}`), `finding-${name}`, { maxlength: MAX_REASON }),
  }));

  const decide = async (cover, verb) => {
    const said = reason.input.value.trim().replace(/\s+/g, " ");
    reason.show(said ? "" : t("ask.reason_missing"));
    if (!said) return reason.input.focus();
    const named = findings
      .map(({ name, input }) => ({ field: name, text: input.value.trim().replace(/\s+/g, " ") }))
      .filter(({ text }) => text);
    const carryOut = async () => {
      const body = { request_id: newRequestId(), decision: verb, reason: said };
      await api.decideCover(item, { ...body, ...(verb === "reject" && named.length > 0 && { findings: named }) });
      reason.input.value = "";
      services.toasts.show(t("decide.cover_done"), "", "good");
      await Promise.all([nav.refresh(), state.look()]);
    };
    if (verb !== "take_down") return carryOut();
    ask(page, {
      title: t("decide.take_down_sure", { name: cover.design.name || t("cover.unnamed") }),
      text: t("decide.take_down_text"),
      go: t("decide.cover_take_down"),
      danger: true,
      run: carryOut,
    });
  };
  const draw = (cover, merchantName) => {
    refill(
      head,
      viewHead(cover.design.name || t("cover.unnamed"), {
        before: backLink(page, { merchant: "", view: "covers" }, t("nav.covers")),
        actions: pill(page, cover.state),
      }),
    );
    preview.show(cover.design);
    fill(story, coverStory(page, cover.design));
    const merchant = placeLink(
      page,
      { merchant: "", view: "merchant", item: id },
      { class: "link", data: { testid: "cover-merchant" } },
      merchantName,
    );
    refill(
      known,
      facts([
        [t("side.member"), merchant],
        [t("cover.greeting"), cover.design.greeting],
        [t("mode.label"), t(`mode.${cover.mode}`)],
        [t("cover.until"), cover.usable_until > 0 && moment(page, cover.usable_until)],
        [t("facts.since"), moment(page, cover.created_at)],
        [t("facts.id"), copyable(page, cover.id, t("facts.id"))],
        [t("cover.appeal"), cover.appeal && `${cover.appeal_text} (${t(`cover.appeal_${cover.appeal}`)})`],
      ]),
    );
    const look = `${cover.state} ${cover.appeal}`;
    if (deciding.dataset.look === look) return;
    deciding.dataset.look = look;
    const verbs = [...(VERBS[cover.state] ?? []), ...(cover.appeal === "open" ? ["keep"] : [])];
    const button = (verb) =>
      doButton(
        page,
        { class: BAD.includes(verb) ? "secondary small danger" : "primary small", data: { testid: `decide-${verb}` } },
        t(`decide.cover_${verb}`),
        () => decide(cover, verb),
      );
    const single =
      verbs.includes("reject") &&
      h(
        "details",
        { class: "fold" },
        h("summary", { data: { testid: "findings" } }, t("cover.findings")),
        h(
          "div",
          { class: "panel-body" },
          h("p", { class: "hint" }, t("cover.findings_hint")),
          findings.map((f) => f.el),
        ),
      );
    const form =
      verbs.length > 0
        ? [h("div", { class: "panel-body" }, reason.el), h("div", { class: "choices" }, verbs.map(button)), single]
        : h("p", { class: "panel-body hint" }, t("decide.none"));
    refill(deciding, panel(t("decide.title"), form, { hint: t("decide.hint") }));
  };
  const refresh = async () => {
    const [cover, merchant] = await Promise.all([api.cover(id, item), api.get(id), history.refresh()]);
    draw(cover, merchant.name);
  };
  const el = h(
    "div",
    { class: "view" },
    head,
    h(
      "div",
      { class: "columns" },
      h("div", {}, panel(t("cover.preview"), [preview.el, story, known])),
      h("div", {}, deciding, history.el),
    ),
  );
  return { el, title: t("nav.cover"), refresh };
}
