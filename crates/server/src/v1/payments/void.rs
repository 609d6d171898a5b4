//! Releasing what an authorization set aside.

use crate::app::App;
use crate::extract::{Answer, Caller, Handled, PathId};
use crate::guard::Routes;
use crate::idempotency;
use crate::submit::{self, Happened};
use crate::types::ids::{CommandId, PaymentId};
use crate::v1::stands::{Thing, or_state};
use axum::extract::State;
use axum::http::HeaderMap;
use engine::command::Op;
use identity::Scope;
use utoipa_axum::routes;

/// Registers the path.
pub fn routes(routes: Routes) -> Routes {
    routes.needs(Scope::PaymentsWrite, routes!(void_payment))
}

/// Release what is left of an authorization.
#[utoipa::path(
    post,
    path = "/v1/payments/{id}/void",
    params(("id" = PaymentId, Path, description = "Which payment.")),
    responses((status = 200, description = "Released.", body = Happened))
)]
async fn void_payment(
    State(app): State<App>,
    caller: Caller,
    PathId(payment): PathId<PaymentId>,
    headers: HeaderMap,
) -> Handled<Happened> {
    let id: CommandId = idempotency::id(&headers, None, caller.tenant_id(), app.node.now())?;
    let done = submit::submit(&app, &caller, id.0, id, Op::Void { payment: payment.0 }).await;
    let done = or_state(&app, &caller, Thing::Authorization, payment.0, done).await?;
    Ok(Answer::done(Happened::new(id, &done), done.replayed))
}
