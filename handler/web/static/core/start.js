// Starts a page: who is this window, in which language, and what is shown to that person. In development the address may
// say who: ?user=alice

import { I18n } from "./i18n.js";
import { loginView } from "./login.js";
import { validId } from "./people.js";
import { applyLook } from "./preferences.js";
import { Session } from "./session.js";
import { Texts } from "./texts.js";
import { Toasts } from "./toast.js";

/**
 * @typedef {object} Start
 * @property {HTMLElement} root
 * @property {I18n} i18n
 * @property {Session} session
 * @property {(i18n: I18n, expired: boolean) => void} onLeave
 */

/**
 * @param {object} options
 * @param {(start: Start) => {start: () => void}} options.app
 * @param {string} [options.scope] of the tokens that one signs in with
 * @param {import("./i18n.js").More} [options.texts]
 * @param {string} [options.name] key of what the page is called
 * @param {string} [options.slogan] key of what it says of itself
 * @param {string} [options.hint] key of where a token comes from
 */
export async function startPage({
  app,
  scope = "user",
  texts = {},
  name = "app.name",
  slogan = "app.slogan",
  hint = "login.token_hint",
}) {
  const root = /** @type {HTMLElement} */ (document.getElementById("app"));
  applyLook();
  let i18n = new I18n(undefined, texts).apply();
  const config = await configuration();
  const session = new Session(config.dev, scope);

  const enter = () => {
    const onLeave = (lang, expired) => {
      i18n = lang;
      session.leave();
      history.replaceState(null, "", location.pathname);
      login(expired ? i18n.t("login.again") : "");
    };
    app({ root, i18n, session, onLeave }).start();
  };

  const login = (message = "") => {
    if (name !== "app.name") document.title = i18n.t(name);
    const onLang = () => {
      i18n = i18n.other();
      login(message);
    };
    const view = loginView({ i18n, session, name, slogan, hint, onEnter: enter, onLang });
    root.replaceChildren(view.el);
    view.focus();
    if (message) new Toasts(new Texts(i18n), root).show(message);
  };

  const wanted = new URLSearchParams(location.search).get("user") ?? "";
  session.restore();
  if (session.dev && validId(wanted) && wanted !== session.user) {
    try {
      await session.enter(wanted);
    } catch (problem) {
      session.leave();
      login();
      new Toasts(new Texts(i18n), root).problem(problem);
      return;
    }
  }
  if (session.user) enter();
  else login();
}

async function configuration() {
  try {
    const response = await fetch("/config.json");
    if (response.ok) return await response.json();
  } catch {
    // Without an answer the careful assumption holds: this is not development.
  }
  return { dev: false };
}
