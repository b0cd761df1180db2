// What may be collected, checked while one types.

import { MAX_MINOR } from "../core/money.js";
import { atLeast, checkAmount, checkNote } from "../core/rules.js";

/** @typedef {import("../core/money.js").Amount} Amount */
/** @typedef {import("../core/rules.js").Rule} Rule */

/**
 * @param {{kind: string, amount: Amount, users: string[], asks: {user: string, amount: Amount}[], note: string}} draft
 *   kind is even or per_person; amount and users are of an even bill, asks, without those left empty, of the other
 * @param {string} me
 * @returns {Partial<Record<"amount"|"users"|"asks"|"note", Rule>>} for each field that is wrong, its rule; that of asks
 *   names the user
 */
export function checkCollection(draft, me) {
  const noteRule = checkNote(draft.note);
  return {
    ...(draft.kind === "even" ? checkEven(draft, me) : checkAsks(draft.asks)),
    ...(noteRule && { note: noteRule }),
  };
}

/** @param {{amount: Amount, users: string[]}} draft @param {string} me */
function checkEven({ amount, users }, me) {
  const people = Math.max(1, users.length);
  const least = { key: "rule.bill_min", n: people, money: people };
  const rule = checkAmount(amount) ?? ((amount.minor ?? 0) < people ? least : null);
  return {
    ...(rule && { amount: rule }),
    ...(!users.some((user) => user !== me) && { users: { key: "rule.bill_users" } }),
  };
}

/** @param {{user: string, amount: Amount}[]} asks */
function checkAsks(asks) {
  const rules = asks.map(({ user, amount }) => ({ user, rule: checkAmount(amount) ?? atLeast(amount, 1) }));
  const bad = rules.find(({ rule }) => rule);
  if (bad?.rule) return { asks: { ...bad.rule, user: bad.user } };
  if (!asks.length) return { asks: { key: "rule.bill_asks" } };
  const total = asks.reduce((sum, { amount }) => sum + (amount.minor ?? 0), 0);
  return total > MAX_MINOR ? { asks: { key: "rule.total_too_large", money: MAX_MINOR } } : {};
}
