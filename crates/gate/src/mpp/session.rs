//! The intent `session`: open, voucher, topUp, close, with the fields the drafts of other methods
//! have where ours means the same.
//!
//! A session's challenge opens one session, for which its id is the nonce. Afterwards it is only
//! echoed: what pays is the voucher, which is for the request it comes with.

use super::{BindingKey, Challenge, MALFORMED, METHOD, Problem, SESSION, bound, currency, time};
use crate::encoding;
use crate::offer::Offer;
use crate::sessions::{Sessions, Snapshot};
use crate::sign::PublicKey;
use crate::voucher::{Ask, Opening, SessionId, Voucher, atoms};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What a credential says, by its action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "action",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Payload {
    Open {
        public_key: String,
        deposit: String,
        created: u64,
        expires: u64,
        /// Over the opening.
        opening: String,
        session_id: String,
        cumulative_amount: String,
        signature: String,
    },
    Voucher {
        session_id: String,
        cumulative_amount: String,
        signature: String,
    },
    TopUp {
        session_id: String,
        deposit: String,
        signature: String,
    },
    Close {
        session_id: String,
        cumulative_amount: String,
        signature: String,
    },
}

/// A fresh challenge for a session, with how one stands if it is known.
#[must_use]
pub fn request(
    offer: &Offer,
    binding: &BindingKey,
    now_s: u64,
    random: [u8; 16],
    (lasts_s, snapshot): (u64, Option<&Snapshot>),
) -> Challenge {
    // In the order of RFC 8785; every value is ASCII, so that this is its canonical form.
    let mut details = json!({
        "network": offer.network,
        "nonce": encoding::url(&random),
        "request": offer.request,
        "scale": offer.asset.scale.get(),
        "sessionSeconds": lasts_s,
    });
    if let Some(snapshot) = snapshot {
        details["sessionSnapshot"] = about(snapshot);
    }
    let request = json!({
        "amount": offer.amount.0.to_string(),
        "currency": currency(offer),
        "methodDetails": details,
        "recipient": offer.pay_to.to_string(),
        "suggestedDeposit": Sessions::suggested_deposit(offer.amount).0.to_string(),
        "unitType": "request",
    });
    bound(offer, binding, now_s, SESSION, &request)
}

/// How a session stands, in the drafts' words.
fn about(snapshot: &Snapshot) -> Value {
    json!({
        "acceptedCumulative": snapshot.accepted.to_string(),
        "deposit": snapshot.deposit.to_string(),
        "requiredCumulative": snapshot.required.to_string(),
        "sessionId": snapshot.session.to_string(),
        "spent": snapshot.spent.to_string(),
    })
}

/// The value of `Payment-Receipt` for what was done in a session.
#[must_use]
pub fn receipt(snapshot: &Snapshot, now_s: u64) -> String {
    let body = json!({
        "acceptedCumulative": snapshot.accepted.to_string(),
        "closesAt": time(snapshot.closes_ms / 1000),
        "deposit": snapshot.deposit.to_string(),
        "intent": SESSION,
        "method": METHOD,
        "reference": snapshot.payment.with_prefix("pay"),
        "sessionId": snapshot.session.to_string(),
        "spent": snapshot.spent.to_string(),
        "status": "success",
        "timestamp": time(now_s),
    });
    encoding::url(body.to_string().as_bytes())
}

/// What a payload asks, whose challenge is ours.
pub(super) fn ask(payload: Payload, challenge: &Challenge, is_late: bool) -> Result<Ask, Problem> {
    let signature = |text: &str| encoding::decode_exactly::<64>(text).ok_or(MALFORMED);
    let session = |text: &str| SessionId::read(text).ok_or(MALFORMED);
    let amount = |text: &str| atoms(text).ok_or(MALFORMED);
    let voucher = |id: &str, cumulative: &str, by: &str| {
        Ok::<Voucher, Problem>(Voucher {
            session: session(id)?,
            cumulative: amount(cumulative)?,
            signature: signature(by)?,
        })
    };
    Ok(match payload {
        Payload::Open {
            public_key,
            deposit,
            created,
            expires,
            opening,
            session_id,
            cumulative_amount,
            signature: by,
        } => {
            if is_late {
                return Err("payment-expired");
            }
            Ask::Open {
                signature: signature(&opening)?,
                voucher: voucher(&session_id, &cumulative_amount, &by)?,
                opening: Opening {
                    key: PublicKey::read(&public_key).ok_or(MALFORMED)?,
                    deposit: amount(&deposit)?,
                    nonce: challenge.id.clone(),
                    created,
                    expires,
                },
            }
        }
        Payload::Voucher {
            session_id,
            cumulative_amount,
            signature,
        } => Ask::Serve(voucher(&session_id, &cumulative_amount, &signature)?),
        Payload::TopUp {
            session_id,
            deposit,
            signature: by,
        } => Ask::TopUp {
            session: session(&session_id)?,
            deposit: amount(&deposit)?,
            signature: signature(&by)?,
        },
        Payload::Close {
            session_id,
            cumulative_amount,
            signature,
        } => Ask::Close(voucher(&session_id, &cumulative_amount, &signature)?),
    })
}
