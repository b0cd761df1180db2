import assert from "node:assert/strict";
import test from "node:test";

import { Dialogs } from "../static/core/dialogs.js";

/** The history of a window, in which going back is heard of at once. */
class Steps {
  #at = 0;
  #entries = [{ state: null, url: "/" }];
  onMove = () => {};

  get state() {
    return this.#entries[this.#at].state;
  }

  get url() {
    return this.#entries[this.#at].url;
  }

  pushState(state, _, url = this.url) {
    this.#entries.splice(++this.#at, Infinity, { state, url });
  }

  replaceState(state, _, url = this.url) {
    this.#entries[this.#at] = { state, url };
  }

  back() {
    assert.ok(this.#at > 0, "the window leaves the page");
    this.#at--;
    this.onMove();
  }
}

class Dialog extends EventTarget {
  isOpen = false;

  showModal() {
    this.isOpen = true;
  }

  close() {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.dispatchEvent(new Event("close"));
  }

  remove() {}
}

/** A page in a window: its dialogs, its history, and the places that the window was led to. */
function page() {
  const steps = new Steps();
  Object.assign(globalThis, { history: steps, document: { body: { append() {} }, activeElement: null } });
  const dialogs = new Dialogs();
  const places = [];
  steps.onMove = () => dialogs.moved() || places.push(steps.url);
  const open = () => {
    const dialog = new Dialog();
    dialogs.show(/** @type {any} */ (dialog));
    return dialog;
  };
  return { steps, dialogs, places, open };
}

test("a dialog that is open when the page gets its address stays a step", () => {
  for (const close of ["back", "close"]) {
    const { steps, dialogs, places, open } = page();
    const [lower, upper] = [open(), open()];
    dialogs.replace("/?group=family");
    assert.equal(steps.url, "/?group=family"); // as whoever loads the page anew wants it
    for (const dialog of [upper, lower]) {
      assert.ok(dialogs.isStep);
      if (close === "back") steps.back();
      else dialog.close();
      assert.equal(dialog.isOpen, false, close);
    }
    assert.equal(steps.url, "/?group=family", close);
    assert.equal(dialogs.isStep, false);
    assert.deepEqual(places, []);
    assert.throws(() => steps.back(), /leaves the page/);
  }
});

test("what a dialog leads to takes the place of its step", () => {
  const { steps, dialogs, places, open } = page();
  const dialog = open();
  dialogs.replace("/?group=family");
  steps.replaceState(null, "", "/?group=other");
  dialog.close();
  assert.equal(steps.url, "/?group=other");
  steps.pushState(null, "", "/?group=third");
  steps.back();
  assert.equal(steps.url, "/?group=other");
  assert.deepEqual(places, ["/?group=other"]);
});

test("a page without a dialog gets its address at once", () => {
  const { steps, dialogs } = page();
  dialogs.replace("/?group=family");
  assert.equal(steps.url, "/?group=family");
  assert.equal(steps.state, null);
});
