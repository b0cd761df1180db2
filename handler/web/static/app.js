// The application of one signed-in person: what it knows, its connection, and the views of it.

import { Actions } from "./actions.js";
import { Api, Problem } from "./api.js";
import { batched, h } from "./dom.js";
import { Events, GROUP_TOPIC, USER_TOPIC } from "./events.js";
import { Live } from "./live.js";
import { groupName, personName } from "./people.js";
import { groupIn, groupPlace, personIn, placeIn, queryOf } from "./places.js";
import { Social } from "./social.js";
import { Store } from "./store.js";
import { Toasts } from "./toast.js";
import { barView } from "./view-bar.js";
import { openBill } from "./view-bill.js";
import { chatView } from "./view-chat.js";
import { chatsView } from "./view-chats.js";
import { openCollect } from "./view-collect.js";
import { openCompose } from "./view-compose.js";
import { openEnvelope } from "./view-envelope.js";
import { openNewGroup } from "./view-newgroup.js";
import { openSend } from "./view-send.js";
import { openTopUp } from "./view-topup.js";
import { openWallet } from "./view-wallet.js";

const TICK_MS = 1000; // how late an expiry may be shown
const GROUPS_MS = 15_000; // how often to look for groups one was added to
const GROUPS_EMPTY_MS = 3_000; // while there are none

export class App {
  #root;
  #i18n;
  #session;
  #onLeave;
  #api;
  #store;
  #actions;
  #social;
  #events = new Events(() => this.#ctx);
  #live;
  #ctx; // what the views may use
  #toasts;
  #views = [];
  #watchers = new Set(); // open dialogs
  #frame;
  #place = ""; // the chat shown; "" for the list
  #timers = [];
  #looking = 0;
  #stop = new AbortController();
  #changed = batched(() => this.#update());

