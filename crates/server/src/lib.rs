//! The HTTP API: what comes in becomes a command, what the node says becomes an answer.
//!
//! What it promises:
//! * every request but those to health and docs is authenticated, its key's scope is checked, and
//!   it reaches nothing of another tenant;
//! * an answer to a command is given after it is durable;
//! * every failure, axum's own too, is a problem document with a stable code ([`codes`]);
//! * the OpenAPI document is made from the code it describes.
//!
//! What it must not know: how a payment is decided. Rules are the engine's.
//!
//! Entry points: [`router`], [`serve`]. `v1` has a file for each resource. Webhooks, live events
//! and the export of telemetry will each be a module beside `v1`, fed by the projection.
#![cfg_attr(test, allow(clippy::unwrap_used))]
// What utoipa derives writes paths whole.
#![allow(unused_qualifications)]

mod app;
mod briefs;
pub mod codes;
mod connections;
mod docs;
pub mod errors_page;
mod extract;
mod guard;
mod history;
mod idempotency;
mod language;
mod law;
mod lookup;
mod metrics;
mod openapi;
mod papers;
mod probes;
mod problem;
mod rate;
pub mod simulation;
mod strict;
mod submit;
pub mod taxes;
mod texts;
#[macro_use]
mod types;
// Its numbers within bounds are made by a macro of the types.
pub mod plans;
pub mod prices;
mod v1;

pub use app::{App, Config, Parts};
pub use briefs::FeedSettings;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::serve::ListenerExt;
use std::future::Future;
use tokio::net::TcpListener;
use utoipa_axum::router::OpenApiRouter;

/// Every route, with its guard and its documentation.
pub fn router(app: App) -> Router {
    let routes = guard::Routes::new(&app, OpenApiRouter::with_openapi(openapi::base()));
    let routes = v1::routes(probes::routes(&app, routes));
    let (router, document) = routes.finish().split_for_parts();
    let document = openapi::complete(&document).unwrap_or_else(|error| {
        tracing::error!(%error, "openapi");
        serde_json::Value::Null
    });
    docs::mount(router, &document)
        .fallback(guard::no_such_path)
        .method_not_allowed_fallback(guard::method_not_allowed)
        .layer(DefaultBodyLimit::max(app.config.body_bytes_max))
        .with_state(app)
}

/// Serves until `shutdown` resolves and what was begun is answered.
pub async fn serve(listener: TcpListener, app: App, shutdown: impl Future<Output = ()> + Send) {
    let keys = app.clone();
    let flusher = tokio::spawn(async move {
        let mut every = tokio::time::interval(std::time::Duration::from_secs(60));
        loop {
            every.tick().await;
            if let Ok(Err(error)) = keys.blocking(|app| app.keys.flush_last_used()).await {
                tracing::warn!(code = error.code(), "keys_flush");
            }
        }
    });
    let reader = tokio::spawn(briefs::keep_reading(app.clone()));
    let poster = tokio::spawn(v1::papers::keep_posting(app.clone()));
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "nodelay");
        }
    });
    let config = app.config.clone();
    connections::serve(listener, router(app), &config, shutdown).await;
    reader.abort();
    poster.abort();
    flusher.abort();
}
