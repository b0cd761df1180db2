// The names that people chose for themselves and for their groups. Who has none is shown by the id, or as people.js knows.

export class Names {
  /** @type {Map<string, string>} */
  #people = new Map();
  /** @type {Map<string, string>} */
  #groups = new Map();
  #changes;

  /** @param {{tell: (kind: "names") => void}} changes */
  constructor(changes) {
    this.#changes = changes;
  }

  /** @param {string} id */
  person(id) {
    return this.#people.get(id);
  }

  /** @param {string} id */
  group(id) {
    return this.#groups.get(id);
  }

  /**
   * Takes in names. Of those that were asked for and are not among them, none is known any more.
   * @param {{people?: Record<string, string>, groups?: Record<string, string>,
   *   asked?: {people: string[], groups: string[]}}} names
   */
  put({ people = {}, groups = {}, asked = { people: [], groups: [] } }) {
    const changed = [set(this.#people, people, asked.people), set(this.#groups, groups, asked.groups)];
    if (changed.includes(true)) this.#changes.tell("names");
  }
}

/** @param {Map<string, string>} known @param {Record<string, string>} names @param {string[]} asked */
function set(known, names, asked) {
  let changed = false;
  for (const id of new Set([...Object.keys(names), ...asked])) {
    const name = names[id] ?? "";
    if ((known.get(id) ?? "") === name) continue;
    if (name) known.set(id, name);
    else known.delete(id);
    changed = true;
  }
  return changed;
}
