"""Our network for the official x402 client (docs/protocols/x402-farthing.md)::

    wallet = Wallet(secret)
    async with x402HttpxClient(farthing(wallet)) as client:
        response = await client.get("https://site.example/article")
"""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
from x402 import x402Client
from x402.schemas import RecoveredResponseResult

from farthing_pay import Wallet, amount, nonce, now
from farthing_pay.session import Asked, Payload, Session, Sessions

_NETWORKS = "farthing:*"
_REASON = "invalid_batch_settlement_farthing_"
# After these refusals the same request is signed again, once.
_AGAIN = (
    "session_not_found",
    "voucher_lower",
    "voucher_too_small",
    "voucher_above_deposit",
    "session_opening_expired",
)


def _read(requirements: Any) -> Asked:
    """What is asked, if it is of this version of the network."""
    extra = requirements.extra
    if extra.get("version") != "1":
        raise ValueError(f"version {extra.get('version')} of this network is not known here")
    return Asked(
        network=requirements.network,
        pay_to=requirements.pay_to,
        asset=requirements.asset,
        scale=extra["scale"],
        price=amount(requirements.amount),
        request=extra["request"],
        deposit=amount(extra.get("suggestedDeposit", requirements.amount)),
    )


class ExactFarthingScheme:
    """`exact`: one payment for one request."""

    scheme = "exact"

    def __init__(self, wallet: Wallet) -> None:
        self._wallet = wallet

    def create_payment_payload(self, requirements: Any) -> Payload:
        asked = _read(requirements)
        self._wallet.allow(asked.asset, asked.scale, asked.price)
        created = now()
        proof: Payload = {
            "publicKey": self._wallet.public_key,
            "nonce": nonce(),
            "created": created,
            "expires": created + requirements.max_timeout_seconds,
        }
        lines = (asked.network, asked.request, asked.price, asked.asset, asked.pay_to, *proof.values())
        return {**proof, "signature": self._wallet.sign("farthing-exact-v1", *lines)}


class BatchFarthingScheme:
    """`batch-settlement`: many requests, paid by vouchers in a session. For the asynchronous client."""

    scheme = "batch-settlement"

    def __init__(self, wallet: Wallet) -> None:
        self._sessions = Sessions(wallet, self._manage)
        # Where each session was last paid in.
        self._urls: dict[tuple[str, str, str], str] = {}
        self.scheme_hooks = {
            "on_before_payment_creation": self._before,
            "on_payment_response": self._after,
        }

    async def _before(self, context: Any) -> None:
        asked = _read(context.selected_requirements)
        self._urls[asked.place] = context.payment_required.resource.url
        await self._sessions.prepare(asked)

    def create_payment_payload(self, requirements: Any) -> Payload:
        return self._sessions.pay(_read(requirements), nonce())[1]

    async def _after(self, context: Any) -> RecoveredResponseResult | None:
        payload = context.payment_payload.payload
        session = self._sessions.find(payload.get("sessionId"))
        settled = context.settle_response
        told = ((settled and settled.extra) or {}).get("session")
        is_paid = settled is not None and settled.success and settled.amount != "0"
        price = amount(context.requirements.amount)
        self._sessions.learn(session, payload.get("cumulativeAmount"), price, told, is_paid)
        if settled is not None and not settled.success and told is None:
            self._sessions.forget(session)
        reason = (settled and settled.error_reason) or ""
        return RecoveredResponseResult() if reason.removeprefix(_REASON) in _AGAIN else None

    async def _manage(self, session: Session, payload: Payload) -> bool:
        """Sends what is of the session and not of a request with a GET of what was last paid for."""
        url = self._urls[session.place]
        async with httpx.AsyncClient() as client:
            unpaid = await client.get(url)
            header = unpaid.headers.get("payment-required")
            if header is None:
                return False
            accepts = json.loads(base64.b64decode(header))["accepts"]
            ours = (one for one in accepts if (one["scheme"], one["network"]) == (self.scheme, session.place[0]))
            body = {"x402Version": 2, "accepted": next(ours, None), "payload": payload}
            signature = base64.b64encode(json.dumps(body).encode()).decode()
            answer = await client.get(url, headers={"payment-signature": signature})
        return answer.status_code == 204


def farthing(wallet: Wallet, *, sessions: bool = False, client: x402Client | None = None) -> x402Client:
    """An x402 client that pays from the wallet; or one that there is, taught to.

    With `sessions`, they are used where they are offered. The spending controls of the client become
    the wallet's limits."""
    prefers = BatchFarthingScheme.scheme

    def select(_version: int, accepts: list[Any]) -> Any:
        ours = (one for one in accepts if one.scheme == prefers and one.network.startswith("farthing:"))
        return next(ours, accepts[0])

    client = client or x402Client(select)
    client.register(_NETWORKS, ExactFarthingScheme(wallet))
    if sessions:
        client.register(_NETWORKS, BatchFarthingScheme(wallet))
    allowed = [
        {"network": _NETWORKS, "asset": asset, "max_amount_per_payment": str(limit.payment)}
        for asset, limit in wallet.limits().items()
    ]
    client.set_spend_controls({"allowed_assets": allowed})
    return client
