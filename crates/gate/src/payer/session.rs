//! The payer's side of a session: it opens one, signs more as it is served more, tops it up,
//! closes it.
//!
//! What the gate says of a session is believed as far as it costs nothing: a gate may always take
//! what was signed, so nothing it says can make that more.

use super::{Made, Now, WillNot};
use crate::encoding;
use crate::mpp::{self, Challenge};
use crate::sign::{Secret, request_hash};
use crate::voucher::{
    Opening, Payload, Place, Purpose, SessionId, atoms, deposit_text, voucher_text,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// How long an opening may be answered.
const OPENING_S: u64 = 60;

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    amount: String,
    currency: String,
    recipient: String,
    suggested_deposit: String,
    method_details: Details,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    network: String,
    request: String,
    scale: u8,
    session_seconds: u64,
    session_snapshot: Option<Value>,
}

/// A session that is offered, for a request that its payer has looked at.
#[derive(Clone, Debug)]
pub struct SessionOffer {
    challenge: Challenge,
    request: Request,
    asset: String,
    price: u64,
}

impl SessionOffer {
    /// The offer of our method among the `WWW-Authenticate` values of an answer, if it is for this
    /// request.
    ///
    /// # Errors
    /// [`WillNot`].
    pub fn read<'a>(
        headers: impl IntoIterator<Item = &'a str>,
        made: Made<'_>,
    ) -> Result<SessionOffer, WillNot> {
        let challenge = headers
            .into_iter()
            .flat_map(mpp::challenges)
            .find(|one| one.method == mpp::METHOD && one.intent == mpp::SESSION)
            .ok_or(WillNot::NotOurs)?;
        let request = encoding::decode(&challenge.request).ok_or(WillNot::NotOurs)?;
        let request: Request = serde_json::from_slice(&request).map_err(|_| WillNot::NotOurs)?;
        if request.method_details.request != request_hash(made.method, made.url, made.digest) {
            return Err(WillNot::OtherRequest);
        }
        Ok(SessionOffer {
            asset: request.currency.to_ascii_uppercase(),
            price: atoms(&request.amount).ok_or(WillNot::NotOurs)?,
            challenge,
            request,
        })
    }

    #[must_use]
    pub fn network(&self) -> &str {
        &self.request.method_details.network
    }

    #[must_use]
    pub fn asset(&self) -> &str {
        &self.asset
    }

    /// The price of the request in atoms, and the asset's decimals.
    #[must_use]
    pub fn price(&self) -> (u64, u8) {
        (self.price, self.request.method_details.scale)
    }

    /// What the seller suggests to set aside, atoms.
    #[must_use]
    pub fn suggested_deposit(&self) -> u64 {
        atoms(&self.request.suggested_deposit).unwrap_or(self.price)
    }

    /// How long a session lasts, seconds.
    #[must_use]
    pub fn lasts_s(&self) -> u64 {
        self.request.method_details.session_seconds
    }

    fn place(&self) -> Place<'_> {
        Place {
            network: &self.request.method_details.network,
            pay_to: &self.request.recipient,
            asset: &self.asset,
        }
    }

    /// Opens a session with a deposit and pays for the request: the value of `Authorization`.
    #[must_use]
    pub fn open(&self, secret: &Secret, now: Now, deposit: u64) -> (OpenSession, String) {
        let place = self.place();
        let opening = Opening {
            key: secret.public(),
            deposit,
            nonce: self.challenge.id.clone(),
            created: now.seconds,
            expires: now.seconds.saturating_add(OPENING_S),
        };
        let id = opening.session(place);
        let purpose = Purpose::Request(&self.request.method_details.request);
        let payload = Payload::Open {
            public_key: opening.key.to_string(),
            deposit: deposit.to_string(),
            nonce: None,
            created: opening.created,
            expires: opening.expires,
            opening: secret.sign(&opening.text(place)),
            session_id: id.to_string(),
            cumulative_amount: self.price.to_string(),
            signature: secret.sign(&voucher_text(place, id, self.price, purpose)),
        };
        let session = OpenSession {
            id,
            challenge: self.challenge.clone(),
            network: place.network.to_owned(),
            pay_to: place.pay_to.to_owned(),
            asset: self.asset.clone(),
            deposit,
            signed: self.price,
            spent: 0,
        };
        let header = session.header(&payload);
        (session, header)
    }
}

