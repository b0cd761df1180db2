// What the page knows. Events and HTTP answers come in any order and more than once; all of it is merged by identity:
// an envelope by its id, a take by (envelope, user). Nothing that was taken is ever forgotten, nothing closed reopens.

import { Collections } from "./collections.js";
import { groupIn, personIn } from "./places.js";
import { Transfers } from "./transfers.js";

/** @typedef {{user: string, share: number, amount: number, at: number}} Take */
/** @typedef {{id: string, group: string, sender: string, kind: string, total: number, count: number, currency: string,
 *   greeting: string, to: string, createdAt: number, expiresAt: number, commitment: string, seed: string,
 *   closed: ""|"drained"|"expired", taken: Map<string, Take>, best: string, refunded: number}} Envelope
 *   best is a user id, empty until known */

const FRESH_MS = 2000; // what is at most this much older than the page counts as happening now

export class Store {
  /** @type {Map<string, {id: string, members: string[], unread: number}>} */
  groups = new Map();
  /** The persons with whom there is a conversation. @type {Map<string, {id: string, unread: number}>} */
  people = new Map();
  /** @type {Map<string, Envelope>} */
  envelopes = new Map();
  /** @type {Map<string, number>} */
  balances = new Map();
  status = "connecting";

  #listeners = new Map();
  #seal = null; // {id, waiting: what to take in once it is broken}
  #now;
  #since;

  /** @param {string} me @param {() => number} now the server's time */
  constructor(me, now) {
    this.me = me;
    this.#now = now;
    this.#since = now() - FRESH_MS;
    this.transfers = new Transfers(me, now, (id) => {
      this.meet(this.transfers.other(this.transfers.get(id)));
      this.#emit("transfer", id);
    });
    this.collections = new Collections(me, now, (id) => this.#emit("collection", id));
  }

  /** Whether something of this time happened while the page was there. */
  fresh(at) {
    return at >= this.#since;
  }

  /**
   * Calls fn(detail) after each change of a kind: groups, people, envelope, transfer, collection, balances, status. Returns
   * how to stop that.
   */
  on(kind, fn) {
    if (!this.#listeners.has(kind)) this.#listeners.set(kind, new Set());
    this.#listeners.get(kind).add(fn);
    return () => this.#listeners.get(kind).delete(fn);
  }

  #emit(kind, detail) {
    for (const fn of this.#listeners.get(kind) ?? []) fn(detail);
  }

  setStatus(status) {
    this.status = status;
    this.#emit("status");
  }

  /** Returns the ids that are new and those that are gone. */
  setGroups(ids) {
    const added = ids.filter((id) => !this.groups.has(id));
    const removed = [...this.groups.keys()].filter((id) => !ids.includes(id));
    for (const id of added) this.groups.set(id, { id, members: [], unread: 0 });
    for (const id of removed) this.groups.delete(id);
    if (added.length || removed.length) this.#emit("groups");
    return { added, removed };
  }

  setMembers(group, members) {
    const known = this.groups.get(group);
    if (!known || known.members.join() === members.join()) return;
    known.members = members;
    this.#emit("groups");
  }

  /** Begins a conversation with a person, if there is none. */
  meet(person) {
    if (this.people.has(person)) return;
    this.people.set(person, { id: person, unread: 0 });
    this.#emit("people");
  }

  read(place) {
    const known = this.#chat(place);
    if (!known?.unread) return;
    known.unread = 0;
    this.#emit("groups");
  }

  unread(place) {
    const known = this.#chat(place);
    if (!known) return;
    known.unread++;
    this.#emit("groups");
  }

  #chat(place) {
    return this.groups.get(groupIn(place)) ?? this.people.get(personIn(place));
  }

  /**
   * Keeps back what becomes known of an envelope, and every change of the balances, until the returned function is
   * called: while the coin turns, nothing else may tell what was in it. One envelope at a time.
   */
  seal(id) {
    const seal = { id, waiting: [] };
    this.#seal = seal;
    return () => {
      if (this.#seal !== seal) return;
      this.#seal = null;
      for (const takeIn of seal.waiting) takeIn();
    };
  }

  setBalances(list) {
    if (this.#seal) {
      this.#seal.waiting.push(() => this.setBalances(list));
      return;
    }
    this.balances = new Map(list.map((b) => [b.currency, b.amount]));
    this.#emit("balances");
  }

  /** A group's envelopes, oldest first. */
  feed(group) {
    return [...this.envelopes.values()].filter((e) => e.group === group).sort(bySending);
  }

  /** open, drained or expired, as of now. */
  state(envelope) {
    if (envelope.closed) return envelope.closed;
    if (envelope.taken.size >= envelope.count) return "drained";
    return this.#now() >= envelope.expiresAt ? "expired" : "open";
  }

  /** What I may still do with it: won, open, drained, expired, or reserved (for somebody else). */
  standing(envelope) {
    if (envelope.taken.has(this.me)) return "won";
    const state = this.state(envelope);
    if (state === "open" && envelope.kind === "exclusive" && envelope.to !== this.me) return "reserved";
    return state;
  }

  /** Takes in what the API says of an envelope. */
  put(dto) {
    if (this.#seal?.id === dto.id) {
      this.#seal.waiting.push(() => this.put(dto));
      return this.envelopes.get(dto.id);
    }
    const e = this.#known(dto.id, {
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
    });
    for (const t of dto.taken ?? []) {
      this.#take(e, { user: t.user_id, share: t.share, amount: t.amount, at: t.at });
      if (t.best) e.best = t.user_id;
    }
    if (dto.state !== "open") e.closed = dto.state;
    e.refunded = Math.max(e.refunded, dto.refunded ?? 0);
    e.seed = dto.seed ?? e.seed;
    this.#emit("envelope", e.id);
    return e;
  }

