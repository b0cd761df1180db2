// What may be sent in an envelope, checked while one types.

import { MAX_MINOR } from "../core/money.js";
import { checkAmount } from "../core/rules.js";

/** @typedef {import("../core/money.js").Amount} Amount */
/** @typedef {import("../core/rules.js").Rule} Rule */

export const MAX_COUNT = 100;
const MAX_GREETING = 100;

/**
 * The most a share may be on average, in minor units; in currencies not named here only the server knows.
 * @type {Record<string, number>}
 */
const MAX_MEAN = { CNY: 20_000 };

/**
 * @param {{kind: string, amount: Amount, count: number, currency: string, greeting: string, to: string}} draft
 *   count is NaN where what was typed is not a whole number
 * @param {readonly string[]} members of the group
 * @param {string} me
 * @returns {Partial<Record<"total"|"count"|"greeting"|"to", Rule>>} for each field that is wrong, its rule
 */
export function checkEnvelope(draft, members, me) {
  /** @type {Partial<Record<"total"|"count"|"greeting"|"to", Rule>>} */
  const wrong = {};
  const isExclusive = draft.kind === "exclusive";
  const count = isExclusive ? 1 : draft.count;
  const countRule = isExclusive ? null : checkCount(count, members.length);
  if (countRule) wrong.count = countRule;
  const totalRule = checkTotal(draft.amount, countRule ? 1 : count, draft.currency);
  if (totalRule) wrong.total = totalRule;
  const length = Array.from(draft.greeting).length;
  if (length > MAX_GREETING) wrong.greeting = { key: "rule.greeting", max: MAX_GREETING, n: length };
  if (isExclusive) {
    if (!draft.to) wrong.to = { key: "rule.recipient" };
    else if (draft.to === me || !members.includes(draft.to)) wrong.to = { key: "rule.recipient_other" };
  }
  return wrong;
}

/** @param {number} count @param {number} members @returns {Rule|null} */
function checkCount(count, members) {
  if (!Number.isInteger(count) || count < 1) return { key: "rule.count", max: MAX_COUNT };
  if (count > MAX_COUNT) return { key: "rule.count_max", max: MAX_COUNT };
  if (members > 0 && count > members) return { key: "rule.count_members", n: members };
  return null;
}

/** @param {Amount} amount @param {number} count @param {string} currency @returns {Rule|null} */
function checkTotal(amount, count, currency) {
  const typed = checkAmount(amount);
  if (typed) return typed;
  const { minor = 0 } = amount;
  if (minor < count) return { key: "rule.total_min", n: count, money: count };
  const mean = MAX_MEAN[currency];
  if (mean && minor > mean * count) return { key: "rule.total_mean", n: count, money: mean * count, each: mean };
  return minor > MAX_MINOR ? { key: "rule.total_too_large", money: MAX_MINOR } : null;
}
