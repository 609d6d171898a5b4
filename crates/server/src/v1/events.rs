//! Everything that happened, as the journal has it: to search, and to export.

use crate::app::App;
use crate::extract::{Answer, Caller, Handled, Query};
use crate::guard::Routes;
use crate::history;
use crate::problem::{Outcome, Problem};
use crate::types::ids::{WalletId, written};
use crate::types::{Amount, AssetText, Decimal, Page, Time};
use axum::extract::State;
use engine::code::Audience;
use engine::{Code, EventKind, Id, UtcMillis};
use identity::Scope;
use money::Atoms;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use store::read::{EventFilter, EventLine};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::routes;

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    routes
        .needs_or_regulator(Scope::LedgerRead, routes!(list_events))
        .needs_or_regulator(Scope::PaymentsRead, routes!(list_payments))
        .needs_or_regulator(Scope::LedgerRead, routes!(list_refusals))
        .needs_or_regulator(Scope::PaymentsRead, routes!(list_refunds))
        .needs_or_regulator(Scope::PaymentsRead, routes!(list_transfers))
}

/// The word of a kind's number.
pub fn kind_name(kind: u16) -> String {
    EventKind::ALL
        .get(usize::from(kind))
        .map_or("unknown", |kind| kind.as_str())
        .to_owned()
}

/// An id as it is written where it was made; `kind` is the number of what made it.
pub fn id_text(kind: Option<u16>, id: u128) -> String {
    let kind = kind.and_then(|kind| EventKind::ALL.get(usize::from(kind)));
    // What is not known by its kind was a payment before there were captures.
    written(kind.copied().unwrap_or(EventKind::Paid), Id(id))
}

/// One kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindText(pub EventKind);

impl<'de> Deserialize<'de> for KindText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let kind = EventKind::ALL.iter().find(|kind| kind.as_str() == text);
        kind.map(|kind| KindText(*kind)).ok_or_else(|| {
            let words = format!("a kind of event is one of {}", names(EventKind::ALL));
            serde::de::Error::custom(words)
        })
    }
}

impl PartialSchema for KindText {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(EventKind::ALL.iter().map(|kind| kind.as_str())));
        RefOr::T(Schema::Object(object.build()))
    }
}

impl ToSchema for KindText {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("EventKind")
    }
}

/// Something that happened, in a line.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct EventSummary {
    /// When.
    at: Time,
    /// What happened.
    #[schema(examples("payment.paid"))]
    kind: String,
    /// Its id: what `GET` takes of a payment, capture, refund, transfer, top-up and so on, and a
    /// command's of what is no thing by itself. What was refused is a payment's, unless
    /// it was a transfer.
    #[schema(examples("pay_01936b2f040070008000000000000004"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    id: Option<String>,
    /// The wallet that pays, or the only one concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    payer: Option<WalletId>,
    /// The wallet paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    payee: Option<WalletId>,
    /// How much.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    amount: Option<Amount>,
    /// The tax in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    tax: Option<Amount>,
    /// The fee in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    fee: Option<Amount>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    code: Option<String>,
    /// The earlier payment or capture it belongs to.
    #[schema(examples("pay_01936b2f040070008000000000000004"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    of: Option<String>,
    /// The row of the journal.
    seq: u64,
    /// The place in that row.
    index: u32,
}

fn shown(line: EventLine, assets: &crate::app::Assets, audience: Audience) -> EventSummary {
    let asset = line.asset.and_then(|no| assets.get(ledger::AssetNo(no)));
    let amount = |atoms: u64| asset.map(|asset| Amount::of(asset, atoms));
    let code = line.code.and_then(|number| Code::try_from(number).ok());
    EventSummary {
        at: Time(UtcMillis(line.at_ms)),
        kind: kind_name(line.kind),
        id: line.id.map(|id| id_text(Some(line.kind), id)),
        payer: line.payer.map(|id| WalletId(Id(id))),
        payee: line.payee.map(|id| WalletId(Id(id))),
        amount: amount(line.amount),
        tax: (line.tax > 0).then(|| amount(line.tax)).flatten(),
        fee: (line.fee > 0).then(|| amount(line.fee)).flatten(),
        code: code.map(|code| code.shown_to(audience).as_str().to_owned()),
        of: line.of.map(|id| id_text(line.of_kind, id)),
        seq: line.position.seq,
        index: line.position.index,
    }
}

list_query! {
    /// Which events.
    EventQuery {
        /// Of this kind.
        kind: KindText,
        /// Paid by, paid to, or about this wallet.
        wallet: WalletId,
        /// In this asset; needed for amounts.
        asset: AssetText,
        /// At least so much, in units of `asset`.
        amount_min: Decimal,
        /// At most so much, in units of `asset`.
        amount_max: Decimal,
        /// Not before.
        from: Time,
        /// Before.
        until: Time,
    }
}

fn names(kinds: &[EventKind]) -> String {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    names.join(", ")
}

/// The number of a kind in the read model.
pub fn number(kind: EventKind) -> u16 {
    EventKind::ALL
        .iter()
        .position(|k| *k == kind)
        .and_then(|at| u16::try_from(at).ok())
        .unwrap_or(u16::MAX)
}

