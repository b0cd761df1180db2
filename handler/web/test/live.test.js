// The live feed's connection: grabs are answered there, or left to HTTP; who listens.

import assert from "node:assert/strict";
import test from "node:test";

import { Live } from "../static/core/live.js";

/** A connection whose other end is the test. */
class Socket extends EventTarget {
  static OPEN = 1;
  /** @type {Socket} */
  static last;
  readyState = 0;
  sent = [];
  constructor() {
    super();
    Socket.last = this;
  }
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.readyState = 3;
  }
  open() {
    this.readyState = Socket.OPEN;
    this.dispatchEvent(new Event("open"));
  }
  receive(message) {
    this.dispatchEvent(Object.assign(new Event("message"), { data: JSON.stringify(message) }));
  }
  end() {
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event("close"), { code: 1006, reason: "" }));
  }
}

function connect(onPresent, expires = 0) {
  const nothing = () => {};
  Object.assign(globalThis, {
    WebSocket: Socket,
    location: { protocol: "http:", host: "test" },
    addEventListener: nothing,
    removeEventListener: nothing,
  });
  const live = new Live({
    token: () => "t",
    expires: () => expires,
    refresh: async () => true,
    renew: async () => true,
    onStatus: nothing,
    onEvents: nothing,
    onReload: nothing,
    onRevoked: nothing,
    onProblem: nothing,
    onRefused: nothing,
    onPresent,
  });
  live.start();
  return { live, socket: Socket.last };
}

test("a grab is answered over the connection, two of one envelope by one message", async () => {
  const { live, socket } = connect();
  assert.equal(await live.grab("7"), null, "before the connection is open");
  socket.open();
  const both = Promise.all([live.grab("7"), live.grab("7")]);
  const other = live.grab("8");
  assert.deepEqual(socket.sent, [
    { op: "grab", envelope: "7" },
    { op: "grab", envelope: "8" },
  ]);
  const won = { op: "grab", envelope: "7", code: "ok", outcome: "won", amount: 314, currency: "CNY", share: 0 };
  socket.receive({ op: "grab", envelope: "8", code: "not_a_member", detail: "no" });
  socket.receive(won);
  assert.deepEqual(await both, [won, won]);
  assert.equal(await other, null, "a refusal is for HTTP to tell");
  live.stop();
});

test("a connection that ends leaves its grabs to HTTP", async () => {
  const { live, socket } = connect();
  socket.open();
  const grab = live.grab("7");
  socket.end();
  assert.equal(await grab, null);
  live.stop();
});

test("who listens is asked for where it is wanted, and not known without a connection", () => {
  /** @type {[string, number][]} */
  const told = [];
  const { live, socket } = connect((topic, count) => told.push([topic, count]));
  socket.open();
  live.follow("user:ann");
  live.follow("group:g", true);
  assert.deepEqual(socket.sent, [
    { op: "subscribe", topic: "user:ann" },
    { op: "subscribe", topic: "group:g", presence: true },
  ]);
  socket.receive({ op: "present", topic: "group:g", count: 3 });
  socket.receive({ op: "present", topic: "group:other", count: 9 });
  socket.end();
  assert.deepEqual(told, [
    ["group:g", 3],
    ["group:g", 0],
  ]);
  live.stop();
});

test("another token is sent before the one of the connection expires", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { live, socket } = connect(undefined, 200_000);
  socket.open();
  t.mock.timers.tick(139_000);
  await Promise.resolve();
  assert.deepEqual(
    socket.sent.filter((m) => m.op === "refresh"),
    [],
  );
  t.mock.timers.tick(1_000);
  await Promise.resolve();
  await Promise.resolve();
  assert.deepEqual(
    socket.sent.filter((m) => m.op === "refresh"),
    [{ op: "refresh", token: "t" }],
  );
  live.stop();
});
