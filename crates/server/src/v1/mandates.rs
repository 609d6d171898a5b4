//! Mandates: what a payer allows a software agent in advance.

use crate::app::{App, Assets};
use crate::extract::{Answer, Caller, Handled, Json, PathId, Query};
use crate::guard::Routes;
use crate::history;
use crate::idempotency;
use crate::problem::Problem;
use crate::submit::{self, Happened};
use crate::types::ids::{CommandId, MandateId, PartyId, WalletId};
use crate::types::{Amount, AssetText, Decimal, Page, Time};
use crate::v1::parties::{from_word, word};
use axum::extract::State;
use axum::http::HeaderMap;
use engine::command::Op;
use engine::{Id, UtcMillis};
use identity::Scope;
use serde::{Deserialize, Serialize};
use store::read::{MandateLine, ThingFilter};
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    routes
        .needs(Scope::MandatesWrite, routes!(create_mandate))
        .needs_or_regulator(Scope::WalletsRead, routes!(list_mandates))
        .needs_or_agent(Scope::WalletsRead, routes!(get_mandate))
        .needs(Scope::MandatesWrite, routes!(revoke_mandate))
}

/// A mandate to grant.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewMandate {
    /// Makes it happen once; see `Idempotency-Key`.
    id: Option<MandateId>,
    /// Whose money.
    payer: WalletId,
    /// Which party may spend it.
    agent: PartyId,
    /// Of what.
    asset: AssetText,
    /// At most this a payment.
    per_payment: Option<Decimal>,
    /// At most this a civil day.
    per_day: Option<Decimal>,
    /// Only to these; none is anyone.
    #[schema(max_items = 100)]
    payees: Option<Vec<WalletId>>,
    /// Until when.
    expires_at: Time,
}

/// A mandate.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Mandate {
    /// Its id.
    id: MandateId,
    /// Where it stands.
    status: MandateStatus,
    /// Whose money.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    payer: Option<WalletId>,
    /// Which party may spend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    agent: Option<PartyId>,
    /// At most this a payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    per_payment: Option<Amount>,
    /// At most this a civil day.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    per_day: Option<Amount>,
    /// What was spent under it today, in the tenant's civil day; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    used: Option<Amount>,
    /// What `per_day` leaves of today; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    remaining: Option<Amount>,
    /// Of what.
    asset: AssetText,
    /// Only to these; none is anyone.
    payees: Vec<WalletId>,
    /// Until when.
    expires_at: Time,
    /// Since when.
    at: Time,
}

/// Where a mandate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum MandateStatus {
    /// It may be used until it expires.
    Granted,
    /// The payer took it back.
    Revoked,
}

list_query! {
    /// Which mandates.
    MandateQuery {
        /// Of this payer.
        wallet: WalletId,
        /// That stand so.
        status: MandateStatus,
    }
}

fn shown(line: MandateLine, assets: &Assets) -> Option<Mandate> {
    let asset = assets.get(ledger::AssetNo(line.asset))?;
    Some(Mandate {
        id: MandateId(Id(line.id)),
        status: from_word(&line.state)?,
        payer: line.payer.map(|id| WalletId(Id(id))),
        agent: line.agent.map(|id| PartyId(Id(id))),
        per_payment: line.per_payment.map(|atoms| Amount::of(asset, atoms)),
        per_day: line.per_day.map(|atoms| Amount::of(asset, atoms)),
        used: None,
        remaining: None,
        asset: AssetText(asset.code),
        payees: line.payees.into_iter().map(|id| WalletId(Id(id))).collect(),
        expires_at: Time(UtcMillis(line.expires_ms)),
        at: Time(UtcMillis(line.at_ms)),
    })
}

/// Allow an agent to spend from a wallet.
#[utoipa::path(
    post,
    path = "/v1/mandates",
    request_body = NewMandate,
    responses((status = 201, description = "Granted.", body = Mandate))
)]
async fn create_mandate(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(new): Json<NewMandate>,
) -> Handled<Mandate> {
    let id = idempotency::id(&headers, new.id, caller.tenant_id(), app.node.now())?;
    let (no, asset) = app.asset(new.asset.0, "asset").await?;
    let atoms = |text: &Option<Decimal>, field: &str| match text {
        None => Ok(None),
        Some(text) => text.atoms(&asset).map(Some).map_err(|error| {
            Problem::new(crate::codes::AMOUNT_INVALID, error.to_string()).at(field)
        }),
    };
    let per_payment = atoms(&new.per_payment, "per_payment")?;
    let per_day = atoms(&new.per_day, "per_day")?;
    let payees = new.payees.unwrap_or_default();
    let op = Op::GrantMandate {
        payer: engine::ids::WalletId(new.payer.0),
        agent: engine::ids::PartyId(new.agent.0),
        asset: no,
        per_payment,
        per_day,
        payees: payees
            .iter()
            .map(|payee| engine::ids::WalletId(payee.0))
            .collect(),
        expires: new.expires_at.0,
    };
    let done = submit::submit(&app, &caller, id.0, id, op).await?;
    let body = Mandate {
        id,
        status: MandateStatus::Granted,
        payer: Some(new.payer),
        agent: Some(new.agent),
        per_payment: per_payment.map(|a| Amount::of(&asset, a.0)),
        per_day: per_day.map(|a| Amount::of(&asset, a.0)),
        used: Some(Amount::of(&asset, 0)),
        remaining: per_day.map(|a| Amount::of(&asset, a.0)),
        asset: new.asset,
        payees,
        expires_at: new.expires_at,
        at: Time(done.event.at),
    };
    Ok(Answer::created(body, done.replayed))
}

