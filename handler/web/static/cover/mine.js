// The covers that one holds: what each looks like, until when it may be used, and the way to an envelope with it.

import { ofKind } from "../core/changes.js";
import { h, icon, keyed } from "../core/dom.js";
import { doButton } from "../core/item.js";
import { field, openSheet } from "../core/sheet.js";
import { thumb } from "./art.js";
import { whyNot } from "./rules.js";
import { coverView } from "./shown.js";

/** @typedef {import("../core/page.js").Page} Page */
/** @typedef {import("./covers.js").Held} Held */

/** @param {Page} page */
export function openCovers(page) {
  const { texts, services } = page;
  const { t } = texts;
  const { covers, actions, changes, attempt } = services;
  const list = h("ul", { class: "mine", data: { testid: "covers-list" } });
  const empty = h(
    "div",
    { class: "empty", hidden: true },
    icon("packet"),
    h("h2", {}, t("covers.empty")),
    h("p", {}, t("covers.empty_text")),
  );

  const draw = () => {
    const held = [...covers.held(), ...covers.own()];
    keyed(
      list,
      held.filter(({ id }) => covers.get(id)),
      (one) => JSON.stringify([one, covers.get(one.id)]),
      (one) => line(page, one, () => sheet.close()),
    );
    empty.hidden = !covers.known || held.length > 0;
  };

  const unwatch = changes.watch(ofKind("cover", "covers"), draw);
  const sheet = openSheet(page, t("covers.title"), [list, empty], null, { wide: true, done: unwatch });
  draw();
  attempt(actions.covers.mine());
}

/** @param {Page} page @param {string} id */
export async function openCover(page, id) {
  const { texts, services } = page;
  const cover = await services.attempt(services.actions.covers.read(id));
  if (cover === null) services.toasts.show(texts.t("cover.gone"));
  if (!cover) return;
  const report = h(
    "button",
    { class: "link", type: "button", data: { testid: "cover-report" }, on: { click: () => openReport(page, cover) } },
    texts.t("report.open"),
  );
  const content = [coverView(texts, cover).el, Boolean(cover.merchant) && h("p", { class: "shown-report" }, report)];
  openSheet(page, texts.t("cover.one"), content, null, { wide: true });
}

const REASONS = ["copied", "indecent", "violent", "fraud", "unlawful", "other"];
const NOTE = 200; // characters

/** Asks what is wrong with a cover and tells the operators. @param {Page} page @param {import("./covers.js").Cover} cover */
function openReport(page, cover) {
  const { texts, services } = page;
  const { t } = texts;
  const reason = /** @type {HTMLSelectElement} */ (
    h(
      "select",
      { data: { testid: "report-reason" } },
      REASONS.map((one) => h("option", { value: one }, t(`report.${one}`))),
    )
  );
  const note = /** @type {HTMLInputElement} */ (
    h("input", { type: "text", autocomplete: "off", maxlength: NOTE, data: { testid: "report-note" } })
  );
  const content = [
    h("p", {}, t("report.text", { name: cover.name })),
    field(t("report.reason"), reason).el,
    field(t("report.note"), note).el,
    h("button", { class: "primary wide-button", data: { testid: "report-send" } }, t("report.send")),
  ];
  openSheet(page, t("report.title"), content, async () => {
    await services.actions.covers.report(cover.id, reason.value, note.value.trim());
    services.toasts.show(t("report.done"), t("report.done_text"));
    return true;
  });
}

/** @param {Page} page @param {Held} held @param {() => void} close */
function line(page, held, close) {
  const { texts, nav, services } = page;
  const { t } = texts;
  const cover = services.covers.get(held.id);
  if (!cover) return h("li");
  const why = whyNot(held, cover, services.api.now());
  const send = () => {
    close();
    nav.sendWith(held.id);
  };
  return h(
    "li",
    { class: "mine-cover", data: { testid: `held-${held.id}` } },
    doButton(
      page,
      { class: "mine-look", "aria-label": t("cover.look", { name: cover.name }), data: { testid: `look-${held.id}` } },
      thumb(cover, "medium"),
      () => openCover(page, held.id),
    ),
    h(
      "div",
      { class: "mine-text" },
      h("strong", {}, cover.name),
      h("span", { class: "mine-by" }, cover.merchant || t("cover.ours")),
      h(
        "span",
        { class: why ? "mine-until bad" : "mine-until" },
        held.usableUntil === Infinity
          ? t("covers.free")
          : t(why ? `covers.${why}` : "covers.until", { time: texts.time(held.usableUntil) }),
      ),
    ),
    !why &&
      h(
        "button",
        { class: "secondary", type: "button", data: { testid: `use-${held.id}` }, on: { click: send } },
        t("covers.use"),
      ),
  );
}
