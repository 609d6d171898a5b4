/** The official x402 client pays a gate by `batch-settlement`: `node x402_session.js http://host:port`. */
import { wrapFetchWithPaymentFromConfig } from "@x402/fetch";
import { farthing } from "farthing-pay/x402";
import { assert, origin, page, paid, wallet as open } from "./seller.js";

// Its owner allows four pages, and two to be set aside at once: the third needs a top-up.
const wallet = await open({ total: "0.02", deposit: "0.01" });
let opened = 0;
const config = farthing(wallet, { sessions: true });
const counted = async (request) => {
  const header = request.headers.get("payment-signature");
  if (header && JSON.parse(atob(header)).payload.action === "open") opened += 1;
  return fetch(request);
};
const pay = wrapFetchWithPaymentFromConfig(counted, config);
await page(await pay(`${origin}/articles/a?x=1`));
assert.equal((await pay(`${origin}/articles/500`)).status, 500);
await page(await pay(`${origin}/articles/echo`, { method: "POST", body: "a body" }), "a body");
// At the same time: one of them comes late, is refused and signs again.
await Promise.all(["b", "c"].map(async (name) => page(await pay(`${origin}/articles/${name}`))));
assert.equal(wallet.left("USD"), 0n);
await assert.rejects(pay(`${origin}/articles/d`), /beyond what is left/);
assert.equal(opened, 1);
assert.ok(await config.close());
paid(wallet, 4);
