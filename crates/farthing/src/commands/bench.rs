//! `farthing bench`: what is measured, and how much of it.

use crate::bench::draw::Pattern;
use crate::bench::{durable, loopback, machine, recovery, sheet::Sheet, step, usage};
use crate::failure::Failure;
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use tempfile::TempDir;

/// What stands below the options.
const HELP: &str = "\
Examples:
  farthing bench engine --quick            a few seconds, to see that it works
  farthing bench node --data /srv/disk     durable payments, on that disk
  farthing bench http --json > http.json
  farthing bench recovery --help           what a measurement is, and its options

Exit codes: 0 done; 1 it did not work out, and the message says what to do; 2 the
  command line is wrong; 3 the books are not right.";

/// Measure throughput, latency and bytes
///
/// Every run says on what machine, with what versions and settings it was made. Each number is the
/// median of its rounds; a ratio is the median of ratios measured within one round, so that it
/// holds on a busy machine too. Nothing is left out to be faster: fee, tax, limits and the memory of
/// ids are on, and what is answered is durable. Run it with nothing else running.
#[derive(Parser)]
#[command(after_long_help = HELP)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// The step alone, on one core: a row for each way of paying
    ///
    /// `uniform`: every payer and merchant as often. `zipf`: a few very often. `hot`: every payer as
    /// often, one merchant always. `replay`: a journal's rows folded again. The columns resolve,
    /// decide, apply and encode say where the nanoseconds go; `batch` is the time of a batch of
    /// 1,000; `cpu` counts only the time that this program had the core.
    Engine(Engine),
    /// Durable payments through a node and its SQLite journal
    ///
    /// `batch_N`: one client that waits for N payments before it asks for more, beside `sqlite_N`,
    /// bare SQLite commits of as many bytes. `in_flight_4096`: so many single payments unanswered at
    /// any time. `durable`: as many as it can. In these the read model is off and its lag stated.
    /// `steady`: as fast as the read model follows with less than a second of lag.
    Node(Node),
    /// Single payments over HTTP, each connection waiting for its answer
    ///
    /// `connections_N` pays through the whole server, beside `empty_N`, the same requests to a
    /// handler that does nothing. The client runs on the same machine.
    Http(Http),
    /// Usage events over HTTP in batches, a fifth of them sent twice, beside PostgreSQL
    ///
    /// `usage`: every event is priced, paid and durable before its batch is answered, and charged once.
    /// `postgres`: the same events into a table by `INSERT … ON CONFLICT DO NOTHING`, which finds the
    /// duplicates and no more; without PostgreSQL on this machine there is no such row.
    Usage(Usage),
    /// From kill -9 to the first acknowledgement
    ///
    /// Another process opens the wallets, takes a snapshot, makes the payments and is killed while it
    /// goes on paying; then a node is opened on what it left.
    Recovery(Recovery),
    /// The process that `recovery` kills
    #[command(hide = true)]
    RecoveryWriter(Recovery),
}

#[derive(Parser)]
struct Common {
    /// Print the rows as a JSON list instead of a table
    #[arg(long)]
    json: bool,
    /// Measure everything so many times and take the medians
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    rounds: Option<u16>,
    /// The same seed asks the same
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// A small run of a few seconds that only shows that it works; other options overrule it
    #[arg(long)]
    quick: bool,
}

impl Common {
    fn or<T>(&self, given: Option<T>, usual: T, quick: T) -> T {
        given.unwrap_or(if self.quick { quick } else { usual })
    }

    fn rounds(&self, usual: u16) -> usize {
        usize::from(self.or(self.rounds, usual, 1))
    }
}

#[derive(Parser)]
struct Engine {
    #[command(flatten)]
    common: Common,
    /// How many wallets there are; a hundredth are merchants' [default: 1000000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(2..=100_000_000))]
    wallets: Option<u64>,
    /// Payments a row and round [default: 1000000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    payments: Option<u64>,
    /// Only these ways of paying
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        default_value = "uniform,zipf,hot"
    )]
    patterns: Vec<Pattern>,
    /// Count a payment's instructions too, with valgrind, which must be installed
    #[arg(long)]
    instructions: bool,
    /// Leave the `replay` row out
    #[arg(long)]
    no_replay: bool,
    /// Measure with every regulation pack in force too, in turns
    #[arg(long)]
    law: bool,
    /// Measure with the tax rules in force too, in turns
    #[arg(long)]
    tax: bool,
    /// Measure payments by a flat price too, of the same amount, in turns
    #[arg(long)]
    prices: bool,
}

/// Where data are written.
#[derive(Parser)]
struct Place {
    /// Write the data into a temporary folder of this one, removed at the end [default: the system's]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl Place {
    fn folder(&self) -> Result<TempDir, Failure> {
        let place = self.data.clone().unwrap_or_else(std::env::temp_dir);
        if machine::file_system(&place) == "tmpfs" {
            let place = place.display();
            eprintln!(
                "farthing: {place} is in memory and makes nothing durable; name a disk with --data"
            );
        }
        let folder = tempfile::Builder::new()
            .prefix("farthing-bench-")
            .tempdir_in(&place);
        folder.map_err(|error| Failure::file(&place, &error))
    }
}

#[derive(Parser)]
struct Node {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    place: Place,
    /// How many wallets there are; a hundredth are merchants' [default: 1000000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(2..=100_000_000))]
    wallets: Option<u64>,
    /// How many there are for the `steady` row [default: 100000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(2..=100_000_000))]
    steady_wallets: Option<u64>,
    /// How long each row is measured in a round [default: 1.5]
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<f64>,
    /// Measure `durable` with every regulation pack in force too
    #[arg(long)]
    law: bool,
}

