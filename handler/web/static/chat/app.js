// The application of one signed-in person: what it knows, its connection, and the views of it.

import { openBill } from "../collection/bill.js";
import { openCollect } from "../collection/form.js";
import { Problem } from "../core/api.js";
import { again, h } from "../core/dom.js";
import { Live } from "../core/live.js";
import { groupIn, groupPlace, personIn, personPlace, placeIn, queryOf } from "../core/places.js";
import { Texts } from "../core/texts.js";
import { Toasts } from "../core/toast.js";
import { Looks } from "../cover/looks.js";
import { openCover, openCovers } from "../cover/mine.js";
import { idOr } from "../cover/rules.js";
import { openCompose } from "../envelope/composer.js";
import { openEnvelope } from "../envelope/packet.js";
import { openSend } from "../transfer/form.js";
import { openTopUp } from "../wallet/top-up.js";
import { openWallet } from "../wallet/wallet.js";
import { barView } from "./bar.js";
import { chatView } from "./chat.js";
import { Feed, groupOf, groupTopic, userTopic } from "./feed.js";
import { openGroup } from "./group.js";
import { openGroups } from "./groups.js";
import { listView } from "./list.js";
import { openNewGroup } from "./new-group.js";
import { makeServices } from "./services.js";
import { tabTitle } from "./title.js";

const TICK_MS = 1000; // how late an expiry may be shown
const GROUPS_MS = 15_000; // how often to look for groups one was added to
const GROUPS_EMPTY_MS = 3_000; // while there are none

/** @typedef {import("../core/page.js").Page} Page */
/** @typedef {import("../core/i18n.js").I18n} I18n */
/** @typedef {{el: HTMLElement, update: () => void, tick?: () => void, end: () => void}} View */

export class App {
  #root;
  #session;
  #onLeave;
  /** @type {I18n} */
  #i18n;
  #made; // the services, but for those that depend on the language
  #looks;
  #feed;
  #live;
  /** @type {Page} */
  #page;
  /** @type {View[]} */
  #views = [];
  /** @type {HTMLElement} */
  #frame;
  /** @type {{update: () => void, end: () => void}|undefined} */
  #title;
  #place; // the chat shown; "" for the list
  #named; // the chat that the address named at the beginning; "" for none
  /** @type {number[]} */
  #timers = [];
  #looking = 0;
  #missing = false; // whether what a window begins with could not be read: there was no network
  #stop = new AbortController();

