// What may be transferred, checked while one types.

import { atLeast, checkAmount, checkNote } from "../core/rules.js";

/** @typedef {import("../core/rules.js").Rule} Rule */

/**
 * @param {{to: string, amount: import("../core/money.js").Amount, note: string}} draft
 * @param {string} me
 * @returns {Partial<Record<"to"|"amount"|"note", Rule>>} for each field that is wrong, its rule
 */
export function checkTransfer(draft, me) {
  /** @type {Partial<Record<"to"|"amount"|"note", Rule>>} */
  const wrong = {};
  if (!draft.to) wrong.to = { key: "rule.transfer_to" };
  else if (draft.to === me) wrong.to = { key: "rule.transfer_self" };
  const amountRule = checkAmount(draft.amount) ?? atLeast(draft.amount, 1);
  if (amountRule) wrong.amount = amountRule;
  const noteRule = checkNote(draft.note);
  if (noteRule) wrong.note = noteRule;
  return wrong;
}
