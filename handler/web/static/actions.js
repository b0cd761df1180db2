// What the page does with the API: each action takes the answer into the store.

import { Directory, devToken, newRequestId } from "./api.js";
import { remember, seen } from "./memory.js";

const ENVELOPES_AT_ONCE = 4; // asked for at the same time
const CREDIT_PAUSES_MS = [120, 250, 500, 1000, 2000, 4000]; // a share reaches the wallet within moments

export class Actions {
  #api;
  #store;
  #asking = new Map(); // envelope id → the answer under way

  constructor(api, store) {
    this.#api = api;
    this.#store = store;
  }

  /** Reads the groups one is in. Returns those that are new and those that are gone. */
  async groups() {
    const { group_ids: ids } = await this.#api.groups();
    return this.#store.setGroups(ids ?? []);
  }

  async members(group) {
    const { members } = await this.#api.members(group);
    this.#store.setMembers(group, members ?? []);
  }

  /** Reads the balances. Returns them. */
  async balances() {
    const { balances } = await this.#api.wallet();
    this.#store.setBalances(balances ?? []);
    return balances ?? [];
  }

  /** Reads the balance until it differs from what it was before a credit that is on its way. */
  async awaitCredit(currency, before) {
    for (const pause of CREDIT_PAUSES_MS) {
      const balances = await this.balances(); // the store may have to keep them back
      if ((balances.find((b) => b.currency === currency)?.amount ?? 0) !== before) return true;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    return false;
  }

  /** Reads an envelope. Calls for the same one that come together share one request. */
  envelope(id) {
    if (!this.#asking.has(id)) {
      const answer = this.#api.envelope(id).then((dto) => this.#store.put(dto));
      this.#asking.set(
        id,
        answer.finally(() => this.#asking.delete(id)),
      );
    }
    return this.#asking.get(id);
  }

  /** Reads the newest envelopes that one sent or took part in, as far as they are not known yet. */
  async own() {
    const [sent, received] = await Promise.all([this.#api.sent(), this.#api.received()]);
    const ids = [...(sent.envelopes ?? []), ...(received.shares ?? [])].map((line) => line.envelope_id);
    await this.#envelopes(ids.filter((id) => !this.#store.envelopes.has(id)));
  }

  /** Reads the envelopes that this browser saw in a group before, as far as they are not known yet. */
  async before(group) {
    await this.#envelopes(seen(this.#store.me, group).filter((id) => !this.#store.envelopes.has(id)));
    remember(
      this.#store.me,
      group,
      this.#store.feed(group).map((e) => e.id),
    );
  }

  /** Reads a group again, after something may have been missed. */
  async reload(group) {
    const stale = this.#store.feed(group).filter((e) => !e.closed);
    await Promise.all([this.members(group), this.balances(), this.#envelopes(stale.map((e) => e.id)), this.own()]);
  }

  async grab(id) {
    const answer = await this.#api.grab(id);
    if (answer.outcome === "won" || answer.outcome === "already_won") {
      this.#store.won(id, { user: this.#store.me, share: answer.share, amount: answer.amount, at: this.#api.now() });
    }
    return answer;
  }

  /** Sends an envelope. body holds the request_id, so that calling again with the same body sends it once. */
  async send(body) {
    const envelope = this.#store.put(await this.#api.send(body));
    await this.balances();
    return envelope;
  }

  async topUp(amount, currency, requestId = newRequestId()) {
    const answer = await this.#api.topUp({ request_id: requestId, amount, currency });
    await this.balances();
    return answer;
  }

  /** Development only: makes a group of oneself and others, or joins it together with them where it exists. */
  async startGroup(group, others) {
    const directory = new Directory(await devToken(this.#store.me, ["service"]));
    const members = [...new Set([this.#store.me, ...others])];
    try {
      await directory.create(group, members);
    } catch (problem) {
      if (problem.code !== "group_exists") throw problem;
      for (const user of members) await directory.add(group, user);
    }
    await this.groups();
  }

  async #envelopes(ids) {
    const queue = [...new Set(ids)];
    const worker = async () => {
      for (let id = queue.shift(); id; id = queue.shift()) {
        try {
          await this.envelope(id);
        } catch (problem) {
          // One that may not be seen any more (its group was left) is not shown; the others are.
          if (problem.status !== 403 && problem.status !== 404) throw problem;
        }
      }
    };
    await Promise.all(Array.from({ length: ENVELOPES_AT_ONCE }, worker));
  }
}
