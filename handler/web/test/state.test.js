// What the page knows: events and answers cross each other, and whatever the order, nothing goes back.

import assert from "node:assert/strict";
import test from "node:test";

import { Collections, paid, payers } from "../static/collection/collections.js";
import { any, Changes, of, ofKind } from "../static/core/changes.js";
import { Chats } from "../static/core/chats.js";
import { Pages } from "../static/core/pages.js";
import { groupPlace, personPlace } from "../static/core/places.js";
import { Envelopes, takenAmount } from "../static/envelope/envelopes.js";
import { Transfers } from "../static/transfer/transfers.js";
import { Balances } from "../static/wallet/balances.js";

const quiet = { tell() {} };

/** Changes that are noted in order, as "kind id". */
function recorder() {
  const told = [];
  return { told, tell: (kind, id = "") => told.push(`${kind} ${id}`.trim()) };
}

const isDeepFrozen = (value) =>
  typeof value !== "object" || value === null || (Object.isFrozen(value) && Object.values(value).every(isDeepFrozen));

const sentEnvelope = {
  id: "7",
  group_id: "family",
  sender: "alice",
  kind: "lucky",
  total: 888,
  count: 3,
  currency: "CNY",
  created_at: 10,
  expires_at: 100,
  commitment: "c",
  state: "open",
};
const grabbed = (user, share, at, amount = 100) => ({
  type: "envelope.grabbed",
  envelope_id: "7",
  user_id: user,
  share,
  amount,
  at,
  currency: "CNY",
});

test("an envelope keeps what was taken, in the order in which it happened", () => {
  const { told, tell } = recorder();
  const all = new Envelopes(
    "bob",
    () => 50,
    (at) => at >= 20,
    { tell },
  );
  assert.deepEqual(all.apply(grabbed("bob", 0, 20)), { missing: true, fresh: false });
  all.put(sentEnvelope);
  assert.deepEqual(all.apply(grabbed("carol", 1, 30)), { missing: false, fresh: true });
  assert.deepEqual(all.apply(grabbed("carol", 1, 30)), { missing: false, fresh: false }, "twice");
  assert.deepEqual(all.apply(grabbed("dave", 0, 15)), { missing: false, fresh: false }, "before the page was there");
  all.put({ ...sentEnvelope, commitment: "another" }); // an answer from before
  const e = all.get("7");
  assert.deepEqual(
    e.taken.map((take) => take.user),
    ["dave", "carol"],
  );
  assert.equal(takenAmount(e), 200);
  assert.equal(e.commitment, "c");
  assert.ok(isDeepFrozen(e));
  assert.deepEqual([...new Set(told)], ["envelope 7"]);
});

test("an envelope that is closed stays so", () => {
  const all = new Envelopes(
    "bob",
    () => 50,
    () => true,
    quiet,
  );
  all.put(sentEnvelope);
  assert.equal(all.standing(all.get("7")), "open");
  all.apply({ type: "envelope.refunded", envelope_id: "7", refunded: 588 });
  all.put(sentEnvelope);
  assert.equal(all.state(all.get("7")), "expired");
  assert.equal(all.get("7").refunded, 588);
  all.put({ ...sentEnvelope, id: "8", kind: "exclusive", to: "carol", count: 1 });
  assert.equal(all.standing(all.get("8")), "reserved");
  all.apply({ ...grabbed("carol", 0, 30), envelope_id: "8" });
  assert.equal(all.state(all.get("8")), "drained", "every share was taken");
});

test("a sealed envelope tells nothing until the seal is broken", () => {
  const { told, tell } = recorder();
  const all = new Envelopes(
    "bob",
    () => 50,
    () => true,
    { tell },
  );
  all.put(sentEnvelope);
  all.put({ ...sentEnvelope, id: "8" });
  const unseal = all.seal("7");
  told.length = 0;
  all.won("7", { user: "bob", share: 0, amount: 5, at: 40 });
  assert.equal(all.apply(grabbed("bob", 0, 40, 5)).fresh, true, "that it is news is known at once");
  all.put({ ...sentEnvelope, taken: [{ user_id: "bob", share: 0, amount: 5, at: 40 }], state: "drained" });
  all.apply({ ...grabbed("carol", 1, 41), envelope_id: "8" });
  assert.deepEqual(told, ["envelope 8"]);
  assert.equal(all.standing(all.get("7")), "open");
  unseal();
  unseal(); // twice is once
  assert.equal(all.standing(all.get("7")), "won");
  assert.equal(all.state(all.get("7")), "drained");
  assert.equal(all.mine(all.get("7")).amount, 5);
});

