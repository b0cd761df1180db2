// What the page does with the API about the wallet.

import { newRequestId } from "../core/api.js";

const CREDIT_BACKOFFS_MS = [120, 250, 500, 1000, 2000, 4000]; // a credit reaches the wallet within moments

export class WalletActions {
  #api;
  #balances;
  /** @type {Map<string, any>} the first page of each list as it was last read, for a wallet that is opened offline */
  firsts = new Map();

  /** @param {import("../core/api.js").Api} api @param {import("./balances.js").Balances} balances */
  constructor(api, balances) {
    this.#api = api;
    this.#balances = balances;
  }

  /** Reads the balances. Returns them. @returns {Promise<{currency: string, amount: number}[]>} */
  async read() {
    const { balances } = await this.#api.wallet();
    this.#balances.set(balances ?? []);
    return balances ?? [];
  }

  /**
   * Reads the balance until it differs from what it was before a credit that is on its way.
   * @param {string} currency
   * @param {number} [before] what it was; without it, what is known now
   * @returns {Promise<boolean>} whether it came
   */
  async awaitCredit(currency, before = this.#balances.of(currency)) {
    for (const backoff of CREDIT_BACKOFFS_MS) {
      const balances = await this.read(); // what is shown may be sealed
      if ((balances.find((b) => b.currency === currency)?.amount ?? 0) !== before) return true;
      await new Promise((resolve) => setTimeout(resolve, backoff));
    }
    return false;
  }

  /** @param {number} amount minor units @param {string} currency @param {string} [requestId] */
  async topUp(amount, currency, requestId = newRequestId()) {
    const answer = await this.#api.topUp({ request_id: requestId, amount, currency });
    await this.read();
    return answer;
  }
}
