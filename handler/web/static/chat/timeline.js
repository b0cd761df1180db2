// What happened in a chat, oldest first: messages, envelopes and collections in a group, transfers with a person.

import { groupIn, groupPlace, personIn, personPlace } from "../core/places.js";

/** @typedef {"envelope"|"collection"|"transfer"|"message"} Thing */
/** @typedef {{type: Thing, id: string, key: string, by: string, at: number, thing: object}} Item */

/**
 * @param {import("../core/page.js").Services} services
 * @param {string} place
 * @returns {Item[]}
 */
export function timeline({ envelopes, collections, transfers, messages }, place) {
  const group = groupIn(place);
  const person = personIn(place);
  const items = messages.of(place).map((m) => item("message", m, m.sender));
  if (group) {
    for (const e of envelopes.of(group)) items.push(item("envelope", e, e.sender));
    for (const c of collections.of(group)) items.push(item("collection", c, c.collector));
  } else if (person) {
    for (const t of transfers.with(person)) items.push(item("transfer", t, t.sender));
  }
  return items.sort((a, b) => a.at - b.at || a.id.length - b.id.length || (a.id < b.id ? -1 : 1));
}

/** What tells the things of a chat apart. */
export const keyOf = (type, id) => `${type} ${id}`;

/** A thing as it is now. @param {import("../core/page.js").Services} services */
export const thingOf = ({ envelopes, collections, transfers, messages }, type, id) =>
  ({ envelope: envelopes, collection: collections, transfer: transfers, message: messages })[type].get(id);

const item = (type, thing, by) => ({ type, id: thing.id, key: keyOf(type, thing.id), by, at: thing.createdAt, thing });

/** The kinds of things that happen in a chat. @type {Thing[]} */
export const THINGS = ["envelope", "collection", "transfer", "message"];

/**
 * Where a thing that changed is, "" for changes of anything else.
 * @param {import("../core/page.js").Services} services
 * @param {import("../core/changes.js").Change} change
 */
export function placeOf({ envelopes, collections, transfers, messages }, { kind, id }) {
  switch (kind) {
    case "message":
      return messages.get(id)?.place ?? "";
    case "envelope":
      return groupPlace(envelopes.get(id)?.group ?? "");
    case "collection":
      return groupPlace(collections.get(id)?.group ?? "");
    case "transfer": {
      const transfer = transfers.get(id);
      return transfer ? personPlace(transfers.other(transfer)) : "";
    }
  }
  return "";
}

/** A line about an item, for the list of chats. */
export function preview({ texts, services }, { type, thing }) {
  const { t } = texts;
  switch (type) {
    case "envelope":
      return t("chats.envelope", { greeting: texts.greeting(thing.greeting) });
    case "collection":
      return t("chats.collection", { note: thing.note || t("collection.no_note") });
    case "message":
      return thing.sender === services.me ? thing.text : `${texts.name(thing.sender)}: ${thing.text}`;
    default:
      return t("chats.transfer", { state: t(`chats.transfer_${services.transfers.standing(thing)}`) });
  }
}
