import en from "./texts-en.js";
import zh from "./texts-zh.js";

/** What pages with covers say beside what all pages say. @type {import("../core/i18n.js").More} */
export const coverTexts = { en, zh };
