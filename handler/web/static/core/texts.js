// Everything that the page says, in one language: sentences, times, amounts and names.

import { format, formatSigned, pieces } from "./money.js";
import { groupName, personName } from "./people.js";

/** @typedef {import("./i18n.js").I18n} I18n */

export class Texts {
  #names;

  /** @param {I18n} i18n @param {import("./names.js").Names|null} [names] */
  constructor(i18n, names = null) {
    this.#names = names;
    this.i18n = i18n;
    this.lang = i18n.lang;
    this.t = i18n.t;
  }

  /** A person's name. @param {string} id */
  name = (id) => this.#names?.person(id) ?? personName(id, this.lang);
  /** A group's name. @param {string} id */
  groupName = (id) => this.#names?.group(id) ?? groupName(id, this.lang);
  /** What an envelope says: without a greeting of its own, the usual one. @param {string} greeting */
  greeting = (greeting) => greeting || this.t("compose.default_greeting");
  /** Whether there is a sentence. @param {string} key */
  has = (key) => this.i18n.has(key);
  /**
   * What to say of a refusal. The server's own sentence is English and for developers, so its code decides.
   * @param {{status: number, code: string}} problem
   */
  problem = ({ code }) => {
    const key = `error.${code}`;
    if (!this.has(key)) return { title: this.t("error.other"), text: this.t("error.unknown_code", { code }) };
    return { title: this.t(key), text: this.has(`${key}_text`) ? this.t(`${key}_text`) : "" };
  };
  /** @param {number} ms Unix time @param {boolean} [seconds] */
  time = (ms, seconds) => this.i18n.time(ms, seconds);
  /** @param {number} ms how long something still takes */
  remaining = (ms) => this.i18n.remaining(ms);
  /** @param {number} ms a length of time */
  duration = (ms) => this.i18n.duration(ms);
  /** @param {number} minor @param {string} currency */
  money = (minor, currency) => format(minor, currency, this.lang);
  /** @param {number} minor @param {string} currency */
  signed = (minor, currency) => formatSigned(minor, currency, this.lang);
  /** @param {number} minor @param {string} currency */
  pieces = (minor, currency) => pieces(minor, currency, this.lang);
}
