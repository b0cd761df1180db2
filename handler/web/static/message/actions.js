// What the page does with the API about messages and names.

import { newRequestId } from "../core/api.js";
import { Pages } from "../core/pages.js";
import { groupIn, personIn } from "../core/places.js";
import { markRead, readUntil } from "./memory.js";
import { isLater } from "./messages.js";

const NAMES_AT_ONCE = 250; // of people, and as many of groups

export class MessageActions {
  #me;
  #api;
  #messages;
  #names;
  /** @type {Map<string, Pages<any>>} */
  #pages = new Map();

  /**
   * @param {string} me
   * @param {import("../core/api.js").Api} api
   * @param {import("./messages.js").Messages} messages
   * @param {import("../core/names.js").Names} names
   */
  constructor(me, api, messages, names) {
    this.#me = me;
    this.#api = api;
    this.#messages = messages;
    this.#names = names;
  }

  /** Reads the newest messages of a place. Returns how many of them were not read yet. @param {string} place */
  async newest(place) {
    this.#take(await this.#of(place).newest());
    const until = readUntil(this.#me, place);
    const isUnread = (m) => m.sender !== this.#me && until !== "" && isLater(m.id, until);
    return this.#messages.of(place).filter(isUnread).length;
  }

  /** @param {string} place */
  hasOlder(place) {
    return this.#of(place).hasMore;
  }

  /** @param {string} place */
  async older(place) {
    this.#take(await this.#of(place).next());
  }

  /** Notes that somebody looks at a place. @param {string} place */
  seen(place) {
    const last = this.#messages.of(place).at(-1);
    if (last) markRead(this.#me, place, last.id);
  }

  /** The people with whom there are messages, those who began last. @returns {Promise<string[]>} */
  async partners() {
    return (await this.#api.get("/v1/me/partners", { limit: 50 })).user_ids ?? [];
  }

  /**
   * Says something.
   * @param {string} place
   * @param {string} text
   * @param {{replyTo?: string, about?: string, requestId?: string}} [more]
   */
  async say(place, text, { replyTo = "", about = "", requestId = newRequestId() } = {}) {
    const group = groupIn(place);
    const to = personIn(place);
    const body = {
      request_id: requestId,
      text,
      ...(group ? { group_id: group } : { to }),
      ...(replyTo && { reply_to: replyTo }),
      ...(about && { about }),
    };
    this.#messages.put(await this.#api.post("/v1/messages", body));
  }

  /** Reads the names of people and groups. @param {string[]} people @param {string[]} groups */
  async readNames(people, groups) {
    const answer = await this.#api.post("/v1/names", {
      user_ids: people.slice(0, NAMES_AT_ONCE),
      group_ids: groups.slice(0, NAMES_AT_ONCE),
    });
    this.#names.put({ people: entries(answer.users), groups: entries(answer.groups), asked: { people, groups } });
  }

  /** @param {string} name */
  async nameMyself(name) {
    await this.#api.post("/v1/me/name", { name });
    this.#names.put({ people: { [this.#me]: name } });
  }

  /** @param {string} group @param {string} name */
  async nameGroup(group, name) {
    await this.#api.post(`/v1/groups/${encodeURIComponent(group)}/name`, { name });
    this.#names.put({ groups: { [group]: name } });
  }

  #of(place) {
    const pages =
      this.#pages.get(place) ??
      new Pages((cursor) => {
        const path = groupIn(place)
          ? `/v1/groups/${encodeURIComponent(groupIn(place))}/messages`
          : `/v1/me/messages/${encodeURIComponent(personIn(place))}`;
        return this.#api.get(path, { cursor, limit: 50 });
      });
    this.#pages.set(place, pages);
    return pages;
  }

  #take(page) {
    for (const dto of page?.messages ?? []) this.#messages.put(dto);
  }
}

const entries = (named) => Object.fromEntries((named ?? []).map(({ id, name }) => [id, name]));
