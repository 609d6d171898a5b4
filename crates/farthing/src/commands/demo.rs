//! `farthing demo`: a small simulated town paying through the real API, then keep serving.

use crate::commands::replay;
use crate::commands::serve::{listen, runtime, serve, stop_asked};
use crate::config::Config;
use crate::demo::client::Door;
use crate::demo::closing::{Closing, Served};
use crate::demo::play::play;
use crate::demo::screen::Screen;
use crate::demo::stage;
use crate::failure::Failure;
use crate::serving::{self, Opened};
use clap::Parser;
use money::Asset;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use traffic::town::Town;

/// Where it serves, unless told otherwise or somebody else does.
const LISTEN: &str = "127.0.0.1:8402";
const LISTEN_ANYWHERE: &str = "127.0.0.1:0";
/// What the town pays in.
const ASSET: &str = "USD";
const ACTS_MAX: u32 = 1_000_000;
/// Prices for a log that comes without.
const PRICES: &str = include_str!("../../../../samples/prices.toml");

/// What stands below the options.
const HELP: &str = "\
Examples:
  farthing demo                        a town pays, then http://127.0.0.1:8402 keeps serving
  farthing demo --exit --json          the same, as JSON, and end
  farthing demo --seed 7 --acts 20000  another town, busier
  farthing demo --log access.log.gz --visitors visitors.csv --prices prices.toml --exit

Exit codes: 0 done; 1 it did not work out, and the message says what to do; 2 the
  command line is wrong; 3 the books are not right.";

/// A small simulated town paying through the real API, then keep serving
///
/// Needs no outside file: it starts a node on a fresh data folder and lets readers, riders, gamers,
/// tippers and agents pay through the HTTP API, says what came of it, and keeps serving until
/// Ctrl-C. Nothing in it happened; all of it is labelled so.
#[derive(Parser)]
#[command(after_long_help = HELP)]
pub struct Args {
    /// End when all is paid instead of serving on
    #[arg(long)]
    exit: bool,
    /// Print one JSON object on standard output, and nothing else there
    #[arg(long)]
    json: bool,
    /// The same seed is the same town
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How much the town does
    #[arg(long, value_name = "N", default_value_t = 3_000, value_parser = acts)]
    acts: u32,
    /// Keep the ledger here (an empty or new folder); without it, it is thrown away at the end
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The address to listen on [default: 127.0.0.1:8402, or a free port if that is taken]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Replay this access log instead of a town, plain or gzip
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seed", "acts"])]
    log: Option<PathBuf>,
    /// With --log: CSV of `ip,country` for the visitors
    #[arg(long, value_name = "FILE", requires = "log")]
    visitors: Option<PathBuf>,
    /// With --log: what each path costs [default: samples/prices.toml]
    #[arg(long, value_name = "FILE", requires = "log")]
    prices: Option<PathBuf>,
}

fn acts(text: &str) -> Result<u32, String> {
    let number = text
        .parse()
        .ok()
        .filter(|number| (1..=ACTS_MAX).contains(number));
    number.ok_or_else(|| format!("a whole number from 1 to {ACTS_MAX}"))
}

pub fn run(args: Args) -> Result<(), Failure> {
    let folder = Folder::new(args.data.as_deref())?;
    let mut config = Config::load(None)?;
    folder.path().clone_into(&mut config.data);
    if let Some(log) = &args.log {
        replay_log(&args, log, &folder)?;
        if args.exit {
            return Ok(());
        }
    }
    let runtime = runtime()?;
    let listener = runtime.block_on(async {
        match &args.listen {
            Some(address) => listen(address).await,
            None => match listen(LISTEN).await {
                Ok(listener) => Ok(listener),
                Err(_) => listen(LISTEN_ANYWHERE).await,
            },
        }
    })?;
    let opened = serving::open(&config)?;
    let node = opened.node.clone();
    let ended = runtime.block_on(serve_meanwhile(&args, listener, opened, &config, &folder));
    node.shutdown();
    ended
}

