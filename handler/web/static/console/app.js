// A console for one person: the bar, the side with its sections, and the view of the place that one is at.

import { Api, Problem } from "../core/api.js";
import { Dialogs } from "../core/dialogs.js";
import { fill, h, icon } from "../core/dom.js";
import { Drafts } from "../core/drafts.js";
import { initial, tint } from "../core/people.js";
import { Texts } from "../core/texts.js";
import { Toasts } from "../core/toast.js";
import { Images } from "./cover.js";
import { plainClick } from "./parts.js";
import { placeIn, samePlace, searchOf } from "./places.js";

/** @typedef {import("./page.js").Page} Page */
/** @typedef {import("./page.js").View} View */
/** @typedef {import("./page.js").Section} Section */
/** @typedef {import("./places.js").Place} Place */

/**
 * What makes a console: its views, what stands beside them, and what it does in the background.
 * @typedef {object} Spec
 * @property {string} name key of its name
 * @property {string} first the view that one begins at
 * @property {string} path where it is served
 * @property {boolean} [keepsMerchant] whether a section is one of the merchant that one is at; true unless told
 * @property {(page: Page) => View} view the view of the place
 * @property {(page: Page) => {head?: HTMLElement|null, sections: Section[]}} side
 * @property {(page: () => Page, drawSide: () => void, renew: () => Promise<boolean>) => Promise<() => void>} start
 *   returns what ends it
 */

export class ConsoleApp {
  #start;
  /** @type {Spec} */
  #spec;
  #i18n;
  #base;
  /** @type {Page} */
  #page;
  /** @type {Place} */
  #place;
  /** @type {View|null} */
  #view = null;
  #side = h("nav", { class: "console-side" });
  #main = h("main", { class: "console-main", id: "main", tabindex: -1 });
  /** @type {number[]} */
  #following = [];
  #stop = new AbortController();
  #end = () => {};

