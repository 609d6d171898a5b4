//! What an x402 facilitator does, for our own network: other sellers of the same ledger, with
//! middlewares of their own, ask whether a payment is good and have it made
//! (`docs/protocols/x402-farthing.md`).
//!
//! - Who pays whom how much for what is under the payer's signature; nothing else is needed to ask,
//!   and nothing is gained by asking but a payment that its payer has agreed to.
//! - A payment is made once, whoever asks. A seller that lost the answer gets it again under the same
//!   `Idempotency-Key`.
//! - Which request a payment is for is the seller's to say and to check.

use crate::answer::{Body, json, problem};
use crate::delivery::Due;
use crate::encoding;
use crate::gate::{BODY_TIME, again, body_too_late, unavailable, unknown};
use crate::offer::{Offer, Paying};
use crate::retries::{Found, Kept, Retries};
use crate::teller::{Claim, NotPaid, Teller};
use crate::x402::{self, Requirements, Wrong};
use engine::ids::WalletId;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderValue;
use hyper::{HeaderMap, Response, StatusCode};
use money::Atoms;
use serde::Deserialize;
use serde_json::{Value, json};

const IDEMPOTENCY_KEY: &str = "idempotency-key";
const ASK_BYTES_MAX: usize = 64 * 1024;
/// A signature may be good for so long: the official middlewares ask for as much.
const TIMEOUT_MAX_S: u64 = 300;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ask {
    payment_payload: Value,
    payment_requirements: Value,
}

/// Says whether a payment would be made.
pub async fn verify(teller: &Teller, body: Incoming) -> Response<Body> {
    let read = match read(teller, body).await {
        Ok(read) => read,
        Err(response) => return *response,
    };
    let payer = match read {
        Ok((offer, claim)) => teller.would_hold(&claim, offer.amount).await,
        Err(reason) => return json(StatusCode::OK, &invalid(reason)),
    };
    match payer {
        Ok(payer) => json(
            StatusCode::OK,
            &json!({ "isValid": true, "payer": payer.to_string() }),
        ),
        Err(NotPaid::Unavailable) => unavailable(),
        Err(why) => json(StatusCode::OK, &invalid(why.reason())),
    }
}

/// Makes a payment. Under the same `Idempotency-Key` the same gets the first answer again.
pub async fn settle(
    (teller, settled): (&Teller, &Retries),
    headers: &HeaderMap,
    body: Incoming,
) -> Response<Body> {
    let key = match headers.get(IDEMPOTENCY_KEY).map(HeaderValue::to_str) {
        None => None,
        Some(Ok(key)) if encoding::is_word(key, 1..=128) => Some(key),
        Some(_) => {
            return problem(
                StatusCode::BAD_REQUEST,
                "idempotency_key_invalid",
                "An Idempotency-Key is 1 to 128 characters A-Za-z0-9_-.",
            );
        }
    };
    let read = match read(teller, body).await {
        Ok(read) => read,
        Err(response) => return *response,
    };
    let failed = |reason: &str| {
        let body = json!({
            "success": false,
            "errorReason": reason,
            "transaction": "",
            "network": teller.network(),
        });
        json(StatusCode::OK, &body)
    };
    let (offer, claim) = match read {
        Ok(read) => read,
        Err(reason) => return failed(reason),
    };
    let turn = match key.map(|key| settled.find(claim.key, key, claim.digest, teller.now().0)) {
        Some(Found::New(turn)) => Some(turn),
        Some(Found::Again(kept)) => return again(*kept),
        Some(Found::Conflict(why)) => {
            return problem(StatusCode::CONFLICT, "idempotency_key_used", why);
        }
        // Better made and not remembered than not made.
        None | Some(Found::Full) => None,
    };
    let held = match teller.hold(&claim, offer.amount, offer.pay_to).await {
        Ok(held) => held,
        Err(NotPaid::Unavailable) => return unknown(),
        Err(why) => return failed(why.reason()),
    };
    let payer = held.payer();
    match held.take().await {
        Ok(taken) => {
            let transaction = taken.payment();
            // Whether the seller hears of it or not: it may look, and the same is not paid again.
            taken.keep();
            let body = json!({
                "success": true,
                "transaction": transaction,
                "network": offer.network,
                "payer": payer.to_string(),
                "amount": offer.amount.0.to_string(),
            });
            let response = json(StatusCode::OK, &body);
            if let Some(turn) = turn {
                turn.keep(Kept {
                    status: StatusCode::OK,
                    headers: response.headers().clone(),
                    body: Bytes::from(body.to_string()),
                });
            }
            response
        }
        Err(NotPaid::Unavailable) => unknown(),
        Err(why) => failed(why.reason()),
    }
}

fn invalid(reason: &str) -> Value {
    json!({ "isValid": false, "invalidReason": reason })
}

type Read = Result<(Offer, Claim), &'static str>;

/// What is asked for and what was signed, or the reason why that does not pay for it.
async fn read(teller: &Teller, body: Incoming) -> Result<Read, Box<Response<Body>>> {
    let body = Limited::new(body, ASK_BYTES_MAX).collect();
    let Ok(body) = tokio::time::timeout(BODY_TIME, body).await else {
        return Err(Box::new(body_too_late()));
    };
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    let Ok(ask) = serde_json::from_slice::<Ask>(&body) else {
        return Err(Box::new(problem(
            StatusCode::BAD_REQUEST,
            "facilitator_request_invalid",
            "Send paymentPayload and paymentRequirements as JSON.",
        )));
    };
    let now_s = teller.now().0 / 1000;
    Ok(offer(teller, &ask.payment_requirements).and_then(|offer| {
        match x402::read_value(ask.payment_payload, &body, &offer, (now_s, 0)) {
            Ok(Paying::Charge(claim)) => Ok((offer, claim)),
            Ok(Paying::Session(_)) => Err("unsupported_scheme"),
            Err(Wrong::Refused(reason)) => Err(reason),
            Err(Wrong::Malformed(_)) => Err("invalid_payload"),
        }
    }))
}

/// What another seller asks, if this ledger can settle it.
fn offer(teller: &Teller, asked: &Value) -> Result<Offer, &'static str> {
    const INVALID: &str = "invalid_payment_requirements";
    let asked = Requirements::deserialize(asked).map_err(|_| INVALID)?;
    if asked.scheme != x402::EXACT {
        return Err("unsupported_scheme");
    }
    if asked.network != teller.network() {
        return Err("invalid_network");
    }
    let amount = asked.amount.parse().map_err(|_| INVALID)?;
    let offer = Offer {
        network: asked.network.clone(),
        url: String::new(),
        authority: String::new(),
        request: asked.extra.request.clone(),
        digest: None,
        amount: Atoms(amount),
        asset: teller.asset(),
        pay_to: asked.pay_to.parse::<WalletId>().map_err(|_| INVALID)?,
        timeout_s: asked.max_timeout_seconds,
    };
    // What this ledger would ask in these words: every other spelling and asset is none of it.
    let is_ours = x402::requirements(&offer) == asked
        && amount > 0
        && offer.timeout_s <= TIMEOUT_MAX_S
        && encoding::is_word(&offer.request, 1..=128);
    if is_ours { Ok(offer) } else { Err(INVALID) }
}
