// The form that makes a key.

import { h, setText } from "../core/dom.js";
import { segments } from "../core/form.js";
import { field, openSheet } from "../core/sheet.js";
import { checksField, lineField } from "../console/sheets.js";
import { checkKey, PERMISSIONS } from "./rules.js";

/**
 * @param {import("./console.js").MerchantPage} page
 * @param {string} mode
 * @param {(body: object) => Promise<void>} make
 */
export function openKeyForm(page, mode, make) {
  const { t } = page.texts;
  const name = lineField(t("keys.name"), "key-name", { maxlength: 60, placeholder: t("keys.name_hint") });
  const permissions = checksField(
    t("keys.permissions"),
    "permission",
    PERMISSIONS.map((value) => ({ value, text: t(`permission.${value}`), hint: t(`permission.${value}_text`) })),
    ["wallet_read"],
  );
  const allowed = field(
    t("keys.allowed"),
    h("textarea", { rows: 2, spellcheck: "false", placeholder: "203.0.113.0/24", data: { testid: "key-allowed" } }),
    h("p", { class: "field-hint" }, t("keys.allowed_hint")),
  );
  allowed.el.classList.add("tall");
  const expires = field(
    t("keys.expiry"),
    h("input", { type: "datetime-local", data: { testid: "key-expires" } }),
    h("p", { class: "field-hint" }, t("keys.expiry_hint")),
  );
  const kind = segments(
    "proof",
    t("keys.proof"),
    ["secret", "public"].map((value) => ({ value, text: t(`keys.proof_${value}`), testid: `proof-${value}` })),
    () => show(),
  );
  kind.el.style.setProperty("--choices", "2");
  const kindText = h("p", { class: "kind-text" });
  const publicKey = lineField(t("keys.public"), "key-public", { spellcheck: "false" }, t("keys.public_hint"));
  const show = () => {
    publicKey.el.hidden = kind.value() !== "public";
    setText(kindText, t(`keys.proof_${kind.value()}_text`));
  };
  const submit = async () => {
    const key = {
      name: name.input.value.trim(),
      permissions: permissions.values(),
      allowed: allowed.input.value.split(/[\s,，;；]+/).filter(Boolean),
      publicKey: kind.value() === "public" ? publicKey.input.value.trim() : null,
    };
    const wrong = checkKey(key);
    const until = expires.input.value ? new Date(expires.input.value).getTime() : 0;
    const fields = { name, permissions, allowed, publicKey };
    for (const [of, { show: say }] of Object.entries(fields)) say(wrong[of] ? t(wrong[of].key, wrong[of]) : "");
    const isPast = until !== 0 && until <= page.api.now();
    expires.show(isPast ? t("rule.past") : "");
    if (Object.keys(wrong).length > 0 || isPast) return false;
    await make({
      name: key.name,
      permissions: key.permissions,
      ...(key.allowed.length > 0 && { allowed: key.allowed }),
      ...(until && { expires_at: until }),
      ...(key.publicKey !== null && { public_key: key.publicKey }),
    });
    return true;
  };
  openSheet(
    page,
    t(`keys.new_${mode}`),
    [
      name.el,
      permissions.el,
      kind.el,
      kindText,
      publicKey.el,
      allowed.el,
      expires.el,
      h("button", { class: "primary wide-button", data: { testid: "key-make" } }, t("keys.make")),
    ],
    submit,
  );
  show();
  name.input.focus();
}
