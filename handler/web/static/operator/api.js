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
  installation = () => this.#api.get("/v1/operator/installation");
  backlog = () => this.#api.get("/v1/operator/backlog");
  /** Reads all the books; it may take minutes. */
  audit = () => this.#api.slowly("/v1/operator/audit");
}
