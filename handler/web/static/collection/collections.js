// What the page knows of group collections. As with envelopes, all that comes is merged: a part that was paid stays
// paid, and a collection that is complete or closed stays so. What is handed out is frozen: a change makes a new one.

/** @typedef {Readonly<{user: string, amount: number, state: "due"|"claimed"|"paid"|"own", at: number,
 *   payment: string}>} Part  payment is the reference of a statement's entry; "0" until it is known
 */
/**
 * @typedef {Readonly<{id: string, group: string, collector: string, kind: string, currency: string, total: number,
 *   due: number, collected: number, note: string, state: "open"|"complete"|"closed", createdAt: number, remindAt: number,
 *   parts: readonly Part[]}>} Collection
 */

export class Collections {
  /** @type {Map<string, Collection>} */
  #all = new Map();
  #me;
  #now;
  #changes;

  /**
   * @param {string} me
   * @param {() => number} now the server's time
   * @param {{tell: (kind: "collection", id: string) => void}} changes
   */
  constructor(me, now, changes) {
    this.#me = me;
    this.#now = now;
    this.#changes = changes;
  }

  get(id) {
    return this.#all.get(id);
  }

  /** The one that a payment was for, if it is known. @param {string} payment */
  ofPayment(payment) {
    return [...this.#all.values()].find((c) => c.parts.some((part) => part.payment === payment));
  }

  /** Those with payments of which an event told, which does not say which they were. */
  unnamed() {
    return [...this.#all.values()].filter((c) => c.parts.some((p) => p.state === "paid" && p.payment === "0"));
  }

  /** The collections of a group, in no order. */
  of(group) {
    return [...this.#all.values()].filter((c) => c.group === group);
  }

  /** Takes in what the API says of a collection. */
  put(dto) {
    const known = this.#all.get(dto.id);
    /** @type {Part[]} */
    const parts = dto.parts.map((p) => {
      const before = known && partOf(known, p.user_id);
      if (before?.state === "paid" && p.state !== "paid") return before;
      return { user: p.user_id, amount: p.amount, state: p.state, at: p.at, payment: p.payment_id ?? "0" };
    });
    return this.#set({
      id: dto.id,
      group: dto.group_id,
      collector: dto.collector,
      kind: dto.kind,
      currency: dto.currency,
      total: dto.total,
      due: dto.due,
      collected: Math.max(dto.collected, known?.collected ?? 0),
      note: dto.note ?? "",
      state: known && known.state !== "open" ? known.state : dto.state,
      createdAt: dto.created_at,
      remindAt: dto.remind_at,
      parts,
    });
  }

  /**
   * Takes in an event.
   * @returns {boolean} false where the collection is not known: ask the API for it
   */
  apply(event) {
    const c = this.#all.get(event.collection_id);
    if (!c) return false;
    /** @type {(part: Part) => Part} */
    const payNow = (part) => ({ ...part, state: "paid", at: this.#now() });
    const pays = (part) => event.type === "collection.paid" && part.user === event.user_id && part.state !== "paid";
    this.#set({
      ...c,
      parts: c.parts.map((part) => (pays(part) ? payNow(part) : part)),
      collected: Math.max(c.collected, event.collected ?? 0),
      state: c.state === "open" && event.state ? event.state : c.state,
    });
    return true;
  }

  /** My part, if I have one. */
  mine(collection) {
    return partOf(collection, this.#me);
  }

  /** The part that I am asked for and have not paid, while it can be paid; otherwise undefined. */
  owed(collection) {
    const part = this.mine(collection);
    const open = collection.state === "open" || part?.state === "claimed"; // a payment that had begun may end
    return open && (part?.state === "due" || part?.state === "claimed") ? part : undefined;
  }

  /** Whether I owe, and have been reminded. */
  overdue(collection) {
    return Boolean(this.owed(collection)) && this.#now() >= collection.remindAt;
  }

  /** Whether I may close it. */
  mayClose(collection) {
    return collection.collector === this.#me && collection.state === "open";
  }

  /** Tells of collections whose reminder has come since a moment. @param {number} before Unix ms */
  tick(before) {
    for (const c of this.#all.values()) {
      if (c.remindAt > before && c.remindAt <= this.#now()) this.#changes.tell("collection", c.id);
    }
  }

  /** @param {Collection} collection */
  #set(collection) {
    for (const part of collection.parts) Object.freeze(part);
    Object.freeze(collection.parts);
    Object.freeze(collection);
    this.#all.set(collection.id, collection);
    this.#changes.tell("collection", collection.id);
    return collection;
  }
}

/** A user's part, if there is one. @param {Collection} collection @param {string} user */
export function partOf(collection, user) {
  return collection.parts.find((part) => part.user === user);
}

/** Who is to pay, in the order of their ids. The collector's own part is not among them. */
export function payers(collection) {
  return collection.parts.filter((p) => p.state !== "own");
}

/** Who has paid, the earliest first. */
export function paid(collection) {
  return payers(collection)
    .filter((p) => p.state === "paid")
    .sort((a, b) => a.at - b.at);
}
