// The applications that wait for a decision.

import { h } from "../core/dom.js";
import { pagedList } from "../console/list.js";
import { empty, panel, viewHead } from "../console/parts.js";
import { merchantRow } from "./rows.js";

/** @param {import("./console.js").OperatorPage} page */
export function queueView(page) {
  const { t } = page.texts;
  const list = pagedList(page, {
    read: async (cursor) => {
      const { merchants, next_cursor: next } = await page.api.inState("applied", cursor);
      return { items: merchants ?? [], next };
    },
    row: (m) => merchantRow(page, m, "queue.waits"),
    nothing: () => empty("check", t("queue.none"), t("queue.none_text")),
    label: t("queue.list"),
    testid: "queue",
  });
  const title = t("nav.queue");
  const el = h("div", { class: "view" }, viewHead(title, { lead: t("queue.lead") }), panel(t("queue.list"), list.el));
  return { el, title, refresh: list.refresh };
}
