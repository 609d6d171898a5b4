"""A key that spends a wallet on a `farthing:` network, as docs/protocols/ has it."""

import base64
import hashlib
import time

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Wallet:
    def __init__(self) -> None:
        self.secret = Ed25519PrivateKey.generate()
        self.public = b64(self.secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    def sign(self, *lines: object) -> str:
        return b64(self.secret.sign("\n".join(map(str, lines)).encode()))

    async def register(self, plain: httpx.AsyncClient, origin: str, network: str) -> None:
        created = int(time.time())
        signature = self.sign("farthing-wallet-v1", network, origin, self.public, created)
        opened = await plain.post(
            f"{origin}/.well-known/farthing/wallets",
            json={"publicKey": self.public, "created": created, "signature": signature},
        )
        assert opened.status_code == 201, opened.text


class SessionWallet(Wallet):
    """One session with one seller."""

    def __init__(self, deposit: int) -> None:
        super().__init__()
        self.deposit = deposit
        self.session: str | None = None
        # Network, payee, asset.
        self.place: tuple[str, str, str] = ("", "", "")
        self.signed = 0

    def voucher(self, cumulative: int, purpose: str) -> dict[str, str]:
        self.signed = cumulative
        network, pay_to, asset = self.place
        signature = self.sign(
            "farthing-voucher-v1", network, self.session, pay_to, asset, cumulative, purpose
        )
        return {
            "sessionId": self.session,
            "cumulativeAmount": str(cumulative),
            "signature": signature,
        }

    def opening(self, nonce: str, cumulative: int, purpose: str) -> dict[str, object]:
        created = int(time.time())
        lines = (
            "farthing-session-v1",
            *self.place,
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
            "created": created,
            "expires": created + 60,
            "opening": self.sign(*lines),
            **self.voucher(cumulative, purpose),
        }
