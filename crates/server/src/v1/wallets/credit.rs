//! How far a wallet may be overdrawn: a tab.

use crate::app::App;
use crate::extract::{Answer, Caller, Handled, Json, PathId};
use crate::guard::Routes;
use crate::idempotency;
use crate::submit::{self, Happened};
use crate::types::Amount;
use crate::types::ids::{CommandId, WalletId};
use crate::v1::common::amount_of;
use axum::extract::State;
use axum::http::HeaderMap;
use engine::command::Op;
use identity::Scope;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the path.
pub fn routes(routes: Routes) -> Routes {
    routes.needs(Scope::WalletsWrite, routes!(set_credit))
}

/// A credit limit.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreditLimit {
    /// The most that may be owed; zero ends it.
    limit: Amount,
}

/// Allow a wallet to be overdrawn in one asset, down to minus the limit.
#[utoipa::path(
    put,
    path = "/v1/wallets/{id}/credit",
    params(("id" = WalletId, Path, description = "Which wallet.")),
    request_body = CreditLimit,
    responses((status = 200, description = "Set.", body = Happened))
)]
async fn set_credit(
    State(app): State<App>,
    caller: Caller,
    PathId(wallet): PathId<WalletId>,
    headers: HeaderMap,
    Json(new): Json<CreditLimit>,
) -> Handled<Happened> {
    let id: CommandId = idempotency::id(&headers, None, caller.tenant_id(), app.node.now())?;
    let (asset, limit) = amount_of(&app, &new.limit, "limit").await?;
    let op = Op::SetCredit {
        wallet: engine::ids::WalletId(wallet.0),
        asset,
        limit,
    };
    let done = submit::submit(&app, &caller, id.0, id, op).await?;
    Ok(Answer::done(Happened::new(id, &done), done.replayed))
}
