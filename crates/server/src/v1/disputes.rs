//! Disputes: a payment called into question, its value held back until it is decided.

use crate::app::{App, Assets};
use crate::extract::{Answer, Caller, Handled, Json, PathId, Query};
use crate::guard::Routes;
use crate::history;
use crate::idempotency;
use crate::problem::Problem;
use crate::submit::{self, Happened};
use crate::texts::{self, Text as TextOf};
use crate::types::ids::{CaptureId, CommandId, DisputeId, PaidId, PaymentId, WalletId};
use crate::types::words::DisputeVerdict;
use crate::types::{Amount, Details, Metadata, Page, Text, Time};
use crate::v1::common::{paid_of, rest_of, rest_or_first, same_asset};
use crate::v1::events::number;
use crate::v1::parties::{from_word, word};
use crate::v1::payments::{Taken, taken};
use crate::v1::stands::{Thing, or_state};
use axum::extract::State;
use axum::http::HeaderMap;
use engine::command::Op;
use engine::{EventKind, Id, UtcMillis};
use identity::Scope;
use money::Atoms;
use serde::{Deserialize, Serialize};
use store::Kind;
use store::read::{DisputeLine, ReadModel, ThingFilter};
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    routes
        .needs(Scope::DisputesWrite, routes!(create_dispute))
        .needs_or_regulator(Scope::PaymentsRead, routes!(list_disputes))
        .needs_or_regulator(Scope::PaymentsRead, routes!(get_dispute))
        .needs(Scope::DisputesWrite, routes!(resolve_dispute))
}

/// A dispute to open.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewDispute {
    /// Makes it happen once; see `Idempotency-Key`.
    id: Option<DisputeId>,
    /// Which payment, or which capture of one.
    payment: PaidId,
    /// Of a payment that was captured in several parts: which capture.
    capture: Option<CaptureId>,
    /// How much; without it, all that is left.
    amount: Option<Amount>,
    /// Your own number for it.
    reference: Option<Text<200>>,
    /// For people.
    description: Option<Text<1000>>,
    /// Your own names and values.
    metadata: Option<Metadata>,
}

/// How a dispute ends.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Resolution {
    /// `payee_wins` keeps the payment, `payer_wins` gives it back into the wallet, `channel_took`
    /// says that the channel has paid it back outside.
    verdict: DisputeVerdict,
}

/// A dispute.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Dispute {
    /// Its id.
    id: DisputeId,
    /// Where it stands.
    status: DisputeStatus,
    /// Which payment.
    payment: PaymentId,
    /// Of a payment that was captured, which capture.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    capture: Option<CaptureId>,
    /// Who paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    payer: Option<WalletId>,
    /// Who was paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    payee: Option<WalletId>,
    /// How much.
    amount: Amount,
    /// Since when.
    at: Time,
    /// Your own number for it; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reference: Option<Text<200>>,
    /// For people; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<Text<1000>>,
    /// Your own names and values; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    metadata: Option<Metadata>,
    /// Whether it had text that was erased with the person it was about; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    text_erased: Option<bool>,
}

/// Where a dispute stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum DisputeStatus {
    /// Not decided.
    Open,
    /// The payee keeps it.
    Won,
    /// The payee gave it back.
    Lost,
}

list_query! {
    /// Which disputes.
    DisputeQuery {
        /// Of this payer.
        wallet: WalletId,
        /// That stand so.
        status: DisputeStatus,
    }
}

/// A line, and what its payment is: the number of the kind, and what that belongs to.
type Line = (DisputeLine, Option<(u16, Option<u128>)>);

fn with_kind(model: &ReadModel, tenant: u32, line: DisputeLine) -> Result<Line, store::Error> {
    let kind = model.kind_of(tenant, line.payment)?;
    Ok((line, kind))
}

/// The payment, and the capture if it is one that is disputed.
fn named(thing: u128, kind: Option<(u16, Option<u128>)>) -> (PaymentId, Option<CaptureId>) {
    match kind {
        Some((kind, Some(payment))) if kind == number(EventKind::Captured) => {
            (PaymentId(Id(payment)), Some(CaptureId(Id(thing))))
        }
        _ => (PaymentId(Id(thing)), None),
    }
}

fn shown((line, kind): Line, assets: &Assets, details: Details) -> Option<Dispute> {
    let (payment, capture) = named(line.payment, kind);
    let asset = assets.get(ledger::AssetNo(line.asset))?;
    Some(Dispute {
        id: DisputeId(Id(line.id)),
        status: from_word(&line.state)?,
        payment,
        capture,
        payer: line.payer.map(|id| WalletId(Id(id))),
        payee: line.payee.map(|id| WalletId(Id(id))),
        amount: Amount::of(asset, line.amount),
        at: Time(UtcMillis(line.at_ms)),
        reference: details.reference,
        description: details.description,
        metadata: details.metadata,
        text_erased: details.text_erased,
    })
}

