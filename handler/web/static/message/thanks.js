// Thanks for an envelope: a few words to choose from, and what others said. They are messages of the envelope's group.

import { ofKind } from "../core/changes.js";
import { h, keyed } from "../core/dom.js";
import { doButton } from "../core/item.js";
import { initial, tint } from "../core/people.js";
import { groupPlace } from "../core/places.js";

const WORDS = ["thanks.boss", "thanks.party", "thanks.wish", "thanks.luck"];
const SHOWN = 20; // of what others said

/**
 * @param {import("../core/page.js").Page} page
 * @param {{id: string, group: string, sender: string}} envelope
 */
export function thanksView(page, envelope) {
  const { texts, services } = page;
  const { t } = texts;
  const { me, messages, actions, changes, chats } = services;
  const said = h("ul", { class: "thanks-said", "aria-live": "polite", data: { testid: "thanks" } });
  const say = (text) => actions.messages.say(groupPlace(envelope.group), text, { about: envelope.id });
  const chips = h(
    "div",
    { class: "chips", role: "group", "aria-label": t("thanks.label") },
    WORDS.map((key) =>
      doButton(page, { class: "chip", data: { testid: key.replace(".", "-") } }, t(key), () => say(t(key))),
    ),
  );
  const el = h("section", { class: "thanks", "aria-label": t("thanks.label") }, said, chips);
  const create = ({ sender, text }) =>
    h(
      "li",
      {},
      h("span", { class: `avatar ${tint(sender)}`, "aria-hidden": "true" }, initial(texts.name(sender))),
      h("span", { class: "spoken" }, `${texts.name(sender)}: `),
      h("span", {}, text),
    );
  /** @param {boolean} mayThank whether there is something to give thanks for */
  const update = (mayThank) => {
    const all = messages.about(envelope.id);
    keyed(said, all.slice(-SHOWN), (m) => m.id, create);
    const thanked = all.some((m) => m.sender === me);
    chips.hidden = !mayThank || thanked || envelope.sender === me || !chats.group(envelope.group);
    el.hidden = chips.hidden && !all.length;
  };
  let may = false;
  const stop = changes.watch(ofKind("message"), () => update(may));
  return {
    el,
    update: (mayThank) => {
      may = mayThank;
      update(may);
    },
    end: stop,
  };
}
