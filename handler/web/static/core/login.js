// Who are you: friendly people to choose from in development, a token elsewhere.

import { Problem } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { initial, PRESETS, tint, toId, validId } from "./people.js";
import { Texts } from "./texts.js";

/** name, slogan, hint: the keys of what the page is called, what it says of itself, and where a token comes from. */
export function loginView({ i18n, session, name, slogan, hint, onEnter, onLang }) {
  const { t, lang } = i18n;
  const error = h("p", { class: "field-error", role: "alert", id: "login-error" });
  const input = h("input", {
    data: { testid: "user-input" },
    type: "text",
    required: true,
    autocomplete: "off",
    autocapitalize: "none",
    spellcheck: "false",
    "aria-describedby": "login-error",
    placeholder: t("login.placeholder"),
    "aria-label": t("login.custom"),
  });

  const becomeUser = async (id) => {
    if (!validId(id)) {
      fill(error, t("login.bad_id"));
      input.focus();
      return;
    }
    try {
      await session.enter(id);
      onEnter();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (problem.status === 404) {
        session.dev = false; // no development tokens here after all
        el.replaceWith(loginView({ i18n, session, name, slogan, hint, onEnter, onLang }).el);
        return;
      }
      const { title, text } = new Texts(i18n).problem(problem);
      fill(error, text ? `${title}. ${text}` : title);
    }
  };

  const becomeToken = (token) => {
    if (session.enterWithToken(token)) onEnter();
    else fill(error, t("login.bad_token"));
  };

  const form = (onSubmit, ...children) =>
    h(
      "form",
      { class: "login-form", novalidate: true, on: { submit: (e) => (e.preventDefault(), onSubmit()) } },
      children,
    );

  const people = PRESETS.map((p) =>
    h(
      "button",
      { class: "person", type: "button", data: { testid: `person-${p.id}` }, on: { click: () => becomeUser(p.id) } },
      h("span", { class: `avatar big ${tint(p.id)}`, "aria-hidden": "true" }, initial(p[lang])),
      h("span", {}, p[lang]),
    ),
  );

  const panel = session.dev
    ? [
        h("h2", {}, t("login.title")),
        h("div", { class: "people" }, people),
        h("p", { class: "or" }, t("login.custom")),
        form(
          () => becomeUser(toId(input.value)),
          input,
          h("button", { class: "primary", data: { testid: "login" } }, t("login.go")),
        ),
        error,
        h("p", { class: "hint" }, t("login.hint")),
      ]
    : tokenPanel();

  function tokenPanel() {
    const token = h("textarea", {
      data: { testid: "token-input" },
      rows: 4,
      spellcheck: "false",
      autocomplete: "off",
      "aria-label": t("login.token"),
      placeholder: "eyJ…",
      "aria-describedby": "login-error",
    });
    return [
      h("h2", {}, t("login.token_title")),
      h("p", { class: "hint" }, t(hint)),
      form(
        () => becomeToken(token.value),
        token,
        h("button", { class: "primary", data: { testid: "login" } }, t("login.go")),
      ),
      error,
    ];
  }

  const el = h(
    "main",
    { class: "login" },
    h(
      "button",
      {
        class: "lang",
        type: "button",
        data: { testid: "lang" },
        "aria-label": t("app.lang_label"),
        on: { click: onLang },
      },
      icon("language"),
    ),
    h("header", { class: "login-brand" }, icon("packet"), h("h1", {}, t(name)), h("p", {}, t(slogan))),
    h("section", { class: "login-panel" }, panel),
  );
  const focus = () => {
    /** @type {HTMLElement|null} */ (el.querySelector("input, textarea"))?.focus({ preventScroll: true });
  };
  return { el, focus };
}
