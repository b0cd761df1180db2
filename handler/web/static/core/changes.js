// Who wants to know what changed. State tells of its changes by kind and id; views watch those that concern them.

import { batched } from "./dom.js";

/** @typedef {"groups"|"present"|"people"|"place"|"envelope"|"transfer"|"collection"|"balances"|"connection"|"cover"|"covers"|"message"|"names"} Kind */
/** @typedef {{kind: Kind, id: string}} Change  id is empty where a kind has none */

export class Changes {
  /** @type {Set<(change: Change) => void>} */
  #listeners = new Set();

  /**
   * @param {Kind} kind
   * @param {string} [id]
   */
  tell(kind, id = "") {
    for (const listener of this.#listeners) listener({ kind, id });
  }

  /**
   * Calls draw soon after changes that concern it, once for all that came together.
   * @param {(change: Change) => boolean} concerns
   * @param {(changes: Change[]) => void} draw
   * @returns {() => void} stops it
   */
  watch(concerns, draw) {
    /** @type {Map<string, Change>} */
    let waiting = new Map();
    let stopped = false;
    const soon = batched(() => {
      const changes = [...waiting.values()];
      waiting = new Map();
      if (!stopped) draw(changes);
    });
    /** @param {Change} change */
    const listener = (change) => {
      if (!concerns(change)) return;
      waiting.set(`${change.kind} ${change.id}`, change);
      soon();
    };
    this.#listeners.add(listener);
    return () => {
      stopped = true;
      this.#listeners.delete(listener);
    };
  }
}

/**
 * Any change of these kinds.
 * @param {Kind[]} kinds
 * @returns {(change: Change) => boolean}
 */
export const ofKind =
  (...kinds) =>
  ({ kind }) =>
    kinds.includes(kind);

/**
 * The changes of one thing.
 * @param {Kind} kind
 * @param {string} id
 * @returns {(change: Change) => boolean}
 */
export const of = (kind, id) => (change) => change.kind === kind && change.id === id;

/**
 * What one of several asks for.
 * @param {((change: Change) => boolean)[]} concerns
 * @returns {(change: Change) => boolean}
 */
export const any =
  (...concerns) =>
  (change) =>
    concerns.some((concern) => concern(change));
