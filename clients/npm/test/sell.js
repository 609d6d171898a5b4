/**
 * Sellers that are no gate are paid through one: this package's middlewares and the official ones,
 * each paid by the official client: `node sell.js http://host:port`.
 */
import { serve } from "@hono/node-server";
import { HTTPFacilitatorClient, x402ResourceServer } from "@x402/core/server";
import { paymentMiddleware as officialExpress } from "@x402/express";
import { wrapFetchWithPaymentFromConfig } from "@x402/fetch";
import { paymentMiddleware as officialHono } from "@x402/hono";
import express from "express";
import { farthing } from "farthing-pay/x402";
import { ExactFarthingServer, price } from "farthing-pay/x402-server";
import { Seller } from "farthing-pay/seller";
import { Hono } from "hono";
import { once } from "node:events";
import { assert, origin, page, paid, wallet as open } from "./seller.js";

// Whom the gate's own pages pay.
const asked = await fetch(`${origin}/articles/a`);
const { payTo, network } = JSON.parse(atob(asked.headers.get("payment-required"))).accepts[0];

const seller = await Seller.at(origin, {
  payTo,
  price: ({ url }) => (new URL(url).pathname === "/free" ? undefined : "0.0005"),
});
const facilitator = new HTTPFacilitatorClient({ url: `${origin}/.well-known/farthing` });
const server = new x402ResourceServer(facilitator).register("farthing:*", new ExactFarthingServer());
const routes = Object.fromEntries(
  ["GET /page", "POST /echo", "GET /fails"].map((route) => [
    route,
    { accepts: { scheme: "exact", network, payTo, price: price("0.0005") } },
  ]),
);

function onExpress(...middlewares) {
  const app = express();
  for (const one of middlewares) app.use(one);
  app.get(["/page", "/free"], (_req, res) => res.set("cache-control", "public, max-age=60").send("hello"));
  app.post("/echo", (req, res) => res.end(req.body));
  app.get("/fails", (_req, res) => res.status(500).send("no"));
  return listening(app.listen(0, "127.0.0.1"));
}

function onHono(middleware) {
  const app = new Hono();
  app.use(middleware);
  app.on("GET", ["/page", "/free"], (c) => c.text("hello", 200, { "cache-control": "public, max-age=60" }));
  app.post("/echo", async (c) => c.text(await c.req.text()));
  app.get("/fails", (c) => c.text("no", 500));
  return listening(serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }));
}

function onFetch() {
  const handler = seller.fetch(async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/fails") return new Response("no", { status: 500 });
    return new Response(pathname === "/echo" ? await request.text() : "hello");
  });
  return listening(serve({ fetch: handler, port: 0, hostname: "127.0.0.1" }));
}

const open_servers = [];
async function listening(http) {
  open_servers.push(http);
  if (!http.listening) await once(http, "listening");
  return `http://127.0.0.1:${http.address().port}`;
}

const wallet = await open();
const pay = wrapFetchWithPaymentFromConfig(fetch, farthing(wallet));
const signed = async (url) => {
  let header;
  const spy = async (request) => {
    header = request.headers.get("payment-signature") ?? header;
    return fetch(request);
  };
  const response = await page(await wrapFetchWithPaymentFromConfig(spy, farthing(wallet))(url));
  return { header, response };
};

const raw = express.raw({ type: "*/*" });
const sites = [
  [await onExpress(seller.express()), true],
  [await onHono(seller.hono()), true],
  [await onFetch(), true],
  [await onExpress(raw, officialExpress(routes, server)), true],
  [await onHono(officialHono(routes, server)), false],
];
let payments = 0;
for (const [site, bindsBodies] of sites) {
  assert.equal((await fetch(`${site}/page`)).status, 402, site);
  assert.equal(await (await fetch(`${site}/free`)).text(), "hello");
  const { header, response } = await signed(`${site}/page`);
  payments += 1;
  assert.match(response.headers.get("cache-control"), /private/);
  assert.ok(JSON.parse(atob(response.headers.get("payment-response"))).success);
  const again = async (url) => (await fetch(url, { headers: { "payment-signature": header } })).status;
  // The same payment again, and for another request.
  assert.equal(await again(`${site}/page`), 402, site);
  assert.equal(await again(`${site}/page?x=1`), 402, site);
  if (bindsBodies) {
    await page(await pay(`${site}/echo`, { method: "POST", body: "a body" }), "a body");
    payments += 1;
  }
  // What fails is not charged.
  assert.equal((await pay(`${site}/fails`)).status, 500);
}
// A page is a tenth of the gate's: ten of them, and one of the gate's, are two of those.
assert.equal(payments, 9);
await page(await pay(`${sites[0][0]}/page`));
await page(await pay(`${origin}/articles/a`));
open_servers.forEach((http) => http.close());
paid(wallet, 2);
process.exit();
