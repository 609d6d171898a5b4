/** Sellers that are no gate, before a node that says yes to everything: whom they charge for what. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request as ask } from "node:http";
import test, { after, beforeEach } from "node:test";
import express from "express";
import { Seller } from "farthing-pay/seller";

const KIND = { scheme: "exact", network: "farthing:00000000000000000000000000000001" };
const PAYMENT = { "payment-signature": btoa("{}") };

/** The keys under which it was asked to settle, and how often its answer is lost. */
let settles = [];
let lost = 0;
const node = await listening(
  createServer((req, res) => {
    req.resume();
    if (req.url.endsWith("/supported")) return res.end(JSON.stringify({ kinds: [KIND] }));
    if (req.url.endsWith("/verify")) return res.end(JSON.stringify({ isValid: true }));
    settles.push(req.headers["idempotency-key"]);
    if (lost-- > 0) return req.socket.destroy();
    return setTimeout(() => res.end(JSON.stringify({ success: true, transaction: "pay_1" })), 20);
  }),
);
beforeEach(() => {
  settles = [];
  lost = 0;
});

async function listening(server) {
  after(() => {
    server.close();
    server.closeAllConnections();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${server.address().port}`;
}

const terms = {
  payTo: "wal_0192f0c1a2b37c4d8e5f60718293a4b6",
  price: ({ url }) => (new URL(url).pathname.startsWith("/articles") ? "0.005" : undefined),
};

async function onExpress(handler, more) {
  const seller = await Seller.at(node, { ...terms, ...more });
  const app = express();
  app.use(seller.express());
  app.use(handler);
  return listening(createServer(app));
}

/** A request with a target and headers that `fetch` would not send. */
function raw(site, path, headers = {}, method = "GET", body = undefined) {
  return new Promise((resolve, reject) => {
    const { port } = new URL(site);
    const req = ask({ host: "127.0.0.1", port, path, headers, method }, async (res) => {
      let text = "";
      for await (const chunk of res) text += chunk;
      resolve({ status: res.statusCode, text, headers: res.headers });
    });
    req.on("error", reject);
    req.end(body);
  });
}

for (const publicUrl of [undefined, "https://site.example"]) {
  test(`what names no one host is refused: ${publicUrl ?? "without a public URL"}`, async () => {
    const site = await onExpress((_req, res) => res.send("hello"), { publicUrl });
    for (const [path, host] of [
      ["/articles/a", "site.example/free?"],
      ["/articles/a", "site.example/free#"],
      ["/articles/a", "user@site.example"],
      ["/articles/a", "a.example, b.example"],
      ["http://site.example/articles/a", "site.example"],
    ]) {
      const { status, text } = await raw(site, path, { host });
      assert.deepEqual([status, JSON.parse(text).code], [400, "host_invalid"], `${path} at ${host}`);
    }
    const asked = await raw(site, "/articles/a?x=/../y", { host: "Site.Example:8080" });
    const { resource } = JSON.parse(atob(asked.headers["payment-required"]));
    assert.equal(resource.url, `${publicUrl ?? "http://site.example:8080"}/articles/a?x=/../y`);
    assert.equal((await raw(site, "/free")).text, "hello");
  });
}

test("a handler's second answer is not heard", async () => {
  const site = await onExpress((_req, res) => {
    res.status(404).end("none");
    res.status(200).setHeader("x-second", "1");
    res.write("secret");
    res.end("secret");
  });
  const { status, text, headers } = await raw(site, "/articles/a", PAYMENT);
  assert.deepEqual([status, text, headers["x-second"]], [404, "none", undefined]);
  assert.equal(settles.length, 0);
  const paid = await onExpress((_req, res) => {
    res.send("first");
    for (const more of ["write", "end"]) res[more]("second");
  });
  const answer = await raw(paid, "/articles/a", PAYMENT);
  assert.deepEqual([answer.status, answer.text], [200, "first"]);
  assert.ok(answer.headers["payment-response"]);
  assert.match(answer.headers["cache-control"], /private/);
});

test("a settlement whose answer is lost is asked again under the same key", async () => {
  const site = await onExpress((_req, res) => res.send("hello"));
  lost = 2;
  assert.equal((await raw(site, "/articles/a", PAYMENT)).text, "hello");
  assert.equal(settles.length, 3);
  assert.equal(new Set(settles).size, 1);
  assert.match(settles[0], /^[0-9a-f-]{36}$/);
  await raw(site, "/articles/a", PAYMENT);
  assert.notEqual(settles[3], settles[0]);
});

test("who went away is not charged", async () => {
  const seller = await Seller.at(node, terms);
  const gone = new AbortController();
  const request = new Request("http://site.example/articles/a", { headers: PAYMENT, signal: gone.signal });
  const handler = seller.fetch(() => {
    gone.abort();
    return new Response("hello");
  });
  assert.equal((await handler(request)).ok, false);
  assert.equal(settles.length, 0);
});

test("a body is read only if it is priced, and only so far", async () => {
  const seller = await Seller.at(node, terms);
  let chunks = 0;
  const endless = (path) => {
    const pull = (controller) => {
      chunks += 1;
      controller.enqueue(new Uint8Array(64 * 1024));
    };
    const body = new ReadableStream({ pull });
    return new Request(`http://site.example${path}`, { method: "POST", body, duplex: "half" });
  };
  const handler = seller.fetch(() => new Response("hello"));
  assert.equal((await handler(endless("/free"))).status, 200);
  assert.ok(chunks < 3, `${chunks}`);
  assert.equal((await handler(endless("/articles/a"))).status, 413);
  assert.ok(chunks < 32, `${chunks}`);
  const site = await onExpress((_req, res) => res.send("hello"));
  const tooLarge = Buffer.alloc(1024 * 1024 + 1);
  assert.equal((await raw(site, "/articles/a", {}, "POST", tooLarge)).status, 413);
});
