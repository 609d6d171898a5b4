"""The method `farthing` for `pympp` (docs/protocols/mpp-farthing.md)::

    wallet = Wallet(secret)
    transport = PaymentTransport(**farthing(wallet))
    async with httpx.AsyncClient(transport=transport) as client: ...
"""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
from mpp import Challenge, Credential
from mpp.methods import Method
from mpp.runtime import ClientMethod, CredentialParams
from pydantic import BaseModel, ConfigDict

from farthing_pay import Wallet, amount
from farthing_pay.session import Asked, Payload, Session, Sessions

_NAME = "farthing"


class _Any(BaseModel):
    """What is read here by hand."""

    model_config = ConfigDict(extra="allow")


def _method(intent: str) -> Method[_Any, _Any]:
    return Method(name=_NAME, intent=intent, request_model=_Any, payload_model=_Any)


def _read(request: dict[str, Any]) -> Asked:
    details = request["methodDetails"]
    return Asked(
        network=details["network"],
        pay_to=request["recipient"],
        asset=request["currency"].upper(),
        scale=details["scale"],
        price=amount(request["amount"]),
        request=details["request"],
        deposit=amount(request.get("suggestedDeposit", request["amount"])),
    )


class _Charge:
    """One payment for one request."""

    def __init__(self, wallet: Wallet) -> None:
        self._wallet = wallet

    async def pay(self, params: CredentialParams) -> str:
        challenge = params.challenge
        asked = _read(challenge.request)
        self._wallet.allow(asked.asset, asked.scale, asked.price)
        signature = self._wallet.sign(
            "farthing-charge-v1",
            challenge.id,
            challenge.realm,
            challenge.method,
            challenge.intent,
            challenge.request_b64,
            challenge.expires or "-",
            challenge.digest or "-",
            self._wallet.public_key,
        )
        payload = {"publicKey": self._wallet.public_key, "signature": signature}
        return Credential(challenge=challenge.to_echo(), payload=payload).to_authorization()


class _InSessions(httpx.AsyncBaseTransport):
    """Many requests, paid by vouchers; and the transport that hears what became of what was signed."""

    def __init__(self, wallet: Wallet, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self._sessions = Sessions(wallet, self._manage)
        # What each credential that is under way pays for, and in which session.
        self._sent: dict[str, tuple[Session, object, int]] = {}
        # Where each site last asked for a payment.
        self._urls: dict[str, httpx.URL] = {}

    def offers(self, realm: str) -> bool:
        return realm in self._urls

    async def pay(self, params: CredentialParams) -> str:
        challenge = params.challenge
        asked = _read(challenge.request)
        await self._sessions.prepare(asked)
        session, payload = self._sessions.pay(asked, challenge.id, challenge)
        # The challenge's id is the nonce.
        payload.pop("nonce", None)
        # A session's challenge opens it; in it, any of the site will do.
        echo = session.context.to_echo()
        header = Credential(challenge=echo, payload=payload).to_authorization()
        self._sent[header] = (session, payload["cumulativeAmount"], asked.price)
        return header

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        sent = self._sent.pop(request.headers.get("authorization", ""), None)
        try:
            response = await self._inner.handle_async_request(request)
        except BaseException:
            if sent:
                self._sessions.learn(*sent, None, False)
            raise
        asks = response.status_code in (402, 410)
        ours = _ours(response) if asks else []
        if response.status_code == 402:
            self._urls.update((challenge.realm, request.url) for challenge in ours)
        if sent:
            self._learn(response, sent, ours, asks)
        if sent and response.status_code == 410:
            # The session is over: the client answers the challenges that came with a 402 alone.
            response.status_code = 402
        return response

    def _learn(
        self, response: httpx.Response, sent: tuple[Session, object, int], ours: list[Challenge], asks: bool
    ) -> None:
        receipt = response.headers.get("payment-receipt")
        told = json.loads(base64.urlsafe_b64decode(receipt + "==")) if receipt else None
        snapshots = (one.request["methodDetails"].get("sessionSnapshot") for one in ours)
        snapshot = next(filter(None, snapshots), None)
        self._sessions.learn(*sent, told or snapshot, told is not None)
        if asks and snapshot is None:
            self._sessions.forget(sent[0])

    async def _manage(self, session: Session, payload: Payload) -> bool:
        challenge = session.context
        header = Credential(challenge=challenge.to_echo(), payload=payload).to_authorization()
        request = httpx.Request("GET", self._urls[challenge.realm], headers={"authorization": header})
        response = await self._inner.handle_async_request(request)
        await response.aclose()
        return response.status_code == 204

    async def aclose(self) -> None:
        await self._inner.aclose()


def _ours(response: httpx.Response) -> list[Challenge]:
    offers = response.headers.get_list("www-authenticate")
    challenges = [Challenge.from_www_authenticate(offer) for offer in offers if offer.startswith("Payment ")]
    return [one for one in challenges if (one.method, one.intent) == (_NAME, "session")]


def farthing(
    wallet: Wallet, *, sessions: bool = False, inner: httpx.AsyncBaseTransport | None = None
) -> dict[str, Any]:
    """What to give to `PaymentTransport`. With `sessions`, they are used where they are offered."""
    inner = inner or httpx.AsyncHTTPTransport()
    charge = _Charge(wallet).pay
    if not sessions:
        return {"methods": [ClientMethod(method=_method("charge"), create_credential=charge)], "inner": inner}
    in_sessions = _InSessions(wallet, inner)
    single = ClientMethod(
        method=_method("charge"),
        create_credential=charge,
        can_handle_challenge=lambda challenge: not in_sessions.offers(challenge.realm),
    )
    several = ClientMethod(method=_method("session"), create_credential=in_sessions.pay)
    return {"methods": [several, single], "inner": in_sessions}
