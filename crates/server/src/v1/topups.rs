//! Top-ups: money in, pending, settled, reversed.

use crate::app::{App, Assets};
use crate::extract::{Answer, Caller, Handled, Json, OptionalJson, PathId, Query};
use crate::guard::Routes;
use crate::history;
use crate::idempotency;
use crate::lookup;
use crate::problem::Problem;
use crate::submit::{self, Happened};
use crate::texts::{self, Text as TextOf};
use crate::types::ids::{CommandId, TopUpId, WalletId};
use crate::types::words::Source;
use crate::types::{Amount, Details, Metadata, Page, Text, Time};
use crate::v1::common::{amount_of, same_asset};
use crate::v1::parties::{from_word, word};
use crate::v1::payments::Circumstances;
use crate::v1::stands::{Thing, or_state};
use crate::v1::step_ups::{Factor, attested};
use axum::extract::State;
use axum::http::HeaderMap;
use engine::command::{Carried, Op};
use engine::event::Effect;
use engine::records::Channel;
use engine::{Code, Id, UtcMillis};
use identity::Scope;
use money::Atoms;
use serde::{Deserialize, Serialize};
use store::Kind;
use store::read::{ThingFilter, TopUpLine};
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    routes
        .needs(Scope::TopupsWrite, routes!(create_topup))
        .needs_or_regulator(Scope::WalletsRead, routes!(list_topups))
        .needs_or_regulator(Scope::WalletsRead, routes!(get_topup))
        .needs(Scope::TopupsWrite, routes!(settle_topup))
        .needs(Scope::TopupsWrite, routes!(reverse_topup))
}

/// Where outside money comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum TopUpSource {
    /// A payment card.
    Card,
    /// A bank account.
    Bank,
    /// A telephone bill.
    Carrier,
    /// A blockchain.
    Crypto,
    /// Cash over a counter.
    Cash,
    /// The operator's promotion.
    Promo,
    /// A subsidy.
    Grant,
}

impl From<TopUpSource> for ledger::Source {
    fn from(source: TopUpSource) -> Self {
        match source {
            TopUpSource::Card => ledger::Source::Card,
            TopUpSource::Bank => ledger::Source::Bank,
            TopUpSource::Carrier => ledger::Source::Carrier,
            TopUpSource::Crypto => ledger::Source::Crypto,
            TopUpSource::Cash => ledger::Source::Cash,
            TopUpSource::Promo => ledger::Source::Promo,
            TopUpSource::Grant => ledger::Source::Grant,
        }
    }
}

/// A top-up to begin.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTopUp {
    /// Makes it happen once; see `Idempotency-Key`.
    id: Option<TopUpId>,
    /// Whose.
    wallet: WalletId,
    /// How much.
    amount: Amount,
    /// Where it comes from.
    source: TopUpSource,
    /// Whether it may be spent before it settles; no, if not given.
    spendable: Option<bool>,
    /// What the law asks about besides.
    #[serde(default)]
    circumstances: Circumstances,
    /// The factors that its party has proved for it; the key needs `step_ups:confirm` too.
    #[serde(default)]
    #[schema(max_items = 3)]
    factors: Vec<Factor>,
    /// Your own number for it.
    reference: Option<Text<200>>,
    /// For people.
    description: Option<Text<1000>>,
    /// Your own names and values.
    metadata: Option<Metadata>,
}

/// A top-up that the channel takes back.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Reversal {
    /// How much; without it, all that is left.
    amount: Option<Amount>,
}

/// A top-up.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct TopUp {
    /// Its id.
    id: TopUpId,
    /// Where it stands.
    status: TopUpStatus,
    /// Whose.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    wallet: Option<WalletId>,
    /// How much.
    amount: Amount,
    /// How much of it was taken back.
    reversed: Amount,
    /// Where it came from.
    source: Source,
    /// Whether it could be spent before it settled.
    spendable: bool,
    /// When it began.
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

/// Where a top-up stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum TopUpStatus {
    /// The money has not arrived.
    Pending,
    /// The money is there.
    Settled,
    /// All of it was taken back.
    Reversed,
}

