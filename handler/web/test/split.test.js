import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import test from "node:test";

import { sha256Plain } from "../static/envelope/sha256.js";
import { ChaCha8, commitment, fromHex, split, verify } from "../static/envelope/split.js";
import { digest, server } from "./server.js";

test("the page draws the stream of ChaCha8", () => {
  const source = new ChaCha8(fromHex(server.chacha8.seed));
  assert.equal(digest(Array.from({ length: server.chacha8.count }, () => source.uint64())), server.chacha8.digest);
});

test("the page splits as the server does", async () => {
  assert.ok(server.splits.length > 200);
  for (const v of server.splits) {
    const name = `${v.kind} ${v.total} in ${v.count} with seed ${v.seed}`;
    const shares = split(v.kind, v.total, v.count, fromHex(v.seed));
    assert.equal(
      shares.reduce((sum, share) => sum + share, 0),
      v.total,
      name,
    );
    assert.equal(digest(shares), v.digest, name);
    assert.equal(await commitment(fromHex(v.seed), v.id), v.commitment, name);
  }
});

test("what cannot be split is refused", () => {
  const seed = new Uint8Array(32);
  for (const [kind, total, count] of [
    ["lucky", 1, 2],
    ["lucky", 1, 0],
    ["equal", 1.5, 1],
    ["tiger", 2, 1],
  ]) {
    assert.throws(() => split(kind, total, count, seed), RangeError, `${kind} ${total} in ${count}`);
  }
  assert.throws(() => new ChaCha8(new Uint8Array(31)), RangeError);
  for (const text of ["abc", "zz"]) assert.throws(() => fromHex(text), RangeError, text);
});

// Away from HTTPS and loopback a browser offers no SHA-256, and the page computes it itself.
test("the page hashes without the browser's help", () => {
  for (let n = 0; n <= 200; n++) {
    const message = Uint8Array.from({ length: n }, (_, i) => (i * 7 + n) % 256);
    const want = createHash("sha256").update(message).digest("hex");
    assert.equal(Buffer.from(sha256Plain(message)).toString("hex"), want, `${n} bytes`);
  }
});

test("verification finds what is wrong", async () => {
  const v = server.splits.at(-1);
  const shares = split(v.kind, v.total, v.count, fromHex(v.seed));
  const taken = shares.slice(1).map((amount, i) => ({ user: `u${i}`, share: i + 1, amount }));
  const check = async (change) => {
    const copy = structuredClone({ ...v, taken });
    change(copy);
    return (await verify(copy)).ok;
  };
  assert.equal(await check(() => {}), true, "untouched");
  const changes = {
    amount: (e) => e.taken[0].amount++,
    total: (e) => e.total++,
    seed: (e) => (e.seed = `00${e.seed.slice(2)}`),
    id: (e) => (e.id += "1"),
    commitment: (e) => (e.commitment = `0${e.commitment.slice(1)}`),
    twice: (e) => e.taken.push({ ...e.taken[0], user: "another" }),
    beyond: (e) => e.taken.push({ user: "another", share: e.count, amount: 1 }),
  };
  for (const [name, change] of Object.entries(changes)) assert.equal(await check(change), false, name);
});
