/** The official x402 client pays a gate by `exact`: `node x402.js http://host:port`. */
import { decodePaymentResponseHeader, wrapFetchWithPaymentFromConfig } from "@x402/fetch";
import { farthing } from "farthing-pay/x402";
import { assert, origin, page, paid, wallet as open } from "./seller.js";

const wallet = await open();
const pay = wrapFetchWithPaymentFromConfig(fetch, farthing(wallet));
const first = await page(await pay(`${origin}/articles/a?x=1`));
const receipt = decodePaymentResponseHeader(first.headers.get("payment-response"));
assert.ok(receipt.success && receipt.transaction.startsWith("pay_"));
await page(await pay(`${origin}/articles/echo`, { method: "POST", body: "a body" }), "a body");
// Dearer than its owner allows.
await assert.rejects(pay(`${origin}/dear/a`), /spendControls/);
paid(wallet, 2);
