// What somebody sent and received in a year, in one currency.

/** @typedef {{envelope_id: string, currency: string, created_at: number, total: number, settled: number}} Sent */
/** @typedef {{envelope_id: string, currency: string, at: number, amount: number, sender: string}} Share */
/** @typedef {{best: string, createdAt: number, count: number, kind: string}} Known */

/**
 * The year of a moment where the person is.
 * @param {number} ms Unix ms
 */
export const yearOf = (ms) => new Date(ms).getFullYear();

/**
 * Reads a list, newest first, as far back as a year goes. At most a number of pages.
 * @template Line
 * @param {(cursor: string) => Promise<{lines: Line[], next: string}>} read
 * @param {(line: Line) => number} at when a line was
 * @param {number} year
 * @param {number} [most] pages
 * @returns {Promise<Line[]>} those of the year
 */
export async function readYear(read, at, year, most = 50) {
  const all = [];
  let cursor = "";
  for (let pages = 0; pages < most; pages++) {
    const { lines, next } = await read(cursor);
    all.push(...lines.filter((line) => yearOf(at(line)) === year));
    // Lists are in the order of envelopes, so a late take may stand below an early one by a day at most.
    if (!next || (lines.length && yearOf(at(/** @type {Line} */ (lines.at(-1))) + 2 * 86_400_000) < year)) break;
    cursor = next;
  }
  return all;
}

/**
 * The year in numbers. fastest and best are of the envelopes that are known.
 * @param {object} of
 * @param {string} of.me
 * @param {string} of.currency
 * @param {readonly Sent[]} of.sent
 * @param {readonly Share[]} of.shares
 * @param {(id: string) => Known|undefined} of.known
 */
export function reckon({ me, currency, sent, shares, known }) {
  const given = sent.filter((e) => e.currency === currency);
  const got = shares.filter((s) => s.currency === currency);
  /** @type {Map<string, {user: string, count: number, amount: number}>} */
  const from = new Map();
  for (const { sender, amount } of got) {
    const { count, amount: sum } = from.get(sender) ?? { count: 0, amount: 0 };
    from.set(sender, { user: sender, count: count + 1, amount: sum + amount });
  }
  const raced = got.flatMap((share) => {
    const envelope = known(share.envelope_id);
    return envelope ? [{ share, envelope, ms: Math.max(0, share.at - envelope.createdAt) }] : [];
  });
  const first = (list, before) => list.reduce((a, b) => (a === null || before(b, a) ? b : a), null);
  const most = first(
    [...from.values()].filter((f) => f.user !== me),
    (a, b) => a.count > b.count,
  );
  return {
    given: { count: given.length, total: sum(given, (e) => e.total), taken: sum(given, (e) => e.settled) },
    received: { count: got.length, total: sum(got, (s) => s.amount) },
    best: raced.filter(({ envelope: e }) => e.best === me && e.kind === "lucky" && e.count > 1).length,
    luckiest: first(got, (a, b) => a.amount > b.amount),
    fastest: first(raced, (a, b) => a.ms < b.ms),
    most,
  };
}

const sum = (list, of) => list.reduce((total, one) => total + of(one), 0);
