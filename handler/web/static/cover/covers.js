// What the page knows of covers: how they look, and which ones one holds. What is handed out is frozen.

import { colourOr, hashOr, idOr, PLAIN } from "./rules.js";

/**
 * @typedef {Readonly<{id: string, merchant: string, mode: string, name: string, face: string, opened: string,
 *   pendant: string, story: readonly Readonly<{image: string, text: string}>[], colour: string, accent: string,
 *   greeting: string, state: string, usableUntil: number}>} Cover
 *   merchant is a name, empty for a cover of the installation; images are hashes, empty for none
 */
/** @typedef {Readonly<{id: string, claimedAt: number, usableUntil: number, usable: boolean}>} Held */

export class Covers {
  /** @type {Map<string, Cover|null>} */
  #all = new Map();
  /** @type {readonly Held[]} */
  #held = [];
  /** @type {readonly Held[]} */
  #own = [];
  #known = false;
  #changes;

  /** @param {{tell: (kind: "cover"|"covers", id?: string) => void}} changes */
  constructor(changes) {
    this.#changes = changes;
  }

  /** A cover; null where it is not shown any more, undefined where it was not asked for yet. @param {string} id */
  get(id) {
    return this.#all.get(id);
  }

  /** Takes in what the API says of a cover. Returns it. */
  put(dto) {
    const cover = fromDTO(dto);
    if (JSON.stringify(cover) === JSON.stringify(this.#all.get(cover.id))) return cover;
    this.#all.set(cover.id, cover);
    this.#changes.tell("cover", cover.id);
    return cover;
  }

  /** A cover is not shown any more: it was taken down. @param {string} id */
  drop(id) {
    if (this.#all.get(id) === null) return;
    this.#all.set(id, null);
    this.#changes.tell("cover", id);
  }

  /** Whether it is known which covers one holds. */
  get known() {
    return this.#known;
  }

  /** The covers that one holds and that are shown, the latest claim first. */
  held() {
    return this.#held.filter(({ id }) => this.#all.get(id) !== null);
  }

  /** The installation's own, which everybody may use for ever. */
  own() {
    return this.#own;
  }

  /** Those that can be sent now: what one holds, then the installation's own. @param {number} now */
  usable(now) {
    return [...this.held().filter((held) => held.usable && held.usableUntil > now), ...this.#own];
  }

  /** Takes in the ids of the installation's own covers. @param {string[]} ids */
  offer(ids) {
    this.#own = Object.freeze(
      ids.filter(idOr).map((id) => Object.freeze({ id, claimedAt: 0, usableUntil: Infinity, usable: true })),
    );
    this.#changes.tell("covers");
  }

  /** Takes in the covers that one holds. */
  hold(lines) {
    this.#held = Object.freeze(lines.map(heldFromDTO).filter(({ id }) => id));
    this.#known = true;
    this.#changes.tell("covers");
  }
}

/** @returns {Held} */
const heldFromDTO = (dto) =>
  Object.freeze({
    id: idOr(dto.cover_id),
    claimedAt: Number(dto.claimed_at) || 0,
    usableUntil: Number(dto.usable_until) || 0,
    usable: dto.usable === true,
  });

/** @returns {Cover} */
function fromDTO({ id, merchant_name: merchant, mode, design, state, usable_until: until }) {
  const page = ({ image, text }) => Object.freeze({ image: hashOr(image), text: text ?? "" });
  return Object.freeze({
    id,
    merchant: merchant ?? "",
    mode,
    name: design.name,
    face: hashOr(design.face),
    opened: hashOr(design.opened),
    pendant: hashOr(design.pendant),
    story: Object.freeze((design.story ?? []).map(page)),
    colour: colourOr(design.colour, PLAIN.colour),
    accent: colourOr(design.accent, PLAIN.accent),
    greeting: design.greeting ?? "",
    state,
    usableUntil: Number(until) || 0,
  });
}
