/** What the scripts here share: the seller is a gate, whose address is their argument. */
import assert from "node:assert/strict";
import { Wallet } from "farthing-pay";

export { assert };
export const origin = process.argv[2];
/** A wallet with test money (a page is half a cent), which pays a cent a request at most. */
export async function wallet(limits = { total: "1" }) {
  const wallet = await Wallet.fresh({ USD: { payment: "0.01", ...limits } });
  const { network } = await wallet.open(origin);
  assert.match(network, /^farthing:[0-9a-f]{32}$/);
  return wallet;
}

export async function page(response, text = "hello") {
  assert.deepEqual([response.status, await response.text()], [200, text]);
  return response;
}

/** Tells the gate's test whose wallet paid for how many pages. */
export function paid(wallet, payments) {
  console.log(JSON.stringify({ publicKey: wallet.publicKey, payments }));
}