/// A session as its payer knows it; amounts in atoms, since it was opened.
#[derive(Clone, Debug)]
pub struct OpenSession {
    id: SessionId,
    challenge: Challenge,
    network: String,
    pay_to: String,
    asset: String,
    deposit: u64,
    signed: u64,
    spent: u64,
}

impl OpenSession {
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// What is set aside.
    #[must_use]
    pub fn deposit(&self) -> u64 {
        self.deposit
    }

    /// The highest voucher: what can be taken at most.
    #[must_use]
    pub fn signed(&self) -> u64 {
        self.signed
    }

    /// What was served, as the gate says.
    #[must_use]
    pub fn spent(&self) -> u64 {
        self.spent
    }

    /// Whether an offer is one that this session can pay.
    #[must_use]
    pub fn can_pay(&self, offer: &SessionOffer) -> bool {
        let place = offer.place();
        (place.network, place.pay_to, place.asset) == (&*self.network, &*self.pay_to, &*self.asset)
    }

    /// What must be signed for a request of this price; more than the deposit means a top-up.
    #[must_use]
    pub fn needed(&self, price: u64) -> u64 {
        self.spent.saturating_add(price).max(self.signed)
    }

    fn place(&self) -> Place<'_> {
        Place {
            network: &self.network,
            pay_to: &self.pay_to,
            asset: &self.asset,
        }
    }

    fn header(&self, payload: &Payload) -> String {
        let credential = json!({ "challenge": self.challenge, "payload": payload });
        format!(
            "Payment {}",
            encoding::url(credential.to_string().as_bytes())
        )
    }

    /// Pays for a request: the value of `Authorization`. What is signed is [`needed`][Self::needed].
    #[must_use]
    pub fn pay(&mut self, secret: &Secret, made: Made<'_>, price: u64) -> String {
        self.signed = self.needed(price);
        let request = request_hash(made.method, made.url, made.digest);
        let purpose = Purpose::Request(&request);
        let text = voucher_text(self.place(), self.id, self.signed, purpose);
        self.header(&Payload::Voucher {
            session_id: self.id.to_string(),
            cumulative_amount: self.signed.to_string(),
            signature: secret.sign(&text),
        })
    }

    /// Has this much set aside in all: the value of `Authorization`.
    #[must_use]
    pub fn top_up(&self, secret: &Secret, deposit: u64) -> String {
        let text = deposit_text(self.place(), self.id, deposit);
        self.header(&Payload::TopUp {
            session_id: self.id.to_string(),
            deposit: deposit.to_string(),
            signature: secret.sign(&text),
        })
    }

    /// Ends the session: the value of `Authorization`.
    #[must_use]
    pub fn close(&self, secret: &Secret) -> String {
        let text = voucher_text(self.place(), self.id, self.signed, Purpose::Close);
        self.header(&Payload::Close {
            session_id: self.id.to_string(),
            cumulative_amount: self.signed.to_string(),
            signature: secret.sign(&text),
        })
    }

    /// Takes in what a `Payment-Receipt` says.
    pub fn receive(&mut self, receipt: &str) {
        let told = encoding::decode(receipt).and_then(|json| serde_json::from_slice(&json).ok());
        self.believe(&told.unwrap_or_default());
    }

    /// Takes in what a refusal's offer says of this session. Whether it did.
    pub fn correct(&mut self, offer: &SessionOffer) -> bool {
        let snapshot = offer.request.method_details.session_snapshot.as_ref();
        snapshot.is_some_and(|snapshot| self.believe(snapshot))
    }

    fn believe(&mut self, told: &Value) -> bool {
        let number = |field: &str| told[field].as_str().and_then(atoms);
        if told["sessionId"].as_str() != Some(&self.id.to_string()) {
            return false;
        }
        if let Some(spent) = number("spent").filter(|spent| *spent <= self.signed) {
            self.spent = spent;
        }
        if let Some(deposit) = number("deposit") {
            self.deposit = deposit;
        }
        true
    }
}