/// The mandates of the tenant, newest first.
#[utoipa::path(
    get,
    path = "/v1/mandates",
    params(MandateQuery),
    responses((status = 200, description = "A page of them.", body = Page<Mandate>))
)]
async fn list_mandates(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<MandateQuery>,
) -> Handled<Page<Mandate>> {
    let filter = ThingFilter {
        wallet: query.wallet.map(|w| w.0.0),
        state: query.status.map(word),
    };
    let (cursor, limit, tenant) = (query.cursor(), query.limit(), caller.tenant.0);
    let (page, as_of) = history::ask(&app, query.min_seq(), move |m| {
        m.mandates(tenant, &filter, cursor.as_deref(), limit)
    })
    .await?;
    let assets = app.assets_now().await?;
    Ok(Answer::ok(
        Page::of(MandateQuery::LIST, page, as_of, |line| shown(line, &assets)).whole(),
    ))
}

/// One mandate, with what was spent under it today. An agent's key sees its own.
#[utoipa::path(
    get,
    path = "/v1/mandates/{id}",
    params(("id" = MandateId, Path, description = "Which mandate.")),
    responses((status = 200, description = "The mandate.", body = Mandate))
)]
async fn get_mandate(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<MandateId>,
) -> Handled<Mandate> {
    let tenant = caller.tenant;
    let not_there = || Problem::not_found("id", "no such mandate in this tenant");
    let reads_all = [Scope::WalletsRead, Scope::RegulatorRead];
    let agent = caller.key.agent;
    if agent.is_none() && !reads_all.iter().any(|scope| caller.key.allows(*scope)) {
        let words = "the key lacks wallets:read, and is no agent's";
        return Err(Problem::new(crate::codes::SCOPE_MISSING, words).into());
    }
    let line = history::ask_now(&app, move |m| m.mandate(tenant.0, id.0.0)).await?;
    let line = line.filter(|line| agent.is_none() || agent == line.agent);
    let assets = app.assets_now().await?;
    let found = line.and_then(|line| shown(line, &assets));
    let mut mandate = found.ok_or_else(not_there)?;
    let used = app.query(move |state| {
        let of_tenant = state.tenant(tenant)?;
        let mandate = state.mandates.get(&(tenant, id.0))?;
        let civil = of_tenant.terms.zone.civil(state.now);
        let left = |limit: money::Atoms, used| u128::from(limit.0).saturating_sub(used);
        let used = mandate.used_on(civil);
        Some((
            mandate.asset,
            used,
            mandate.per_day.map(|limit| left(limit, used)),
        ))
    });
    if let Some((asset, used, left)) = used.await?
        && let Some(asset) = assets.get(asset)
    {
        let amount = |atoms: u128| Amount::of(asset, u64::try_from(atoms).unwrap_or(u64::MAX));
        mandate.used = Some(amount(used));
        mandate.remaining = left.map(amount);
    }
    Ok(Answer::ok(mandate))
}

/// Take a mandate back, from now on.
#[utoipa::path(
    post,
    path = "/v1/mandates/{id}/revoke",
    params(("id" = MandateId, Path, description = "Which mandate.")),
    responses((status = 200, description = "Taken back.", body = Happened))
)]
async fn revoke_mandate(
    State(app): State<App>,
    caller: Caller,
    PathId(mandate): PathId<MandateId>,
    headers: HeaderMap,
) -> Handled<Happened> {
    let id: CommandId = idempotency::id(&headers, None, caller.tenant_id(), app.node.now())?;
    let op = Op::RevokeMandate {
        mandate: engine::ids::MandateId(mandate.0),
    };
    let done = submit::submit(&app, &caller, id.0, id, op).await?;
    Ok(Answer::done(Happened::new(id, &done), done.replayed))
}
