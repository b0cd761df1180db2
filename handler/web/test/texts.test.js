import assert from "node:assert/strict";
import test from "node:test";

import { I18n, TEXTS } from "../static/core/i18n.js";
import { groupIn, groupPlace, personIn, personPlace, placeIn, queryOf } from "../static/core/places.js";
import { coverTexts } from "../static/cover/texts.js";
import { Texts } from "../static/core/texts.js";
import { entryTitle } from "../static/wallet/statement.js";

test("every text is in both languages, with the same holes", () => {
  const holes = (text) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort();
  const all = { en: { ...TEXTS.en, ...coverTexts.en }, zh: { ...TEXTS.zh, ...coverTexts.zh } };
  for (const [from, to] of [
    ["en", "zh"],
    ["zh", "en"],
  ]) {
    for (const [key, text] of Object.entries(all[from])) {
      const other = all[to][key] ?? all[to][key.replace(/\.(one|other)$/, ".other")];
      assert.notEqual(other, undefined, `${to} ${key}`);
      assert.equal(holes(text).length > 0, holes(other).length > 0, `${to} ${key} is filled in otherwise`);
    }
  }
});

test("each line of a statement says what it was for, and with whom", () => {
  const texts = new Texts(new I18n("en"));
  for (const [kind, subject, counterparty, want] of [
    ["topup", "funding", "", "Topped up"],
    ["withdrawal", "funding", "", "Withdrawn"],
    ["hold", "envelope", "", "Red envelope sent"],
    ["hold", "envelope", "bob", "Red envelope to Bob"],
    ["post", "envelope", "bob", "Red envelope from Bob"],
    ["void", "envelope", "", "Red envelope returned"],
    ["hold", "transfer", "bob", "Transfer to Bob"],
    ["post", "transfer", "zoe", "Transfer from zoe"],
    ["void", "transfer", "bob", "Transfer to Bob returned"],
    ["hold", "collection", "bob", "Shared bill, paid to Bob"],
    ["post", "collection", "bob", "Shared bill, paid by Bob"],
    ["post", "stamp", "bob", "stamp post · Bob"], // newer than the page
  ]) {
    assert.equal(entryTitle(texts, { kind, subject, counterparty }), want);
  }
});

test("places and their addresses", () => {
  for (const id of ["family", "a:b", "person:bob", "group:x"]) {
    const [group, person] = [groupPlace(id), personPlace(id)];
    assert.deepEqual([groupIn(group), personIn(group), groupIn(person), personIn(person)], [id, "", "", id]);
    for (const place of [group, person]) assert.equal(placeIn(`?${new URLSearchParams(queryOf(place))}`), place);
  }
  for (const query of ["", "?user=alice", "?with=", "?with=no%20id", "?with=alice"]) {
    assert.equal(placeIn(query, "alice"), "", query);
  }
});
