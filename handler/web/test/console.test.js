import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import test from "node:test";

import { consoleTexts } from "../static/console/texts.js";
import { placeIn, samePlace, searchOf } from "../static/console/places.js";
import { I18n, TEXTS } from "../static/core/i18n.js";
import { Texts } from "../static/core/texts.js";
import {
  checkApplication,
  checkEndpoint,
  checkKey,
  countries,
  may,
  PERMISSIONS,
  ROLES,
  works,
} from "../static/merchant/rules.js";
import { entryText } from "../static/merchant/wallets.js";
import merchantEn from "../static/merchant/texts-en.js";
import merchantZh from "../static/merchant/texts-zh.js";
import operatorEn from "../static/operator/texts-en.js";
import operatorZh from "../static/operator/texts-zh.js";
import { server } from "./server.js";

const PAGES = {
  merchant: consoleTexts({ en: merchantEn, zh: merchantZh }),
  operator: consoleTexts({ en: operatorEn, zh: operatorZh }),
};

// Codes that no page meets: of the funding provider's callbacks, of commands, and of requests that no browser sends.
const NOT_OF_PAGES = [
  "funding_decided",
  "funding_mismatch",
  "funding_not_found",
  "header_too_large",
  "malformed_request",
  "rejection_decided",
  "rejection_unknown",
];

test("every text of the consoles is in both languages, with the same holes", () => {
  const holes = (text) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort();
  for (const [page, { en, zh }] of Object.entries(PAGES)) {
    const other = (texts, key) => texts[key] ?? texts[key.replace(/\.(one|other)$/, ".other")];
    for (const key of Object.keys({ ...en, ...zh })) {
      assert.notEqual(other(en, key), undefined, `${page} en ${key}`);
      assert.notEqual(other(zh, key), undefined, `${page} zh ${key}`);
      assert.deepEqual(holes(other(en, key)), holes(other(zh, key)), `${page} ${key}`);
    }
  }
});

test("every refusal has a sentence in both languages", () => {
  for (const code of server.codes) {
    if (NOT_OF_PAGES.includes(code)) continue;
    for (const lang of ["en", "zh"]) {
      assert.ok(`error.${code}` in { ...TEXTS[lang], ...PAGES.merchant[lang] }, `${lang} error.${code}`);
    }
  }
});

