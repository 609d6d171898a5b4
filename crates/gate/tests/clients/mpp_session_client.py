"""The `Payment` scheme's client for Python pays in a session: `mpp_session_client.py http://host:port`.

All that is taught here is our method's way to sign, from docs/protocols/sessions.md and
docs/protocols/mpp-farthing.md alone.
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

from wallet import SessionWallet


class Snapshot(BaseModel):
    session_id: str = Field(alias="sessionId")
    accepted: int = Field(alias="acceptedCumulative")
    spent: int
    deposit: int


class MethodDetails(BaseModel):
    network: str
    nonce: str
    request: str
    scale: int
    session_seconds: int = Field(alias="sessionSeconds")
    snapshot: Snapshot | None = Field(default=None, alias="sessionSnapshot")


class Session(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    amount: int
    currency: str
    recipient: str
    suggested_deposit: int = Field(alias="suggestedDeposit")
    method_details: MethodDetails = Field(alias="methodDetails")


class Action(BaseModel):
    model_config = ConfigDict(extra="allow")

    action: str


class Farthing(SessionWallet):
    """The method `farthing`, intent `session`: one session with one seller."""

    def __init__(self, url: str, deposit: int, most: int) -> None:
        super().__init__(deposit)
        self.url, self.most = url, most
        self.challenge: Challenge | None = None
        self.spent = 0
        self.opened = self.topped_up = 0

    async def pay(self, params: CredentialParams) -> str:
        challenge = params.challenge
        asked = Session.model_validate(challenge.request)
        details = asked.method_details
        snapshot = details.snapshot
        if snapshot and snapshot.session_id == self.session:
            assert snapshot.spent <= self.signed, snapshot
            self.spent, self.deposit = snapshot.spent, snapshot.deposit
        cumulative = max(self.signed, self.spent + asked.amount)
        assert cumulative <= self.most, "beyond the limit"
        if self.session is None:
            payload = self.open(challenge, asked)
        else:
            if cumulative > self.deposit:
                await self.top_up(self.url, self.most)
            payload = {"action": "voucher", **self.voucher(cumulative, details.request)}
        self.spent += asked.amount
        return Credential(challenge=challenge.to_echo(), payload=payload).to_authorization()

    def open(self, challenge: Challenge, asked: Session) -> dict[str, object]:
        network = asked.method_details.network
        self.place = (network, asked.recipient, asked.currency.upper())
        self.challenge = challenge
        self.opened += 1
        return self.opening(challenge.id, asked.amount, asked.method_details.request)

    async def manage(self, url: str, payload: dict[str, object]) -> Receipt:
        echo = self.challenge.to_echo()
        header = Credential(challenge=echo, payload=payload).to_authorization()
        async with httpx.AsyncClient() as plain:
            answer = await plain.get(url, headers={"authorization": header})
        assert answer.status_code == 204, (answer.status_code, answer.text)
        return Receipt.from_payment_receipt(answer.headers["payment-receipt"])

    async def top_up(self, url: str, deposit: int) -> None:
        network, pay_to, asset = self.place
        signature = self.sign("farthing-deposit-v1", network, self.session, pay_to, asset, deposit)
        payload = {
            "action": "topUp",
            "sessionId": self.session,
            "deposit": str(deposit),
            "signature": signature,
        }
        await self.manage(url, payload)
        self.deposit = deposit
        self.topped_up += 1

    async def close(self, url: str) -> Receipt:
        return await self.manage(url, {"action": "close", **self.voucher(self.signed, "close")})

    def method(self) -> ClientMethod:
        definition = Method(
            name="farthing", intent="session", request_model=Session, payload_model=Action
        )
        return ClientMethod(method=definition, create_credential=self.pay)


async def main(origin: str) -> None:
    # Two pages are set aside at first, so that the third needs a top-up.
    wallet = Farthing(f"{origin}/articles/a", deposit=10_000_000, most=20_000_000)
    async with httpx.AsyncClient() as plain:
        unpaid = await plain.get(wallet.url)
        assert unpaid.status_code == 402, unpaid
        offers = unpaid.headers.get_list("www-authenticate")
        challenge = Challenge.from_www_authenticate(offers[1])
        asked = Session.model_validate(challenge.request)
        assert (asked.amount, asked.currency) == (5_000_000, "usd"), asked
        await wallet.register(plain, origin, asked.method_details.network)

    transport = PaymentTransport(methods=[wallet.method()])
    async with httpx.AsyncClient(transport=transport) as paying:
        answer = await paying.get(f"{origin}/articles/a?x=1")
        assert (answer.status_code, answer.text) == (200, "hello"), answer
        receipt = Receipt.from_payment_receipt(answer.headers["payment-receipt"])
        assert receipt.status == "success" and receipt.reference.startswith("pay_"), receipt
        posted = await paying.post(f"{origin}/articles/echo", content="a body")
        assert (posted.status_code, posted.text) == (200, "a body"), posted
        failed = await paying.get(f"{origin}/articles/500")
        assert failed.status_code == 500, failed
        # It counts what was not served, and so signs for more than the gate will take.
        third = await paying.get(f"{origin}/articles/c")
        assert (third.status_code, third.text) == (200, "hello"), third
    receipt = await wallet.close(wallet.url)
    assert receipt.status == "success", receipt
    assert wallet.signed == 20_000_000, wallet.signed
    assert (wallet.opened, wallet.topped_up) == (1, 1), vars(wallet)
    print(json.dumps({"publicKey": wallet.public, "payments": 3}))


asyncio.run(main(sys.argv[1]))
