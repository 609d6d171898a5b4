//! A tenant's terms: fees, taxes, limits and everything else that decides a payment, in versions.

mod json;

use crate::app::App;
use crate::extract::{Answer, Caller, Handled, Json, Query};
use crate::guard::Routes;
use crate::history;
use crate::idempotency;
use crate::problem::{Outcome, Problem, Refuse};
use crate::submit::{self, Done};
use crate::types::ids::CommandId;
use crate::types::{Page, Time};
use axum::extract::{FromRequestParts, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use engine::UtcMillis;
use engine::command::Op;
use identity::Scope;
use json::Terms;
pub use json::{Part, ReferenceRate, zone};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    routes
        .needs_or_regulator(Scope::SettingsRead, routes!(get_terms))
        .needs(Scope::SettingsWrite, routes!(set_terms))
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
    let tenant = caller.tenant;
    let found = app.query(move |state| {
        state
            .tenant(tenant)
            .map(|t| (t.terms_version, t.terms.clone()))
    });
    let (version, terms) = found
        .await?
        .ok_or_else(|| Problem::not_found("tenant", "no such tenant"))?;
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

/// Put new terms in force, whole: what is left out is as if never set. Payments already decided keep
/// the terms they were decided under.
#[utoipa::path(
    put,
    path = "/v1/terms",
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
    let terms = Box::new(new.compile(&app).await?);
    let done = submit::submit(
        &app,
        &caller,
        id.0,
        id,
        Op::SetTerms {
            terms: terms.clone(),
        },
    )
    .await?;
    let shown = async {
        let version = version_made(&app, &caller, &done).await?;
        Ok((version, app.assets_now().await?))
    };
    let (version, assets) = shown.await.map_err(|problem| submit::after(problem, id))?;
    let (from, terms) = (Some(Time(done.event.at)), Terms::of(&terms, &assets));
    Ok(Answer::done(
        TermsVersion {
            version,
            from,
            terms,
        },
        done.replayed,
    ))
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
    let page = Page::of(page, as_of, |line| {
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
