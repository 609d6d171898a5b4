//! The `Payment` HTTP authentication scheme (draft-httpauth-payment-00), intents `charge` and
//! `session`, with our own method `farthing` (`docs/protocols/mpp-farthing.md`).
//!
//! - A challenge is bound by an HMAC to everything it says; the gate remembers none.
//! - A credential is good for the request the challenge was for, at the price it has now, once.

use crate::encoding;
use crate::offer::{Offer, Paying};
use crate::sign::PublicKey;
use crate::teller::Claim;
use crate::voucher::{Ask, Payload};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::Sha256;

/// On a good answer: what was taken.
pub const RECEIPT: &str = "payment-receipt";

mod header;
mod session;
#[cfg(test)]
mod vectors;

pub use header::{challenges, header};
pub use session::{receipt as session_receipt, request as session_request};

pub const METHOD: &str = "farthing";
const CHARGE: &str = "charge";
pub const SESSION: &str = "session";
const CREDENTIAL_MAX_BYTES: usize = 16 * 1024;
/// How long a challenge is good.
const CHALLENGE_S: u64 = 300;

/// The last part of a problem's type under `https://paymentauth.org/problems/`.
pub type Problem = &'static str;

/// What challenges are bound with. Never shown.
pub struct BindingKey([u8; 32]);

impl BindingKey {
    #[must_use]
    pub fn new(key: [u8; 32]) -> BindingKey {
        BindingKey(key)
    }

    fn mac(&self, challenge: &Challenge) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("an HMAC key may have any length");
        let empty = String::new();
        let slots = [
            &challenge.realm,
            &challenge.method,
            &challenge.intent,
            &challenge.request,
            challenge.expires.as_ref().unwrap_or(&empty),
            challenge.digest.as_ref().unwrap_or(&empty),
            challenge.opaque.as_ref().unwrap_or(&empty),
        ];
        for (index, slot) in slots.iter().enumerate() {
            if index > 0 {
                mac.update(b"|");
            }
            mac.update(slot.as_bytes());
        }
        mac
    }
}

/// A challenge's parameters, as a credential gives them back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    pub id: String,
    pub realm: String,
    pub method: String,
    pub intent: String,
    pub request: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opaque: Option<String>,
}

#[derive(Deserialize)]
struct Credential {
    challenge: Challenge,
    payload: serde_json::Value,
}

