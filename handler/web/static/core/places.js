// Where one is in the page: in the list of chats (""), in a group ("group:family"), or with a person ("person:bob").
// Ids may contain colons too, so only the first one divides.

import { validId } from "./people.js";

const GROUP = "group:";
const PERSON = "person:";

export const groupPlace = (id) => (id ? GROUP + id : "");
export const personPlace = (id) => (id ? PERSON + id : "");

/** The group that a place is, or "". */
export const groupIn = (place) => (place.startsWith(GROUP) ? place.slice(GROUP.length) : "");

/** The person that a place is the conversation with, or "". */
export const personIn = (place) => (place.startsWith(PERSON) ? place.slice(PERSON.length) : "");

/** The place that an address names: ?group=family or ?with=bob. */
export function placeIn(search, me = "") {
  const address = new URLSearchParams(search);
  const group = address.get("group") ?? "";
  if (group) return groupPlace(group);
  const person = address.get("with") ?? "";
  return validId(person) && person !== me ? personPlace(person) : "";
}

/** What the address of a place has in its query. @returns {Record<string, string>} */
export function queryOf(place) {
  if (groupIn(place)) return { group: groupIn(place) };
  if (personIn(place)) return { with: personIn(place) };
  return {};
}
