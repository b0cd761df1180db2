import assert from "node:assert/strict";
import test from "node:test";

import { shareEvenly } from "../static/collection/shares.js";
import { MAX_MINOR } from "../static/core/money.js";

test("bills are shared as the server does", () => {
  const cases = [
    [9000, "bob alice carol", "members", "alice 3000 bob 3000 carol 3000"],
    [10001, "bob alice carol", "members", "alice 3334 bob 3334 carol 3333"],
    [10001, "bob alice carol", "collector", "alice 3335 bob 3333 carol 3333"],
    [100, "bob carol dave", "members", "bob 34 carol 33 dave 33"],
    [100, "bob carol dave", "collector", "bob 33 carol 33 dave 33"], // alice bears what no part has
    [100, "b B a1 a-1 a.1 a:1", "members", "B 17 a-1 17 a.1 17 a1 17 a:1 16 b 16"],
    [2, "bob alice carol", "members", ""],
    [MAX_MINOR, "bob alice carol", "members", "alice 366503875926 bob 366503875925 carol 366503875925"],
    [100, "", "members", ""],
  ];
  for (const [total, users, remainder, want] of cases) {
    const parts = shareEvenly(total, users.split(" ").filter(Boolean), remainder, "alice");
    assert.equal(parts.map((p) => `${p.user} ${p.amount}`).join(" "), want, `${total} among ${users} to ${remainder}`);
  }
});
