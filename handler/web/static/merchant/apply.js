// The application for a merchant.

import { h } from "../core/dom.js";
import { doButton } from "../core/item.js";
import { CURRENCIES } from "../core/money.js";
import { field } from "../core/sheet.js";
import { backLink, viewHead } from "../console/parts.js";
import { checksField, choiceField, lineField } from "../console/sheets.js";
import { INDUSTRIES } from "../console/merchant.js";
import { checkApplication, countries } from "./rules.js";

const DRAFT = "application";

/** @param {import("./console.js").MerchantPage} page */
export function applyView(page) {
  const { texts, nav, services } = page;
  const { t } = texts;
  const name = lineField(t("apply.name"), "apply-name", { maxlength: 80, autocomplete: "organization" });
  const legal = lineField(t("apply.legal_id"), "apply-legal", { maxlength: 60 }, t("apply.legal_id_hint"));
  const country = choiceField(t("apply.country"), "apply-country", countries(texts.lang), "CN");
  const industry = choiceField(
    t("apply.mcc"),
    "apply-mcc",
    [...INDUSTRIES.map((code) => ({ value: code, text: t(`mcc.${code}`) })), { value: "", text: t("mcc.other") }],
    INDUSTRIES[0],
    () => (other.el.hidden = industry.input.value !== ""),
  );
  const other = lineField(
    t("apply.mcc_code"),
    "apply-mcc-code",
    { inputmode: "numeric", maxlength: 4 },
    t("apply.mcc_hint"),
  );
  other.el.hidden = true;
  const contact = field(
    t("apply.contact"),
    h("input", { type: "text", autocomplete: "email", maxlength: 160, data: { testid: "apply-contact" } }),
    h("p", { class: "field-hint" }, t("apply.contact_hint")),
  );
  const currencies = checksField(
    t("apply.currencies"),
    "currency",
    CURRENCIES.map((code) => ({ value: code, text: code })),
    ["CNY"],
  );
  currencies.el.classList.add("inline");

  let isSent = false;
  let isRestored = false;
  const draft = () => ({
    name: name.input.value.trim(),
    legal_id: legal.input.value.trim(),
    country: country.input.value,
    mcc: industry.input.value || other.input.value.trim(),
    contact: contact.input.value.trim(),
    currencies: currencies.values(),
  });
  const fields = { name, legal_id: legal, country, mcc: other, contact };
  const send = async () => {
    const body = draft();
    const wrong = checkApplication(body);
    for (const [key, { show }] of Object.entries(fields)) show(wrong[key] ? t(wrong[key].key, wrong[key]) : "");
    currencies.show(wrong.currencies ? t(wrong.currencies.key) : "");
    const first = Object.keys(fields).find((key) => wrong[key]);
    if (first) fields[first].input.focus();
    if (Object.keys(wrong).length > 0) return;
    const made = await page.api.apply({ request_id: services.drafts.requestId(DRAFT), ...body });
    services.drafts.drop(DRAFT);
    isSent = true;
    services.toasts.show(t("apply.done"), t("apply.done_text"), "good");
    await page.merchants.read();
    page.merchants.add(made);
    nav.go({ merchant: made.id, view: "overview", mode: "live" }, true);
  };
  // Enter in a line clicks the button too.
  const button = doButton(
    page,
    { type: "submit", class: "primary", data: { testid: "apply-send" } },
    t("apply.go"),
    send,
  );
  const form = h(
    "form",
    {
      class: "panel form-panel",
      novalidate: true,
      "aria-label": t("apply.title"),
      on: { submit: (e) => e.preventDefault() },
    },
    h(
      "div",
      { class: "panel-body form-body" },
      name.el,
      legal.el,
      h("div", { class: "columns" }, country.el, industry.el),
      other.el,
      contact.el,
      currencies.el,
      h("div", { class: "form-foot" }, button, h("p", { class: "hint" }, t("apply.hint"))),
    ),
  );
  const title = t("apply.title");
  const head = viewHead(title, {
    lead: t("apply.lead"),
    before: backLink(page, { merchant: "", view: "home" }, t("home.title")),
  });
  return {
    el: h("div", { class: "view" }, head, form),
    title,
    refresh: async () => {
      if (!isRestored) services.drafts.restore(DRAFT, form);
      isRestored = true;
    },
    end: () => isSent || services.drafts.keep(DRAFT, form),
  };
}
