// What the live feed brings: each event goes to the product that it is about.

import { collectionEvent } from "../collection/events.js";
import { Notifier } from "../core/notifier.js";
import { groupPlace, personPlace } from "../core/places.js";
import { envelopeEvent } from "../envelope/events.js";
import { messageEvent } from "../message/events.js";
import { transferEvent } from "../transfer/events.js";

/** @typedef {import("../core/page.js").Page} Page */

const GROUP = "group:";
const USER = "user:";

export const groupTopic = (group) => GROUP + group;
export const userTopic = (user) => USER + user;
/** The group that a topic is about. @param {string} topic */
export const groupOf = (topic) => topic.slice(GROUP.length);

export class Feed {
  #page;
  #fresh;
  #notifier;

  /**
   * @param {() => Page} page as it is now: the language may change
   * @param {(at: number) => boolean} fresh whether something of this time is news
   */
  constructor(page, fresh) {
    this.#page = page;
    this.#fresh = fresh;
    this.#notifier = new Notifier(page);
  }

  /** Takes in the events of a topic. */
  apply(topic, events) {
    const page = this.#page();
    for (const event of events) {
      const [product] = event.type.split(".", 1);
      if (product === "envelope") envelopeEvent(page, this.#notifier, groupOf(topic), event);
      else if (product === "transfer") transferEvent(page, this.#notifier, this.#fresh, event);
      else if (product === "chat") messageEvent(page, this.#notifier, this.#fresh, event);
      else if (product === "collection") collectionEvent(page, this.#notifier, this.#fresh, event);
    }
  }

  /** Reads again what a topic is about, after something was missed. */
  async reload(topic) {
    const { chats, actions } = this.#page().services;
    const { groups, envelopes, transfers, collections, wallet, messages } = actions;
    if (topic.startsWith(USER)) {
      const people = chats.people().map(({ id }) => messages.newest(personPlace(id)));
      await Promise.all([transfers.list(), wallet.read(), ...people]);
      return;
    }
    const group = groupOf(topic);
    const all = [groups.members(group), wallet.read(), envelopes.reload(group), collections.list(group)];
    await Promise.all([...all, messages.newest(groupPlace(group))]);
  }
}
