// What this browser remembers of envelopes: which of them it has seen, so that a chat looks the same after a reload
// although the server keeps no history of a chat beyond its latest events. Only ids: everything else is asked of the
// server again.

const MOST = 1000; // of each group

const key = (me, group) => `hongbao.seen.${me}.${group}`;

/** The ids of the envelopes last seen in a group, oldest first. */
export function seen(me, group) {
  try {
    const ids = JSON.parse(localStorage.getItem(key(me, group)) ?? "[]");
    return ids.filter((id) => typeof id === "string");
  } catch {
    return []; // storage is forbidden, or holds something else
  }
}

/** Remembers the newest of these envelopes. */
export function remember(me, group, ids) {
  try {
    localStorage.setItem(key(me, group), JSON.stringify(ids.slice(-MOST)));
  } catch {
    // Then the chat begins with what the server still has.
  }
}
