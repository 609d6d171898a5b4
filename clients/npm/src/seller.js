/**
 * A price on requests, for servers that are no gate: Fetch handlers, Hono, Express. A gate of the
 * same ledger that facilitates says whether a payment is good, and makes it:
 *
 *     const seller = await Seller.at("http://127.0.0.1:8403", { payTo: "wal_…", price: ({ url }) => "0.005" });
 *     export default { fetch: seller.fetch((request) => new Response("hello")) };
 *     app.use(seller.hono());
 *     app.use(seller.express());
 *
 * - A payment is good for one method, URL, body and price, once.
 * - It is made when the answer is there and is one of success, before it is given. Another status, a
 *   handler that throws and a client that went away cost nothing; nor does HEAD.
 * - What was paid for is `private, no-store`, what is asked `no-store`; nothing is kept here.
 */
import { requirements } from "./offer.js";

const SIGNATURE_BYTES_MAX = 16 * 1024;
const BODY_BYTES_MAX = 1024 * 1024;

/**
 * @typedef {object} Terms
 * @property {string} payTo the seller's wallet
 * @property {(request: { method: string, url: string }) => string | undefined} price what a request
 *   costs, a decimal; nothing if it is free
 * @property {string} [asset] USD
 * @property {number} [scale] its decimals, if they are not the usual ones
 * @property {string} [publicUrl] what clients call this site, if not what they say in `Host`
 */

export class Seller {
  #own;
  #terms;

  /** @private */
  constructor(own, terms) {
    this.#own = own;
    this.#terms = terms;
  }

  /**
   * @param {string} gate the address of a gate that facilitates
   * @param {Terms} terms
   */
  static async at(gate, terms) {
    const own = `${gate}/.well-known/farthing`;
    const { kinds } = await (await fetch(`${own}/supported`)).json();
    const { network } = kinds.find(({ scheme, network }) => scheme === "exact" && network.startsWith("farthing:"));
    return new Seller(own, { asset: "USD", ...terms, network });
  }

