//! A tenant's terms: fees, taxes, limits and everything else that decides a payment, in versions.

mod json;

use crate::app::App;
use crate::extract::{Answer, Caller, Handled, Json, Query, parse};
use crate::guard::Routes;
use crate::history;
use crate::idempotency;
use crate::lookup;
use crate::problem::{Outcome, Problem, Refuse};
use crate::submit::{self, Done};
use crate::types::ids::CommandId;
use crate::types::{Page, Time};
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use engine::command::Op;
use engine::event::Effect;
use engine::{Code, UtcMillis};
use identity::Scope;
use json::Terms;
pub use json::{Part, ReferenceRate, zone};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    routes
        .needs_or_regulator(Scope::SettingsRead, routes!(get_terms))
        .needs(Scope::SettingsWrite, routes!(set_terms))
        .needs(Scope::SettingsWrite, routes!(change_terms))
        .needs_or_regulator(Scope::SettingsRead, routes!(list_terms))
        .needs_or_regulator(Scope::SettingsRead, routes!(get_terms_version))
}

/// A version of the terms.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct TermsVersion {
    /// Counts up with each change, from 0.
    version: u32,
    /// From when on; of version 0, never said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    from: Option<Time>,
    /// All of them.
    terms: Terms,
}

list_query! {
    /// Which page.
    TermsQuery {}
}

/// The terms in force.
#[utoipa::path(
    get,
    path = "/v1/terms",
    responses((status = 200, description = "The terms.", body = TermsVersion))
)]
async fn get_terms(State(app): State<App>, caller: Caller) -> Handled<TermsVersion> {
    let (version, terms) = in_force(&app, &caller).await?;
    let assets = app.assets_now().await?;
    Ok(Answer::ok(TermsVersion {
        version,
        from: None,
        terms: Terms::of(&terms, &assets),
    }))
}

/// The version that a change made: others may have been made since.
async fn version_made(app: &App, caller: &Caller, done: &Done) -> Outcome<u32> {
    let tenant = caller.tenant;
    match history::terms_at(app, tenant, done.position).await {
        Ok(Some(version)) => Ok(version),
        // What was just made is the newest, unless another was made in the same moment.
        _ if !done.replayed || app.node.projection().is_none() => {
            app.query(move |state| state.tenant(tenant).map_or(0, |t| t.terms_version))
                .await
        }
        Ok(None) => Err(Problem::internal(
            &"a version of the terms that no list has",
        )),
        Err(problem) => Err(problem),
    }
}

/// Puts terms in force.
async fn put_in_force(
    app: &App,
    caller: &Caller,
    id: CommandId,
    terms: Box<engine::terms::Terms>,
) -> Outcome<Answer<TermsVersion>> {
    let op = Op::SetTerms {
        terms: terms.clone(),
    };
    let done = submit::submit(app, caller, id.0, id, op).await?;
    let shown = async {
        let version = version_made(app, caller, &done).await?;
        Ok((version, app.assets_now().await?))
    };
    let (version, assets) = shown.await.map_err(|problem| submit::after(problem, id))?;
    let (from, terms) = (Some(Time(done.event.at)), Terms::of(&terms, &assets));
    let body = TermsVersion {
        version,
        from,
        terms,
    };
    Ok(Answer::done(body, done.replayed))
}

/// The terms in force, and their version.
async fn in_force(app: &App, caller: &Caller) -> Outcome<(u32, engine::terms::Terms)> {
    let tenant = caller.tenant;
    let found = app.query(move |state| {
        let tenant = state.tenant(tenant)?;
        Some((tenant.terms_version, tenant.terms.clone()))
    });
    let found = found.await?;
    found.ok_or_else(|| Problem::not_found("tenant", "no such tenant"))
}

/// Refuses a change of another version than `If-Match` names: somebody else was faster.
fn require_version(headers: &HeaderMap, version: u32) -> Outcome<()> {
    let Some(wanted) = headers.get(header::IF_MATCH) else {
        return Ok(());
    };
    let text = wanted.to_str().unwrap_or_default().trim().trim_matches('"');
    match text.parse::<u32>() {
        Ok(wanted) if wanted == version => Ok(()),
        Ok(wanted) => {
            let words = format!("version {version} is in force, not {wanted}");
            Err(Problem::of(Code::WrongState, words).at("If-Match"))
        }
        Err(_) if text == "*" => Ok(()),
        Err(_) => {
            let words = "If-Match is the `version` of the terms that are to be changed";
            Err(Problem::new(crate::codes::BAD_HEADER, words).at("If-Match"))
        }
    }
}

/// What was put in force under an id before, so that a repeat is one.
async fn set_before(
    app: &App,
    caller: &Caller,
    id: CommandId,
) -> Outcome<Option<Box<engine::terms::Terms>>> {
    let found = lookup::event_of(app, caller.tenant, id.0).await?;
    Ok(found.and_then(|(_, event)| {
        event.effects.iter().find_map(|effect| match effect {
            Effect::TermsSet(terms) => Some(terms.clone()),
            _ => None,
        })
    }))
}

