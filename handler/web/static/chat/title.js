// How much waits to be read, in the title of the tab.

import { ofKind } from "../core/changes.js";

/** @param {import("../core/page.js").Page} page */
export function tabTitle({ texts, services }) {
  const { chats, changes } = services;
  const update = () => {
    const unread = [...chats.groups(), ...chats.people()].reduce((sum, chat) => sum + chat.unread, 0);
    const name = texts.t("app.name");
    document.title = unread ? `(${Math.min(unread, 99)}) ${name}` : name;
  };
  const stop = changes.watch(ofKind("groups", "people"), update);
  return { update, end: stop };
}
