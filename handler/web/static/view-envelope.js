// The envelope itself: closed with its coin, opening, and what was in it.
//
// The stages are closed → opening → result. Whoever has nothing to open (took a share already, came too late, is not
// the recipient) begins at the result.

import { calm, fill, h, icon, setText, showDialog } from "./dom.js";
import { pieces } from "./money.js";
import { initial, tint } from "./people.js";
import { takenView } from "./view-taken.js";
import { verifyView } from "./view-verify.js";

const SPIN_MS = 900; // the coin turns at least this long: an answer within a millisecond would spoil it
const SPARKS = 18;

export function openEnvelope(ctx, id) {
  const envelope = ctx.store.envelopes.get(id);
  if (!envelope) return;
  const packet = new Packet(ctx, envelope);
  const unwatch = ctx.watch(() => packet.update());
  showDialog(packet.el, () => {
    unwatch();
    packet.end();
    document.querySelector(`[data-testid="card-${CSS.escape(id)}"]`)?.focus();
  });
  packet.start();
}

class Packet {
  #ctx;
  #envelope;
  #coin;
  #cover;
  #outcome = h("div", { class: "outcome" });
  #coverText = h("p", { class: "cover-greeting" });
  #see;
  #taken;
  #verify;
  #drawn = "";
  #credit = ""; // arriving, saved, or nothing to say
  #unseal = () => {};

  constructor(ctx, envelope) {
    const { t } = ctx;
    this.#ctx = ctx;
    this.#envelope = envelope;
    this.#taken = takenView(ctx, envelope);
    this.#verify = verifyView(ctx, envelope);
    const close = h(
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
      h("span", { "aria-hidden": "true" }, t("packet.coin")),
    );
    this.#see = h(
      "button",
      { class: "plain cover-see", type: "button", data: { testid: "see" }, on: { click: () => this.#stage("result") } },
      t("packet.see"),
      " ›",
    );
    this.#cover = h(
      "div",
      { class: "cover" },
      h("div", { class: "cover-bottom" }, this.#see),
      h("div", { class: "cover-top" }, this.#from(t("packet.sent_you")), this.#coverText),
      this.#coin,
    );
    this.el = h(
      "dialog",
      { class: "packet", "aria-label": this.#title() },
      h(
        "div",
        { class: "result" },
        h("div", { class: "result-top" }),
        h(
          "div",
          { class: "result-head" },
          this.#from(""),
          h("p", { class: "result-greeting" }, this.#greeting()),
          this.#outcome,
        ),
        this.#taken.el,
        this.#verify.el,
      ),
      this.#cover,
      close,
    );
  }

  /** Shows the first stage, and whatever the server knows beyond the events. */
  start() {
    const open = this.#ctx.store.standing(this.#envelope) === "open";
    this.#stage(open ? "closed" : "result");
    if (open) this.#coin.focus();
    this.update();
    this.#ctx.actions.envelope(this.#envelope.id).catch((problem) => this.#ctx.toasts.problem(problem));
  }

  /** Lets the rest of the page know, wherever the coin was. */
  end() {
    this.#unseal();
  }

  update() {
    const { t, store } = this.#ctx;
    const standing = store.standing(this.#envelope);
    if (this.el.dataset.stage === "closed") {
      const openable = standing === "open";
      this.#coin.hidden = !openable;
      setText(
        this.#coverText,
        openable ? this.#greeting() : t(standing === "won" ? "packet.see" : `packet.${standing}`),
      );
    }
    this.#taken.update();
    this.#verify.update();
    this.#showOutcome(standing);
  }

  async #open() {
    if (this.el.dataset.stage !== "closed") return;
    const { actions, store, toasts, t } = this.#ctx;
    const { id, currency } = this.#envelope;
    const before = store.balances.get(currency) ?? 0;
    this.#unseal = store.seal(id);
    this.#stage("opening");
    this.#coin.setAttribute("aria-label", t("packet.opening"));
    const spun = new Promise((resolve) => setTimeout(resolve, calm() ? 0 : SPIN_MS));
    try {
      const [answer] = await Promise.all([actions.grab(id), spun]);
      if (answer.outcome === "won") this.#arriving(currency, before);
      await actions.envelope(id).catch(() => {}); // the events tell the same a moment later
      this.#stage("result", answer.outcome === "won");
    } catch (problem) {
      toasts.problem(problem);
      this.#coin.setAttribute("aria-label", t("packet.open"));
      this.#stage("closed");
    } finally {
      this.#unseal();
    }
    this.update();
  }

  // The share is won for good; the wallet follows within moments.
  async #arriving(currency, before) {
    this.#credit = "arriving";
    const saved = await this.#ctx.actions.awaitCredit(currency, before).catch(() => false);
    this.#credit = saved ? "saved" : "arriving";
    this.update();
  }

  #stage(stage, won = false) {
    this.el.dataset.stage = stage;
    this.#cover.inert = stage === "result";
    this.el.querySelector(".result").inert = stage !== "result";
    if (stage !== "result") return;
    if (won && !calm())
      this.el.append(
        h(
          "div",
          { class: "sparks", "aria-hidden": "true" },
          Array.from({ length: SPARKS }, () => h("i")),
        ),
      );
    this.el.querySelector(".packet-close").focus();
  }

  #showOutcome(standing) {
    const { t, lang, me, store } = this.#ctx;
    const { currency, taken, to, kind } = this.#envelope;
    const mine = taken.get(me);
    const drained = store.state(this.#envelope);
    const now = [standing, mine?.amount, this.#credit, drained].join();
    if (now === this.#drawn) return;
    this.#drawn = now;
    if (mine) {
      fill(
        this.#outcome,
        h(
          "p",
          { class: "my-amount", data: { testid: "my-amount" }, role: "status" },
          pieces(mine.amount, currency, lang).map((p) => h("span", { class: p.type }, p.text)),
        ),
        h("p", { class: "outcome-note" }, t(this.#credit === "arriving" ? "packet.arriving" : "packet.saved")),
      );
      return;
    }
    const name = this.#ctx.name(to);
    const own = this.#envelope.sender === me;
    if (standing === "reserved") this.#say(own ? t("packet.not_yet") : t("packet.reserved", { name }), "");
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
    const { sender } = this.#envelope;
    const sent = text && sender !== this.#ctx.me;
    return h(
      "p",
      { class: "packet-from" },
      h("span", { class: `avatar ${tint(sender)}`, "aria-hidden": "true" }, initial(this.#ctx.name(sender))),
      h("strong", {}, sent ? this.#ctx.name(sender) : this.#title()),
      sent && h("span", {}, text),
    );
  }

  #title() {
    const { sender } = this.#envelope;
    const { t, me } = this.#ctx;
    return sender === me ? t("packet.from_you") : t("packet.from", { name: this.#ctx.name(sender) });
  }

  #greeting() {
    return this.#envelope.greeting || this.#ctx.t("compose.default_greeting");
  }
}
