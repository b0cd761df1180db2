// The console of operators: its views, its side, and how it hears of new applications.

import { OperatorApi } from "./api.js";
import { booksView } from "./books.js";
import { merchantView } from "./merchant.js";
import { merchantsView } from "./merchants.js";
import { queueView } from "./queue.js";

/** @typedef {{report: any, at: number}} Audit  the last one of this window */
/** @typedef {{count: number, audit: Audit|null, running: boolean}} State  count: how many wait for a decision */
/** @typedef {import("../console/page.js").Page & {api: OperatorApi, state: State}} OperatorPage */

const LOOK_MS = 20_000; // nobody tells an operator of an application, so the page looks from time to time
const COUNTED = 99;

const VIEWS = { queue: queueView, merchants: merchantsView, merchant: merchantView, books: booksView };

/** @param {import("../core/api.js").Api} core @returns {import("../console/app.js").Spec} */
export function operatorConsole(core) {
  const api = new OperatorApi(core);
  /** @type {State} */
  const state = { count: 0, audit: null, running: false };

  const view = (page) => {
    const { view: name } = page.nav.place();
    return VIEWS[Object.hasOwn(VIEWS, name) ? name : "queue"]({ ...page, api, state });
  };
  const side = ({ texts: { t } }) => ({
    sections: [
      { view: "queue", icon: "inbox", label: t("nav.queue"), badge: state.count },
      { view: "merchants", icon: "shop", label: t("nav.merchants"), also: ["merchant"] },
      { view: "books", icon: "books", label: t("nav.books") },
    ],
  });
  const start = async (page, drawSide) => {
    const look = async () => {
      const { merchants } = await api.inState("applied", "", COUNTED);
      const count = (merchants ?? []).length;
      if (count === state.count) return;
      state.count = count;
      drawSide();
      if (page().nav.place().view === "queue") await page().nav.refresh();
    };
    await look();
    const timer = setInterval(() => document.hidden || look().catch(() => {}), LOOK_MS);
    return () => clearInterval(timer);
  };
  return { name: "operator.name", first: "queue", path: "/operator", view, side, start };
}
