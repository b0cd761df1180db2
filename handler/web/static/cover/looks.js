// How an envelope looks with a cover: its card, its packet, its result. Each call draws what is known now; an envelope
// without a cover, with one that is not known yet or one that was taken down, has the plain red design.

import { attribute, fill, h } from "../core/dom.js";
import { art, paint, thumb } from "./art.js";
import { coverPicker } from "./picker.js";

/** @typedef {import("./covers.js").Cover} Cover */

const FAILED_MS = 30_000; // how long a cover whose image failed stays plain

export class Looks {
  #covers;
  #actions;
  #quietly;
  #now;
  #changes;
  /** @type {Map<string, number>} */
  #failed = new Map(); // cover id → when an image of it could not be shown

  /**
   * @param {import("./covers.js").Covers} covers
   * @param {import("./actions.js").CoverActions} actions
   * @param {{tell: (kind: "cover", id: string) => void}} changes
   * @param {() => number} now
   * @param {(promise: Promise<any>) => Promise<any>} quietly
   */
  constructor(covers, actions, changes, now, quietly) {
    this.#covers = covers;
    this.#actions = actions;
    this.#changes = changes;
    this.#now = now;
    this.#quietly = quietly;
  }

  /** What changes when the looks of a cover do. @param {string} id of the cover, "" for none */
  key(id) {
    return JSON.stringify(this.#worn(id));
  }

  /**
   * Dresses a card. Returns the small envelope on it, or null for the plain design.
   * @param {HTMLElement} card
   * @param {string} id of the cover, "" for none
   * @returns {HTMLElement|null}
   */
  card(card, id) {
    const cover = this.#dress(card, id);
    card.querySelectorAll(".card-art, .card-pendant").forEach((el) => el.remove());
    if (!cover) return null;
    const failed = this.#plain(id);
    const images = [art(cover.face, "medium", "card-art", failed), art(cover.pendant, "small", "card-pendant", failed)];
    card.prepend(...images.filter((image) => image !== null));
    return thumb(cover, "small", failed);
  }

  /**
   * Dresses a packet. The face lies over both halves, which part when it opens.
   * @param {HTMLElement} packet
   * @param {{top: HTMLElement, bottom: HTMLElement, band: HTMLElement}} parts band: above what was in it
   * @param {string} id of the cover, "" for none
   */
  packet(packet, { top, bottom, band }, id) {
    const cover = this.#dress(packet, id);
    packet.querySelectorAll(".packet-art").forEach((el) => el.remove());
    if (!cover) return;
    const failed = this.#plain(id);
    const put = (place, hash) => {
      const image = art(hash, "large", "packet-art", failed);
      if (image) place.prepend(image);
      if (image) image.loading = "eager"; // it is in sight
    };
    put(top, cover.face);
    put(bottom, cover.face);
    put(band, cover.opened || cover.face);
  }

  /**
   * Says whose cover it is; look shows it.
   * @param {HTMLElement} el
   * @param {import("../core/texts.js").Texts} texts
   * @param {string} id
   * @param {() => void} look
   */
  credit(el, texts, id, look) {
    const cover = this.#worn(id);
    el.hidden = !cover;
    const by = cover?.merchant ? texts.t("cover.by", { name: cover.name, merchant: cover.merchant }) : cover?.name;
    const button = { class: "credit-look", type: "button", data: { testid: "credit-look" }, on: { click: look } };
    fill(el, cover && h("button", button, by ?? ""));
  }

  /** The choice of a cover in a form. */
  picker = coverPicker;

  /** Looks again whether a cover is still shown. @param {string} id */
  recheck(id) {
    if (id) this.#quietly(this.#actions.read(id));
  }

  /** @returns {Cover|null} */
  #worn(id) {
    if (!id) return null;
    const cover = this.#covers.get(id);
    if (cover === undefined) this.#quietly(this.#actions.want(id));
    if (this.#now() - (this.#failed.get(id) ?? -Infinity) < FAILED_MS) return null;
    return cover ?? null;
  }

  #dress(el, id) {
    const cover = this.#worn(id);
    attribute(el, "data-cover", cover ? id : null);
    paint(el, cover);
    return cover;
  }

  // Whatever the reason, a cover that cannot be shown whole is not shown: the plain design is at hand.
  #plain(id) {
    return () => {
      this.#failed.set(id, this.#now());
      this.#changes.tell("cover", id);
      this.recheck(id);
    };
  }
}
