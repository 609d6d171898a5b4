/**
 * The payer's side of sessions (docs/protocols/sessions.md), whichever protocol carries them.
 *
 * - One session for each seller and asset, opened when it is first needed.
 * - What a seller says of it is believed as far as it costs nothing: it may take what was signed,
 *   and nothing it says can make that more.
 * - Until a session is known to be open, each payment carries its opening: requests at the same time
 *   open one session.
 */
import { amount, base64url, now } from "./wallet.js";

/** How long an opening may be answered, seconds. */
const OPENING_S = 60;

/**
 * @typedef {object} Asked
 * @property {string} network
 * @property {string} payTo
 * @property {string} asset
 * @property {number} scale
 * @property {bigint} price atoms
 * @property {string} request the hash of the one request that the price is for
 * @property {bigint} deposit what the seller suggests to set aside, atoms
 * @property {string} nonce for a session, should one be opened
 * @property {(payload: object, session: Session) => Promise<boolean>} manage asks the seller to top
 *   a session up or close it, and says whether it did
 * @property {unknown} [context] what the protocol wants to remember of the opening
 */

class Session {
  constructor(wallet, asked, deposit) {
    this.wallet = wallet;
    this.place = [asked.network, asked.payTo, asked.asset];
    this.manage = asked.manage;
    this.context = asked.context;
    this.deposit = deposit;
    this.signed = 0n;
    this.spent = 0n;
    this.isOpen = false;
    this.opening = undefined;
    this.expires = now() + OPENING_S;
  }

  async open(nonce) {
    const { wallet } = this;
    const created = this.expires - OPENING_S;
    const lines = ["farthing-session-v1", ...this.place, this.deposit, wallet.publicKey, nonce, created, this.expires];
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(lines.join("\n")));
    this.id = base64url(hash);
    return {
      publicKey: wallet.publicKey,
      deposit: String(this.deposit),
      nonce,
      created,
      expires: this.expires,
      opening: await wallet.sign(...lines),
    };
  }

  /** What must be signed for in all if one more request is to be paid. */
  needs(price) {
    const needed = this.spent + price;
    return needed > this.signed ? needed : this.signed;
  }

  async voucher(cumulative, purpose) {
    const [network, ...place] = this.place;
    const lines = ["farthing-voucher-v1", network, this.id, ...place, cumulative, purpose];
    const signature = await this.wallet.sign(...lines);
    return { sessionId: this.id, cumulativeAmount: String(cumulative), signature };
  }

  /** Whether the seller now has so much set aside. */
  async topUp(deposit) {
    const [network, ...place] = this.place;
    const signature = await this.wallet.sign("farthing-deposit-v1", network, this.id, ...place, deposit);
    const payload = { action: "topUp", sessionId: this.id, deposit: String(deposit), signature };
    const done = await this.manage(payload, this);
    if (done) this.deposit = deposit;
    return done;
  }

  async close() {
    return this.manage({ action: "close", ...(await this.voucher(this.signed, "close")) }, this);
  }
}

const smaller = (one, other) => (other < one ? other : one);

export class Sessions {
  #wallet;
  /** @type {Map<string, Session>} */
  #open = new Map();

  constructor(wallet) {
    this.#wallet = wallet;
  }

  /**
   * What pays for a request, and the session it pays in.
   *
   * @param {Asked} asked
   * @throws if it is beyond what the wallet's owner allows
   */
  async pay(asked) {
    const { asset, scale, price, request } = asked;
    const key = [asked.network, asked.payTo, asset].join(" ");
    let session = this.#open.get(key);
    if (session && !session.isOpen && session.expires <= now()) session = undefined;
    // What is not allowed is not even topped up for.
    if (session) this.#wallet.check({ asset, scale, price, more: session.needs(price) - session.signed });
    if (session && session.spent + price > session.deposit) {
      const deposit = session.spent + this.#deposit(asked, session);
      // One that cannot be topped up ends by itself; the rest comes back then.
      if (!(await session.topUp(deposit))) session = undefined;
    }
    // From here to the signature nothing is waited for: another request signs for this one too.
    const isNew = !session;
    if (isNew) {
      this.#wallet.check({ asset, scale, price });
      session = new Session(this.#wallet, asked, this.#deposit(asked));
    }
    const cumulative = session.needs(price);
    this.#wallet.allow({ asset, scale, price, more: cumulative - session.signed });
    if (isNew) {
      session.opening = session.open(asked.nonce);
      this.#open.set(key, session);
    }
    session.signed = cumulative;
    session.spent += price;
    const opening = await session.opening;
    const voucher = await session.voucher(cumulative, request);
    const payload = session.isOpen ? { action: "voucher", ...voucher } : { action: "open", ...opening, ...voucher };
    return { session, payload };
  }

  /**
   * What to set aside for more: what is suggested, and the price at least, as far as the owner allows.
   *
   * @throws if that is less than the price
   */
  #deposit({ asset, price, deposit }, session) {
    const unused = session ? session.signed - session.spent : 0n;
    const allowed = smaller(this.#wallet.limit(asset)?.deposit ?? 0n, this.#wallet.left(asset) + unused);
    if (allowed < price) throw new Error(`${price} atoms of ${asset} is beyond what may be set aside`);
    return smaller(deposit > price ? deposit : price, allowed);
  }

  /** The session that a payload was made for. */
  find(sessionId) {
    return [...this.#open.values()].find((session) => session.id === sessionId);
  }

  /**
   * Takes in what the answer to a voucher says.
   *
   * @param {Session | undefined} session
   * @param {string} cumulative what the voucher was for
   * @param {bigint} price of the request
   * @param {Record<string, string> | undefined} told how the session stands
   * @param {boolean} isPaid whether the request was paid for
   */
  learn(session, cumulative, price, told, isPaid) {
    if (!session) return;
    if (!isPaid) session.spent -= price;
    if (!told) return;
    session.isOpen = true;
    session.deposit = amount(told.deposit);
    let spent = amount(told.spent);
    // What is required counts requests under way too.
    if (!isPaid && told.requiredCumulative) spent = amount(told.requiredCumulative) - price;
    // Others were signed for since.
    else if (cumulative !== String(session.signed) && spent < session.spent) spent = session.spent;
    // So much could be taken anyway.
    if (spent <= session.signed) session.spent = spent;
  }

  /** The seller does not know it: another will be opened. */
  forget(session) {
    for (const [key, one] of this.#open) if (one === session) this.#open.delete(key);
  }

  /** Closes every session; what a seller does not close ends by itself. */
  async close() {
    const all = [...this.#open.values()];
    this.#open.clear();
    const done = await Promise.all(all.filter((one) => one.isOpen).map((one) => one.close().catch(() => false)));
    return done.every(Boolean);
  }
}
