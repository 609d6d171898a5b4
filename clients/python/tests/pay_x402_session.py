"""The official x402 client for Python pays by `batch-settlement`: `pay_x402_session.py http://host:port`."""

import asyncio

from seller import ORIGIN, page, paid
from seller import wallet as open_wallet
from x402.http.clients import x402HttpxClient

from farthing_pay.x402 import farthing


async def main() -> None:
    # Its owner allows four pages, and two to be set aside at once: the third needs a top-up.
    wallet = await open_wallet("0.02", deposit="0.01")
    async with x402HttpxClient(farthing(wallet, sessions=True)) as client:
        page(await client.get(f"{ORIGIN}/articles/a?x=1"))
        assert (await client.get(f"{ORIGIN}/articles/500")).status_code == 500
        page(await client.post(f"{ORIGIN}/articles/echo", content="a body"), "a body")
        # At the same time: one of them comes late, is refused and signs again.
        both = (client.get(f"{ORIGIN}/articles/{name}") for name in "bc")
        for answer in await asyncio.gather(*both):
            page(answer)
        assert wallet.left("USD") == 0
        try:
            answer = await client.get(f"{ORIGIN}/articles/d")
        except Exception as error:  # Whatever the client makes of it.
            assert "beyond what is left" in str(error), error
        else:
            raise AssertionError(answer)
    assert await wallet.close()
    paid(wallet, 4)


asyncio.run(main())
