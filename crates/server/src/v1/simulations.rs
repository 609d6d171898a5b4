//! Simulations: what a draft of the law would have decided of what happened. They run beside the node
//! and write nothing; a regulator may run them too.

use crate::app::App;
use crate::codes;
use crate::extract::{Answer, Caller, Handled, Json, PathId};
use crate::guard::Routes;
use crate::idempotency;
use crate::law::PackRef;
use crate::problem::Problem;
use crate::simulation::{self, Entry, NotBegun, Outcome, Settings, draft};
use crate::types::ids::SimulationId;
use crate::types::{Text, Time};
use crate::v1::laws;
use axum::extract::State;
use axum::http::HeaderMap;
use engine::simulate::Asked;
use engine::{Code, UtcMillis};
use identity::Scope;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use utoipa::ToSchema;
use utoipa_axum::routes;

const RETRY_AFTER_S: u64 = 10;

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    routes
        .needs_or_regulator(Scope::SettingsRead, routes!(create_simulation))
        .needs_or_regulator(Scope::SettingsRead, routes!(get_simulation))
        .needs_or_regulator(Scope::SettingsRead, routes!(stop_simulation))
}

/// A draft to run history against. It stands on the law that was in force then: packs replace those of
/// the same name, what is not named stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSimulation {
    /// Packs that are new or changed, as `POST /v1/laws` takes them.
    #[serde(default)]
    #[schema(max_items = 64)]
    packs: Vec<PackRef>,
    /// The ids of packs to take out.
    #[serde(default)]
    #[schema(max_items = 64)]
    remove: Vec<Text<40>>,
    /// What the operator says of itself, whole; the law's own of then, if not given.
    settings: Option<Settings>,
    /// From when on decisions are compared; what was before is counted only.
    from: Option<Time>,
    /// Until when, not included.
    until: Option<Time>,
    /// At most so many changed payments are listed; 100 if not given. All are counted.
    #[schema(minimum = 0, maximum = 10000)]
    list: Option<u16>,
}

/// How a simulation stands.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SimulationStatus {
    /// It runs.
    Running,
    /// It is done.
    Done,
    /// It came to nothing.
    Failed,
}

/// A simulation. It is kept until the server stops, and not for ever.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct SimulationView {
    /// Its id.
    id: SimulationId,
    /// How it stands.
    status: SimulationStatus,
    /// When it was begun.
    created_at: Time,
    /// Rows of the journal read so far.
    rows_done: u64,
    /// Rows there were when it began.
    rows: u64,
    /// Decisions compared so far.
    compared: u64,
    /// Why it came to nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<String>,
    /// What came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    outcome: Option<Outcome>,
}

fn shown(id: SimulationId, entry: &Entry) -> SimulationView {
    let came = entry.outcome.get();
    SimulationView {
        id,
        status: match came {
            None => SimulationStatus::Running,
            Some(Ok(_)) => SimulationStatus::Done,
            Some(Err(_)) => SimulationStatus::Failed,
        },
        created_at: Time(entry.created),
        rows_done: entry.rows_done.load(Ordering::Relaxed),
        rows: entry.rows,
        compared: entry.compared.load(Ordering::Relaxed),
        error: came.and_then(|came| came.as_ref().err().cloned()),
        outcome: came.and_then(|came| came.as_ref().ok().cloned()),
    }
}

