//! A key gets a wallet: `POST /.well-known/farthing/wallets`, where the operator allows it.

use crate::answer::{Body, json, problem};
use crate::encoding;
use crate::sign::{PublicKey, wallet_text};
use crate::teller::Teller;
use hyper::{Response, StatusCode};
use money::Atoms;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Mutex;
use std::sync::PoisonError;

/// A registration is signed so long ago at most, and so far ahead.
const FRESH_S: u64 = 300;
const PER_SECOND_MAX: u32 = 20;

/// Who may open a wallet over HTTP.
#[derive(Clone, Copy, Debug, Default)]
pub struct WalletOptions {
    /// Whether anybody may.
    pub open: bool,
    /// Test money for each new wallet.
    pub gift: Option<Atoms>,
}

/// A registration, as it is sent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Registration {
    pub public_key: String,
    pub created: u64,
    pub signature: String,
}

/// Lets some registrations through a second.
#[derive(Default)]
pub struct Throttle(Mutex<(u64, u32)>);

impl Throttle {
    fn lets_pass(&self, now_s: u64) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0 != now_s {
            *state = (now_s, 0);
        }
        state.1 += 1;
        state.1 <= PER_SECOND_MAX
    }
}

/// Registers a key; a known one is told its wallet again.
pub async fn register(
    teller: &Teller,
    options: WalletOptions,
    throttle: &Throttle,
    origin: &str,
    body: &[u8],
) -> Response<Body> {
    if !options.open {
        return problem(
            StatusCode::FORBIDDEN,
            "registration_closed",
            "Wallets of this site are opened by its operator.",
        );
    }
    let now_s = teller.now().0 / 1000;
    let Some(key) = proven(&teller.network(), origin, body, now_s) else {
        return problem(
            StatusCode::BAD_REQUEST,
            "registration_invalid",
            "Send publicKey, created (seconds since 1970, now) and signature as JSON; \
             the text to sign is in the specification.",
        );
    };
    if !throttle.lets_pass(now_s) {
        return problem(
            StatusCode::TOO_MANY_REQUESTS,
            "throttled",
            "Too many wallets are being opened. Try again in a second.",
        );
    }
    match teller.wallet_for(key, options.gift).await {
        Ok((wallet, is_new)) => {
            let status = if is_new {
                StatusCode::CREATED
            } else {
                StatusCode::OK
            };
            let body = json!({
                "wallet": wallet.to_string(),
                "network": teller.network(),
                "publicKey": key.to_string(),
                "isTest": teller.is_test(),
            });
            json(status, &body)
        }
        Err(error) if error.code() == "key_taken" => {
            problem(StatusCode::CONFLICT, "key_taken", &error.to_string())
        }
        Err(error) => {
            tracing::warn!(code = error.code(), %error, "wallet_not_opened");
            problem(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "The wallet could not be opened now. Try again with the same key.",
            )
        }
    }
}

fn proven(network: &str, origin: &str, body: &[u8], now_s: u64) -> Option<PublicKey> {
    let sent: Registration = serde_json::from_slice(body).ok()?;
    let key = PublicKey::read(&sent.public_key)?;
    let is_fresh = sent.created.abs_diff(now_s) <= FRESH_S;
    let signature = encoding::decode_exactly::<64>(&sent.signature)?;
    let text = wallet_text(network, origin, &key, sent.created);
    (is_fresh && key.signed(&text, &signature)).then_some(key)
}
