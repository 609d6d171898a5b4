//! `bench http`: single payments over HTTP, a closed loop over loopback.
//!
//! `connections_N` pays through the whole server: key, scope, JSON, node, journal, answer.
//! `empty_N` is the same requests from the same client to a handler that reads the body and answers
//! 201, on the same runtime, in turns. Client and servers share the machine's cores.

use crate::bench::draw::Pattern;
use crate::bench::durable::{WINDOW, latencies};
use crate::bench::machine::process_cpu;
use crate::bench::sheet::{Numbers, Sheet};
use crate::bench::town::{Town, terms};
use crate::bench::wire::{Found, closed_loop};
use crate::bootstrap::{Ids, asset_no, command, must};
use crate::commands::serve::{listen, runtime, serve};
use crate::config::Config;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::serving;
use axum::serve::ListenerExt;
use axum::{Router, body::Bytes, http::StatusCode, routing::post};
use engine::command::Op;
use engine::records::Mode;
use money::Asset;
use node::Node;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::oneshot;

/// What is measured.
#[derive(Clone, Debug)]
pub struct Plan {
    pub wallets: u64,
    pub connections: Vec<usize>,
    /// For each row of a round.
    pub seconds: f64,
    pub rounds: usize,
    pub seed: u64,
    /// Where data are written.
    pub folder: PathBuf,
    pub quiet: bool,
}

/// Runs it.
///
/// # Errors
/// The server or a connection fails, or a payment is refused.
pub fn run(plan: &Plan) -> Result<Sheet, Failure> {
    let mut sheet = Sheet::new("http", Some(&plan.folder));
    sheet.set("wallets", plan.wallets);
    sheet.set("connections", plan.connections.clone());
    sheet.set("seconds", plan.seconds);
    sheet.set("rounds", plan.rounds);
    sheet.set("seed", plan.seed);
    sheet.set("read_model", "follows");
    let mut config = Config::load(None)?;
    config.data = plan.folder.join("http");
    (config.requests_per_second, config.requests_burst) = (u32::MAX, u32::MAX);
    config.id_window_minutes = WINDOW.window_ms / 60_000;
    config.id_window_entries = WINDOW.entries_max;
    let opened = serving::open(&config)?;
    let node = opened.node.clone();
    let key = opened.first.as_ref().map(|first| first.test.clone());
    let key = key.ok_or_else(|| Failure::said("the folder is not fresh"))?;
    let town = open_town(&node, (plan.wallets, plan.seed), plan.quiet)?;

    let runtime = runtime()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let (paying, empty) = runtime.block_on(async {
        let (paying, empty) = (listen("127.0.0.1:0").await?, listen("127.0.0.1:0").await?);
        let addresses = (address_of(&paying)?, address_of(&empty)?);
        tokio::spawn(async move {
            let stopped = async {
                // A sender that is gone says the same.
                let _ = stopped.await;
            };
            serve(paying, opened, &config, stopped).await;
        });
        tokio::spawn(serve_empty(empty));
        Ok::<_, Failure>(addresses)
    })?;
    let measured = measure(plan, &node, &mut sheet, town, (paying, &key), empty);
    drop(stop);
    runtime.shutdown_timeout(Duration::from_secs(2));
    node.shutdown();
    measured?;
    Ok(sheet)
}

/// Where a listener listens.
pub fn address_of(listener: &tokio::net::TcpListener) -> Result<SocketAddr, Failure> {
    listener
        .local_addr()
        .map_err(|error| Failure::said(format!("no address: {error}")))
}

/// The empty handler, its connections set up as the server's.
async fn serve_empty(listener: tokio::net::TcpListener) {
    let listener = listener.tap_io(|stream| {
        // It is slower then, and says so.
        let _ = stream.set_nodelay(true);
    });
    let router = Router::new().route(
        "/v1/payments",
        post(|_: Bytes| async { StatusCode::CREATED }),
    );
    if let Err(error) = axum::serve(listener, router).await {
        eprintln!("farthing: the empty handler: {error}");
    }
}

