//! The intent `session`, with the fields that the drafts of other methods have where ours means the
//! same.
//!
//! A session's challenge opens one session, for which its id is the nonce. Afterwards it is only
//! echoed: what pays is the voucher, which is for the request it comes with.

use super::{BindingKey, Challenge, METHOD, SESSION, bound, currency, time};
use crate::encoding;
use crate::offer::Offer;
use crate::sessions::{Sessions, Snapshot};
use serde_json::json;

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
        details["sessionSnapshot"] = snapshot.told();
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
