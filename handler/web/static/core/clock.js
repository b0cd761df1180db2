// Which of the events that come in are news: the feed begins with what happened before the page was opened.

const FRESH_MS = 2000; // what is at most this much older than the page counts as happening now

/**
 * @param {() => number} now the server's time
 * @returns {(at: number) => boolean} whether something of this time happened while the page was there
 */
export function freshness(now) {
  const since = now() - FRESH_MS;
  return (at) => at >= since;
}
