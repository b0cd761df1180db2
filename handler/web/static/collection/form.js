// A bill for a group: shared evenly by those who are chosen, or so much from each. What everybody would pay is shown
// while one types.

import { Problem } from "../core/api.js";
import { checkCollection } from "./rules.js";
import { shareEvenly } from "./shares.js";
import { of } from "../core/changes.js";
import { attribute, h, keyed, setText } from "../core/dom.js";
import { Checks, moneyField, ruleText, segments, textInput } from "../core/form.js";
import { digits, parse, toInput } from "../core/money.js";
import { initial, tint } from "../core/people.js";
import { field, openSheet } from "../core/sheet.js";

/** @param {import("../core/page.js").Page} page */
export function openCollect(page) {
  const group = page.nav.group();
  const { chats, actions, quietly } = page.services;
  if (!chats.group(group)) return;
  new Collect(page, group);
  quietly(actions.groups.members(group));
}

class Collect {
  /** @type {import("../core/page.js").Page} */
  #page;
  #group; // its id
  #draftKey;
  #left = new Set(); // members who are not to share an even bill
  #typed = new Map(); // member → what they are asked for, as typed
  #touched = false; // whether the choice of people was
  #f;
  #checks;

  constructor(page, group) {
    this.#page = page;
    this.#group = group;
    this.#draftKey = `collection ${group}`;
    this.#f = this.#make();
    const { money, note } = this.#f;
    this.#checks = new Checks(page.texts, { amount: money, note });
    const unwatch = page.services.changes.watch(of("groups", group), () => this.#show());
    openSheet(page, page.texts.t("collect.title"), this.#content(), () => this.#submit(), {
      draft: this.#draftKey,
      done: unwatch,
    });
    this.#show();
  }

