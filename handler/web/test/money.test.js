import assert from "node:assert/strict";
import test from "node:test";

import { CURRENCIES, digits, MAX_MINOR, parse, toInput } from "../static/core/money.js";
import { server } from "./server.js";

const minor = (units) => ({ minor: units });
const problem = (name) => ({ problem: name });
const comma = (meant) => ({ problem: "comma", ...(meant !== undefined && { meant }) });

test("amounts are read as typed", () => {
  const cases = [
    ["8.88", "CNY", minor(888)],
    ["8", "CNY", minor(800)],
    ["0.01", "CNY", minor(1)],
    [".5", "CNY", minor(50)],
    ["5.", "CNY", minor(500)],
    ["0", "CNY", minor(0)],
    ["¥ 20", "CNY", minor(2000)],
    ["0.29", "CNY", minor(29)], // 0.29*100 and 4.35*100 are not whole in binary fractions
    ["4.35", "CNY", minor(435)],
    ["500", "JPY", minor(500)],
    ["1.234", "KWD", minor(1234)],
    ["500.5", "JPY", problem("decimals")],
    ["1.234", "CNY", problem("decimals")],
    ["", "CNY", problem("empty")],
    ["  ", "CNY", problem("empty")],
    [".", "CNY", problem("malformed")],
    ["-5", "CNY", problem("malformed")],
    ["1e3", "CNY", problem("malformed")],
    ["5 yuan", "CNY", problem("malformed")],
    ["1.2.3", "CNY", problem("malformed")],
    ["10995116277.76", "CNY", minor(MAX_MINOR)],
    ["10995116277.77", "CNY", problem("too_large")],
    ["99999999999999999999", "CNY", problem("too_large")],
  ];
  for (const [text, currency, want] of cases) assert.deepEqual(parse(text, currency), want, `${text} in ${currency}`);
});

test("what a Chinese keyboard types is read like the rest", () => {
  for (const [text, want] of [
    ["８。８８", minor(888)],
    ["８．８８", minor(888)],
    ["￥１２．５", minor(1250)],
    ["１，２３４。５", minor(123450)],
    ["１２，５０", comma(1250)],
    ["8，88", comma(888)],
  ]) {
    assert.deepEqual(parse(text, "CNY"), want, text);
  }
});

test("a comma groups thousands or is refused", () => {
  const cases = [
    ["1,234", "CNY", minor(123400)],
    ["1,234.5", "CNY", minor(123450)],
    ["12,345,678.9", "CNY", minor(1234567890)],
    ["1,234", "KWD", minor(1234000)],
    ["12,50", "CNY", comma(1250)],
    ["1,5", "CNY", comma(150)],
    ["0,5", "CNY", comma(50)],
    [",5", "CNY", comma(50)],
    ["5,", "CNY", comma(500)],
    ["0,500", "KWD", comma(500)],
    ["1234,5", "CNY", comma(123450)],
    ["1.234,50", "CNY", comma(123450)], // German
    ["1.234.567,8", "CNY", comma(123456780)],
    ["12,50", "JPY", comma()],
    ["1,2,3", "CNY", comma()],
    ["1,234,56", "CNY", comma()],
    ["01,234", "CNY", comma()],
    ["1234,567", "CNY", comma()],
    ["1.2,5", "CNY", comma()],
    ["1,234.5,6", "CNY", comma()],
    ["12,5.0", "CNY", comma()],
    ["99999999999,5", "CNY", comma()],
    [",", "CNY", problem("malformed")],
    ["1,x", "CNY", problem("malformed")],
  ];
  for (const [text, currency, want] of cases) assert.deepEqual(parse(text, currency), want, `${text} in ${currency}`);
});

test("what is written into a field is read back", () => {
  for (const currency of CURRENCIES) {
    for (const units of [0, 1, 99, 100, 12_345, MAX_MINOR]) {
      assert.deepEqual(parse(toInput(units, currency), currency), minor(units), `${units} ${currency}`);
    }
  }
});

test("the offered currencies have the server's decimals", () => {
  assert.deepEqual(Object.fromEntries(CURRENCIES.map((code) => [code, digits(code)])), server.digits);
  assert.equal(MAX_MINOR, server.max_minor);
});
