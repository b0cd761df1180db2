// What the page does with the API about transfers and collections: each action takes the answer into the store.

import { Problem } from "./api.js";

const AT_ONCE = 4; // collections asked for at the same time

// What a step leads to. Asked again after an answer got lost, the server says that it was made: that is a success.
const REACHED = {
  accept: ["accepted", "arrived"],
  decline: ["declined"],
  recall: ["recalled"],
};

export class Social {
  #api;
  #store;
  #actions;
  #asking = new Map(); // collection id → the answer under way

  constructor(api, store, actions) {
    this.#api = api;
    this.#store = store;
    this.#actions = actions;
  }

  /** Reads the newest transfers from and to oneself. Returns them. */
  async transfers() {
    const [sent, received] = await Promise.all([this.#api.transfersSent(), this.#api.transfersReceived()]);
    return [...(sent.transfers ?? []), ...(received.transfers ?? [])].map((dto) => this.#store.transfers.put(dto));
  }

  /** Reads a transfer, for what has happened to it. */
  async transfer(id) {
    return this.#store.transfers.put(await this.#api.transfer(id)).transfer;
  }

  /** Offers a transfer. body holds the request_id, so that calling again with the same body offers it once. */
  async offer(body) {
    const { transfer } = this.#store.transfers.put(await this.#api.offer(body));
    await this.#actions.balances();
    return transfer;
  }

  /**
   * Takes a step: accept, decline or recall.
   * @throws {Problem} where something else happened first; the store then knows what
   */
  async step(id, step) {
    const before = this.#money(this.#store.transfers.get(id)?.currency);
    let transfer;
    try {
      ({ transfer } = this.#store.transfers.put(await this.#api.step(id, step)));
    } catch (problem) {
      if (!(problem instanceof Problem) || problem.status !== 409) throw problem;
      transfer = await this.transfer(id);
      if (!REACHED[step].includes(transfer.state)) throw problem;
    }
    if (transfer.state === "arrived") await this.#actions.awaitCredit(transfer.currency, before);
    else await this.#actions.balances();
  }

  /** Reads a collection. Calls for the same one that come together share one request. */
  collection(id) {
    if (!this.#asking.has(id)) {
      const answer = this.#api.collection(id).then((dto) => this.#store.collections.put(dto));
      this.#asking.set(
        id,
        answer.finally(() => this.#asking.delete(id)),
      );
    }
    return this.#asking.get(id);
  }

  /** Reads the newest collections of a group: those that are not known, and of the others those that can change. */
  async collections(group) {
    const { collections } = await this.#api.collections(group);
    const stale = (id) => (this.#store.collections.get(id)?.state ?? "open") === "open";
    const queue = (collections ?? []).map((line) => line.collection_id).filter(stale);
    const worker = async () => {
      for (let id = queue.shift(); id; id = queue.shift()) await this.collection(id);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }

  /** Opens a collection. body holds the request_id, as with offer. */
  async open(body) {
    return this.#store.collections.put(await this.#api.openCollection(body));
  }

  /** Pays a part. Calling again goes on where it stopped, and pays once. */
  async pay(id, part, currency) {
    try {
      this.#store.collections.put(await this.#api.payCollection(id, { amount: part.amount, currency }));
    } catch (problem) {
      if (!(problem instanceof Problem) || problem.status !== 409) throw problem;
      const now = await this.collection(id);
      if (now.parts.get(this.#store.me)?.state !== "paid") throw problem;
    }
    await this.#actions.balances();
  }

  async close(id) {
    try {
      this.#store.collections.put(await this.#api.closeCollection(id));
    } catch (problem) {
      if (problem instanceof Problem && problem.status === 409) await this.collection(id);
      throw problem;
    }
  }

  #money(currency) {
    return this.#store.balances.get(currency) ?? 0;
  }
}
