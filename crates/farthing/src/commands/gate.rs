//! `farthing gate`: a price on any site.

use super::gate_keys;
use super::serve::{listen, runtime, serve, stop_asked};
use crate::config::Config;
use crate::failure::Failure;
use crate::serving::{self, Opened};
use clap::{Parser, Subcommand};
use engine::ids::WalletId;
use engine::records::Mode;
use gate::{
    Gate, GateError, Made, Registry, SessionOptions, Settings, Tariff, Teller, TellerOptions,
    Upstream, WalletOptions,
};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Added to the time-out: so long an authorization outlives the request it was made for.
const HOLD_MARGIN_MS: u64 = 60_000;
const CONNECT_TIME: Duration = Duration::from_secs(5);

/// What stands below the options.
const HELP: &str = "\
Examples:
  farthing gate --upstream http://127.0.0.1:3000 --prices samples/gate.toml --test-gift 1.00
  farthing gate --upstream http://127.0.0.1:3000 --prices prices.toml --live --public-url https://example.com
  farthing gate keys list

Exit codes: 0 it was asked to stop, and stopped; 1 it could not start, and the message says what to
  do; 2 the command line is wrong; 3 the journal is not what was written; 70 a commit failed or a
  part of the node panicked.";

/// Put a price on a site
///
/// Stands before a site as a reverse proxy. What the prices file prices is answered 402 until it is
/// paid, by x402 or the Payment scheme, singly or in sessions, on this ledger; everything else goes
/// through. The ledger is in the data folder, which this command opens alone.
///
/// Try it with test money, and pay from another terminal:
///
///   farthing gate --upstream http://127.0.0.1:3000 --prices samples/gate.toml --test-gift 1.00
///
///   farthing pay http://127.0.0.1:8403/some/page
#[derive(Parser)]
#[command(
    verbatim_doc_comment,
    after_long_help = HELP,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub struct Args {
    /// The site, e.g. http://127.0.0.1:3000
    #[arg(long, value_name = "URL", required = true)]
    upstream: Option<String>,
    /// The prices file (samples/prices.toml explains it)
    #[arg(long, value_name = "FILE", required = true)]
    prices: Option<PathBuf>,
    /// The address to listen on; port 0 lets the system choose
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8403")]
    listen: String,
    /// The data folder
    #[arg(
        long,
        value_name = "DIR",
        env = "FARTHING_DATA",
        default_value = "farthing-data"
    )]
    data: PathBuf,
    /// What clients call this site, if it is not what they send as Host: behind a TLS terminator,
    /// https://example.com
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// The wallet that is paid; without it, one of the gate's own
    #[arg(long, value_name = "WALLET")]
    seller: Option<WalletId>,
    /// Take live money; the default is the test tenant
    #[arg(long)]
    live: bool,
    /// Let anybody register a key and have a wallet
    #[arg(long)]
    open_wallets: bool,
    /// Give each new wallet so much test money (implies --open-wallets)
    #[arg(long, value_name = "AMOUNT", conflicts_with = "live")]
    test_gift: Option<String>,
    /// Seconds to wait for the site's answer
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    /// At most so many bytes of a priced request's body
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20)]
    body_max: usize,
    /// Minutes a session lasts at most; 0 offers none
    #[arg(long, value_name = "MINUTES", default_value_t = 30, value_parser = clap::value_parser!(u64).range(0..=1440))]
    session: u64,
    /// Minutes after which a session that nobody uses is closed
    #[arg(long, value_name = "MINUTES", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1440))]
    session_idle: u64,
    /// Verify and settle payments for other sellers of this ledger, as x402 facilitators do
    #[arg(long)]
    facilitate: bool,
    /// Serve the API too, at this address
    #[arg(long, value_name = "ADDR")]
    api: Option<String>,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand)]
enum What {
    /// Bind keys to wallets, list and revoke them; also while the gate runs
    Keys(gate_keys::Args),
}

