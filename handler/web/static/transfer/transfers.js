// What the page knows of transfers. Events and answers come in any order and more than once; a transfer only ever moves
// on, so what is further along is kept:
//
//   offered ─▶ accepted ─▶ arrived      and from either of the first two also to recalled,
//      └─▶ arrived, declined, expired   from offered by accepting at once or not at all

/** @typedef {Readonly<{id: string, sender: string, to: string, amount: number, currency: string, note: string,
 *   state: string, arrivesIn: string, createdAt: number, expiresAt: number, arrivesAt: number, changedAt: number}>} Transfer */

const FINAL = 2;
const STAGES = { offered: 0, accepted: 1, arrived: FINAL, declined: FINAL, expired: FINAL, recalled: FINAL };

export class Transfers {
  /** @type {Map<string, Transfer>} */
  #all = new Map();
  #me;
  #now;
  #changes;

  /**
   * @param {string} me
   * @param {() => number} now the server's time
   * @param {{tell: (kind: "transfer", id: string) => void}} changes
   */
  constructor(me, now, changes) {
    this.#me = me;
    this.#now = now;
    this.#changes = changes;
  }

  get(id) {
    return this.#all.get(id);
  }

  /**
   * Takes in what the API or an event says of a transfer.
   * @returns {{transfer: Transfer, moved: boolean}} moved: that it is in this state was not known before
   */
  put(dto) {
    const id = dto.id ?? dto.transfer_id;
    const known = this.#all.get(id);
    if (known && !(STAGES[dto.state] > STAGES[known.state])) return { transfer: known, moved: false };
    const transfer = Object.freeze({
      id,
      sender: dto.sender,
      to: dto.to,
      amount: dto.amount,
      currency: dto.currency,
      note: dto.note ?? "",
      state: dto.state,
      arrivesIn: dto.arrives_in,
      createdAt: dto.created_at,
      expiresAt: dto.expires_at,
      arrivesAt: dto.arrives_at ?? 0,
      changedAt: dto.changed_at,
    });
    this.#all.set(id, transfer);
    this.#changes.tell("transfer", id);
    return { transfer, moved: true };
  }

  /** Who is on the other side. */
  other(transfer) {
    return transfer.sender === this.#me ? transfer.to : transfer.sender;
  }

  /** The transfers with a person, in no order. */
  with(person) {
    return [...this.#all.values()].filter((t) => this.other(t) === person);
  }

  /** The state as of now. The server moves what is due within moments; until it says so nothing may be done with it. */
  standing(transfer) {
    if (transfer.state === "offered" && this.#now() >= transfer.expiresAt) return "expired";
    if (transfer.state === "accepted" && this.#now() >= transfer.arrivesAt) return "arriving";
    return transfer.state;
  }

  /** Which steps are mine to take now. */
  may(transfer) {
    const standing = this.standing(transfer);
    const mine = transfer.sender === this.#me;
    return {
      answer: !mine && standing === "offered",
      recall: mine && (standing === "offered" || standing === "accepted"),
    };
  }

  /** When it next changes by itself, 0 where it does not. */
  deadline(transfer) {
    return { offered: transfer.expiresAt, accepted: transfer.arrivesAt }[this.standing(transfer)] ?? 0;
  }

  /** Tells of transfers whose time has come since a moment. @param {number} before Unix ms */
  tick(before) {
    for (const t of this.#all.values()) {
      if (STAGES[t.state] >= FINAL) continue;
      const at = t.state === "offered" ? t.expiresAt : t.arrivesAt;
      if (at > before && at <= this.#now()) this.#changes.tell("transfer", t.id);
    }
  }
}
