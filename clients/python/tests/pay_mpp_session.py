"""The `Payment` scheme's client for Python pays in a session: `pay_mpp_session.py http://host:port`."""

import asyncio

import httpx
from mpp import Receipt
from mpp.client.transport import PaymentTransport
from seller import ORIGIN, page, paid
from seller import wallet as open_wallet

from farthing_pay import LimitError
from farthing_pay.mpp import farthing


async def main() -> None:
    # Its owner allows four pages, and two to be set aside at once: the third needs a top-up.
    wallet = await open_wallet("0.02", deposit="0.01")
    transport = PaymentTransport(**farthing(wallet, sessions=True))
    async with httpx.AsyncClient(transport=transport) as client:
        first = page(await client.get(f"{ORIGIN}/articles/a?x=1"))
        receipt = Receipt.from_payment_receipt(first.headers["payment-receipt"])
        assert receipt.status == "success" and receipt.reference.startswith("pay_"), receipt
        assert (await client.get(f"{ORIGIN}/articles/500")).status_code == 500
        page(await client.post(f"{ORIGIN}/articles/echo", content="a body"), "a body")
        # At the same time: one of them comes late, is refused and signs again.
        both = (client.get(f"{ORIGIN}/articles/{name}") for name in "bc")
        for answer in await asyncio.gather(*both):
            page(answer)
        assert wallet.left("USD") == 0
        try:
            answer = await client.get(f"{ORIGIN}/articles/d")
        except LimitError:
            pass
        else:
            raise AssertionError(answer)
        assert await wallet.close()
    paid(wallet, 4)


asyncio.run(main())
