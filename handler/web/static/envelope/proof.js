// The proof of fairness of a closed envelope, computed in this browser.

import { fill, h, icon } from "../core/dom.js";
import { verify } from "./split.js";

/**
 * @param {import("../core/page.js").Page} page
 * @param {string} id the envelope's
 */
export function proofView({ texts, services }, id) {
  const { t } = texts;
  const { envelopes, actions, toasts } = services;
  const button = h(
    "button",
    { class: "secondary", type: "button", data: { testid: "verify" }, on: { click: () => run() } },
    icon("shield"),
    t("verify.button"),
  );
  const result = h("div", { class: "verify", "aria-live": "polite" });
  const el = h("section", { class: "verify-section" }, button, result);

  const run = async () => {
    fill(result, h("p", { class: "hint center" }, t("verify.checking")));
    try {
      await actions.envelopes.read(id); // the seed, and everybody who took a share
      const envelope = envelopes.get(id);
      if (!envelope?.seed) {
        fill(result, h("p", { class: "hint center" }, t("verify.no_seed")));
        return;
      }
      fill(result, proof(texts, envelope, await verify(envelope)));
      result.scrollIntoView({ block: "nearest", behavior: "smooth" });
      fill(button, icon("shield"), t("verify.again"));
    } catch (problem) {
      fill(result);
      toasts.problem(problem);
    }
  };

  /** @param {import("./envelopes.js").Envelope} envelope */
  const update = (envelope) => {
    el.hidden = envelopes.state(envelope) === "open";
  };
  return { el, update };
}

function proof(texts, envelope, found) {
  const { t } = texts;
  const money = (minor) => texts.money(minor, envelope.currency);
  const tick = (ok) =>
    h(
      "span",
      { class: ok ? "tick ok" : "tick bad", role: "img", "aria-label": ok ? "✓" : "✗" },
      icon(ok ? "check" : "close"),
    );
  const line = (share) =>
    h(
      "li",
      {},
      tick(share.ok),
      h(
        "span",
        { class: "grow" },
        t("verify.share", { n: share.index + 1 }),
        " · ",
        share.user ? texts.name(share.user) : h("em", {}, t("verify.nobody")),
      ),
      !share.ok && h("span", { class: "bad" }, t("verify.recorded", { money: money(share.recorded) })),
      h("strong", {}, money(share.amount)),
    );
  return h(
    "div",
    { class: found.ok ? "proof ok" : "proof bad", data: { testid: "verify-result", ok: String(found.ok) } },
    h("h3", {}, tick(found.ok), t(found.ok ? "verify.ok" : "verify.failed")),
    h(
      "ul",
      {},
      h(
        "li",
        {},
        tick(found.committed),
        h("span", { class: "grow" }, t(found.committed ? "verify.commitment" : "verify.commitment_bad")),
      ),
      found.shares.map(line),
    ),
    h(
      "dl",
      {},
      h("dt", {}, t("verify.seed")),
      h("dd", {}, envelope.seed),
      h("dt", {}, t("verify.published")),
      h("dd", {}, envelope.commitment),
    ),
    h("p", { class: "hint" }, t("verify.how")),
  );
}