list_query! {
    /// Which top-ups.
    TopUpQuery {
        /// Of this wallet.
        wallet: WalletId,
        /// That stand so.
        status: TopUpStatus,
    }
}

fn shown(line: TopUpLine, assets: &Assets, details: Details) -> Option<TopUp> {
    let asset = assets.get(ledger::AssetNo(line.asset))?;
    Some(TopUp {
        id: TopUpId(Id(line.id)),
        status: from_word(&line.state)?,
        wallet: line.wallet.map(|id| WalletId(Id(id))),
        amount: Amount::of(asset, line.amount),
        reversed: Amount::of(asset, line.reversed),
        source: from_word(&line.source)?,
        spendable: line.spendable,
        at: Time(UtcMillis(line.at_ms)),
        reference: details.reference,
        description: details.description,
        metadata: details.metadata,
        text_erased: details.text_erased,
    })
}

/// Begin a top-up: the wallet's money is on its way.
#[utoipa::path(
    post,
    path = "/v1/topups",
    request_body = NewTopUp,
    responses((status = 201, description = "Begun.", body = TopUp))
)]
async fn create_topup(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(new): Json<NewTopUp>,
) -> Handled<TopUp> {
    let id = idempotency::id(&headers, new.id, caller.tenant_id(), app.node.now())?;
    let (asset, amount) = amount_of(&app, &new.amount, "amount").await?;
    let attested = attested(&caller, &new.circumstances, new.factors)?;
    let details = Details::given(new.reference, new.description, new.metadata);
    let text = TextOf::new(Kind::TopUp, id.0, new.wallet, &details);
    let source: ledger::Source = new.source.into();
    let spendable = new.spendable.unwrap_or(false);
    let wallet = engine::ids::WalletId(new.wallet.0);
    let op = Op::TopUp {
        wallet,
        asset,
        amount,
        source,
        channel: Channel::MANUAL,
        spendable,
    };
    let record = app.asset_of(asset).await?;
    let done = submit::submit_attested(&app, &caller, id, op, &text, attested).await?;
    let body = TopUp {
        id,
        status: TopUpStatus::Pending,
        wallet: Some(new.wallet),
        amount: Amount::of(&record, amount.0),
        reversed: Amount::of(&record, 0),
        source: source.into(),
        spendable,
        at: Time(done.event.at),
        reference: details.reference,
        description: details.description,
        metadata: details.metadata,
        text_erased: None,
    };
    Ok(Answer::created(body, done.replayed))
}

/// The top-ups of the tenant, newest first.
#[utoipa::path(
    get,
    path = "/v1/topups",
    params(TopUpQuery),
    responses((status = 200, description = "A page of them.", body = Page<TopUp>))
)]
async fn list_topups(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<TopUpQuery>,
) -> Handled<Page<TopUp>> {
    let filter = ThingFilter {
        wallet: query.wallet.map(|w| w.0.0),
        state: query.status.map(word),
    };
    let (cursor, limit, tenant) = (query.cursor(), query.limit(), caller.tenant.0);
    let (page, as_of) = history::ask(&app, query.min_seq(), move |m| {
        m.topups(tenant, &filter, cursor.as_deref(), limit)
    })
    .await?;
    let assets = app.assets_now().await?;
    let page = Page::of(TopUpQuery::LIST, page, as_of, |line| {
        shown(line, &assets, Details::default())
    });
    Ok(Answer::ok(page.whole()))
}

/// One top-up.
#[utoipa::path(
    get,
    path = "/v1/topups/{id}",
    params(("id" = TopUpId, Path, description = "Which top-up.")),
    responses((status = 200, description = "The top-up.", body = TopUp))
)]
async fn get_topup(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<TopUpId>,
) -> Handled<TopUp> {
    let tenant = caller.tenant.0;
    let line = history::ask_now(&app, move |m| m.topup(tenant, id.0.0)).await?;
    let details = texts::read_of(&app, &caller, Kind::TopUp, id.0).await?;
    let assets = app.assets_now().await?;
    let found = line.and_then(|line| shown(line, &assets, details));
    Ok(Answer::ok(found.ok_or_else(|| {
        Problem::not_found("id", "no such top-up in this tenant")
    })?))
}