#[derive(Parser)]
struct Http {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    place: Place,
    /// How many wallets there are; a hundredth are merchants' [default: 100000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(2..=100_000_000))]
    wallets: Option<u64>,
    /// Connections at once
    #[arg(
        long,
        value_name = "N",
        value_delimiter = ',',
        default_value = "1,16,64,256"
    )]
    connections: Vec<usize>,
    /// How long each row is measured in a round [default: 3]
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<f64>,
}

#[derive(Parser)]
struct Usage {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    place: Place,
    /// How many events are sent, a fifth of them again [default: 1000000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(10..=100_000_000))]
    events: Option<u64>,
    /// Events in a request
    #[arg(long, value_name = "N", default_value_t = 8_000, value_parser = clap::value_parser!(u64).range(1..=8_000))]
    batch: u64,
    /// Connections at once
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    connections: u64,
    /// How many wallets there are; a hundredth are merchants' [default: 10000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(2..=100_000_000))]
    wallets: Option<u64>,
}

#[derive(Parser)]
struct Recovery {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    place: Place,
    /// How many wallets there are; a hundredth are merchants' [default: 1000000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(2..=100_000_000))]
    wallets: Option<u64>,
    /// Payments after the snapshot [default: 10000000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    payments: Option<u64>,
}

pub fn run(args: Args) -> Result<(), Failure> {
    if cfg!(debug_assertions) {
        eprintln!(
            "farthing: this is a debug build, whose numbers mean nothing; use a release build"
        );
    }
    let (sheet, json) = match args.what {
        What::Engine(args) => (engine(&args)?, args.common.json),
        What::Node(args) => (node(&args)?, args.common.json),
        What::Http(args) => (http(&args)?, args.common.json),
        What::Usage(args) => (usage_of(&args)?, args.common.json),
        What::Recovery(args) => (recovery(&args)?, args.common.json),
        What::RecoveryWriter(args) => {
            let folder = args.place.data.clone();
            let folder = folder.ok_or_else(|| Failure::said("--data says where to write"))?;
            return recovery::write(&recovery_plan(&args, folder));
        }
    };
    sheet.print(json)
}

fn engine(args: &Engine) -> Result<Sheet, Failure> {
    let Engine {
        common,
        wallets,
        payments,
        patterns,
        instructions,
        no_replay,
        law,
        tax,
        prices,
    } = args;
    let payments = common.or(*payments, 1_000_000, 20_000);
    step::run(&step::Plan {
        wallets: common.or(*wallets, 1_000_000, 10_000),
        payments: usize::try_from(payments).unwrap_or(usize::MAX),
        rounds: common.rounds(5),
        seed: common.seed,
        patterns: patterns.clone(),
        replay: !no_replay,
        law: *law,
        tax: *tax,
        prices: *prices,
        instructions: *instructions,
        quiet: common.json,
    })
}

fn node(args: &Node) -> Result<Sheet, Failure> {
    let Node {
        common,
        place,
        wallets,
        steady_wallets,
        seconds,
        law,
    } = args;
    let folder = place.folder()?;
    durable::run(&durable::Plan {
        wallets: common.or(*wallets, 1_000_000, 1_000),
        steady_wallets: common.or(*steady_wallets, 100_000, 1_000),
        seconds: positive(common.or(*seconds, 1.5, 0.1))?,
        rounds: common.rounds(3),
        seed: common.seed,
        folder: folder.path().to_owned(),
        law: *law,
        quiet: common.json,
    })
}

fn http(args: &Http) -> Result<Sheet, Failure> {
    let Http {
        common,
        place,
        wallets,
        connections,
        seconds,
    } = args;
    let folder = place.folder()?;
    if connections.iter().any(|n| !(1..=10_000).contains(n)) {
        return Err(Failure::said("--connections: 1 to 10000 each"));
    }
    loopback::run(&loopback::Plan {
        wallets: common.or(*wallets, 100_000, 1_000),
        connections: connections.clone(),
        seconds: positive(common.or(*seconds, 3.0, 0.1))?,
        rounds: common.rounds(3),
        seed: common.seed,
        folder: folder.path().to_owned(),
        quiet: common.json,
    })
}

fn usage_of(args: &Usage) -> Result<Sheet, Failure> {
    let Usage {
        common,
        place,
        events,
        batch,
        connections,
        wallets,
    } = args;
    let folder = place.folder()?;
    let size = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    usage::run(&usage::Plan {
        events: size(common.or(*events, 1_000_000, 20_000)),
        batch: size(*batch),
        connections: size(*connections),
        wallets: common.or(*wallets, 10_000, 1_000),
        rounds: common.rounds(3),
        seed: common.seed,
        folder: folder.path().to_owned(),
        quiet: common.json,
    })
}

fn recovery(args: &Recovery) -> Result<Sheet, Failure> {
    let folder = args.place.folder()?;
    recovery::run(&recovery_plan(args, folder.path().to_owned()))
}

fn recovery_plan(args: &Recovery, folder: PathBuf) -> recovery::Plan {
    let Recovery {
        common,
        wallets,
        payments,
        ..
    } = args;
    recovery::Plan {
        wallets: common.or(*wallets, 1_000_000, 1_000),
        payments: common.or(*payments, 10_000_000, 20_000),
        rounds: common.rounds(3),
        seed: common.seed,
        folder,
        quiet: common.json,
    }
}

fn positive(seconds: f64) -> Result<f64, Failure> {
    if seconds.is_finite() && seconds > 0.0 && seconds <= 86_400.0 {
        Ok(seconds)
    } else {
        Err(Failure::said("--seconds: more than 0, at most a day"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_holds_together() {
        Args::command().debug_assert();
    }
}
