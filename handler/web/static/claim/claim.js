// What a code is for, the claim, and what came of it, for one signed-in person.

import { Api, Problem } from "../core/api.js";
import { Changes } from "../core/changes.js";
import { calm, fill, h, icon, setText } from "../core/dom.js";
import { initial, tint } from "../core/people.js";
import { Texts } from "../core/texts.js";
import { CoverActions } from "../cover/actions.js";
import { paint } from "../cover/art.js";
import { Covers } from "../cover/covers.js";
import { coverView } from "../cover/shown.js";

const CONFETTI = 48;
const OUTCOMES = ["claimed", "already_held", "sold_out", "quota_spent", "not_started", "ended"];
const REPEATABLE = ["not_started", "cover_frozen", "merchant_not_active"]; // what may be otherwise a little later

/** @typedef {import("../cover/covers.js").Cover} Cover */

export class Claim {
  #root;
  #session;
  #onLeave;
  #code;
  #i18n;
  /** @type {Texts} */
  #texts;
  #actions;
  /** @type {Cover|null} */
  #cover = null;
  /** @type {{kind: "looking"|"offered"|"claiming"|"outcome"|"refused", code?: string, until?: number}} */
  #state = { kind: "looking" };
  /** @type {{page: HTMLElement, panel: HTMLElement, shown: ReturnType<typeof coverView>|null, cover: Cover|null}|null} */
  #frame = null;
  #left = false;

  /** @param {import("../core/start.js").Start} start @param {string} code */
  constructor({ root, i18n, session, onLeave }, code) {
    this.#root = root;
    this.#i18n = i18n;
    this.#texts = new Texts(i18n);
    this.#session = session;
    this.#onLeave = onLeave;
    this.#code = code;
    const api = new Api(
      () => session.token,
      () => this.#renew(),
    );
    this.#actions = new CoverActions(api, new Covers(new Changes()));
  }

  async start() {
    this.#become({ kind: "looking" });
    try {
      const { cover_id: id, used } = await this.#actions.check(this.#code || "-");
      this.#cover = await this.#actions.read(id);
      if (!this.#cover) return this.#become({ kind: "refused", code: "cover_not_found" });
      if (used) return await this.#claim(); // gives nothing more: it says whether the code was one's own
      this.#become({ kind: "offered" });
    } catch (problem) {
      this.#refused(problem);
    }
  }

  async #claim() {
    this.#become({ kind: "claiming" });
    try {
      const { outcome, usable_until: until } = await this.#actions.claim(this.#code);
      this.#become({ kind: "outcome", code: outcome, until });
    } catch (problem) {
      this.#refused(problem);
    }
  }

