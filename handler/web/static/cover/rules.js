// What is checked again of what the server says of a cover, before it comes near a style or an address.

const COLOUR = /^#[0-9a-f]{6}$/;
const HASH = /^[0-9a-f]{16,128}$/;
const ID = /^[1-9][0-9]{0,18}$/;
const CODE_PATH = /^\/c\/([^/]{1,192})$/;

/** The plain red design. */
export const PLAIN = Object.freeze({ colour: "#c8432e", accent: "#fbd97f" });

const LIGHT_INK = "#ffffff";
const DARK_INK = "#3a1710";

/** A colour as #rrggbb, or another one where the text is none. @param {unknown} text @param {string} other */
export const colourOr = (text, other) => (typeof text === "string" && COLOUR.test(text) ? text : other);

/** A hash of an image, or "". @param {unknown} text */
export const hashOr = (text) => (typeof text === "string" && HASH.test(text) ? text : "");

/** The id of a cover, or "". @param {unknown} text */
export const idOr = (text) => (typeof text === "string" && ID.test(text) ? text : "");

/** The address of an image, or "" for none. @param {string} hash @param {"large"|"medium"|"small"} size */
export const artURL = (hash, size) => (hashOr(hash) ? `/v1/art/${hash}/${size}` : "");

/** The colour of text that is easier to read on a colour. @param {string} colour #rrggbb */
export function inkOn(colour) {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const c = parseInt(colour.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  // Relative luminance as WCAG 2 defines it; at 0.18 black and white contrast alike, and white is the habit of red.
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.35 ? DARK_INK : LIGHT_INK;
}

/** The code that the address of a claim page has, or "". @param {string} pathname */
export function codeIn(pathname) {
  try {
    return decodeURIComponent(CODE_PATH.exec(pathname)?.[1] ?? "");
  } catch {
    return ""; // not percent-encoded as it should be
  }
}

/**
 * Why a held cover cannot be sent now: over, frozen, closed; "" where it can.
 * @param {{usable: boolean, usableUntil: number}} held
 * @param {{state: string}|null|undefined} cover
 * @param {number} now
 */
export function whyNot(held, cover, now) {
  if (held.usableUntil <= now || cover?.state === "expired") return "over";
  if (cover?.state === "frozen") return "frozen";
  return held.usable ? "" : "closed";
}
