// What the live feed brings: it goes into the store, and a person who is not looking hears of it.

import { reminded } from "./memory.js";
import { format } from "./money.js";
import { groupPlace, personPlace } from "./places.js";

export const GROUP_TOPIC = "group:";
export const USER_TOPIC = "user:";

export class Events {
  #ctx;

  /** @param {() => object} ctx what the views use, as it is now */
  constructor(ctx) {
    this.#ctx = ctx;
  }

  /** Takes in the events of a topic. */
  apply(topic, events) {
    for (const event of events) {
      const [domain] = event.type.split(".", 1);
      if (domain === "envelope") this.#envelope(topic.slice(GROUP_TOPIC.length), event);
      else if (domain === "transfer") this.#transfer(event);
      else if (domain === "collection") this.#collection(event);
    }
  }

  /** Reads again what a topic is about, after something was missed. */
  async reload(topic) {
    const { actions, social } = this.#ctx();
    if (topic.startsWith(USER_TOPIC)) {
      await Promise.all([social.transfers(), actions.balances()]);
      return;
    }
    const group = topic.slice(GROUP_TOPIC.length);
    await Promise.all([actions.reload(group), social.collections(group)]);
  }

  // Envelopes -----------------------------------------------------------------------------------------------------

  #envelope(group, event) {
    const { store, actions, attempt, quietly } = this.#ctx();
    const { missing, fresh } = store.apply(event);
    if (missing) {
      // It was sent before the history begins.
      attempt(actions.envelope(event.envelope_id));
    } else if (event.type === "envelope.sent" && fresh) {
      this.#sent(group, event);
    } else if (event.type === "envelope.grabbed" && fresh && event.user_id === store.me) {
      // Taken in another window of the same person.
      quietly(actions.awaitCredit(event.currency, store.balances.get(event.currency) ?? 0));
    } else if (event.type === "envelope.refunded" && store.envelopes.get(event.envelope_id)?.sender === store.me) {
      quietly(actions.balances());
    }
  }

  #sent(group, event) {
    const { t, me, actions, quietly, name, toasts } = this.#ctx();
    quietly(actions.before(group));
    if (event.sender === me) {
      quietly(actions.balances());
      return;
    }
    toasts.announce(t("chat.announce", { name: name(event.sender), greeting: event.greeting }));
    this.#unread(groupPlace(group));
    this.#newcomer(group, event.sender);
  }

  // Transfers -----------------------------------------------------------------------------------------------------

  #transfer(event) {
    const { store, me, actions, quietly } = this.#ctx();
    const { transfer, moved } = store.transfers.put(event);
    if (!moved || !store.fresh(transfer.changedAt)) return;
    const mine = transfer.sender === me;
    if (transfer.state === "arrived" && !mine) {
      quietly(actions.awaitCredit(transfer.currency, store.balances.get(transfer.currency) ?? 0));
    } else if (mine) {
      quietly(actions.balances());
    }
    // A step that the other side took, or time.
    const theirs = {
      offered: !mine,
      accepted: mine,
      arrived: mine || transfer.arrivesIn !== "now",
      declined: mine,
      recalled: !mine,
    };
    if (theirs[transfer.state] ?? true) this.#tellTransfer(transfer, mine);
  }

  #tellTransfer(transfer, mine) {
    const { t, lang, name, store } = this.#ctx();
    const other = store.transfers.other(transfer);
    const key = `tell.transfer_${transfer.state}_${mine ? "sender" : "recipient"}`;
    const text = t(key, { name: name(other), money: format(transfer.amount, transfer.currency, lang) });
    this.#tell(personPlace(other), text, transfer.note, { testid: `see-transfer-${transfer.id}` });
  }

  // Collections ---------------------------------------------------------------------------------------------------

  #collection(event) {
    const { store, me, actions, social, attempt, quietly } = this.#ctx();
    const id = event.collection_id;
    if (event.type === "collection.reminder") {
      attempt(this.#remind(event));
      return;
    }
    const before = store.collections.get(id)?.collected ?? 0;
    if (!store.collections.apply(event)) {
      attempt(social.collection(id).then((c) => event.type === "collection.opened" && this.#opened(c)));
      return;
    }
    const { collected, collector, currency } = store.collections.get(id);
    if (event.type === "collection.paid" && collector === me && collected > before) {
      quietly(actions.awaitCredit(currency, store.balances.get(currency) ?? 0));
    } else if (event.type === "collection.paid" && event.user_id === me) {
      quietly(actions.balances());
    }
  }

  #opened(collection) {
    const { t, lang, me, name, store } = this.#ctx();
    if (collection.collector === me || !store.fresh(collection.createdAt)) return;
    const part = store.collections.owed(collection);
    const money = format(part?.amount ?? collection.total, collection.currency, lang);
    const text = t(part ? "tell.collection_you" : "tell.collection", { name: name(collection.collector), money });
    this.#tell(groupPlace(collection.group), text, collection.note);
    this.#newcomer(collection.group, collection.collector);
  }

  // The history brings reminders again; each is shown once.
  async #remind(event) {
    const { t, lang, me, name, store, social, bill } = this.#ctx();
    const collection = await social.collection(event.collection_id);
    const part = store.collections.owed(collection);
    if (!part || reminded(me, collection.id)) return;
    const money = format(part.amount, collection.currency, lang);
    const text = t("tell.reminder", { name: name(collection.collector), money });
    const more = { always: true, testid: `reminder-${collection.id}` };
    // Who has left the group still owes, and pays from the bill.
    if (!store.groups.has(collection.group)) more.run = () => bill(collection.id);
    this.#tell(groupPlace(collection.group), text, collection.note, more);
  }

  // People --------------------------------------------------------------------------------------------------------

  // Says something about a place: to screen readers where it is on the screen, with a way there otherwise.
  #tell(place, text, detail, { always = false, testid, run = () => this.#ctx().go(place) } = {}) {
    const { t, toasts } = this.#ctx();
    const away = this.#unread(place);
    if (!away && !always) toasts.announce(text);
    else if (!away) toasts.show(text, detail, "plain", { testid });
    else
      toasts.show(text, detail, "plain", {
        action: { label: t("toast.see"), run },
        about: place,
        testid,
      });
  }

  // Returns whether the person is not looking at a place.
  #unread(place) {
    const { store, place: shown } = this.#ctx();
    const away = shown() !== place || document.hidden;
    if (away) store.unread(place);
    return away;
  }

  #newcomer(group, user) {
    const { store, actions, quietly } = this.#ctx();
    if (!store.groups.get(group)?.members.includes(user)) quietly(actions.members(group));
  }
}