async fn list(
    app: &App,
    caller: &Caller,
    query: EventQuery,
    kinds: &[EventKind],
) -> Outcome<Page<EventSummary>> {
    let asset = match query.asset {
        Some(asset) => Some(app.asset(asset.0, "asset").await?),
        None => None,
    };
    let atoms = |text: &Option<Decimal>, field: &str| -> Outcome<Option<Atoms>> {
        let Some(text) = text else { return Ok(None) };
        let (_, asset) = asset.ok_or_else(|| {
            let words = "an amount is of an asset, and none is named";
            Problem::new(crate::codes::BAD_QUERY, words).at("asset")
        })?;
        let bad = |error: money::MoneyError| {
            Problem::new(crate::codes::BAD_QUERY, error.to_string()).at(field)
        };
        match text.atoms(&asset) {
            Ok(atoms) => Ok(Some(atoms)),
            // No amount is larger: the bound is no bound, or nothing is above it.
            Err(money::MoneyError::TooLarge) => Ok(Some(Atoms::MAX)),
            Err(error) => Err(bad(error)),
        }
    };
    let wanted: Vec<u16> = match query.kind {
        Some(KindText(kind)) if kinds.is_empty() || kinds.contains(&kind) => vec![number(kind)],
        Some(_) => {
            let words = format!("this list has {}", names(kinds));
            return Err(Problem::new(crate::codes::BAD_QUERY, words).at("kind"));
        }
        None => kinds.iter().map(|kind| number(*kind)).collect(),
    };
    let filter = EventFilter {
        kinds: wanted,
        wallet: query.wallet.map(|w| w.0.0),
        code: None,
        asset: asset.map(|(no, _)| no.0),
        amount_min: atoms(&query.amount_min, "amount_min")?.map(|a| a.0),
        amount_max: atoms(&query.amount_max, "amount_max")?.map(|a| a.0),
        from_ms: query.from.map(|t| t.0.0),
        until_ms: query.until.map(|t| t.0.0),
    };
    let (cursor, limit, tenant) = (query.cursor(), query.limit(), caller.tenant.0);
    let (page, as_of) = history::ask(app, query.min_seq(), move |m| {
        m.events(tenant, &filter, cursor.as_deref(), limit)
    })
    .await?;
    let assets = app.assets_now().await?;
    let audience = caller.audience();
    Ok(Page::of(EventQuery::LIST, page, as_of, |line| {
        shown(line, &assets, audience)
    }))
}

/// Everything that happened in the tenant, newest first.
#[utoipa::path(
    get,
    path = "/v1/events",
    params(EventQuery),
    responses((status = 200, description = "A page of it.", body = Page<EventSummary>))
)]
async fn list_events(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<EventQuery>,
) -> Handled<Page<EventSummary>> {
    Ok(Answer::ok(list(&app, &caller, query, &[]).await?))
}

/// Payments and what became of them, newest first: paid, split, authorized, captured, refunded.
#[utoipa::path(
    get,
    path = "/v1/payments",
    params(EventQuery),
    responses((status = 200, description = "A page of them.", body = Page<EventSummary>))
)]
async fn list_payments(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<EventQuery>,
) -> Handled<Page<EventSummary>> {
    use EventKind as K;
    let kinds = [
        K::Paid,
        K::Split,
        K::Authorized,
        K::Captured,
        K::Voided,
        K::HoldExpired,
        K::Refunded,
        K::StepUpAsked,
        K::StepUpExpired,
        K::Refused,
        K::CaptureRefused,
        K::RefundRefused,
    ];
    Ok(Answer::ok(list(&app, &caller, query, &kinds).await?))
}

/// What was refused for good, newest first.
#[utoipa::path(
    get,
    path = "/v1/refusals",
    params(EventQuery),
    responses((status = 200, description = "A page of them.", body = Page<EventSummary>))
)]
async fn list_refusals(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<EventQuery>,
) -> Handled<Page<EventSummary>> {
    let kinds = EventKind::ALL.iter().copied();
    let kinds: Vec<EventKind> = kinds.filter(|kind| kind.is_refusal()).collect();
    Ok(Answer::ok(list(&app, &caller, query, &kinds).await?))
}

/// The refunds of the tenant, newest first.
#[utoipa::path(
    get,
    path = "/v1/refunds",
    params(EventQuery),
    responses((status = 200, description = "A page of them.", body = Page<EventSummary>))
)]
async fn list_refunds(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<EventQuery>,
) -> Handled<Page<EventSummary>> {
    let kinds = [EventKind::Refunded];
    Ok(Answer::ok(list(&app, &caller, query, &kinds).await?))
}

/// The transfers of the tenant, made, waiting for their payers and refused, newest first.
#[utoipa::path(
    get,
    path = "/v1/transfers",
    params(EventQuery),
    responses((status = 200, description = "A page of them.", body = Page<EventSummary>))
)]
async fn list_transfers(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<EventQuery>,
) -> Handled<Page<EventSummary>> {
    let kinds = [
        EventKind::Transferred,
        EventKind::TransferStepUpAsked,
        EventKind::TransferStepUpExpired,
        EventKind::TransferRefused,
    ];
    Ok(Answer::ok(list(&app, &caller, query, &kinds).await?))
}