  constructor({ root, i18n, session, onLeave }) {
    this.#root = root;
    this.#i18n = i18n;
    this.#session = session;
    this.#place = placeIn(location.search, session.user);
    this.#onLeave = onLeave;
    const token = () => session.token;
    const renew = () => this.#renew();
    this.#api = new Api(token, renew);
    this.#store = new Store(session.user, () => this.#api.now());
    this.#actions = new Actions(this.#api, this.#store);
    this.#social = new Social(this.#api, this.#store, this.#actions);
    this.#live = new Live({
      token,
      renew,
      onStatus: (status) => this.#store.setStatus(status),
      onEvents: (topic, events) => this.#events.apply(topic, events),
      onReload: (topic) => this.#try(this.#events.reload(topic)),
      onRevoked: (topic) => this.#revoked(topic.slice(GROUP_TOPIC.length)),
      onProblem: (code, detail) => this.#toasts.problem(new Problem(400, code, detail)),
      // A refused connection gives no reason; an HTTP call does, and renews the token if that was it.
      onRefused: () => this.#api.probe().catch(() => {}),
    });
  }

  async start() {
    for (const kind of ["groups", "people", "envelope", "transfer", "collection", "balances", "status"]) {
      this.#store.on(kind, this.#changed);
    }
    this.#mount();
    const { signal } = this.#stop;
    addEventListener("popstate", () => this.#show(placeIn(location.search, this.#store.me)), { signal });
    addEventListener("online", this.#changed, { signal });
    addEventListener("offline", this.#changed, { signal });
    document.addEventListener("visibilitychange", () => this.#visible(), { signal });
    let ticked = this.#api.now();
    const tick = () => {
      ticked = this.#store.tick(ticked);
      for (const view of this.#views) view.tick?.();
    };
    this.#timers.push(setInterval(tick, TICK_MS));
    this.#live.start();
    this.#live.follow(USER_TOPIC + this.#store.me);
    await this.#try(Promise.all([this.#groups(), this.#actions.balances()]));
    this.#show(this.#place || this.#onlyGroup(), true);
    this.#lookForGroups();
    await this.#try(Promise.all([this.#actions.own(), this.#social.transfers()]));
  }

  #leave(expired = false) {
    this.#stop.abort();
    this.#live.stop();
    this.#timers.forEach(clearInterval);
    clearTimeout(this.#looking);
    document.querySelectorAll("dialog").forEach((d) => d.close());
    this.#onLeave(this.#i18n, expired);
  }

  async #renew() {
    if (await this.#session.renew()) return true;
    if (!this.#session.dev && !this.#stop.signal.aborted) this.#leave(true);
    return false;
  }

  // Views ---------------------------------------------------------------------------------------------------------

  #mount() {
    const ctx = this.#context();
    this.#ctx = ctx;
    this.#views = [barView(ctx), chatsView(ctx), chatView(ctx)];
    this.#frame = h(
      "div",
      { class: "app" },
      this.#views.map((v) => v.el),
    );
    this.#root.replaceChildren(this.#frame);
    this.#toasts = ctx.toasts;
    this.#update();
  }

  // What the views may use.
  #context() {
    const i18n = this.#i18n;
    const { t, lang } = i18n;
    const me = this.#store.me;
    const topUp = () => openTopUp(ctx);
    const remedies = this.#session.dev ? { insufficient_balance: { label: t("nav.topup"), run: topUp } } : {};
    const toasts = new Toasts(i18n, document.body, remedies);
    this.#toasts?.remove();
    const ctx = {
      i18n,
      t,
      lang,
      me,
      toasts,
      dev: this.#session.dev,
      store: this.#store,
      api: this.#api,
      actions: this.#actions,
      social: this.#social,
      place: () => this.#place,
      group: () => groupIn(this.#place),
      person: () => personIn(this.#place),
      name: (id) => personName(id, lang),
      groupName: (id) => groupName(id, lang),
      go: (place) => this.#show(place),
      attempt: (promise) => this.#try(promise),
      quietly: (promise) => this.#quietly(promise),
      // Calls fn after changes until the returned function is called.
      watch: (fn) => {
        this.#watchers.add(fn);
        return () => this.#watchers.delete(fn);
      },
      open: (id) => openEnvelope(ctx, id),
      compose: () => openCompose(ctx),
      wallet: () => openWallet(ctx),
      send: () => openSend(ctx),
      collect: () => openCollect(ctx),
      bill: (id) => openBill(ctx, id),
      topUp,
      newGroup: () => openNewGroup(ctx),
      join: (group, others = []) => this.#join(group, others),
      toggleLang: () => {
        this.#i18n = i18n.other();
        this.#mount();
      },
      leave: () => this.#leave(),
    };
    return ctx;
  }

  #update() {
    this.#frame.dataset.screen = this.#place ? "chat" : "list";
    for (const view of this.#views) view.update();
    for (const fn of this.#watchers) fn();
  }

  // Chats ---------------------------------------------------------------------------------------------------------

  #onlyGroup() {
    const wide = matchMedia("(min-width: 760px)").matches;
    return groupPlace(wide || this.#store.groups.size === 1 ? [...this.#store.groups.keys()][0] : "");
  }

  #show(place, replace = false) {
    this.#place = place;
    if (personIn(place)) this.#store.meet(personIn(place));
    this.#store.read(place);
    this.#toasts.seen(place);
    if (this.#store.groups.has(groupIn(place))) {
      this.#quietly(this.#actions.before(groupIn(place)));
      this.#quietly(this.#social.collections(groupIn(place)));
    }
    if (placeIn(location.search, this.#store.me) !== place || replace) {
      const address = new URLSearchParams({ ...(this.#session.dev && { user: this.#store.me }), ...queryOf(place) });
      const url = `${location.pathname}${address.size ? `?${address}` : ""}`;
      history[replace ? "replaceState" : "pushState"](null, "", url);
    }
    this.#update();
  }

  async #groups() {
    const { added, removed } = await this.#actions.groups();
    for (const id of removed) this.#live.forget(GROUP_TOPIC + id);
    for (const id of added) this.#live.follow(GROUP_TOPIC + id);
    await Promise.all(added.map((id) => this.#actions.members(id)));
  }

  // Nobody tells a page that it was added to a group, so it looks from time to time.
  #lookForGroups() {
    const pause = this.#store.groups.size ? GROUPS_MS : GROUPS_EMPTY_MS;
    this.#looking = setTimeout(async () => {
      if (!document.hidden) await this.#quietly(this.#groups());
      if (!this.#stop.signal.aborted) this.#lookForGroups();
    }, pause);
  }

  async #join(group, others) {
    await this.#actions.startGroup(group, others);
    for (const id of this.#store.groups.keys()) this.#live.follow(GROUP_TOPIC + id);
    await this.#actions.members(group);
    this.#show(groupPlace(group));
  }

  #revoked(group) {
    this.#toasts.show(this.#i18n.t("chat.removed", { group: groupName(group, this.#i18n.lang) }));
    if (groupIn(this.#place) === group) this.#show("", true);
    this.#try(this.#groups());
  }

  #visible() {
    if (document.hidden) return;
    this.#live.wake();
    this.#store.read(this.#place);
    this.#quietly(this.#groups());
  }

  // Failures ------------------------------------------------------------------------------------------------------

  async #try(promise) {
    try {
      return await promise;
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#toasts.problem(error);
    }
  }

  // For what is repeated anyway: a failure is not worth a message.
  async #quietly(promise) {
    try {
      return await promise;
    } catch (error) {
      if (!(error instanceof Problem)) console.error(error);
    }
  }
}
