// The split of a red envelope, redone from its revealed seed. A pure module: no page, no network.
//
// It must agree bit for bit with the server, so every step is spelled out.
//
// Random source. ChaCha8Rand (https://c2sp.org/chacha8rand), which is Go's math/rand/v2 ChaCha8: 32 bytes of seed give
// a stream of unsigned 64-bit numbers.
//
// draw(n), uniform in [0, n). limit is the largest multiple of n that is at most 2^64. Take numbers from the stream
// until one is below limit; the result is that number mod n. Nothing is favoured, as it would be by a bare mod.
//
// Lucky split of T units in N shares. For each share but the last, with `rest` units and k shares left, the share is
// 1 + draw(hi), where hi is twice the mean of the rest, but at most what leaves one unit for each of the others, and
// at least 1. The last share is the rest. Then the shares are shuffled (Fisher-Yates from the end, draws from the same
// stream), so that coming early or late makes no difference.
//
// Equal split: T div N each, and one unit more for the first T mod N. Exclusive: one share, all of it. Neither draws.

import { sha256 } from "./sha256.js";

const BLOCK_WORDS = 64; // one refill makes four interlaced ChaCha blocks of sixteen 32-bit words
const COUNTER_STEP = 4;
const COUNTER_END = 16;
const SEED_WORDS = 8; // the last words of the fourth refill seed the next round and are never given out

const CONSTANTS = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574];

/** The stream of 64-bit numbers that a 32-byte seed stands for. */
export class ChaCha8 {
  #key = new Uint32Array(SEED_WORDS);
  #words = new Uint32Array(BLOCK_WORDS);
  #counter = 0;
  #next = 0; // index into #words
  #end = BLOCK_WORDS;

  /** @param {Uint8Array} seed 32 bytes; RangeError otherwise. */
  constructor(seed) {
    if (seed.length !== 4 * SEED_WORDS) throw new RangeError(`a seed has 32 bytes, not ${seed.length}`);
    const view = new DataView(seed.buffer, seed.byteOffset, seed.byteLength);
    for (let i = 0; i < SEED_WORDS; i++) this.#key[i] = view.getUint32(4 * i, true);
    this.#fill();
  }

  /** @returns {bigint} the next number, 0 to 2^64 - 1. */
  uint64() {
    if (this.#next >= this.#end) this.#refill();
    const low = this.#words[this.#next];
    const high = this.#words[this.#next + 1];
    this.#next += 2;
    return (BigInt(high) << 32n) | BigInt(low);
  }

  #refill() {
    this.#counter += COUNTER_STEP;
    if (this.#counter === COUNTER_END) {
      this.#key.set(this.#words.subarray(BLOCK_WORDS - SEED_WORDS));
      this.#counter = 0;
    }
    this.#fill();
    this.#next = 0;
    this.#end = this.#counter === COUNTER_END - COUNTER_STEP ? BLOCK_WORDS - SEED_WORDS : BLOCK_WORDS;
  }

  // Computes four blocks; word w of block b stands at 4w + b.
  #fill() {
    const x = new Uint32Array(16);
    for (let block = 0; block < COUNTER_STEP; block++) {
      x.set(CONSTANTS, 0);
      x.set(this.#key, 4);
      x[12] = this.#counter + block;
      x[13] = x[14] = x[15] = 0;
      for (let round = 0; round < 4; round++) {
        quarter(x, 0, 4, 8, 12);
        quarter(x, 1, 5, 9, 13);
        quarter(x, 2, 6, 10, 14);
        quarter(x, 3, 7, 11, 15);
        quarter(x, 0, 5, 10, 15);
        quarter(x, 1, 6, 11, 12);
        quarter(x, 2, 7, 8, 13);
        quarter(x, 3, 4, 9, 14);
      }
      // Only the key words are added back; the constants and the counter hold no secret.
      for (let w = 0; w < 16; w++) {
        this.#words[4 * w + block] = w >= 4 && w < 12 ? x[w] + this.#key[w - 4] : x[w];
      }
    }
  }
}

