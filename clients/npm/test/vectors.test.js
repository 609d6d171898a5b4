/** The vectors of docs/protocols/x402-farthing.md, and a wallet's limits. */
import assert from "node:assert/strict";
import test from "node:test";
import { Wallet } from "farthing-pay";

const SECRET = "01".repeat(32);

test("the vector of `exact`", async () => {
  const wallet = await Wallet.of(SECRET);
  assert.equal(wallet.publicKey, "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w");
  const signature = await wallet.sign(
    "farthing-exact-v1",
    "farthing:0192f0c1a2b37c4d8e5f60718293a4b5",
    "6ruXFZ5tbuXS9ZPBl7UT127A620yjcWzrCOLe-XLVV0",
    5_000_000n,
    "USD",
    "wal_0192f0c1a2b37c4d8e5f60718293a4b6",
    wallet.publicKey,
    "AAECAwQFBgcICQoLDA0ODw",
    1790000000,
    1790000060,
  );
  const expected = "BQXF9zMif2_uFXN01m3XFO0anHT8bIQdA4hVAGYlxQfEUEGnL97Jwf0V1TlcYWMqOga3fDohllzfcj4qPKjiDg";
  assert.equal(signature, expected);
});

test("nothing is signed beyond a limit", async () => {
  const wallet = await Wallet.of(SECRET, { USD: { payment: "0.01", total: "0.015" } });
  const asked = (price, more) => () => wallet.allow({ asset: "USD", scale: 9, price: BigInt(price), ...more });
  assert.throws(asked(10_000_001), /limit of a payment/);
  assert.throws(asked(1, { scale: 2 }), /decimals/);
  assert.throws(asked(1, { asset: "EUR" }), /no limit for EUR/);
  asked(10_000_000)();
  assert.throws(asked(5_000_001), /left to spend/);
  asked(5_000_000)();
  assert.equal(wallet.left("USD"), 0n);
});

test("what is no key or no amount is refused", async () => {
  await assert.rejects(Wallet.of("01"), /64 hexadecimal digits/);
  await assert.rejects(Wallet.of(SECRET, { USD: { payment: "0.0000000001", total: "1" } }), /9 decimals/);
  await assert.rejects(Wallet.of(SECRET, { GOLD: { payment: "1", total: "1" } }), /how many decimals/);
});
