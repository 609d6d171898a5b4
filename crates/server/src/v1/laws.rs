//! Laws: packs and what the operator says of itself, proposed by one key, approved by another, in
//! force from an instant. Nothing is ever edited: going back is proposing what was.

mod prepare;
pub mod settings;

use crate::app::App;
use crate::extract::{Answer, Caller, Handled, Json, OptionalJson, PathId, Query};
use crate::guard::Routes;
use crate::history;
use crate::idempotency;
use crate::language::{LangParam, Spoken};
use crate::law::{PackRef, laws};
use crate::problem::{Finding, Outcome, Problem};
use crate::submit;
use crate::types::ids::{CommandId, KeyId, LawId};
use crate::types::law::LangWord;
use crate::types::{Page, Time};
use crate::v1::packs::Change;
use crate::v1::parties::{from_word, word};
use crate::v1::policy::PackVersion;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::HeaderMap;
use engine::command::Op;
use engine::{Code, Id, UtcMillis};
use identity::Scope;
pub use prepare::source;
use serde::{Deserialize, Serialize};
use settings::Settings;
use store::read::LawLine;
use utoipa::ToSchema;
use utoipa_axum::routes;

const READERS: &[Scope] = &[
    Scope::SettingsRead,
    Scope::LawsPropose,
    Scope::LawsApprove,
    Scope::RegulatorRead,
];

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    routes
        .needs(Scope::LawsPropose, routes!(propose_law))
        .needs_any(READERS, routes!(list_laws))
        .needs_any(READERS, routes!(get_law))
        .needs(Scope::LawsApprove, routes!(approve_law))
        .needs_any(
            &[Scope::LawsApprove, Scope::LawsPropose],
            routes!(reject_law),
        )
        .needs_any(READERS, routes!(list_activations))
        .needs_any(READERS, routes!(get_activation))
}

/// A law to propose. What is not named stays as it is when the law takes effect.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewLaw {
    /// Makes it happen once; see `Idempotency-Key`.
    id: Option<LawId>,
    /// Packs that are new or changed: texts, or an `id` for the one that comes with the program, with
    /// a `version` for an edition known here.
    #[serde(default)]
    #[schema(max_items = 64)]
    packs: Vec<PackRef>,
    /// The ids of packs to take out.
    #[serde(default)]
    #[schema(max_items = 64)]
    remove: Vec<String>,
    /// What the operator says of itself, whole.
    settings: Option<Settings>,
    /// Instead of all this: what was in force as this version of the law.
    #[schema(minimum = 1)]
    back_to: Option<u32>,
}

/// A law.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Law {
    /// Its id.
    id: LawId,
    /// Where it stands.
    status: LawStatus,
    /// When it was proposed.
    at: Time,
    /// By which key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    proposed_by: Option<KeyId>,
    /// Which key approved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    approved_by: Option<KeyId>,
    /// When it takes effect, or was to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    effective_at: Option<Time>,
    /// Of one that came into force: the version it made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    version: Option<u32>,
    /// When it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    activated_at: Option<Time>,
    /// The packs that are new or changed.
    packs: Vec<PackVersion>,
    /// The ids of packs taken out.
    removed: Vec<String>,
    /// What the operator says of itself, if that changes; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    settings: Option<Settings>,
    /// Of one that waits: what it would change of what is in force, in words; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    changes: Option<Vec<Change>>,
    /// Of one that waits: what is counted from the journal when it takes effect; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    backfill: Option<Backfill>,
    /// What a reading of its packs found; not in lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<Finding>,
    /// The language of the words; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    lang: Option<LangWord>,
}

/// What a law counts of what was done before it: packs say that these counters do not begin empty.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Backfill {
    /// The measures, as `POST /v1/policy/check` names them.
    measures: Vec<String>,
    /// For about how many seconds the node decides nothing meanwhile and requests wait, by the size
    /// of the journal now.
    seconds: u64,
}

/// Where a law stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum LawStatus {
    /// Waits for its second key.
    Proposed,
    /// Has it, and waits for its instant.
    Approved,
    /// In force.
    Active,
    /// Was in force.
    Replaced,
    /// Rejected, or it no longer went together with what was in force.
    Rejected,
}

/// What a law proposes, as the read model has it.
#[derive(Clone, Debug, Default, Deserialize)]
struct Brief {
    packs: Vec<PackVersion>,
    removed: Vec<String>,
}

