// What may be topped up, checked while one types.

import { atLeast, checkAmount } from "../core/rules.js";

/**
 * @param {{amount: import("../core/money.js").Amount}} draft
 * @returns {Partial<Record<"amount", import("../core/rules.js").Rule>>} for each field that is wrong, its rule
 */
export function checkTopUp({ amount }) {
  const rule = checkAmount(amount) ?? atLeast(amount, 1);
  return rule ? { amount: rule } : {};
}
