"""A key that spends a wallet on a `farthing:` network (docs/protocols/x402-farthing.md), and the
limits within which it signs.

- What may be spent is counted when it is signed, for a seller may take whatever was signed.
- An asset without a limit is never paid.
- An amount is an int of atoms, a limit a decimal string of the asset's own unit.
"""

from __future__ import annotations

import base64
import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

__all__ = ["Limit", "LimitError", "Wallet"]

# Decimals of assets as ledgers keep them; a limit may say others.
_SCALES = {"USD": 9, "EUR": 9, "GBP": 9, "KRW": 7, "JPY": 7, "INR": 8, "IDR": 5, "VND": 5, "USDC": 6, "POINTS": 2}


class LimitError(Exception):
    """What is asked is beyond what the wallet's owner allows."""


@dataclass(frozen=True)
class Limit:
    """What one request may cost, the most that a wallet object ever signs for, and the most to set
    aside at once for a session, if not all that is left."""

    payment: str
    total: str
    deposit: str | None = None
    scale: int | None = None


@dataclass(frozen=True)
class _Atoms:
    payment: int
    total: int
    deposit: int
    scale: int


class Wallet:
    """The wallet of a secret key: 32 bytes, or their 64 hexadecimal digits; a fresh one without."""

    def __init__(self, secret: bytes | str | None = None, limits: Mapping[str, Limit] | None = None) -> None:
        seed = bytes.fromhex(secret) if isinstance(secret, str) else secret
        self._key = Ed25519PrivateKey.from_private_bytes(os.urandom(32) if seed is None else seed)
        raw = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public_key = base64url(raw)
        limits = {"USD": Limit("1", "10")} if limits is None else limits
        self._limits = {asset: _read(asset, limit) for asset, limit in limits.items()}
        self._signed: dict[str, int] = {}
        self._closing: list[Callable[[], Awaitable[bool]]] = []

    async def open(self, origin: str) -> dict[str, object]:
        """Opens a wallet for this key at a site that lets anybody open one."""
        own = f"{origin}/.well-known/farthing"
        async with httpx.AsyncClient() as client:
            kinds = (await client.get(f"{own}/supported")).json()["kinds"]
            network = next((k["network"] for k in kinds if k["network"].startswith("farthing:")), None)
            if network is None:
                raise ValueError(f"{origin} is not paid on a farthing network")
            created = now()
            signature = self.sign("farthing-wallet-v1", network, origin, self.public_key, created)
            body = {"publicKey": self.public_key, "created": created, "signature": signature}
            answer = await client.post(f"{own}/wallets", json=body)
        if not answer.is_success:
            raise ValueError(f"{origin} opened no wallet: {answer.text}")
        return answer.json()

    async def close(self) -> bool:
        """Closes what sessions are open; what a seller does not close ends by itself."""
        done = [await close() for close in self._closing]
        return all(done)

    def limits(self) -> Mapping[str, _Atoms]:
        """By asset, in atoms."""
        return self._limits

    def left(self, asset: str) -> int:
        """Atoms of an asset that may still be signed for."""
        limit = self._limits.get(asset)
        return limit.total - self._signed.get(asset, 0) if limit else 0

    def check(self, asset: str, scale: int, price: int, more: int | None = None) -> None:
        """Whether so much more may be signed for one request that costs `price`.

        Raises `LimitError`."""
        more = price if more is None else more
        limit = self._limits.get(asset)
        if limit is None:
            raise LimitError(f"this wallet has no limit for {asset}, and so does not pay with it")
        if scale != limit.scale:
            raise LimitError(f"{asset} has {limit.scale} decimals, not {scale}")
        if price > limit.payment:
            raise LimitError(f"{price} atoms of {asset} is beyond the limit of a payment")
        if more > self.left(asset):
            raise LimitError(f"{price} atoms of {asset} is beyond what is left to spend")

    def allow(self, asset: str, scale: int, price: int, more: int | None = None) -> None:
        """Says that so much more is about to be signed for one request that costs `price`.

        Raises `LimitError`."""
        self.check(asset, scale, price, more)
        more = price if more is None else more
        self._signed[asset] = self._signed.get(asset, 0) + more

    def sign(self, *lines: object) -> str:
        """Signs lines joined by a line feed: base64url."""
        return base64url(self._key.sign("\n".join(map(str, lines)).encode()))


def now() -> int:
    """Seconds since 1970."""
    return int(time.time())


def nonce() -> str:
    """128 random bits that were never used before."""
    return base64url(os.urandom(16))


def amount(text: str) -> int:
    """An amount as the protocols write it."""
    if not re.fullmatch(r"0|[1-9][0-9]*", text):
        raise ValueError(f"{text!r} is no amount of atoms")
    return int(text)


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _read(asset: str, limit: Limit) -> _Atoms:
    scale = scale_of(asset, limit.scale)
    deposit = atoms(limit.deposit or limit.total, scale)
    return _Atoms(atoms(limit.payment, scale), atoms(limit.total, scale), deposit, scale)


def scale_of(asset: str, scale: int | None) -> int:
    """The decimals that were said, or the usual ones."""
    scale = _SCALES.get(asset) if scale is None else scale
    if scale is None:
        raise ValueError(f"say how many decimals {asset} has: scale=…")
    return scale


def atoms(decimal: str, scale: int) -> int:
    """A decimal in atoms; more digits than the scale is an error, never a rounding."""
    parts = re.fullmatch(r"([0-9]+)(?:\.([0-9]+))?", decimal)
    if parts is None or len(parts[2] or "") > scale:
        raise ValueError(f"{decimal!r} is no amount with {scale} decimals")
    return int(parts[1] + (parts[2] or "").ljust(scale, "0"))
