"""The official x402 client for Python pays by `batch-settlement`: `x402_session_client.py URL`.

All that is taught here is our network's way to sign, from docs/protocols/sessions.md and
docs/protocols/x402-farthing.md alone.
"""

import asyncio
import base64
import json
import os
import sys

import httpx
from x402 import x402Client
from x402.http.clients import x402HttpxClient
from x402.http.utils import decode_payment_required_header, decode_payment_response_header

from wallet import SessionWallet, b64


class Farthing(SessionWallet):
    """`batch-settlement` on a `farthing:` network: one session with one seller."""

    scheme = "batch-settlement"

    def create_payment_payload(self, requirements):
        self.place = (requirements.network, requirements.pay_to, requirements.asset)
        cumulative = self.signed + int(requirements.amount)
        purpose = requirements.extra["request"]
        if self.session is not None:
            return {"action": "voucher", **self.voucher(cumulative, purpose)}
        nonce = b64(os.urandom(16))
        return {"nonce": nonce, **self.opening(nonce, cumulative, purpose)}


async def main(origin: str) -> None:
    scheme = Farthing(deposit=15_000_000)
    url = f"{origin}/articles/a?x=1"
    async with httpx.AsyncClient() as plain:
        unpaid = await plain.get(url)
        assert unpaid.status_code == 402, unpaid
        required = decode_payment_required_header(unpaid.headers["payment-required"])
        offer = required.accepts[1]
        assert (offer.scheme, offer.amount) == ("batch-settlement", "5000000"), offer
        network = offer.network
        await scheme.register(plain, origin, network)

    # A dollar of nine decimals is none of the client's own assets: the limit is said here.
    controls = {
        "allowed_assets": [
            {"network": network, "asset": "USD", "max_amount_per_payment": "10000000"}
        ]
    }
    client = x402Client()
    client.register(network, scheme)
    client.set_spend_controls(controls)
    async with x402HttpxClient(client) as paying:
        for path, body in (("a?x=1", None), ("echo", "a body"), ("b", None)):
            there = f"{origin}/articles/{path}"
            answer = await (paying.post(there, content=body) if body else paying.get(there))
            assert (answer.status_code, answer.text) == (200, body or "hello"), answer
            receipt = decode_payment_response_header(answer.headers["payment-response"])
            assert receipt.success and receipt.transaction.startswith("pay_"), receipt

    close = {
        "x402Version": 2,
        "accepted": offer.model_dump(by_alias=True, exclude_none=True),
        "payload": {"action": "close", **scheme.voucher(scheme.signed, "close")},
    }
    header = base64.b64encode(json.dumps(close).encode()).decode()
    async with httpx.AsyncClient() as plain:
        closed = await plain.get(url, headers={"payment-signature": header})
    assert closed.status_code == 204, (closed.status_code, closed.text)
    told = json.loads(base64.b64decode(closed.headers["payment-response"]))
    assert told["extra"]["session"]["spent"] == "15000000", told
    print(json.dumps({"publicKey": scheme.public, "payments": 3}))


asyncio.run(main(sys.argv[1]))
