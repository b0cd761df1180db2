// The chats that there are: the groups one is in, and the people with whom there is a conversation; how much in each was
// not seen yet, and how many members of a group are here now, oneself among them; 0 where that is not known. What is
// handed out is frozen: a change makes a new one.

import { groupIn, personIn } from "./places.js";

/** @typedef {Readonly<{id: string, members: readonly string[], unread: number, here: number}>} Group */
/** @typedef {Readonly<{id: string, unread: number}>} Person */

export class Chats {
  /** @type {Map<string, Group>} */
  #groups = new Map();
  /** @type {Map<string, Person>} */
  #people = new Map();
  #known = false;
  #changes;

  /** @param {import("./changes.js").Changes} changes */
  constructor(changes) {
    this.#changes = changes;
  }

  /** @param {string} id */
  group(id) {
    return this.#groups.get(id);
  }

  /** Whether it was read which groups one is in. */
  get known() {
    return this.#known;
  }

  groups() {
    return [...this.#groups.values()];
  }

  people() {
    return [...this.#people.values()];
  }

  /**
   * @param {string[]} ids all groups one is in
   * @returns {{added: string[], removed: string[]}}
   */
  setGroups(ids) {
    const added = ids.filter((id) => !this.#groups.has(id));
    const removed = [...this.#groups.keys()].filter((id) => !ids.includes(id));
    for (const id of added) this.#groups.set(id, Object.freeze({ id, members: Object.freeze([]), unread: 0, here: 0 }));
    for (const id of removed) this.#groups.delete(id);
    if (added.length || removed.length || !this.#known) {
      this.#known = true;
      this.#changes.tell("groups");
    }
    return { added, removed };
  }

  /** @param {string} id @param {string[]} members */
  setMembers(id, members) {
    const known = this.#groups.get(id);
    if (!known || known.members.join() === members.join()) return;
    this.#groups.set(id, Object.freeze({ ...known, members: Object.freeze([...members]) }));
    this.#changes.tell("groups", id);
  }

  /** @param {string} id @param {number} here */
  setHere(id, here) {
    const known = this.#groups.get(id);
    if (!known || known.here === here) return;
    this.#groups.set(id, Object.freeze({ ...known, here }));
    this.#changes.tell("present", id);
  }

  /** Begins a conversation with a person, if there is none. @param {string} id */
  meet(id) {
    if (this.#people.has(id)) return;
    this.#people.set(id, Object.freeze({ id, unread: 0 }));
    this.#changes.tell("people", id);
  }

  /** All of a place was seen. @param {string} place */
  read(place) {
    this.#count(place, () => 0);
  }

  /** One more thing of a place was not seen. @param {string} place */
  unread(place) {
    if (personIn(place)) this.meet(personIn(place));
    this.#count(place, (unread) => unread + 1);
  }

  /** @param {string} place @param {(unread: number) => number} change */
  #count(place, change) {
    const group = this.#groups.get(groupIn(place));
    const person = this.#people.get(personIn(place));
    const known = group ?? person;
    if (!known || change(known.unread) === known.unread) return;
    const unread = change(known.unread);
    if (group) this.#groups.set(group.id, Object.freeze({ ...group, unread }));
    else if (person) this.#people.set(person.id, Object.freeze({ ...person, unread }));
    this.#changes.tell(group ? "groups" : "people", known.id);
  }
}
