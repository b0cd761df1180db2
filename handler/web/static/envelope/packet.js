// The envelope itself: closed with its coin, opening, and what was in it.
//
// The stages are closed → opening → result. Whoever has nothing to open (took a share already, came too late, is not
// the recipient) begins at the result.

import { of } from "../core/changes.js";
import { calm, fill, h, icon } from "../core/dom.js";
import { initial, tint } from "../core/people.js";
import { ring } from "../core/sound.js";
import { throwSparks } from "./sparks.js";
import { takenView } from "./taken.js";
import { proofView } from "./proof.js";

const SPIN_MS = 900; // the coin turns at least this long: an answer within a millisecond would spoil it

const OPENED = ["won", "already_won"]; // outcomes with a share

/** @typedef {import("../core/page.js").Page} Page */
/** @typedef {import("./envelopes.js").Envelope} Envelope */

/** @param {Page} page @param {string} id */
export function openEnvelope(page, id) {
  const { envelopes, changes, dialogs } = page.services;
  const envelope = envelopes.get(id);
  if (!envelope) return;
  const packet = new Packet(page, envelope);
  const unwatch = changes.watch(of("envelope", id), () => packet.update());
  dialogs.show(packet.el, () => {
    unwatch();
    packet.end();
    /** @type {HTMLElement|null} */ (document.querySelector(`[data-testid="card-${CSS.escape(id)}"]`))?.focus();
  });
  packet.start();
}

class Packet {
  /** @type {Page} */
  #page;
  /** @type {Envelope} as it was last drawn */
  #envelope;
  #coin;
  #cover;
  #result;
  #close;
  #parts;
  #credit = h("p", { class: "result-credit", data: { testid: "credit" } });
  #worn = "";
  #outcome = h("div", { class: "outcome" });
  #see;
  #taken;
  #proof;
  #thanks;
  #drawn = "";
  #arrival = ""; // arriving, saved, or nothing to say
  #isNew = false; // whether it was opened here
  #isCrowned = false;
  #unseal = () => {};

