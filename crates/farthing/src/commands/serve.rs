//! `farthing serve`: the node and its HTTP API.

use crate::config::{Config, DEFAULT};
use crate::failure::Failure;
use crate::serving::{self, Opened};
use clap::Parser;
use server::{App, FeedSettings};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

/// What stands below the options.
const HELP: &str = "\
Examples:
  farthing serve                                      in ./farthing-data, on 127.0.0.1:8402
  farthing serve --data /srv/farthing --listen 127.0.0.1:9000
  farthing serve --print-config > farthing.toml       every option, to change
  farthing serve --config farthing.toml

Exit codes: 0 it was asked to stop, and stopped; 1 it could not start, and the message
  says what to do; 2 the command line is wrong; 70 a commit failed or a part of the node panicked:
  start it again, and clients retry with the same ids.";

/// Run the node and its HTTP API
///
/// The first start on an empty folder opens a test and a live tenant and prints a key for each,
/// once. Stop it with Ctrl-C or SIGTERM: what waits is worked off first. Flags stand above
/// FARTHING_… variables, those above the file named by --config, that above the defaults.
#[derive(Parser)]
#[command(after_long_help = HELP)]
pub struct Args {
    /// A configuration file (see --print-config)
    #[arg(long, value_name = "FILE", env = "FARTHING_CONFIG")]
    config: Option<PathBuf>,
    /// The data folder [default: farthing-data]
    #[arg(long, value_name = "DIR", env = "FARTHING_DATA")]
    data: Option<PathBuf>,
    /// The address to listen on; port 0 lets the system choose [default: 127.0.0.1:8402]
    #[arg(long, value_name = "ADDR", env = "FARTHING_LISTEN")]
    listen: Option<String>,
    /// Requests a second for each key, twice as many at once [default: 100000]
    #[arg(long, value_name = "N", env = "FARTHING_REQUESTS_PER_SECOND")]
    requests_per_second: Option<u32>,
    /// A font for PDFs in Korean and Japanese [default: one of this machine's]
    #[arg(long, value_name = "FILE", env = "FARTHING_FONT")]
    font: Option<String>,
    /// Print every option with its default, and stop
    #[arg(long)]
    print_config: bool,
}

pub fn run(args: Args) -> Result<(), Failure> {
    if args.print_config {
        out!("{DEFAULT}");
        return Ok(());
    }
    let mut config = Config::load(args.config.as_deref())?;
    if let Some(data) = args.data {
        config.data = data;
    }
    if let Some(listen) = args.listen {
        config.listen = listen;
    }
    if let Some(rate) = args.requests_per_second {
        (config.requests_per_second, config.requests_burst) = (rate, rate.saturating_mul(2));
    }
    if let Some(font) = args.font {
        config.font = font;
    }
    config.check()?;
    // What is wrong in it is said before anything is opened.
    feed_settings(&config)?;
    let runtime = runtime()?;
    let listener = runtime.block_on(listen(&config.listen))?;
    let opened = serving::open(&config)?;
    let node = opened.node.clone();
    let served = runtime.block_on(async {
        let stop = stop_asked();
        say(&opened, &config, listener.local_addr())?;
        serve(listener, opened, &config, stop).await;
        Ok(())
    });
    node.shutdown();
    served
}

/// The async runtime of the HTTP side.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::said(format!("the async runtime could not start: {error}")))
}

/// Binds an address.
pub async fn listen(address: &str) -> Result<tokio::net::TcpListener, Failure> {
    tokio::net::TcpListener::bind(address)
        .await
        .map_err(|error| Failure::said(format!("cannot listen on {address}: {error}")))
}

/// Which feeds are read, and when unasked.
fn feed_settings(config: &Config) -> Result<FeedSettings, Failure> {
    let hours = u64::from(config.briefs_every_hours);
    Ok(FeedSettings {
        feeds: super::briefs::feeds(&config.feeds)?.into(),
        limits: briefs::Limits {
            private: config.feeds_private,
            ..briefs::Limits::default()
        },
        every: (hours > 0).then(|| Duration::from_secs(hours * 3_600)),
    })
}

/// Serves until `stop` is ready.
pub async fn serve(
    listener: tokio::net::TcpListener,
    opened: Opened,
    config: &Config,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    let feeds = feed_settings(config).unwrap_or_else(|error| {
        tracing::warn!(error = %error.words(), "no_feeds");
        FeedSettings::default()
    });
    let settings = server::Config {
        body_bytes_max: config.body_bytes_max,
        requests_per_second: config.requests_per_second,
        requests_burst: config.requests_burst,
        connections_max: config.connections_max,
        header_seconds_max: config.header_seconds_max,
        metrics_open: config.metrics_open,
        feeds,
        font: (!config.font.is_empty()).then(|| config.font.clone().into()),
        ..server::Config::default()
    };
    let app = App::new(opened.node, opened.store, opened.keys, settings);
    server::serve(listener, app, stop).await;
}

fn say(
    opened: &Opened,
    config: &Config,
    address: std::io::Result<std::net::SocketAddr>,
) -> Result<(), Failure> {
    let address = address.map_err(|error| Failure::said(format!("no address: {error}")))?;
    let mut out = std::io::stdout().lock();
    let mut lines = vec![format!(
        "farthing is serving {} on http://{address}",
        config.data.display()
    )];
    lines.extend(opened.first_keys());
    lines.push(format!("Docs: http://{address}/docs"));
    // A closed standard output does not stop the server.
    let _ = writeln!(out, "{}", lines.join("\n")).and_then(|()| out.flush());
    Ok(())
}

/// Ready when the process is asked to stop. From the call on the process does not end of itself when it
/// is asked to: call this before anybody is told that it serves.
pub fn stop_asked() -> impl Future<Output = ()> + Send + 'static {
    use tokio::signal::unix::{SignalKind, signal};
    let asked = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
    async move {
        let [interrupt, terminate] = asked;
        tokio::select! {
            () = came(interrupt) => {}
            () = came(terminate) => {}
        }
    }
}

async fn came(signal: std::io::Result<tokio::signal::unix::Signal>) {
    match signal {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}
