// How far somebody has read in each place, remembered in this browser.

import { isLater } from "./messages.js";

const key = (me) => `hongbao.read.${me}`;

/** @returns {Record<string, string>} the id of the last message read, by place */
function all(me) {
  try {
    return JSON.parse(localStorage.getItem(key(me)) ?? "{}") ?? {};
  } catch {
    return {}; // storage is forbidden, or holds something else
  }
}

/** The id of the last message read in a place; empty where nothing is known of it. */
export function readUntil(me, place) {
  const id = all(me)[place];
  return typeof id === "string" ? id : "";
}

/** Remembers that a message was read, and all before it. */
export function markRead(me, place, id) {
  const before = readUntil(me, place);
  if (before && !isLater(id, before)) return;
  try {
    localStorage.setItem(key(me), JSON.stringify({ ...all(me), [place]: id }));
  } catch {
    // Then old messages count as unread again after a reload.
  }
}
