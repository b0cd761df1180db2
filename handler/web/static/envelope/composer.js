// The composer: kind, amount, shares or recipient, greeting. What is wrong is said while one types.

import { Problem } from "../core/api.js";
import { any, of, ofKind } from "../core/changes.js";
import { fill, h, setText } from "../core/dom.js";
import { ownedLine, ruleText } from "../core/form.js";
import { CURRENCIES, parse, toInput } from "../core/money.js";

import { field, openSheet } from "../core/sheet.js";
import { checkEnvelope, MAX_COUNT } from "./rules.js";

const KINDS = ["lucky", "equal", "exclusive"];

/** @param {import("../core/page.js").Page} page @param {string} [cover] the id of the one to begin with */
export function openCompose(page, cover = "") {
  const group = page.nav.group();
  const { chats, actions, attempt, quietly } = page.services;
  if (!chats.group(group)) return;
  attempt(actions.groups.members(group)); // who has just joined matters for the number of shares
  quietly(actions.covers.mine()); // one may be new, or over
  new Composer(page, group, cover);
}

class Composer {
  /** @type {import("../core/page.js").Page} */
  #page;
  #group; // its id
  #draftKey;
  #touched = new Set();
  #suggested = ""; // the greeting that the chosen cover brought
  #form;

  constructor(page, group, cover) {
    this.#page = page;
    this.#group = group;
    this.#draftKey = `envelope ${group}`;
    this.#form = this.#makeForm();
    const concerns = any(of("groups", group), ofKind("balances", "cover", "covers"));
    const unwatch = page.services.changes.watch(concerns, () => {
      this.#form.covers.update();
      this.#follow();
    });
    openSheet(page, page.texts.t("compose.title"), this.#form.content, () => this.#submit(), {
      draft: this.#draftKey,
      done: unwatch,
    });
    if (cover) this.#form.covers.pick(cover);
    this.#follow();
  }

  #makeForm() {
    const { texts } = this.#page;
    const { t } = texts;
    const others = this.#others();
    const input = (name, testid, props) =>
      h("input", {
        type: "text",
        autocomplete: "off",
        name,
        data: { testid },
        ...props,
        on: { input: () => this.#changed(name), blur: () => this.#changed(name) },
      });
    const kinds = KINDS.map((kind) =>
      h(
        "label",
        { class: "kind", data: { testid: `kind-${kind}` } },
        h("input", {
          type: "radio",
          name: "kind",
          value: kind,
          checked: kind === "lucky",
          on: { change: () => this.#show() },
        }),
        h("span", {}, t(`kind.${kind}`)),
      ),
    );
    const currency = h(
      "select",
      {
        class: "currency",
        "aria-label": t("compose.currency"),
        data: { testid: "currency" },
        on: { change: () => this.#show() },
      },
      CURRENCIES.map((code) => h("option", { value: code, selected: code === "CNY" }, code)),
    );
    const total = input("total", "total", { inputmode: "decimal", autofocus: true, "aria-label": t("compose.total") });
    const count = input("count", "count", { inputmode: "numeric" });
    const to = h(
      "select",
      { data: { testid: "recipient" }, on: { change: () => this.#changed("to") } },
      h("option", { value: "" }, t(others.length ? "compose.to_pick" : "compose.nobody")),
      others.map((id) => h("option", { value: id }, texts.name(id))),
    );
    const greeting = input("greeting", "greeting", { placeholder: t("compose.default_greeting") });
    const fields = {
      total: field(t("compose.total"), h("span", { class: "money-input" }, total, currency)),
      count: field(t("compose.count"), count, h("p", { class: "field-hint" })),
      to: field(t("compose.to"), to),
      greeting: field(t("compose.greeting"), greeting),
    };
    const covers = this.#page.services.looks.picker(this.#page, (cover) => this.#dressed(cover));
    const kindText = h("p", { class: "kind-text" });
    const big = h("p", { class: "big-amount", "aria-hidden": "true" });
    const note = h("p", { class: "big-note" });
    const send = h("button", { class: "primary wide-button", data: { testid: "send" } }, t("compose.send"));
    const owned = ownedLine(this.#page, send);
    const choice = h("fieldset", { class: "kinds" }, h("legend", { class: "spoken" }, t("compose.kind")), kinds);
    return {
      kinds: choice,
      currency,
      total,
      count,
      to,
      greeting,
      covers,
      fields,
      kindText,
      big,
      note,
      send,
      owned,
      content: [
        choice,
        kindText,
        fields.total.el,
        fields.count.el,
        fields.to.el,
        fields.greeting.el,
        covers.el,
        big,
        note,
        send,
        owned.el,
        h("p", { class: "hint center" }, t("compose.back_hint")),
      ],
    };
  }

  // A cover brings its greeting, as long as nobody has typed another one.
  #dressed(cover) {
    const { greeting } = this.#form;
    if (greeting.value !== "" && greeting.value !== this.#suggested) return;
    this.#suggested = cover?.greeting ?? "";
    greeting.value = this.#suggested;
    this.#show();
  }

  #members() {
    return this.#page.services.chats.group(this.#group)?.members ?? [];
  }

  #others() {
    return this.#members().filter((id) => id !== this.#page.services.me);
  }

  #kind() {
    return /** @type {HTMLInputElement} */ (this.#form.kinds.querySelector("input:checked")).value;
  }

  #draft() {
    const f = this.#form;
    const count = f.count.value.normalize("NFKC").trim();
    return {
      kind: this.#kind(),
      amount: parse(f.total.value, f.currency.value),
      count: /^\d+$/.test(count) ? Number(count) : NaN,
      currency: f.currency.value,
      greeting: f.greeting.value.trim(),
      to: f.to.value,
    };
  }

  #changed(name) {
    const control = this.#form[name];
    if (control.value !== "") this.#touched.add(name);
    this.#show();
  }

  // Members come and go while the sheet is open.
  #follow() {
    const { t, name } = this.#page.texts;
    const { to, fields } = this.#form;
    const others = this.#others();
    const listed = Array.from(to.options, (o) => o.value).filter(Boolean);
    if (listed.join() !== others.join()) {
      const chosen = to.value;
      fill(
        to,
        h("option", { value: "" }, t(others.length ? "compose.to_pick" : "compose.nobody")),
        others.map((id) => h("option", { value: id }, name(id))),
      );
      to.value = others.includes(chosen) ? chosen : "";
    }
    const most = Math.min(MAX_COUNT, this.#members().length);
    this.#form.count.placeholder = most ? `1–${most}` : "";
    setText(fields.count.el.querySelector(".field-hint"), t("compose.count_unit", { n: this.#members().length }));
    this.#show();
  }

  // Shows the draft as it is. Returns what is wrong with it.
  #show() {
    const { texts, services } = this.#page;
    const { t } = texts;
    const f = this.#form;
    const draft = this.#draft();
    const wrong = checkEnvelope(draft, this.#members(), services.me);
    const money = (minor) => texts.money(minor, draft.currency);
    const exclusive = draft.kind === "exclusive";
    f.fields.count.el.hidden = exclusive;
    f.fields.to.el.hidden = !exclusive;
    setText(f.kindText, t(`kind.${draft.kind}_text`));
    f.total.placeholder = toInput(0, draft.currency);
    // Without a number of shares the rule for the total would only repeat that.
    for (const [name, { show }] of Object.entries(f.fields)) {
      const rule = this.#touched.has(name) ? wrong[name] : null;
      show(rule ? ruleText(texts, rule, draft.currency) : "");
    }
    const minor = draft.amount.minor ?? 0;
    fill(
      f.big,
      texts.pieces(minor, draft.currency).map((p) => h("span", { class: p.type }, p.text)),
    );
    setText(f.note, minor && !Object.keys(wrong).length ? this.#shareText(draft, money) : "");
    f.owned.show(minor, draft.currency);
    return wrong;
  }

  #shareText({ kind, amount, count, to }, money) {
    const { t, name } = this.#page.texts;
    if (kind === "exclusive") return t("compose.all_for", { name: name(to) });
    const each = Math.floor(amount.minor / count);
    if (kind === "lucky") return t("compose.mean", { money: money(Math.round(amount.minor / count)) });
    if (amount.minor % count === 0) return t("compose.each", { money: money(each) });
    return t("compose.each_mixed", { money: money(each), more: money(each + 1) });
  }

  async #submit() {
    const { texts, services } = this.#page;
    const { t } = texts;
    const { actions, toasts } = services;
    const f = this.#form;
    for (const name of Object.keys(f.fields)) this.#touched.add(name);
    const wrong = this.#show();
    const first = ["total", "count", "to", "greeting"].find((name) => wrong[name]);
    if (first) {
      f.fields[first].input.focus();
      return false;
    }
    const draft = this.#draft();
    const exclusive = draft.kind === "exclusive";
    const cover = f.covers.value();
    setText(f.send, t("compose.sending"));
    try {
      await actions.envelopes.send({
        request_id: services.drafts.requestId(this.#draftKey),
        group_id: this.#group,
        kind: draft.kind,
        total: draft.amount.minor,
        count: exclusive ? 1 : draft.count,
        currency: draft.currency,
        greeting: draft.greeting, // none is the default of whoever reads it
        ...(exclusive && { to: draft.to }),
        ...(cover && { cover_id: cover }),
      });
      return true;
    } catch (problem) {
      toasts.problem(problem);
      if (!(problem instanceof Problem)) return false;
      setText(f.send, t(problem.temporary ? "compose.retry" : "compose.send"));
      if (cover) services.quietly(actions.covers.mine()); // it may be the cover that is refused
      // It was sent before the draft was changed: show that one.
      if (problem.code !== "request_conflict") return false;
      await actions.envelopes.own();
      return true;
    }
  }
}