  /**
   * What is to be done with a request.
   *
   * @returns {Promise<Response | undefined | ((response: Pick<Response, "ok" | "headers">) =>
   *   Promise<Response | undefined>)>} the answer to one that is not paid; nothing for one that is
   *   free; for one that is paid, what takes the money and puts that in the answer's headers, or says
   *   what to answer instead
   */
  async admit({ method, url, body, signature }) {
    if (this.#terms.publicUrl) url = this.#terms.publicUrl.replace(/\/$/, "") + url.replace(/^[a-z]+:\/\/[^/]+/, "");
    const price = this.#terms.price({ method, url });
    if (price === undefined) return undefined;
    const asked = await requirements({ method, url, body }, price, this.#terms);
    const ask = (error, settled) => unpaid(asked, url, error, settled);
    if (!signature) return ask("PAYMENT-SIGNATURE header is required");
    const payment = read(signature);
    if (!payment) return problem(400, "invalid_payload", "PAYMENT-SIGNATURE is base64 of JSON.");
    const both = { x402Version: 2, paymentPayload: payment, paymentRequirements: asked };
    const verified = await this.#node("verify", both);
    if (!verified) return unavailable();
    if (!verified.isValid) return ask(verified.invalidReason, refused(asked, verified.invalidReason));
    return async (response) => {
      response.headers.set("cache-control", "private, no-store");
      if (!response.ok || method === "HEAD") return undefined;
      const settled = await this.#node("settle", both);
      if (!settled) return unavailable();
      if (!settled.success) return ask(settled.errorReason, settled);
      response.headers.set("payment-response", encode(settled));
      return undefined;
    };
  }

  /** What the node says; nothing if it says nothing. */
  async #node(what, body) {
    try {
      const response = await fetch(`${this.#own}/${what}`, { method: "POST", body: JSON.stringify(body) });
      return response.ok ? await response.json() : undefined;
    } catch {
      return undefined;
    }
  }

  /** Puts the price before a Fetch handler. */
  fetch(handler) {
    return async (request, ...rest) => {
      const body = request.body ? new Uint8Array(await request.clone().arrayBuffer()) : undefined;
      const { method, url, headers } = request;
      const pay = await this.admit({ method, url, body, signature: headers.get("payment-signature") });
      if (typeof pay !== "function") return pay ?? handler(request, ...rest);
      const answer = await handler(request, ...rest);
      // What a handler gives may have headers that cannot be changed.
      const response = new Response(answer.body, answer);
      return (await pay(response)) ?? response;
    };
  }

  /** Middleware for Hono. */
  hono() {
    return async (c, next) => {
      const handler = this.fetch(async () => {
        await next();
        return c.res;
      });
      const response = await handler(c.req.raw);
      if (c.finalized && response !== c.res) c.res = undefined;
      c.res = response;
    };
  }

  /** Middleware for Express; before those that read bodies. Handlers find a priced one's bytes. */
  express() {
    return async (req, res, next) => {
      try {
        const { method, protocol, originalUrl } = req;
        const url = `${protocol}://${req.headers.host}${originalUrl}`;
        const isPriced = this.#terms.price({ method, url }) !== undefined;
        const body = isPriced ? await bytes(req) : undefined;
        const signature = req.headers["payment-signature"];
        const pay = await this.admit({ method, url, body, signature });
        if (pay === undefined) return next();
        if (typeof pay !== "function") return await send(res, pay);
        hold(res, pay);
        return next();
      } catch (error) {
        return next(error);
      }
    };
  }
}

/** The body of a Node request, which Express' own readers then leave alone. */
async function bytes(req) {
  if (req.body instanceof Uint8Array) return req.body;
  if (req._body) throw new Error("a priced request's body was read before its price: move the middleware up");
  const chunks = [];
  let size = 0;
  for await (const chunk of req) {
    size += chunk.length;
    if (size > BODY_BYTES_MAX) throw Object.assign(new Error("body too large"), { status: 413 });
    chunks.push(chunk);
  }
  if (size === 0) return undefined;
  req.body = Buffer.concat(chunks);
  req._body = true;
  return req.body;
}

/** Keeps an answer back until it is paid for. */
function hold(res, pay) {
  const { writeHead, write, end, flushHeaders } = res;
  const chunks = [];
  const keep = (chunk, encoding) => {
    if (chunk && typeof chunk !== "function") {
      chunks.push(Buffer.from(chunk, typeof encoding === "string" ? encoding : undefined));
    }
  };
  res.flushHeaders = () => {};
  res.writeHead = (status, ...rest) => {
    res.statusCode = status;
    const headers = rest.findLast((one) => typeof one === "object") ?? {};
    for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
    return res;
  };
  res.write = (chunk, encoding) => {
    keep(chunk, encoding);
    return true;
  };
  res.end = (chunk, encoding) => {
    keep(chunk, encoding);
    Object.assign(res, { writeHead, write, end, flushHeaders });
    // Whoever went away is not charged.
    if (res.destroyed) return res;
    const headers = { set: (name, value) => res.setHeader(name, value) };
    const ok = res.statusCode >= 200 && res.statusCode < 300;
    pay({ ok, headers })
      .then((instead) => (instead ? send(res, instead) : res.end(Buffer.concat(chunks))))
      .catch(() => res.destroy());
    return res;
  };
}

/** Gives a Fetch response by Node's, and nothing that was to be given instead. */
async function send(res, response) {
  for (const name of res.getHeaderNames()) res.removeHeader(name);
  res.statusCode = response.status;
  response.headers.forEach((value, name) => res.setHeader(name, value));
  res.end(Buffer.from(await response.arrayBuffer()));
}

const encode = (value) => btoa(JSON.stringify(value));

function read(signature) {
  if (signature.length > SIGNATURE_BYTES_MAX) return undefined;
  try {
    return JSON.parse(atob(signature.replaceAll("-", "+").replaceAll("_", "/")));
  } catch {
    return undefined;
  }
}

function refused({ network }, errorReason) {
  return { success: false, errorReason, transaction: "", network };
}

/** 402, with what is asked and, after a payment, why that was none. */
function unpaid(asked, url, error, settled) {
  const response = problem(402, settled ? error : "payment_required", "Pay for this request and ask again.");
  const required = { x402Version: 2, error, resource: { url }, accepts: [asked] };
  response.headers.set("payment-required", encode(required));
  if (settled) response.headers.set("payment-response", encode(settled));
  return response;
}

function unavailable() {
  const response = problem(503, "unavailable", "Payments cannot be taken now. Try again with the same payment.");
  response.headers.set("retry-after", "1");
  return response;
}

function problem(status, code, detail) {
  const headers = { "content-type": "application/problem+json", "cache-control": "no-store" };
  return new Response(JSON.stringify({ type: "about:blank", status, code, detail }), { status, headers });
}