  /** Takes in a share of one's own from the answer to a grab. */
  won(id, take) {
    if (this.#seal?.id === id) {
      this.#seal.waiting.push(() => this.won(id, take));
      return;
    }
    const e = this.envelopes.get(id);
    if (!e || e.taken.has(take.user)) return;
    this.#take(e, take);
    this.#emit("envelope", id);
  }

  /**
   * Takes in an event.
   * @returns {{missing: boolean, fresh: boolean}} missing: the envelope is not known, ask the API for it. fresh: it just
   *   happened and was not known before.
   */
  apply(event) {
    if (event.type === "envelope.sent") {
      const known = this.envelopes.has(event.envelope_id);
      this.put({ ...event, id: event.envelope_id, state: "open" });
      return { missing: false, fresh: !known && this.fresh(event.created_at) };
    }
    const e = this.envelopes.get(event.envelope_id);
    if (!e) return { missing: true, fresh: false };
    if (this.#seal?.id === e.id) {
      this.#seal.waiting.push(() => this.apply(event));
      return { missing: false, fresh: event.type === "envelope.grabbed" && this.fresh(event.at) };
    }
    let fresh = false;
    switch (event.type) {
      case "envelope.grabbed":
        fresh = this.#take(e, { user: event.user_id, share: event.share, amount: event.amount, at: event.at });
        fresh &&= this.fresh(event.at);
        break;
      case "envelope.drained":
        e.closed = "drained";
        e.best = event.best?.user_id ?? e.best;
        break;
      case "envelope.refunded":
        e.closed = "expired";
        e.refunded = event.refunded;
        break;
    }
    this.#emit("envelope", e.id);
    return { missing: false, fresh };
  }

  /** Tells listeners about envelopes and transfers whose time has come since the last call. */
  tick(before) {
    for (const e of this.envelopes.values()) {
      if (!e.closed && e.expiresAt > before && e.expiresAt <= this.#now()) this.#emit("envelope", e.id);
    }
    for (const t of this.transfers.pending()) {
      const at = t.state === "offered" ? t.expiresAt : t.arrivesAt;
      if (at > before && at <= this.#now()) this.#emit("transfer", t.id);
    }
    for (const group of this.groups.keys()) {
      for (const c of this.collections.of(group)) {
        if (c.remindAt > before && c.remindAt <= this.#now()) this.#emit("collection", c.id);
      }
    }
    return this.#now();
  }

  // What was sent never changes, so what was seen first stays: a commitment cannot be exchanged later.
  #known(id, sent) {
    let e = this.envelopes.get(id);
    if (!e) {
      e = { id, ...sent, seed: "", closed: "", taken: new Map(), best: "", refunded: 0 };
      this.envelopes.set(id, e);
    }
    return e;
  }

  #take(envelope, take) {
    const known = envelope.taken.has(take.user);
    envelope.taken.set(take.user, take); // known or not: the server's time is better than what this page noted
    return !known;
  }
}

function bySending(a, b) {
  return a.createdAt - b.createdAt || a.id.length - b.id.length || (a.id < b.id ? -1 : 1);
}

/** The takes in the order in which they happened. */
export function takes(envelope) {
  return [...envelope.taken.values()].sort((a, b) => a.at - b.at || a.share - b.share);
}

/** What was taken so far, in minor units. */
export function takenAmount(envelope) {
  return takes(envelope).reduce((sum, t) => sum + t.amount, 0);
}
