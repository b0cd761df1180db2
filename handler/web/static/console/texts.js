// The texts of a console: those that both have, and its own.

import en from "./texts-en.js";
import zh from "./texts-zh.js";

/** @param {import("../core/i18n.js").More} own */
export const consoleTexts = (own) => ({ en: { ...en, ...own.en }, zh: { ...zh, ...own.zh } });
