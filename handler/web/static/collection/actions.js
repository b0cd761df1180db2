// What the page does with the API about collections: each action takes the answer into the state.

import { Problem } from "../core/api.js";
import { Pages } from "../core/pages.js";
import { partOf } from "./collections.js";

const AT_ONCE = 4; // collections asked for at the same time
const OLDER_AT_MOST = 20; // pages of a group in which a payment is looked for

/** @typedef {import("./collections.js").Collection} Collection */

export class CollectionActions {
  #me;
  #api;
  #collections;
  #wallet;
  /** @type {Map<string, Promise<Collection>>} */
  #asking = new Map(); // collection id → the answer under way
  /** @type {Map<string, Pages<any>>} */
  #lists = new Map(); // by group

  /**
   * @param {string} me
   * @param {import("../core/api.js").Api} api
   * @param {import("./collections.js").Collections} collections
   * @param {import("../wallet/actions.js").WalletActions} wallet
   */
  constructor(me, api, collections, wallet) {
    this.#me = me;
    this.#api = api;
    this.#collections = collections;
    this.#wallet = wallet;
  }

  /** Reads a collection. Calls for the same one that come together share one request. @param {string} id */
  read(id) {
    const under = this.#asking.get(id);
    if (under) return under;
    const answer = this.#api
      .collection(id)
      .then((dto) => this.#collections.put(dto))
      .finally(() => this.#asking.delete(id));
    this.#asking.set(id, answer);
    return answer;
  }

  /** Reads the newest collections of a group: those that are not known, and of the others those that can change. */
  async list(group) {
    await this.#take(await this.#of(group).newest());
  }

  /** Whether a group has collections that were not read. @param {string} group */
  hasOlder(group) {
    return this.#of(group).hasMore;
  }

  /** Reads older collections of a group. @param {string} group */
  async older(group) {
    await this.#take(await this.#of(group).next());
  }

  /**
   * The collection that a payment was for: one that is known, or else one in the lists of groups.
   * @param {string} payment the reference of a statement's entry
   * @param {readonly string[]} groups
   * @returns {Promise<Collection|undefined>}
   */
  async ofPayment(payment, groups) {
    const found = () => this.#collections.ofPayment(payment);
    if (!found()) await this.#read(this.#collections.unnamed().map((c) => c.id));
    for (const group of groups) {
      if (found()) break;
      await this.list(group);
      for (let page = 0; !found() && this.hasOlder(group) && page < OLDER_AT_MOST; page++) await this.older(group);
    }
    return found();
  }

  /** @param {string} group */
  #of(group) {
    const list = this.#lists.get(group) ?? new Pages((cursor) => this.#api.collections(group, cursor));
    this.#lists.set(group, list);
    return list;
  }

  async #take(page) {
    const stale = (id) => (this.#collections.get(id)?.state ?? "open") === "open";
    await this.#read((page?.collections ?? []).map((line) => line.collection_id).filter(stale));
  }

  /** @param {string[]} ids */
  async #read(ids) {
    const queue = [...ids];
    const worker = async () => {
      for (let id = queue.shift(); id; id = queue.shift()) await this.read(id);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }

  /** Opens a collection. body holds the request_id, so that calling again with the same body opens it once. */
  async open(body) {
    return this.#collections.put(await this.#api.openCollection(body));
  }

  /** Pays a part. Calling again goes on where it stopped, and pays once. */
  async pay(id, part, currency) {
    try {
      this.#collections.put(await this.#api.payCollection(id, { amount: part.amount, currency }));
    } catch (problem) {
      if (!(problem instanceof Problem) || problem.status !== 409) throw problem;
      const now = await this.read(id);
      if (partOf(now, this.#me)?.state !== "paid") throw problem;
    }
    await this.#wallet.read();
  }

  async close(id) {
    try {
      this.#collections.put(await this.#api.closeCollection(id));
    } catch (problem) {
      if (problem instanceof Problem && problem.status === 409) await this.read(id);
      throw problem;
    }
  }
}
