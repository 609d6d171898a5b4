/** A session's limits: what is beyond them is not signed, not even to set aside. */
import assert from "node:assert/strict";
import test from "node:test";
import { Wallet } from "farthing-pay";
import { Sessions } from "../src/session.js";

const ASKED = {
  network: "farthing:0192f0c1a2b37c4d8e5f60718293a4b5",
  payTo: "wal_0192f0c1a2b37c4d8e5f60718293a4b6",
  asset: "USD",
  scale: 9,
  price: 5_000_000n,
  request: "6ruXFZ5tbuXS9ZPBl7UT127A620yjcWzrCOLe-XLVV0",
  deposit: 10_000_000n,
  nonce: "AAECAwQFBgcICQoLDA0ODw",
  manage: async () => true,
};

async function sessions(limit) {
  const wallet = await Wallet.fresh({ USD: limit });
  const signed = [];
  const sign = wallet.sign.bind(wallet);
  wallet.sign = (...lines) => {
    signed.push(lines[0]);
    return sign(...lines);
  };
  return { sessions: new Sessions(wallet), signed, wallet };
}

test("nothing is signed for a session beyond a limit", async () => {
  for (const [limit, asked] of [
    [{ payment: "0.004", total: "1" }, {}],
    [{ payment: "0.01", total: "0.004" }, {}],
    [{ payment: "0.01", total: "1", deposit: "0.004" }, {}],
    [{ payment: "0.01", total: "1" }, { scale: 2 }],
    [{ payment: "0.01", total: "1" }, { asset: "EUR" }],
  ]) {
    const { sessions: ours, signed, wallet } = await sessions(limit);
    await assert.rejects(ours.pay({ ...ASKED, ...asked }), /limit|beyond|decimals/);
    assert.deepEqual(signed, []);
    // Nothing is left behind of it.
    assert.equal(await ours.close(), true);
    assert.equal(wallet.left("USD"), wallet.limit("USD").total);
  }
});

test("a session is not topped up for what is beyond a limit", async () => {
  const { sessions: ours, signed } = await sessions({ payment: "0.005", total: "0.014" });
  for (let n = 0; n < 2; n += 1) await ours.pay(ASKED);
  const before = signed.length;
  await assert.rejects(ours.pay(ASKED), /left to spend/);
  await assert.rejects(ours.pay({ ...ASKED, price: 6_000_000n }), /limit of a payment/);
  assert.equal(signed.length, before);
});

test("a deposit is what is suggested, the price at least, as far as the owner allows", async () => {
  for (const [suggested, deposit, expected] of [
    [10_000_000n, "1", "10000000"],
    [1n, "1", "5000000"],
    [10_000_000n, "0.007", "7000000"],
  ]) {
    const { sessions: ours } = await sessions({ payment: "0.01", total: "1", deposit });
    const { payload } = await ours.pay({ ...ASKED, deposit: suggested });
    assert.equal(payload.deposit, expected);
  }
});
