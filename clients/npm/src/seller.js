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
const TOO_LARGE = Symbol("too large");
const SCHEME = /^https?$/;
const HOST = /^[A-Za-z0-9.\-:[\]_]{1,255}$/;
/** How long the node may take to answer, and the pauses before each time it is asked to settle. */
const NODE_TIME_MS = 10_000;
const SETTLE_WAITS_MS = [0, 100, 400, 1600];

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
   * @param {object} request
   * @param {string} request.method
   * @param {string} request.scheme
   * @param {string | undefined} request.host what it says in `Host`
   * @param {string} request.target the path and query, as they came
   * @param {string | undefined | null} request.signature
   * @param {() => Promise<Uint8Array | undefined>} request.body reads it; asked only if it is priced
   * @returns {Promise<Response | undefined | ((response: Pick<Response, "ok" | "headers">) =>
   *   Promise<Response | undefined>)>} the answer to one that is not paid; nothing for one that is
   *   free; for one that is paid, what takes the money and puts that in the answer's headers, or says
   *   what to answer instead
   */
  async admit({ method, scheme, host, target, signature, body: read }) {
    // What is not one host would make a URL of which `price` sees another path than the handler.
    if (!SCHEME.test(scheme) || !HOST.test(host ?? "") || !target.startsWith("/")) {
      return problem(400, "host_invalid", "Send one Host, and the path as the request's target.");
    }
    const origin = this.#terms.publicUrl?.replace(/\/$/, "") ?? `${scheme}://${host.toLowerCase()}`;
    const url = origin + target;
    const price = this.#terms.price({ method, url });
    if (price === undefined) return undefined;
    const body = await read();
    if (body === TOO_LARGE) return problem(413, "body_too_large", "The body of a priced request is too large.");
    const asked = await requirements({ method, url, body }, price, this.#terms);
    const ask = (error, settled) => unpaid(asked, url, error, settled);
    if (!signature) return ask("PAYMENT-SIGNATURE header is required");
    const payment = decode(signature);
    if (!payment) return problem(400, "invalid_payload", "PAYMENT-SIGNATURE is base64 of JSON.");
    const both = { x402Version: 2, paymentPayload: payment, paymentRequirements: asked };
    const verified = await this.#node("verify", both);
    if (!verified) return unavailable("Payments cannot be taken now. Try again with the same payment.");
    if (!verified.isValid) return ask(verified.invalidReason, refused(asked, verified.invalidReason));
    return async (response) => {
      response.headers.set("cache-control", "private, no-store");
      if (!response.ok || method === "HEAD") return undefined;
      const settled = await this.#settle(both);
      if (!settled) return unavailable("Whether this payment was made is not known now. Look before you pay again.");
      if (!settled.success) return ask(settled.errorReason, settled);
      response.headers.set("payment-response", encode(settled));
      return undefined;
    };
  }

  /** Has a payment made. What the node said may be lost: it is asked again under the same key. */
  async #settle(both) {
    const key = { "idempotency-key": crypto.randomUUID() };
    for (const wait_ms of SETTLE_WAITS_MS) {
      await new Promise((resolve) => setTimeout(resolve, wait_ms));
      const settled = await this.#node("settle", both, key);
      if (settled) return settled;
    }
    return undefined;
  }

  /** What the node says; nothing if it says nothing. */
  async #node(what, body, headers) {
    const signal = AbortSignal.timeout(NODE_TIME_MS);
    const asked = { method: "POST", headers, body: JSON.stringify(body), signal };
    try {
      const response = await fetch(`${this.#own}/${what}`, asked);
      return response.ok ? await response.json() : undefined;
    } catch {
      return undefined;
    }
  }

  /** Puts the price before a Fetch handler. */
  fetch(handler) {
    return async (request, ...rest) => {
      // Some servers tell of clients that go away only if they were asked for the signal before.
      const { method, headers, signal } = request;
      const { protocol, host, pathname, search } = new URL(request.url);
      const pay = await this.admit({
        method,
        scheme: protocol.slice(0, -1),
        host,
        target: pathname + search,
        signature: headers.get("payment-signature"),
        body: () => bytesOf(request),
      });
      if (typeof pay !== "function") return pay ?? handler(request, ...rest);
      const answer = await handler(request, ...rest);
      // Whoever went away is not charged, nor given anything.
      if (signal?.aborted) return problem(499, "client_gone", "The client went away.");
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
        const pay = await this.admit({
          method: req.method,
          scheme: req.protocol,
          host: req.headers.host,
          target: req.originalUrl,
          signature: req.headers["payment-signature"],
          body: () => bytes(req),
        });
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

/** The body of a Fetch request, which its handler may still read. */
async function bytesOf(request) {
  if (!request.body) return undefined;
  const reader = request.clone().body.getReader();
  const chunks = [];
  let size = 0;
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    size += read.value.length;
    if (size > BODY_BYTES_MAX) {
      // The other half of the clone goes with the request: waiting for it would be for ever.
      reader.cancel().catch(() => {});
      return TOO_LARGE;
    }
    chunks.push(read.value);
  }
  const body = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}

/** The body of a Node request, which Express' own readers then leave alone. */
async function bytes(req) {
  if (req.body instanceof Uint8Array) return req.body;
  if (req._body) throw new Error("a priced request's body was read before its price: move the middleware up");
  const chunks = [];
  let size = 0;
  // The connection stays for the answer.
  for await (const chunk of req.iterator({ destroyOnReturn: false })) {
    size += chunk.length;
    if (size > BODY_BYTES_MAX) return TOO_LARGE;
    chunks.push(chunk);
  }
  if (size === 0) return undefined;
  req.body = Buffer.concat(chunks);
  req._body = true;
  return req.body;
}

/** Keeps an answer back until it is paid for; what a handler says after its answer is not heard. */
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
    res.writeHead = res.end = () => res;
    res.write = () => true;
    // Whoever went away is not charged.
    if (res.destroyed) return res;
    const { statusCode: status } = res;
    const headers = new Map(Object.entries(res.getHeaders()));
    const ok = status >= 200 && status < 300;
    pay({ ok, headers })
      .then((instead) => {
        Object.assign(res, { writeHead, write, end, flushHeaders });
        return instead ? send(res, instead) : give(res, status, headers, Buffer.concat(chunks));
      })
      .catch(() => res.destroy());
    return res;
  };
}

/** Gives a Fetch response by Node's. */
async function send(res, response) {
  give(res, response.status, response.headers, Buffer.from(await response.arrayBuffer()));
}

/** Gives this, and nothing of what was to be given before. */
function give(res, status, headers, body) {
  for (const name of res.getHeaderNames()) res.removeHeader(name);
  res.statusCode = status;
  headers.forEach((value, name) => res.setHeader(name, value));
  res.end(body);
}

const encode = (value) => btoa(JSON.stringify(value));

function decode(signature) {
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

function unavailable(words) {
  const response = problem(503, "unavailable", words);
  response.headers.set("retry-after", "1");
  return response;
}

function problem(status, code, detail) {
  const headers = { "content-type": "application/problem+json", "cache-control": "no-store" };
  return new Response(JSON.stringify({ type: "about:blank", status, code, detail }), { status, headers });
}