impl Credential {
    /// What a token says, and the JSON it says it in.
    fn read(token: &[u8]) -> Option<(Credential, Vec<u8>)> {
        if token.len() > CREDENTIAL_MAX_BYTES {
            return None;
        }
        let json = encoding::decode_url(std::str::from_utf8(token).ok()?)?;
        Some((serde_json::from_slice(&json).ok()?, json))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Proof {
    public_key: String,
    signature: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Charge {
    amount: String,
    currency: String,
    recipient: String,
    method_details: MethodDetails,
}

#[derive(Deserialize)]
struct MethodDetails {
    network: String,
    request: String,
}

/// What the payer signs.
#[must_use]
pub fn charge_text(challenge: &Challenge, key: &PublicKey) -> String {
    let or_none = |text: &Option<String>| text.as_deref().unwrap_or("-").to_owned();
    format!(
        "farthing-charge-v1\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{key}",
        challenge.id,
        challenge.realm,
        challenge.method,
        challenge.intent,
        challenge.request,
        or_none(&challenge.expires),
        or_none(&challenge.digest),
    )
}

/// A fresh challenge for a request.
#[must_use]
pub fn challenge(offer: &Offer, binding: &BindingKey, now_s: u64, random: [u8; 16]) -> Challenge {
    // In the order of RFC 8785; every value is ASCII, so that this is its canonical form.
    let request = json!({
        "amount": offer.amount.0.to_string(),
        "currency": currency(offer),
        "methodDetails": {
            "network": offer.network,
            "nonce": encoding::url(&random),
            "request": offer.request,
            "scale": offer.asset.scale.get(),
        },
        "recipient": offer.pay_to.to_string(),
    });
    bound(offer, binding, now_s, CHARGE, &request)
}

/// A challenge for an intent, bound to all it says.
fn bound(
    offer: &Offer,
    binding: &BindingKey,
    now_s: u64,
    intent: &str,
    request: &serde_json::Value,
) -> Challenge {
    let mut challenge = Challenge {
        id: String::new(),
        realm: offer.authority.clone(),
        method: METHOD.to_owned(),
        intent: intent.to_owned(),
        request: encoding::url(request.to_string().as_bytes()),
        expires: Some(time(now_s.saturating_add(CHALLENGE_S))),
        digest: offer.digest.clone(),
        opaque: None,
    };
    challenge.id = encoding::url(&binding.mac(&challenge).finalize().into_bytes());
    challenge
}

fn currency(offer: &Offer) -> String {
    offer.asset.code.as_str().to_ascii_lowercase()
}

fn time(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        .map_or_else(String::new, |time| time.to_string())
}

const MALFORMED: Problem = "malformed-credential";
const INVALID: Problem = "invalid-challenge";

/// What a credential promises, if it answers a challenge of ours; for a charge, of this very
/// request.
///
/// # Errors
/// The problem's type.
pub fn read(
    token: &[u8],
    offer: &Offer,
    binding: &BindingKey,
    now_s: u64,
) -> Result<Paying, Problem> {
    let (credential, json) = Credential::read(token).ok_or(MALFORMED)?;
    let challenge = &credential.challenge;
    let is_session = challenge.intent == SESSION;
    if challenge.method != METHOD || !(is_session || challenge.intent == CHARGE) {
        return Err("method-unsupported");
    }
    let id = encoding::decode_exactly::<32>(&challenge.id).ok_or(INVALID)?;
    if binding.mac(challenge).verify_slice(&id).is_err() {
        return Err(INVALID);
    }
    // From here on the challenge is known to be ours; whether it is for this request is not.
    let expires: jiff::Timestamp = challenge
        .expires
        .as_deref()
        .and_then(|text| text.parse().ok())
        .ok_or(INVALID)?;
    let expires_s = u64::try_from(expires.as_second()).map_err(|_| INVALID)?;
    if is_session {
        if challenge.realm != offer.authority {
            return Err(INVALID);
        }
        let ask = Payload::read(credential.payload)
            .and_then(|payload| payload.ask(Some(&challenge.id)))
            .ok_or(MALFORMED)?;
        // It opens one session, in time; what is in one already has its own time.
        if matches!(ask, Ask::Open { .. }) && expires_s <= now_s {
            return Err("payment-expired");
        }
        return Ok(Paying::Session(ask));
    }
    if expires_s <= now_s {
        return Err("payment-expired");
    }
    if challenge.realm != offer.authority || challenge.digest != offer.digest {
        return Err(INVALID);
    }
    let charge = encoding::decode_url(&challenge.request).ok_or(INVALID)?;
    let charge: Charge = serde_json::from_slice(&charge).map_err(|_| INVALID)?;
    let details = &charge.method_details;
    let is_this = details.request == offer.request
        && details.network == offer.network
        && charge.currency == currency(offer)
        && charge.recipient == offer.pay_to.to_string();
    if !is_this {
        return Err(INVALID);
    }
    if charge.amount != offer.amount.0.to_string() {
        return Err("payment-insufficient");
    }
    let payload: Proof = serde_json::from_value(credential.payload).map_err(|_| MALFORMED)?;
    let key = PublicKey::read(&payload.public_key).ok_or(MALFORMED)?;
    let signature = encoding::decode_exactly::<64>(&payload.signature).ok_or(MALFORMED)?;
    if !key.signed(&charge_text(challenge, &key), &signature) {
        return Err("verification-failed");
    }
    Ok(Paying::Charge(Claim {
        key,
        // A challenge is answered once, by whomever.
        id: Claim::id_of([&[0; 32], &id], expires_s.saturating_sub(CHALLENGE_S)),
        identifier: None,
        digest: *blake3::hash(&json).as_bytes(),
    }))
}

/// The value of `Payment-Receipt`.
#[must_use]
pub fn receipt(payment: &str, now_s: u64) -> String {
    let body = json!({
        "method": METHOD,
        "reference": payment,
        "status": "success",
        "timestamp": time(now_s),
    });
    encoding::url(body.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offer::testing::offer;
    use crate::payer::answer_challenge;
    use crate::sign::Secret;
    use proptest::prelude::*;

    const NOW_S: u64 = 1_790_000_000;

    fn binding() -> BindingKey {
        BindingKey::new([3; 32])
    }

    fn token() -> String {
        let challenge = challenge(&offer(), &binding(), NOW_S, [4; 16]);
        let answer = answer_challenge(&header(&challenge), &Secret::new(&[1; 32])).unwrap();
        answer.strip_prefix("Payment ").unwrap().to_owned()
    }

    #[test]
    fn a_challenge_is_answered_in_time_for_its_offer() {
        let token = token();
        let at = |offer: &Offer, now_s| read(token.as_bytes(), offer, &binding(), now_s);
        let Ok(Paying::Charge(claim)) = at(&offer(), NOW_S) else {
            panic!()
        };
        assert_eq!(claim.key, Secret::new(&[1; 32]).public());
        assert_eq!(at(&offer(), NOW_S + CHALLENGE_S), Err("payment-expired"));
        let other_key = BindingKey::new([5; 32]);
        let forged = read(token.as_bytes(), &offer(), &other_key, NOW_S);
        assert_eq!(forged, Err("invalid-challenge"));
        type Change = fn(&mut Offer);
        let changes: [(Change, &str); 5] = [
            (
                |o| o.amount = money::Atoms(6_000_000),
                "payment-insufficient",
            ),
            (|o| o.request = "other".into(), "invalid-challenge"),
            (
                |o| o.authority = "other.example".into(),
                "invalid-challenge",
            ),
            (
                |o| o.digest = Some("sha-256=:x:".into()),
                "invalid-challenge",
            ),
            (
                |o| o.asset = money::Asset::known("EUR").unwrap(),
                "invalid-challenge",
            ),
        ];
        for (change, expected) in changes {
            let mut offer = offer();
            change(&mut offer);
            assert_eq!(at(&offer, NOW_S), Err(expected));
        }
    }

    #[test]
    fn empty_slots_of_the_binding_stay() {
        let plain = challenge(&offer(), &binding(), NOW_S, [4; 16]);
        let mut moved = plain.clone();
        moved.digest = moved.expires.take();
        let id = |c: &Challenge| binding().mac(c).finalize().into_bytes();
        assert_ne!(id(&plain), id(&moved));
    }

    #[test]
    fn a_request_is_canonical_json() {
        let challenge = challenge(&offer(), &binding(), NOW_S, [4; 16]);
        let json = encoding::decode(&challenge.request).unwrap();
        let text = String::from_utf8(json).unwrap();
        let names = [
            "amount",
            "currency",
            "methodDetails",
            "network",
            "nonce",
            "request",
            "scale",
            "recipient",
        ];
        let places: Vec<_> = names
            .iter()
            .map(|n| text.find(&format!("\"{n}\":")))
            .collect();
        assert!(places.is_sorted() && !places.contains(&None), "{text}");
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), text in ".{0,60}") {
            prop_assert!(read(&bytes, &offer(), &binding(), NOW_S).is_err());
            let token = encoding::url(text.as_bytes());
            prop_assert!(read(token.as_bytes(), &offer(), &binding(), NOW_S).is_err());
            let _ = challenges(&text);
            let _ = challenges(&format!("Payment {text}"));
        }

        #[test]
        fn a_credential_with_any_byte_changed_is_refused(at in 0usize..2000, to in any::<u8>()) {
            let mut json = encoding::decode(&token()).unwrap();
            let before: serde_json::Value = serde_json::from_slice(&json).unwrap();
            let at = at % json.len();
            json[at] = to;
            let after: Option<serde_json::Value> = serde_json::from_slice(&json).ok();
            prop_assume!(after != Some(before));
            let token = encoding::url(&json);
            prop_assert!(read(token.as_bytes(), &offer(), &binding(), NOW_S).is_err());
        }
    }
}
