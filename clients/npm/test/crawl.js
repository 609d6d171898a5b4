/** A crawler that signs by `web-bot-auth` pays a gate by the page: `node crawl.js http://host:port`. */
import { Wallet } from "farthing-pay";
import { signatureHeaders } from "web-bot-auth";
import { signerFromJWK } from "web-bot-auth/crypto";
import { assert, origin, page, paid } from "./seller.js";

const seed = crypto.getRandomValues(new Uint8Array(32));
const wallet = await Wallet.of(seed);
await wallet.open(origin);
const d = Buffer.from(seed).toString("base64url");
const signer = await signerFromJWK({ kty: "OKP", crv: "Ed25519", x: wallet.publicKey, d });

async function crawl(path, name, price) {
  const headers = new Headers({ "signature-agent": '"https://crawler.example"', [name]: price });
  const request = new Request(origin + path, { headers });
  const created = new Date();
  const expires = new Date(created.getTime() + 60_000);
  const components = ["@authority", "signature-agent", name];
  const signed = await signatureHeaders(request, signer, { created, expires, components });
  for (const [header, value] of Object.entries(signed)) headers.set(header, value);
  return fetch(origin + path, { headers });
}

// It asks, is told the price, and pays that, or whatever it is up to a limit.
const asked = await fetch(`${origin}/articles/a`);
assert.equal(asked.status, 402);
const price = asked.headers.get("crawler-price");
const first = await page(await crawl("/articles/a", "crawler-exact-price", price));
assert.equal(first.headers.get("crawler-charged"), price);
const second = await page(await crawl("/articles/b?x=1", "crawler-max-price", "USD 1"));
assert.equal(second.headers.get("crawler-charged"), price);
const low = await crawl("/articles/a", "crawler-max-price", "USD 0.001");
assert.deepEqual([low.status, low.headers.get("crawler-error")], [402, "InvalidCrawlerMaxPrice"]);
paid(wallet, 2);