/// Run history against a draft of the law, in the background: how many and which payments would have
/// been decided otherwise, of what volume, of whom, by which rule.
#[utoipa::path(
    post,
    path = "/v1/simulations",
    request_body = NewSimulation,
    responses((status = 201, description = "Begun.", body = SimulationView))
)]
async fn create_simulation(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(new): Json<NewSimulation>,
) -> Handled<SimulationView> {
    let now = app.node.now();
    let id: SimulationId = idempotency::id(&headers, None, caller.tenant_id(), now)?;
    let malformed = |field: &str, words: String| Problem::of(Code::Malformed, words).at(field);
    if new.packs.is_empty() && new.remove.is_empty() && new.settings.is_none() {
        let words = "give a draft: `packs`, `remove` or `settings`".to_owned();
        return Err(malformed("packs", words).into());
    }
    if new.packs.len() > 64 || new.remove.len() > 64 || new.list.unwrap_or(0) > 10_000 {
        return Err(malformed("list", "at most 64 packs and a list of 10000".to_owned()).into());
    }
    let settings = new.settings.as_ref().map(simulation::settings).transpose();
    let settings = settings.map_err(|(field, words): (String, String)| malformed(&field, words))?;
    let (settings, pilot_asset) =
        settings.map_or((None, None), |(settings, asset)| (Some(settings), asset));
    let mut texts = Vec::with_capacity(new.packs.len());
    for (at, given) in new.packs.iter().enumerate() {
        let field = format!("packs[{at}]");
        let source = laws::source(&app, &caller, given, &field).await?;
        texts.push((source.file, source.text.into_owned()));
    }
    let removed = new.remove.into_iter().map(|text| text.0).collect();
    let law = app
        .blocking(move |_| draft(texts, removed, settings))
        .await?;
    let law = law
        .map_err(|(at, words)| Problem::of(Code::PackInvalid, words).at(format!("packs[{at}]")))?;
    let asked = Asked {
        tenant: caller.tenant,
        law,
        from: new.from.map_or(UtcMillis(0), |from| from.0),
        until: new.until.map_or(UtcMillis(u64::MAX), |until| until.0),
        list_max: usize::from(new.list.unwrap_or(100)),
        pilot_asset,
    };
    let rows = app.node.stats().durable_seq;
    let tenant = caller.tenant_id();
    let entry = match app.simulations.begin(id, tenant, now, rows) {
        Ok(entry) => entry,
        Err(NotBegun::Known(entry)) if entry.tenant == tenant => {
            return Ok(Answer::created(shown(id, &entry), true));
        }
        Err(NotBegun::Known(_)) => {
            return Err(Problem::of(Code::IdReused, "the id is taken")
                .at("id")
                .into());
        }
        Err(NotBegun::Busy) => {
            let words = "as many simulations run as may at a time";
            let mut problem = Problem::new(codes::SIMULATIONS_BUSY, words);
            problem.retry_after_s = Some(RETRY_AFTER_S);
            return Err(problem.into());
        }
    };
    let (running, beside) = (Arc::clone(&entry), app.clone());
    tokio::task::spawn_blocking(move || {
        let ran = beside.node.with_reader(|reader| {
            running.run(reader, asked);
            Ok(())
        });
        if let Err(error) = ran {
            tracing::error!(%error, "simulation");
            let _ = running
                .outcome
                .set(Err("the journal could not be read".to_owned()));
        }
    });
    Ok(Answer::created(shown(id, &entry), false))
}

/// A simulation: how far it is, and what came of it.
#[utoipa::path(
    get,
    path = "/v1/simulations/{id}",
    params(("id" = SimulationId, Path, description = "Which simulation.")),
    responses((status = 200, description = "The simulation.", body = SimulationView))
)]
async fn get_simulation(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<SimulationId>,
) -> Handled<SimulationView> {
    let found = app.simulations.get(id, caller.tenant_id());
    let found =
        found.ok_or_else(|| Problem::not_found("id", "no such simulation in this tenant"))?;
    Ok(Answer::ok(shown(id, &found)))
}

/// Stop a simulation that runs.
#[utoipa::path(
    post,
    path = "/v1/simulations/{id}/stop",
    params(("id" = SimulationId, Path, description = "Which simulation.")),
    responses((status = 200, description = "It stops, unless it is done.", body = SimulationView))
)]
async fn stop_simulation(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<SimulationId>,
    headers: HeaderMap,
) -> Handled<SimulationView> {
    idempotency::key(&headers)?;
    let found = app.simulations.get(id, caller.tenant_id());
    let found =
        found.ok_or_else(|| Problem::not_found("id", "no such simulation in this tenant"))?;
    found.stop.store(true, Ordering::Relaxed);
    Ok(Answer::ok(shown(id, &found)))
}