/// Call a payment into question: its value is held back.
#[utoipa::path(
    post,
    path = "/v1/disputes",
    request_body = NewDispute,
    responses((status = 201, description = "Opened.", body = Dispute))
)]
async fn create_dispute(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(new): Json<NewDispute>,
) -> Handled<Dispute> {
    let id = idempotency::id(&headers, new.id, caller.tenant_id(), app.node.now())?;
    let Taken {
        thing,
        of,
        payment,
        event,
    } = taken(&app, caller.tenant, new.payment, new.capture).await?;
    let (paid, carried) = paid_of(thing, &event)?;
    let (rest, asset, payer) = rest_of(&app, caller.tenant, thing, paid).await?;
    let payee = event
        .part(thing)
        .and_then(|part| part.paid().map(|paid| paid.payee));
    let payee = app
        .query(move |state| {
            state
                .wallets
                .get(payee?.0 as usize)
                .map(|wallet| WalletId(wallet.id.0))
        })
        .await?;
    let amount = match &new.amount {
        Some(amount) => same_asset(&app, amount, asset).await?,
        None => Atoms(rest_or_first(&app, caller.tenant, id.0, rest).await?),
    };
    let details = Details::given(new.reference, new.description, new.metadata);
    let whose = payer.ok_or_else(|| Problem::internal(&"a payment without its payer"))?;
    let text = TextOf::new(Kind::Dispute, id.0, whose, &details);
    let op = Op::OpenDispute {
        payment: thing,
        amount,
        carried,
    };
    let record = app.asset_of(asset).await?;
    let done = submit::submit_with(&app, &caller, id, op, &text).await?;
    let body = Dispute {
        id,
        status: DisputeStatus::Open,
        payment,
        capture: match of {
            PaidId::Payment(_) => None,
            PaidId::Capture(capture) => Some(capture),
        },
        payer,
        payee,
        amount: Amount::of(&record, amount.0),
        at: Time(done.event.at),
        reference: details.reference,
        description: details.description,
        metadata: details.metadata,
        text_erased: None,
    };
    Ok(Answer::created(body, done.replayed))
}

/// The disputes of the tenant, newest first.
#[utoipa::path(
    get,
    path = "/v1/disputes",
    params(DisputeQuery),
    responses((status = 200, description = "A page of them.", body = Page<Dispute>))
)]
async fn list_disputes(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<DisputeQuery>,
) -> Handled<Page<Dispute>> {
    let filter = ThingFilter {
        wallet: query.wallet.map(|w| w.0.0),
        state: query.status.map(word),
    };
    let (cursor, limit, tenant) = (query.cursor(), query.limit(), caller.tenant.0);
    let (page, as_of) = history::ask(&app, query.min_seq(), move |m| {
        let page = m.disputes(tenant, &filter, cursor.as_deref(), limit)?;
        let lines = page
            .items
            .into_iter()
            .map(|line| with_kind(m, tenant, line));
        Ok(store::Page {
            items: lines.collect::<Result<Vec<_>, _>>()?,
            next: page.next,
        })
    })
    .await?;
    let assets = app.assets_now().await?;
    Ok(Answer::ok(
        Page::of(DisputeQuery::LIST, page, as_of, |line| {
            shown(line, &assets, Details::default())
        })
        .whole(),
    ))
}

/// One dispute.
#[utoipa::path(
    get,
    path = "/v1/disputes/{id}",
    params(("id" = DisputeId, Path, description = "Which dispute.")),
    responses((status = 200, description = "The dispute.", body = Dispute))
)]
async fn get_dispute(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<DisputeId>,
) -> Handled<Dispute> {
    let tenant = caller.tenant.0;
    let line = history::ask_now(&app, move |m| {
        let line = m.dispute(tenant, id.0.0)?;
        line.map(|line| with_kind(m, tenant, line)).transpose()
    })
    .await?;
    let details = texts::read_of(&app, &caller, Kind::Dispute, id.0).await?;
    let assets = app.assets_now().await?;
    let found = line.and_then(|line| shown(line, &assets, details));
    Ok(Answer::ok(found.ok_or_else(|| {
        Problem::not_found("id", "no such dispute in this tenant")
    })?))
}

/// Decide a dispute.
#[utoipa::path(
    post,
    path = "/v1/disputes/{id}/resolve",
    params(("id" = DisputeId, Path, description = "Which dispute.")),
    request_body = Resolution,
    responses((status = 200, description = "Decided.", body = Happened))
)]
async fn resolve_dispute(
    State(app): State<App>,
    caller: Caller,
    PathId(dispute): PathId<DisputeId>,
    headers: HeaderMap,
    Json(new): Json<Resolution>,
) -> Handled<Happened> {
    let id: CommandId = idempotency::id(&headers, None, caller.tenant_id(), app.node.now())?;
    let op = Op::ResolveDispute {
        dispute: dispute.0,
        verdict: new.verdict.into(),
    };
    let done = submit::submit(&app, &caller, id.0, id, op).await;
    let done = or_state(&app, &caller, Thing::Dispute, dispute.0, done).await?;
    Ok(Answer::done(Happened::new(id, &done), done.replayed))
}
