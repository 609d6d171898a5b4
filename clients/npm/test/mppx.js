/** `mppx` pays a gate by the intent `charge`: `node mppx.js http://host:port`. */
import { Receipt } from "mppx";
import { Mppx } from "mppx/client";
import { farthing } from "farthing-pay/mppx";
import { assert, origin, page, paid, wallet as open } from "./seller.js";

const wallet = await open();
const pay = Mppx.create({ ...farthing(wallet), polyfill: false }).fetch;
const first = await page(await pay(`${origin}/articles/a?x=1`));
const receipt = Receipt.deserialize(first.headers.get("payment-receipt"));
assert.ok(receipt.status === "success" && receipt.reference.startsWith("pay_"));
await page(await pay(`${origin}/articles/echo`, { method: "POST", body: "a body" }), "a body");
// Dearer than its owner allows.
await assert.rejects(pay(`${origin}/dear/a`), /beyond the limit/);
paid(wallet, 2);
