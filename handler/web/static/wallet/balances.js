// What one owns, in minor units by currency.

export class Balances {
  /** @type {Map<string, number>} */
  #all = new Map();
  /** @type {{currency: string, amount: number}[]|null} */
  #kept = null; // what came in while the balances are sealed
  #sealed = false;
  #isRead = false;
  #changes;

  /** @param {import("../core/changes.js").Changes} changes */
  constructor(changes) {
    this.#changes = changes;
  }

  /** Whether anything is known. */
  get known() {
    return this.#all.size > 0;
  }

  /** Whether they were read at all; there may be none. */
  get isRead() {
    return this.#isRead;
  }

  /** @param {string} currency */
  of(currency) {
    return this.#all.get(currency) ?? 0;
  }

  /** All currencies that there is an account in, with its balance. */
  list() {
    return [...this.#all].map(([currency, amount]) => ({ currency, amount }));
  }

  /** @param {{currency: string, amount: number}[]} list */
  set(list) {
    this.#isRead = true;
    if (this.#sealed) {
      this.#kept = list;
      return;
    }
    this.#all = new Map(list.map((b) => [b.currency, b.amount]));
    this.#changes.tell("balances");
  }

  /**
   * Keeps back every change until the returned function is called: while a coin turns, the balance may not tell what
   * was in the envelope.
   */
  seal() {
    this.#sealed = true;
    return () => {
      this.#sealed = false;
      if (this.#kept) this.set(this.#kept);
      this.#kept = null;
    };
  }
}
