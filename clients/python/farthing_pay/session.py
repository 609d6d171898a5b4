"""The payer's side of sessions (docs/protocols/sessions.md), whichever protocol carries them.

- One session for each seller and asset, opened when it is first needed.
- What a seller says of it is believed as far as it costs nothing: it may take what was signed, and
  nothing it says can make that more.
- Until a session is known to be open, each payment carries its opening: requests at the same time
  open one session.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from farthing_pay import LimitError, Wallet, amount, base64url, now

# How long an opening may be answered, seconds.
_OPENING_S = 60

Payload = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """What a seller asks for one request."""

    network: str
    pay_to: str
    asset: str
    scale: int
    price: int
    request: str
    # What it suggests to set aside, atoms.
    deposit: int

    @property
    def place(self) -> tuple[str, str, str]:
        return (self.network, self.pay_to, self.asset)


class Session:
    def __init__(self, wallet: Wallet, place: tuple[str, str, str], deposit: int, nonce: str) -> None:
        self.wallet, self.place, self.deposit = wallet, place, deposit
        self.signed = self.spent = 0
        self.is_open = False
        created = now()
        self.expires = created + _OPENING_S
        lines = ("farthing-session-v1", *place, deposit, wallet.public_key, nonce, created, self.expires)
        self.id = base64url(hashlib.sha256("\n".join(map(str, lines)).encode()).digest())
        self.opening = {
            "publicKey": wallet.public_key,
            "deposit": str(deposit),
            "nonce": nonce,
            "created": created,
            "expires": self.expires,
            "opening": wallet.sign(*lines),
        }
        # What the protocol sends again with everything of this session.
        self.context: Any = None

    def needs(self, price: int) -> int:
        """What must be signed for in all if one more request is to be paid."""
        return max(self.signed, self.spent + price)

    def voucher(self, cumulative: int, purpose: str) -> Payload:
        network, *place = self.place
        signature = self.wallet.sign("farthing-voucher-v1", network, self.id, *place, cumulative, purpose)
        return {"sessionId": self.id, "cumulativeAmount": str(cumulative), "signature": signature}

    def top_up(self, deposit: int) -> Payload:
        network, *place = self.place
        signature = self.wallet.sign("farthing-deposit-v1", network, self.id, *place, deposit)
        return {"action": "topUp", "sessionId": self.id, "deposit": str(deposit), "signature": signature}

    def close(self) -> Payload:
        return {"action": "close", **self.voucher(self.signed, "close")}


# Asks the seller to top a session up or close it, and says whether it did.
Manage = Callable[[Session, Payload], Awaitable[bool]]


class Sessions:
    def __init__(self, wallet: Wallet, manage: Manage) -> None:
        self._wallet, self._manage = wallet, manage
        self._open: dict[tuple[str, str, str], Session] = {}
        wallet._closing.append(self.close)

    async def prepare(self, asked: Asked) -> None:
        """Tops the session up if the next request needs it. Raises `LimitError`."""
        session = self._open.get(asked.place)
        if session is None or session.spent + asked.price <= session.deposit:
            return
        # What is not allowed is not even topped up for.
        more = session.needs(asked.price) - session.signed
        self._wallet.check(asked.asset, asked.scale, asked.price, more)
        left = self._wallet.left(asked.asset) + session.signed - session.spent
        deposit = session.spent + self._deposit(asked, left)
        if await self._manage(session, session.top_up(deposit)):
            session.deposit = deposit
        else:
            # It ends by itself; the rest comes back then.
            self.forget(session)

    def pay(self, asked: Asked, nonce: str, context: Any = None) -> tuple[Session, Payload]:
        """What pays for a request. Raises `LimitError`."""
        session = self._open.get(asked.place)
        is_stale = session is not None and not session.is_open and session.expires <= now()
        if session is None or is_stale or session.spent + asked.price > session.deposit:
            self._wallet.check(asked.asset, asked.scale, asked.price)
            deposit = self._deposit(asked, self._wallet.left(asked.asset))
            session = Session(self._wallet, asked.place, deposit, nonce)
            session.context = context
        cumulative = session.needs(asked.price)
        self._wallet.allow(asked.asset, asked.scale, asked.price, cumulative - session.signed)
        self._open[asked.place] = session
        session.signed = cumulative
        session.spent += asked.price
        voucher = session.voucher(cumulative, asked.request)
        if session.is_open:
            return session, {"action": "voucher", **voucher}
        return session, {"action": "open", **session.opening, **voucher}

    def _deposit(self, asked: Asked, left: int) -> int:
        """What to set aside for more: what is suggested, and the price at least, as far as the owner
        allows. Raises `LimitError` if that is less than the price."""
        limit = self._wallet.limits().get(asked.asset)
        allowed = min(limit.deposit if limit else 0, left)
        if allowed < asked.price:
            raise LimitError(f"{asked.price} atoms of {asked.asset} is beyond what may be set aside")
        return min(max(asked.deposit, asked.price), allowed)

    def find(self, session_id: object) -> Session | None:
        return next((one for one in self._open.values() if one.id == session_id), None)

    def learn(
        self, session: Session | None, cumulative: object, price: int, told: Mapping[str, str] | None, is_paid: bool
    ) -> None:
        """Takes in what the answer to a voucher says: how the session stands, and whether the request
        was paid for."""
        if session is None:
            return
        if not is_paid:
            session.spent -= price
        if told is None:
            return
        session.is_open = True
        session.deposit = amount(told["deposit"])
        if not is_paid and "requiredCumulative" in told:
            # Counts requests under way too.
            spent = amount(told["requiredCumulative"]) - price
        elif cumulative == str(session.signed):
            spent = amount(told["spent"])
        else:
            # Others were signed for since.
            spent = max(session.spent, amount(told["spent"]))
        # So much could be taken anyway.
        if spent <= session.signed:
            session.spent = spent

    def forget(self, session: Session | None) -> None:
        """The seller does not know it: another will be opened."""
        self._open = {place: one for place, one in self._open.items() if one is not session}

    async def close(self) -> bool:
        """Closes every session; what a seller does not close ends by itself."""
        sessions, self._open = list(self._open.values()), {}
        done = [await self._manage(one, one.close()) for one in sessions if one.is_open]
        return all(done)