  /** @param {Page} page @param {Envelope} envelope */
  constructor(page, envelope) {
    const { t } = page.texts;
    this.#page = page;
    this.#envelope = envelope;
    this.#taken = takenView(page, envelope);
    this.#proof = proofView(page, envelope.id);
    this.#thanks = page.services.thanks(page, envelope);
    this.#close = h(
      "button",
      {
        class: "plain packet-close",
        type: "button",
        "aria-label": t("packet.close"),
        data: { testid: "close" },
        on: { click: () => this.el.close() },
      },
      icon("close"),
    );
    this.#coin = h(
      "button",
      {
        class: "coin",
        type: "button",
        "aria-label": t("packet.open"),
        data: { testid: "open" },
        on: { click: () => this.#open() },
      },
      icon("coin"),
    );
    this.#see = h(
      "button",
      { class: "plain cover-see", type: "button", data: { testid: "see" }, on: { click: () => this.#stage("result") } },
      t("packet.see"),
      " ›",
    );
    const top = h(
      "div",
      { class: "cover-top" },
      this.#from(t("packet.sent_you")),
      h("p", { class: "cover-greeting" }, this.#greeting()),
    );
    const bottom = h("div", { class: "cover-bottom" }, this.#see);
    const band = h("div", { class: "result-top" });
    this.#parts = { top, bottom, band };
    this.#cover = h("div", { class: "cover" }, bottom, top, this.#coin);
    this.#result = h(
      "div",
      { class: "result" },
      band,
      h(
        "div",
        { class: "result-head" },
        this.#from(""),
        h("p", { class: "result-greeting" }, this.#greeting()),
        this.#outcome,
        this.#credit,
      ),
      this.#thanks.el,
      this.#taken.el,
      this.#proof.el,
    );
    this.el = h("dialog", { class: "packet", "aria-label": this.#title() }, this.#result, this.#cover, this.#close);
  }

  /** Shows the first stage, and whatever the server knows beyond the events. */
  start() {
    const { envelopes, actions, attempt, looks } = this.#page.services;
    looks.recheck(this.#envelope.cover);
    const open = envelopes.standing(this.#envelope) === "open";
    this.#stage(open ? "closed" : "result");
    if (open) this.#coin.focus();
    this.update();
    attempt(actions.envelopes.read(this.#envelope.id));
  }

  /** Lets the rest of the page know, wherever the coin was. */
  end() {
    this.#thanks.end();
    this.#unseal();
  }

  update() {
    const { envelopes } = this.#page.services;
    this.#envelope = envelopes.get(this.#envelope.id) ?? this.#envelope;
    const standing = envelopes.standing(this.#envelope);
    this.#dress();
    // It was opened in another window of the same person, or its time is over: there is no coin to press any more.
    if (this.el.dataset.stage === "closed" && standing !== "open") this.#stage("result");
    this.#taken.update(this.#envelope);
    this.#proof.update(this.#envelope);
    this.#thanks.update(Boolean(envelopes.mine(this.#envelope)));
    this.#showOutcome(standing);
    this.#crown();
  }

  #dress() {
    const { texts, services, nav } = this.#page;
    const { cover } = this.#envelope;
    const worn = services.looks.key(cover);
    if (worn === this.#worn) return;
    this.#worn = worn;
    services.looks.packet(this.el, this.#parts, cover);
    services.looks.credit(this.#credit, texts, cover, () => nav.openCover(cover));
  }

  async #open() {
    if (this.el.dataset.stage !== "closed") return;
    const { t } = this.#page.texts;
    const { actions, toasts, balances } = this.#page.services;
    const { id, currency } = this.#envelope;
    const before = balances.of(currency);
    this.#seal();
    this.#stage("opening");
    this.#coin.setAttribute("aria-label", t("packet.opening"));
    const spun = new Promise((resolve) => setTimeout(resolve, calm() ? 0 : SPIN_MS));
    try {
      const [answer] = await Promise.all([actions.envelopes.grab(id), spun]);
      this.#isNew = answer.outcome === "won";
      if (this.#isNew) this.#arriving(currency, before);
      const read = actions.envelopes.read(id).catch(() => {}); // the events tell the same a moment later
      // The answer has one's own share. Why there was none, only the envelope itself tells.
      if (!OPENED.includes(answer.outcome)) await read;
      this.#stage("result", this.#isNew);
    } catch (problem) {
      toasts.problem(problem);
      this.#coin.setAttribute("aria-label", t("packet.open"));
      this.#stage("closed");
    } finally {
      this.#unseal();
    }
    this.update();
  }

  // Until the coin has turned, nothing else on the page tells what was in the envelope.
  #seal() {
    const { envelopes, balances } = this.#page.services;
    const unsealers = [envelopes.seal(this.#envelope.id), balances.seal()];
    this.#unseal = () => unsealers.forEach((unseal) => unseal());
  }

  // The share is won for good; the wallet follows within moments.
  async #arriving(currency, before) {
    this.#arrival = "arriving";
    const saved = await this.#page.services.actions.wallet.awaitCredit(currency, before).catch(() => false);
    this.#arrival = saved ? "saved" : "arriving";
    this.update();
  }

  #stage(stage, won = false) {
    this.el.dataset.stage = stage;
    this.#cover.inert = stage === "result";
    this.#result.inert = stage !== "result";
    if (stage !== "result") return;
    if (won) this.#celebrate(false);
    this.#close.focus();
  }

  // Coins for a share, confetti once it turns out to be the best: while the packet is open, and once.
  #celebrate(best) {
    ring(best);
    if (!calm()) throwSparks(this.el, best);
  }

  // Only who has opened it here, and just now, is surprised by having had the best luck.
  #crown() {
    const { best, kind, count } = this.#envelope;
    const isMine = best === this.#page.services.me && kind === "lucky" && count > 1;
    if (!this.#isNew || !isMine || this.#isCrowned || this.el.dataset.stage !== "result") return;
    this.#isCrowned = true;
    this.#celebrate(true);
  }

  #showOutcome(standing) {
    const { t, name, pieces } = this.#page.texts;
    const { me, envelopes } = this.#page.services;
    const { currency, to, kind } = this.#envelope;
    const mine = envelopes.mine(this.#envelope);
    const now = [standing, mine?.amount, this.#arrival].join();
    if (now === this.#drawn) return;
    this.#drawn = now;
    if (mine) {
      fill(
        this.#outcome,
        h(
          "p",
          { class: "my-amount", data: { testid: "my-amount" }, role: "status" },
          pieces(mine.amount, currency).map((p) => h("span", { class: p.type }, p.text)),
        ),
        h("p", { class: "outcome-note" }, t(this.#arrival === "arriving" ? "packet.arriving" : "packet.saved")),
      );
      return;
    }
    const own = this.#envelope.sender === me;
    if (standing === "reserved") this.#say(own ? t("packet.not_yet") : t("packet.reserved", { name: name(to) }), "");
    else if (standing === "open")
      fill(
        this.#outcome,
        h(
          "button",
          { class: "secondary", type: "button", on: { click: () => this.#backToCoin() } },
          icon("packet"),
          t("packet.open"),
        ),
      );
    else if (standing === "drained" && own && kind === "exclusive") fill(this.#outcome);
    else if (standing === "drained") this.#say(t("packet.drained"), t("packet.drained_text"));
    else this.#say(t("packet.expired"), t("packet.expired_text"));
  }

  #backToCoin() {
    this.#stage("closed");
    this.update();
    this.#coin.focus();
  }

  #say(title, text) {
    fill(
      this.#outcome,
      h("p", { class: "outcome-title", data: { testid: "outcome" }, role: "status" }, title),
      text && h("p", { class: "outcome-note" }, text),
    );
  }

  #from(text) {
    const { texts, services } = this.#page;
    const { sender } = this.#envelope;
    const sent = text && sender !== services.me;
    return h(
      "p",
      { class: "packet-from" },
      h("span", { class: `avatar ${tint(sender)}`, "aria-hidden": "true" }, initial(texts.name(sender))),
      h("strong", {}, sent ? texts.name(sender) : this.#title()),
      sent && h("span", {}, text),
    );
  }

  #title() {
    const { sender } = this.#envelope;
    const { t, name } = this.#page.texts;
    if (sender === this.#page.services.me) return t("packet.from_you");
    return t("packet.from", { name: name(sender) });
  }

  #greeting() {
    return this.#page.texts.greeting(this.#envelope.greeting);
  }
}
