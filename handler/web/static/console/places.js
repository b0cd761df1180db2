// Where one is in a console, and the address of that: ?merchant=17&view=webhooks&item=42&mode=test

import { validId } from "../core/people.js";

/**
 * @typedef {object} Place
 * @property {string} merchant its id, or ""
 * @property {string} view
 * @property {string} item what of the view is open, or ""
 * @property {"live"|"test"} mode the side of the merchant
 */

const DIGITS = /^\d{1,19}$/;

/** @param {string} search @param {string} first the view that an address without one leads to @returns {Place} */
export function placeIn(search, first) {
  const address = new URLSearchParams(search);
  const number = (name) => (DIGITS.test(address.get(name) ?? "") ? String(address.get(name)) : "");
  return {
    merchant: number("merchant"),
    view: address.get("view") || first,
    item: number("item"),
    mode: address.get("mode") === "test" ? "test" : "live",
  };
}

/** The query of a place. user: who the window is, where the address says so. @param {Place} place */
export function searchOf({ merchant, view, item, mode }, user = "") {
  const query = new URLSearchParams({
    ...(user && validId(user) && { user }),
    ...(merchant && { merchant }),
    view,
    ...(item && { item }),
    ...(merchant && mode === "test" && { mode }),
  });
  return `?${query}`;
}

/** @param {Place} a @param {Place} b */
export const samePlace = (a, b) => searchOf(a) === searchOf(b);
