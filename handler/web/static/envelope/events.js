// What the live feed tells of envelopes.

import { groupPlace } from "../core/places.js";

/** @typedef {import("../core/page.js").Page} Page */
/** @typedef {import("../core/notifier.js").Notifier} Notifier */

/**
 * Takes in an event of a group.
 * @param {Page} page
 * @param {Notifier} notifier
 * @param {string} group
 */
export function envelopeEvent(page, notifier, group, event) {
  const { me, envelopes, actions, attempt, quietly } = page.services;
  const { missing, fresh } = envelopes.apply(event);
  if (missing) {
    attempt(actions.envelopes.read(event.envelope_id)); // it was sent before the history begins
  } else if (event.type === "envelope.sent" && fresh) {
    sent(page, notifier, group, event);
  } else if (event.type === "envelope.grabbed" && fresh && event.user_id === me) {
    quietly(actions.wallet.awaitCredit(event.currency)); // taken in another window of the same person
  } else if (event.type === "envelope.refunded" && envelopes.get(event.envelope_id)?.sender === me) {
    quietly(actions.wallet.read());
  }
}

/** @param {Page} page @param {Notifier} notifier @param {string} group */
function sent({ texts, services }, notifier, group, event) {
  const { me, actions, quietly } = services;
  actions.envelopes.remember(group);
  if (event.sender === me) {
    quietly(actions.wallet.read());
    return;
  }
  notifier.announce(
    texts.t("chat.announce", { name: texts.name(event.sender), greeting: texts.greeting(event.greeting ?? "") }),
  );
  notifier.unread(groupPlace(group));
  notifier.newcomer(group, event.sender);
}
