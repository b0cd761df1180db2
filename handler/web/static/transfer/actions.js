// What the page does with the API about transfers: each action takes the answer into the state.

import { Problem } from "../core/api.js";
import { Pages } from "../core/pages.js";

// What a step leads to. Asked again after an answer got lost, the server says that it was made: that is a success.
const REACHED = {
  accept: ["accepted", "arrived"],
  decline: ["declined"],
  recall: ["recalled"],
};

export class TransferActions {
  #api;
  #transfers;
  #balances;
  #wallet;
  #lists;

  /**
   * @param {import("../core/api.js").Api} api
   * @param {import("./transfers.js").Transfers} transfers
   * @param {import("../wallet/balances.js").Balances} balances
   * @param {import("../wallet/actions.js").WalletActions} wallet
   */
  constructor(api, transfers, balances, wallet) {
    this.#api = api;
    this.#transfers = transfers;
    this.#balances = balances;
    this.#wallet = wallet;
    this.#lists = [
      new Pages((cursor) => api.transfersSent(cursor)),
      new Pages((cursor) => api.transfersReceived(cursor)),
    ];
  }

  /** Reads the newest transfers from and to oneself. */
  async list() {
    this.#put(await Promise.all(this.#lists.map((list) => list.newest())));
  }

  /** Whether there are transfers that were not read. */
  get hasOlder() {
    return this.#lists.some((list) => list.hasMore);
  }

  /** Reads older transfers, with everybody. */
  async older() {
    this.#put(await Promise.all(this.#lists.map((list) => list.next())));
  }

  /** Reads a transfer, wherever it stands in the lists. @param {string} id */
  async read(id) {
    return this.#transfers.put(await this.#api.transfer(id)).transfer;
  }

  #put(pages) {
    for (const dto of pages.flatMap((page) => page?.transfers ?? [])) this.#transfers.put(dto);
  }

  /** Offers a transfer. body holds the request_id, so that calling again with the same body offers it once. */
  async offer(body) {
    const { transfer } = this.#transfers.put(await this.#api.offer(body));
    await this.#wallet.read();
    return transfer;
  }

  /**
   * Takes a step.
   * @param {string} id
   * @param {"accept"|"decline"|"recall"} step
   * @throws {Problem} where something else happened first; the state then knows what
   */
  async step(id, step) {
    const currency = this.#transfers.get(id)?.currency ?? "";
    const before = this.#balances.of(currency);
    let transfer;
    try {
      ({ transfer } = this.#transfers.put(await this.#api.step(id, step)));
    } catch (problem) {
      if (!(problem instanceof Problem) || problem.status !== 409) throw problem;
      transfer = await this.read(id);
      if (!REACHED[step].includes(transfer.state)) throw problem;
    }
    if (transfer.state === "arrived") await this.#wallet.awaitCredit(currency, before);
    else await this.#wallet.read();
  }
}
