"""The `Payment` scheme's client for Python pays a gate: `mpp_client.py http://host:port`.

All that is taught here is our method's way to sign, from docs/protocols/mpp-farthing.md alone.
"""

import asyncio
import json
import sys

import httpx
from mpp import Challenge, Credential, Receipt
from mpp.client.transport import PaymentTransport
from mpp.methods import Method
from mpp.runtime import ClientMethod, CredentialParams
from pydantic import BaseModel, ConfigDict, Field

from wallet import Wallet


class MethodDetails(BaseModel):
    network: str
    nonce: str
    request: str
    scale: int


class Charge(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    amount: str
    currency: str
    recipient: str
    method_details: MethodDetails = Field(alias="methodDetails")


class Proof(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    public_key: str = Field(alias="publicKey")
    signature: str


class Farthing(Wallet):
    """The method `farthing`, intent `charge`."""

    async def pay(self, params: CredentialParams) -> str:
        challenge = params.challenge
        signature = self.sign(
            "farthing-charge-v1",
            challenge.id,
            challenge.realm,
            challenge.method,
            challenge.intent,
            challenge.request_b64,
            challenge.expires or "-",
            challenge.digest or "-",
            self.public,
        )
        payload = {"publicKey": self.public, "signature": signature}
        return Credential(challenge=challenge.to_echo(), payload=payload).to_authorization()

    def method(self) -> ClientMethod:
        definition = Method(
            name="farthing", intent="charge", request_model=Charge, payload_model=Proof
        )
        return ClientMethod(method=definition, create_credential=self.pay)


async def main(origin: str) -> None:
    wallet = Farthing()
    async with httpx.AsyncClient() as plain:
        unpaid = await plain.get(f"{origin}/articles/a?x=1")
        assert unpaid.status_code == 402, unpaid
        challenge = Challenge.from_www_authenticate(unpaid.headers.get_list("www-authenticate")[0])
        charge = Charge.model_validate(challenge.request)
        assert (charge.amount, charge.currency) == ("5000000", "usd"), charge
        await wallet.register(plain, origin, charge.method_details.network)

    transport = PaymentTransport(methods=[wallet.method()])
    async with httpx.AsyncClient(transport=transport) as paying:
        answer = await paying.get(f"{origin}/articles/a?x=1")
        assert (answer.status_code, answer.text) == (200, "hello"), answer
        receipt = Receipt.from_payment_receipt(answer.headers["payment-receipt"])
        assert receipt.status == "success" and receipt.reference.startswith("pay_"), receipt
        posted = await paying.post(f"{origin}/articles/echo", content="a body")
        assert (posted.status_code, posted.text) == (200, "a body"), posted
    print(json.dumps({"publicKey": wallet.public, "payments": 2}))


asyncio.run(main(sys.argv[1]))
