"""The `Payment` scheme's client for Python pays a gate: `pay_mpp.py http://host:port`."""

import asyncio

import httpx
from mpp import Receipt
from mpp.client.transport import PaymentTransport
from seller import ORIGIN, page, paid
from seller import wallet as open_wallet

from farthing_pay import LimitError
from farthing_pay.mpp import farthing


async def main() -> None:
    wallet = await open_wallet()
    transport = PaymentTransport(**farthing(wallet))
    async with httpx.AsyncClient(transport=transport) as client:
        first = page(await client.get(f"{ORIGIN}/articles/a?x=1"))
        receipt = Receipt.from_payment_receipt(first.headers["payment-receipt"])
        assert receipt.status == "success" and receipt.reference.startswith("pay_"), receipt
        page(await client.post(f"{ORIGIN}/articles/echo", content="a body"), "a body")
        try:
            answer = await client.get(f"{ORIGIN}/dear/a")
        except LimitError:
            pass
        else:
            raise AssertionError(answer)
    paid(wallet, 2)


asyncio.run(main())
