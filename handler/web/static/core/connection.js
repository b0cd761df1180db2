// How the live feed stands.

/** @typedef {"connecting"|"live"|"offline"} Status */

export class Connection {
  /** @type {Status} */
  #status = "connecting";
  #changes;

  /** @param {import("./changes.js").Changes} changes */
  constructor(changes) {
    this.#changes = changes;
  }

  get status() {
    return this.#status;
  }

  /** @param {Status} status */
  set(status) {
    this.#status = status;
    this.#changes.tell("connection");
  }
}
