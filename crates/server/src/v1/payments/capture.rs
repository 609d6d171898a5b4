//! Taking what an authorization set aside, in one or several parts.

use crate::app::App;
use crate::extract::{Answer, Caller, Handled, OptionalJson, PathId};
use crate::guard::Routes;
use crate::idempotency;
use crate::problem::{Outcome, Problem};
use crate::submit;
use crate::types::ids::{CaptureId, PaymentId};
use crate::types::{Amount, Time};
use crate::v1::common::{amount_of, same_asset};
use crate::v1::stands::{Thing, or_state};
use axum::extract::State;
use axum::http::HeaderMap;
use engine::command::Op;
use engine::event::Paid;
use identity::Scope;
use ledger::AssetNo;
use money::Atoms;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the path.
pub fn routes(routes: Routes) -> Routes {
    routes.needs(Scope::PaymentsWrite, routes!(capture_payment))
}

/// A capture to make.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCapture {
    /// Makes it happen once; see `Idempotency-Key`.
    pub id: Option<CaptureId>,
    /// How much; without it, all that is left.
    pub amount: Option<Amount>,
    /// Whether what is left is free again: yes, unless you say no.
    pub last: Option<bool>,
}

/// A capture: what a refund names.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Captured {
    /// Its id.
    pub id: CaptureId,
    /// The payment that was authorized.
    pub payment: PaymentId,
    /// How much.
    pub amount: Amount,
    /// The tax in it.
    pub tax: Amount,
    /// The platform's fee in it.
    pub fee: Amount,
    /// When.
    pub at: Time,
    /// The row of the journal.
    pub seq: u64,
    /// The place in that row.
    pub index: u32,
}

/// Take what was set aside, in part or whole.
#[utoipa::path(
    post,
    path = "/v1/payments/{id}/capture",
    params(("id" = PaymentId, Path, description = "Which payment.")),
    request_body = Option<NewCapture>,
    responses((status = 201, description = "Captured.", body = Captured))
)]
async fn capture_payment(
    State(app): State<App>,
    caller: Caller,
    PathId(payment): PathId<PaymentId>,
    headers: HeaderMap,
    OptionalJson(new): OptionalJson<NewCapture>,
) -> Handled<Captured> {
    let id = idempotency::id(&headers, new.id, caller.tenant_id(), app.node.now())?;
    let key = (caller.tenant, payment.0);
    let hold = app
        .query(move |state| {
            let hold = state.holds.get(&key)?;
            Some((hold.asset, hold.authorized - hold.captured))
        })
        .await?;
    let (asset, amount) = match (&new.amount, hold) {
        (Some(amount), Some((asset, _))) => (asset, same_asset(&app, amount, asset).await?),
        (Some(amount), None) => amount_of(&app, amount, "amount").await?,
        (None, Some((asset, rest))) => (asset, Atoms(rest)),
        // A repeat of the capture that ended it, or nothing to capture: the node knows which.
        (None, None) => match crate::lookup::event_of(&app, caller.tenant, id.0).await? {
            Some((_, event)) => {
                let paid = event.part(id.0).and_then(|part| part.paid().copied());
                let paid = paid.map(|paid| (paid.asset, Atoms(paid.gross)));
                let asked = event.refusal();
                let asked = asked.map(|refused| (refused.asset, Atoms(refused.asked)));
                paid.or(asked).unwrap_or((AssetNo(0), Atoms(1)))
            }
            None => {
                let words = "no such authorization in this tenant";
                let none: Outcome<Answer<Captured>> = Err(Problem::not_found("payment", words));
                return Ok(or_state(&app, &caller, Thing::Authorization, payment.0, none).await?);
            }
        },
    };
    let last = new.last.unwrap_or(true);
    let op = Op::Capture {
        payment: payment.0,
        amount,
        asset: Some(asset),
        last,
    };
    let record = app.asset_of(asset).await?;
    let done = submit::submit(&app, &caller, id.0, id, op).await;
    let done = or_state(&app, &caller, Thing::Authorization, payment.0, done).await?;
    let paid: Option<Paid> = done.event.part(id.0).and_then(|part| part.paid().copied());
    let paid = paid.ok_or_else(|| Problem::internal(&"a capture without its amounts"))?;
    let asset = &record;
    let body = Captured {
        id,
        payment,
        amount: Amount::of(asset, paid.gross),
        tax: Amount::of(asset, paid.tax),
        fee: Amount::of(asset, paid.fee),
        at: Time(done.event.at),
        seq: done.position.seq,
        index: done.position.index,
    };
    Ok(Answer::created(body, done.replayed))
}
