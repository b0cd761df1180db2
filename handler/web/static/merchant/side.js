// What tells that one looks at the test side.

import { h, icon } from "../core/dom.js";

/** @param {import("../console/page.js").Page} page */
export function testNote({ texts, nav }) {
  if (nav.place().mode !== "test") return null;
  return h("p", { class: "test-note" }, icon("shield"), texts.t("mode.test_note"));
}