  #refused(problem) {
    if (!(problem instanceof Problem)) console.error(problem);
    this.#become({ kind: "refused", code: problem.code ?? "internal" });
  }

  async #renew() {
    if (await this.#session.renew()) return true;
    if (!this.#session.dev && !this.#left) this.#leave(true);
    return false;
  }

  #leave(expired = false) {
    this.#left = true;
    this.#onLeave(this.#i18n, expired);
  }

  // Drawing -------------------------------------------------------------------------------------------------------

  // The frame stays while the state changes: what is read of the story, and what screen readers listen to.
  #become(state) {
    if (this.#left) return;
    const { kind, code } = (this.#state = state);
    if (!this.#frame || this.#frame.cover !== this.#cover) this.#frame = this.#draw();
    const { page, panel, shown } = this.#frame;
    const busy = panel.contains(document.activeElement);
    page.dataset.state = code ?? kind;
    fill(panel, this.#panel());
    if (busy) /** @type {HTMLElement|null} */ (panel.querySelector("a, button:enabled"))?.focus();
    if (code !== "claimed") return;
    shown?.turn();
    if (!calm()) page.append(confetti());
  }

  #draw() {
    const { t } = this.#texts;
    const cover = this.#cover;
    document.title = cover ? cover.name : t("claim.name");
    const shown = cover && coverView(this.#texts, cover);
    const panel = h("section", { class: "claim-panel", role: "status" });
    const page = h(
      "main",
      { class: "claim", data: { testid: "claim" } },
      this.#bar(),
      h(
        "div",
        { class: "claim-inner", tabindex: "0" },
        shown ? h("p", { class: "claim-lead" }, t("claim.lead")) : blank(t("claim.name")),
        shown && shown.el,
      ),
      panel,
    );
    paint(page, cover);
    fill(this.#root, page);
    return { page, panel, shown, cover };
  }

  #bar() {
    const { t, name } = this.#texts;
    const me = this.#session.user;
    return h(
      "header",
      { class: "claim-bar" },
      h(
        "button",
        {
          class: "me",
          type: "button",
          title: t("nav.switch"),
          data: { testid: "me" },
          on: { click: () => this.#leave() },
        },
        h("span", { class: `avatar ${tint(me)}`, "aria-hidden": "true" }, initial(name(me))),
        h("span", { class: "me-name" }, name(me)),
        h("span", { class: "spoken" }, t("nav.switch")),
      ),
      h("span", { class: "grow" }),
      h(
        "button",
        {
          class: "bar-button",
          type: "button",
          "aria-label": t("app.lang_label"),
          data: { testid: "lang" },
          on: { click: () => this.#toggleLang() },
        },
        icon("language"),
      ),
    );
  }

  #panel() {
    const { t } = this.#texts;
    const { kind } = this.#state;
    switch (kind) {
      case "looking":
        return h("p", { class: "claim-note" }, t("claim.loading"));
      case "offered":
        return [h("p", { class: "claim-note" }, t("claim.free")), this.#button("claim.go")];
      case "claiming": {
        const button = this.#button("claim.go");
        button.disabled = true;
        setText(button, t("claim.going"));
        return [h("p", { class: "claim-note" }, t("claim.free")), button];
      }
      case "outcome":
        return this.#outcome();
      default:
        return this.#refusal();
    }
  }

  #outcome() {
    const { t, time } = this.#texts;
    const { code = "", until = 0 } = this.#state;
    const key = OUTCOMES.includes(code) ? `claim.${code}` : "claim.unknown";
    const holds = code === "claimed" || code === "already_held";
    return [
      this.#said(t(key), t(`${key}_text`, { time: time(until), outcome: code })),
      holds && this.#cover?.mode !== "test" && this.#toChat("primary", "claim.send", "send", this.#cover?.id),
      !holds && REPEATABLE.includes(code) && this.#button("claim.again"),
      !holds && this.#toChat("secondary", "claim.chat", "chat"),
    ];
  }

  #refusal() {
    const { t, has } = this.#texts;
    const { code = "" } = this.#state;
    const own = `claim.no_${code}`;
    const { title, text } = has(own)
      ? { title: t(own), text: t(`${own}_text`) }
      : this.#texts.problem({ status: 0, code });
    const again = !has(own) || REPEATABLE.includes(code);
    return [
      this.#said(title, text),
      again && this.#button("claim.again"),
      this.#toChat("secondary", "claim.chat", "chat"),
    ];
  }

  #said(title, text) {
    return h(
      "div",
      { class: "claim-said" },
      h("h2", { data: { testid: "claim-said" } }, title),
      text && h("p", {}, text),
    );
  }

  // Claims; where not even the code was read, reads it first.
  #button(key) {
    return h(
      "button",
      {
        class: "primary wide-button claim-go",
        type: "button",
        data: { testid: "claim-go" },
        on: { click: () => (this.#cover ? this.#claim() : this.start()) },
      },
      this.#texts.t(key),
    );
  }

  #toChat(look, key, testid, cover = "") {
    const address = new URLSearchParams({
      ...(this.#session.dev && { user: this.#session.user }),
      ...(cover && { cover }),
    });
    const href = address.size ? `/?${address}` : "/";
    return h("a", { class: `${look} wide-button`, href, data: { testid: `claim-${testid}` } }, this.#texts.t(key));
  }

  #toggleLang() {
    this.#i18n = this.#i18n.other();
    this.#texts = new Texts(this.#i18n);
    this.#frame = null;
    this.#become(this.#state);
  }
}

/** What stands in the place of a cover that is not known. @param {string} title */
function blank(title) {
  return h("div", { class: "claim-blank" }, icon("packet"), h("h1", { class: "spoken" }, title));
}

function confetti() {
  const bits = Array.from({ length: CONFETTI }, () => h("i"));
  const any = (most) => Math.random() * most;
  for (const { style } of bits) {
    style.setProperty("--x", `${any(100)}vw`);
    style.setProperty("--sway", `${any(160) - 80}px`);
    style.setProperty("--wait", `${any(700)}ms`);
    style.setProperty("--turns", `${360 + any(900)}deg`);
  }
  return h("div", { class: "confetti", "aria-hidden": "true" }, bits);
}
