// SHA-256 (FIPS 180-4). Browsers offer it only to pages that came over HTTPS or from the machine itself; a phone that
// opens http://192.168.… has to compute it here.

const ROUNDS = 64;

/**
 * @param {Uint8Array} message
 * @returns {Promise<Uint8Array>} 32 bytes
 */
export async function sha256(message) {
  if (globalThis.crypto?.subtle) return new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(message)));
  return sha256Plain(message);
}

/**
 * @param {Uint8Array} message
 * @returns {Uint8Array} 32 bytes
 */
export function sha256Plain(message) {
  const { state, k } = constants();
  const padded = pad(message);
  const view = new DataView(padded.buffer);
  const w = new Uint32Array(ROUNDS);
  for (let at = 0; at < padded.length; at += 64) {
    for (let i = 0; i < 16; i++) w[i] = view.getUint32(at + 4 * i);
    for (let i = 16; i < ROUNDS; i++) {
      const s0 = right(w[i - 15], 7) ^ right(w[i - 15], 18) ^ (w[i - 15] >>> 3);
      const s1 = right(w[i - 2], 17) ^ right(w[i - 2], 19) ^ (w[i - 2] >>> 10);
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    compress(state, w, k);
  }
  const out = new DataView(new ArrayBuffer(32));
  state.forEach((word, i) => out.setUint32(4 * i, word));
  return new Uint8Array(out.buffer);
}

function compress(state, w, k) {
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < ROUNDS; i++) {
    const s1 = right(e, 6) ^ right(e, 11) ^ right(e, 25);
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + k[i] + w[i]) | 0;
    const s0 = right(a, 2) ^ right(a, 13) ^ right(a, 22);
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => {
    state[i] += word;
  });
}

// One bit 1, zeros, and the length in bits as 64 bits, up to a multiple of 64 bytes.
function pad(message) {
  const padded = new Uint8Array(Math.ceil((message.length + 9) / 64) * 64);
  padded.set(message);
  padded[message.length] = 0x80;
  new DataView(padded.buffer).setBigUint64(padded.length - 8, BigInt(message.length) * 8n);
  return padded;
}

// The first 32 bits of the fractions of the square roots of the first 8 primes, and of the cube roots of the first 64.
function constants() {
  const primes = [];
  for (let n = 2; primes.length < ROUNDS; n++) if (primes.every((p) => n % p)) primes.push(n);
  const fraction = (x) => (x - Math.floor(x)) * 2 ** 32;
  return {
    state: Uint32Array.from(primes.slice(0, 8), (p) => fraction(Math.sqrt(p))),
    k: Uint32Array.from(primes, (p) => fraction(Math.cbrt(p))),
  };
}

function right(word, bits) {
  return (word >>> bits) | (word << (32 - bits));
}
