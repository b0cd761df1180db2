// The application of one signed-in person: what it knows, its connection, and the views of it.

import { Actions } from "./actions.js";
import { Api, Problem } from "./api.js";
import { batched, h } from "./dom.js";
import { Live } from "./live.js";
import { groupName, personName } from "./people.js";
import { Store } from "./store.js";
import { Toasts } from "./toast.js";
import { barView } from "./view-bar.js";
import { chatView } from "./view-chat.js";
import { openCompose } from "./view-compose.js";
import { openEnvelope } from "./view-envelope.js";
import { groupsView } from "./view-groups.js";
import { openNewGroup } from "./view-newgroup.js";
import { openTopUp } from "./view-topup.js";
import { openWallet } from "./view-wallet.js";

const TOPIC = "group:";
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
  #live;
  #toasts;
  #views = [];
  #watchers = new Set(); // open dialogs
  #frame;
  #group = ""; // the one shown; "" for the list
  #timers = [];
  #looking = 0;
  #stop = new AbortController();
  #changed = batched(() => this.#update());

  constructor({ root, i18n, session, group, onLeave }) {
    this.#root = root;
    this.#i18n = i18n;
    this.#session = session;
    this.#group = group;
    this.#onLeave = onLeave;
    const token = () => session.token;
    const renew = () => this.#renew();
    this.#api = new Api(token, renew);
    this.#store = new Store(session.user, () => this.#api.now());
    this.#actions = new Actions(this.#api, this.#store);
    this.#live = new Live({
      token,
      renew,
      onStatus: (status) => this.#store.setStatus(status),
      onEvents: (topic, events) => this.#events(topic.slice(TOPIC.length), events),
      onReload: (topic) => this.#try(this.#actions.reload(topic.slice(TOPIC.length))),
      onRevoked: (topic) => this.#revoked(topic.slice(TOPIC.length)),
      onProblem: (code, detail) => this.#toasts.problem(new Problem(400, code, detail)),
      // A refused connection gives no reason; an HTTP call does, and renews the token if that was it.
      onRefused: () => this.#api.probe().catch(() => {}),
    });
  }

  async start() {
    for (const kind of ["groups", "envelope", "balances", "status"]) this.#store.on(kind, this.#changed);
    this.#mount();
    const { signal } = this.#stop;
    addEventListener("popstate", () => this.#show(this.#addressed()), { signal });
    addEventListener("online", this.#changed, { signal });
    addEventListener("offline", this.#changed, { signal });
    document.addEventListener("visibilitychange", () => this.#visible(), { signal });
    let ticked = this.#api.now();
    this.#timers.push(setInterval(() => (ticked = this.#store.tick(ticked)), TICK_MS));
    this.#live.start();
    await this.#try(Promise.all([this.#groups(), this.#actions.balances()]));
    this.#show(this.#group || this.#onlyGroup(), true);
    this.#lookForGroups();
    await this.#try(this.#actions.own());
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
    this.#views = [barView(ctx), groupsView(ctx), chatView(ctx)];
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
    const toasts = new Toasts(i18n, document.body);
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
      group: () => this.#group,
      name: (id) => personName(id, lang),
      groupName: (id) => groupName(id, lang),
      go: (group) => this.#show(group),
      // Calls fn after changes until the returned function is called.
      watch: (fn) => {
        this.#watchers.add(fn);
        return () => this.#watchers.delete(fn);
      },
      open: (id) => openEnvelope(ctx, id),
      compose: () => openCompose(ctx),
      wallet: () => openWallet(ctx),
      topUp: () => openTopUp(ctx),
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
    this.#frame.dataset.screen = this.#group ? "chat" : "list";
    for (const view of this.#views) view.update();
    for (const fn of this.#watchers) fn();
  }

  // Groups --------------------------------------------------------------------------------------------------------

  #addressed() {
    return new URLSearchParams(location.search).get("group") ?? "";
  }

  #onlyGroup() {
    const wide = matchMedia("(min-width: 760px)").matches;
    return wide || this.#store.groups.size === 1 ? ([...this.#store.groups.keys()][0] ?? "") : "";
  }

  #show(group, replace = false) {
    this.#group = group;
    this.#store.read(group);
    if (this.#store.groups.has(group)) this.#quietly(this.#actions.before(group));
    if (this.#addressed() !== group || replace) {
      const address = new URLSearchParams();
      if (this.#session.dev) address.set("user", this.#store.me);
      if (group) address.set("group", group);
      const url = `${location.pathname}${address.size ? `?${address}` : ""}`;
      history[replace ? "replaceState" : "pushState"](null, "", url);
    }
    this.#update();
  }

  async #groups() {
    const { added, removed } = await this.#actions.groups();
    for (const id of removed) this.#live.forget(TOPIC + id);
    for (const id of added) this.#live.follow(TOPIC + id);
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
    for (const id of this.#store.groups.keys()) this.#live.follow(TOPIC + id);
    await this.#actions.members(group);
    this.#show(group);
  }

  #revoked(group) {
    this.#toasts.show(this.#i18n.t("chat.removed", { group: groupName(group, this.#i18n.lang) }));
    if (this.#group === group) this.#show("", true);
    this.#try(this.#groups());
  }

  #visible() {
    if (document.hidden) return;
    this.#live.wake();
    this.#store.read(this.#group);
    this.#quietly(this.#groups());
  }

  // Events --------------------------------------------------------------------------------------------------------

  #events(group, events) {
    const store = this.#store;
    for (const event of events) {
      const { missing, fresh } = store.apply(event);
      if (missing) {
        // It was sent before the history begins.
        this.#try(this.#actions.envelope(event.envelope_id));
      } else if (event.type === "envelope.sent" && fresh) {
        this.#arrived(group, event);
      } else if (event.type === "envelope.grabbed" && fresh && event.user_id === store.me) {
        // Taken in another window of the same person.
        this.#quietly(this.#actions.awaitCredit(event.currency, store.balances.get(event.currency) ?? 0));
      } else if (event.type === "envelope.refunded" && store.envelopes.get(event.envelope_id)?.sender === store.me) {
        this.#quietly(this.#actions.balances());
      }
    }
  }

  #arrived(group, event) {
    const { t, lang } = this.#i18n;
    this.#quietly(this.#actions.before(group));
    if (event.sender === this.#store.me) {
      this.#quietly(this.#actions.balances());
      return;
    }
    this.#toasts.announce(t("chat.announce", { name: personName(event.sender, lang), greeting: event.greeting }));
    if (group !== this.#group || document.hidden) this.#store.unread(group);
    if (!this.#store.groups.get(group)?.members.includes(event.sender)) this.#quietly(this.#actions.members(group));
  }

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
