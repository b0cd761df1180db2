// Tells a person who is not looking that something happened: in a message, in the number of unread things, aloud.

/** @typedef {import("./page.js").Page} Page */

export class Notifier {
  /** @type {() => Page} */
  #page;

  /** @param {() => Page} page as it is now: the language may change */
  constructor(page) {
    this.#page = page;
  }

  /** Says something to screen readers. @param {string} text */
  announce(text) {
    this.#page().services.toasts.announce(text);
  }

  /**
   * Says something about a place: to screen readers where it is on the screen, with a way there otherwise.
   * @param {string} place
   * @param {string} text
   * @param {string} detail
   * @param {{always?: boolean, testid?: string, run?: () => void}} [more] always: also where the place is on the
   *   screen; run: another way there
   */
  tell(place, text, detail, { always = false, testid, run = () => this.#page().nav.go(place) } = {}) {
    const { texts, services } = this.#page();
    const away = this.unread(place);
    if (!away && !always) {
      services.toasts.announce(text);
      return;
    }
    const action = away ? { label: texts.t("toast.see"), run } : undefined;
    services.toasts.show(text, detail, "plain", { action, about: away ? place : "", testid });
  }

  /**
   * Shows something outside the page, where that is hidden and somebody allowed it.
   * @param {string} title
   * @param {string} text
   */
  show(title, text) {
    if (!document.hidden || !("Notification" in window) || Notification.permission !== "granted") return;
    new Notification(title, { body: text, icon: "/icon.svg", tag: "hongbao" }).onclick = () => window.focus();
  }

  /** Counts something of a place that is not on the screen. Returns whether it is not. @param {string} place */
  unread(place) {
    const { nav, services } = this.#page();
    const away = nav.place() !== place || document.hidden;
    if (away) services.chats.unread(place);
    return away;
  }

  /**
   * Reads a group's members again where somebody acts who is not known as one.
   * @param {string} group
   * @param {string} user
   */
  newcomer(group, user) {
    const { chats, actions, quietly } = this.#page().services;
    if (!chats.group(group)?.members.includes(user)) quietly(actions.groups.members(group));
  }
}
