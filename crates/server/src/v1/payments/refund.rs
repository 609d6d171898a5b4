//! Giving a payment back, in part or whole.

use super::life::{Taken, paid_id, taken};
use crate::app::App;
use crate::extract::{Answer, Caller, Handled, OptionalJson, PathId};
use crate::guard::Routes;
use crate::idempotency;
use crate::lookup;
use crate::problem::Problem;
use crate::submit;
use crate::texts::{self, Text as TextOf};
use crate::types::ids::{CaptureId, PaidId, PaymentId, RefundId};
use crate::types::{Amount, Details, Metadata, Text, Time};
use crate::v1::common::{paid_of, rest_of, rest_or_first, same_asset};
use crate::v1::payments::Circumstances;
use crate::v1::step_ups::attested;
use axum::extract::State;
use axum::http::HeaderMap;
use engine::Position;
use engine::command::Op;
use engine::event::{Event, Paid};
use identity::Scope;
use money::{Asset, Atoms};
use serde::{Deserialize, Serialize};
use store::Kind;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    routes
        .needs(Scope::RefundsWrite, routes!(refund_payment))
        .needs_or_regulator(Scope::PaymentsRead, routes!(get_refund))
}

/// A refund to make.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRefund {
    /// Makes it happen once; see `Idempotency-Key`.
    pub id: Option<RefundId>,
    /// Of a payment that was captured in several parts: which capture.
    pub capture: Option<CaptureId>,
    /// How much; without it, all that is left.
    pub amount: Option<Amount>,
    /// What the law asks of it besides, such as that it is handed over in cash. It asks no factors:
    /// a refund is forbidden or it is not.
    #[serde(default)]
    pub circumstances: Circumstances,
    /// Your own number for it.
    pub reference: Option<Text<200>>,
    /// For people.
    pub description: Option<Text<1000>>,
    /// Your own names and values.
    pub metadata: Option<Metadata>,
}

/// A refund.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Refund {
    /// Its id.
    pub id: RefundId,
    /// What was given back: the payment, or one capture of it.
    pub of: PaidId,
    /// The payment.
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
    /// Your own number for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reference: Option<Text<200>>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub description: Option<Text<1000>>,
    /// Your own names and values.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub metadata: Option<Metadata>,
    /// Whether it had text that was erased with the person it was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub text_erased: Option<bool>,
}

fn shown(
    id: RefundId,
    event: &Event,
    position: Position,
    (of, payment): (PaidId, PaymentId),
    asset: &Asset,
    details: Details,
) -> Result<Refund, Box<Problem>> {
    let paid = refunded(id, event)?;
    Ok(Refund {
        id,
        of,
        payment,
        amount: Amount::of(asset, paid.gross),
        tax: Amount::of(asset, paid.tax),
        fee: Amount::of(asset, paid.fee),
        at: Time(event.at),
        seq: position.seq,
        index: position.index,
        reference: details.reference,
        description: details.description,
        metadata: details.metadata,
        text_erased: details.text_erased,
    })
}

fn refunded(id: RefundId, event: &Event) -> Result<Paid, Box<Problem>> {
    let paid = event.part(id.0).and_then(|part| part.paid().copied());
    paid.ok_or_else(|| Problem::internal(&"a refund without its amounts"))
}

/// Give a payment back, in part or whole, to where it came from. A payment that was captured once is
/// named by its own id; of several captures, each by its own.
#[utoipa::path(
    post,
    path = "/v1/payments/{id}/refund",
    params(("id" = PaidId, Path, description = "Which payment, or which capture of one.")),
    request_body = Option<NewRefund>,
    responses((status = 201, description = "Given back.", body = Refund))
)]
async fn refund_payment(
    State(app): State<App>,
    caller: Caller,
    PathId(named): PathId<PaidId>,
    headers: HeaderMap,
    OptionalJson(new): OptionalJson<NewRefund>,
) -> Handled<Refund> {
    let id = idempotency::id(&headers, new.id, caller.tenant_id(), app.node.now())?;
    let Taken {
        thing,
        of,
        payment,
        event,
    } = taken(&app, caller.tenant, named, new.capture).await?;
    let (paid, carried) = paid_of(thing, &event)?;
    let (rest, asset, payer) = rest_of(&app, caller.tenant, thing, paid).await?;
    let amount = match &new.amount {
        Some(amount) => same_asset(&app, amount, asset).await?,
        None => Atoms(rest_or_first(&app, caller.tenant, id.0, rest).await?),
    };
    let details = Details::given(new.reference, new.description, new.metadata);
    let payer = payer.ok_or_else(|| Problem::internal(&"a payment without its payer"))?;
    let text = TextOf::new(Kind::Refund, id.0, payer, &details);
    let attested = attested(&caller, &new.circumstances, Vec::new())?;
    let op = Op::Refund {
        payment: thing,
        amount,
        carried,
    };
    let record = app.asset_of(asset).await?;
    let done = submit::submit_attested(&app, &caller, id, op, &text, attested).await?;
    let body = shown(
        id,
        &done.event,
        done.position,
        (of, payment),
        &record,
        details,
    )?;
    Ok(Answer::created(body, done.replayed))
}

/// One refund.
#[utoipa::path(
    get,
    path = "/v1/refunds/{id}",
    params(("id" = RefundId, Path, description = "Which refund.")),
    responses((status = 200, description = "The refund.", body = Refund))
)]
async fn get_refund(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<RefundId>,
) -> Handled<Refund> {
    let found = lookup::event_of(&app, caller.tenant, id.0).await?;
    let is_refund = |event: &Event| {
        event
            .part(id.0)
            .is_some_and(|p| p.kind == engine::EventKind::Refunded)
    };
    let found = found.filter(|(_, event)| is_refund(event));
    let (position, event) =
        found.ok_or_else(|| Problem::not_found("id", "no such refund in this tenant"))?;
    let thing = event
        .part(id.0)
        .and_then(|part| part.paid().map(|paid| paid.of));
    let thing = thing.ok_or_else(|| Problem::internal(&"a refund of nothing"))?;
    let taken = lookup::event_of(&app, caller.tenant, thing).await?;
    let taken = taken.and_then(|(_, event)| {
        let part = event.part(thing)?;
        let is_capture = part.kind == engine::EventKind::Captured;
        Some((is_capture, part.paid()?.of))
    });
    let (is_capture, before) = taken.unwrap_or((false, thing));
    let payment = PaymentId(if is_capture { before } else { thing });
    let whose = (paid_id(thing, is_capture), payment);
    let details = texts::read_of(&app, &caller, Kind::Refund, id.0).await?;
    let asset = app.asset_of(refunded(id, &event)?.asset).await?;
    let body = shown(id, &event, position, whose, &asset, details)?;
    Ok(Answer::ok(body))
}