fn measure(
    plan: &Plan,
    node: &Node,
    sheet: &mut Sheet,
    mut town: Town,
    paying: (SocketAddr, &str),
    empty: SocketAddr,
) -> Result<(), Failure> {
    let time = Duration::from_secs_f64(plan.seconds);
    let measurements = (plan.rounds * plan.connections.len() * 2) as u64;
    let mut progress = Progress::new("measurements", measurements, plan.quiet);
    let mut done = 0;
    for _ in 0..plan.rounds {
        for connections in plan.connections.iter().copied() {
            let (found, back) = timed(|| closed_loop((empty, paying.1), connections, time, town))?;
            town = back;
            let bare = found.rate();
            sheet.round(&format!("empty_{connections}"), found);
            let (events, bytes) = counted(node);
            let (found, back) = timed(|| closed_loop(paying, connections, time, town))?;
            town = back;
            let (events_after, bytes_after) = counted(node);
            let bytes = (bytes_after - bytes) as f64 / (events_after - events).max(1) as f64;
            let ratio = found.rate() / bare;
            let lag = node
                .projection()
                .map(|projection| projection.progress().lag_ms as f64);
            let found = found
                .with("bytes_per_payment", bytes)
                .with("ratio_to_empty", ratio)
                .with_some("lag_ms", lag);
            sheet.round(&format!("connections_{connections}"), found);
            done += 2;
            progress.at(done);
        }
    }
    progress.finish();
    Ok(())
}

fn counted(node: &Node) -> (u64, u64) {
    let stats = node.stats();
    (stats.events, stats.bytes)
}

/// The numbers of a closed loop.
fn timed(run: impl FnOnce() -> Result<(Found, Town), Failure>) -> Result<(Numbers, Town), Failure> {
    let cpu = process_cpu();
    let (found, town) = run()?;
    let cpu = process_cpu().saturating_sub(cpu);
    let payments = found.payments as f64;
    let numbers =
        Numbers::default().with("payments_per_second", payments / found.took.as_secs_f64());
    let numbers = latencies(numbers, &found.each);
    Ok((
        numbers.with("cpu_us_per_payment", cpu.as_secs_f64() * 1e6 / payments),
        town,
    ))
}

/// Opens the wallets in the test tenant, under the terms of every measurement.
pub fn open_town(node: &Node, (wallets, seed): (u64, u64), quiet: bool) -> Result<Town, Failure> {
    let mut ids = Ids::seeded(seed ^ 0x0b);
    let now = node.now();
    let usd = Asset::known("USD").ok_or_else(|| Failure::said("USD is not known"))?;
    let asset = asset_no(node, &mut ids, now, usd)?;
    let find = |state: &engine::State| {
        let test = state
            .tenants
            .iter()
            .find(|tenant| tenant.mode == Mode::Test)?;
        state.tenant_no(test.id)
    };
    let tenant = node.query_blocking(find)?;
    let tenant = tenant.ok_or_else(|| Failure::said("the folder has no test tenant"))?;
    let terms = Box::new(terms(asset)?);
    must(node, command(tenant, ids.at(now), Op::SetTerms { terms }))?;
    let mut town = Town::new(wallets, seed, tenant, asset);
    let mut progress = Progress::new("wallets", wallets, quiet);
    town.open_on(node, |n| progress.at(n))?;
    progress.finish();
    // The read model is not to catch up while something else is measured.
    if let Some(projection) = node.projection() {
        while projection.progress().lag_rows > 0 && projection.progress().failed.is_none() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    // One payment makes sure that the town is as it should be before anything is timed.
    must(node, town.payment(Pattern::Uniform, node.now()))?;
    Ok(town)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_run_pays_over_http_beside_an_empty_handler() {
        let folder = tempfile::tempdir().unwrap();
        let plan = Plan {
            wallets: 200,
            connections: vec![1, 4],
            seconds: 0.05,
            rounds: 1,
            seed: 1,
            folder: folder.path().to_owned(),
            quiet: true,
        };
        let sheet = run(&plan).unwrap();
        for connections in [1, 4] {
            let row = format!("connections_{connections}");
            for name in [
                "payments_per_second",
                "p99_us",
                "ratio_to_empty",
                "bytes_per_payment",
            ] {
                assert!(
                    sheet.median(&row, name).is_some_and(|found| found > 0.0),
                    "{row} {name}"
                );
            }
        }
    }
}
