"""The official x402 client for Python pays a gate: `x402_client.py http://host:port`.

All that is taught here is our network's way to sign, from docs/protocols/x402-farthing.md alone.
"""

import asyncio
import json
import os
import sys
import time

import httpx
from x402 import x402Client
from x402.http.clients import x402HttpxClient
from x402.http.utils import decode_payment_required_header, decode_payment_response_header

from wallet import Wallet, b64


class Farthing(Wallet):
    """`exact` on a `farthing:` network."""

    scheme = "exact"

    def create_payment_payload(self, requirements):
        created = int(time.time())
        expires = created + requirements.max_timeout_seconds
        nonce = b64(os.urandom(16))
        signature = self.sign(
            "farthing-exact-v1",
            requirements.network,
            requirements.extra["request"],
            requirements.amount,
            requirements.asset,
            requirements.pay_to,
            self.public,
            nonce,
            created,
            expires,
        )
        return {
            "publicKey": self.public,
            "nonce": nonce,
            "created": created,
            "expires": expires,
            "signature": signature,
        }


async def main(origin: str) -> None:
    scheme = Farthing()
    async with httpx.AsyncClient() as plain:
        unpaid = await plain.get(f"{origin}/articles/a?x=1")
        assert unpaid.status_code == 402, unpaid
        required = decode_payment_required_header(unpaid.headers["payment-required"])
        network = required.accepts[0].network
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
        answer = await paying.get(f"{origin}/articles/a?x=1")
        assert (answer.status_code, answer.text) == (200, "hello"), answer
        receipt = decode_payment_response_header(answer.headers["payment-response"])
        assert receipt.success and receipt.transaction.startswith("pay_"), receipt
        posted = await paying.post(f"{origin}/articles/echo", content="a body")
        assert (posted.status_code, posted.text) == (200, "a body"), posted
        refused = None
        try:
            refused = await paying.get(f"{origin}/dear/a")
        except Exception as error:  # The limit is the client's own to keep.
            refused = error
        assert not isinstance(refused, httpx.Response) or refused.status_code == 402, refused
    print(json.dumps({"publicKey": scheme.public, "payments": 2}))


asyncio.run(main(sys.argv[1]))
