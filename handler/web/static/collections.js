// What the page knows of group collections. As with envelopes, all that comes is merged: a part that was paid stays paid,
// and a collection that is complete or closed stays so.

/** @typedef {{user: string, amount: number, state: "due"|"claimed"|"paid"|"own", at: number}} Part */
/** @typedef {{id: string, group: string, collector: string, kind: string, currency: string, total: number, due: number,
 *   collected: number, note: string, state: "open"|"complete"|"closed", createdAt: number, remindAt: number,
 *   parts: Map<string, Part>}} Collection */

export class Collections {
  /** @type {Map<string, Collection>} */
  #all = new Map();
  #me;
  #now;
  #changed;

  /** @param {string} me @param {() => number} now the server's time @param {(id: string) => void} changed */
  constructor(me, now, changed) {
    this.#me = me;
    this.#now = now;
    this.#changed = changed;
  }

  get(id) {
    return this.#all.get(id);
  }

  has(id) {
    return this.#all.has(id);
  }

  /** The collections of a group, in no order. */
  of(group) {
    return [...this.#all.values()].filter((c) => c.group === group);
  }

  /** Takes in what the API says of a collection. */
  put(dto) {
    const known = this.#all.get(dto.id);
    const parts = new Map();
    for (const p of dto.parts) {
      const before = known?.parts.get(p.user_id);
      const part = { user: p.user_id, amount: p.amount, state: p.state, at: p.at };
      parts.set(p.user_id, before?.state === "paid" && part.state !== "paid" ? before : part);
    }
    const collection = {
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
    };
    this.#all.set(dto.id, collection);
    this.#changed(dto.id);
    return collection;
  }

  /**
   * Takes in an event.
   * @returns {boolean} false where the collection is not known: ask the API for it
   */
  apply(event) {
    const c = this.#all.get(event.collection_id);
    if (!c) return false;
    if (event.type === "collection.paid") {
      const part = c.parts.get(event.user_id);
      if (part && part.state !== "paid") c.parts.set(event.user_id, { ...part, state: "paid", at: this.#now() });
    }
    c.collected = Math.max(c.collected, event.collected ?? 0);
    if (c.state === "open" && event.state) c.state = event.state;
    this.#changed(c.id);
    return true;
  }

  /** The part that I am asked for and have not paid, while it can be paid; otherwise undefined. */
  owed(collection) {
    const part = collection.parts.get(this.#me);
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
}

/** Who is to pay, in the order of their ids. The collector's own part is not among them. */
export function payers(collection) {
  return [...collection.parts.values()].filter((p) => p.state !== "own");
}

/** Who has paid, the earliest first. */
export function paid(collection) {
  return payers(collection)
    .filter((p) => p.state === "paid")
    .sort((a, b) => a.at - b.at);
}
