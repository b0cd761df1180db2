// What the live feed tells of messages and names.

import { groupIn, personIn } from "../core/places.js";

/**
 * Takes in an event of a group or of oneself.
 * @param {import("../core/page.js").Page} page
 * @param {import("../core/notifier.js").Notifier} notifier
 * @param {(at: number) => boolean} fresh
 */
export function messageEvent({ texts, nav, services }, notifier, fresh, event) {
  const { me, messages, actions, names } = services;
  if (event.type === "chat.named") {
    names.put({ groups: { [event.group_id]: event.name } });
    return;
  }
  if (event.type !== "chat.message" || !messages.put(event)) return;
  const message = messages.get(event.message_id);
  if (!message) return;
  const { place, sender, text, createdAt } = message;
  if (sender === me || !fresh(createdAt)) return;
  const told = texts.t("message.announce", { name: texts.name(sender), text });
  if (nav.place() === place && !document.hidden) actions.messages.seen(place);
  notifier.tell(place, personIn(place) ? told : texts.groupName(groupIn(place)), personIn(place) ? "" : told);
  notifier.show(texts.name(sender), text);
  if (event.group_id) notifier.newcomer(event.group_id, sender);
}