  /**
   * @param {object} options
   * @param {HTMLElement} options.root
   * @param {I18n} options.i18n
   * @param {import("../core/session.js").Session} options.session
   * @param {(i18n: I18n, expired: boolean) => void} options.onLeave
   */
  constructor({ root, i18n, session, onLeave }) {
    this.#root = root;
    this.#i18n = i18n;
    this.#session = session;
    this.#onLeave = onLeave;
    this.#place = this.#named = placeIn(location.search, session.user);
    const renew = () => this.#renew();
    this.#made = makeServices(session, renew, (id) => this.#live.grab(id));
    const { covers, changes, actions, api } = this.#made;
    const quietly = (promise) => this.#quietly(promise);
    this.#looks = new Looks(covers, actions.covers, changes, () => api.now(), quietly);
    this.#feed = new Feed(() => this.#page, this.#made.fresh);
    this.#page = this.#makePage();
    this.#live = new Live({
      token: () => session.token,
      expires: () => session.expires,
      refresh: () => session.renew(),
      renew,
      onStatus: (status) => this.#connected(status),
      onEvents: (topic, events) => this.#feed.apply(topic, events),
      onReload: (topic) => this.#try(this.#feed.reload(topic)),
      onPresent: (topic, count) => this.#made.chats.setHere(groupOf(topic), count),
      onRevoked: (topic) => this.#revoked(groupOf(topic)),
      onProblem: (code, detail) => this.#page.services.toasts.problem(new Problem(400, code, detail)),
      // A refused connection gives no reason; an HTTP call does, and renews the token if that was it.
      onRefused: () => this.#made.api.probe().catch(() => {}),
    });
    this.#frame = this.#mount();
  }

  async start() {
    const { me, actions } = this.#made;
    this.#listen();
    this.#tick();
    this.#live.start();
    this.#live.follow(userTopic(me));
    const cover = idOr(new URLSearchParams(location.search).get("cover")); // that was just claimed
    await this.#try(this.#read([this.#groups(), actions.wallet.read()]));
    this.#showFirst();
    if (cover) await this.#begin(cover);
    this.#lookForGroups();
    await this.#rest();
  }

  async #rest() {
    const { changes, actions } = this.#made;
    await this.#try(this.#read([actions.envelopes.own(), actions.transfers.list(), this.#partners()]));
    changes.tell("place"); // now it is known whether there is more to load
  }

  // Waits for what a window begins with. That there is no network is said by the bar, and needs no message.
  async #read(promises) {
    try {
      await Promise.all(promises);
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 0) throw error;
      this.#missing = true;
    }
  }

  #connected(status) {
    this.#made.connection.set(status);
    if (status === "live" && this.#missing) this.#beginAgain();
  }

  // What a window that was opened without a network begins with.
  async #beginAgain() {
    this.#missing = false;
    await this.#try(this.#read([this.#groups(), this.#made.actions.wallet.read()]));
    this.#showFirst();
    await this.#rest();
  }

  // Sends with a cover from elsewhere: into the only group, or into one that is chosen now.
  async #begin(cover) {
    await this.#try(this.#made.actions.covers.mine());
    if (this.#made.chats.groups().length === 1) this.#page.nav.sendWith(cover);
    else openGroups(this.#page, cover);
  }

  #listen() {
    const { signal } = this.#stop;
    const { me, changes, chats, dialogs, transfers, envelopes } = this.#made;
    const online = () => changes.tell("connection");
    const moved = () => {
      if (!dialogs.moved()) this.#show(placeIn(location.search, me));
    };
    addEventListener("popstate", moved, { signal });
    addEventListener("online", online, { signal });
    addEventListener("offline", online, { signal });
    document.addEventListener("visibilitychange", () => this.#visible(), { signal });
    changes.watch(
      ({ kind }) => kind === "names",
      () => this.#drawAnew(), // everything on the screen may show a name
    );
    changes.watch(
      ({ kind }) => kind === "cover",
      (changed) => {
        for (const { id } of changed) envelopes.dressed(id);
      },
    );
    // Whoever is on the other side of a transfer is somebody with whom there is a conversation.
    changes.watch(
      ({ kind }) => kind === "transfer",
      (changed) => {
        for (const { id } of changed) chats.meet(transfers.other(transfers.get(id)));
      },
    );
  }

  // Tells of what changes by time alone.
  #tick() {
    const { api, envelopes, transfers, collections } = this.#made;
    let ticked = api.now();
    const tick = () => {
      const before = ticked;
      ticked = api.now();
      for (const state of [envelopes, transfers, collections]) state.tick(before);
      for (const view of this.#views) view.tick?.();
    };
    this.#timers.push(setInterval(tick, TICK_MS));
  }

  #leave(expired = false) {
    this.#stop.abort();
    this.#live.stop();
    this.#timers.forEach(clearInterval);
    clearTimeout(this.#looking);
    this.#made.dialogs.end();
    for (const view of this.#views) view.end();
    this.#title?.end();
    this.#onLeave(this.#i18n, expired);
  }

  async #renew() {
    if (await this.#session.renew()) return true;
    if (!this.#session.dev && !this.#stop.signal.aborted) this.#leave(true);
    return false;
  }

  // Views ---------------------------------------------------------------------------------------------------------

  /** @returns {HTMLElement} */
  #mount() {
    for (const view of this.#views) view.end();
    this.#title?.end();
    this.#title = tabTitle(this.#page);
    this.#title.update();
    this.#views = [barView(this.#page), listView(this.#page), chatView(this.#page)];
    const frame = h(
      "div",
      { class: "app", data: { screen: this.#screen() } },
      this.#views.map((v) => v.el),
    );
    this.#root.replaceChildren(frame);
    for (const view of this.#views) view.update();
    return frame;
  }

  #screen() {
    return this.#place ? "chat" : "list";
  }

  /** @returns {Page} */
  #makePage() {
    const texts = new Texts(this.#i18n, this.#made.names);
    const topUp = () => openTopUp(page);
    /** @type {Record<string, {label: string, run: () => void}>} */
    const remedies = this.#session.dev ? { insufficient_balance: { label: texts.t("nav.topup"), run: topUp } } : {};
    const services = {
      ...this.#made,
      toasts: new Toasts(texts, document.body, remedies),
      attempt: (promise) => this.#try(promise),
      quietly: (promise) => this.#quietly(promise),
      looks: this.#looks,
    };
    const nav = {
      place: () => this.#place,
      group: () => groupIn(this.#place),
      person: () => personIn(this.#place),
      go: (place) => this.#show(place),
      openEnvelope: (id) => openEnvelope(page, id),
      openBill: (id) => openBill(page, id),
      compose: () => openCompose(page),
      sendWith: (cover) => (page.nav.group() ? openCompose(page, cover) : openGroups(page, cover)),
      covers: () => openCovers(page),
      openCover: (id) => openCover(page, id),
      send: () => openSend(page),
      collect: () => openCollect(page),
      wallet: () => openWallet(page),
      topUp,
      newGroup: () => openNewGroup(page),
      openGroup: (group) => openGroup(page, group),
      join: (group, others = []) => this.#join(group, others),
      toggleLang: () => this.#toggleLang(),
      leave: () => this.#leave(),
    };
    const page = { texts, nav, services };
    return page;
  }

  #toggleLang() {
    this.#page.services.toasts.remove();
    this.#i18n = this.#i18n.other();
    this.#page = this.#makePage();
    this.#drawAnew();
  }

  // Whoever is writing goes on writing.
  #drawAnew() {
    const at = document.activeElement;
    this.#frame = this.#mount();
    if (at && !at.isConnected) again(at)?.focus({ preventScroll: true });
  }

  // Chats ---------------------------------------------------------------------------------------------------------

  #onlyGroup() {
    const wide = matchMedia("(min-width: 760px)").matches;
    const groups = this.#made.chats.groups();
    return groupPlace(wide || groups.length === 1 ? (groups[0]?.id ?? "") : "");
  }

  // The chat that a window begins with, once it is known. Who has gone from there to the list meanwhile stays there.
  #showFirst() {
    this.#show(this.#place || (this.#named ? "" : this.#onlyGroup()), true);
  }

  #show(place, replace = false) {
    const { me, dev, chats, changes, dialogs, actions } = this.#made;
    this.#place = place;
    if (personIn(place)) chats.meet(personIn(place));
    chats.read(place);
    actions.messages.seen(place);
    if (personIn(place)) this.#quietly(actions.messages.newest(place).then(() => actions.messages.seen(place)));
    this.#page.services.toasts.seen(place);
    if (chats.group(groupIn(place))) {
      this.#quietly(actions.envelopes.before(groupIn(place)));
      this.#quietly(actions.collections.list(groupIn(place)));
    }
    if (placeIn(location.search, me) !== place || replace) {
      const address = new URLSearchParams({ ...(dev && { user: me }), ...queryOf(place) });
      const url = `${location.pathname}${address.size ? `?${address}` : ""}`;
      if (replace) dialogs.replace(url);
      else history[dialogs.isStep ? "replaceState" : "pushState"](null, "", url);
    }
    this.#frame.dataset.screen = this.#screen();
    changes.tell("place");
  }

  async #groups() {
    const { groups } = this.#made.actions;
    const { added, removed } = await groups.list();
    for (const id of removed) this.#live.forget(groupTopic(id));
    for (const id of added) this.#live.follow(groupTopic(id), true);
    await Promise.all(added.map((id) => groups.members(id)));
    await this.#quietly(this.#names());
    await Promise.all(added.map((id) => this.#quietly(this.#unread(groupPlace(id)))));
  }

  // Reads how everybody is called who is met here.
  #names() {
    const { me, chats, actions } = this.#made;
    const groups = chats.groups();
    const people = new Set([me, ...groups.flatMap((g) => g.members), ...chats.people().map((p) => p.id)]);
    return actions.messages.readNames(
      [...people],
      groups.map((g) => g.id),
    );
  }

  // Reads the newest messages of a place, and counts those that were not read.
  async #unread(place) {
    const { chats, actions } = this.#made;
    const unread = await actions.messages.newest(place);
    if (place === this.#place && !document.hidden) actions.messages.seen(place);
    else for (let i = 0; i < unread; i++) chats.unread(place);
  }

  async #partners() {
    const { chats, actions } = this.#made;
    const people = await actions.messages.partners();
    for (const id of people) chats.meet(id);
    await Promise.all(people.map((id) => this.#unread(personPlace(id))));
    await this.#names();
  }

  // Nobody tells a page that it was added to a group, so it looks from time to time.
  #lookForGroups() {
    const pause = this.#made.chats.groups().length ? GROUPS_MS : GROUPS_EMPTY_MS;
    this.#looking = setTimeout(async () => {
      if (this.#missing) await this.#beginAgain();
      if (!document.hidden) await this.#quietly(Promise.all([this.#groups(), this.#made.actions.covers.refresh()]));
      if (!this.#stop.signal.aborted) this.#lookForGroups();
    }, pause);
  }

  async #join(group, others) {
    const { chats, actions } = this.#made;
    await actions.groups.start(group, others);
    for (const { id } of chats.groups()) this.#live.follow(groupTopic(id), true);
    await actions.groups.members(group);
    this.#show(groupPlace(group));
  }

  #revoked(group) {
    const { texts, services } = this.#page;
    services.toasts.show(texts.t("chat.removed", { group: texts.groupName(group) }));
    if (groupIn(this.#place) === group) this.#show("", true);
    this.#try(this.#groups());
  }

  #visible() {
    if (document.hidden) return;
    this.#live.wake();
    this.#made.chats.read(this.#place);
    this.#made.actions.messages.seen(this.#place);
    this.#quietly(this.#groups());
    this.#quietly(this.#made.actions.covers.refresh());
  }

  // Failures ------------------------------------------------------------------------------------------------------

  async #try(promise) {
    try {
      return await promise;
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#page.services.toasts.problem(error);
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
