// Languages: texts, plurals, times. The sentences stand in texts-en.js and texts-zh.js.

import en from "./texts-en.js";
import zh from "./texts-zh.js";

const STORAGE_KEY = "hongbao.lang";

/** The languages and their texts. */
export const TEXTS = { en, zh };

/** @typedef {Record<string, Record<string, string>>} More  texts of one page, by language */

export class I18n {
  #more;
  #texts;

  /**
   * @param {string} [lang] en or zh; else what was chosen before, else what the browser prefers
   * @param {More} [more] what the page says beside what all pages say
   */
  constructor(lang, more = {}) {
    const wanted = lang ?? stored() ?? (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");
    this.lang = wanted in TEXTS ? wanted : "en";
    this.t = this.t.bind(this);
    this.#more = more;
    this.#texts = { ...TEXTS[this.lang], ...more[this.lang] };
  }

  /** Tells the browser that the page is in this language. */
  apply() {
    document.documentElement.lang = this.lang === "zh" ? "zh-CN" : "en";
    return this;
  }

  /** The other language, remembered for the next visit. */
  other() {
    const lang = this.lang === "zh" ? "en" : "zh";
    try {
      localStorage.setItem(STORAGE_KEY, lang);
    } catch {
      // Storage may be forbidden; then the choice lasts as long as the page.
    }
    return new I18n(lang, this.#more).apply();
  }

  /** Whether there is a text. */
  has(key) {
    return key in this.#texts;
  }

  /** The text for a key, with its {names} filled in. */
  t(key, params = {}) {
    const texts = this.#texts;
    const plural = `${key}.${new Intl.PluralRules(this.lang).select(Number(params.n ?? 0))}`;
    const text = texts[key] ?? texts[plural] ?? texts[`${key}.other`] ?? key;
    return text.replace(/\{(\w+)\}/g, (whole, name) => params[name] ?? whole);
  }

  /** The time of day, the date where that is not today, and the year where that is another one. */
  time(ms, seconds = false) {
    const date = new Date(ms);
    /** @type {Intl.DateTimeFormatOptions} */
    const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...(seconds && { second: "2-digit" }) };
    const now = new Date();
    if (date.toDateString() === now.toDateString()) return new Intl.DateTimeFormat(this.lang, clock).format(date);
    /** @type {Intl.DateTimeFormatOptions} */
    const day = {
      month: "short",
      day: "numeric",
      ...(date.getFullYear() !== now.getFullYear() && { year: "numeric" }),
    };
    return new Intl.DateTimeFormat(this.lang, { ...day, ...clock }).format(date);
  }

  /** How long something still takes, to the minute, and to the second in its last hour. */
  remaining(ms) {
    const s = Math.max(0, Math.ceil(ms / 1000));
    const two = (n) => String(n).padStart(2, "0");
    if (s < 3600) return `${Math.floor(s / 60)}:${two(s % 60)}`;
    const minutes = Math.ceil(s / 60);
    return this.t("time.h_min", { n: Math.floor(minutes / 60), min: minutes % 60 });
  }

  /** A length of time, in its largest unit. */
  duration(ms) {
    const s = Math.max(1, Math.round(ms / 1000));
    if (s < 60) return this.t("time.s", { n: s });
    if (s < 3600) return this.t("time.min", { n: Math.round(s / 60) });
    return this.t("time.h", { n: Math.round(s / 3600) });
  }
}

function stored() {
  try {
    return localStorage.getItem(STORAGE_KEY) ?? undefined;
  } catch {
    return undefined;
  }
}
