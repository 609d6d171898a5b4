//! Withdrawals: money out, requested, sent, settled or returned.

use crate::app::{App, Assets};
use crate::extract::{Answer, Caller, Handled, Json, PathId, Query};
use crate::guard::Routes;
use crate::history;
use crate::idempotency;
use crate::problem::{Outcome, Problem};
use crate::submit::{self, Happened};
use crate::texts::{self, Text as TextOf};
use crate::types::ids::{CommandId, WalletId, WithdrawalId};
use crate::types::{Amount, Details, Metadata, Page, Text, Time};
use crate::v1::common::amount_of;
use crate::v1::parties::{from_word, word};
use crate::v1::payments::Circumstances;
use crate::v1::stands::{Thing, or_state};
use crate::v1::step_ups::{Factor, attested};
use axum::extract::State;
use axum::http::HeaderMap;
use engine::command::Op;
use engine::records::Channel;
use engine::{Id, UtcMillis};
use identity::Scope;
use serde::{Deserialize, Serialize};
use store::Kind;
use store::read::{ThingFilter, WithdrawalLine};
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    routes
        .needs(Scope::WithdrawalsWrite, routes!(create_withdrawal))
        .needs_or_regulator(Scope::WalletsRead, routes!(list_withdrawals))
        .needs_or_regulator(Scope::WalletsRead, routes!(get_withdrawal))
        .needs(Scope::WithdrawalsWrite, routes!(send_withdrawal))
        .needs(Scope::WithdrawalsWrite, routes!(settle_withdrawal))
        .needs(Scope::WithdrawalsWrite, routes!(return_withdrawal))
}

/// A withdrawal to request.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewWithdrawal {
    /// Makes it happen once; see `Idempotency-Key`.
    id: Option<WithdrawalId>,
    /// Whose.
    wallet: WalletId,
    /// How much.
    amount: Amount,
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

/// A withdrawal.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Withdrawal {
    /// Its id.
    id: WithdrawalId,
    /// Where it stands.
    status: WithdrawalStatus,
    /// Whose.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    wallet: Option<WalletId>,
    /// How much.
    amount: Amount,
    /// When it was requested.
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

/// Where a withdrawal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum WithdrawalStatus {
    /// Taken from the wallet; the channel was not told.
    Requested,
    /// The channel was told.
    Sent,
    /// The money has arrived.
    Settled,
    /// The money came back.
    Returned,
}

list_query! {
    /// Which withdrawals.
    WithdrawalQuery {
        /// Of this wallet.
        wallet: WalletId,
        /// That stand so.
        status: WithdrawalStatus,
    }
}

fn shown(line: WithdrawalLine, assets: &Assets, details: Details) -> Option<Withdrawal> {
    let asset = assets.get(ledger::AssetNo(line.asset))?;
    Some(Withdrawal {
        id: WithdrawalId(Id(line.id)),
        status: from_word(&line.state)?,
        wallet: line.wallet.map(|id| WalletId(Id(id))),
        amount: Amount::of(asset, line.amount),
        at: Time(UtcMillis(line.at_ms)),
        reference: details.reference,
        description: details.description,
        metadata: details.metadata,
        text_erased: details.text_erased,
    })
}

/// Request a withdrawal, from the sources the terms allow.
#[utoipa::path(
    post,
    path = "/v1/withdrawals",
    request_body = NewWithdrawal,
    responses((status = 201, description = "Requested.", body = Withdrawal))
)]
async fn create_withdrawal(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(new): Json<NewWithdrawal>,
) -> Handled<Withdrawal> {
    let id = idempotency::id(&headers, new.id, caller.tenant_id(), app.node.now())?;
    let (asset, amount) = amount_of(&app, &new.amount, "amount").await?;
    let attested = attested(&caller, &new.circumstances, new.factors)?;
    let details = Details::given(new.reference, new.description, new.metadata);
    let text = TextOf::new(Kind::Withdrawal, id.0, new.wallet, &details);
    let wallet = engine::ids::WalletId(new.wallet.0);
    let op = Op::Withdraw {
        wallet,
        asset,
        amount,
        channel: Channel::MANUAL,
    };
    let record = app.asset_of(asset).await?;
    let done = submit::submit_attested(&app, &caller, id, op, &text, attested).await?;
    let body = Withdrawal {
        id,
        status: WithdrawalStatus::Requested,
        wallet: Some(new.wallet),
        amount: Amount::of(&record, amount.0),
        at: Time(done.event.at),
        reference: details.reference,
        description: details.description,
        metadata: details.metadata,
        text_erased: None,
    };
    Ok(Answer::created(body, done.replayed))
}

