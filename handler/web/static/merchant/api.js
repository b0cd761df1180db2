// What the console of merchants asks of the HTTP API. Every body that makes something carries a request_id.

/** How many lines a page of a list has. */
export const PAGE = 20;

const NEWEST = Number.MAX_SAFE_INTEGER; // above every position

export class MerchantApi {
  #api;

  /** @param {import("../core/api.js").Api} api */
  constructor(api) {
    this.#api = api;
  }

  now = () => this.#api.now();
  mine = (cursor) => this.#api.get("/v1/me/merchants", { cursor, limit: 100 });
  apply = (body) => this.#api.post("/v1/merchants", body);
  get = (id) => this.#api.get(at(id));
  history = (id, cursor) => this.#api.get(at(id, "history"), { cursor, limit: PAGE });

  advanceTestClock = (id, body) => this.#api.post(at(id, "test", "clock", "advance"), body);

  members = (id) => this.#api.get(at(id, "members"));
  setMember = (id, body) => this.#api.post(at(id, "members"), body);
  removeMember = (id, user, body) => this.#api.post(at(id, "members", user, "remove"), body);

  keys = (id) => this.#api.get(at(id, "keys"));
  createKey = (id, body) => this.#api.postOnce(at(id, "keys"), body);
  rollKey = (id, key, body) => this.#api.postOnce(at(id, "keys", key, "roll"), body);
  revokeKey = (id, key, body) => this.#api.post(at(id, "keys", key, "revoke"), body);

  wallets = (id, mode) => this.#api.get(at(id, "wallets"), { mode });
  entries = (id, mode, wallet, currency, cursor) =>
    this.#api.get(at(id, "entries"), { mode, wallet, currency, cursor, limit: PAGE });
  topUp = (id, body) => this.#api.post(at(id, "topups"), body);
  move = (id, body) => this.#api.post(at(id, "moves"), body);
  limits = (id, mode) => this.#api.get(at(id, "limits"), { mode });

  webhooks = (id, mode, cursor = "") => this.#api.get(at(id, "webhooks"), { mode, cursor, limit: 100 });
  webhook = (id, mode, hook) => this.#api.get(at(id, "webhooks", hook), { mode });
  createWebhook = (id, body) => this.#api.postOnce(at(id, "webhooks"), body);
  updateWebhook = (id, hook, body) => this.#api.post(at(id, "webhooks", hook, "update"), body);
  /** verb: pause, resume or disable. */
  setWebhook = (id, hook, verb, mode) => this.#api.post(at(id, "webhooks", hook, verb), { mode });
  rollWebhook = (id, hook, body) => this.#api.postOnce(at(id, "webhooks", hook, "roll"), body);
  testWebhook = (id, hook, body) => this.#api.post(at(id, "webhooks", hook, "test"), body);
  replay = (id, hook, body) => this.#api.post(at(id, "webhooks", hook, "replay"), body);
  deliveries = (id, mode, hook, state, cursor) =>
    this.#api.get(at(id, "webhooks", hook, "deliveries"), { mode, state, cursor, limit: PAGE });
  attempts = (id, mode, hook, event, cursor) =>
    this.#api.get(at(id, "webhooks", hook, "deliveries", event, "attempts"), { mode, cursor, limit: PAGE });
  /** The events below a position, the latest first; from the latest where before is empty. */
  events = (id, mode, before) => this.#api.get(at(id, "events"), { mode, before: before || NEWEST, limit: PAGE });

  covers = (id, mode, cursor) => this.#api.get(at(id, "covers"), { mode, cursor, limit: PAGE });
  cover = (id, cover) => this.#api.get(at(id, "covers", cover));
  createCover = (id, body) => this.#api.post(at(id, "covers"), body);
  /** verb: edit, submit or appeal. */
  changeCover = (id, cover, verb, body) => this.#api.post(at(id, "covers", cover, verb), body);
  coverHistory = (id, cover, cursor) => this.#api.get(at(id, "covers", cover, "history"), { cursor, limit: PAGE });
  upload = (id, mode, file) =>
    this.#api.upload(`/v1/merchant/images?${new URLSearchParams({ merchant_id: id, mode })}`, file);

  stock = (id, cover) => this.#api.get(at(id, "covers", cover, "stock"));
  buy = (id, cover, body) => this.#api.post(at(id, "covers", cover, "stock"), body);
  withdraw = (id, cover, body) => this.#api.post(at(id, "covers", cover, "withdraw"), body);
  openChannel = (id, cover, body) => this.#api.post(at(id, "covers", cover, "channels"), body);
  closeChannel = (id, cover, channel) => this.#api.post(at(id, "covers", cover, "channels", channel, "close"), {});
  makeCodes = (id, cover, channel, body) =>
    this.#api.postOnce(at(id, "covers", cover, "channels", channel, "codes"), body);
  stats = (id, cover, from, to) => this.#api.get(at(id, "covers", cover, "stats"), { from, to });
}

const at = (id, ...parts) =>
  ["/v1/merchants", id, ...parts].map((part, i) => (i ? encodeURIComponent(part) : part)).join("/");
