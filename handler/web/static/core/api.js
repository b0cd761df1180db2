// The HTTP API. Every refusal becomes a Problem with the server's stable code and its sentence.

const TIMEOUT_MS = 10_000;
const FILE_TIMEOUT_MS = 10 * 60_000; // of a file of any length
const TRIES = 4; // of calls that are safe to repeat, when the network or the server is away
const FIRST_BACKOFF_MS = 250;
const DATE_HEADER_STEP_MS = 1000; // its resolution: on average it is half of that behind
const REQUEST_ID_BYTES = 16;
const TRANSFERS = 100; // on a page: the most that the server gives

/** An answer that is not a success. status is 0 where no answer came. */
export class Problem extends Error {
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
    this.detail = detail;
  }

  /** Whether the same call may succeed later: nothing is known about what happened to it. */
  get temporary() {
    return this.status === 0 || this.status >= 500 || this.status === 429;
  }
}

/** An id that makes a call safe to repeat. */
export function newRequestId() {
  const bytes = crypto.getRandomValues(new Uint8Array(REQUEST_ID_BYTES));
  return `web-${Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("")}`;
}

/** A development token. Problem 404 where the server gives none. */
export async function devToken(user, scopes) {
  const answer = await call("POST", "/v1/dev/tokens", { user_id: user, scopes });
  return answer.body.token;
}

export class Api {
  #token;
  #renew;
  #skew = 0;

  /**
   * @param {() => string} token the bearer token to use now
   * @param {() => Promise<boolean>} renew gets another one after it was refused; false where that is impossible
   */
  constructor(token, renew) {
    this.#token = token;
    this.#renew = renew;
  }

  /** The server's time in Unix ms, to about a second. */
  now() {
    return Date.now() + this.#skew;
  }

  /** Whether the server answers and knows the token. */
  probe = () => this.#once("GET", "/v1/wallet");
  wallet = () => this.#repeat("GET", "/v1/wallet");
  entries = (currency, cursor) => this.#repeat("GET", `/v1/wallet/entries?${query({ currency, cursor })}`);
  sent = (cursor) => this.#repeat("GET", `/v1/me/envelopes?${query({ direction: "sent", cursor })}`);
  received = (cursor) => this.#repeat("GET", `/v1/me/envelopes?${query({ direction: "received", cursor })}`);
  groups = () => this.#repeat("GET", "/v1/me/groups");
  members = (group) => this.#repeat("GET", `/v1/groups/${encodeURIComponent(group)}/members`);
  envelope = (id) => this.#repeat("GET", `/v1/envelopes/${encodeURIComponent(id)}`);
  grab = (id) => this.#repeat("POST", `/v1/envelopes/${encodeURIComponent(id)}/grab`, {});
  /** body carries request_id: the caller may repeat it. */
  send = (body) => this.#repeat("POST", "/v1/envelopes", body);
  transfersSent = (cursor) =>
    this.#repeat("GET", `/v1/me/transfers?${query({ direction: "sent", cursor, limit: TRANSFERS })}`);
  transfersReceived = (cursor) =>
    this.#repeat("GET", `/v1/me/transfers?${query({ direction: "received", cursor, limit: TRANSFERS })}`);
  transfer = (id) => this.#repeat("GET", `/v1/transfers/${encodeURIComponent(id)}`);
  /** body carries request_id, as everywhere. */
  offer = (body) => this.#repeat("POST", "/v1/transfers", body);
  /** step is accept, decline or recall. */
  step = (id, step) => this.#repeat("POST", `/v1/transfers/${encodeURIComponent(id)}/${step}`, {});
  collections = (group, cursor) =>
    this.#repeat("GET", `/v1/groups/${encodeURIComponent(group)}/collections?${query({ cursor })}`);
  collection = (id) => this.#repeat("GET", `/v1/collections/${encodeURIComponent(id)}`);
  openCollection = (body) => this.#repeat("POST", "/v1/collections", body);
  payCollection = (id, body) => this.#repeat("POST", `/v1/collections/${encodeURIComponent(id)}/pay`, body);
  closeCollection = (id) => this.#repeat("POST", `/v1/collections/${encodeURIComponent(id)}/close`, {});
  topUp = (body) => this.#repeat("POST", "/v1/wallet/topups", body);

