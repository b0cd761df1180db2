// Small help with the DOM. Text goes in as text nodes only, never as markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Makes an element. Properties: `class`; `on` (event name → listener); `data` (data-… attributes); any attribute by its
 * name, where true means present and false, null or undefined absent. Children: nodes, texts, lists of them, or null.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>} [props]
 * @param {...any} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, props = {}, ...children) {
  const el = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === "on") for (const [event, listener] of Object.entries(value)) el.addEventListener(event, listener);
    else if (name === "data") for (const [key, v] of Object.entries(value)) el.dataset[key] = v;
    else attribute(el, name, value);
  }
  el.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return el;
}

/** Sets or removes one attribute; see h. */
export function attribute(el, name, value) {
  if (value === false || value === null || value === undefined) el.removeAttribute(name);
  else el.setAttribute(name, value === true ? "" : String(value));
}

/** An icon from the symbols in index.html. It is decoration: whoever shows it names what it means. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** Sets text only where it differs, so that screen readers and animations are not disturbed. */
export function setText(el, text) {
  if (el.textContent !== text) el.textContent = text;
}

/** Replaces an element's children. */
export function fill(el, ...children) {
  el.replaceChildren(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
}

/**
 * Makes the children of parent follow items, in order, keeping the elements of those that stay.
 * @template Item
 * @param {HTMLElement} parent
 * @param {readonly Item[]} items
 * @param {(item: Item) => string} key
 * @param {(item: Item) => HTMLElement} create
 * @param {(el: HTMLElement, item: Item) => void} [update]
 */
export function keyed(parent, items, key, create, update = () => {}) {
  const children = /** @type {HTMLElement[]} */ (Array.from(parent.children));
  const old = new Map(children.map((el) => [el.dataset.key, el]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const k = key(item);
    let el = old.get(k);
    old.delete(k);
    if (!el) {
      el = create(item);
      el.dataset.key = k;
    }
    update(el, item);
    if (el === place) place = place.nextElementSibling;
    else parent.insertBefore(el, place);
  }
  for (const el of old.values()) el.remove();
}

/** Runs fn soon, once, however often it is asked for. Not before the next paint: a covered window paints nothing. */
export function batched(fn) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    setTimeout(() => {
      asked = false;
      fn();
    });
  };
}

/** What stands for an element now that was drawn before. @param {Element|null} el @returns {HTMLElement|null} */
export function again(el) {
  const { testid } = /** @type {HTMLElement|null} */ (el)?.dataset ?? {};
  return testid ? document.querySelector(`[data-testid="${CSS.escape(testid)}"]`) : null;
}

/** Whether the person asked for little motion. */
export function calm() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

const COUNT_MS = 700;
const COUNT_STEP_MS = 25;

/**
 * Shows the whole numbers on the way from one to another, ever slower. It runs on timers, because a covered window paints
 * nothing and has to arrive too.
 * @param {number} from
 * @param {number} to
 * @param {(value: number) => void} show
 * @returns {() => void} stops it
 */
export function countTo(from, to, show) {
  const began = performance.now();
  const timer = setInterval(() => {
    const part = calm() ? 1 : Math.min(1, (performance.now() - began) / COUNT_MS);
    show(Math.round(to - (to - from) * (1 - part) ** 3));
    if (part === 1) clearInterval(timer);
  }, COUNT_STEP_MS);
  return () => clearInterval(timer);
}