  /** @param {import("../core/start.js").Start} start @param {(api: Api, me: string) => Spec} specOf */
  constructor(start, specOf) {
    this.#start = start;
    this.#i18n = start.i18n;
    const { session } = start;
    const api = new Api(
      () => session.token,
      () => this.#renew(),
    );
    this.#base = {
      me: session.user,
      dev: session.dev,
      api,
      images: new Images(api),
      dialogs: new Dialogs(),
      drafts: new Drafts(),
    };
    this.#spec = specOf(api, session.user);
    this.#place = placeIn(location.search, this.#spec.first);
    this.#page = this.#makePage();
  }

  async start() {
    const { signal } = this.#stop;
    const moved = () => {
      if (!this.#base.dialogs.moved()) this.#show(placeIn(location.search, this.#spec.first));
    };
    addEventListener("popstate", moved, { signal });
    document.addEventListener("visibilitychange", () => document.hidden || this.#refresh(), { signal });
    this.#mount();
    const end = await this.#try(
      this.#spec.start(
        () => this.#page,
        () => this.#drawSide(),
        () => this.#renew(),
      ),
    );
    if (signal.aborted) end?.();
    else if (end) this.#end = end;
    if (!signal.aborted) this.#show(this.#place, true);
  }

  #leave(expired = false) {
    this.#stop.abort();
    this.#end();
    this.#base.dialogs.end();
    this.#endView();
    this.#start.onLeave(this.#i18n, expired);
  }

  async #renew() {
    if (await this.#start.session.renew()) return true;
    if (!this.#start.session.dev && !this.#stop.signal.aborted) this.#leave(true);
    return false;
  }

  /** @returns {Page} */
  #makePage() {
    const texts = new Texts(this.#i18n);
    const nav = {
      place: () => this.#place,
      href: (change) => this.#address(this.#changed(change)),
      go: (change, replace = false) => this.#go(this.#changed(change), replace),
      refresh: () => this.#refresh(),
      follow: (...pauses) => this.#follow(pauses),
      toggleLang: () => this.#toggleLang(),
      leave: () => this.#leave(),
    };
    const toasts = new Toasts(texts, document.body);
    return { texts, nav, services: { ...this.#base, toasts, attempt: (promise) => this.#try(promise) } };
  }

  #toggleLang() {
    this.#page.services.toasts.remove();
    this.#i18n = this.#i18n.other();
    this.#page = this.#makePage();
    this.#mount();
    this.#show(this.#place);
  }

  // Places --------------------------------------------------------------------------------------------------------

  /** @param {Partial<Place>} change @returns {Place} another view has nothing open unless the change says so */
  #changed(change) {
    const item = "view" in change || "merchant" in change || "mode" in change ? "" : this.#place.item;
    return { ...this.#place, item, ...change };
  }

  #address(place) {
    return `${this.#spec.path}${searchOf(place, this.#base.dev ? this.#base.me : "")}`;
  }

  #go(place, replace) {
    const stays = samePlace(place, this.#place);
    const way = replace || stays || this.#base.dialogs.isStep ? "replaceState" : "pushState";
    history[way](null, "", this.#address(place));
    this.#show(place);
    this.#main.scrollTop = 0;
    this.#main.focus({ preventScroll: true });
  }

  #show(place, replace = false) {
    this.#place = place;
    if (replace) this.#base.dialogs.replace(this.#address(place));
    this.#endView();
    const view = this.#spec.view(this.#page);
    this.#view = view;
    fill(this.#main, view.el);
    document.title = `${view.title} · ${this.#page.texts.t(this.#spec.name)}`;
    this.#page.services.toasts.announce(view.title);
    this.#drawSide();
    this.#refresh();
  }

  #endView() {
    this.#following.forEach(clearTimeout);
    this.#following = [];
    this.#view?.end?.();
    this.#view = null;
  }

  async #refresh() {
    const view = this.#view;
    if (!view) return;
    this.#main.setAttribute("aria-busy", "true");
    try {
      await view.refresh();
    } catch (error) {
      if (!this.#stop.signal.aborted && view === this.#view) this.#page.services.toasts.problem(error);
    }
    if (view === this.#view) this.#main.removeAttribute("aria-busy");
  }

  /** @param {number[]} pauses */
  #follow(pauses) {
    for (const pause of pauses) this.#following.push(setTimeout(() => this.#refresh(), pause));
  }

  // Frame ---------------------------------------------------------------------------------------------------------

  #mount() {
    const { texts, nav, services } = this.#page;
    const { t } = texts;
    const name = texts.name(services.me);
    const button = (symbol, testid, label, click) =>
      h(
        "button",
        { class: "bar-button", type: "button", title: label, "aria-label": label, data: { testid }, on: { click } },
        icon(symbol),
      );
    const skip = (event) => {
      event.preventDefault();
      this.#main.focus();
    };
    const home = (event) => {
      if (!plainClick(event)) return;
      event.preventDefault();
      nav.go({ merchant: "", view: this.#spec.first });
    };
    const bar = h(
      "header",
      { class: "console-bar" },
      h("a", { class: "skip", href: "#main", on: { click: skip } }, t("console.skip")),
      h(
        "a",
        { class: "brand", href: this.#spec.path, data: { testid: "brand" }, on: { click: home } },
        icon("packet"),
        h("span", {}, t(this.#spec.name)),
      ),
      h("span", { class: "grow" }),
      h(
        "span",
        { class: "who", data: { testid: "who" } },
        h("span", { class: `avatar ${tint(services.me)}`, "aria-hidden": "true" }, initial(name)),
        h("span", { class: "who-name" }, name),
      ),
      button("language", "lang", t("app.lang_label"), nav.toggleLang),
      button("out", "leave", t("console.leave"), nav.leave),
    );
    this.#side.setAttribute("aria-label", t("console.sections"));
    this.#start.root.replaceChildren(h("div", { class: "console-frame" }, bar, this.#side, this.#main));
    this.#drawSide();
  }

  #drawSide() {
    const { nav } = this.#page;
    const { head, sections } = this.#spec.side(this.#page);
    const here = this.#place.view;
    /** @param {Section} section */
    const link = ({ view, icon: symbol, label, badge = 0, also = [] }) => {
      const go = (event) => {
        if (!plainClick(event)) return;
        event.preventDefault();
        nav.go(to);
      };
      const to = { view, ...(this.#spec.keepsMerchant === false && { merchant: "" }) };
      return h(
        "li",
        {},
        h(
          "a",
          {
            class: "section",
            href: nav.href(to),
            "aria-current": here === view || also.includes(here) ? "page" : null,
            data: { testid: `nav-${view}` },
            on: { click: go },
          },
          icon(symbol),
          h("span", {}, label),
          badge > 0 && h("span", { class: "badge" }, String(Math.min(badge, 99))),
        ),
      );
    };
    const shown = sections.filter((section) => section.shown !== false);
    fill(this.#side, head, shown.length > 0 && h("ul", { class: "sections" }, shown.map(link)));
    this.#side.hidden = !head && shown.length === 0;
    const current = /** @type {HTMLElement|null} */ (this.#side.querySelector("[aria-current]"));
    current?.scrollIntoView({ block: "nearest", inline: "center" });
  }

  async #try(promise) {
    try {
      return await promise;
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#page.services.toasts.problem(error);
      if (!(error instanceof Problem)) console.error(error);
    }
  }
}
