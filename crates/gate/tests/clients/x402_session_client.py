"""The official x402 client for Python pays by `batch-settlement`: `x402_session_client.py URL`.

All that is taught here is our network's way to sign, from docs/protocols/sessions.md and
docs/protocols/x402-farthing.md alone.
"""

import asyncio
import base64
import hashlib
import json
import os
import sys
import time

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from x402 import x402Client
from x402.http.clients import x402HttpxClient
from x402.http.utils import decode_payment_required_header, decode_payment_response_header


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Farthing:
    """`batch-settlement` on a `farthing:` network: one session with one seller."""

    scheme = "batch-settlement"

    def __init__(self, deposit: int) -> None:
        self.secret = Ed25519PrivateKey.generate()
        self.public = b64(self.secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
        self.deposit = deposit
        self.session: str | None = None
        self.signed = 0

    def sign(self, *lines: object) -> str:
        return b64(self.secret.sign("\n".join(map(str, lines)).encode()))

    def voucher(self, place: tuple[str, str, str], cumulative: int, purpose: str) -> dict[str, str]:
        self.signed = cumulative
        network, pay_to, asset = place
        signature = self.sign(
            "farthing-voucher-v1", network, self.session, pay_to, asset, cumulative, purpose
        )
        return {
            "sessionId": self.session,
            "cumulativeAmount": str(cumulative),
            "signature": signature,
        }

    def create_payment_payload(self, requirements):
        place = (requirements.network, requirements.pay_to, requirements.asset)
        cumulative = self.signed + int(requirements.amount)
        purpose = requirements.extra["request"]
        if self.session is not None:
            return {"action": "voucher", **self.voucher(place, cumulative, purpose)}
        nonce, created = b64(os.urandom(16)), int(time.time())
        lines = (
            "farthing-session-v1",
            *place,
            self.deposit,
            self.public,
            nonce,
            created,
            created + 60,
        )
        text = "\n".join(map(str, lines))
        self.session = b64(hashlib.sha256(text.encode()).digest())
        return {
            "action": "open",
            "publicKey": self.public,
            "deposit": str(self.deposit),
            "nonce": nonce,
            "created": created,
            "expires": created + 60,
            "opening": self.sign(*lines),
            **self.voucher(place, cumulative, purpose),
        }


async def main(origin: str) -> None:
    scheme = Farthing(deposit=15_000_000)
    url = f"{origin}/articles/a?x=1"
    async with httpx.AsyncClient() as plain:
        unpaid = await plain.get(url)
        assert unpaid.status_code == 402, unpaid
        required = decode_payment_required_header(unpaid.headers["payment-required"])
        offer = required.accepts[1]
        assert (offer.scheme, offer.amount) == ("batch-settlement", "5000000"), offer
        network, created = offer.network, int(time.time())
        signature = scheme.sign("farthing-wallet-v1", network, origin, scheme.public, created)
        opened = await plain.post(
            f"{origin}/.well-known/farthing/wallets",
            json={"publicKey": scheme.public, "created": created, "signature": signature},
        )
        assert opened.status_code == 201, opened.text

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

    place = (network, offer.pay_to, offer.asset)
    close = {
        "x402Version": 2,
        "accepted": offer.model_dump(by_alias=True, exclude_none=True),
        "payload": {"action": "close", **scheme.voucher(place, scheme.signed, "close")},
    }
    header = base64.b64encode(json.dumps(close).encode()).decode()
    async with httpx.AsyncClient() as plain:
        closed = await plain.get(url, headers={"payment-signature": header})
    assert closed.status_code == 204, (closed.status_code, closed.text)
    told = json.loads(base64.b64decode(closed.headers["payment-response"]))
    assert told["extra"]["session"]["spent"] == "15000000", told
    print(json.dumps({"publicKey": scheme.public, "payments": 3}))


asyncio.run(main(sys.argv[1]))
