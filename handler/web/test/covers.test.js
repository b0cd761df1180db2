import assert from "node:assert/strict";
import test from "node:test";

import { artURL, blankDesign, contrast } from "../static/console/cover.js";
import { qrPath } from "../static/merchant/qr.js";
import { checkDesign, wholeNumber } from "../static/merchant/rules.js";
import { sums } from "../static/merchant/stats.js";

const HOUR = 60 * 60_000;

test("views and claims are summed without gaps", () => {
  const hours = [
    { at: 2 * HOUR, views: 3, claims: 1 },
    { at: 2 * HOUR, views: 2, claims: 2 }, // of another channel
    { at: 4 * HOUR, views: 1, claims: 0 },
    { at: 9 * HOUR, views: 7, claims: 7 }, // outside
  ];
  const { times, views, claims } = sums(hours, 1.5 * HOUR, 5 * HOUR, HOUR);
  assert.deepEqual(
    times,
    [1, 2, 3, 4].map((n) => n * HOUR),
  );
  assert.deepEqual(views, [0, 5, 0, 1]);
  assert.deepEqual(claims, [0, 3, 0, 0]);
  assert.deepEqual(sums([], 0, 0, HOUR).views, [0]);
});

test("contrast is that of WCAG", () => {
  for (const [a, b, want] of [
    ["#000000", "#ffffff", "21.0"],
    ["#ffffff", "#ffffff", "1.0"],
    ["#777777", "#ffffff", "4.5"],
    ["#c8432e", "#fbd97f", "3.6"],
  ]) {
    assert.equal(contrast(a, b).toFixed(1), want, `${a} on ${b}`);
    assert.equal(contrast(b, a), contrast(a, b));
  }
});

test("a QR code has its finders and its quiet zone", () => {
  const { path, size } = qrPath("https://hongbao.example/c/02NDW-EGC00-0070G-0DGAB-98M3S-P61P");
  const dark = new Set(Array.from(path.matchAll(/M(\d+) (\d+)h1v1h-1z/g), ([, x, y]) => `${x} ${y}`));
  assert.equal((size - 8 - 17) % 4, 0);
  for (const [x, y] of [
    [4, 4],
    [size - 11, 4],
    [4, size - 11],
  ]) {
    for (let i = 0; i < 7; i++) {
      for (const [dx, dy] of [
        [i, 0],
        [i, 6],
        [0, i],
        [6, i],
      ]) {
        assert.ok(dark.has(`${x + dx} ${y + dy}`), `the frame of a finder at ${x + dx} ${y + dy}`);
      }
    }
    assert.ok(!dark.has(`${x + 1} ${y + 1}`) && dark.has(`${x + 3} ${y + 3}`));
  }
  for (const place of dark) for (const n of place.split(" ").map(Number)) assert.ok(n >= 4 && n < size - 4, place);
});

test("a design states its rules", () => {
  const wrong = (change) =>
    Object.entries(checkDesign({ ...blankDesign(), name: "马年大吉", ...change }))
      .map(([field, rule]) => `${field} ${rule.key}`)
      .join();
  assert.equal(wrong({}), "");
  assert.equal(wrong({ name: "" }), "name rule.missing");
  assert.equal(wrong({ name: "🐎".repeat(16), greeting: "福".repeat(30) }), "");
  assert.equal(wrong({ name: "🐎".repeat(17) }), "name rule.too_long");
  assert.equal(wrong({ greeting: "福".repeat(31) }), "greeting rule.too_long");
});

test("whole numbers are read as typed", () => {
  for (const [text, want] of [
    ["1", 1],
    ["1,000", 1000],
    ["１２", 12],
    ["1000000", 1_000_000],
    ["0", NaN],
    ["1000001", NaN],
    ["1.5", NaN],
    ["", NaN],
    ["-3", NaN],
  ]) {
    assert.equal(wholeNumber(text, 1_000_000), want, text);
  }
});

test("an image is named by a hash and nothing else", () => {
  assert.equal(artURL("5c1e".repeat(16), "large"), `/v1/art/${"5c1e".repeat(16)}/large`);
  for (const bad of ["", "../../x", "5C1E".repeat(16), 'a"b']) assert.equal(artURL(bad, "large"), "", bad);
});
