"""The official x402 client for Python pays a gate by `exact`: `pay_x402.py http://host:port`."""

import asyncio

from seller import ORIGIN, page, paid
from seller import wallet as open_wallet
from x402.http.clients import x402HttpxClient
from x402.http.utils import decode_payment_response_header

from farthing_pay.x402 import farthing


async def main() -> None:
    wallet = await open_wallet()
    async with x402HttpxClient(farthing(wallet)) as client:
        first = page(await client.get(f"{ORIGIN}/articles/a?x=1"))
        receipt = decode_payment_response_header(first.headers["payment-response"])
        assert receipt.success and receipt.transaction.startswith("pay_"), receipt
        page(await client.post(f"{ORIGIN}/articles/echo", content="a body"), "a body")
        try:
            answer = await client.get(f"{ORIGIN}/dear/a")
        except Exception as error:  # Dearer than its owner allows: whatever the client makes of it.
            assert "spend_controls" in str(error), error
        else:
            raise AssertionError(answer)
    paid(wallet, 2)


asyncio.run(main())
