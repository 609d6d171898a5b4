"""An ASGI application that is behind no gate is paid through one: `sell_asgi.py http://host:port`."""

import asyncio
import base64
import json
from typing import Any

import httpx
import uvicorn
from seller import ORIGIN, page, paid
from seller import wallet as open_wallet
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from x402.http.clients import x402HttpxClient

from farthing_pay.asgi import Seller
from farthing_pay.x402 import farthing


async def hello(_: Request) -> Response:
    return PlainTextResponse("hello", headers={"cache-control": "public, max-age=60"})


async def echo(request: Request) -> Response:
    return Response(await request.body())


async def fails(_: Request) -> Response:
    return Response("no", status_code=500)


ROUTES = [
    Route("/page", hello),
    Route("/free", hello),
    Route("/echo", echo, methods=["POST"]),
    Route("/fails", fails),
]


async def main() -> None:
    async with httpx.AsyncClient() as plain:
        asked = (await plain.get(f"{ORIGIN}/articles/a")).headers["payment-required"]
    # Whom the gate's own pages pay.
    pay_to = json.loads(base64.b64decode(asked))["accepts"][0]["payTo"]
    app = Seller(
        Starlette(routes=ROUTES),
        gate=ORIGIN,
        pay_to=pay_to,
        price=lambda _method, url: None if url.endswith("/free") else "0.005",
    )
    signatures: list[bytes] = []

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        headers = scope.get("headers", ())
        signatures.extend(value for name, value in headers if name == b"payment-signature")
        await app(scope, receive, send)

    server = uvicorn.Server(uvicorn.Config(watched, port=0, log_level="warning"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    site = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"

    wallet = await open_wallet()
    async with x402HttpxClient(farthing(wallet)) as client, httpx.AsyncClient() as plain:
        assert (await plain.get(f"{site}/page")).status_code == 402
        page(await plain.get(f"{site}/free"))
        first = page(await client.get(f"{site}/page?x=1"))
        assert first.headers["cache-control"] == "private, no-store", first.headers
        assert json.loads(base64.b64decode(first.headers["payment-response"]))["success"]
        # The same payment again, and for another request.
        header = {"payment-signature": signatures[0].decode()}
        for again in ("/page?x=1", "/page"):
            refused = await plain.get(site + again, headers=header)
            assert refused.status_code == 402 and "payment-response" in refused.headers, refused
        page(await client.post(f"{site}/echo", content="a body"), "a body")
        # What fails is not charged, and what cannot be read is not taken for a payment.
        assert (await client.get(f"{site}/fails")).status_code == 500
        unreadable = await plain.get(f"{site}/page", headers={"payment-signature": "{"})
        assert unreadable.status_code == 400, unreadable
        # A host that would end in a free path is none.
        elsewhere = await plain.get(f"{site}/page", headers={"host": "site.example/free?"})
        assert (elsewhere.status_code, elsewhere.json()["code"]) == (400, "host_invalid"), elsewhere
    server.should_exit = True
    await serving
    paid(wallet, 2)


asyncio.run(main())
