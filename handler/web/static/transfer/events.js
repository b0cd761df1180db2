// What the live feed tells of transfers.

import { personPlace } from "../core/places.js";

/** @typedef {import("../core/page.js").Page} Page */
/** @typedef {import("../core/notifier.js").Notifier} Notifier */

/**
 * Takes in an event of one's own topic.
 * @param {Page} page
 * @param {Notifier} notifier
 * @param {(at: number) => boolean} fresh whether something of this time is news
 */
export function transferEvent(page, notifier, fresh, event) {
  const { me, transfers, actions, quietly } = page.services;
  const { transfer, moved } = transfers.put(event);
  if (!moved || !fresh(transfer.changedAt)) return;
  const mine = transfer.sender === me;
  if (transfer.state === "arrived" && !mine) quietly(actions.wallet.awaitCredit(transfer.currency));
  else if (mine) quietly(actions.wallet.read());
  if (isTheirs(transfer, mine)) tell(page, notifier, transfer, mine);
}

// A step that the other side took, or time.
function isTheirs({ state, arrivesIn }, mine) {
  const theirs = {
    offered: !mine,
    accepted: mine,
    arrived: mine || arrivesIn !== "now",
    declined: mine,
    recalled: !mine,
  };
  return theirs[state] ?? true;
}

/** @param {Page} page @param {Notifier} notifier */
function tell({ texts, services }, notifier, transfer, mine) {
  const other = services.transfers.other(transfer);
  const key = `tell.transfer_${transfer.state}_${mine ? "sender" : "recipient"}`;
  const text = texts.t(key, { name: texts.name(other), money: texts.money(transfer.amount, transfer.currency) });
  notifier.tell(personPlace(other), text, transfer.note, { testid: `see-transfer-${transfer.id}` });
}