/// The money of a top-up has arrived.
#[utoipa::path(
    post,
    path = "/v1/topups/{id}/settle",
    params(("id" = TopUpId, Path, description = "Which top-up.")),
    responses((status = 200, description = "Settled.", body = Happened))
)]
async fn settle_topup(
    State(app): State<App>,
    caller: Caller,
    PathId(topup): PathId<TopUpId>,
    headers: HeaderMap,
) -> Handled<Happened> {
    let id: CommandId = idempotency::id(&headers, None, caller.tenant_id(), app.node.now())?;
    let done = submit::submit(&app, &caller, id.0, id, Op::SettleTopUp { topup: topup.0 }).await;
    let done = or_state(&app, &caller, Thing::TopUp, topup.0, done).await?;
    Ok(Answer::done(Happened::new(id, &done), done.replayed))
}

/// The channel takes a top-up back, in part or whole: a chargeback, a refusal of the carrier, a
/// return. What was spent already becomes a debt of the party; a reversal is never refused for that.
#[utoipa::path(
    post,
    path = "/v1/topups/{id}/reverse",
    params(("id" = TopUpId, Path, description = "Which top-up.")),
    request_body = Option<Reversal>,
    responses((status = 200, description = "Taken back.", body = Happened))
)]
async fn reverse_topup(
    State(app): State<App>,
    caller: Caller,
    PathId(topup): PathId<TopUpId>,
    headers: HeaderMap,
    OptionalJson(new): OptionalJson<Reversal>,
) -> Handled<Happened> {
    let id: CommandId = idempotency::id(&headers, None, caller.tenant_id(), app.node.now())?;
    let not_there = || Problem::not_found("topup", "no such top-up in this tenant");
    let tenant = caller.tenant;
    let key = (tenant, topup.0);
    let open = app.query(move |state| {
        let reversed = state.reversed.get(&key).copied().unwrap_or(0);
        (
            state
                .topups
                .get(&key)
                .map(|record| (record.asset, record.amount)),
            reversed,
        )
    });
    let (open, reversed) = open.await?;
    let (asset, whole, carried) = match open {
        Some((asset, whole)) => (asset, whole, None),
        None => {
            let settled =
                history::ask_now(&app, move |m| m.settled_topup_position(tenant.0, topup.0.0));
            let position = settled.await?.ok_or_else(not_there)?;
            let position = engine::Position {
                seq: position.seq,
                index: position.index,
            };
            let event = app.blocking(move |app| app.node.event_at(position)).await?;
            let event = event.map_err(|error| Problem::internal(&error))?;
            let event = event.ok_or_else(not_there)?;
            let record = event.effects.iter().find_map(|effect| match effect {
                Effect::TopUpClosed { topup: id, record } if *id == topup.0 => {
                    Some((record.asset, record.amount))
                }
                _ => None,
            });
            let (asset, whole) = record.ok_or_else(not_there)?;
            (asset, whole, Some(Carried::from(event)))
        }
    };
    let amount = match &new.amount {
        Some(amount) => same_asset(&app, amount, asset).await?,
        None => {
            let first = lookup::event_of(&app, tenant, id.0)
                .await?
                .and_then(|(_, event)| {
                    event.effects.iter().find_map(|effect| match effect {
                        Effect::Reversed { amount, .. } => Some(*amount),
                        _ => None,
                    })
                });
            let rest = Some(whole.saturating_sub(reversed)).filter(|rest| *rest > 0);
            let rest = first.or(rest).ok_or_else(|| {
                let words = "nothing is left: all of it was taken back";
                Problem::of(Code::ReversalExceedsTopUp, words).at("amount")
            })?;
            Atoms(rest)
        }
    };
    let op = Op::ReverseTopUp {
        topup: topup.0,
        amount,
        carried,
    };
    let done = submit::submit(&app, &caller, id.0, id, op).await;
    let done = or_state(&app, &caller, Thing::TopUp, topup.0, done).await?;
    Ok(Answer::done(Happened::new(id, &done), done.replayed))
}
