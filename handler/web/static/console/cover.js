// A cover as people see it: its card in a chat, the envelope before it is opened, and what is seen afterwards.

import { h, icon, setText } from "../core/dom.js";

/**
 * @typedef {object} Design
 * @property {string} name
 * @property {string} face hash of an image, or ""
 * @property {string} opened
 * @property {string} pendant
 * @property {{image: string, text: string}[]} story
 * @property {string} colour #rrggbb
 * @property {string} accent
 * @property {string} greeting
 */

/** @returns {Design} */
export const blankDesign = () => ({
  name: "",
  face: "",
  opened: "",
  pendant: "",
  story: [],
  colour: "#c8432e",
  accent: "#fbd97f",
  greeting: "",
});

const HASH = /^[0-9a-f]{16,128}$/;

/** The address of an image, in a size: large, medium, small. "" for none. @param {string} hash */
export const artURL = (hash, size) => (HASH.test(hash) ? `/v1/art/${hash}/${size}` : "");

/** An image of a cover. Decoration: what it belongs to says what it is. */
export function art(hash, size, className) {
  const src = artURL(hash, size);
  return src ? h("img", { class: className, src, alt: "", decoding: "async", loading: "lazy" }) : null;
}

/** The envelope, small, for lists. @param {Design} design */
export function coverThumb(design) {
  const el = h(
    "span",
    { class: "cover-thumb", "aria-hidden": "true" },
    art(design.face, "small", "cover-art"),
    h("i", {}),
  );
  paint(el, design);
  return el;
}

/** @param {HTMLElement} el @param {Design} design */
function paint(el, design) {
  el.style.setProperty("--cover", colourOr(design.colour, "#c8432e"));
  el.style.setProperty("--seal", colourOr(design.accent, "#fbd97f"));
}

const colourOr = (text, other) => (/^#[0-9a-f]{6}$/.test(text) ? text : other);

/** The envelope before it is opened. @param {{texts: import("../core/texts.js").Texts}} page @param {Design} design */
export function coverEnvelope({ texts }, design) {
  const src = artURL(design.face, "large");
  const el = h(
    "div",
    { class: "pv-envelope" },
    h("span", { class: "pv-art" }, src && h("img", { src, alt: "", decoding: "async" })),
    h("div", { class: "pv-words" }, h("span", { class: "pv-greeting" }, texts.greeting(design.greeting))),
    h("span", { class: "pv-seal" }, icon("cover")),
  );
  paint(el, design);
  return el;
}

/**
 * Card, envelope and result, side by side. show draws another design.
 * @param {import("./page.js").Page} page
 */
export function coverPreview({ texts, services }) {
  const { t } = texts;
  const greeting = () => h("span", { class: "pv-greeting" });
  const figure = (label, content) => h("figure", { class: "pv" }, content, h("figcaption", {}, label));
  const words = { card: greeting(), envelope: greeting(), result: greeting() };
  const [cardArt, faceArt, openedArt, pendantArt] = [1, 2, 3, 4].map(() => h("span", { class: "pv-art" }));
  const name = texts.name(services.me);
  const card = h(
    "div",
    { class: "pv-card" },
    h("div", { class: "pv-card-top" }, cardArt, words.card),
    h("div", { class: "pv-card-foot" }, t("app.name"), pendantArt),
  );
  const envelope = h(
    "div",
    { class: "pv-envelope" },
    faceArt,
    h("div", { class: "pv-words" }, h("small", {}, t("cover.preview_from", { name })), words.envelope),
    h("span", { class: "pv-seal" }, icon("cover")),
  );
  const result = h(
    "div",
    { class: "pv-result" },
    h("div", { class: "pv-result-top" }, openedArt),
    h("div", { class: "pv-result-body" }, h("small", {}, name), words.result, h("strong", {}, texts.money(888, "CNY"))),
  );
  const el = h(
    "div",
    { class: "pv-all", data: { testid: "preview" } },
    figure(t("cover.preview_opening"), envelope),
    h("div", { class: "pv-column" }, figure(t("cover.preview_card"), card), figure(t("cover.preview_result"), result)),
  );
  const put = (place, hash, size) => {
    const src = artURL(hash, size);
    const now = place.querySelector("img");
    if ((now?.getAttribute("src") ?? "") === src) return;
    place.replaceChildren(...(src ? [h("img", { src, alt: "", decoding: "async" })] : []));
  };
  /** @param {Design} design */
  const show = (design) => {
    paint(el, design);
    for (const place of Object.values(words)) setText(place, design.greeting || t("compose.default_greeting"));
    put(cardArt, design.face, "medium");
    put(faceArt, design.face, "large");
    put(openedArt, design.opened || design.face, "medium");
    put(pendantArt, design.pendant, "small");
  };
  return { el, show };
}

/** The pages of a cover's story. @param {{texts: import("../core/texts.js").Texts}} page @param {Design} design */
export function coverStory({ texts }, design) {
  if (!design.story?.length) return null;
  return h(
    "ol",
    { class: "cover-story", "aria-label": texts.t("cover.story") },
    design.story.map((one) =>
      h("li", {}, art(one.image, "medium", "cover-story-art"), one.text && h("p", {}, one.text)),
    ),
  );
}

/** How far apart two colours are: the contrast of WCAG 2, from 1 to 21. @param {string} a #rrggbb @param {string} b */
export function contrast(a, b) {
  const light = (colour) => {
    const [r, g, blue] = [1, 3, 5].map((at) => {
      const c = parseInt(colour.slice(at, at + 2), 16) / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * blue;
  };
  const [low, high] = [light(a), light(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}
