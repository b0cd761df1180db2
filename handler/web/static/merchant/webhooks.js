// The webhooks of one side.

import { newRequestId } from "../core/api.js";
import { h, icon } from "../core/dom.js";
import { empty, modeSwitch, panel, pill, placeLink, refill, viewHead } from "../console/parts.js";
import { showSecret } from "../console/sheets.js";
import { openWebhookForm } from "./webhook-form.js";
import { works } from "./rules.js";
import { testNote } from "./side.js";

/** @param {import("./console.js").MerchantPage} page */
export function webhooksView(page) {
  const { texts, nav, api } = page;
  const { t } = texts;
  const { merchant: id, mode } = nav.place();
  const list = h("ul", { class: "rows", "aria-label": t("nav.webhooks"), data: { testid: "webhooks" } });
  const none = h("div", {});
  const actions = h("div", { class: "view-actions" }, modeSwitch(page));
  const row = (hook) =>
    h(
      "li",
      {},
      placeLink(
        page,
        { view: "webhook", item: hook.id },
        { class: "row", data: { testid: `webhook-${hook.id}` } },
        h(
          "span",
          { class: "row-text" },
          h("strong", { class: "code" }, hook.url),
          h(
            "span",
            { class: "tags" },
            hook.types.map((type) => h("span", { class: "tag" }, type === "*" ? t("hook.all_types") : type)),
          ),
        ),
        h(
          "span",
          { class: "row-side" },
          hook.failing_since > 0 && h("span", { class: "bad" }, t("hook.failing")),
          pill(page, hook.state),
          icon("chevron"),
        ),
      ),
    );
  const refresh = async () => {
    const [{ webhooks, types }, merchant] = await Promise.all([api.webhooks(id, mode), api.get(id)]);
    const all = webhooks ?? [];
    const create = () =>
      openWebhookForm(page, { title: t(`hook.new_${mode}`), types: types ?? [], isNew: true }, async (body) => {
        const hook = await api.createWebhook(id, { request_id: newRequestId(), mode, ...body });
        nav.go({ view: "webhook", item: hook.id });
        const secret = hook.keys[0]?.secret ?? "";
        showSecret(page, { title: t("hook.made"), text: t("hook.made_text"), secret, lost: t("hook.lost") });
      });
    const can = works(merchant.state, mode);
    const make = () =>
      h(
        "button",
        { class: "primary small", type: "button", data: { testid: "webhook-new" }, on: { click: create } },
        icon("plus"),
        t("hook.new"),
      );
    refill(actions, modeSwitch(page), can && all.length > 0 && make());
    refill(list, all.map(row));
    list.hidden = all.length === 0;
    refill(
      none,
      all.length === 0 && empty("send", t("hook.none"), can ? t("hook.none_text") : t("keys.not_yet"), can && make()),
    );
  };
  const title = t("nav.webhooks");
  const el = h(
    "div",
    { class: "view" },
    viewHead(title, { lead: t("hook.lead"), actions }),
    testNote(page),
    panel(t(`hook.list_${mode}`), [list, none]),
  );
  return { el, title, refresh };
}
