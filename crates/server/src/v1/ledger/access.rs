//! What regulators' keys have read.

use crate::app::App;
use crate::extract::{Answer, Caller, Handled, Query};
use crate::guard::Routes;
use crate::problem::Problem;
use crate::types::ids::KeyId;
use crate::types::{Cursor, Limit, Page, Time};
use axum::extract::State;
use identity::Scope;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

/// Registers the path.
pub fn routes(routes: Routes) -> Routes {
    routes.needs_or_regulator(Scope::LedgerRead, routes!(list_accesses))
}

/// One read.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct AccessView {
    /// Which key.
    key: KeyId,
    /// When.
    at: Time,
    /// Which path.
    path: String,
    /// With which query; what may be free text is masked.
    query: String,
}

/// Which page.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AccessQuery {
    /// The `next` of the page before; without it, the first page.
    cursor: Option<Cursor>,
    /// At most so many items; 100 if not given.
    limit: Option<Limit>,
}

/// What regulators' keys have read of the tenant, newest first.
#[utoipa::path(
    get,
    path = "/v1/ledger/access-log",
    params(AccessQuery),
    responses((status = 200, description = "A page of it.", body = Page<AccessView>))
)]
async fn list_accesses(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<AccessQuery>,
) -> Handled<Page<AccessView>> {
    let before = query
        .cursor
        .as_ref()
        .map(|cursor| i64::try_from(cursor.number()).unwrap_or(i64::MAX));
    let (limit, tenant) = (query.limit.unwrap_or_default().0, caller.tenant_id());
    let page = app
        .blocking(move |app| app.store.accesses(tenant, before, limit))
        .await?;
    let page = page.map_err(|error| Problem::store(&error))?;
    let next = page
        .next
        .map(|seq| Cursor::of_number(u128::try_from(seq).unwrap_or(0)));
    let show = |row: store::LoggedAccess| AccessView {
        key: KeyId(engine::Id(row.access.key_id)),
        at: Time::from_ms(row.access.at_ms),
        path: row.access.path,
        query: row.access.query,
    };
    Ok(Answer::ok(Page {
        items: page.items.into_iter().map(show).collect(),
        next,
        as_of: None,
    }))
}
