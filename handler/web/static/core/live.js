// The live feed: one WebSocket, any number of topics, resumed where it stopped. The protocol is the server's package
// push: a place in a topic is (epoch, seq), and whoever resumes at one gets all that came after it, or is told that
// something was lost. Events may come twice: whoever applies them must not mind.

const FIRST_BACKOFF_MS = 300;
const MAX_BACKOFF_MS = 10_000;
const BACKLOG = 200; // events of the past asked for when a topic is new here; the server keeps 256
const PING_MS = 20_000; // silence after which the connection is tested
const DEAD_MS = 10_000; // silence after that means that it is gone
const DENIED_BACKOFF_MS = 1000; // a membership is known everywhere within a second
const DENIED_TRIES = 4;
const GRAB_MS = 4000; // a grab that is not answered by then is asked for in another way

const REFRESH_MS = 60_000; // before a token expires, another one is sent
const LONGEST_TIMER_MS = 2 ** 31 - 1; // a browser's

const CLOSE_GOING_AWAY = 1001;
const CLOSE_TOKEN_EXPIRED = 4401;
const CLOSE_TOO_SLOW = 4408;

export class Live {
  #options;
  // What is followed: the place up to which everything was seen (epoch empty where none is), whether the past is being
  // asked for, how often it was denied, and whether one is counted among those who listen, and told their number.
  #topics = new Map();
  /** @type {Map<string, {waiting: ((answer: any) => void)[], timer: number}>} */
  #grabs = new Map(); // by envelope
  /** @type {WebSocket|null} */
  #socket = null;
  #reconnect = 0;
  #watch = 0;
  #refresh = 0;
  #failures = 0;
  #running = false;

  /**
   * @param {object} options
   * @param {() => string} options.token
   * @param {() => number} options.expires when the token does, in Unix milliseconds; 0: it is not known
   * @param {() => Promise<boolean>} options.refresh gets another token, if that can be without asking anybody
   * @param {() => Promise<boolean>} options.renew gets a new token; false where that is impossible
   * @param {(status: "connecting"|"live"|"offline") => void} options.onStatus
   * @param {(topic: string, events: object[]) => void} options.onEvents
   * @param {(topic: string) => void} options.onReload something was missed
   * @param {(topic: string) => void} options.onRevoked
   * @param {(topic: string, count: number) => void} [options.onPresent] so many listen; 0: it is not known
   * @param {(code: string, detail: string) => void} options.onProblem
   * @param {() => void} options.onRefused the connection could not be made; the token may be the reason
   */
  constructor(options) {
    this.#options = options;
    this.wake = this.wake.bind(this);
  }

  start() {
    this.#running = true;
    addEventListener("online", this.wake);
    this.#connect();
  }

