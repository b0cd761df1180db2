// What the live feed tells of collections.

import { reminded } from "./memory.js";
import { groupPlace } from "../core/places.js";

/** @typedef {import("../core/page.js").Page} Page */
/** @typedef {import("../core/notifier.js").Notifier} Notifier */

/**
 * Takes in an event of a group, or a reminder to oneself.
 * @param {Page} page
 * @param {Notifier} notifier
 * @param {(at: number) => boolean} fresh whether something of this time is news
 */
export function collectionEvent(page, notifier, fresh, event) {
  const { me, collections, actions, attempt, quietly } = page.services;
  const id = event.collection_id;
  if (event.type === "collection.reminder") {
    attempt(remind(page, notifier, id));
    return;
  }
  const before = collections.get(id)?.collected ?? 0;
  if (!collections.apply(event)) {
    const isNew = event.type === "collection.opened";
    attempt(actions.collections.read(id).then((c) => isNew && opened(page, notifier, fresh, c)));
    return;
  }
  const collection = collections.get(id);
  if (!collection || event.type !== "collection.paid") return;
  const { collected, collector, currency } = collection;
  if (collector === me && collected > before) quietly(actions.wallet.awaitCredit(currency));
  else if (event.user_id === me) quietly(actions.wallet.read());
}

/** @param {Page} page @param {Notifier} notifier */
function opened({ texts, services }, notifier, fresh, collection) {
  const { me, collections } = services;
  if (collection.collector === me || !fresh(collection.createdAt)) return;
  const part = collections.owed(collection);
  const text = texts.t(part ? "tell.collection_you" : "tell.collection", {
    name: texts.name(collection.collector),
    money: texts.money(part?.amount ?? collection.total, collection.currency),
  });
  notifier.tell(groupPlace(collection.group), text, collection.note);
  notifier.newcomer(collection.group, collection.collector);
}

// The history brings reminders again; each is shown once.
/** @param {Page} page @param {Notifier} notifier @param {string} id */
async function remind({ texts, nav, services }, notifier, id) {
  const { me, chats, collections, actions } = services;
  const collection = await actions.collections.read(id);
  const part = collections.owed(collection);
  if (!part || reminded(me, id)) return;
  const money = texts.money(part.amount, collection.currency);
  const text = texts.t("tell.reminder", { name: texts.name(collection.collector), money });
  notifier.tell(groupPlace(collection.group), text, collection.note, {
    always: true,
    testid: `reminder-${id}`,
    // Who has left the group still owes, and pays from the bill.
    ...(!chats.group(collection.group) && { run: () => nav.openBill(id) }),
  });
}
