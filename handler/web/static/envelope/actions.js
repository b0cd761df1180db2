// What the page does with the API about envelopes: each action takes the answer into the state.

import { Problem } from "../core/api.js";
import { Pages } from "../core/pages.js";
import { remember, seen } from "./memory.js";

const ENVELOPES_AT_ONCE = 4; // asked for at the same time
const BATCH = 30; // of remembered envelopes

/**
 * Takes a share over a connection that is open anyway; null where that is not possible: then the API is asked.
 * @typedef {(id: string) => Promise<{outcome: string, amount: number, currency: string, share: number}|null>} QuickGrab
 */

export class EnvelopeActions {
  #me;
  #api;
  #quickGrab;
  #envelopes;
  #wallet;
  /** @type {Map<string, Promise<void>>} */
  #asking = new Map(); // envelope id → the answer under way
  #shown = new Set(); // groups whose newest remembered envelopes were read
  #gone = new Set(); // ids of envelopes that may not be seen any more
  #sent;
  #received;

  /**
   * @param {string} me
   * @param {import("../core/api.js").Api} api
   * @param {QuickGrab} quickGrab
   * @param {import("./envelopes.js").Envelopes} envelopes
   * @param {import("../wallet/actions.js").WalletActions} wallet
   */
  constructor(me, api, quickGrab, envelopes, wallet) {
    this.#me = me;
    this.#api = api;
    this.#quickGrab = quickGrab;
    this.#envelopes = envelopes;
    this.#wallet = wallet;
    this.#sent = new Pages((cursor) => api.sent(cursor));
    this.#received = new Pages((cursor) => api.received(cursor));
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
    await this.#listed(await Promise.all([this.#sent.newest(), this.#received.newest()]));
  }

  /** Whether there are envelopes of a group that were not read, or may be. @param {string} group */
  hasOlder(group) {
    return this.#remembered(group).length > 0 || this.#sent.hasMore || this.#received.hasMore;
  }

  /**
   * Reads older envelopes of a group: those that this browser saw, then those that one sent or took part in. The server
   * lists no others.
   * @param {string} group
   */
  async older(group) {
    const known = this.#envelopes.of(group).length;
    await this.#all(this.#remembered(group).slice(-BATCH));
    this.remember(group);
    while (this.#envelopes.of(group).length === known && (this.#sent.hasMore || this.#received.hasMore)) {
      await this.#listed(await Promise.all([this.#sent.next(), this.#received.next()]));
    }
  }

  /**
   * Reads, once, the newest envelopes that this browser saw in a group before, as far as they are not known yet.
   * @param {string} group
   */
  async before(group) {
    if (this.#shown.has(group)) return;
    this.#shown.add(group);
    await this.#all(this.#remembered(group).slice(-BATCH));
    this.remember(group);
  }

  /** Remembers in this browser which envelopes a group has. @param {string} group */
  remember(group) {
    const ids = [...this.#remembered(group), ...this.#envelopes.of(group).map((e) => e.id)];
    remember(this.#me, group, ids);
  }

  /** Reads the envelopes of a group again, after something may have been missed. @param {string} group */
  async reload(group) {
    const stale = this.#envelopes.of(group).filter((e) => !e.closed);
    await Promise.all([this.#all(stale.map((e) => e.id)), this.own()]);
  }

  /** Takes a share, if there is one left. Returns the server's answer. @param {string} id */
  async grab(id) {
    const answer = (await this.#quickGrab(id)) ?? (await this.#api.grab(id));
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

  // The ids of envelopes that this browser saw in a group and that are not known here, oldest first.
  #remembered(group) {
    return seen(this.#me, group).filter((id) => !this.#envelopes.has(id) && !this.#gone.has(id));
  }

  #listed([sent, received]) {
    const ids = [...(sent?.envelopes ?? []), ...(received?.shares ?? [])].map((line) => line.envelope_id);
    return this.#all(ids.filter((id) => !this.#envelopes.has(id)));
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
          this.#gone.add(id);
        }
      }
    };
    await Promise.all(Array.from({ length: ENVELOPES_AT_ONCE }, worker));
  }
}
