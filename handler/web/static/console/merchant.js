// What is known of a merchant, as both sides read it.

import { h } from "../core/dom.js";
import { copyable, facts, moment, person } from "./parts.js";

/**
 * The groups of ISO 18245 that the consoles have names for: those of merchants of gifts and food most of all. The server
 * takes any four digits.
 */
export const INDUSTRIES = [
  "5812",
  "5814",
  "5411",
  "5462",
  "5651",
  "5732",
  "5912",
  "5942",
  "5977",
  "5999",
  "7011",
  "7832",
];

/** What is known of a merchant. @param {import("./page.js").Page} page */
export function merchantFacts(page, m) {
  const { texts } = page;
  const { t, lang } = texts;
  const country = new Intl.DisplayNames([lang], { type: "region" }).of(m.country);
  return facts([
    [t("apply.legal_id"), m.legal_id],
    [t("apply.country"), country],
    [t("apply.mcc"), INDUSTRIES.includes(m.mcc) ? `${t(`mcc.${m.mcc}`)} (${m.mcc})` : m.mcc],
    [t("apply.contact"), m.contact],
    [
      t("apply.currencies"),
      h(
        "span",
        { class: "tags" },
        m.currencies.map((c) => h("span", { class: "tag" }, c)),
      ),
    ],
    [t("facts.applicant"), person(page, m.applicant)],
    [t("facts.since"), moment(page, m.created_at)],
    [t("facts.changed"), m.changed_at !== m.created_at && moment(page, m.changed_at)],
    [t("facts.id"), copyable(page, m.id, t("facts.id"))],
  ]);
}
