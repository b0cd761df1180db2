// The console of merchants: its views, its side, and what it hears of while it is open.

import { h } from "../core/dom.js";
import { Live } from "../core/live.js";
import { applyView } from "./apply.js";
import { MerchantApi } from "./api.js";
import { coverView } from "./cover.js";
import { coverEditorView } from "./cover-editor.js";
import { coversView } from "./covers.js";
import { eventsView } from "./events.js";
import { homeView } from "./home.js";
import { keysView } from "./keys.js";
import { limitsView } from "./limits.js";
import { membersView } from "./members.js";
import { Merchants } from "./merchants.js";
import { overviewView } from "./overview.js";
import { may } from "./rules.js";
import { walletsView } from "./wallets.js";
import { webhookView } from "./webhook.js";
import { webhooksView } from "./webhooks.js";

/** @typedef {import("../console/page.js").Page} Page */
/** @typedef {Page & {api: MerchantApi, merchants: Merchants}} MerchantPage */

const VIEWS = {
  overview: overviewView,
  members: membersView,
  keys: keysView,
  wallets: walletsView,
  covers: coversView,
  cover: coverView,
  "cover-editor": coverEditorView,
  webhooks: webhooksView,
  webhook: webhookView,
  events: eventsView,
  limits: limitsView,
};

const COUNTS_MS = 1000; // between two looks at numbers that change

// Where one is when another merchant is chosen while something of this one is open.
const BELONGS = { webhook: "webhooks", cover: "covers", "cover-editor": "covers" };

/**
 * @param {import("../core/api.js").Api} core
 * @param {string} me
 * @param {import("../core/session.js").Session} session
 * @returns {import("../console/app.js").Spec}
 */
export function merchantConsole(core, me, session) {
  const api = new MerchantApi(core);
  const merchants = new Merchants(api);
  const own = (page) => ({ ...page, api, merchants });

  const view = (page) => {
    const { merchant, view: name } = page.nav.place();
    if (name === "apply") return applyView(own(page));
    if (!merchant || !Object.hasOwn(VIEWS, name)) return homeView(own(page));
    return VIEWS[name](own(page));
  };

  const side = (page) => {
    const { texts, nav } = page;
    const { t } = texts;
    const { merchant } = nav.place();
    if (!merchant) return { sections: [] };
    const known = merchants.get(merchant);
    const role = known?.role ?? "viewer";
    const choose = () => nav.go({ merchant: select.value, view: BELONGS[nav.place().view] ?? nav.place().view });
    const all = merchants.list().some((m) => m.id === merchant) ? merchants.list() : [];
    const select = h(
      "select",
      { "aria-label": t("merchant.choose"), data: { testid: "merchant-select" }, on: { change: choose } },
      all.map((m) => h("option", { value: m.id, selected: m.id === merchant }, m.name)),
    );
    const head =
      all.length > 0
        ? h("div", { class: "side-head" }, select, h("small", {}, t("merchant.you_are", { role: t(`role.${role}`) })))
        : null;
    return {
      head,
      sections: [
        { view: "overview", icon: "home", label: t("nav.overview") },
        { view: "wallets", icon: "wallet", label: t("nav.wallets"), shown: may(role, "see_wallets") },
        { view: "covers", icon: "cover", label: t("nav.covers"), also: ["cover", "cover-editor"] },
        { view: "keys", icon: "key", label: t("nav.keys"), shown: may(role, "see_keys") },
        {
          view: "webhooks",
          icon: "send",
          label: t("nav.webhooks"),
          shown: may(role, "manage_webhooks"),
          also: ["webhook"],
        },
        { view: "events", icon: "events", label: t("nav.events"), shown: may(role, "manage_webhooks") },
        { view: "limits", icon: "limits", label: t("nav.limits") },
        { view: "members", icon: "people", label: t("nav.members") },
      ],
    };
  };

  const start = async (page, drawSide, renew) => {
    const read = async () => {
      await merchants.read();
      drawSide();
    };
    const changed = () => page().services.attempt(Promise.all([read(), page().nav.refresh()]));
    let counted = 0; // a timer: a hot cover's numbers change several times a second
    const counts = () => {
      counted ||= setTimeout(() => {
        counted = 0;
        page().nav.refresh();
      }, COUNTS_MS);
    };
    const live = new Live({
      token: () => session.token,
      expires: () => session.expires,
      refresh: () => session.renew(),
      renew,
      onStatus: () => {},
      onEvents: (_, events) => {
        if (events.some((e) => ["merchant.changed", "cover.changed"].includes(/** @type {any} */ (e).type))) changed();
        const { item } = page().nav.place();
        if (events.some((/** @type {any} */ e) => e.type === "cover.stock_changed" && e.cover_id === item)) counts();
      },
      onReload: changed,
      onRevoked: () => {},
      onProblem: () => {},
      onRefused: () => void core.probe().catch(() => {}),
    });
    await read();
    live.start();
    live.follow(`user:${me}`);
    return () => {
      clearTimeout(counted);
      live.stop();
    };
  };

  return { name: "merchant.name", first: "home", path: "/merchant", view, side, start };
}
