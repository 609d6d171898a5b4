/**
 * A key that spends a wallet on a `farthing:` network (docs/protocols/x402-farthing.md), and the
 * limits within which it signs.
 *
 * - What may be spent is counted when it is signed, for a seller may take whatever was signed.
 * - An asset without a limit is never paid.
 * - An amount is a bigint of atoms, a limit a decimal string of the asset's own unit.
 */

/** Decimals of assets as ledgers keep them; a limit may say others with `scale`. */
export const SCALES = { USD: 9, EUR: 9, GBP: 9, KRW: 7, JPY: 7, INR: 8, IDR: 5, VND: 5, USDC: 6, POINTS: 2 };

/** What comes before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410). */
const PKCS8 = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/**
 * @typedef {object} Limit
 * @property {string} payment the most for one request, such as "0.05"
 * @property {string} total the most that this wallet object ever signs for
 * @property {string} [deposit] the most to set aside at once for a session, if not all that is left
 * @property {number} [scale] the asset's decimals, if they are not the usual ones
 */

export class Wallet {
  #key;
  #limits = new Map();
  /** Atoms signed for so far, by asset. */
  #signed = new Map();

  /** @private */
  constructor(key, publicKey, limits) {
    this.#key = key;
    /** @type {string} 32 bytes, base64url */
    this.publicKey = publicKey;
    for (const [asset, limit] of Object.entries(limits)) {
      const scale = limit.scale ?? SCALES[asset];
      if (scale === undefined) throw new Error(`say how many decimals ${asset} has: limits.${asset}.scale`);
      const [payment, total] = [atoms(limit.payment, scale), atoms(limit.total, scale)];
      const deposit = atoms(limit.deposit ?? limit.total, scale);
      this.#limits.set(asset, { scale, payment, total, deposit });
    }
  }

  /**
   * The wallet of a secret key: 32 bytes, or their 64 hexadecimal digits, as `farthing pay` keeps
   * them in `~/.farthing/key`.
   *
   * @param {Uint8Array | string} secret
   * @param {Record<string, Limit>} [limits] by asset; a dollar a request and ten in all otherwise
   */
  static async of(secret, limits = { USD: { payment: "1", total: "10" } }) {
    const seed = typeof secret === "string" ? unhex(secret.trim()) : secret;
    if (seed.length !== 32) throw new Error("a secret key is 32 bytes, or 64 hexadecimal digits");
    const pkcs8 = Uint8Array.from([...PKCS8, ...seed]);
    const key = await crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", true, ["sign"]);
    const { x } = await crypto.subtle.exportKey("jwk", key);
    return new Wallet(key, x, limits);
  }

  /** A wallet of a fresh key that nobody else has, nor this program once it ends. */
  static async fresh(limits) {
    return Wallet.of(crypto.getRandomValues(new Uint8Array(32)), limits);
  }

  /**
   * Opens a wallet for this key at a site that lets anybody open one.
   *
   * @param {string} origin such as "https://site.example"
   * @returns {Promise<{ wallet: string, network: string }>}
   */
  async open(origin) {
    const own = `${origin}/.well-known/farthing`;
    const { kinds } = await (await fetch(`${own}/supported`)).json();
    const network = kinds.find((kind) => kind.network.startsWith("farthing:"))?.network;
    if (!network) throw new Error(`${origin} is not paid on a farthing network`);
    const created = now();
    const signature = await this.sign("farthing-wallet-v1", network, origin, this.publicKey, created);
    const response = await fetch(`${own}/wallets`, {
      method: "POST",
      body: JSON.stringify({ publicKey: this.publicKey, created, signature }),
    });
    const told = await response.json();
    if (!response.ok) throw new Error(`${origin} opened no wallet: ${told.detail}`);
    return told;
  }

  /** The limit of an asset in atoms, if it may be paid with. */
  limit(asset) {
    return this.#limits.get(asset);
  }

  /** The assets that may be paid with. */
  assets() {
    return [...this.#limits.keys()];
  }

  /** Atoms of an asset that may still be signed for. */
  left(asset) {
    const limit = this.#limits.get(asset);
    return limit ? limit.total - (this.#signed.get(asset) ?? 0n) : 0n;
  }

  /**
   * Whether so much more may be signed for one request that costs `price`.
   *
   * @throws if that is beyond what the owner allows
   */
  check({ asset, scale, price, more = price }) {
    const limit = this.#limits.get(asset);
    if (!limit) throw new Error(`this wallet has no limit for ${asset}, and so does not pay with it`);
    if (scale !== limit.scale) throw new Error(`${asset} has ${limit.scale} decimals, not ${scale}`);
    if (price > limit.payment) throw new Error(`${price} atoms of ${asset} is beyond the limit of a payment`);
    if (more > this.left(asset)) throw new Error(`${price} atoms of ${asset} is beyond what is left to spend`);
  }

  /**
   * Says that so much more is about to be signed for one request that costs `price`.
   *
   * @throws as {@link check}
   */
  allow({ asset, scale, price, more = price }) {
    this.check({ asset, scale, price, more });
    this.#signed.set(asset, (this.#signed.get(asset) ?? 0n) + more);
  }

  /** Signs lines joined by a line feed: base64url. */
  async sign(...lines) {
    const text = new TextEncoder().encode(lines.join("\n"));
    return base64url(await crypto.subtle.sign("Ed25519", this.#key, text));
  }
}

/** Seconds since 1970. */
export const now = () => Math.floor(Date.now() / 1000);

/** 128 random bits that were never used before. */
export const nonce = () => base64url(crypto.getRandomValues(new Uint8Array(16)));

/** An amount as the protocols write it. */
export function amount(text) {
  if (!/^(0|[1-9]\d*)$/.test(text)) throw new Error(`"${text}" is no amount of atoms`);
  return BigInt(text);
}

/** @param {ArrayBuffer | Uint8Array} bytes */
export function base64url(bytes) {
  const text = btoa(String.fromCharCode(...new Uint8Array(bytes)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function unhex(text) {
  if (!/^[0-9a-fA-F]{64}$/.test(text)) return [];
  return Uint8Array.from(text.match(/../g), (byte) => parseInt(byte, 16));
}

/** A decimal in atoms; more digits than the scale is an error, never a rounding. */
export function atoms(decimal, scale) {
  const parts = /^(\d+)(?:\.(\d+))?$/.exec(decimal);
  const digits = parts?.[2] ?? "";
  if (!parts || digits.length > scale) throw new Error(`"${decimal}" is no amount with ${scale} decimals`);
  return BigInt(parts[1] + digits.padEnd(scale, "0"));
}
