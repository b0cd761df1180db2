// What the page knows of envelopes. Events and answers come in any order and more than once; all of it is merged by
// identity: an envelope by its id, a take by (envelope, user). Nothing that was taken is ever forgotten, nothing closed
// reopens. What is handed out is frozen: a change makes a new envelope.

/** @typedef {Readonly<{user: string, share: number, amount: number, at: number}>} Take */
/**
 * @typedef {Readonly<{id: string, group: string, sender: string, kind: string, total: number, count: number,
 *   currency: string, greeting: string, to: string, createdAt: number, expiresAt: number, commitment: string,
 *   seed: string, closed: ""|"drained"|"expired", taken: readonly Take[], best: string, refunded: number,
 *   cover: string}>} Envelope
 *   taken is in the order in which it happened; best is a user id, empty until known; cover is an id, empty for none
 */

export class Envelopes {
  /** @type {Map<string, Envelope>} */
  #all = new Map();
  /** @type {{id: string, waiting: (() => void)[]}|null} */
  #seal = null;
  #me;
  #now;
  #fresh;
  #changes;

  /**
   * @param {string} me
   * @param {() => number} now the server's time
   * @param {(at: number) => boolean} fresh whether something of this time is news
   * @param {{tell: (kind: "envelope", id: string) => void}} changes
   */
  constructor(me, now, fresh, changes) {
    this.#me = me;
    this.#now = now;
    this.#fresh = fresh;
    this.#changes = changes;
  }

  /** @param {string} id */
  get(id) {
    return this.#all.get(id);
  }

  /** @param {string} id */
  has(id) {
    return this.#all.has(id);
  }

