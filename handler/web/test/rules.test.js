import assert from "node:assert/strict";
import test from "node:test";

import { checkCollection } from "../static/collection/rules.js";
import { MAX_MINOR } from "../static/core/money.js";
import { checkEnvelope } from "../static/envelope/rules.js";
import { checkTransfer } from "../static/transfer/rules.js";
import { checkTopUp } from "../static/wallet/rules.js";

// Each field that is wrong and the key of its rule, for example "total rule.total_min".
const said = (wrong) =>
  Object.entries(wrong)
    .map(([field, rule]) => `${field} ${rule.key}${rule.user ? ` of ${rule.user}` : ""}`)
    .join(", ");

test("the composer states the rules", () => {
  const cny = (kind, minor, count, to = "") => ({ kind, amount: { minor }, count, currency: "CNY", greeting: "", to });
  const cases = [
    ["smallest", cny("lucky", 3, 3), ""],
    ["less than one unit a share", cny("lucky", 2, 3), "total rule.total_min"],
    ["largest", cny("equal", 60_000, 3), ""],
    ["over the mean", cny("equal", 60_001, 3), "total rule.total_mean"],
    ["no mean is known", { ...cny("equal", 60_001, 3), currency: "USD" }, ""],
    ["no shares", cny("lucky", 100, 0), "count rule.count"],
    ["half a share", cny("lucky", 100, NaN), "count rule.count"],
    ["more shares than members", cny("lucky", 100, 4), "count rule.count_members"],
    ["more shares than an envelope has", cny("lucky", 100, 101), "count rule.count_max"],
    ["for one", cny("exclusive", 20_000, 0, "bob"), ""],
    ["for one, over the mean", cny("exclusive", 20_001, 0, "bob"), "total rule.total_mean"],
    ["for nobody", cny("exclusive", 100, 0), "to rule.recipient"],
    ["for oneself", cny("exclusive", 100, 0, "alice"), "to rule.recipient_other"],
    ["for a stranger", cny("exclusive", 100, 0, "mallory"), "to rule.recipient_other"],
    ["nothing typed", { ...cny("lucky", 0, 1), amount: { problem: "empty" } }, "total rule.total_empty"],
    ["a comma", { ...cny("lucky", 0, 1), amount: { problem: "comma", meant: 5 } }, "total rule.total_comma_meant"],
    ["greeting of 100", { ...cny("lucky", 100, 1), greeting: "福".repeat(100) }, ""],
    ["greeting of 101", { ...cny("lucky", 100, 1), greeting: "🧧".repeat(101) }, "greeting rule.greeting"],
  ];
  for (const [name, draft, want] of cases) {
    assert.equal(said(checkEnvelope(draft, ["alice", "bob", "carol"], "alice")), want, name);
  }
});

test("the form of a transfer states the rules", () => {
  const draft = (minor, more = {}) => ({ to: "bob", amount: { minor }, note: "", ...more });
  const cases = [
    ["smallest", draft(1), ""],
    ["largest", draft(MAX_MINOR), ""],
    ["nothing", draft(0), "amount rule.total_min"],
    ["nothing typed", draft(0, { amount: { problem: "empty" } }), "amount rule.total_empty"],
    ["too many decimals", draft(0, { amount: { problem: "decimals" } }), "amount rule.total_decimals"],
    ["a comma that says nothing", draft(0, { amount: { problem: "comma" } }), "amount rule.total_comma"],
    ["to nobody", draft(1, { to: "" }), "to rule.transfer_to"],
    ["to oneself", draft(1, { to: "alice" }), "to rule.transfer_self"],
    ["note of 100", draft(1, { note: "🎬".repeat(100) }), ""],
    ["note of 101", draft(1, { note: "字".repeat(101) }), "note rule.greeting"],
  ];
  for (const [name, transfer, want] of cases) assert.equal(said(checkTransfer(transfer, "alice")), want, name);
});

test("the form of a collection states the rules", () => {
  const even = (minor, ...users) => ({ kind: "even", amount: { minor }, users, asks: [], note: "" });
  const each = (...asks) => ({ kind: "per_person", amount: { problem: "empty" }, users: [], asks, note: "" });
  const ask = (user, amount) => ({ user, amount });
  const cases = [
    ["a unit for each", even(3, "alice", "bob", "carol"), ""],
    ["less than a unit for each", even(2, "alice", "bob", "carol"), "amount rule.bill_min"],
    ["without oneself", even(1, "bob"), ""],
    ["only oneself", even(100, "alice"), "users rule.bill_users"],
    ["nobody", even(100), "users rule.bill_users"],
    ["nothing typed", { ...even(0, "bob"), amount: { problem: "empty" } }, "amount rule.total_empty"],
    ["from one", each(ask("bob", { minor: 1 })), ""],
    ["from nobody", each(), "asks rule.bill_asks"],
    ["nothing from one", each(ask("carol", { minor: 5 }), ask("bob", { minor: 0 })), "asks rule.total_min of bob"],
    ["malformed", each(ask("bob", { problem: "malformed" })), "asks rule.total_malformed of bob"],
    ["a comma", each(ask("bob", { problem: "comma", meant: 7 })), "asks rule.total_comma_meant of bob"],
    [
      "more than there can be",
      each(ask("bob", { minor: MAX_MINOR }), ask("carol", { minor: 1 })),
      "asks rule.total_too_large",
    ],
    ["a long note", { ...even(3, "bob"), note: "字".repeat(101) }, "note rule.greeting"],
  ];
  for (const [name, draft, want] of cases) assert.equal(said(checkCollection(draft, "alice")), want, name);
});

test("a top-up is an amount of at least one unit", () => {
  assert.equal(said(checkTopUp({ amount: { minor: 1 } })), "");
  assert.equal(said(checkTopUp({ amount: { minor: 0 } })), "amount rule.total_min");
  assert.equal(said(checkTopUp({ amount: { problem: "too_large" } })), "amount rule.total_too_large");
  assert.equal(said(checkTopUp({ amount: { problem: "comma", meant: 1250 } })), "amount rule.total_comma_meant");
});
