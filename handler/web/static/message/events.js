// What the live feed tells of messages and names.

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
  if (notifier.unread(place)) notifier.show(texts.name(sender), text);
  else actions.messages.seen(nav.place());
  notifier.announce(texts.t("message.announce", { name: texts.name(sender), text }));
  if (event.group_id) notifier.newcomer(event.group_id, sender);
}
