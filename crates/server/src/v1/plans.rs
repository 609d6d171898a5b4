//! Plans: what is paid again and again, in versions.

use crate::app::App;
use crate::extract::{Answer, Caller, Handled, Json, PathId, Query};
use crate::guard::Routes;
use crate::idempotency;
use crate::plans::PlanGiven;
use crate::problem::{Outcome, Problem};
use crate::submit;
use crate::types::ids::{CommandId, PlanId};
use crate::types::{AssetText, Cursor, Page, Time};
use axum::extract::State;
use axum::http::HeaderMap;
use engine::command::Op;
use engine::plans::{PlanRecord, PlanVersion};
use engine::records::TenantNo;
use engine::{Code, State as Shard, UtcMillis};
use identity::Scope;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    routes
        .needs(Scope::SettingsWrite, routes!(set_plan))
        .needs_or_regulator(Scope::SettingsRead, routes!(list_plans))
        .needs_or_regulator(Scope::SettingsRead, routes!(get_plan))
        .needs(Scope::SettingsWrite, routes!(archive_plan))
}

/// A plan to set, or a new version of one.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPlan {
    /// Of which plan it is the next version; without it, it is a new plan.
    plan: Option<PlanId>,
    /// From when; at once, if not given or over.
    from: Option<Time>,
    /// What it says.
    definition: PlanGiven,
}

/// A plan.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Plan {
    /// Its id.
    id: PlanId,
    /// Where it stands.
    status: PlanStatus,
    /// In what it is paid.
    asset: AssetText,
    /// The version that holds now; absent if none has begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    version: Option<u32>,
    /// Its versions, the newest first; in lists, the one that holds now.
    versions: Vec<VersionShown>,
}

/// Where a plan stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum PlanStatus {
    /// It can be subscribed to.
    Active,
    /// It can be subscribed to no more.
    Archived,
}

/// A version of a plan: of those that have begun the newest holds for who subscribes then.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PlanVersion)]
struct VersionShown {
    /// Counts up, from 1.
    version: u32,
    /// From when.
    from: Time,
    /// What it says.
    definition: PlanGiven,
}

list_query! {
    /// Which page.
    PlanQuery {}
}

/// That there is no such plan.
pub fn not_there(field: &str) -> Box<Problem> {
    Problem::not_found(field, "no such plan in this tenant")
}

/// A plan as it stands at an instant: all its versions, or the one that holds.
fn shown(state: &Shard, record: &PlanRecord, now: UtcMillis, all: bool) -> Option<Plan> {
    let asset = state.assets.get(usize::from(record.asset.0))?;
    let holds = record.at(now).map(|version| version.number);
    let is_shown = |version: &&PlanVersion| all || Some(version.number) == holds;
    let versions = record.versions.iter().rev().filter(is_shown);
    Some(Plan {
        id: PlanId(record.id.0),
        status: match record.archived {
            true => PlanStatus::Archived,
            false => PlanStatus::Active,
        },
        asset: AssetText(asset.code),
        version: holds,
        versions: versions
            .map(|version| VersionShown {
                version: version.number,
                from: Time(version.from),
                definition: PlanGiven::of(&version.plan, asset),
            })
            .collect(),
    })
}

/// The plan of an id, as it is.
async fn plan_of(app: &App, tenant: TenantNo, id: PlanId) -> Outcome<Plan> {
    let now = app.node.now();
    let found = app.query(move |state| {
        let no = state.plan_no(tenant, engine::ids::PlanId(id.0))?;
        shown(state, state.plan(no)?, now.max(state.now), true)
    });
    found.await?.ok_or_else(|| not_there("id"))
}

/// Set a plan, or a version of one. Who has subscribed keeps the version that held then, until moved to
/// another.
#[utoipa::path(
    post,
    path = "/v1/plans",
    request_body = NewPlan,
    responses((status = 201, description = "Set.", body = Plan))
)]
async fn set_plan(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(new): Json<NewPlan>,
) -> Handled<Plan> {
    let id: CommandId = idempotency::id(&headers, None, caller.tenant_id(), app.node.now())?;
    let (_, asset) = app
        .asset(new.definition.asset.0, "definition.asset")
        .await?;
    let definition = new.definition.checked(&asset).map_err(|(field, words)| {
        let field = format!("definition.{field}");
        Problem::of(Code::PlanInvalid, words).at(field.trim_end_matches('.'))
    })?;
    if let Some(plan) = new.plan {
        let id = engine::ids::PlanId(plan.0);
        let known = app.query(move |state| state.plan_no(caller.tenant, id).is_some());
        if !known.await? {
            return Err(not_there("plan").into());
        }
    }
    let plan = new.plan.unwrap_or(PlanId(id.0));
    let op = Op::SetPlan {
        plan: engine::ids::PlanId(plan.0),
        from: new.from.as_ref().map(|from| from.0),
        definition: Box::new(definition),
    };
    let done = submit::submit(&app, &caller, id.0, id, op).await?;
    let body = plan_of(&app, caller.tenant, plan).await;
    let body = body.map_err(|problem| submit::after(problem, id))?;
    Ok(Answer::created(body, done.replayed))
}

/// The plans of the tenant, the first set first, each with the version that holds.
#[utoipa::path(
    get,
    path = "/v1/plans",
    params(PlanQuery),
    responses((status = 200, description = "A page of them.", body = Page<Plan>))
)]
async fn list_plans(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PlanQuery>,
) -> Handled<Page<Plan>> {
    let (limit, tenant) = (query.limit(), caller.tenant);
    let from = query.cursor.as_ref().map_or(0, Cursor::number);
    let from = usize::try_from(from).unwrap_or(usize::MAX);
    let now = app.node.now();
    let page = app.query(move |state| {
        let now = now.max(state.now);
        let own = state.plans.iter().enumerate().skip(from);
        let mut own = own.filter(|(_, record)| record.tenant == tenant);
        let items = own.by_ref().take(limit);
        let items = items.filter_map(|(_, record)| shown(state, record, now, false));
        let items: Vec<Plan> = items.collect();
        let next = own.next().map(|(at, _)| Cursor::of_number(at as u128));
        (items, next)
    });
    let (items, next) = page.await?;
    Ok(Answer::ok(Page {
        items,
        next,
        as_of: None,
    }))
}

/// One plan with all its versions.
#[utoipa::path(
    get,
    path = "/v1/plans/{id}",
    params(("id" = PlanId, Path, description = "Which plan.")),
    responses((status = 200, description = "The plan.", body = Plan))
)]
async fn get_plan(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<PlanId>,
) -> Handled<Plan> {
    Ok(Answer::ok(plan_of(&app, caller.tenant, id).await?))
}

/// Take no more subscriptions to a plan, for good. Those there are go on.
#[utoipa::path(
    post,
    path = "/v1/plans/{id}/archive",
    params(("id" = PlanId, Path, description = "Which plan.")),
    responses((status = 200, description = "Archived.", body = Plan))
)]
async fn archive_plan(
    State(app): State<App>,
    caller: Caller,
    PathId(plan): PathId<PlanId>,
    headers: HeaderMap,
) -> Handled<Plan> {
    let id: CommandId = idempotency::id(&headers, None, caller.tenant_id(), app.node.now())?;
    let op = Op::ArchivePlan {
        plan: engine::ids::PlanId(plan.0),
    };
    let done = submit::submit(&app, &caller, id.0, id, op).await?;
    let body = plan_of(&app, caller.tenant, plan).await;
    let body = body.map_err(|problem| submit::after(problem, id))?;
    Ok(Answer::done(body, done.replayed))
}
