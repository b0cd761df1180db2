// What the page knows of messages. They come from answers and events, in any order and more than once, and never change.

import { groupPlace, personPlace } from "../core/places.js";

/**
 * @typedef {Readonly<{id: string, place: string, sender: string, text: string, replyTo: string, about: string,
 *   createdAt: number}>} Message
 *   replyTo is a message's id, about that of something else; each is empty for none
 */

export class Messages {
  /** @type {Map<string, Message>} */
  #all = new Map();
  #me;
  #changes;

  /** @param {string} me @param {{tell: (kind: "message", id: string) => void}} changes */
  constructor(me, changes) {
    this.#me = me;
    this.#changes = changes;
  }

  /** @param {string} id */
  get(id) {
    return this.#all.get(id);
  }

  /** The messages of a place, oldest first. @param {string} place */
  of(place) {
    return [...this.#all.values()].filter((m) => m.place === place).sort(byAge);
  }

  /** What was said about something, oldest first. @param {string} id */
  about(id) {
    return [...this.#all.values()].filter((m) => m.about === id).sort(byAge);
  }

  /** Takes in a message as an answer or an event tells it. Returns whether it is new. */
  put(dto) {
    const id = dto.message_id;
    if (this.#all.has(id)) return false;
    const other = dto.sender === this.#me ? dto.to : dto.sender;
    const place = dto.group_id ? groupPlace(dto.group_id) : personPlace(other);
    const { sender, text, reply_to: replyTo = "", about = "", created_at: createdAt } = dto;
    this.#all.set(id, Object.freeze({ id, place, sender, text, replyTo, about, createdAt }));
    this.#changes.tell("message", id);
    return true;
  }
}

/** Whether an id is later than another: ids grow, and are longer than a number may be. */
export function isLater(id, other) {
  return id.length > other.length || (id.length === other.length && id > other);
}

/** @param {Message} a @param {Message} b */
function byAge(a, b) {
  return a.createdAt - b.createdAt || (isLater(a.id, b.id) ? 1 : -1);
}
