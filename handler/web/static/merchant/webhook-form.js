// The form of a webhook: where it is, and what it hears of.

import { h } from "../core/dom.js";
import { segments } from "../core/form.js";
import { openSheet } from "../core/sheet.js";
import { checksField, lineField } from "../console/sheets.js";
import { checkEndpoint } from "./rules.js";

/**
 * @param {import("./console.js").MerchantPage} page
 * @param {{title: string, types: string[], isNew: boolean, url?: string, subscribed?: string[]}} options types: those
 *   that there are
 * @param {(body: object) => Promise<void>} save
 */
export function openWebhookForm(page, { title, types, isNew, url = "", subscribed = ["*"] }, save) {
  const { t, has } = page.texts;
  const address = lineField(
    t("hook.url"),
    "hook-url",
    { inputmode: "url", spellcheck: "false", placeholder: "https://", value: url },
    t("hook.url_hint"),
  );
  const all = subscribed.includes("*");
  const kind = segments(
    "types",
    t("hook.types"),
    ["all", "some"].map((value) => ({ value, text: t(`hook.types_${value}`), testid: `types-${value}` })),
    () => show(),
  );
  kind.el.style.setProperty("--choices", "2");
  if (!all) /** @type {HTMLInputElement} */ (kind.el.querySelectorAll("input")[1]).checked = true;
  const named = [...new Set([...types, ...subscribed.filter((type) => type !== "*")])];
  const some = checksField(
    t("hook.types"),
    "type",
    named.map((type) => ({ value: type, text: type, hint: has(`event.${type}`) ? t(`event.${type}`) : "" })),
    subscribed,
  );
  const asymmetric = h(
    "label",
    { class: "check checks" },
    h("input", { type: "checkbox", data: { testid: "hook-asymmetric" } }),
    h("span", {}, t("hook.asymmetric"), h("small", {}, t("hook.asymmetric_text"))),
  );
  const show = () => (some.el.hidden = kind.value() === "all");
  const submit = async () => {
    const text = address.input.value.trim();
    const wrong = checkEndpoint(text);
    const chosen = kind.value() === "all" ? ["*"] : some.values();
    address.show(wrong ? t(wrong.key) : "");
    some.show(chosen.length === 0 ? t("rule.types") : "");
    if (wrong) address.input.focus();
    if (wrong || chosen.length === 0) return false;
    const signed = /** @type {HTMLInputElement} */ (asymmetric.querySelector("input")).checked;
    await save({ url: text, types: chosen, ...(isNew && { asymmetric: signed }) });
    return true;
  };
  const button = h(
    "button",
    { class: "primary wide-button", data: { testid: "hook-save" } },
    t(isNew ? "hook.make" : "hook.save"),
  );
  openSheet(page, title, [address.el, kind.el, some.el, isNew && asymmetric, button], submit);
  show();
  address.input.focus();
}
