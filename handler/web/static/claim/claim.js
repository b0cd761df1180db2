// What a code is for, and the claim of it, which delights.

import { Api, Problem } from "../core/api.js";
import { calm, fill, h, icon } from "../core/dom.js";
import { doButton } from "../core/item.js";
import { Dialogs } from "../core/dialogs.js";
import { Drafts } from "../core/drafts.js";
import { Texts } from "../core/texts.js";
import { Toasts } from "../core/toast.js";
import { coverEnvelope, coverStory } from "../console/cover.js";

const SPARKS = 24;
const SPARKS_MS = 2600;
const GOOD = ["claimed", "already_held"];

/** The code that an address is of: /c/{code}. @param {string} path */
export function codeIn(path) {
  try {
    return decodeURIComponent(path.replace(/^\/c\//, ""));
  } catch {
    return "";
  }
}

export class Claim {
  #start;
  #i18n;
  #api;
  #el = h("main", { class: "claim" });
  /** @type {any} */
  #offer = null;
  /** @type {any} */
  #cover = null;
  /** @type {any} */
  #outcome = null;
  /** @type {Toasts|null} */
  #toasts = null;

  /** @param {import("../core/start.js").Start} start */
  constructor(start) {
    this.#start = start;
    this.#i18n = start.i18n;
    const { session } = start;
    const renew = async () => {
      if (await session.renew()) return true;
      this.#leave(true);
      return false;
    };
    this.#api = new Api(() => session.token, renew);
  }

  async start() {
    this.#start.root.replaceChildren(this.#el);
    try {
      this.#offer = await this.#api.get(`/v1/codes/${encodeURIComponent(codeIn(location.pathname))}`);
      this.#cover = await this.#api.get(`/v1/covers/${encodeURIComponent(this.#offer.cover_id)}`);
      this.#draw();
    } catch (problem) {
      this.#failed(problem);
    }
  }

  #leave(expired = false) {
    this.#toasts?.remove();
    this.#start.onLeave(this.#i18n, expired);
  }

  #page() {
    const texts = new Texts(this.#i18n);
    this.#toasts?.remove();
    const toasts = new Toasts(texts, document.body);
    this.#toasts = toasts;
    return { texts, services: { toasts, dialogs: new Dialogs(), drafts: new Drafts(), me: this.#start.session.user } };
  }

  #bar({ texts: { t } }, again) {
    const turn = () => {
      this.#i18n = this.#i18n.other();
      again();
    };
    const button = (symbol, testid, label, click) =>
      h(
        "button",
        { class: "bar-button", type: "button", title: label, "aria-label": label, data: { testid }, on: { click } },
        icon(symbol),
      );
    return h(
      "div",
      { class: "claim-bar" },
      button("language", "lang", t("app.lang_label"), turn),
      button("out", "leave", t("console.leave"), () => this.#leave()),
    );
  }

  /** @param {any} problem */
  #failed(problem) {
    const page = this.#page();
    const { t } = page.texts;
    if (!(problem instanceof Problem)) console.error(problem);
    const { title, text } = page.texts.problem(problem);
    document.title = title;
    fill(
      this.#el,
      this.#bar(page, () => this.#failed(problem)),
      h("span", { class: "claim-mark off" }, icon("close")),
      h("h1", { data: { testid: "claim-problem" } }, title),
      text && h("p", {}, text),
      h("a", { class: "primary", href: "/" }, t("claim.home")),
    );
  }

  #draw() {
    const page = this.#page();
    const { texts } = page;
    const { t } = texts;
    const { design } = this.#cover;
    const outcome = this.#outcome?.outcome ?? "";
    document.title = `${design.name} · ${t("claim.name")}`;
    this.#el.dataset.outcome = outcome;
    const envelope = h("div", { class: "claim-cover", data: { testid: "claim-cover" } }, coverEnvelope(page, design));
    const claim = async () => {
      try {
        this.#outcome = await this.#api.post("/v1/covers/claim", { code: codeIn(location.pathname) });
      } catch (problem) {
        if (!(problem instanceof Problem) || problem.temporary) throw problem;
        return this.#failed(problem);
      }
      this.#draw();
      if (this.#outcome.outcome === "claimed") this.#celebrate();
    };
    const until = this.#outcome?.usable_until > 0 && t("claim.until", { time: texts.time(this.#outcome.usable_until) });
    const result = () => [
      h(
        "span",
        { class: GOOD.includes(outcome) ? "claim-mark" : "claim-mark off" },
        icon(GOOD.includes(outcome) ? "check" : "close"),
      ),
      h(
        "h1",
        { tabindex: -1, data: { testid: GOOD.includes(outcome) ? "claimed" : "not-claimed" } },
        t(`claim.${outcome}`),
      ),
      h("p", {}, t(`claim.${outcome}_text`), " ", until),
      h("a", { class: "primary", href: "/", data: { testid: "claim-home" } }, t("claim.home")),
    ];
    const offer = () => [
      h("h1", {}, design.name),
      h("p", {}, t(this.#offer.used ? "claim.used" : "claim.lead")),
      doButton(page, { class: "primary", data: { testid: "claim" } }, t("claim.go"), claim),
    ];
    fill(
      this.#el,
      this.#bar(page, () => this.#draw()),
      envelope,
      outcome ? result() : offer(),
      coverStory(page, design),
    );
    /** @type {HTMLElement|null} */ (this.#el.querySelector("h1[tabindex]"))?.focus();
  }

  #celebrate() {
    if (calm()) return;
    const sparks = h(
      "div",
      { class: "sparks", "aria-hidden": "true" },
      Array.from({ length: SPARKS }, () => h("i", {})),
    );
    this.#el.append(sparks);
    setTimeout(() => sparks.remove(), SPARKS_MS);
  }
}
