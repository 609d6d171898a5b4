//! Tenants: operators' isolated spaces.

use crate::app::App;
use crate::extract::{Answer, Caller, Handled, Json, PathId};
use crate::guard::Routes;
use crate::idempotency;
use crate::problem::Problem;
use crate::submit;
use crate::types::Page;
use crate::types::ids::TenantId;
use crate::types::words::Mode;
use axum::extract::State;
use axum::http::HeaderMap;
use engine::command::Op;
use engine::records::TenantNo;
use identity::Scope;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    routes
        .needs(Scope::Admin, routes!(create_tenant))
        .needs(Scope::SettingsRead, routes!(list_tenants))
        .needs(Scope::SettingsRead, routes!(get_tenant))
}

/// A tenant to open.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTenant {
    /// Makes it happen once; see `Idempotency-Key`.
    id: Option<TenantId>,
    /// Whether its money is real.
    mode: Mode,
}

/// A tenant.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
struct Tenant {
    /// Its id.
    id: TenantId,
    /// Whether its money is real.
    mode: Mode,
    /// The version of the terms in force.
    terms_version: u32,
}

/// Open a tenant. Only the operator's own key may, and a live tenant only a live key.
#[utoipa::path(
    post,
    path = "/v1/tenants",
    request_body = NewTenant,
    responses((status = 201, description = "Opened.", body = Tenant))
)]
async fn create_tenant(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(new): Json<NewTenant>,
) -> Handled<Tenant> {
    caller.require_operator(new.mode.into())?;
    let id = idempotency::id(&headers, new.id, caller.tenant_id(), app.node.now())?;
    let op = Op::OpenTenant {
        tenant: engine::ids::TenantId(id.0),
        mode: new.mode.into(),
    };
    let done = submit::submit(&app, &caller, id.0, id, op).await?;
    Ok(Answer::created(
        Tenant {
            id,
            mode: new.mode,
            terms_version: 0,
        },
        done.replayed,
    ))
}

/// The tenants a key may see: all for the operator, its own for others.
#[utoipa::path(
    get,
    path = "/v1/tenants",
    responses((status = 200, description = "The tenants.", body = Page<Tenant>))
)]
async fn list_tenants(State(app): State<App>, caller: Caller) -> Handled<Page<Tenant>> {
    let items = app
        .query(move |state| {
            let of = (0u32..)
                .map(TenantNo)
                .zip(&state.tenants)
                .filter(move |(no, tenant)| *no == caller.tenant || caller.oversees(tenant.mode));
            of.map(|(_, tenant)| shown(tenant)).collect()
        })
        .await?;
    Ok(Answer::ok(Page {
        items,
        next: None,
        as_of: None,
    }))
}

/// One tenant.
#[utoipa::path(
    get,
    path = "/v1/tenants/{id}",
    params(("id" = TenantId, Path, description = "Which tenant.")),
    responses((status = 200, description = "The tenant.", body = Tenant))
)]
async fn get_tenant(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<TenantId>,
) -> Handled<Tenant> {
    let found = app
        .query(move |state| {
            let no = state.tenant_no(engine::ids::TenantId(id.0))?;
            let tenant = state.tenant(no)?;
            (no == caller.tenant || caller.oversees(tenant.mode)).then(|| shown(tenant))
        })
        .await?;
    Ok(Answer::ok(found.ok_or_else(|| {
        Problem::not_found("id", "no such tenant that this key may see")
    })?))
}

fn shown(tenant: &engine::records::Tenant) -> Tenant {
    Tenant {
        id: TenantId(tenant.id.0),
        mode: tenant.mode.into(),
        terms_version: tenant.terms_version,
    }
}