  /** The statement of whole days, both included (YYYY-MM-DD, UTC), as a CSV file. */
  statement = (currency, from, to) =>
    this.#repeat("GET", `/v1/wallet/statement.csv?${query({ currency, from, to })}`, undefined, file);

  /** Reads something that only one page knows. Parameters that are empty are left out. */
  get = (path, params = {}) => {
    const asked = query(params);
    return this.#repeat("GET", asked ? `${path}?${asked}` : path);
  };
  /** Reads a file, for whom the token names. */
  blob = (path) => this.#repeat("GET", path, undefined, file);
  /** Does something that is safe to repeat. */
  post = (path, body) => this.#repeat("POST", path, body);
  /** Does something whose answer is worth having the first time only. */
  postOnce = (path, body) => this.#once("POST", path, body);
  /** Sends a file as it is. */
  upload = (path, blob) => this.#once("POST", path, blob, slow);
  /** Reads something that takes as long as a file of any length. */
  slowly = (path) => this.#once("GET", path, undefined, slow);

  async #repeat(method, path, body, how = call) {
    let backoff = FIRST_BACKOFF_MS;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once(method, path, body, how);
      } catch (problem) {
        if (!(problem instanceof Problem) || !problem.temporary || attempt === TRIES) throw problem;
      }
      await new Promise((resolve) => setTimeout(resolve, backoff * (0.5 + Math.random())));
      backoff *= 2;
    }
  }

  async #once(method, path, body, how = call) {
    try {
      return await this.#call(method, path, body, how);
    } catch (problem) {
      if (!(problem instanceof Problem) || problem.status !== 401 || !(await this.#renew())) throw problem;
      return this.#call(method, path, body, how);
    }
  }

  async #call(method, path, body, how) {
    const answer = await how(method, path, body, this.#token());
    if (answer.date) this.#skew = answer.date + DATE_HEADER_STEP_MS / 2 - Date.now();
    return answer.body;
  }
}

/** What the chat application does, here for development: it makes groups. */
export class Directory {
  #token;

  /** @param {string} token of scope service */
  constructor(token) {
    this.#token = token;
  }

  create = (group, members) => this.#do("POST", "/v1/groups", { group_id: group, members });
  add = (group, user) =>
    this.#do("PUT", `/v1/groups/${encodeURIComponent(group)}/members/${encodeURIComponent(user)}`, {});

  async #do(method, path, body) {
    return (await call(method, path, body, this.#token)).body;
  }
}

const slow = (method, path, body, token) => call(method, path, body, token, FILE_TIMEOUT_MS);

async function call(method, path, body, token, timeout = TIMEOUT_MS) {
  const { response, body: text } = await ask(method, path, body, token, timeout, (r) => r.text());
  const data = parse(text);
  if (data === undefined) throw new Problem(response.status, "unexpected", "the answer was not JSON");
  return { body: data, date: Date.parse(response.headers.get("Date") ?? "") };
}

async function file(method, path, body, token) {
  const { body: blob } = await ask(method, path, body, token, FILE_TIMEOUT_MS, (r) => r.blob());
  return { body: blob, date: NaN };
}

// Sends a request and reads a success with read.
async function ask(method, path, body, token, timeout, read) {
  /** @type {Record<string, string>} */
  const headers = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  const isFile = body instanceof Blob;
  if (body !== undefined) headers["Content-Type"] = isFile ? "application/octet-stream" : "application/json";
  let response;
  let content;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined || isFile ? body : JSON.stringify(body),
      signal: AbortSignal.timeout(timeout),
    });
    content = await (response.ok ? read(response) : response.text());
  } catch {
    throw new Problem(0, "no_answer", "");
  }
  if (response.ok) return { response, body: content };
  const data = parse(content);
  throw new Problem(response.status, data?.code ?? "unexpected", data?.detail ?? `HTTP ${response.status}`);
}

function parse(text) {
  if (text === "") return {};
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function query(params) {
  const known = Object.entries(params).filter(([, v]) => v);
  return new URLSearchParams(known).toString();
}
