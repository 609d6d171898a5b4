//! Income, and what was passed on, becomes free when the source it rests on has settled.

use crate::app::App;
use crate::extract::{Answer, Caller, Handled, Json, PathId};
use crate::guard::Routes;
use crate::idempotency;
use crate::submit::{self, Happened};
use crate::types::Amount;
use crate::types::ids::{CommandId, WalletId};
use crate::types::words::Source;
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
    routes.needs(Scope::TopupsWrite, routes!(settle_earned))
}

/// Value to release.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EarnedSettlement {
    /// The source it rests on.
    origin: Source,
    /// How much.
    amount: Amount,
}

/// Release what rests on a source, income or passed on, up to what of that source has settled. What
/// the party owes is paid out of it first.
#[utoipa::path(
    post,
    path = "/v1/wallets/{id}/earned/settle",
    params(("id" = WalletId, Path, description = "Which wallet.")),
    request_body = EarnedSettlement,
    responses((status = 200, description = "Released.", body = Happened))
)]
async fn settle_earned(
    State(app): State<App>,
    caller: Caller,
    PathId(wallet): PathId<WalletId>,
    headers: HeaderMap,
    Json(new): Json<EarnedSettlement>,
) -> Handled<Happened> {
    let id: CommandId = idempotency::id(&headers, None, caller.tenant_id(), app.node.now())?;
    let (asset, amount) = amount_of(&app, &new.amount, "amount").await?;
    let wallet = engine::ids::WalletId(wallet.0);
    let op = Op::SettleEarned {
        wallet,
        asset,
        origin: new.origin.into(),
        amount,
    };
    let done = submit::submit(&app, &caller, id.0, id, op).await?;
    Ok(Answer::done(Happened::new(id, &done), done.replayed))
}
