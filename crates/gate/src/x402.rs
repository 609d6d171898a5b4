//! x402 version 2 over HTTP: the three headers, and what `exact` and `batch-settlement` mean on our
//! own network (`docs/protocols/x402-farthing.md`).
//!
//! A payment is taken as it was offered or not at all: `accepted` must be, field by field, what the
//! gate asks for this very request now. Nothing a client sends is trusted for the price.

use crate::encoding;
use crate::offer::{Offer, Paying};
use crate::sessions::{Sessions, Snapshot};
use crate::sign::{Proof, PublicKey, Terms, exact_text};
use crate::teller::Claim;
use crate::voucher;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// On a 402: what is asked.
pub const REQUIRED: &str = "payment-required";
/// With a request: what is paid.
pub const SIGNATURE: &str = "payment-signature";
/// On an answer: what was taken.
pub const RESPONSE: &str = "payment-response";

/// One payment for one request.
pub const EXACT: &str = "exact";
/// Vouchers in a session.
pub const BATCH: &str = "batch-settlement";

const HEADER_MAX_BYTES: usize = 16 * 1024;
const IDENTIFIER: &str = "payment-identifier";
/// The two clocks may differ by this much.
const SKEW_S: u64 = 30;

/// Why a payment is not taken before anybody asked the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It cannot be read: 400.
    Malformed(&'static str),
    /// It can, and is not right: 402 with this `errorReason`.
    Refused(&'static str),
}

/// One way to pay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Requirements {
    pub scheme: String,
    pub network: String,
    pub amount: String,
    pub asset: String,
    pub pay_to: String,
    pub max_timeout_seconds: u64,
    pub extra: Extra,
}

/// What our network adds to a requirement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Extra {
    /// Of this binding.
    pub version: String,
    /// The asset's decimals: `amount` is in units of 10^-scale.
    pub scale: u8,
    /// The hash of the request that is priced.
    pub request: String,
    /// How long a session lasts, if this is for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_seconds: Option<u64>,
    /// What to set aside for a session, if this is for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggested_deposit: Option<String>,
    /// How the client's session stands, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    x402_version: u64,
    accepted: Requirements,
    payload: Value,
    #[serde(default)]
    extensions: Option<serde_json::Map<String, Value>>,
}

/// The proof of `exact` on our network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exact {
    pub public_key: String,
    pub nonce: String,
    pub created: u64,
    pub expires: u64,
    pub signature: String,
}

/// How the offer is put in x402's words.
#[must_use]
pub fn requirements(offer: &Offer) -> Requirements {
    Requirements {
        scheme: EXACT.to_owned(),
        network: offer.network.clone(),
        amount: offer.amount.0.to_string(),
        asset: offer.asset.code.as_str().to_owned(),
        pay_to: offer.pay_to.to_string(),
        max_timeout_seconds: offer.timeout_s,
        extra: Extra {
            version: "1".to_owned(),
            scale: offer.asset.scale.get(),
            request: offer.request.clone(),
            session_seconds: None,
            suggested_deposit: None,
            session: None,
        },
    }
}

/// The same for a session, which lasts so many seconds.
fn in_session(offer: &Offer, lasts_s: u64) -> Requirements {
    let mut asked = requirements(offer);
    asked.scheme = BATCH.to_owned();
    asked.extra.session_seconds = Some(lasts_s);
    asked.extra.suggested_deposit = Some(Sessions::suggested_deposit(offer.amount).0.to_string());
    asked
}

/// The value of `PAYMENT-REQUIRED`, with sessions if they last any time, and how the client's
/// stands.
#[must_use]
pub fn required(
    offer: &Offer,
    error: &str,
    (lasts_s, session): (u64, Option<&Snapshot>),
) -> String {
    let mut accepts = vec![requirements(offer)];
    if lasts_s > 0 {
        let mut asked = in_session(offer, lasts_s);
        asked.extra.session = session.map(Snapshot::told);
        accepts.push(asked);
    }
    let body = json!({
        "x402Version": 2,
        "error": error,
        "resource": { "url": offer.url },
        "accepts": accepts,
        "extensions": { IDENTIFIER: {
            "info": { "required": false },
            "schema": {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "type": "object",
                "properties": {
                    "required": { "type": "boolean" },
                    "id": { "type": "string", "minLength": 16, "maxLength": 128 },
                },
                "required": ["required"],
            },
        }},
    });
    encoding::standard(body.to_string().as_bytes())
}

/// The value of `PAYMENT-RESPONSE` when it was paid.
#[must_use]
pub fn paid(offer: &Offer, payer: &str, transaction: &str) -> String {
    let body = json!({
        "success": true,
        "transaction": transaction,
        "network": offer.network,
        "payer": payer,
        "amount": offer.amount.0.to_string(),
    });
    encoding::standard(body.to_string().as_bytes())
}

