// Who one is here: the page's colours, its sounds, its language, and the way out.

import { h, icon } from "../core/dom.js";
import { segments, textInput } from "../core/form.js";
import { doButton } from "../core/item.js";
import { initial, tint } from "../core/people.js";
import { prefer, preferences } from "../core/preferences.js";
import { field, openSheet } from "../core/sheet.js";

const MAX_NAME = 32;
const LOOKS = ["auto", "light", "dark"];

/** @param {import("../core/page.js").Page} page */
export function openMe(page) {
  const { texts, nav, services } = page;
  const { t } = texts;
  const { me } = services;
  const kept = preferences();
  const looks = segments(
    "look",
    t("me.look"),
    LOOKS.map((value) => ({
      value,
      text: t(`me.look_${value}`),
      testid: `look-${value}`,
      checked: value === kept.look,
    })),
    () => prefer({ look: /** @type {any} */ (looks.value()) }),
  );
  const sound = h("input", {
    type: "checkbox",
    checked: kept.sound,
    data: { testid: "sound" },
    on: { change: () => prefer({ sound: sound.checked }) },
  });
  const name = field(
    t("me.name"),
    textInput("me-name", () => {}, { maxlength: MAX_NAME, value: services.names.person(me) ?? "", placeholder: me }),
  );
  // Only somebody's own click may ask the browser for this.
  const mayAsk = "Notification" in window && Notification.permission === "default";
  const notify = doButton(
    page,
    { class: "secondary wide-button", data: { testid: "notify" } },
    t("me.notify"),
    async () => (notify.hidden = (await Notification.requestPermission()) !== "default"),
  );
  const then = (run) => () => {
    sheet.close();
    run();
  };
  const sheet = openSheet(
    page,
    t("me.title"),
    [
      h(
        "div",
        { class: "send-to" },
        h("span", { class: `avatar big ${tint(me)}`, "aria-hidden": "true" }, initial(texts.name(me))),
        h("strong", {}, texts.name(me)),
        h("span", { class: "hint" }, t("me.id", { id: me })),
      ),
      name.el,
      h("button", { class: "secondary", data: { testid: "me-save" } }, t("me.save")),
      h("p", { class: "form-label" }, t("me.look")),
      looks.el,
      h("label", { class: "field-row switch" }, h("span", { class: "grow" }, t("me.sound")), sound),
      mayAsk && notify,
      h(
        "button",
        { class: "secondary wide-button", type: "button", data: { testid: "leave" }, on: { click: then(nav.leave) } },
        icon("out"),
        t(services.dev ? "nav.switch" : "me.leave"),
      ),
    ],
    async () => {
      await services.actions.messages.nameMyself(name.input.value.trim());
      return true;
    },
  );
}