test("sealed balances keep the last that came in", () => {
  const { told, tell } = recorder();
  const balances = new Balances({ tell });
  balances.set([{ currency: "CNY", amount: 5 }]);
  const unseal = balances.seal();
  balances.set([{ currency: "CNY", amount: 6 }]);
  balances.set([{ currency: "CNY", amount: 7 }]);
  assert.equal(balances.of("CNY"), 5);
  unseal();
  assert.equal(balances.of("CNY"), 7);
  assert.deepEqual(told, ["balances", "balances"]);
  balances.list().push({ currency: "USD", amount: 1 });
  assert.equal(balances.of("USD"), 0);
});

test("transfers only move on", () => {
  const about = (state) => ({
    id: "7",
    sender: "alice",
    to: "bob",
    amount: 5,
    currency: "CNY",
    state,
    arrives_in: "2h",
    created_at: 1,
    expires_at: 100,
    arrives_at: state === "accepted" ? 200 : 0,
    changed_at: 2,
  });
  const rank = (state) => ({ offered: 0, accepted: 1 })[state] ?? 2;
  for (const order of [
    ["offered", "accepted", "arrived"],
    ["arrived", "accepted", "offered"],
    ["accepted", "recalled", "offered"],
    ["recalled", "accepted"],
    ["expired", "offered"],
    ["declined", "offered", "declined"],
  ]) {
    const all = new Transfers("bob", () => 50, quiet);
    const moved = order.map((state) => all.put(about(state)).moved);
    assert.equal(
      all.get("7").state,
      order.find((s) => rank(s) === 2),
      order.join(),
    );
    assert.deepEqual(
      moved,
      order.map((s, i) => order.slice(0, i).every((b) => rank(b) < rank(s))),
      order.join(),
    );
    assert.ok(isDeepFrozen(all.get("7")));
  }

  // What is possible, by who looks and when.
  for (const [state, who, now, standing, answer, recall] of [
    ["offered", "bob", 99, "offered", true, false],
    ["offered", "bob", 100, "expired", false, false],
    ["offered", "alice", 99, "offered", false, true],
    ["offered", "alice", 100, "expired", false, false],
    ["accepted", "bob", 199, "accepted", false, false],
    ["accepted", "alice", 199, "accepted", false, true],
    ["accepted", "alice", 200, "arriving", false, false],
    ["arrived", "alice", 1, "arrived", false, false],
    ["recalled", "bob", 1, "recalled", false, false],
  ]) {
    const all = new Transfers(who, () => now, quiet);
    const { transfer } = all.put(about(state));
    assert.equal(all.standing(transfer), standing, `${state} for ${who} at ${now}`);
    assert.deepEqual(all.may(transfer), { answer, recall }, `${state} for ${who} at ${now}`);
  }
});

