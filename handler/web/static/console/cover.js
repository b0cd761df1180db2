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

/** How many images a page keeps. */
const MOST_IMAGES = 300;

/**
 * Images of covers that need not be shown to everybody yet: they are read with one's token.
 */
export class Images {
  #api;
  /** @type {Map<string, {url: string, ready: Promise<string>}>} */
  #known = new Map();

  /** @param {import("../core/api.js").Api} api */
  constructor(api) {
    this.#api = api;
  }

  /** Gives an image its content, at once where it is known. @param {HTMLImageElement} img @param {string} path */
  show(img, path) {
    const known = this.#known.get(path) ?? this.#read(path);
    if (known.url) img.src = known.url;
    else known.ready.then((url) => (img.src = url)).catch(() => img.remove());
  }

  #read(path) {
    const first = this.#known.keys().next().value;
    if (this.#known.size >= MOST_IMAGES && first !== undefined) this.#forget(first);
    const fresh = { url: "", ready: this.#api.blob(path).then((blob) => (fresh.url = URL.createObjectURL(blob))) };
    this.#known.set(path, fresh);
    fresh.ready.catch(() => this.#known.delete(path)); // it is asked for again the next time
    return fresh;
  }

  #forget(path) {
    const known = this.#known.get(path);
    this.#known.delete(path);
    if (known?.url) URL.revokeObjectURL(known.url);
  }
}

/**
 * An image of a cover. Decoration: what it belongs to says what it is.
 * @param {import("./page.js").Page} page
 * @param {string} hash
 * @param {string} size
 * @param {string} [className]
 */
export function art({ services, nav }, hash, size, className = "") {
  const { merchant } = nav.place();
  const path = artURL(hash, size);
  if (!path) return null;
  const img = h("img", { alt: "", decoding: "async", data: { art: path }, ...(className && { class: className }) });
  services.images.show(img, merchant ? `${path}?merchant_id=${encodeURIComponent(merchant)}` : path);
  return img;
}

/** The envelope, small, for lists. @param {import("./page.js").Page} page @param {Design} design */
export function coverThumb(page, design) {
  const el = h(
    "span",
    { class: "cover-thumb", "aria-hidden": "true" },
    art(page, design.face, "small", "cover-art"),
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

/** The envelope before it is opened. @param {import("./page.js").Page} page @param {Design} design */
export function coverEnvelope(page, design) {
  const { texts } = page;
  const el = h(
    "div",
    { class: "pv-envelope" },
    h("span", { class: "pv-art" }, art(page, design.face, "large")),
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
export function coverPreview(page) {
  const { texts, services } = page;
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
    const now = place.querySelector("img");
    if ((now?.dataset.art ?? "") === artURL(hash, size)) return;
    const image = art(page, hash, size);
    place.replaceChildren(...(image ? [image] : []));
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

/** The pages of a cover's story. @param {import("./page.js").Page} page @param {Design} design */
export function coverStory(page, design) {
  const { texts } = page;
  if (!design.story?.length) return null;
  return h(
    "ol",
    { class: "cover-story", "aria-label": texts.t("cover.story") },
    design.story.map((one) =>
      h("li", {}, art(page, one.image, "medium", "cover-story-art"), one.text && h("p", {}, one.text)),
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