pub fn run(args: Args) -> Result<(), Failure> {
    let (upstream, prices) = match (&args.what, &args.upstream, &args.prices) {
        (Some(What::Keys(keys)), _, _) => return gate_keys::run(keys),
        (None, Some(upstream), Some(prices)) => (upstream, prices),
        _ => return Err(Failure::said("--upstream and --prices are needed")),
    };
    let bytes = std::fs::read(prices).map_err(|error| Failure::file(prices, &error))?;
    let tariff = Tariff::parse(&bytes)?;
    let timeout = Duration::from_secs(args.timeout);
    let upstream = Upstream::new(upstream, timeout, CONNECT_TIME)?;
    let asset = tariff.asset();
    let gift = args.test_gift.as_deref().map(|text| asset.parse(text));
    let gift = gift
        .transpose()
        .map_err(|error| Failure::said(format!("--test-gift: {error}, in {}", asset.code)))?;
    let mut config = Config::load(None)?;
    config.data = args.data.clone();
    let runtime = runtime()?;
    let listener = runtime.block_on(listen(&args.listen))?;
    let api = args.api.as_ref();
    let api = api.map(|address| runtime.block_on(listen(address)));
    let api = api.transpose()?;
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let settings = Settings {
        public_url: args.public_url.clone(),
        body_bytes_max: args.body_max,
        wallets: WalletOptions {
            open: args.open_wallets || gift.is_some(),
            gift,
        },
        sessions: (args.session > 0).then(|| SessionOptions {
            lasts: minutes(args.session),
            idle: minutes(args.session_idle),
        }),
        facilitates: args.facilitate,
        address: format!("http://{}", address(&listener)?),
    };
    let opened = serving::open(&config)?;
    say_keys(&opened);
    let node = opened.node.clone();
    let registry = Arc::new(Registry::open(&args.data)?);
    let options = TellerOptions {
        mode: if args.live { Mode::Live } else { Mode::Test },
        asset,
        seller: args.seller,
        hold_ms: args.timeout * 1000 + HOLD_MARGIN_MS,
    };
    let teller = Teller::open(node.clone(), registry.clone(), &options)?;
    let made = Made {
        teller: teller.clone(),
        tariff,
        upstream,
        settings,
    };
    let gate = Gate::new(made, &registry)?;
    let served = runtime.block_on(async {
        let api_address = api.as_ref().map(address).transpose()?;
        let asked_to_stop = stop_asked();
        say(&args, &teller, address(&listener)?, api_address);
        let served = serve_both(listener, gate, api, opened, &config, asked_to_stop).await;
        served.map_err(Failure::from)
    });
    node.shutdown();
    served
}

fn address(of: &tokio::net::TcpListener) -> Result<std::net::SocketAddr, Failure> {
    of.local_addr()
        .map_err(|error| Failure::said(format!("no address: {error}")))
}

async fn serve_both(
    listener: tokio::net::TcpListener,
    gate: Gate,
    api: Option<tokio::net::TcpListener>,
    opened: Opened,
    config: &Config,
    asked_to_stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), GateError> {
    let (stop, stopped) = watch::channel(false);
    let asked = |mut stopped: watch::Receiver<bool>| async move {
        // The sender goes only after the stop.
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    tokio::spawn(async move {
        asked_to_stop.await;
        let _ = stop.send(true);
    });
    let gate = gate::serve(listener, Arc::new(gate), asked(stopped.clone()));
    match api {
        None => gate.await,
        Some(api) => {
            let api = async {
                serve(api, opened, config, asked(stopped)).await;
                Ok(())
            };
            tokio::try_join!(gate, api).map(|_| ())
        }
    }
}

/// The first API keys, before anything else can come in between.
fn say_keys(opened: &Opened) {
    let lines = opened.first_keys();
    if !lines.is_empty() {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{}", lines.join("\n")).and_then(|()| out.flush());
    }
}

fn say(
    args: &Args,
    teller: &Teller,
    address: std::net::SocketAddr,
    api: Option<std::net::SocketAddr>,
) {
    let upstream = args.upstream.as_deref().unwrap_or_default();
    let money = if teller.is_test() { "test" } else { "live" };
    let mut lines = vec![
        format!("farthing gate before {upstream} on http://{address}"),
        format!(
            "Paid in {money} {} to {}",
            teller.asset().code,
            teller.seller()
        ),
        format!("Network {}", teller.network()),
    ];
    if let Some(api) = api {
        lines.push(format!("API: http://{api}/docs"));
    }
    let mut out = std::io::stdout().lock();
    // A closed standard output does not stop the gate.
    let _ = writeln!(out, "{}", lines.join("\n")).and_then(|()| out.flush());
}