/// Serves, and lets the town pay meanwhile.
async fn serve_meanwhile(
    args: &Args,
    listener: TcpListener,
    opened: Opened,
    config: &Config,
    folder: &Folder,
) -> Result<(), Failure> {
    let address = listener.local_addr();
    let address = address.map_err(|error| Failure::said(format!("no address: {error}")))?;
    let key = opened
        .first
        .as_ref()
        .map(|first| first.test.clone())
        .unwrap_or_default();
    let served = Served {
        address,
        key,
        folder: folder.path().to_owned(),
        kept: folder.is_kept(),
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async {
        // A sender that is gone says the same.
        let _ = stopped.await;
    };
    let serving = serve(listener, opened, config, stopped);
    let playing = async {
        let played = tokio::select! {
            played = perform(args, &served) => played,
            () = stop_asked() => Ok(()),
        };
        drop(stop);
        played
    };
    tokio::join!(serving, playing).1
}

/// The town, what came of it, and then the wait for Ctrl-C.
async fn perform(args: &Args, served: &Served) -> Result<(), Failure> {
    if args.log.is_none() {
        let asset = Asset::known(ASSET);
        let asset = asset.ok_or_else(|| Failure::said(format!("{ASSET} is not a known asset")))?;
        let town = Town::new(args.seed, &asset)?;
        let door = Door::new(served.address, &served.key);
        stage::set_terms(&door, asset).await?;
        let screen = Screen::new(u64::from(args.acts), args.json);
        let played = play(door, town, asset, args.acts as usize, screen).await?;
        let closing = Closing {
            seed: args.seed,
            played: &played,
        };
        if args.json {
            outln!("{}", closing.json()?);
        } else {
            out!("{}", closing.text());
        }
        if played
            .report
            .trial_balance
            .0
            .iter()
            .any(|sum| sum.atoms != 0)
        {
            return Err(Failure::NotRight(
                "the trial balance is not zero".to_owned(),
            ));
        }
    }
    if args.exit {
        return Ok(());
    }
    if args.json {
        eprint!("{}", served.text());
    } else {
        out!("{}", served.text());
    }
    stop_asked().await;
    Ok(())
}

/// A real site's traffic instead, as `farthing replay` does it.
fn replay_log(args: &Args, log: &Path, folder: &Folder) -> Result<(), Failure> {
    let sample;
    let prices = match &args.prices {
        Some(prices) => prices.clone(),
        None => {
            sample =
                TempDir::new().map_err(|e| Failure::said(format!("no temporary folder: {e}")))?;
            let path = sample.path().join("prices.toml");
            std::fs::write(&path, PRICES).map_err(|e| Failure::file(&path, &e))?;
            path
        }
    };
    let mut words = vec!["replay".into(), "--log".into(), log.as_os_str().to_owned()];
    words.extend(["--prices".into(), prices.into_os_string()]);
    // A ledger that is thrown away at once needs no folder of ours.
    if folder.is_kept() || !args.exit {
        words.extend(["--data".into(), folder.path().as_os_str().to_owned()]);
    }
    if let Some(visitors) = &args.visitors {
        words.extend(["--visitors".into(), visitors.as_os_str().to_owned()]);
    }
    words.extend(args.json.then(|| "--json".into()));
    // Through its command line, so that its defaults are its own.
    let args = replay::Args::try_parse_from(words);
    replay::run(args.map_err(|error| Failure::said(error.to_string()))?)
}

/// The data folder: one of the user's, or one that goes when the demo ends.
enum Folder {
    Kept(PathBuf),
    Temporary(TempDir),
}

impl Folder {
    fn new(data: Option<&Path>) -> Result<Folder, Failure> {
        match data {
            Some(dir) if dir.join("journal.db").exists() => Err(Failure::said(format!(
                "{} already has a journal; name a new folder, or `farthing serve --data` it",
                dir.display()
            ))),
            Some(dir) => Ok(Folder::Kept(dir.to_owned())),
            None => {
                let dir = tempfile::Builder::new().prefix("farthing-demo-").tempdir();
                let dir = dir.map_err(|e| Failure::said(format!("no temporary folder: {e}")))?;
                Ok(Folder::Temporary(dir))
            }
        }
    }

    fn path(&self) -> &Path {
        match self {
            Folder::Kept(dir) => dir,
            Folder::Temporary(dir) => dir.path(),
        }
    }

    fn is_kept(&self) -> bool {
        matches!(self, Folder::Kept(_))
    }
}