  stop() {
    this.#running = false;
    removeEventListener("online", this.wake);
    clearTimeout(this.#reconnect);
    clearTimeout(this.#watch);
    clearTimeout(this.#refresh);
    this.#socket?.close();
  }

  /**
   * Listens to a topic from now on, and to what its history still holds.
   * @param {string} topic
   * @param {boolean} [presence] whether to be counted among those who listen, and to hear how many do
   */
  follow(topic, presence = false) {
    if (this.#topics.has(topic)) return;
    this.#topics.set(topic, { epoch: "", seq: 0, past: false, denied: 0, presence });
    this.#subscribe(topic);
  }

  forget(topic) {
    if (this.#topics.delete(topic)) this.#send({ op: "unsubscribe", topic });
  }

  /**
   * Takes a share of an envelope over this connection. null where there is none, where no answer came, and where the
   * grab was refused: it may be repeated, so whoever gets null asks over HTTP, which tells why.
   * @param {string} id
   * @returns {Promise<{outcome: string, amount: number, currency: string, share: number}|null>}
   */
  grab(id) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return Promise.resolve(null);
    return new Promise((resolve) => {
      const under = this.#grabs.get(id);
      if (under) {
        under.waiting.push(resolve);
        return;
      }
      const timer = setTimeout(() => this.#grabbed(id, null), GRAB_MS);
      this.#grabs.set(id, { waiting: [resolve], timer });
      this.#send({ op: "grab", envelope: id });
    });
  }

  #grabbed(id, answer) {
    const under = this.#grabs.get(id);
    this.#grabs.delete(id);
    clearTimeout(under?.timer);
    under?.waiting.forEach((resolve) => resolve(answer));
  }

  /** Connects at once if it is waiting to. */
  wake() {
    if (!this.#running || this.#socket) return;
    clearTimeout(this.#reconnect);
    this.#connect();
  }

  #connect() {
    const { token, onStatus } = this.#options;
    onStatus("connecting");
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws?token=${encodeURIComponent(token())}`);
    let opened = false;
    this.#socket = socket;
    socket.addEventListener("open", () => {
      opened = true;
      this.#failures = 0;
      this.#heard();
      this.#refreshInTime();
      onStatus("live");
      for (const topic of this.#topics.keys()) this.#subscribe(topic);
    });
    socket.addEventListener("message", (e) => {
      this.#heard();
      this.#receive(e.data);
    });
    socket.addEventListener("close", (e) => this.#closed(socket, e, opened));
  }

  // Goes on with another token before the one of the connection expires. Where none can be had, the connection ends.
  #refreshInTime() {
    clearTimeout(this.#refresh);
    const { expires, refresh, token } = this.#options;
    const left = expires() - Date.now();
    if (left <= 0) return; // not known, or a clock that differs
    const socket = this.#socket;
    const wait = Math.min(LONGEST_TIMER_MS, Math.max(left - REFRESH_MS, left / 2));
    this.#refresh = setTimeout(async () => {
      if (socket !== this.#socket || !(await refresh()) || socket !== this.#socket) return;
      this.#send({ op: "refresh", token: token() });
      this.#refreshInTime();
    }, wait);
  }

  // A network that changed may leave a connection that looks open and carries nothing.
  #heard() {
    clearTimeout(this.#watch);
    const socket = this.#socket;
    this.#watch = setTimeout(() => {
      this.#send({ op: "ping" });
      this.#watch = setTimeout(() => {
        socket?.close();
        this.#closed(socket, { code: 1006, reason: "" }, true); // its own close may take minutes to come
      }, DEAD_MS);
    }, PING_MS);
  }

  async #closed(socket, { code, reason }, opened) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    for (const id of [...this.#grabs.keys()]) this.#grabbed(id, null);
    clearTimeout(this.#watch);
    clearTimeout(this.#refresh);
    if (!this.#running) return;
    for (const [topic, { presence }] of this.#topics) if (presence) this.#options.onPresent?.(topic, 0);
    this.#options.onStatus("offline");
    if (code === CLOSE_TOKEN_EXPIRED && !(await this.#options.renew())) return;
    if (!opened) {
      this.#failures++;
      this.#options.onRefused();
    }
    this.#reconnect = setTimeout(this.wake, this.#backoff(code, reason));
  }

  // Jittered, so that the clients of a node that went down do not come back all at once.
  #backoff(code, reason) {
    if (code === CLOSE_TOO_SLOW || code === CLOSE_TOKEN_EXPIRED) return 0;
    const told = code === CLOSE_GOING_AWAY && /^reconnect_ms=(\d+)$/.exec(reason);
    if (told) return Math.min(Number(told[1]), MAX_BACKOFF_MS);
    return Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** this.#failures) * (0.3 + 0.7 * Math.random());
  }

  #subscribe(topic) {
    const at = this.#topics.get(topic);
    if (!at) return;
    const { epoch, seq, presence } = at;
    this.#send({ op: "subscribe", topic, ...(epoch && { epoch, seq }), ...(presence && { presence }) });
  }

  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #receive(data) {
    const message = JSON.parse(data);
    if (message.op === "grab") this.#grabbed(message.envelope, message.code === "ok" ? message : null);
    const { topic } = message;
    const at = this.#topics.get(topic);
    if (!at) return;
    switch (message.op) {
      case "subscribed":
        this.#subscribed(message, at);
        break;
      case "events":
        at.epoch = message.epoch;
        at.seq = message.events.at(-1).seq;
        this.#options.onEvents(
          topic,
          message.events.map((e) => e.event),
        );
        break;
      case "reload":
        Object.assign(at, { epoch: message.epoch, seq: message.seq });
        this.#options.onReload(topic);
        break;
      case "present":
        this.#options.onPresent?.(topic, message.count);
        break;
      case "revoked":
        this.#topics.delete(topic);
        this.#options.onRevoked(topic);
        break;
      case "error":
        this.#denied(message, at);
        break;
    }
  }

  #subscribed({ topic, epoch, seq, resumed }, at) {
    const isNew = at.epoch === "";
    const lost = !resumed && !isNew && !at.past;
    Object.assign(at, { epoch, seq, past: false, denied: 0 });
    if (lost) this.#options.onReload(topic);
    if (!isNew || seq === 0) return;
    // Now that the epoch is known, subscribing again from an earlier place brings what the history holds.
    Object.assign(at, { seq: Math.max(0, seq - BACKLOG), past: true });
    this.#send({ op: "unsubscribe", topic });
    this.#subscribe(topic);
  }

  #denied({ topic, code, detail }, at) {
    if (at.denied++ < DENIED_TRIES) {
      setTimeout(() => this.#subscribe(topic), DENIED_BACKOFF_MS * at.denied);
      return;
    }
    this.#options.onProblem(code, detail);
  }
}