test("every text that the consoles ask for by its whole name exists", () => {
  for (const page of Object.keys(PAGES)) {
    for (const folder of ["console", page]) {
      const root = new URL(`../static/${folder}/`, import.meta.url);
      for (const file of readdirSync(root).filter((name) => name.endsWith(".js"))) {
        const source = readFileSync(new URL(file, root), "utf8");
        for (const [, key] of source.matchAll(/\bt\(\s*"([a-z_]+\.[a-z_.0-9]+)"/g)) {
          const texts = { ...TEXTS.en, ...PAGES[page].en };
          assert.ok(key in texts || `${key}.other` in texts, `${folder}/${file} says ${key} on the page ${page}`);
        }
      }
    }
  }
});

test("what follows from a name has its text", () => {
  const { en } = PAGES.merchant;
  for (const role of ROLES) assert.ok(`role.${role}` in en && `role.${role}_text` in en, role);
  for (const p of PERMISSIONS) assert.ok(`permission.${p}` in en && `permission.${p}_text` in en, p);
  for (const state of ["applied", "active", "suspended", "closed", "rejected"]) {
    for (const key of [`state.${state}`, `banner.${state}`, `banner.${state}_text`]) assert.ok(key in en, key);
  }
  for (const reason of ["owner", "gone", "failing"]) assert.ok(`hook.reason_${reason}` in en, reason);
  for (const outcome of ["delivered", "failed", "throttled", "gone"]) assert.ok(`state.${outcome}` in en, outcome);
  for (const verb of ["approve", "reject", "suspend", "resume", "close"]) {
    assert.ok(`decide.${verb}` in PAGES.operator.en && `change.${verb}` in en, verb);
  }
});

test("roles and permissions are the server's", () => {
  for (const [action, roles] of Object.entries(server.roles)) {
    assert.deepEqual(
      ROLES.filter((role) => may(role, /** @type {any} */ (action))),
      roles,
      action,
    );
  }
  assert.deepEqual(PERMISSIONS, server.permissions);
  assert.ok(works("applied", "test") && works("active", "live"));
  assert.ok(!works("applied", "live") && !works("suspended", "test"));
});

test("places and their addresses", () => {
  const place = (search) => placeIn(search, "home");
  assert.deepEqual(place(""), { merchant: "", view: "home", item: "", mode: "live" });
  for (const one of [
    { merchant: "17", view: "webhook", item: "42", mode: "test" },
    { merchant: "17", view: "keys", item: "", mode: "live" },
    { merchant: "", view: "apply", item: "", mode: "live" },
  ]) {
    assert.deepEqual(place(searchOf(one)), one);
    assert.ok(samePlace(one, place(searchOf(one, "alice"))), "who one is does not matter");
  }
  assert.deepEqual(place("?merchant=../../x&item=1%27&mode=dead"), {
    merchant: "",
    view: "home",
    item: "",
    mode: "live",
  });
});

const wrongIn = (wrong) =>
  Object.entries(wrong)
    .map(([name, rule]) => `${name} ${rule.key}`)
    .join(", ");

test("the application states the rules", () => {
  const good = { name: "面馆", legal_id: "91A", country: "CN", mcc: "5812", contact: "ann", currencies: ["CNY"] };
  for (const [change, want] of [
    [{}, ""],
    [{ name: "字".repeat(60) }, ""],
    [{ name: "🍜".repeat(61) }, "name rule.too_long"],
    [{ name: "", contact: "" }, "name rule.missing, contact rule.missing"],
    [{ mcc: "58" }, "mcc rule.mcc"],
    [{ country: "" }, "country rule.missing"],
    [{ currencies: [] }, "currencies rule.currencies"],
  ]) {
    assert.equal(wrongIn(checkApplication({ ...good, ...change })), want);
  }
});

test("the form of a key states the rules", () => {
  const good = { name: "shop", permissions: ["wallet_read"], allowed: [], publicKey: null };
  const key = Buffer.alloc(32, 7).toString("base64");
  for (const [change, want] of [
    [{}, ""],
    [{ name: "" }, "name rule.missing"],
    [{ name: "k".repeat(41) }, "name rule.too_long"],
    [{ permissions: [] }, "permissions rule.permissions"],
    [{ allowed: ["203.0.113.7", "10.0.0.0/8", "2001:db8::/32"] }, ""],
    [{ allowed: ["shop.example"] }, "allowed rule.network"],
    [{ allowed: Array(17).fill("1.2.3.4") }, "allowed rule.too_many"],
    [{ publicKey: key }, ""],
    [{ publicKey: "" }, "publicKey rule.public_key"],
    [{ publicKey: Buffer.alloc(31).toString("base64") }, "publicKey rule.public_key"],
  ]) {
    assert.equal(wrongIn(checkKey({ ...good, ...change })), want);
  }
});

test("an endpoint is an address of the web", () => {
  for (const [url, want] of [
    ["https://shop.example/hook", undefined],
    ["", "rule.missing"],
    ["shop.example", "rule.url"],
    ["javascript:alert(1)", "rule.url"],
    [`https://shop.example/${"字".repeat(200)}`, "rule.url_long"],
  ]) {
    assert.equal(checkEndpoint(url)?.key, want, url);
  }
});

test("countries are those of ISO 3166-1, by their names", () => {
  for (const lang of ["en", "zh"]) {
    const all = countries(lang);
    assert.ok(all.length >= 245 && all.length <= 250, `${lang}: ${all.length}`);
    const codes = new Set(all.map((c) => c.value));
    for (const code of ["CN", "HK", "TW", "US", "GB", "SG"]) assert.ok(codes.has(code), code);
    for (const code of ["EU", "UN", "XA", "ZZ", "UK"]) assert.ok(!codes.has(code), code);
  }
});

test("each line of a merchant's statement says what it was for", () => {
  const texts = new Texts(new I18n("en", PAGES.merchant));
  for (const [kind, subject, amount, want] of [
    ["topup", "funding", 1, "Topped up"],
    ["hold", "merchant", -1, "To the other wallet"],
    ["post", "merchant", 1, "From the other wallet"],
    ["hold", "cover", -1, "cover hold"], // newer than the page
  ]) {
    assert.equal(entryText(texts, { kind, subject, amount }), want);
  }
});
