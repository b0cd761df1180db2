// What may be sent, checked while one types. The server checks it all again; these rules only save the round trip.
// Where the server is configured otherwise, its answer counts.

import { MAX_MINOR } from "./money.js";

export const MAX_COUNT = 100;
export const MAX_GREETING = 100;

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

function checkTotal(amount, count, currency) {
  switch (amount.problem) {
    case "empty":
      return { key: "rule.total_empty" };
    case "malformed":
      return { key: "rule.total_malformed" };
    case "decimals":
      return { key: "rule.total_decimals" };
    case "too_large":
      return { key: "rule.total_too_large", money: MAX_MINOR };
  }
  if (amount.minor < count) return { key: "rule.total_min", n: count, money: count };
  const mean = MAX_MEAN[currency];
  if (mean && amount.minor > mean * count) return { key: "rule.total_mean", n: count, money: mean * count, each: mean };
  if (amount.minor > MAX_MINOR) return { key: "rule.total_too_large", money: MAX_MINOR };
  return null;
}