test("paid parts stay paid", () => {
  let now = 10;
  const all = new Collections("bob", () => now, quiet);
  const part = (user_id, amount, state) => ({ user_id, amount, state, at: 1, payment_id: "0" });
  const bill = {
    id: "7",
    group_id: "g",
    collector: "alice",
    kind: "even",
    currency: "CNY",
    total: 30,
    due: 20,
    collected: 0,
    state: "open",
    created_at: 1,
    remind_at: 100,
    parts: [part("alice", 10, "own"), part("bob", 10, "due"), part("carol", 10, "due")],
  };
  const event = (type, more) => ({
    type: `collection.${type}`,
    collection_id: "7",
    collected: 0,
    state: "open",
    ...more,
  });
  const users = (parts) => parts.map((p) => p.user);
  const c = () => all.get("7");

  assert.equal(all.apply(event("paid")), false, "an event of an unknown one");
  all.put(bill);
  assert.deepEqual(users(payers(c())), ["bob", "carol"]);
  assert.equal(all.owed(c()).amount, 10);
  assert.equal(all.overdue(c()), false);
  now = 100;
  assert.equal(all.overdue(c()), true);
  all.apply(event("paid", { user_id: "bob", amount: 10, collected: 10 }));
  all.put(bill); // an answer from before
  assert.deepEqual(users(paid(c())), ["bob"]);
  assert.equal(c().collected, 10);
  assert.equal(all.owed(c()), undefined);
  all.apply(event("closed", { collected: 10, state: "closed" }));
  all.put(bill);
  all.apply(event("paid", { user_id: "carol", amount: 10, collected: 20, state: "closed" })); // it had begun before
  assert.equal(c().state, "closed");
  assert.equal(paid(c()).length, 2);
  assert.ok(isDeepFrozen(c()));

  assert.equal(all.owed(all.put({ ...bill, id: "8", state: "closed" })), undefined);
  const begun = all.put({ ...bill, id: "9", state: "closed", parts: [part("bob", 10, "claimed")] });
  assert.equal(all.owed(begun).amount, 10, "a payment that had begun may end");
  const mine = new Collections("alice", () => 1, quiet);
  assert.equal(mine.mayClose(mine.put(bill)), true);
  assert.equal(mine.mayClose(mine.put({ ...bill, id: "8", state: "closed" })), false);
});

test("chats are handed out frozen and count what was not seen", () => {
  const { told, tell } = recorder();
  const chats = new Chats({ tell });
  assert.deepEqual(chats.setGroups(["family", "office"]), { added: ["family", "office"], removed: [] });
  chats.setMembers("family", ["alice", "bob"]);
  chats.setMembers("family", ["alice", "bob"]);
  chats.unread(groupPlace("family"));
  chats.unread(personPlace("bob")); // begins the conversation
  chats.unread(groupPlace("nowhere"));
  assert.deepEqual(told, ["groups", "groups family", "groups family", "people bob", "people bob"]);
  assert.equal(chats.group("family").unread, 1);
  assert.deepEqual(chats.people(), [{ id: "bob", unread: 1 }]);
  assert.ok(isDeepFrozen(chats.group("family")));
  assert.throws(() => chats.group("family").members.push("mallory"), TypeError);
  chats.read(groupPlace("family"));
  assert.equal(chats.group("family").unread, 0);
  assert.deepEqual(chats.setGroups(["office"]), { added: [], removed: ["family"] });
});

test("a view is drawn for what concerns it, once for all that came together", async () => {
  const changes = new Changes();
  const drawn = [];
  const note = (name) => (happened) => drawn.push(`${name}: ${happened.map((c) => `${c.kind} ${c.id}`).join(", ")}`);
  changes.watch(of("envelope", "7"), note("packet"));
  changes.watch(ofKind("envelope", "transfer"), note("chat"));
  changes.watch(any(of("groups", "family"), ofKind("balances")), note("form"));
  const stop = changes.watch(ofKind("envelope"), note("closed"));
  const settled = () => new Promise((resolve) => setTimeout(resolve));

  changes.tell("envelope", "7");
  changes.tell("envelope", "8");
  changes.tell("envelope", "7");
  changes.tell("groups", "office");
  changes.tell("connection");
  stop(); // even what was told before is not drawn any more
  await settled();
  assert.deepEqual(drawn, ["packet: envelope 7", "chat: envelope 7, envelope 8"]);
  drawn.length = 0;
  changes.tell("balances");
  changes.tell("groups", "family");
  await settled();
  assert.deepEqual(drawn, ["form: balances , groups family"]);
});

test("a list is read page by page, and its newest page again", async () => {
  const asked = [];
  const pages = new Pages(async (cursor) => {
    asked.push(cursor);
    return { lines: [cursor], next_cursor: { "": "2", 2: "3", 3: "" }[cursor] };
  });
  assert.equal(pages.hasMore, false, "nothing is known before the first page");
  await pages.newest();
  assert.equal(pages.hasMore, true);
  const [one, two] = await Promise.all([pages.next(), pages.next()]);
  assert.equal(one, two, "calls that come together share a page");
  await pages.newest(); // does not begin again
  assert.deepEqual((await pages.next())?.lines, ["3"]);
  assert.equal(pages.hasMore, false);
  assert.equal(await pages.next(), null);
  assert.deepEqual(asked, ["", "2", "", "3"]);
});
