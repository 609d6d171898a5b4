//! The payer's side: from a 402 to the header that pays it. No I/O, no clock, no randomness.
//!
//! A payer signs only what it can check: that the offer is for the request it made, in the asset it
//! expects, and at most what it is willing to pay.

use crate::encoding;
use crate::mpp::{self, charge_text};
use crate::sign::{Proof, Secret, Terms, exact_text, request_hash, wallet_text};
use crate::wallets::Registration;
use crate::x402::{Exact, Requirements, read_required};
use serde_json::json;
use thiserror::Error;

mod session;

pub use crate::sign::content_digest;
pub use session::{OpenSession, SessionOffer};

/// Why a payer does not pay.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WillNot {
    #[error("the answer does not ask for a payment this wallet can make")]
    NotOurs,
    #[error("the price is for another request than the one that was made")]
    OtherRequest,
    #[error("the price is {price} {asset}, more than is allowed")]
    TooDear {
        /// In units.
        price: String,
        /// The asset's code.
        asset: String,
    },
}

/// A request as its payer made it.
#[derive(Clone, Copy, Debug)]
pub struct Made<'a> {
    pub method: &'a str,
    pub url: &'a str,
    /// See [`content_digest`].
    pub digest: Option<&'a str>,
}

/// What a payer needs from outside.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Seconds since 1970.
    pub seconds: u64,
    pub random: [u8; 16],
}

/// An offer the payer has looked at.
#[derive(Clone, Debug)]
pub struct Ours(Requirements);

impl Ours {
    /// The offer of our network in a `PAYMENT-REQUIRED` header, if it is for this request.
    ///
    /// # Errors
    /// [`WillNot`].
    pub fn read(required: &str, made: Made<'_>) -> Result<Ours, WillNot> {
        let ours = read_required(required)
            .into_iter()
            .flatten()
            .find(|one| one.scheme == "exact" && one.network.starts_with("farthing:"))
            .ok_or(WillNot::NotOurs)?;
        if ours.extra.request != request_hash(made.method, made.url, made.digest) {
            return Err(WillNot::OtherRequest);
        }
        Ok(Ours(ours))
    }

    #[must_use]
    pub fn network(&self) -> &str {
        &self.0.network
    }

    #[must_use]
    pub fn asset(&self) -> &str {
        &self.0.asset
    }

    /// The price in atoms, and the asset's decimals.
    #[must_use]
    pub fn price(&self) -> Option<(u64, u8)> {
        Some((self.0.amount.parse().ok()?, self.0.extra.scale))
    }

    /// The value of `PAYMENT-SIGNATURE`.
    #[must_use]
    pub fn pay(&self, secret: &Secret, now: Now, identifier: Option<&str>) -> Option<String> {
        let key = secret.public();
        let nonce = encoding::url(&now.random);
        let proof = Proof {
            key,
            nonce: &nonce,
            created: now.seconds,
            expires: now.seconds + self.0.max_timeout_seconds,
        };
        let terms = Terms {
            network: &self.0.network,
            request: &self.0.extra.request,
            amount: self.0.amount.parse().ok()?,
            asset: &self.0.asset,
            pay_to: &self.0.pay_to,
        };
        let exact = Exact {
            public_key: key.to_string(),
            created: proof.created,
            expires: proof.expires,
            signature: secret.sign(&exact_text(&terms, &proof)),
            nonce: nonce.clone(),
        };
        let mut body = json!({
            "x402Version": 2,
            "accepted": self.0,
            "payload": exact,
        });
        if let Some(id) = identifier {
            body["extensions"] =
                json!({ "payment-identifier": { "info": { "required": false, "id": id } } });
        }
        Some(encoding::standard(body.to_string().as_bytes()))
    }
}

/// The value of `Authorization` that answers a `WWW-Authenticate: Payment` challenge of ours.
#[must_use]
pub fn answer_challenge(header: &str, secret: &Secret) -> Option<String> {
    let challenge = mpp::challenges(header).into_iter().next()?;
    let key = secret.public();
    let credential = json!({
        "challenge": challenge,
        "payload": {
            "publicKey": key.to_string(),
            "signature": secret.sign(&charge_text(&challenge, &key)),
        },
    });
    Some(format!(
        "Payment {}",
        encoding::url(credential.to_string().as_bytes())
    ))
}

/// The body that registers a key with a gate.
#[must_use]
pub fn registration(network: &str, origin: &str, secret: &Secret, seconds: u64) -> String {
    let key = secret.public();
    let registration = Registration {
        public_key: key.to_string(),
        created: seconds,
        signature: secret.sign(&wallet_text(network, origin, &key, seconds)),
    };
    json!(registration).to_string()
}

/// What an answer's `PAYMENT-RESPONSE` says.
#[must_use]
pub fn receipt(header: &str) -> Option<serde_json::Value> {
    serde_json::from_slice(&encoding::decode(header)?).ok()
}
