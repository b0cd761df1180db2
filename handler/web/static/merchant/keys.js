// The keys of one side: with which permissions, from where, until when. Made, rolled, revoked.

import { newRequestId } from "../core/api.js";
import { h, icon } from "../core/dom.js";
import { empty, iconButton, modeSwitch, moment, panel, pill, refill, viewHead } from "../console/parts.js";
import { ask, lineField, choiceField, showSecret } from "../console/sheets.js";
import { openKeyForm } from "./key-form.js";
import { isPublicKey, may, works } from "./rules.js";
import { testNote } from "./side.js";

const HOUR_MS = 60 * 60_000;
const OVERLAPS = [24 * HOUR_MS, HOUR_MS, 7 * 24 * HOUR_MS, 0]; // how long a rolled key stays good

/** Shows what a call has made that makes a key. @param {import("./console.js").MerchantPage} page */
export function showKey(page, key) {
  const { t } = page.texts;
  if (key.public_key) {
    page.services.toasts.show(t("keys.made_public", { name: key.name }), "", "good");
    return;
  }
  const [title, text, lost] = [t("keys.made", { name: key.name }), t("keys.made_text"), t("keys.lost")];
  showSecret(page, { title, text, secret: key.secret, lost });
}

/** @param {import("./console.js").MerchantPage} page */
export function keysView(page) {
  const { texts, nav, services, api, merchants } = page;
  const { t } = texts;
  const { merchant: id, mode } = nav.place();
  const list = h("ul", { class: "rows", "aria-label": t("nav.keys"), data: { testid: "keys" } });
  const none = h("div", {});
  const actions = h("div", { class: "view-actions" }, modeSwitch(page));
  const old = h("details", { class: "fold" });
  let isOpen = false;
  old.addEventListener("toggle", () => (isOpen = old.open));

  const create = () =>
    openKeyForm(page, mode, async (body) => {
      const key = await api.createKey(id, { request_id: newRequestId(), mode, ...body });
      showKey(page, key);
      await nav.refresh();
    });
  const roll = (key) => {
    const overlap = choiceField(
      t("keys.overlap"),
      "roll-overlap",
      OVERLAPS.map((ms) => ({ value: String(ms), text: ms ? texts.duration(ms) : t("keys.overlap_none") })),
    );
    const publicKey = key.public_key
      ? lineField(t("keys.public"), "roll-public", { spellcheck: "false" }, t("keys.public_hint"))
      : null;
    ask(page, {
      title: t("keys.roll_title", { name: key.name }),
      text: t("keys.roll_text"),
      go: t("keys.roll"),
      more: [overlap.el, publicKey?.el],
      run: async () => {
        const text = publicKey?.input.value.trim() ?? "";
        if (publicKey && !isPublicKey(text)) throw new Error(t("rule.public_key"));
        const body = { request_id: newRequestId(), overlap_ms: Number(overlap.input.value) };
        const made = await api.rollKey(id, key.id, { ...body, ...(publicKey && { public_key: text }) });
        showKey(page, made);
        await nav.refresh();
      },
    });
  };
  const revoke = (key) =>
    ask(page, {
      title: t("keys.revoke_title", { name: key.name }),
      text: t("keys.revoke_text"),
      go: t("keys.revoke"),
      reason: "optional",
      danger: true,
      run: async (reason) => {
        await api.revokeKey(id, key.id, { request_id: newRequestId(), ...(reason && { reason }) });
        services.toasts.show(t("keys.revoked", { name: key.name }), "", "good");
        await nav.refresh();
      },
    });

  const row = (key) => {
    const good = isGood(key, api.now());
    const state = good || key.state === "revoked" ? key.state : "expired";
    const manage = good && may(merchants.role(id), "manage_keys");
    const expires = key.expires_at ? [t("keys.expires"), " ", moment(page, key.expires_at)] : t("keys.never_expires");
    const used = key.last_used_at ? [t("keys.used"), " ", moment(page, key.last_used_at)] : t("keys.never_used");
    return h(
      "li",
      { data: { testid: `key-${key.id}`, state } },
      h(
        "div",
        { class: "row" },
        h(
          "span",
          { class: "row-text" },
          h("strong", {}, key.name),
          h(
            "small",
            { class: "code" },
            key.public_key ? `Ed25519 ${key.public_key.slice(0, 12)}…` : `hb_${key.mode}_…${key.hint}`,
          ),
          h("small", {}, expires, " · ", used),
          h(
            "span",
            { class: "tags" },
            key.permissions.map((p) => h("span", { class: "tag" }, t(`permission.${p}`))),
            (key.allowed ?? []).map((network) => h("span", { class: "tag code" }, network)),
          ),
        ),
        h(
          "span",
          { class: "row-side" },
          pill(page, state),
          manage &&
            key.state === "active" &&
            iconButton("roll", t("keys.roll"), () => roll(key), { data: { testid: `roll-${key.id}` } }),
          manage &&
            iconButton("trash", t("keys.revoke"), () => revoke(key), {
              class: "secondary small danger",
              data: { testid: `revoke-${key.id}` },
            }),
        ),
      ),
    );
  };

  const refresh = async () => {
    const [{ keys }, merchant] = await Promise.all([api.keys(id), api.get(id)]);
    const all = (keys ?? []).filter((key) => key.mode === mode).reverse();
    const good = all.filter((key) => isGood(key, api.now()));
    const gone = all.filter((key) => !isGood(key, api.now()));
    const can = may(merchants.role(id), "manage_keys") && works(merchant.state, mode);
    const make = () =>
      h(
        "button",
        { class: "primary small", type: "button", data: { testid: "key-new" }, on: { click: create } },
        icon("plus"),
        t("keys.new"),
      );
    refill(actions, modeSwitch(page), can && good.length > 0 && make());
    refill(list, good.map(row));
    list.hidden = good.length === 0;
    const why = works(merchant.state, mode) ? t("keys.none_text") : t("keys.not_yet");
    refill(none, good.length === 0 && empty("key", t("keys.none"), why, can && make()));
    old.hidden = gone.length === 0;
    refill(old, h("summary", {}, t("keys.old", { n: gone.length })), h("ul", { class: "rows" }, gone.map(row)));
    old.open = isOpen;
  };
  const title = t("nav.keys");
  const el = h(
    "div",
    { class: "view" },
    viewHead(title, { lead: t("keys.lead"), actions }),
    testNote(page),
    panel(t(`keys.list_${mode}`), [list, none, old]),
  );
  old.hidden = true;
  return { el, title, refresh };
}

const isGood = (key, now) => key.state !== "revoked" && (key.expires_at === 0 || key.expires_at > now);
