// What somebody sent and received in a year, in one currency.

/** @typedef {{envelope_id: string, currency: string, created_at: number, total: number, settled: number}} Sent */
/** @typedef {{envelope_id: string, currency: string, at: number, amount: number, sender: string}} Share */
/** @typedef {{user: string, amount: number}} Take */
/** @typedef {{best: string, createdAt: number, count: number, kind: string, taken: readonly Take[]}} Known */

/** How many years one may look at. */
export const YEARS = 5;

// Lists are in the order of envelopes, so a late take may stand below an early one, by a day at most.
const LATEST_TAKE_MS = 2 * 86_400_000;

/**
 * The year of a moment where the person is.
 * @param {number} ms Unix ms
 */
export const yearOf = (ms) => new Date(ms).getFullYear();

/** Whether a list, newest first, is past a year at a line of this time. @param {number} ms @param {number} year */
export const isPast = (ms, year) => yearOf(ms + LATEST_TAKE_MS) < year;

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
    if (!next || (lines.length && isPast(at(/** @type {Line} */ (lines.at(-1))), year))) break;
    cursor = next;
  }
  return all;
}

/**
 * The year in numbers. best and fastest are of the envelopes that are known, and so is what others took in most: the
 * person with whom envelopes went back and forth most often.
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
  /** @type {Map<string, {user: string, count: number, given: number, received: number}>} */
  const others = new Map();
  const meet = (user, given, received) => {
    if (user === me) return;
    const so = others.get(user) ?? { user, count: 0, given: 0, received: 0 };
    others.set(user, { user, count: so.count + 1, given: so.given + given, received: so.received + received });
  };
  for (const { sender, amount } of got) meet(sender, 0, amount);
  for (const { envelope_id: id } of given) for (const take of known(id)?.taken ?? []) meet(take.user, take.amount, 0);
  const raced = got.flatMap((share) => {
    const envelope = known(share.envelope_id);
    return envelope ? [{ share, envelope, ms: Math.max(0, share.at - envelope.createdAt) }] : [];
  });
  const first = (list, before) => list.reduce((a, b) => (a === null || before(b, a) ? b : a), null);
  const sizeOf = (other) => other.given + other.received;
  const most = first(
    [...others.values()],
    (a, b) => a.count > b.count || (a.count === b.count && sizeOf(a) > sizeOf(b)),
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
