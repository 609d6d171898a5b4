//! The node's clock, and an operator's word that a jump of it is right.

use crate::app::App;
use crate::extract::{Answer, Caller, Handled};
use crate::guard::Routes;
use crate::types::Time;
use axum::extract::State;
use identity::Scope;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    routes
        .needs(Scope::Admin, routes!(get_clock))
        .needs(Scope::Admin, routes!(confirm_clock))
}

/// The node's clock.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
struct Clock {
    /// What the machine says it is.
    machine: Time,
    /// The time of the last event.
    last_event: Time,
    /// Whether it jumped forward by more than five minutes and waits to be confirmed; nothing is
    /// served until then, because expiring authorizations is for good.
    jumped: bool,
}

async fn now(app: &App) -> Handled<Clock> {
    let last = app.query(|state| state.now).await?;
    Ok(Answer::ok(Clock {
        machine: Time(app.node.now()),
        last_event: Time(last),
        jumped: app.node.stats().clock_jumped,
    }))
}

/// What time the node believes it is. Only the operator's own key may.
#[utoipa::path(
    get,
    path = "/v1/clock",
    responses((status = 200, description = "The clock.", body = Clock))
)]
async fn get_clock(State(app): State<App>, caller: Caller) -> Handled<Clock> {
    caller.require_operator()?;
    now(&app).await
}

/// Say that the machine's clock is right although it jumped forward: the node serves again. Look at
/// `machine` first; where the clock is wrong, set it instead. Only the operator's own key may.
#[utoipa::path(
    post,
    path = "/v1/clock/confirm",
    responses((status = 200, description = "Confirmed.", body = Clock))
)]
async fn confirm_clock(State(app): State<App>, caller: Caller) -> Handled<Clock> {
    caller.require_operator()?;
    app.blocking(|app| app.node.confirm_clock()).await??;
    tracing::warn!(key = %caller.key.id, "clock_confirmed");
    now(&app).await
}
