// Start: who is this window, and which chat does it show. The address may say both: /?user=alice&group=family,
// or /?user=alice&with=bob

import { App } from "./chat/app.js";
import { loginView } from "./chat/login.js";
import { I18n } from "./core/i18n.js";
import { validId } from "./core/people.js";
import { Session } from "./core/session.js";
import { Texts } from "./core/texts.js";
import { Toasts } from "./core/toast.js";

const root = /** @type {HTMLElement} */ (document.getElementById("app"));

async function start() {
  let i18n = new I18n().apply();
  const config = await configuration();
  const session = new Session(config.dev);
  const address = new URLSearchParams(location.search);

  const enter = () => {
    const app = new App({
      root,
      i18n,
      session,
      onLeave: (lang, expired) => {
        i18n = lang;
        session.leave();
        history.replaceState(null, "", location.pathname);
        login(expired ? i18n.t("login.again") : "");
      },
    });
    app.start();
  };

  const login = (message = "") => {
    const view = loginView({
      i18n,
      session,
      onEnter: enter,
      onLang: () => {
        i18n = i18n.other();
        login(message);
      },
    });
    root.replaceChildren(view.el);
    view.focus();
    if (message) new Toasts(new Texts(i18n), root).show(message);
  };

  const wanted = address.get("user") ?? "";
  session.restore();
  if (config.dev && validId(wanted) && wanted !== session.user) {
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
    const response = await fetch("config.json");
    if (response.ok) return await response.json();
  } catch {
    // Without an answer the careful assumption holds: this is not development.
  }
  return { dev: false };
}

start();
