/** `mppx` pays a gate by the intent `session`: `node mppx_session.js http://host:port`. */
import { Receipt } from "mppx";
import { Mppx } from "mppx/client";
import { farthing } from "farthing-pay/mppx";
import { assert, origin, page, paid, wallet as open } from "./seller.js";

// Its owner allows four pages, and two to be set aside at once: the third needs a top-up.
const wallet = await open({ total: "0.02", deposit: "0.01" });
let opened = 0;
const config = farthing(wallet, {
  sessions: true,
  fetch: async (input, init) => {
    const [, token] = new Headers(init?.headers).get("authorization")?.split(" ") ?? [];
    if (token && JSON.parse(Buffer.from(token, "base64url")).payload.action === "open") opened += 1;
    return fetch(input, init);
  },
});
const pay = Mppx.create({ ...config, polyfill: false }).fetch;
const first = await page(await pay(`${origin}/articles/a?x=1`));
assert.equal(Receipt.deserialize(first.headers.get("payment-receipt")).intent, "session");
assert.equal((await pay(`${origin}/articles/500`)).status, 500);
await page(await pay(`${origin}/articles/echo`, { method: "POST", body: "a body" }), "a body");
// At the same time: one of them comes late, is refused and signs again.
await Promise.all(["b", "c"].map(async (name) => page(await pay(`${origin}/articles/${name}`))));
assert.equal(wallet.left("USD"), 0n);
await assert.rejects(pay(`${origin}/articles/d`), /beyond what is left/);
assert.equal(opened, 1);
assert.ok(await config.close());
paid(wallet, 4);