/// Change some of the terms: what is given takes the place of what was, what is left out stays, and
/// `null` takes away (RFC 7396). `If-Match` with the `version` that was read refuses the change if
/// others were made since.
#[utoipa::path(
    patch,
    path = "/v1/terms",
    params(("If-Match" = Option<String>, Header, description = "The version that is to be changed.")),
    request_body = Terms,
    responses((status = 200, description = "In force.", body = TermsVersion))
)]
async fn change_terms(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(change): Json<serde_json::Map<String, Value>>,
) -> Handled<TermsVersion> {
    let id: CommandId = idempotency::id(&headers, None, caller.tenant_id(), app.node.now())?;
    if let Some(terms) = set_before(&app, &caller, id).await? {
        return Ok(put_in_force(&app, &caller, id, terms).await?);
    }
    let (version, terms) = in_force(&app, &caller).await?;
    require_version(&headers, version)?;
    let assets = app.assets_now().await?;
    let terms = serde_json::to_value(Terms::of(&terms, &assets));
    let mut terms = terms.map_err(|error| Problem::internal(&error))?;
    merge(&mut terms, Value::Object(change));
    let new: Terms = parse(terms.to_string().as_bytes())?;
    let terms = Box::new(new.compile(&app).await?);
    Ok(put_in_force(&app, &caller, id, terms).await?)
}

/// A merge patch (RFC 7396).
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(target) = target else {
        return;
    };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(&name);
        } else {
            merge(target.entry(name).or_insert(Value::Null), value);
        }
    }
}

/// Put new terms in force, whole: what is left out is as if never set, fees, taxes and limits too;
/// `PATCH` changes some of them. Payments already decided keep the terms they were decided under.
/// `If-Match` with the `version` that was read refuses the change if others were made since.
#[utoipa::path(
    put,
    path = "/v1/terms",
    params(("If-Match" = Option<String>, Header, description = "The version that is to be replaced.")),
    request_body = Terms,
    responses((status = 200, description = "In force.", body = TermsVersion))
)]
async fn set_terms(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(new): Json<Terms>,
) -> Handled<TermsVersion> {
    let id: CommandId = idempotency::id(&headers, None, caller.tenant_id(), app.node.now())?;
    if set_before(&app, &caller, id).await?.is_none() {
        require_version(&headers, in_force(&app, &caller).await?.0)?;
    }
    let terms = Box::new(new.compile(&app).await?);
    Ok(put_in_force(&app, &caller, id, terms).await?)
}

/// The versions of the terms, newest first.
#[utoipa::path(
    get,
    path = "/v1/terms/versions",
    params(TermsQuery),
    responses((status = 200, description = "A page of them.", body = Page<TermsVersion>))
)]
async fn list_terms(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<TermsQuery>,
) -> Handled<Page<TermsVersion>> {
    let (cursor, limit, tenant) = (query.cursor(), query.limit(), caller.tenant.0);
    let (page, as_of) = history::ask(&app, query.min_seq(), move |m| {
        m.terms(tenant, cursor.as_deref(), limit)
    })
    .await?;
    let assets = app.assets_now().await?;
    let page = Page::of(TermsQuery::LIST, page, as_of, |line| {
        let terms: engine::terms::Terms = serde_json::from_str(&line.terms).ok()?;
        let from = Some(Time(UtcMillis(line.at_ms)));
        Some(TermsVersion {
            version: line.version,
            from,
            terms: Terms::of(&terms, &assets),
        })
    });
    Ok(Answer::ok(page.whole()))
}

/// The number in a path.
struct PathVersion(u32);

impl FromRequestParts<App> for PathVersion {
    type Rejection = Refuse;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refuse> {
        let number = axum::extract::Path::<u32>::from_request_parts(parts, app).await;
        let not_there = |_| Refuse(Problem::not_found("version", "a version is a whole number"));
        number
            .map(|axum::extract::Path(number)| PathVersion(number))
            .map_err(not_there)
    }
}

/// One version of the terms.
#[utoipa::path(
    get,
    path = "/v1/terms/versions/{version}",
    params(("version" = u32, Path, description = "Which version.")),
    responses((status = 200, description = "The terms as they were.", body = TermsVersion))
)]
async fn get_terms_version(
    State(app): State<App>,
    caller: Caller,
    PathVersion(version): PathVersion,
) -> Handled<TermsVersion> {
    let found: Outcome<_> = history::terms_of(&app, caller.tenant, version).await;
    let (at_ms, terms) =
        found?.ok_or_else(|| Problem::not_found("version", "no such version of the terms"))?;
    let assets = app.assets_now().await?;
    let from = (version > 0).then_some(Time(UtcMillis(at_ms)));
    Ok(Answer::ok(TermsVersion {
        version,
        from,
        terms: Terms::of(&terms, &assets),
    }))
}
