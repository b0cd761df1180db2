// A merchant in a list.

import { h, icon } from "../core/dom.js";
import { moment, pill, placeLink } from "../console/parts.js";

/** @param {import("./console.js").OperatorPage} page @param {string} [since] what the time beside it means */
export function merchantRow(page, m, since = "") {
  const { t, name } = page.texts;
  return h(
    "li",
    {},
    placeLink(
      page,
      { view: "merchant", item: m.id },
      { class: "row", data: { testid: `merchant-${m.id}` } },
      h(
        "span",
        { class: "row-text" },
        h("strong", {}, m.name),
        h("small", {}, `${m.legal_id} · ${m.country} · ${name(m.applicant)}`),
      ),
      h(
        "span",
        { class: "row-side" },
        h("span", {}, since && [t(since), " "], moment(page, m.changed_at)),
        pill(page, m.state),
        icon("chevron"),
      ),
    ),
  );
}
