// What happened in a chat, oldest first: envelopes and collections in a group, transfers with a person.

import { groupIn, personIn } from "./places.js";

/** @typedef {{type: "envelope"|"collection"|"transfer", id: string, key: string, by: string, at: number, thing: object}} Item */

/** @returns {Item[]} */
export function timeline(store, place) {
  const group = groupIn(place);
  const person = personIn(place);
  const items = [];
  if (group) {
    for (const e of store.feed(group)) items.push(item("envelope", e, e.sender));
    for (const c of store.collections.of(group)) items.push(item("collection", c, c.collector));
  } else if (person) {
    for (const t of store.transfers.with(person)) items.push(item("transfer", t, t.sender));
  }
  return items.sort((a, b) => a.at - b.at || a.id.length - b.id.length || (a.id < b.id ? -1 : 1));
}

const item = (type, thing, by) => ({ type, id: thing.id, key: `${type} ${thing.id}`, by, at: thing.createdAt, thing });

/** A line about an item, for the list of chats. */
export function preview(ctx, { type, thing }) {
  const { t } = ctx;
  switch (type) {
    case "envelope":
      return t("chats.envelope", { greeting: thing.greeting || t("compose.default_greeting") });
    case "collection":
      return t("chats.collection", { note: thing.note || t("collection.no_note") });
    default:
      return t("chats.transfer", { state: t(`chats.transfer_${ctx.store.transfers.standing(thing)}`) });
  }
}
