// What a member's role admits, and the rules of forms. The server decides; these save a round trip and hide what would
// be refused.

/** @typedef {Record<string, {key: string, max?: number, line?: string}>} Wrong  by field, the key of its rule */
/** @typedef {"see_merchant"|"see_wallets"|"move_money"|"see_keys"|"manage_keys"|"manage_members"|"manage_webhooks"|"see_covers"|"edit_covers"|"buy_stock"|"give_covers"|"advance_clock"} Action */

export const ROLES = ["owner", "finance", "developer", "viewer"];

/** @type {Record<Action, string[]>} */
const ALLOWED = {
  see_merchant: ROLES,
  see_wallets: ["owner", "finance", "viewer"],
  move_money: ["owner", "finance"],
  see_keys: ["owner", "developer", "viewer"],
  manage_keys: ["owner", "developer"],
  manage_members: ["owner"],
  manage_webhooks: ["owner", "developer"],
  see_covers: ROLES,
  edit_covers: ["owner", "developer"],
  buy_stock: ["owner", "finance"],
  give_covers: ["owner", "finance", "developer"],
  advance_clock: ["owner", "developer"],
};

/** @param {string} role @param {Action} action */
export const may = (role, action) => ALLOWED[action].includes(role);

/** Whether a merchant in a state may act on a side. @param {string} state @param {string} mode */
export const works = (state, mode) => state === "active" || (state === "applied" && mode === "test");

export const PERMISSIONS = [
  "wallet_read",
  "wallet_move",
  "webhook_manage",
  "cover_read",
  "cover_edit",
  "cover_stock",
  "cover_give",
  "clock_advance",
];

/** How far a test clock is advanced at once, in days. */
export const MOST_ADVANCE_DAYS = 366;

/** Countries and regions offered in the form, by ISO 3166-1: all that the browser has a name for. */
export function countries(lang) {
  const names = new Intl.DisplayNames([lang], { type: "region", fallback: "none" });
  const found = [];
  for (const a of "ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
    for (const b of "ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
      const name = NO_COUNTRIES.has(a + b) ? undefined : names.of(a + b);
      if (name) found.push({ value: a + b, text: name });
    }
  }
  return found.sort((x, y) => x.text.localeCompare(y.text, lang));
}

// Codes that browsers name and ISO 3166-1 has not assigned, or assigns no more.
const NO_COUNTRIES = new Set(
  "AC AN BU CP CQ CS DD DG DY EA EU EZ FX HV IC NH NQ NT PC PU PZ QO QU RH SU TA TP UK UN VD WK XA XB XK YD YU ZR ZZ".split(
    " ",
  ),
);

/**
 * What is wrong with an application, by field.
 * @param {{name: string, legal_id: string, country: string, mcc: string, contact: string, currencies: string[]}} a
 * @returns {Wrong}
 */
export function checkApplication(a) {
  /** @type {Wrong} */
  const wrong = {};
  for (const [name, max] of /** @type {[string, number][]} */ ([
    ["name", 60],
    ["legal_id", 40],
    ["contact", 120],
  ])) {
    const length = Array.from(a[name]).length;
    if (length === 0) wrong[name] = { key: "rule.missing" };
    else if (length > max) wrong[name] = { key: "rule.too_long", max };
  }
  if (!/^[A-Z]{2}$/.test(a.country)) wrong.country = { key: "rule.missing" };
  if (!/^\d{4}$/.test(a.mcc)) wrong.mcc = { key: "rule.mcc" };
  if (a.currencies.length === 0 || a.currencies.length > 20) wrong.currencies = { key: "rule.currencies" };
  return wrong;
}

/**
 * What is wrong with a key that shall be made, by field.
 * @param {{name: string, permissions: string[], allowed: string[], publicKey: string|null}} k publicKey: null where a
 *   secret is wanted
 * @returns {Wrong}
 */
export function checkKey({ name, permissions, allowed, publicKey }) {
  /** @type {Wrong} */
  const wrong = {};
  const length = Array.from(name).length;
  if (length === 0) wrong.name = { key: "rule.missing" };
  else if (length > 40) wrong.name = { key: "rule.too_long", max: 40 };
  if (permissions.length === 0) wrong.permissions = { key: "rule.permissions" };
  const bad = allowed.find((line) => !/^[0-9a-fA-F.:]+(\/\d{1,3})?$/.test(line));
  if (allowed.length > 16) wrong.allowed = { key: "rule.too_many", max: 16 };
  else if (bad !== undefined) wrong.allowed = { key: "rule.network", line: bad };
  if (publicKey !== null && !isPublicKey(publicKey)) wrong.publicKey = { key: "rule.public_key" };
  return wrong;
}

/** Whether a text is the base64 of the 32 bytes of an Ed25519 key. @param {string} text */
export function isPublicKey(text) {
  try {
    return /^[A-Za-z0-9+/]{43}=$/.test(text) && atob(text).length === 32;
  } catch {
    return false;
  }
}

/** @param {string} url @returns {{key: string}|null} */
export function checkEndpoint(url) {
  if (!url) return { key: "rule.missing" };
  if (new TextEncoder().encode(url).length > 512) return { key: "rule.url_long" };
  return URL.canParse(url) && /^https?:\/\//i.test(url) ? null : { key: "rule.url" };
}

/**
 * What is wrong with a cover's design, by field. Without an image it may be saved, and not submitted.
 * @param {import("../console/cover.js").Design} design
 * @returns {Wrong}
 */
export function checkDesign({ name, greeting }) {
  /** @type {Wrong} */
  const wrong = {};
  const length = Array.from(name).length;
  if (length === 0) wrong.name = { key: "rule.missing" };
  else if (length > 16) wrong.name = { key: "rule.too_long", max: 16 };
  if (Array.from(greeting).length > 30) wrong.greeting = { key: "rule.too_long", max: 30 };
  return wrong;
}

/** A whole number that was typed, from 1 to a bound; NaN for anything else. @param {string} text @param {number} most */
export function wholeNumber(text, most) {
  const plain = text.normalize("NFKC").replace(/[\s,]/g, "");
  const n = /^\d{1,9}$/.test(plain) ? Number(plain) : NaN;
  return n >= 1 && n <= most ? n : NaN;
}
