// What the page does with the API about covers.

import { Problem } from "../core/api.js";

const PAGE = 100; // the most that the server lists at once
const MAX_PAGES = 5; // of the covers that one holds
const FRESH_MS = 10_000; // how long what was read needs no second look
const AT_ONCE = 8; // covers that one look reads again

export class CoverActions {
  #api;
  #covers;
  #ownRead = false; // the installation's own never change
  /** @type {Map<string, Promise<import("./covers.js").Cover|null>>} */
  #asking = new Map(); // cover id → the answer under way
  /** @type {Map<string, number>} */
  #asked = new Map(); // cover id → when it was asked for, the longest ago first

  /** @param {import("../core/api.js").Api} api @param {import("./covers.js").Covers} covers */
  constructor(api, covers) {
    this.#api = api;
    this.#covers = covers;
  }

  /** Reads a cover; null where it is not shown any more. Calls that come together share one request. @param {string} id */
  read(id) {
    const under = this.#asking.get(id);
    if (under) return under;
    this.#asked.delete(id);
    this.#asked.set(id, this.#api.now());
    const answer = this.#read(id).finally(() => this.#asking.delete(id));
    this.#asking.set(id, answer);
    return answer;
  }

  /** Reads a cover unless it is known or was asked for a moment ago. @param {string} id */
  async want(id) {
    if (this.#covers.get(id) === undefined && !this.#isFresh(id)) await this.read(id);
  }

  /** Looks again at covers that were asked for, the longest ago first: one that was taken down disappears. */
  async refresh() {
    const ids = [...this.#asked.keys()].filter((id) => this.#covers.get(id) !== null && !this.#isFresh(id));
    await Promise.all(ids.slice(0, AT_ONCE).map((id) => this.read(id)));
  }

  /** Reads which covers one holds, and how they look; and those of the installation, which everybody may use. */
  async mine() {
    await Promise.all([this.#held(), this.#ownRead || this.#own()]);
  }

  async #own() {
    const { covers } = await this.#api.get("/v1/covers/defaults");
    this.#covers.offer((covers ?? []).map((dto) => this.#covers.put(dto).id));
    this.#ownRead = true;
  }

  async #held() {
    const lines = [];
    let cursor = "";
    for (let page = 0; page < MAX_PAGES && (page === 0 || cursor); page++) {
      const answer = await this.#api.get("/v1/me/covers", { cursor, limit: PAGE });
      lines.push(...(answer.covers ?? []));
      cursor = answer.next_cursor;
    }
    this.#covers.hold(lines);
    await Promise.all(this.#covers.held().map(({ id }) => this.want(id)));
  }

  /** What a code is for. @param {string} code @returns {Promise<{cover_id: string, kind: string, used: boolean}>} */
  check(code) {
    return this.#api.get(`/v1/codes/${encodeURIComponent(code)}`);
  }

  /**
   * Claims a piece. Safe to repeat: the same claim again is already_held.
   * @param {string} code
   * @returns {Promise<{outcome: string, cover_id: string, claimed_at: number, usable_until: number}>}
   */
  claim(code) {
    return this.#api.post("/v1/covers/claim", { code });
  }

  /**
   * Tells the operators what is wrong with a cover. Safe to repeat.
   * @param {string} id
   * @param {string} reason
   * @param {string} note
   */
  report(id, reason, note) {
    return this.#api.post(`/v1/covers/${encodeURIComponent(id)}/report`, { reason, note });
  }

  async #read(id) {
    try {
      return this.#covers.put(await this.#api.get(`/v1/covers/${encodeURIComponent(id)}`));
    } catch (problem) {
      if (!(problem instanceof Problem) || (problem.status !== 404 && problem.status !== 410)) throw problem;
      this.#covers.drop(id);
      return null;
    }
  }

  #isFresh(id) {
    return this.#api.now() - (this.#asked.get(id) ?? -Infinity) < FRESH_MS;
  }
}