/// The value of `PAYMENT-RESPONSE` for what was done in a session: `amount` was served now.
#[must_use]
pub fn paid_in_session(offer: &Offer, snapshot: &Snapshot, amount: u64) -> String {
    let body = json!({
        "success": true,
        "transaction": snapshot.payment.with_prefix("pay"),
        "network": offer.network,
        "payer": snapshot.payer.to_string(),
        "amount": amount.to_string(),
        "extra": { "session": snapshot.told() },
    });
    encoding::standard(body.to_string().as_bytes())
}

/// The value of `PAYMENT-RESPONSE` when it was not; with how the client's session stands, if it has
/// one: the official clients look no further than this header.
#[must_use]
pub fn failed(offer: &Offer, reason: &str, session: Option<&Snapshot>) -> String {
    let mut body = json!({
        "success": false,
        "errorReason": reason,
        "transaction": "",
        "network": offer.network,
    });
    if let Some(session) = session {
        body["extra"] = json!({ "session": session.told() });
    }
    encoding::standard(body.to_string().as_bytes())
}

/// What the client offers to pay, if it is what is asked and truly signed.
///
/// # Errors
/// [`Wrong`].
pub fn read(header: &[u8], offer: &Offer, (now_s, lasts_s): (u64, u64)) -> Result<Paying, Wrong> {
    if header.len() > HEADER_MAX_BYTES {
        return Err(Wrong::Malformed("the header is too long"));
    }
    let json = std::str::from_utf8(header)
        .ok()
        .and_then(encoding::decode)
        .ok_or(Wrong::Malformed("the header is not base64"))?;
    let value: Value =
        serde_json::from_slice(&json).map_err(|_| Wrong::Malformed("the header is not JSON"))?;
    read_value(value, &json, offer, (now_s, lasts_s))
}

/// The same of a payload that was sent as JSON.
///
/// # Errors
/// [`Wrong`].
pub fn read_value(
    value: Value,
    json: &[u8],
    offer: &Offer,
    (now_s, lasts_s): (u64, u64),
) -> Result<Paying, Wrong> {
    let accepted = value.get("accepted");
    let told = |field: &str| accepted.and_then(|a| a.get(field)).and_then(Value::as_str);
    if value.get("x402Version").is_some_and(|v| v != 2) {
        return Err(Wrong::Refused("invalid_x402_version"));
    }
    let is_batch = told("scheme") == Some(BATCH) && lasts_s > 0;
    if told("scheme").is_some_and(|scheme| scheme != EXACT && !is_batch) {
        return Err(Wrong::Refused("unsupported_scheme"));
    }
    if told("network").is_some_and(|network| network != offer.network) {
        return Err(Wrong::Refused("invalid_network"));
    }
    let not_ours = Wrong::Malformed("the payload is not one of this network");
    let mut payload: Payload = serde_json::from_value(value).map_err(|_| not_ours)?;
    debug_assert_eq!(payload.x402_version, 2);
    let (asked, mismatch) = if is_batch {
        // How the session stood when it was asked is nothing that is agreed on.
        payload.accepted.extra.session = None;
        let mismatch = "invalid_batch_settlement_farthing_request_mismatch";
        (in_session(offer, lasts_s), mismatch)
    } else {
        (
            requirements(offer),
            "invalid_exact_farthing_request_mismatch",
        )
    };
    if payload.accepted.extra.request != asked.extra.request {
        return Err(Wrong::Refused(mismatch));
    }
    if payload.accepted != asked {
        return Err(Wrong::Refused("invalid_payment_requirements"));
    }
    if is_batch {
        let payload = voucher::Payload::read(payload.payload);
        let ask = payload.and_then(|payload| payload.ask(None));
        return ask.map(Paying::Session).ok_or(not_ours);
    }
    let exact: Exact = serde_json::from_value(payload.payload).map_err(|_| not_ours)?;
    let identifier = identifier(payload.extensions.as_ref())?;
    let (key, proof) = check(&exact, offer, now_s)?;
    let terms = Terms {
        network: &offer.network,
        request: &offer.request,
        amount: offer.amount.0,
        asset: offer.asset.code.as_str(),
        pay_to: &asked.pay_to,
    };
    let signature = encoding::decode_exactly::<64>(&exact.signature)
        .ok_or(Wrong::Malformed("`signature` is not 64 bytes of base64url"))?;
    if !key.signed(&exact_text(&terms, &proof), &signature) {
        return Err(Wrong::Refused("invalid_exact_farthing_signature"));
    }
    Ok(Paying::Charge(Claim {
        key,
        id: Claim::id_of([&key.0, proof.nonce.as_bytes()], proof.created),
        identifier,
        digest: *blake3::hash(json).as_bytes(),
    }))
}

