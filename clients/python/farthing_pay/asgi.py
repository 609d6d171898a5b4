"""A price on requests, for ASGI applications that are behind no gate. A gate of the same ledger that
facilitates says whether a payment is good, and makes it::

    app = Seller(app, gate="http://127.0.0.1:8403", pay_to="wal_…", price=lambda method, url: "0.005")

- A payment is good for one method, URL, body and price, once.
- It is made when the answer is there and is one of success, before it is given: the answer is held
  back until it is whole. Another status, an application that raises and a client that went away cost
  nothing; nor does HEAD.
- What was paid for is `private, no-store`, what is asked `no-store`; nothing is kept here.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import httpx

from farthing_pay import atoms, base64url, scale_of

_SIGNATURE_BYTES_MAX = 16 * 1024
_BODY_BYTES_MAX = 1024 * 1024
_SECONDS = 60

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Json = dict[str, Any]


class Seller:
    """The application, with a price before it.

    `price` says what a request costs as a decimal, or None if it is free; `public_url` is what clients
    call this site, if it is not what they say in `Host`."""

    def __init__(
        self,
        app: Callable[[Message, Receive, Send], Awaitable[None]],
        *,
        gate: str,
        pay_to: str,
        price: Callable[[str, str], str | None],
        asset: str = "USD",
        scale: int | None = None,
        public_url: str | None = None,
    ) -> None:
        self._app, self._pay_to, self._price, self._asset = app, pay_to, price, asset
        self._scale = scale_of(asset, scale)
        self._public_url = public_url and public_url.rstrip("/")
        self._own = f"{gate}/.well-known/farthing"
        self._client = httpx.AsyncClient()
        self._network: str | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            # There is no answer to hold back.
            return await self._app(scope, receive, send)
        method, url = scope["method"], self._url(scope)
        price = self._price(method, url)
        if price is None:
            return await self._app(scope, receive, send)
        body = await _body(receive)
        if body is None:
            return await _problem(send, 413, "body_too_large", "The body of a priced request is too large.")
        try:
            asked = await self._asked(method, url, body, price)
        except (httpx.HTTPError, ValueError, KeyError, StopIteration):
            return await _unavailable(send)
        signatures = [value for name, value in scope["headers"] if name == b"payment-signature"]
        if not signatures:
            return await _unpaid(send, url, asked, "PAYMENT-SIGNATURE header is required")
        payment = _read(signatures)
        if payment is None:
            return await _problem(send, 400, "invalid_payload", "PAYMENT-SIGNATURE is base64 of JSON, once.")
        both = {"x402Version": 2, "paymentPayload": payment, "paymentRequirements": asked}
        verified = await self._node("verify", both)
        if verified is None:
            return await _unavailable(send)
        if not verified["isValid"]:
            return await _unpaid(send, url, asked, verified["invalidReason"], paid=True)
        answer = _Answer(body, receive)
        await self._app(scope, answer.receive, answer.send)
        if answer.is_gone:
            return None
        answer.mark(b"cache-control", b"private, no-store")
        if 200 <= answer.status < 300 and method != "HEAD":
            settled = await self._node("settle", both)
            if settled is None:
                return await _unavailable(send)
            if not settled["success"]:
                return await _unpaid(send, url, asked, settled["errorReason"], paid=True)
            answer.mark(b"payment-response", _encode(settled))
        return await answer.give(send)

    def _url(self, scope: Message) -> str:
        path = scope.get("raw_path") or scope["path"].encode()
        path = path.split(b"?")[0]
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        host = next((value for name, value in scope["headers"] if name == b"host"), b"")
        origin = self._public_url or f"{scope.get('scheme', 'http')}://{host.decode('latin-1').lower()}"
        return origin + (path + query).decode("latin-1")

    async def _asked(self, method: str, url: str, body: bytes, price: str) -> Json:
        """One of a 402's `accepts` (docs/protocols/x402-farthing.md)."""
        if self._network is None:
            supported = (await self._client.get(f"{self._own}/supported")).json()
            kinds = (kind["network"] for kind in supported["kinds"] if kind["scheme"] == "exact")
            self._network = next(network for network in kinds if network.startswith("farthing:"))
        sha256 = base64.b64encode(hashlib.sha256(body).digest()).decode()
        digest = f"sha-256=:{sha256}:" if body else "-"
        text = "\n".join(("farthing-request-v1", method, url, digest))
        request = base64url(hashlib.sha256(text.encode("latin-1")).digest())
        return {
            "scheme": "exact",
            "network": self._network,
            "amount": str(atoms(price, self._scale)),
            "asset": self._asset,
            "payTo": self._pay_to,
            "maxTimeoutSeconds": _SECONDS,
            "extra": {"version": "1", "scale": self._scale, "request": request},
        }

    async def _node(self, what: str, both: Json) -> Json | None:
        """What the node says; None if it says nothing."""
        try:
            answer = await self._client.post(f"{self._own}/{what}", json=both)
            return answer.json() if answer.status_code == 200 else None
        except (httpx.HTTPError, ValueError):
            return None


class _Answer:
    """What the application answers, until it is paid for."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self.status, self.headers, self.is_gone = 500, [], False
        self._request, self._receive = [body], receive
        self._parts: list[bytes] = []

    async def receive(self) -> Message:
        if self._request:
            return {"type": "http.request", "body": self._request.pop(), "more_body": False}
        message = await self._receive()
        self.is_gone = message["type"] == "http.disconnect"
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message.get("headers", ()))
        elif message["type"] == "http.response.body":
            self._parts.append(message.get("body", b""))

    def mark(self, name: bytes, value: bytes) -> None:
        self.headers = [one for one in self.headers if one[0].lower() != name] + [(name, value)]

    async def give(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": b"".join(self._parts)})


async def _body(receive: Receive) -> bytes | None:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > _BODY_BYTES_MAX:
            return None
        if not message.get("more_body"):
            return body


def _read(signatures: list[bytes]) -> Json | None:
    if len(signatures) > 1 or len(signatures[0]) > _SIGNATURE_BYTES_MAX:
        return None
    try:
        text = signatures[0].translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
        payment = json.loads(base64.b64decode(text + b"=" * (-len(text) % 4)))
    except ValueError:
        return None
    return payment if isinstance(payment, dict) else None


def _encode(value: Json) -> bytes:
    return base64.b64encode(json.dumps(value).encode())


async def _unpaid(send: Send, url: str, asked: Json, error: str, *, paid: bool = False) -> None:
    """402, with what is asked and, after a payment, why that was none."""
    required = {"x402Version": 2, "error": error, "resource": {"url": url}, "accepts": [asked]}
    headers = [(b"payment-required", _encode(required))]
    if paid:
        failed = {"success": False, "errorReason": error, "transaction": "", "network": asked["network"]}
        headers.append((b"payment-response", _encode(failed)))
    code = error if paid else "payment_required"
    await _problem(send, 402, code, "Pay for this request and ask again.", headers)


async def _unavailable(send: Send) -> None:
    words = "Payments cannot be taken now. Try again with the same payment."
    await _problem(send, 503, "unavailable", words, [(b"retry-after", b"1")])


async def _problem(
    send: Send, status: int, code: str, detail: str, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    own = [(b"content-type", b"application/problem+json"), (b"cache-control", b"no-store")]
    body = {"type": "about:blank", "status": status, "code": code, "detail": detail}
    await send({"type": "http.response.start", "status": status, "headers": own + (headers or [])})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})
