// How a bill is shared evenly, as the server does it, so that the composer can show every part before anything is sent.

/**
 * @param {number} total minor units
 * @param {string[]} users who share it
 * @param {"members"|"collector"} remainder who bears what cannot be shared evenly: the first users in order of their
 *   ids, one unit each, or the collector
 * @param {string} collector
 * @returns {{user: string, amount: number}[]} in order of the ids; none where the parts would be less than one unit
 */
export function shareEvenly(total, users, remainder, collector) {
  const sorted = [...users].sort(); // ids are ASCII: the order of UTF-16 is the server's order of bytes
  const each = Math.floor(total / sorted.length);
  const over = total % sorted.length;
  if (!(each >= 1)) return [];
  return sorted.map((user, i) => {
    if (remainder === "collector") return { user, amount: user === collector ? each + over : each };
    return { user, amount: i < over ? each + 1 : each };
  });
}