fn check<'a>(exact: &'a Exact, offer: &Offer, now_s: u64) -> Result<(PublicKey, Proof<'a>), Wrong> {
    let key = PublicKey::read(&exact.public_key)
        .ok_or(Wrong::Malformed("`publicKey` is not 32 bytes of base64url"))?;
    let nonce = exact.nonce.as_str();
    if !encoding::is_word(nonce, 16..=64) {
        return Err(Wrong::Malformed(
            "`nonce` is not 16 to 64 characters of base64url",
        ));
    }
    if exact.created > now_s.saturating_add(SKEW_S) {
        return Err(Wrong::Refused("invalid_exact_farthing_created_in_future"));
    }
    if exact.expires <= now_s {
        return Err(Wrong::Refused("invalid_exact_farthing_expired"));
    }
    let lasts = exact.expires.checked_sub(exact.created);
    if lasts.is_none_or(|lasts| lasts > offer.timeout_s + SKEW_S) {
        return Err(Wrong::Refused("invalid_exact_farthing_validity"));
    }
    let proof = Proof {
        key,
        nonce,
        created: exact.created,
        expires: exact.expires,
    };
    Ok((key, proof))
}

fn identifier(
    extensions: Option<&serde_json::Map<String, Value>>,
) -> Result<Option<String>, Wrong> {
    let id = extensions
        .and_then(|all| all.get(IDENTIFIER))
        .and_then(|one| one.get("info"))
        .and_then(|info| info.get("id"));
    let Some(id) = id else { return Ok(None) };
    match id.as_str().filter(|id| encoding::is_word(id, 16..=128)) {
        Some(text) => Ok(Some(text.to_owned())),
        None => Err(Wrong::Malformed(
            "a payment-identifier is 16 to 128 letters, digits, hyphens and underscores",
        )),
    }
}

/// What a payer may be asked to sign, read from a 402: the payer's side.
pub fn read_required(header: &str) -> Option<Vec<Requirements>> {
    let value: Value = serde_json::from_slice(&encoding::decode(header)?).ok()?;
    let accepts = value.get("accepts")?.as_array()?;
    let ours = accepts
        .iter()
        .filter_map(|one| serde_json::from_value(one.clone()).ok());
    Some(ours.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offer::testing::offer;
    use crate::payer::{Made, Now, Ours};
    use crate::sign::Secret;
    use proptest::prelude::*;

    const NOW_S: u64 = 1_790_000_000;
    const NO_SESSION: (u64, Option<&Snapshot>) = (0, None);

    fn payment() -> String {
        let offer = offer();
        let made = Made {
            method: "GET",
            url: &offer.url,
            digest: None,
        };
        let ours = Ours::read(&required(&offer, "pay", NO_SESSION), made).unwrap();
        let now = Now {
            seconds: NOW_S,
            random: [1; 16],
        };
        ours.pay(&Secret::new(&[1; 32]), now, None).unwrap()
    }

    #[test]
    fn a_payment_is_good_for_a_while() {
        let payment = payment();
        let at = |now_s| match read(payment.as_bytes(), &offer(), (now_s, 0)) {
            Ok(Paying::Charge(claim)) => Ok(claim.key),
            Ok(Paying::Session(ask)) => panic!("{ask:?}"),
            Err(wrong) => Err(wrong),
        };
        assert_eq!(at(NOW_S), Ok(Secret::new(&[1; 32]).public()));
        assert!(at(NOW_S + 59).is_ok() && at(NOW_S - SKEW_S).is_ok());
        let expired = Err(Wrong::Refused("invalid_exact_farthing_expired"));
        assert_eq!(at(NOW_S + 60), expired);
        let early = Err(Wrong::Refused("invalid_exact_farthing_created_in_future"));
        assert_eq!(at(NOW_S - SKEW_S - 1), early);
    }

    #[test]
    fn the_header_stays_under_what_servers_take() {
        let mut offer = offer();
        offer.url = format!("http://site.example/{}", "a".repeat(4_000));
        assert!(
            required(&offer, "PAYMENT-SIGNATURE header is required", (600, None)).len() < 8 * 1024
        );
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(read(&bytes, &offer(), (NOW_S, 600)).is_err());
        }

        #[test]
        fn json_of_any_shape_is_refused(text in r#"[{\[]("[a-z2X]{0,12}"[:,]|[0-9]{1,30}|[{}\[\]]|null){0,12}"#) {
            let header = encoding::standard(text.as_bytes());
            prop_assert!(read(header.as_bytes(), &offer(), (NOW_S, 600)).is_err());
            prop_assert!(read_required(&header).is_none_or(|offers| offers.is_empty()));
        }

        #[test]
        fn a_payment_with_any_byte_changed_is_refused(at in 0usize..2000, to in any::<u8>()) {
            let payment = payment();
            let mut json = encoding::decode(&payment).unwrap();
            let at = at % json.len();
            prop_assume!(json[at] != to);
            json[at] = to;
            let value: Option<Value> = serde_json::from_slice(&json).ok();
            let before: Value = serde_json::from_slice(&encoding::decode(&payment).unwrap()).unwrap();
            prop_assume!(value != Some(before));
            let header = encoding::standard(&json);
            prop_assert!(read(header.as_bytes(), &offer(), (NOW_S, 600)).is_err());
        }
    }
}