list_query! {
    /// Which laws.
    LawQuery {
        /// That stand so.
        status: LawStatus,
    }
}

list_query! {
    /// Which page.
    ActivationQuery {}
}

fn key(id: u128) -> Option<KeyId> {
    (id != 0).then_some(KeyId(Id(id)))
}

fn time(ms: Option<u64>) -> Option<Time> {
    ms.map(|ms| Time(UtcMillis(ms)))
}

fn listed(line: &LawLine) -> Option<Law> {
    let brief: Brief = serde_json::from_str(&line.proposed).unwrap_or_default();
    Some(Law {
        id: LawId(Id(line.id)),
        status: from_word(&line.state)?,
        at: Time(UtcMillis(line.at_ms)),
        proposed_by: key(line.proposer),
        approved_by: line.approver.and_then(key),
        effective_at: time(line.effective_ms),
        version: line.version,
        activated_at: time(line.activated_ms),
        packs: brief.packs,
        removed: brief.removed,
        settings: None,
        changes: None,
        backfill: None,
        findings: Vec::new(),
        lang: None,
    })
}

/// A law whole: as the journal and the read model have it.
async fn whole(app: &App, caller: &Caller, id: LawId, lang: policy::Lang) -> Outcome<Law> {
    let not_there = || Problem::not_found("id", "no such law in this tenant");
    let tenant = caller.tenant;
    let mut law = if app.node.projection().is_some() {
        let line = history::ask_now(app, move |m| m.law(tenant.0, id.0.0)).await?;
        line.as_ref().and_then(listed).ok_or_else(not_there)?
    } else {
        of_state(app, caller, id).await?
    };
    let proposal = laws::proposal(app, tenant, id.0).await?;
    let (proposal, _) = proposal.ok_or_else(not_there)?;
    let assets = app.assets_now().await?;
    law.settings = proposal.settings.as_ref().map(|s| Settings::of(s, &assets));
    if matches!(law.status, LawStatus::Proposed | LawStatus::Approved) {
        let (changes, findings) = prepare::difference(app, caller, &proposal, lang).await?;
        (law.changes, law.findings) = (Some(changes), findings);
        law.backfill = prepare::backfill(app, caller, &proposal).await?;
    }
    law.lang = Some(lang.into());
    Ok(law)
}

/// A law as the State has it, on a node without a read model: which keys it had is not known there,
/// and what neither waits nor is in force shows as rejected.
async fn of_state(app: &App, caller: &Caller, id: LawId) -> Outcome<Law> {
    let (tenant, key) = (caller.tenant, (caller.tenant, id.0));
    let (proposal, effective, active) = app
        .query(move |state| {
            let waits = state.proposals.get(&key);
            let law = state.law(tenant).filter(|law| law.proposal == id.0);
            (
                waits.is_some(),
                waits.and_then(|proposal| proposal.effective),
                law.map(|law| (law.version, law.activated)),
            )
        })
        .await?;
    let status = match (active, proposal, effective) {
        (Some(_), ..) => LawStatus::Active,
        (None, true, Some(_)) => LawStatus::Approved,
        (None, true, None) => LawStatus::Proposed,
        (None, false, _) => LawStatus::Rejected,
    };
    let found = laws::proposal(app, tenant, id.0).await?;
    let (found, at) =
        found.ok_or_else(|| Problem::not_found("id", "no such law in this tenant"))?;
    let version = |kept: &engine::law::PackKept| PackVersion {
        id: kept.id.clone(),
        version: kept.version.clone(),
    };
    Ok(Law {
        id,
        status,
        at: Time(at),
        proposed_by: None,
        approved_by: None,
        effective_at: effective.map(Time),
        version: active.map(|(version, _)| version),
        activated_at: active.map(|(_, at)| Time(at)),
        packs: found.packs.iter().map(version).collect(),
        removed: found.removed,
        settings: None,
        changes: None,
        backfill: None,
        findings: Vec::new(),
        lang: None,
    })
}

