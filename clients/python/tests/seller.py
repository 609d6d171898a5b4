"""What the scripts here share: the seller is a gate, whose address is their argument."""

import json
import sys

import httpx

from farthing_pay import Limit, Wallet

ORIGIN = sys.argv[1]


async def wallet(total: str = "1", deposit: str | None = None) -> Wallet:
    """A wallet with test money (a page is half a cent), which pays a cent a request at most."""
    wallet = Wallet(limits={"USD": Limit(payment="0.01", total=total, deposit=deposit)})
    opened = await wallet.open(ORIGIN)
    assert str(opened["network"]).startswith("farthing:"), opened
    return wallet


def page(answer: httpx.Response, text: str = "hello") -> httpx.Response:
    assert (answer.status_code, answer.text) == (200, text), (answer.status_code, answer.text)
    return answer


def paid(wallet: Wallet, payments: int) -> None:
    """Tells the gate's test whose wallet paid for how many pages."""
    print(json.dumps({"publicKey": wallet.public_key, "payments": payments}))
