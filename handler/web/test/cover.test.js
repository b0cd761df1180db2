// Covers: what is checked again of what the server says, what the page knows of them, and how it follows a take-down.

import assert from "node:assert/strict";
import test from "node:test";

import { Problem } from "../static/core/api.js";
import { CoverActions } from "../static/cover/actions.js";
import { Covers } from "../static/cover/covers.js";
import { artURL, codeIn, colourOr, idOr, inkOn, whyNot } from "../static/cover/rules.js";
import { Envelopes } from "../static/envelope/envelopes.js";

const HASH = "5c1e".repeat(16);
const design = {
  name: "Moon",
  face: HASH,
  opened: "",
  pendant: "../../x",
  story: [{ image: "javascript:1", text: "one" }],
  colour: "#16365c",
  accent: "url(//evil)",
  greeting: "hi",
};
const shown = { id: "7", merchant_name: "Noodles", mode: "live", design, state: "approved", usable_until: 900 };

function recorder() {
  const told = [];
  return { told, tell: (kind, id = "") => told.push(`${kind} ${id}`.trim()) };
}

/** An API whose covers are in a map; what is not there was taken down. */
function fakeAPI(covers) {
  const asked = [];
  const api = {
    at: 0,
    now: () => api.at,
    get: async (path) => {
      asked.push(path);
      if (path === "/v1/me/covers") {
        return { covers: [{ cover_id: "7", claimed_at: 1, usable_until: 900, usable: true }], next_cursor: "" };
      }
      if (path === "/v1/covers/defaults") return { covers: [{ ...shown, id: "1", merchant_name: "" }] };
      const found = covers.get(path.split("/").at(-1));
      if (found instanceof Error) throw found;
      if (!found) throw new Problem(404, "cover_not_found", "");
      return found;
    },
  };
  return { api: /** @type {any} */ (api), asked };
}

test("only colours, hashes and ids as they should be come near a style or an address", () => {
  assert.equal(colourOr("#16365c", "x"), "#16365c");
  for (const wrong of ["#16365C", "#16365", "red", "#16365c;x", "#16365c\n", null, 7])
    assert.equal(colourOr(wrong, "x"), "x");
  assert.equal(artURL(HASH, "small"), `/v1/art/${HASH}/small`);
  for (const wrong of ["", "../x", `${HASH}?`, "ABCDEF0123456789"]) assert.equal(artURL(wrong, "small"), "");
  assert.equal(idOr("4736"), "4736");
  for (const wrong of ["", "0", "-1", "7/../8", null]) assert.equal(idOr(wrong), "");
});

test("the ink on a colour can be read", () => {
  assert.equal(inkOn("#16365c"), "#ffffff");
  assert.equal(inkOn("#c8432e"), "#ffffff");
  assert.notEqual(inkOn("#fbd97f"), "#ffffff");
});

test("the address of a claim page has a code", () => {
  assert.equal(codeIn("/c/41V0W-00000"), "41V0W-00000");
  assert.equal(codeIn("/c/a%20b"), "a b");
  for (const wrong of ["/c/", "/c", "/c/a/b", "/c/%zz", "/x/41V0W"]) assert.equal(codeIn(wrong), "");
});

test("why a held cover cannot be sent", () => {
  const held = { usable: true, usableUntil: 100 };
  assert.equal(whyNot(held, { state: "approved" }, 99), "");
  assert.equal(whyNot(held, { state: "approved" }, 100), "over");
  assert.equal(whyNot({ ...held, usable: false }, { state: "frozen" }, 99), "frozen");
  assert.equal(whyNot({ ...held, usable: false }, { state: "approved" }, 99), "closed");
});

test("what is known of a cover is safe to draw, and told when it changes", () => {
  const { told, tell } = recorder();
  const covers = new Covers({ tell });
  const cover = covers.put(shown);
  assert.deepEqual(
    [cover.face, cover.pendant, cover.story, cover.colour, cover.accent, cover.merchant],
    [HASH, "", [{ image: "", text: "one" }], "#16365c", "#fbd97f", "Noodles"],
  );
  assert.ok(Object.isFrozen(cover) && Object.isFrozen(cover.story));
  covers.put(shown);
  assert.deepEqual(told, ["cover 7"], "the same again is no news");
  covers.drop("7");
  covers.drop("7");
  assert.equal(covers.get("7"), null);
  assert.deepEqual(told, ["cover 7", "cover 7"]);
});

test("a cover that was taken down disappears, also from one's own", async () => {
  const server = new Map([["7", /** @type {any} */ (shown)]]);
  const { api, asked } = fakeAPI(server);
  const covers = new Covers({ tell() {} });
  const actions = new CoverActions(api, covers);
  await actions.mine();
  await Promise.all([actions.want("7"), actions.want("7")]);
  assert.deepEqual(asked, ["/v1/me/covers", "/v1/covers/defaults", "/v1/covers/7"], "it is asked for once");
  const usable = (at) => covers.usable(at).map(({ id }) => id);
  assert.deepEqual(usable(899), ["7", "1"], "what one holds, then what everybody may use");
  assert.deepEqual(usable(900), ["1"]);

  api.at = 11_000;
  server.set("7", new Problem(0, "no_answer", ""));
  await assert.rejects(actions.refresh());
  assert.ok(covers.get("7"), "no answer takes nothing down");
  api.at = 22_000;
  server.delete("7");
  await actions.refresh();
  assert.equal(covers.get("7"), null);
  assert.deepEqual(covers.held(), []);
  api.at = 33_000;
  await actions.refresh();
  assert.equal(asked.length, 5, "what is gone is not asked for again");
});

test("an envelope knows its cover, and is told of when that changes", () => {
  const { told, tell } = recorder();
  const all = new Envelopes(
    "bob",
    () => 50,
    () => true,
    { tell },
  );
  const sent = { group_id: "g", sender: "alice", kind: "lucky", total: 2, count: 2, currency: "CNY", expires_at: 99 };
  all.apply({ ...sent, type: "envelope.sent", envelope_id: "1", created_at: 10, commitment: "c", cover_id: "7" });
  all.put({ ...sent, id: "2", created_at: 11, commitment: "c", state: "open" });
  assert.deepEqual([all.get("1")?.cover, all.get("2")?.cover], ["7", ""]);
  told.length = 0;
  all.dressed("7");
  assert.deepEqual(told, ["envelope 1"]);
});
