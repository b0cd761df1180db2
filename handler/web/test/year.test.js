import assert from "node:assert/strict";
import test from "node:test";

import { move } from "../static/envelope/sparks.js";
import { isPast, readYear, reckon } from "../static/wallet/year.js";

const day = (text) => new Date(`${text}T12:00:00`).getTime();

test("a year is read to its beginning and no further", async () => {
  const pages = [["2026-11-02", "2026-02-01"], ["2026-01-03", "2025-12-30"], ["2025-12-01"], ["2024-01-01"]];
  const asked = [];
  const read = async (cursor) => {
    asked.push(cursor);
    const n = Number(cursor || 0);
    return { lines: pages[n].map(day), next: n + 1 < pages.length ? String(n + 1) : "" };
  };
  assert.equal((await readYear(read, (at) => at, 2026)).length, 3);
  assert.deepEqual(asked, ["", "1", "2"]);
  assert.equal((await readYear(read, (at) => at, 2026, 1)).length, 2);
});

test("a list is past a year once no late take can follow", () => {
  assert.equal(isPast(day("2025-12-31"), 2026), false);
  assert.equal(isPast(day("2025-12-28"), 2026), true);
});

test("a year in numbers", () => {
  const share = (id, sender, amount, at, currency = "CNY") => ({ envelope_id: id, sender, amount, at, currency });
  const known = { a: { best: "me", createdAt: 100, count: 3, kind: "lucky" } };
  known.b = { best: "me", createdAt: 0, count: 1, kind: "lucky" }; // alone, nobody is lucky
  known.s = { taken: ["x", "me", "x", "bob", "x"].map((user, i) => ({ user, amount: 10 + i })) };
  const found = reckon({
    me: "me",
    currency: "CNY",
    sent: [
      { envelope_id: "s", currency: "CNY", created_at: 1, total: 500, settled: 300 },
      { envelope_id: "u", currency: "USD", created_at: 1, total: 900, settled: 0 },
    ],
    shares: [
      share("a", "bob", 30, 350),
      share("b", "bob", 5, 4000),
      share("c", "me", 99, 1),
      share("d", "x", 7, 1, "USD"),
    ],
    known: (id) => known[id],
  });
  assert.deepEqual(found.given, { count: 1, total: 500, taken: 300 });
  assert.deepEqual(found.received, { count: 3, total: 134 });
  assert.equal(found.best, 1);
  assert.equal(found.luckiest?.amount, 99);
  assert.equal(found.fastest?.ms, 250);
  assert.deepEqual(found.most, { user: "bob", count: 3, given: 13, received: 35 }); // x as often, for less
  const nothing = reckon({ me: "me", currency: "CNY", sent: [], shares: [], known: () => undefined });
  assert.deepEqual([nothing.best, nothing.luckiest, nothing.fastest, nothing.most], [0, null, null, null]);
});

test("what is thrown comes down", () => {
  const one = { x: 0, y: 0, vx: 100, vy: -500, turn: 0, spin: 1, size: 1, colour: "", paper: false };
  move(one, 0.05);
  assert.ok(one.y < 0 && one.x > 0);
  for (let i = 0; i < 40; i++) move(one, 0.05);
  assert.ok(one.y > 0 && one.vy > 0 && one.vx < 100);
});