function quarter(x, a, b, c, d) {
  x[a] += x[b];
  x[d] = rotate(x[d] ^ x[a], 16);
  x[c] += x[d];
  x[b] = rotate(x[b] ^ x[c], 12);
  x[a] += x[b];
  x[d] = rotate(x[d] ^ x[a], 8);
  x[c] += x[d];
  x[b] = rotate(x[b] ^ x[c], 7);
}

function rotate(word, bits) {
  return (word << bits) | (word >>> (32 - bits));
}

/**
 * A number drawn uniformly from 0 to n - 1.
 * @param {ChaCha8} source
 * @param {number} n 1 to Number.MAX_SAFE_INTEGER
 * @returns {number}
 */
export function draw(source, n) {
  const size = BigInt(n);
  const limit = ((1n << 64n) / size) * size;
  let u = source.uint64();
  while (u >= limit) u = source.uint64();
  return Number(u % size);
}

/**
 * The shares of an envelope, in minor units, in the order in which they are taken.
 * @param {string} kind lucky, equal or exclusive; RangeError for another
 * @param {number} total minor units, at least count
 * @param {number} count shares, at least 1
 * @param {Uint8Array} seed 32 bytes
 * @returns {number[]}
 */
export function split(kind, total, count, seed) {
  if (!Number.isSafeInteger(total) || !Number.isSafeInteger(count) || count < 1 || total < count) {
    throw new RangeError(`${total} units cannot be split in ${count} shares`);
  }
  switch (kind) {
    case "lucky":
      return luckySplit(total, count, new ChaCha8(seed));
    case "equal":
      return equalSplit(total, count);
    case "exclusive":
      return [total];
  }
  throw new RangeError(`unknown kind ${kind}`);
}

function luckySplit(total, count, source) {
  const shares = [];
  let rest = total;
  for (let left = count; left > 1; left--) {
    const most = Math.max(1, Math.min(Math.floor((2 * rest) / left), rest - (left - 1)));
    const share = 1 + draw(source, most);
    shares.push(share);
    rest -= share;
  }
  shares.push(rest);
  for (let i = count - 1; i > 0; i--) {
    const j = draw(source, i + 1);
    [shares[i], shares[j]] = [shares[j], shares[i]];
  }
  return shares;
}

function equalSplit(total, count) {
  const each = Math.floor(total / count);
  const extra = total % count;
  return Array.from({ length: count }, (_, i) => (i < extra ? each + 1 : each));
}

/**
 * The commitment published when the envelope was sent: hex SHA-256 of the seed followed by the id in decimal.
 * @param {Uint8Array} seed
 * @param {string} id
 * @returns {Promise<string>}
 */
export async function commitment(seed, id) {
  const suffix = new TextEncoder().encode(id);
  const message = new Uint8Array(seed.length + suffix.length);
  message.set(seed);
  message.set(suffix, seed.length);
  return toHex(await sha256(message));
}

/**
 * Checks a closed envelope.
 * @param {{id: string, kind: string, total: number, count: number, commitment: string, seed: string,
 *          taken: readonly {user: string, share: number, amount: number}[]}} envelope
 * @returns {Promise<{ok: boolean, committed: boolean, computed: string, shares:
 *          {index: number, amount: number, user: string|null, recorded: number|null, ok: boolean}[]}>}
 *          user and recorded are null for a share that nobody took.
 */
export async function verify(envelope) {
  const seed = fromHex(envelope.seed);
  const computed = await commitment(seed, envelope.id);
  const amounts = split(envelope.kind, envelope.total, envelope.count, seed);
  /** @type {{index: number, amount: number, user: string|null, recorded: number|null, ok: boolean}[]} */
  const shares = amounts.map((amount, index) => ({ index, amount, user: null, recorded: null, ok: true }));
  let known = true;
  for (const take of envelope.taken) {
    const line = shares[take.share];
    if (!line || line.user !== null) {
      known = false; // a share that does not exist, or one that two people are said to have
      continue;
    }
    line.user = take.user;
    line.recorded = take.amount;
    line.ok = take.amount === line.amount;
  }
  const committed = computed === envelope.commitment;
  return { ok: committed && known && shares.every((s) => s.ok), committed, computed, shares };
}

/** @returns {Uint8Array} RangeError unless text is hexadecimal. */
export function fromHex(text) {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(text)) throw new RangeError("not hexadecimal");
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

function toHex(bytes) {
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}
