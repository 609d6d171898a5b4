//! Health, readiness and metrics.

use crate::app::App;
use crate::extract::{Answer, Handled};
use crate::guard::Routes;
use crate::problem::{Problem, Refuse};
use crate::{codes, history, metrics};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use identity::Scope;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers them.
pub fn routes(app: &App, routes: Routes) -> Routes {
    let routes = routes.open(routes!(get_health)).open(routes!(get_ready));
    if app.config.metrics_open {
        routes.open(routes!(get_metrics))
    } else {
        routes.needs(Scope::MetricsRead, routes!(get_metrics))
    }
}

/// The process runs.
#[derive(Serialize, ToSchema)]
struct Health {
    /// Always `ok`.
    #[schema(examples("ok"))]
    status: &'static str,
}

/// Whether the process runs and its node has not failed.
#[utoipa::path(get, path = "/health", responses((status = 200, description = "It runs.", body = Health)))]
async fn get_health(State(app): State<App>) -> Handled<Health> {
    if app.node.has_failed() {
        let words = "the node has failed and is about to end";
        return Err(Refuse(Problem::new(codes::STOPPED, words)));
    }
    Ok(Answer::ok(Health { status: "ok" }))
}

/// The node takes commands.
#[derive(Serialize, ToSchema)]
struct Ready {
    /// Always `ready`.
    #[schema(examples("ready"))]
    status: &'static str,
    /// The last durable row of the journal.
    seq: u64,
    /// Rows that history has not seen yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    rows_behind: Option<u64>,
}

/// Whether the node takes commands, and how far history is behind.
#[utoipa::path(get, path = "/ready", responses((status = 200, description = "It is ready.", body = Ready)))]
async fn get_ready(State(app): State<App>) -> Handled<Ready> {
    app.query(|_| ()).await?;
    let stats = app.node.stats();
    if stats.clock_jumped {
        let words = "the clock jumped forward and waits for an operator to confirm it";
        return Err(Refuse(Problem::of(engine::Code::ClockUnconfirmed, words)));
    }
    let rows_behind = history::rows_behind(&app, stats.durable_seq);
    Ok(Answer::ok(Ready {
        status: "ready",
        seq: stats.durable_seq,
        rows_behind,
    }))
}

/// Counters, gauges and histograms for Prometheus: as OpenMetrics for who asks for it, or else in
/// Prometheus' own text format.
#[utoipa::path(
    get,
    path = "/metrics",
    responses((status = 200, description = "The metrics.", body = String, content_type = "text/plain"))
)]
async fn get_metrics(State(app): State<App>, headers: HeaderMap) -> Result<Response, Refuse> {
    let text = metrics::text(&app).map_err(|_| Problem::new(codes::INTERNAL, "metrics"))?;
    let mut response = Response::new(Body::from(text));
    let accepted = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    // The one is the other with an end, which the other takes for a comment.
    let kind = if accepted.is_some_and(|kinds| kinds.contains(OPEN_METRICS)) {
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    } else {
        "text/plain; version=0.0.4; charset=utf-8"
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}

const OPEN_METRICS: &str = "application/openmetrics-text";
