// What the page does with the API about envelopes: each action takes the answer into the state.

import { Problem } from "../core/api.js";
import { remember, seen } from "./memory.js";

const ENVELOPES_AT_ONCE = 4; // asked for at the same time

export class EnvelopeActions {
  #me;
  #api;
  #envelopes;
  #wallet;
  /** @type {Map<string, Promise<void>>} */
  #asking = new Map(); // envelope id → the answer under way

  /**
   * @param {string} me
   * @param {import("../core/api.js").Api} api
   * @param {import("./envelopes.js").Envelopes} envelopes
   * @param {import("../wallet/actions.js").WalletActions} wallet
   */
  constructor(me, api, envelopes, wallet) {
    this.#me = me;
    this.#api = api;
    this.#envelopes = envelopes;
    this.#wallet = wallet;
  }

  /** Reads an envelope. Calls for the same one that come together share one request. @param {string} id */
  read(id) {
    const under = this.#asking.get(id);
    if (under) return under;
    const answer = this.#api
      .envelope(id)
      .then((dto) => this.#envelopes.put(dto))
      .finally(() => this.#asking.delete(id));
    this.#asking.set(id, answer);
    return answer;
  }

  /** Reads the newest envelopes that one sent or took part in, as far as they are not known yet. */
  async own() {
    const [sent, received] = await Promise.all([this.#api.sent(), this.#api.received()]);
    const ids = [...(sent.envelopes ?? []), ...(received.shares ?? [])].map((line) => line.envelope_id);
    await this.#all(ids.filter((id) => !this.#envelopes.has(id)));
  }

  /**
   * Reads the envelopes that this browser saw in a group before, as far as they are not known yet.
   * @param {string} group
   */
  async before(group) {
    await this.#all(seen(this.#me, group).filter((id) => !this.#envelopes.has(id)));
    remember(
      this.#me,
      group,
      this.#envelopes.of(group).map((e) => e.id),
    );
  }

  /** Reads the envelopes of a group again, after something may have been missed. @param {string} group */
  async reload(group) {
    const stale = this.#envelopes.of(group).filter((e) => !e.closed);
    await Promise.all([this.#all(stale.map((e) => e.id)), this.own()]);
  }

  /** Takes a share, if there is one left. Returns the server's answer. @param {string} id */
  async grab(id) {
    const answer = await this.#api.grab(id);
    if (answer.outcome === "won" || answer.outcome === "already_won") {
      this.#envelopes.won(id, { user: this.#me, share: answer.share, amount: answer.amount, at: this.#api.now() });
    }
    return answer;
  }

  /** Sends an envelope. body holds the request_id, so that calling again with the same body sends it once. */
  async send(body) {
    this.#envelopes.put(await this.#api.send(body));
    await this.#wallet.read();
  }

  /** @param {string[]} ids */
  async #all(ids) {
    const queue = [...new Set(ids)];
    const worker = async () => {
      for (let id = queue.shift(); id; id = queue.shift()) {
        try {
          await this.read(id);
        } catch (problem) {
          // One that may not be seen any more (its group was left) is not shown; the others are.
          if (!(problem instanceof Problem) || (problem.status !== 403 && problem.status !== 404)) throw problem;
        }
      }
    };
    await Promise.all(Array.from({ length: ENVELOPES_AT_ONCE }, worker));
  }
}
