// What every form checks while one types: amounts and notes. The server checks it all again; these rules only save the
// round trip. Where the server is configured otherwise, its answer counts.

import { MAX_MINOR } from "./money.js";

/** @typedef {import("./money.js").Amount} Amount */
/** @typedef {{key: string, [param: string]: any}} Rule  the key of its sentence in texts-*.js, and what goes into it */

export const MAX_NOTE = 100;

/** What is wrong with an amount as it was typed. @param {Amount} amount @returns {Rule|null} */
export function checkAmount(amount) {
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

/** @param {Amount} amount one without a problem @param {number} least minor units @returns {Rule|null} */
export function atLeast({ minor = 0 }, least) {
  return minor < least ? { key: "rule.total_min", n: 1, money: least } : null;
}

/** @param {string} note @returns {Rule|null} */
export function checkNote(note) {
  const length = Array.from(note).length;
  return length > MAX_NOTE ? { key: "rule.greeting", max: MAX_NOTE, n: length } : null;
}
