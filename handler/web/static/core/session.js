// Who this window is. It is kept per window, so that two side by side can be two people.

import { devToken } from "./api.js";
import { validId } from "./people.js";

const STORAGE_KEY = "hongbao.session";
const DEV_SCOPES = ["user"]; // of which a page asks for development tokens

export class Session {
  user = "";
  token = "";
  /** Whether new tokens can be had without asking the person. */
  dev;

  /** @type {Promise<boolean>|null} */
  #renewing = null;

  #scope;
  #key;

  /** @param {boolean} dev whether the server gives development tokens @param {string} [scope] what the page calls for */
  constructor(dev, scope = "user") {
    this.dev = dev && DEV_SCOPES.includes(scope);
    this.#scope = scope;
    this.#key = scope === "user" ? STORAGE_KEY : `${STORAGE_KEY}.${scope}`;
  }

  /** Who this window was before it was reloaded, or "". */
  restore() {
    try {
      const kept = JSON.parse(sessionStorage.getItem(this.#key) ?? "{}");
      this.user = kept.user ?? "";
      this.token = kept.token ?? "";
    } catch {
      // Storage may be forbidden; then one signs in again.
    }
    return this.user;
  }

  /** Becomes a user by a development token. Problem where the server gives none. */
  async enter(user) {
    const token = await devToken(user, [this.#scope]);
    this.#keep(user, token);
  }

  /** Becomes whoever the token names. Returns false where it is no token. */
  enterWithToken(token) {
    const user = subject(token.trim());
    if (!user) return false;
    this.#keep(user, token.trim());
    return true;
  }

  /** Gets another token for the same user. Calls that come together share one. False where that is impossible. */
  renew() {
    this.#renewing ??= this.#renewNow().finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  /** When the token expires, in Unix milliseconds; 0 where it does not say so. */
  get expires() {
    const { exp } = claims(this.token);
    return typeof exp === "number" ? exp * 1000 : 0;
  }

  leave() {
    this.#keep("", "");
  }

  async #renewNow() {
    if (!this.dev || !this.user) return false;
    try {
      await this.enter(this.user);
      return true;
    } catch {
      return false; // whoever asked reports its own failure
    }
  }

  #keep(user, token) {
    this.user = user;
    this.token = token;
    try {
      sessionStorage.setItem(this.#key, JSON.stringify({ user, token }));
    } catch {
      // See restore.
    }
  }
}

function subject(token) {
  const { sub } = claims(token);
  return typeof sub === "string" && validId(sub) ? sub : "";
}

/** The claims of a JWT; none where it is no token. Only the server checks the signature. @returns {any} */
function claims(token) {
  const parts = token.split(".");
  if (parts.length !== 3) return {};
  try {
    const bytes = Uint8Array.from(atob(parts[1].replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)) ?? {};
  } catch {
    return {};
  }
}
