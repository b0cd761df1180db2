// A transfer to somebody: to whom, how much, what for, and when it arrives.

import { Problem } from "../core/api.js";
import { any, of, ofKind } from "../core/changes.js";
import { fill, h, setText } from "../core/dom.js";
import { Checks, moneyField, ownedLine, segments, textInput } from "../core/form.js";
import { initial, tint } from "../core/people.js";
import { personPlace } from "../core/places.js";
import { field, openSheet } from "../core/sheet.js";
import { checkTransfer } from "./rules.js";

const ARRIVALS = ["now", "2h", "24h"];

/** @param {import("../core/page.js").Page} page */
export function openSend(page) {
  const { texts, nav, services } = page;
  const { t } = texts;
  const { me, chats, changes, toasts, actions } = services;
  const person = nav.person();
  const group = nav.group();
  const members = () => chats.group(group)?.members ?? [];
  if (!person && !chats.group(group)) return;
  const draftKey = `transfer ${nav.place()}`;

  const changed = (name) => () => {
    checks.touch(name);
    show();
  };
  const amount = moneyField(
    page,
    t("send.amount"),
    { amount: "transfer-amount", currency: "transfer-currency" },
    changed("amount"),
  );
  const to = h("select", { data: { testid: "transfer-to" }, on: { change: changed("to") } });
  const whom = field(t("send.to"), to);
  const note = field(t("send.note"), textInput("transfer-note", changed("note"), { placeholder: t("send.note_hint") }));
  const arrives = segments(
    "arrives",
    t("send.arrives"),
    ARRIVALS.map((value) => ({ value, text: t(`send.arrives_${value}`), testid: `transfer-arrives-${value}` })),
    () => show(),
  );
  arrives.el.dataset.testid = "transfer-arrives";
  const arrivesText = h("p", { class: "kind-text" });
  const big = h("p", { class: "big-amount", "aria-hidden": "true" });
  const send = h("button", { class: "primary wide-button", data: { testid: "transfer-send" } }, t("send.go"));
  const owned = ownedLine(page, send);
  const fields = { ...(person ? {} : { to: whom }), amount, note };
  const checks = new Checks(texts, fields);

  const draft = () => ({ to: person || to.value, amount: amount.read(), note: note.input.value.trim() });

  const follow = () => {
    const others = person ? [] : members().filter((id) => id !== me);
    const listed = Array.from(to.options, (o) => o.value).filter(Boolean);
    if (!to.options.length || listed.join() !== others.join()) {
      const chosen = to.value;
      fill(
        to,
        h("option", { value: "" }, t(others.length ? "compose.to_pick" : "compose.nobody")),
        others.map((id) => h("option", { value: id }, texts.name(id))),
      );
      to.value = others.includes(chosen) ? chosen : others.length === 1 ? others[0] : "";
    }
    show();
  };

  const show = () => {
    const d = draft();
    const currency = amount.currency.value;
    amount.refresh();
    checks.show(checkTransfer(d, me), currency);
    fill(
      big,
      texts.pieces(d.amount.minor ?? 0, currency).map((p) => h("span", { class: p.type }, p.text)),
    );
    setText(arrivesText, t(`send.arrives_${arrives.value()}_text`));
    owned.show(d.amount.minor ?? 0, currency);
  };

  const submit = async () => {
    const d = draft();
    const { minor = 0 } = d.amount;
    const currency = amount.currency.value;
    if (!checks.pass(checkTransfer(d, me), currency)) return false;
    setText(send, t("compose.sending"));
    try {
      await actions.transfers.offer({
        request_id: services.drafts.requestId(draftKey),
        to: d.to,
        amount: minor,
        currency,
        note: d.note,
        arrives_in: arrives.value(),
      });
      toasts.announce(t("send.done", { money: texts.money(minor, currency), name: texts.name(d.to) }));
      nav.go(personPlace(d.to));
      return true;
    } catch (problem) {
      toasts.problem(problem);
      if (!(problem instanceof Problem)) return false;
      setText(send, t(problem.temporary ? "compose.retry" : "send.go"));
      // It was sent before the draft was changed: show that one.
      if (problem.code !== "request_conflict") return false;
      await actions.transfers.list();
      nav.go(personPlace(d.to));
      return true;
    }
  };

  const face =
    person !== "" &&
    h(
      "div",
      { class: "send-to" },
      h("span", { class: `avatar big round ${tint(person)}`, "aria-hidden": "true" }, initial(texts.name(person))),
      h("strong", {}, t("send.to_name", { name: texts.name(person) })),
    );
  const unwatch = changes.watch(any(of("groups", group), ofKind("balances")), follow);
  openSheet(
    page,
    t("send.title"),
    [
      face,
      !person && whom.el,
      amount.el,
      note.el,
      h("p", { class: "form-label" }, t("send.arrives")),
      arrives.el,
      arrivesText,
      big,
      send,
      owned.el,
      h("p", { class: "hint center" }, t("send.back_hint")),
    ],
    submit,
    { draft: draftKey, done: unwatch },
  );
  if (group) services.quietly(actions.groups.members(group));
  follow();
}