/// Propose a law: the first of two keys. The answer says in words what it changes, and what a reading
/// of its packs found; a pack with an error is not proposed, and the error names file, line and key.
#[utoipa::path(
    post,
    path = "/v1/laws",
    params(LangParam),
    request_body = NewLaw,
    responses((status = 201, description = "Proposed.", body = Law))
)]
async fn propose_law(
    State(app): State<App>,
    caller: Caller,
    Spoken(lang): Spoken,
    headers: HeaderMap,
    Json(new): Json<NewLaw>,
) -> Handled<Law> {
    let id = idempotency::id(&headers, new.id, caller.tenant_id(), app.node.now())?;
    // A repeat is answered as it was, though what it names by reference may have changed since.
    let law = match laws::proposal(&app, caller.tenant, id.0).await? {
        Some((proposal, _)) if new.packs.iter().all(|given| given.text.is_none()) => {
            engine::law::NewLaw {
                packs: proposal
                    .packs
                    .iter()
                    .map(|kept| kept.text.clone())
                    .collect(),
                removed: proposal.removed,
                settings: proposal.settings,
                zones: proposal.zones,
            }
        }
        _ => prepare::law(&app, &caller, &new).await?,
    };
    let op = Op::ProposeLaw { law: Box::new(law) };
    let done = submit::submit(&app, &caller, id.0, id, op).await?;
    let law = whole(&app, &caller, id, lang).await?;
    Ok(Answer::created(law, done.replayed))
}

/// The laws of the tenant, newest first: proposed, approved, in force and past.
#[utoipa::path(
    get,
    path = "/v1/laws",
    params(LawQuery),
    responses((status = 200, description = "A page of them.", body = Page<Law>))
)]
async fn list_laws(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<LawQuery>,
) -> Handled<Page<Law>> {
    let state = query.status.map(word);
    let (cursor, limit, tenant) = (query.cursor(), query.limit(), caller.tenant.0);
    let (page, as_of) = history::ask(&app, query.min_seq(), move |m| {
        m.laws(tenant, state.as_deref(), cursor.as_deref(), limit)
    })
    .await?;
    Ok(Answer::ok(
        Page::of(LawQuery::LIST, page, as_of, |line| listed(&line)).whole(),
    ))
}

/// One law: what it proposes, and while it waits, what it would change.
#[utoipa::path(
    get,
    path = "/v1/laws/{id}",
    params(("id" = LawId, Path, description = "Which law."), LangParam),
    responses((status = 200, description = "The law.", body = Law))
)]
async fn get_law(
    State(app): State<App>,
    caller: Caller,
    Spoken(lang): Spoken,
    PathId(id): PathId<LawId>,
) -> Handled<Law> {
    Ok(Answer::ok(whole(&app, &caller, id, lang).await?))
}

/// From when on a law is in force.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Approval {
    /// When it takes effect; at once, if not given or past.
    at: Option<Time>,
}

/// Approve a law: the second of two keys, and another person's. It takes effect at the instant given,
/// by itself.
#[utoipa::path(
    post,
    path = "/v1/laws/{id}/approve",
    params(("id" = LawId, Path, description = "Which law."), LangParam),
    request_body = Approval,
    responses((status = 200, description = "Approved; at once in force, if no time was given.", body = Law))
)]
async fn approve_law(
    State(app): State<App>,
    caller: Caller,
    Spoken(lang): Spoken,
    PathId(law): PathId<LawId>,
    headers: HeaderMap,
    OptionalJson(approval): OptionalJson<Approval>,
) -> Handled<Law> {
    let id: CommandId = idempotency::id(&headers, None, caller.tenant_id(), app.node.now())?;
    let op = Op::ApproveLaw {
        proposal: law.0,
        effective: approval.at.map_or(UtcMillis(0), |at| at.0),
    };
    let done = submit::submit(&app, &caller, id.0, id, op).await;
    let done = done.map_err(of_path)?;
    if approval.at.is_none_or(|at| at.0 <= app.node.now()) {
        in_force(&app, &caller, law).await?;
    }
    let shown = whole(&app, &caller, law, lang).await?;
    Ok(Answer::done(shown, done.replayed))
}

