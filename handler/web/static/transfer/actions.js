// What the page does with the API about transfers: each action takes the answer into the state.

import { Problem } from "../core/api.js";

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
  }

  /** Reads the newest transfers from and to oneself. */
  async list() {
    const [sent, received] = await Promise.all([this.#api.transfersSent(), this.#api.transfersReceived()]);
    for (const dto of [...(sent.transfers ?? []), ...(received.transfers ?? [])]) this.#transfers.put(dto);
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
      ({ transfer } = this.#transfers.put(await this.#api.transfer(id)));
      if (!REACHED[step].includes(transfer.state)) throw problem;
    }
    if (transfer.state === "arrived") await this.#wallet.awaitCredit(currency, before);
    else await this.#wallet.read();
  }
}
