// Amounts: whole minor units in, text out, and back. Never a fraction in between.

// The currencies that WeChat Pay settles in, after renminbi, and some with other numbers of decimals.
const SETTLED = [
  "HKD",
  "USD",
  "EUR",
  "GBP",
  "JPY",
  "KRW",
  "SGD",
  "AUD",
  "CAD",
  "CHF",
  "DKK",
  "NOK",
  "NZD",
  "RUB",
  "SEK",
  "THB",
];

/** What the composers offer; the server accepts any ISO 4217 currency. */
export const CURRENCIES = ["CNY", ...SETTLED, "TWD", "KWD"];

/** The largest single amount, as on the server. */
export const MAX_MINOR = 2 ** 40;

/** Digits after the decimal point: CNY 2, JPY 0, KWD 3. */
export function digits(currency) {
  return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 0;
}

/** For example ¥12.34. */
export function format(minor, currency, lang) {
  return formatter(currency, lang).format(minor / 10 ** digits(currency));
}

/** Like format, with + in front of what came in and − in front of what went out. */
export function formatSigned(minor, currency, lang) {
  return formatter(currency, lang, { signDisplay: "exceptZero" }).format(minor / 10 ** digits(currency));
}

/** The amount in pieces, so that the symbol can be smaller: [{type: "symbol"|"number", text}]. */
export function pieces(minor, currency, lang) {
  return formatter(currency, lang)
    .formatToParts(minor / 10 ** digits(currency))
    .filter((p) => p.type !== "literal")
    .map((p) => ({ type: p.type === "currency" ? "symbol" : "number", text: p.value }));
}

// Renminbi are plain ¥ here in every language, so yen must not be.
const DISPLAY = { CNY: "narrowSymbol", JPY: "code" };

function formatter(currency, lang, more = {}) {
  return new Intl.NumberFormat(lang, {
    style: "currency",
    currency,
    currencyDisplay: DISPLAY[currency] ?? "symbol",
    ...more,
  });
}

/** An amount as one types it: 1234 CNY → "12.34". */
export function toInput(minor, currency) {
  return (minor / 10 ** digits(currency)).toFixed(digits(currency));
}

/**
 * An amount as it was typed: minor units, or what is wrong with it.
 * @typedef {{minor?: number, problem?: "empty"|"malformed"|"decimals"|"too_large"|"comma", meant?: number}} Amount
 *   meant: with the problem "comma" the minor units that are typed if the comma stands for a decimal point, where that
 *   makes sense
 */

/**
 * Reads an amount typed in major units, with a point before its decimals. A comma may group thousands and nothing else:
 * half of Europe types 12,50 for what others type as 12.50, and to drop the comma is to multiply the money by a hundred.
 * @param {string} text
 * @param {string} currency
 * @returns {Amount}
 */
export function parse(text, currency) {
  // Chinese input methods give full-width digits, points and commas.
  const plain = text
    .normalize("NFKC")
    .replaceAll("。", ".")
    .replace(/^[¥$€£₩\s]+/, "")
    .trim();
  if (plain.includes(",") && !/^[1-9]\d{0,2}(,\d{3})+(\.\d*)?$/.test(plain)) return parseComma(plain, currency);
  return parsePlain(plain.replaceAll(",", ""), currency);
}

// An amount whose comma does not group thousands.
/** @returns {Amount} */
function parseComma(plain, currency) {
  if (!/^[\d.,]*\d[\d.,]*$/.test(plain)) return { problem: "malformed" };
  const decimal = /^(\d*|[1-9]\d{0,2}(?:\.\d{3})+),(\d*)$/.exec(plain);
  const { minor: meant } = decimal ? parsePlain(`${decimal[1].replaceAll(".", "")}.${decimal[2]}`, currency) : {};
  return meant === undefined ? { problem: "comma" } : { problem: "comma", meant };
}

/** @returns {Amount} */
function parsePlain(plain, currency) {
  if (plain === "") return { problem: "empty" };
  const match = /^(\d*)(?:\.(\d*))?$/.exec(plain);
  if (!match || plain === ".") return { problem: "malformed" };
  const places = digits(currency);
  const fraction = match[2] ?? "";
  if (fraction.length > places) return { problem: "decimals" };
  const minor = Number((match[1] || "0") + fraction.padEnd(places, "0"));
  return minor > MAX_MINOR ? { problem: "too_large" } : { minor };
}
