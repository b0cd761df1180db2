// The merchants of which one is a member, with one's role.

/** @typedef {{id: string, name: string, legal_id: string, country: string, mcc: string, contact: string, currencies: string[], state: string, applicant: string, created_at: number, changed_at: number, role: string, test_ahead_ms: number}} Merchant */

export class Merchants {
  #api;
  /** @type {Merchant[]} */
  #all = [];

  /** @param {import("./api.js").MerchantApi} api */
  constructor(api) {
    this.#api = api;
  }

  /** As they were last read, newest first. */
  list() {
    return this.#all;
  }

  /** @param {string} id */
  get(id) {
    return this.#all.find((m) => m.id === id);
  }

  /** The role that one has in a merchant; "" where one has none, as far as is known. @param {string} id */
  role(id) {
    return this.get(id)?.role ?? "";
  }

  /** How far the clock of a side is ahead of the installation's, in ms. @param {string} id @param {string} mode */
  ahead(id, mode) {
    return mode === "test" ? (this.get(id)?.test_ahead_ms ?? 0) : 0;
  }

  /** Takes in one that was made by whoever is here: lists know of it a moment later. @param {Merchant} made */
  add(made) {
    if (!this.get(made.id)) this.#all = [{ ...made, role: "owner" }, ...this.#all];
  }

  async read() {
    /** @type {Merchant[]} */
    let all = [];
    let cursor = "";
    do {
      const { merchants, next_cursor: next } = await this.#api.mine(cursor);
      all = [...all, ...(merchants ?? [])];
      cursor = next;
    } while (cursor);
    this.#all = all;
    return all;
  }
}
