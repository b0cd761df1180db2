// The console of operators: its views, its side, and how it hears of new applications.

import { OperatorApi } from "./api.js";
import { booksView } from "./books.js";
import { coverView } from "./cover.js";
import { coversView } from "./covers.js";
import { merchantView } from "./merchant.js";
import { merchantsView } from "./merchants.js";
import { queueView } from "./queue.js";
import { reportsView } from "./reports.js";
import { reviewsView } from "./reviews.js";

/** @typedef {{report: any, at: number}} Audit  the last one of this window */
/**
 * What the console keeps while it is open.
 * @typedef {object} State
 * @property {Record<"queue"|"covers"|"reports"|"reviews", number>} waiting how many wait for a decision
 * @property {Audit|null} audit
 * @property {boolean} running whether an audit is
 */
/** @typedef {import("../console/page.js").Page & {api: OperatorApi, state: State}} OperatorPage */

const LOOK_MS = 20_000; // nobody tells an operator of an application, so the page looks from time to time
const COUNTED = 99;
const OPEN = ["merchant", "cover"]; // views of one thing, which somebody else may change meanwhile

const VIEWS = {
  queue: queueView,
  merchants: merchantsView,
  merchant: merchantView,
  covers: coversView,
  cover: coverView,
  reports: reportsView,
  reviews: reviewsView,
  books: booksView,
};

/** @param {import("../core/api.js").Api} core @returns {import("../console/app.js").Spec} */
export function operatorConsole(core) {
  const api = new OperatorApi(core);
  /** @type {State} */
  const state = { waiting: { queue: 0, covers: 0, reports: 0, reviews: 0 }, audit: null, running: false };

  const view = (page) => {
    const { view: name } = page.nav.place();
    return VIEWS[Object.hasOwn(VIEWS, name) ? name : "queue"]({ ...page, api, state });
  };
  const side = ({ texts: { t } }) => ({
    sections: [
      { view: "queue", icon: "inbox", label: t("nav.queue"), badge: state.waiting.queue },
      { view: "merchants", icon: "shop", label: t("nav.merchants"), also: ["merchant"] },
      { view: "covers", icon: "cover", label: t("nav.covers"), badge: state.waiting.covers, also: ["cover"] },
      { view: "reports", icon: "flag", label: t("nav.reports"), badge: state.waiting.reports },
      { view: "reviews", icon: "limits", label: t("nav.reviews"), badge: state.waiting.reviews },
      { view: "books", icon: "books", label: t("nav.books") },
    ],
  });
  const start = async (page, drawSide) => {
    const look = async () => {
      const [applied, inReview, appealed, reports, reviews] = await Promise.all([
        api.inState("applied", "", COUNTED),
        api.covers("in_review", ""),
        api.covers("appealed", ""),
        api.reports(""),
        api.reviews("open", "", COUNTED),
      ]);
      const count = (list) => (list ?? []).length;
      const now = {
        queue: count(applied.merchants),
        covers: count(inReview.covers) + count(appealed.covers),
        reports: count(reports.reports),
        reviews: count(reviews.reviews),
      };
      const before = state.waiting;
      const shown = page().nav.place().view;
      const isNew = Object.keys(now).filter((view) => now[view] !== before[view]);
      state.waiting = now;
      if (isNew.length > 0) drawSide();
      if (isNew.includes(shown) || OPEN.includes(shown)) await page().nav.refresh();
    };
    await look();
    const timer = setInterval(() => document.hidden || look().catch(() => {}), LOOK_MS);
    return () => clearInterval(timer);
  };
  return { name: "operator.name", first: "queue", path: "/operator", keepsMerchant: false, view, side, start };
}
