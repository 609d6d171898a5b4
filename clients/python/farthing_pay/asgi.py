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
import re
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import anyio
import httpx

from farthing_pay import atoms, base64url, scale_of

_SIGNATURE_BYTES_MAX = 16 * 1024
_BODY_BYTES_MAX = 1024 * 1024
_SECONDS = 60
_HOST = re.compile(rb"[A-Za-z0-9.\-:\[\]_]{1,255}")
# How long the node may take to answer, and the pauses before each time it is asked to settle.
_NODE_TIME_S = 10
_SETTLE_WAITS_S = (0, 0.1, 0.4, 1.6)
# How long a server may take to say that the client went away.
_GONE_TIME_S = 0.001
_AGAIN = "Payments cannot be taken now. Try again with the same payment."
_UNKNOWN = "Whether this payment was made is not known now. Look before you pay again."

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
        self._client = httpx.AsyncClient(timeout=_NODE_TIME_S)
        self._network: str | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            # There is no answer to hold back.
            return await self._app(scope, receive, send)
        method, url = scope["method"], self._url(scope)
        if url is None:
            words = "Send one Host, and the path as the request's target."
            return await _problem(send, 400, "host_invalid", words)
        price = self._price(method, url)
        if price is None:
            return await self._app(scope, receive, send)
        body = await _body(receive)
        if body is None:
            return await _problem(send, 413, "body_too_large", "The body of a priced request is too large.")
        try:
            asked = await self._asked(method, url, body, price)
        except (httpx.HTTPError, ValueError, KeyError, StopIteration):
            return await _unavailable(send, _AGAIN)
        signatures = [value for name, value in scope["headers"] if name == b"payment-signature"]
        if not signatures:
            return await _unpaid(send, url, asked, "PAYMENT-SIGNATURE header is required")
        payment = _read(signatures)
        if payment is None:
            return await _problem(send, 400, "invalid_payload", "PAYMENT-SIGNATURE is base64 of JSON, once.")
        both = {"x402Version": 2, "paymentPayload": payment, "paymentRequirements": asked}
        verified = await self._node("verify", both)
        if verified is None:
            return await _unavailable(send, _AGAIN)
        if not verified["isValid"]:
            return await _unpaid(send, url, asked, verified["invalidReason"], paid=True)
        answer = _Answer(body, receive)
        # An extension such as `pathsend` would be an answer that is not held back.
        await self._app({**scope, "extensions": {}}, answer.receive, answer.send)
        if await answer.is_unheard():
            return None
        answer.mark(b"cache-control", b"private, no-store")
        if 200 <= answer.status < 300 and method != "HEAD":
            settled = await self._settle(both)
            if settled is None:
                return await _unavailable(send, _UNKNOWN)
            if not settled["success"]:
                return await _unpaid(send, url, asked, settled["errorReason"], paid=True)
            answer.mark(b"payment-response", _encode(settled))
        return await answer.give(send)

    def _url(self, scope: Message) -> str | None:
        """What clients call this request. None if it names no one host: the URL would be one of which
        `price` sees another path than the application."""
        path = scope.get("raw_path") or scope["path"].encode()
        path = path.split(b"?")[0]
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]) or not path.startswith(b"/"):
            return None
        origin = self._public_url or f"{scope.get('scheme', 'http')}://{hosts[0].decode().lower()}"
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

    async def _settle(self, both: Json) -> Json | None:
        """Has a payment made. What the node said may be lost: it is asked again under the same key."""
        key = {"idempotency-key": str(uuid.uuid4())}
        for wait_s in _SETTLE_WAITS_S:
            await anyio.sleep(wait_s)
            settled = await self._node("settle", both, key)
            if settled is not None:
                return settled
        return None

    async def _node(self, what: str, both: Json, headers: dict[str, str] | None = None) -> Json | None:
        """What the node says; None if it says nothing."""
        try:
            answer = await self._client.post(f"{self._own}/{what}", json=both, headers=headers)
            return answer.json() if answer.status_code == 200 else None
        except (httpx.HTTPError, ValueError):
            return None


class _Answer:
    """What the application answers, until it is paid for."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self.status, self.headers = 500, []
        self._request, self._receive = [body], receive
        self._parts: list[bytes] = []
        self._is_gone = False

    async def receive(self) -> Message:
        if self._request:
            return {"type": "http.request", "body": self._request.pop(), "more_body": False}
        message = await self._receive()
        self._is_gone = message["type"] == "http.disconnect"
        return message

    async def is_unheard(self) -> bool:
        """Whether the client went away. The application need not have asked: a server that knows says
        so at once, and one that has nothing to say is not waited for."""
        if not self._is_gone:
            with anyio.move_on_after(_GONE_TIME_S):
                self._is_gone = (await self._receive())["type"] == "http.disconnect"
        return self._is_gone

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


async def _unavailable(send: Send, words: str) -> None:
    await _problem(send, 503, "unavailable", words, [(b"retry-after", b"1")])


async def _problem(
    send: Send, status: int, code: str, detail: str, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    own = [(b"content-type", b"application/problem+json"), (b"cache-control", b"no-store")]
    body = {"type": "about:blank", "status": status, "code": code, "detail": detail}
    await send({"type": "http.response.start", "status": status, "headers": own + (headers or [])})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})