  /** A group's envelopes, oldest first. @param {string} group */
  of(group) {
    return [...this.#all.values()].filter((e) => e.group === group).sort(bySending);
  }

  /** Tells of the envelopes that a cover is on, after its looks changed. @param {string} cover */
  dressed(cover) {
    for (const e of this.#all.values()) if (e.cover === cover) this.#changes.tell("envelope", e.id);
  }

  /** open, drained or expired, as of now. @param {Envelope} envelope */
  state(envelope) {
    if (envelope.closed) return envelope.closed;
    if (envelope.taken.length >= envelope.count) return "drained";
    return this.#now() >= envelope.expiresAt ? "expired" : "open";
  }

  /** What I took from it, if anything. @param {Envelope} envelope */
  mine(envelope) {
    return takeOf(envelope, this.#me);
  }

  /**
   * What I may still do with it: won, open, drained, expired, or reserved (for somebody else).
   * @param {Envelope} envelope
   */
  standing(envelope) {
    if (this.mine(envelope)) return "won";
    const state = this.state(envelope);
    if (state === "open" && envelope.kind === "exclusive" && envelope.to !== this.#me) return "reserved";
    return state;
  }

  /**
   * Keeps back what becomes known of an envelope until the returned function is called: while the coin turns, nothing
   * else may tell what was in it. One envelope at a time.
   * @param {string} id
   */
  seal(id) {
    const seal = { id, waiting: /** @type {(() => void)[]} */ ([]) };
    this.#seal = seal;
    return () => {
      if (this.#seal !== seal) return;
      this.#seal = null;
      for (const takeIn of seal.waiting) takeIn();
    };
  }

  /** Takes in what the API says of an envelope. */
  put(dto) {
    if (this.#keptBack(dto.id, () => this.put(dto))) return;
    const known = this.#all.get(dto.id);
    const taken = (dto.taken ?? []).map((t) => ({ user: t.user_id, share: t.share, amount: t.amount, at: t.at }));
    this.#set({
      // What was sent never changes, so what was seen first stays: a commitment cannot be exchanged later.
      ...(known ?? sent(dto)),
      taken: merge(known?.taken ?? [], taken),
      best: (dto.taken ?? []).find((t) => t.best)?.user_id ?? known?.best ?? "",
      closed: dto.state !== "open" ? dto.state : (known?.closed ?? ""),
      refunded: Math.max(known?.refunded ?? 0, dto.refunded ?? 0),
      seed: dto.seed ?? known?.seed ?? "",
    });
  }

  /** Takes in a share of one's own from the answer to a grab. @param {string} id @param {Take} take */
  won(id, take) {
    if (this.#keptBack(id, () => this.won(id, take))) return;
    const e = this.#all.get(id);
    // The server's time is better than what this page notes.
    if (e && !takeOf(e, take.user)) this.#set({ ...e, taken: merge(e.taken, [take]) });
  }

  /**
   * Takes in an event.
   * @returns {{missing: boolean, fresh: boolean}} missing: the envelope is not known, ask the API for it. fresh: it
   *   just happened and was not known before.
   */
  apply(event) {
    const id = event.envelope_id;
    if (event.type === "envelope.sent") {
      const known = this.#all.has(id);
      this.put({ ...event, id, state: "open" });
      return { missing: false, fresh: !known && this.#fresh(event.created_at) };
    }
    const e = this.#all.get(id);
    if (!e) return { missing: true, fresh: false };
    const fresh = event.type === "envelope.grabbed" && !takeOf(e, event.user_id) && this.#fresh(event.at);
    if (this.#keptBack(id, () => this.apply(event))) return { missing: false, fresh };
    switch (event.type) {
      case "envelope.grabbed": {
        const take = { user: event.user_id, share: event.share, amount: event.amount, at: event.at };
        this.#set({ ...e, taken: merge(e.taken, [take]) });
        break;
      }
      case "envelope.drained":
        this.#set({ ...e, closed: "drained", best: event.best?.user_id ?? e.best });
        break;
      case "envelope.refunded":
        this.#set({ ...e, closed: "expired", refunded: event.refunded });
        break;
    }
    return { missing: false, fresh };
  }

  /** Tells of envelopes that expired since a moment. @param {number} before Unix ms */
  tick(before) {
    for (const e of this.#all.values()) {
      if (!e.closed && e.expiresAt > before && e.expiresAt <= this.#now()) this.#changes.tell("envelope", e.id);
    }
  }

  /** @param {string} id @param {() => void} takeIn */
  #keptBack(id, takeIn) {
    if (this.#seal?.id !== id) return false;
    this.#seal.waiting.push(takeIn);
    return true;
  }

  /** @param {Envelope} envelope */
  #set(envelope) {
    this.#all.set(envelope.id, Object.freeze(envelope));
    this.#changes.tell("envelope", envelope.id);
  }
}

function sent(dto) {
  return {
    id: dto.id,
    group: dto.group_id,
    sender: dto.sender,
    kind: dto.kind,
    total: dto.total,
    count: dto.count,
    currency: dto.currency,
    greeting: dto.greeting ?? "",
    to: dto.to ?? "",
    createdAt: dto.created_at,
    expiresAt: dto.expires_at,
    commitment: dto.commitment,
    cover: dto.cover_id ?? "",
  };
}

/**
 * Takes by user, what is heard last for each, in the order in which it happened.
 * @param {readonly Take[]} known
 * @param {readonly Take[]} more
 */
function merge(known, more) {
  const byUser = new Map([...known, ...more].map((take) => [take.user, Object.freeze(take)]));
  return Object.freeze([...byUser.values()].sort((a, b) => a.at - b.at || a.share - b.share));
}

/** @param {Envelope} a @param {Envelope} b */
function bySending(a, b) {
  return a.createdAt - b.createdAt || a.id.length - b.id.length || (a.id < b.id ? -1 : 1);
}

/** What a user took from an envelope, if anything. @param {Envelope} envelope @param {string} user */
export function takeOf(envelope, user) {
  return envelope.taken.find((take) => take.user === user);
}

/** What was taken so far, in minor units. @param {Envelope} envelope */
export function takenAmount(envelope) {
  return envelope.taken.reduce((sum, take) => sum + take.amount, 0);
}