  #make() {
    const { t } = this.#page.texts;
    const show = () => this.#show();
    const changed = (name) => () => {
      this.#checks.touch(name);
      show();
    };
    const option = (group, value) => ({
      value,
      text: t(`collect.${group}_${value}`),
      testid: `collect-${group}-${value}`,
    });
    return {
      kind: segments("kind", t("compose.kind"), [option("kind", "even"), option("kind", "per_person")], show),
      money: moneyField(
        this.#page,
        t("compose.total"),
        { amount: "collect-total", currency: "collect-currency" },
        changed("amount"),
      ),
      note: field(t("send.note"), textInput("collect-note", changed("note"), { placeholder: t("collect.note_hint") })),
      people: h("ul", { class: "parts choose" }),
      wrong: h("p", { class: "field-error", role: "alert" }),
      remainder: segments(
        "remainder",
        t("collect.remainder"),
        [option("remainder", "members"), option("remainder", "collector")],
        show,
      ),
      rest: h("p", { class: "kind-text" }),
      sum: h("p", { class: "big-note" }),
      send: h("button", { class: "primary wide-button", data: { testid: "collect-send" } }, t("collect.go")),
    };
  }

  #members() {
    return this.#page.services.chats.group(this.#group)?.members ?? [];
  }

  #content() {
    const { t } = this.#page.texts;
    const f = this.#f;
    f.remainderBox = h("div", { class: "remainder" }, f.rest, f.remainder.el);
    return [
      f.kind.el,
      f.money.el,
      f.note.el,
      h("p", { class: "form-label" }, t("collect.people")),
      f.people,
      f.wrong,
      f.remainderBox,
      f.sum,
      f.send,
      h("p", { class: "hint center" }, t("collect.hint")),
    ];
  }

  #draft() {
    const f = this.#f;
    const members = this.#members();
    const currency = f.money.currency.value;
    return {
      kind: f.kind.value(),
      currency,
      amount: f.money.read(),
      users: members.filter((id) => !this.#left.has(id)),
      asks: members
        .filter((id) => id !== this.#page.services.me && (this.#typed.get(id) ?? "").trim() !== "")
        .map((user) => ({ user, amount: parse(this.#typed.get(user), currency) })),
      note: f.note.input.value.trim(),
      remainder: f.remainder.value(),
    };
  }

  // Shows the draft as it is. Returns what is wrong with it.
  #show() {
    const { texts, services } = this.#page;
    const { t } = texts;
    const { me } = services;
    const f = this.#f;
    const draft = this.#draft();
    const wrong = checkCollection(draft, me);
    const money = (minor) => texts.money(minor, draft.currency);
    const even = draft.kind === "even";
    setText(f.money.el.querySelector(".field-label"), t(even ? "compose.total" : "compose.currency"));
    f.money.input.hidden = !even;
    f.money.refresh();
    this.#checks.show(wrong, draft.currency);
    const total = even ? (draft.amount.minor ?? 0) : draft.asks.reduce((sum, a) => sum + (a.amount.minor ?? 0), 0);
    const shares = even
      ? shareEvenly(total, draft.users, draft.remainder === "collector" ? "collector" : "members", me)
      : [];
    const parts = new Map(shares.map((p) => [p.user, p.amount]));
    keyed(
      f.people,
      even ? this.#members() : this.#members().filter((id) => id !== me),
      (id) => `${draft.kind} ${id}`,
      (id) => (even ? this.#chooser(id) : this.#asker(id)),
      (el, id) => (even ? this.#showChoice(el, id, parts.get(id), money) : this.#showAsk(el, draft.currency)),
    );
    const people = wrong.users ?? wrong.asks;
    setText(f.wrong, this.#touched && people ? this.#peopleText(people, draft.currency) : "");
    const over = draft.users.length ? total % draft.users.length : 0;
    f.remainderBox.hidden = !even || !over || !shares.length;
    setText(f.rest, t("collect.rest", { money: money(over), n: draft.users.length }));
    setText(f.sum, people ? "" : this.#sumText(draft, shares, total, money));
    return wrong;
  }

  #peopleText(rule, currency) {
    const text = ruleText(this.#page.texts, rule, currency);
    return rule.user ? `${this.#page.texts.name(rule.user)}: ${text}` : text;
  }

  // What comes in, and what the collector bears.
  #sumText({ kind, asks }, shares, total, money) {
    const { texts, services } = this.#page;
    const { t } = texts;
    const { me } = services;
    if (!total) return "";
    if (kind !== "even") return t("collect.sum", { money: money(total), n: asks.length });
    const others = shares.filter((p) => p.user !== me);
    if (!others.length) return "";
    const due = others.reduce((sum, p) => sum + p.amount, 0);
    const own = total - due;
    return t(own ? "collect.sum_own" : "collect.sum", { money: money(due), n: others.length, own: money(own) });
  }

  #person(id, ...more) {
    const { texts, services } = this.#page;
    const { t, name } = texts;
    const { me } = services;
    return [
      h("span", { class: `avatar ${tint(id)}`, "aria-hidden": "true" }, initial(name(id))),
      h("span", { class: "line-text" }, h("span", {}, id === me ? t("feed.You") : name(id))),
      ...more,
    ];
  }

  #chooser(id) {
    const box = h("input", {
      type: "checkbox",
      checked: !this.#left.has(id),
      data: { testid: `collect-member-${id}` },
      on: {
        change: () => {
          if (box.checked) this.#left.delete(id);
          else this.#left.add(id);
          this.#touched = true;
          this.#show();
        },
      },
    });
    const part = h("strong", { class: "part-amount", data: { testid: `collect-part-${id}` } });
    return h("li", {}, h("label", { class: "part" }, box, this.#person(id, part)));
  }

  #showChoice(el, id, amount, money) {
    el.firstElementChild.classList.toggle("off", this.#left.has(id));
    setText(el.querySelector(".part-amount"), amount ? money(amount) : "–");
  }

  #asker(id) {
    const changed = () => {
      this.#typed.set(id, input.value);
      if (input.value) this.#touched = true;
      this.#show();
    };
    const input = textInput(`collect-ask-${id}`, changed, { inputmode: "decimal", value: this.#typed.get(id) ?? "" });
    return h("li", {}, h("label", { class: "part" }, this.#person(id, h("span", { class: "part-input" }, input))));
  }

  #showAsk(el, currency) {
    attribute(el.querySelector("input"), "placeholder", digits(currency) ? toInput(0, currency) : "0");
  }

  async #submit() {
    const { texts, services } = this.#page;
    const { t } = texts;
    const { actions, toasts } = services;
    const f = this.#f;
    this.#touched = true;
    const draft = this.#draft();
    const wrong = this.#show();
    if (!this.#checks.pass(wrong, draft.currency)) return false;
    if (Object.keys(wrong).length) {
      f.people.querySelector("input")?.focus();
      return false;
    }
    setText(f.send, t("compose.sending"));
    const even = { total: draft.amount.minor, participants: draft.users, remainder: draft.remainder };
    const asks = { asks: draft.asks.map(({ user, amount }) => ({ user_id: user, amount: amount.minor })) };
    try {
      await actions.collections.open({
        request_id: services.drafts.requestId(this.#draftKey),
        group_id: this.#group,
        kind: draft.kind,
        currency: draft.currency,
        note: draft.note,
        ...(draft.kind === "even" ? even : asks),
      });
      return true;
    } catch (problem) {
      toasts.problem(problem);
      if (!(problem instanceof Problem)) return false;
      setText(f.send, t(problem.temporary ? "compose.retry" : "collect.go"));
      // It was opened before the draft was changed: show that one.
      if (problem.code !== "request_conflict") return false;
      await actions.collections.list(this.#group);
      return true;
    }
  }
}