/// Reject a law until it is in force: with any key, the proposer's too.
#[utoipa::path(
    post,
    path = "/v1/laws/{id}/reject",
    params(("id" = LawId, Path, description = "Which law."), LangParam),
    responses((status = 200, description = "Rejected.", body = Law))
)]
async fn reject_law(
    State(app): State<App>,
    caller: Caller,
    Spoken(lang): Spoken,
    PathId(law): PathId<LawId>,
    headers: HeaderMap,
) -> Handled<Law> {
    let id: CommandId = idempotency::id(&headers, None, caller.tenant_id(), app.node.now())?;
    let op = Op::RejectLaw { proposal: law.0 };
    let done = submit::submit(&app, &caller, id.0, id, op).await;
    let done = done.map_err(of_path)?;
    let shown = whole(&app, &caller, law, lang).await?;
    Ok(Answer::done(shown, done.replayed))
}

/// The engine calls `proposal` what the path calls `id`.
fn of_path(mut problem: Box<Problem>) -> Box<Problem> {
    if problem.field.as_deref() == Some("proposal") {
        problem.field = Some("id".to_owned());
    }
    problem
}

/// Waits a moment for a law that is due at once: its timer runs right after the approval.
async fn in_force(app: &App, caller: &Caller, law: LawId) -> Outcome<()> {
    let key = (caller.tenant, law.0);
    for _ in 0..200 {
        let waits = app.query(move |state| state.proposals.contains_key(&key));
        if !waits.await? {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    // It is approved; its answer says that it waits.
    Ok(())
}

/// A law that came into force.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Activation {
    /// Counts the activations, from 1: what payments say they were decided under.
    version: u32,
    /// Since when.
    at: Time,
    /// Which law.
    law: LawId,
    /// Whether it is in force now.
    in_force: bool,
    /// Which key proposed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    proposed_by: Option<KeyId>,
    /// Which key approved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    approved_by: Option<KeyId>,
    /// The packs in force with it.
    packs: Vec<PackVersion>,
    /// What the operator said of itself; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    settings: Option<Settings>,
}

fn activation(line: &LawLine) -> Option<Activation> {
    let packs = line.packs.as_deref().unwrap_or("[]");
    Some(Activation {
        version: line.version?,
        at: time(line.activated_ms)?,
        law: LawId(Id(line.id)),
        in_force: line.state == "active",
        proposed_by: key(line.proposer),
        approved_by: line.approver.and_then(key),
        packs: serde_json::from_str(packs).unwrap_or_default(),
        settings: None,
    })
}

/// Every law that came into force, the one in force first.
#[utoipa::path(
    get,
    path = "/v1/activations",
    params(ActivationQuery),
    responses((status = 200, description = "A page of them.", body = Page<Activation>))
)]
async fn list_activations(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ActivationQuery>,
) -> Handled<Page<Activation>> {
    let (cursor, limit, tenant) = (query.cursor(), query.limit(), caller.tenant.0);
    let (page, as_of) = history::ask(&app, query.min_seq(), move |m| {
        m.activations(tenant, cursor.as_deref(), limit)
    })
    .await?;
    let page = Page::of(ActivationQuery::LIST, page, as_of, |line| activation(&line));
    Ok(Answer::ok(page.whole()))
}

/// The number in a path.
struct Version(u32);

impl FromRequestParts<App> for Version {
    type Rejection = crate::problem::Refuse;
    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        app: &App,
    ) -> Result<Self, Self::Rejection> {
        let number = Path::<u32>::from_request_parts(parts, app).await;
        let words = "a version is a whole number";
        let not_there = |_| Problem::not_found("version", words).into();
        number
            .map(|Path(number)| Version(number))
            .map_err(not_there)
    }
}

/// One activation, with what the operator said of itself.
#[utoipa::path(
    get,
    path = "/v1/activations/{version}",
    params(("version" = u32, Path, description = "Which version of the law.")),
    responses((status = 200, description = "The law as it was in force.", body = Activation))
)]
async fn get_activation(
    State(app): State<App>,
    caller: Caller,
    Version(version): Version,
) -> Handled<Activation> {
    let not_there = || Problem::of(Code::NotFound, "no such version of the law").at("version");
    let tenant = caller.tenant;
    let line = history::ask_now(&app, move |m| m.activation(tenant.0, u64::from(version)));
    let mut shown = line
        .await?
        .as_ref()
        .and_then(activation)
        .ok_or_else(not_there)?;
    let law = laws::of_version(&app, tenant, version)
        .await?
        .ok_or_else(not_there)?;
    let assets = app.assets_now().await?;
    shown.settings = Some(Settings::of(&law.law.settings, &assets));
    Ok(Answer::ok(shown))
}
