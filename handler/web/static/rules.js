// What may be sent, checked while one types. The server checks it all again; these rules only save the round trip.
// Where the server is configured otherwise, its answer counts.

import { MAX_MINOR } from "./money.js";

export const MAX_COUNT = 100;
export const MAX_GREETING = 100;
export const MAX_NOTE = 100;

/** The most a share may be on average, in minor units; in currencies not named here only the server knows. */
export const MAX_MEAN = { CNY: 20_000 };

/**
 * Checks a draft.
 * @param {{kind: string, amount: {minor: number}|{problem: string}, count: number, currency: string, greeting: string,
 *          to: string}} draft count is NaN where what was typed is not a whole number
 * @param {string[]} members of the group
 * @param {string} me
 * @returns {{total?: object, count?: object, greeting?: object, to?: object}} for each field that is wrong, the key of
 *          the rule in i18n.js and what goes into it; the empty object where the draft may be sent
 */
export function check(draft, members, me) {
  const wrong = {};
  const count = draft.kind === "exclusive" ? 1 : draft.count;
  const countRule = draft.kind === "exclusive" ? null : checkCount(count, members.length);
  if (countRule) wrong.count = countRule;
  const totalRule = checkTotal(draft.amount, countRule ? 1 : count, draft.currency);
  if (totalRule) wrong.total = totalRule;
  const length = Array.from(draft.greeting).length;
  if (length > MAX_GREETING) wrong.greeting = { key: "rule.greeting", max: MAX_GREETING, n: length };
  if (draft.kind === "exclusive") {
    if (!draft.to) wrong.to = { key: "rule.recipient" };
    else if (draft.to === me || !members.includes(draft.to)) wrong.to = { key: "rule.recipient_other" };
  }
  return wrong;
}

function checkCount(count, members) {
  if (!Number.isInteger(count) || count < 1) return { key: "rule.count", max: MAX_COUNT };
  if (count > MAX_COUNT) return { key: "rule.count_max", max: MAX_COUNT };
  if (members > 0 && count > members) return { key: "rule.count_members", n: members };
  return null;
}

/**
 * Checks a transfer.
 * @param {{to: string, amount: {minor: number}|{problem: string}, note: string}} draft
 * @param {string} me
 * @returns {{to?: object, amount?: object, note?: object}} as check
 */
export function checkTransfer(draft, me) {
  const wrong = {};
  if (!draft.to) wrong.to = { key: "rule.transfer_to" };
  else if (draft.to === me) wrong.to = { key: "rule.transfer_self" };
  const amountRule = checkAmount(draft.amount) ?? atLeast(draft.amount, 1);
  if (amountRule) wrong.amount = amountRule;
  const noteRule = checkNote(draft.note);
  if (noteRule) wrong.note = noteRule;
  return wrong;
}

/**
 * Checks a top-up.
 * @param {{amount: {minor: number}|{problem: string}}} draft
 * @returns {{amount?: object}} as check
 */
export function checkTopUp({ amount }) {
  const amountRule = checkAmount(amount) ?? atLeast(amount, 1);
  return amountRule ? { amount: amountRule } : {};
}

/**
 * Checks a collection.
 * @param {{kind: "even"|"per_person", amount: {minor: number}|{problem: string}, users: string[],
 *          asks: {user: string, amount: {minor: number}|{problem: string}}[], note: string}} draft amount and users are of
 *          an even bill, asks, without those left empty, of the other
 * @param {string} me
 * @returns {{amount?: object, users?: object, asks?: object, note?: object}} as check; asks names the user
 */
export function checkCollection(draft, me) {
  const wrong = {};
  if (draft.kind === "even") {
    const people = Math.max(1, draft.users.length);
    const amountRule = checkAmount(draft.amount);
    if (amountRule) wrong.amount = amountRule;
    else if (draft.amount.minor < people) wrong.amount = { key: "rule.bill_min", n: people, money: people };
    if (!draft.users.some((user) => user !== me)) wrong.users = { key: "rule.bill_users" };
  } else {
    const bad = draft.asks
      .map(({ user, amount }) => ({ user, rule: checkAmount(amount) ?? atLeast(amount, 1) }))
      .find((a) => a.rule);
    const total = draft.asks.reduce((sum, { amount }) => sum + (amount.minor ?? 0), 0);
    if (bad) wrong.asks = { ...bad.rule, user: bad.user };
    else if (!draft.asks.length) wrong.asks = { key: "rule.bill_asks" };
    else if (total > MAX_MINOR) wrong.asks = { key: "rule.total_too_large", money: MAX_MINOR };
  }
  const noteRule = checkNote(draft.note);
  if (noteRule) wrong.note = noteRule;
  return wrong;
}

function checkNote(note) {
  const length = Array.from(note).length;
  return length > MAX_NOTE ? { key: "rule.greeting", max: MAX_NOTE, n: length } : null;
}

const atLeast = ({ minor }, least) => (minor < least ? { key: "rule.total_min", n: 1, money: least } : null);

// What is wrong with an amount as it was typed.
function checkAmount(amount) {
  switch (amount.problem) {
    case "empty":
      return { key: "rule.total_empty" };
    case "malformed":
      return { key: "rule.total_malformed" };
    case "decimals":
      return { key: "rule.total_decimals" };
    case "comma":
      return amount.meant === undefined
        ? { key: "rule.total_comma" }
        : { key: "rule.total_comma_meant", money: amount.meant };
    case "too_large":
      return { key: "rule.total_too_large", money: MAX_MINOR };
  }
  return null;
}

function checkTotal(amount, count, currency) {
  const typed = checkAmount(amount);
  if (typed) return typed;
  if (amount.minor < count) return { key: "rule.total_min", n: count, money: count };
  const mean = MAX_MEAN[currency];
  if (mean && amount.minor > mean * count) return { key: "rule.total_mean", n: count, money: mean * count, each: mean };
  if (amount.minor > MAX_MINOR) return { key: "rule.total_too_large", money: MAX_MINOR };
  return null;
}
