// What the console of operators asks of the HTTP API.

const PAGE = 20;

export class OperatorApi {
  #api;

  /** @param {import("../core/api.js").Api} api */
  constructor(api) {
    this.#api = api;
  }

  inState = (state, cursor, limit = PAGE) => this.#api.get("/v1/operator/merchants", { state, cursor, limit });
  find = (text, state, cursor) =>
    this.#api.get("/v1/operator/merchants/find", { query: text, state, cursor, limit: PAGE });
  get = (id) => this.#api.get(`/v1/merchants/${encodeURIComponent(id)}`);
  members = (id) => this.#api.get(`/v1/merchants/${encodeURIComponent(id)}/members`);
  history = (id, cursor) => this.#api.get(`/v1/merchants/${encodeURIComponent(id)}/history`, { cursor, limit: PAGE });
  /** body carries request_id. */
  decide = (id, body) => this.#api.post(`/v1/operator/merchants/${encodeURIComponent(id)}/decide`, body);
  covers = (state, cursor) => this.#api.get("/v1/operator/covers", { state, cursor, limit: PAGE });
  cover = (merchant, cover) => this.#api.get(coverPath(merchant, cover));
  coverHistory = (merchant, cover, cursor) =>
    this.#api.get(`${coverPath(merchant, cover)}/history`, { cursor, limit: PAGE });
  /** body carries request_id. */
  decideCover = (cover, body) => this.#api.post(`/v1/operator/covers/${encodeURIComponent(cover)}/decide`, body);
  reports = (cursor) => this.#api.get("/v1/operator/cover/reports", { cursor, limit: PAGE });
  decideReport = (report, body) =>
    this.#api.post(`/v1/operator/cover/reports/${encodeURIComponent(report)}/decide`, body);
  reviews = (state, cursor, limit = PAGE) => this.#api.get("/v1/operator/reviews", { state, cursor, limit });
  decideReview = (review, body) => this.#api.post(`/v1/operator/reviews/${encodeURIComponent(review)}/decide`, body);
  installation = () => this.#api.get("/v1/operator/installation");
  backlog = () => this.#api.get("/v1/operator/backlog");
  /** Reads all the books; it may take minutes. */
  audit = () => this.#api.slowly("/v1/operator/audit");
}

const coverPath = (merchant, cover) =>
  `/v1/merchants/${encodeURIComponent(merchant)}/covers/${encodeURIComponent(cover)}`;