/// The withdrawals of the tenant, newest first.
#[utoipa::path(
    get,
    path = "/v1/withdrawals",
    params(WithdrawalQuery),
    responses((status = 200, description = "A page of them.", body = Page<Withdrawal>))
)]
async fn list_withdrawals(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<WithdrawalQuery>,
) -> Handled<Page<Withdrawal>> {
    let filter = ThingFilter {
        wallet: query.wallet.map(|w| w.0.0),
        state: query.status.map(word),
    };
    let (cursor, limit, tenant) = (query.cursor(), query.limit(), caller.tenant.0);
    let (page, as_of) = history::ask(&app, query.min_seq(), move |m| {
        m.withdrawals(tenant, &filter, cursor.as_deref(), limit)
    })
    .await?;
    let assets = app.assets_now().await?;
    Ok(Answer::ok(
        Page::of(WithdrawalQuery::LIST, page, as_of, |line| {
            shown(line, &assets, Details::default())
        })
        .whole(),
    ))
}

/// One withdrawal.
#[utoipa::path(
    get,
    path = "/v1/withdrawals/{id}",
    params(("id" = WithdrawalId, Path, description = "Which withdrawal.")),
    responses((status = 200, description = "The withdrawal.", body = Withdrawal))
)]
async fn get_withdrawal(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<WithdrawalId>,
) -> Handled<Withdrawal> {
    let tenant = caller.tenant.0;
    let line = history::ask_now(&app, move |m| m.withdrawal(tenant, id.0.0)).await?;
    let details = texts::read_of(&app, &caller, Kind::Withdrawal, id.0).await?;
    let assets = app.assets_now().await?;
    let found = line.and_then(|line| shown(line, &assets, details));
    Ok(Answer::ok(found.ok_or_else(|| {
        Problem::not_found("id", "no such withdrawal in this tenant")
    })?))
}

async fn step(
    app: &App,
    caller: &Caller,
    headers: &HeaderMap,
    op: Op,
) -> Outcome<Answer<Happened>> {
    let id: CommandId = idempotency::id(headers, None, caller.tenant_id(), app.node.now())?;
    let thing = match &op {
        Op::SendWithdrawal { withdrawal }
        | Op::SettleWithdrawal { withdrawal }
        | Op::ReturnWithdrawal { withdrawal } => *withdrawal,
        _ => Id::NONE,
    };
    let done = submit::submit(app, caller, id.0, id, op).await;
    let done = or_state(app, caller, Thing::Withdrawal, thing, done).await?;
    Ok(Answer::done(Happened::new(id, &done), done.replayed))
}

/// The channel was told to pay a withdrawal out.
#[utoipa::path(
    post,
    path = "/v1/withdrawals/{id}/send",
    params(("id" = WithdrawalId, Path, description = "Which withdrawal.")),
    responses((status = 200, description = "Noted.", body = Happened))
)]
async fn send_withdrawal(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<WithdrawalId>,
    headers: HeaderMap,
) -> Handled<Happened> {
    Ok(step(
        &app,
        &caller,
        &headers,
        Op::SendWithdrawal { withdrawal: id.0 },
    )
    .await?)
}

/// The money of a withdrawal has arrived outside.
#[utoipa::path(
    post,
    path = "/v1/withdrawals/{id}/settle",
    params(("id" = WithdrawalId, Path, description = "Which withdrawal.")),
    responses((status = 200, description = "Settled.", body = Happened))
)]
async fn settle_withdrawal(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<WithdrawalId>,
    headers: HeaderMap,
) -> Handled<Happened> {
    Ok(step(
        &app,
        &caller,
        &headers,
        Op::SettleWithdrawal { withdrawal: id.0 },
    )
    .await?)
}

/// The money of a withdrawal came back, to the sources it was taken from.
#[utoipa::path(
    post,
    path = "/v1/withdrawals/{id}/return",
    params(("id" = WithdrawalId, Path, description = "Which withdrawal.")),
    responses((status = 200, description = "Returned.", body = Happened))
)]
async fn return_withdrawal(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<WithdrawalId>,
    headers: HeaderMap,
) -> Handled<Happened> {
    Ok(step(
        &app,
        &caller,
        &headers,
        Op::ReturnWithdrawal { withdrawal: id.0 },
    )
    .await?)
}
