//! `bench node`: payments through a node, each durable before it is answered.
//!
//! - `batch_N`: one client that waits for N payments before it asks for the next N. What they come to
//!   is compared with `sqlite_N`, bare SQLite commits of as many bytes, in turns.
//! - `in_flight_4096`: so many single payments asked and not yet answered, each asked by itself.
//! - `durable`: 8,000 asked at once, always several such in flight: what the node can do at most.
//! - `steady`: the same as fast as the read model follows, never more than a second behind.
//!
//! In all rows but the last the read model does not run; `lag_events` is what it would have to read.

use crate::bench::draw::Pattern;
use crate::bench::histogram::Histogram;
use crate::bench::law;
use crate::bench::machine::process_cpu;
use crate::bench::sheet::{Numbers, Sheet};
use crate::bench::sqlite::{Bare, size_bytes};
use crate::bench::town::{Town, all_done, not_done, terms};
use crate::bootstrap::{Ids, asset_no, must, open_shard, open_tenant};
use crate::failure::Failure;
use crate::progress::Progress;
use engine::Op;
use engine::ids::ActorId;
use engine::recents::Window;
use engine::records::Mode;
use money::Asset;
use node::{Brief, Node, NodeOptions};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The batches that one client waits for.
const WAITING: [usize; 5] = [1, 10, 100, 1_000, 8_000];
const SINGLES: usize = 4_096;
const BULK: usize = 8_000;
const BULKS_IN_FLIGHT: usize = 4;
/// Ids are remembered for ten minutes, the least: a long run would fill the memory of an hour.
pub const WINDOW: Window = Window {
    window_ms: 600_000,
    entries_max: 200_000_000,
};
/// The steady row stops asking when the read model is so far behind.
const LAG_MAX_MS: u64 = 500;

/// What is measured.
#[derive(Clone, Debug)]
pub struct Plan {
    pub wallets: u64,
    pub steady_wallets: u64,
    /// For each row of a round.
    pub seconds: f64,
    pub rounds: usize,
    pub seed: u64,
    /// Where data are written.
    pub folder: PathBuf,
    /// Measure with every pack in force too.
    pub law: bool,
    pub quiet: bool,
}

/// Runs it.
///
/// # Errors
/// The node or SQLite fails, or a payment is refused.
pub fn run(plan: &Plan) -> Result<Sheet, Failure> {
    let mut sheet = Sheet::new("node", Some(&plan.folder));
    sheet.set("wallets", plan.wallets);
    sheet.set("steady_wallets", plan.steady_wallets);
    sheet.set("seconds", plan.seconds);
    sheet.set("rounds", plan.rounds);
    sheet.set("seed", plan.seed);
    sheet.set("on", "fee, tax, limits, id memory, sync");
    let time = Duration::from_secs_f64(plan.seconds);
    let slices = (plan.rounds * (WAITING.len() + 3)) as u64;

    let mut bench = Bench::open(plan, plan.wallets, false)?;
    let mut bare = Bare::open(&plan.folder)?;
    let mut progress = Progress::new("measurements", slices, plan.quiet);
    let mut done = 0;
    let mut step = || {
        done += 1;
        progress.at(done);
    };
    for _ in 0..plan.rounds {
        for size in WAITING {
            let (found, commits, bytes) = bench.waiting(size, time)?;
            let (all, each) = bare.commit(commits, bytes)?;
            let bare = (commits * size as u64) as f64 / all.as_secs_f64();
            let ratio = found.rate() / bare;
            sheet.round(
                &format!("batch_{size}"),
                found.with("ratio_to_sqlite", ratio),
            );
            let numbers = Numbers::default().with("payments_per_second", bare);
            let numbers = latencies(numbers, &each)
                .with("bytes_per_payment", bytes as f64 / size as f64)
                .with("commits_per_second", commits as f64 / all.as_secs_f64());
            sheet.round(&format!("sqlite_{size}"), numbers);
            step();
        }
        sheet.round(&format!("in_flight_{SINGLES}"), bench.singles(time)?);
        step();
        sheet.round("durable", bench.bulk(time)?);
        step();
    }
    if plan.law {
        // Without, then with: a law in force stays so.
        bench.enact()?;
        for _ in 0..plan.rounds {
            sheet.round("durable_law", bench.bulk(time)?);
        }
    }
    drop(bench);
    let mut bench = Bench::open(plan, plan.steady_wallets, true)?;
    for _ in 0..plan.rounds {
        sheet.round("steady", bench.steady(time)?);
        step();
    }
    progress.finish();
    Ok(sheet)
}

/// Percentiles of a histogram.
pub fn latencies(numbers: Numbers, of: &Histogram) -> Numbers {
    numbers
        .with("p50_us", of.quantile_us(0.5))
        .with("p99_us", of.quantile_us(0.99))
        .with("p999_us", of.quantile_us(0.999))
}

/// A fresh node with a town on it.
pub fn open_town(
    folder: &Path,
    (wallets, seed): (u64, u64),
    projection: bool,
    quiet: bool,
) -> Result<(Node, Town), Failure> {
    let options = NodeOptions {
        snapshot_every: 0,
        projection,
        ..NodeOptions::default()
    };
    let node = Node::open(folder, options)?;
    let mut ids = Ids::seeded(seed ^ 0x0b);
    let now = node.now();
    open_shard(&node, &mut ids, now, WINDOW)?;
    let usd = Asset::known("USD").ok_or_else(|| Failure::said("USD is not known"))?;
    let asset = asset_no(&node, &mut ids, now, usd)?;
    let (tenant, _) = open_tenant(&node, &mut ids, now, Mode::Test, Some(terms(asset)?))?;
    let mut town = Town::new(wallets, seed, tenant, asset);
    let mut progress = Progress::new("wallets", wallets, quiet);
    town.open_on(&node, |n| progress.at(n))?;
    progress.finish();
    Ok((node, town))
}

struct Bench {
    node: Node,
    town: Town,
    folder: PathBuf,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.node.shutdown();
    }
}

/// What the node and the process had counted at a moment.
struct Since {
    at: Instant,
    cpu: Duration,
    events: u64,
    bytes: u64,
    batches: u64,
    stored: u64,
}

impl Bench {
    /// Puts every pack into force.
    fn enact(&mut self) -> Result<(), Failure> {
        let now = self.node.now();
        let mut ids = Ids::seeded(0x1a);
        let usd = Asset::known("USD").ok_or_else(|| Failure::said("USD is not known"))?;
        let base = asset_no(&self.node, &mut ids, now, usd)?;
        let mut into = Vec::new();
        for asset in law::assets() {
            into.push((asset_no(&self.node, &mut ids, now, asset)?, asset));
        }
        let terms = Box::new(engine::terms::Terms {
            reference_rates: law::rates((base, usd), &into)?,
            ..terms(base)?
        });
        let set = self.town.command(now, Op::SetTerms { terms });
        must(&self.node, set)?;
        let mut propose = self.town.command(now, law::all_packs()?);
        propose.actor = ActorId(ids.at(now));
        let proposal = propose.id;
        must(&self.node, propose)?;
        let effective = now;
        let mut approve = self.town.command(
            now,
            Op::ApproveLaw {
                proposal,
                effective,
            },
        );
        approve.actor = ActorId(ids.at(now));
        must(&self.node, approve)?;
        // The node's own timer puts it into force before the next command.
        let tenant = self.town.tenant();
        while !self
            .node
            .query_blocking(move |state| state.law(tenant).is_some())?
        {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    fn open(plan: &Plan, wallets: u64, projection: bool) -> Result<Bench, Failure> {
        let folder = plan
            .folder
            .join(if projection { "steady" } else { "durable" });
        let (node, town) = open_town(&folder, (wallets, plan.seed), projection, plan.quiet)?;
        Ok(Bench { node, town, folder })
    }

    fn since(&self) -> Result<Since, Failure> {
        let stats = self.node.stats();
        Ok(Since {
            events: stats.events,
            bytes: stats.bytes,
            batches: stats.batches,
            stored: size_bytes(&self.folder.join("journal.db"))?,
            cpu: process_cpu(),
            at: Instant::now(),
        })
    }

    /// The numbers of what was done since then, which took so long as its clients saw it.
    fn numbers(&self, since: &Since, took: Duration, each: &Histogram) -> Result<Numbers, Failure> {
        let now = self.since()?;
        let payments = (now.events - since.events) as f64;
        let numbers = Numbers::default().with("payments_per_second", payments / took.as_secs_f64());
        let lag = match self.node.projection() {
            Some(projection) => projection.progress().lag_events,
            None => now.events,
        };
        let numbers = latencies(numbers, each)
            .with(
                "bytes_per_payment",
                (now.bytes - since.bytes) as f64 / payments,
            )
            .with(
                "stored_per_payment",
                (now.stored - since.stored) as f64 / payments,
            )
            .with(
                "commits_per_second",
                (now.batches - since.batches) as f64 / took.as_secs_f64(),
            )
            .with(
                "cpu_ns_per_payment",
                (now.cpu - since.cpu).as_nanos() as f64 / payments,
            )
            .with("lag_events", lag as f64);
        Ok(numbers)
    }

    /// One client that waits. What it asks is made before the clock is looked at. Also returns how
    /// many rows were committed, and their mean bytes.
    fn waiting(&mut self, size: usize, time: Duration) -> Result<(Numbers, u64, usize), Failure> {
        let since = self.since()?;
        let (mut took, mut each) = (Duration::ZERO, Histogram::default());
        while took < time {
            let mut commands = Vec::with_capacity(size);
            self.town
                .payments(Pattern::Uniform, size, self.node.now(), &mut commands);
            let start = Instant::now();
            let briefs = self.node.submit_brief(commands)?;
            let waited = start.elapsed();
            took += waited;
            each.record(waited);
            all_done(&briefs)?;
        }
        let now = self.node.stats();
        let commits = now.batches - since.batches;
        let bytes = (now.bytes - since.bytes) / commits.max(1);
        Ok((self.numbers(&since, took, &each)?, commits, bytes as usize))
    }

    /// Single payments, many in flight, each asked by a call of its own.
    fn singles(&mut self, time: Duration) -> Result<Numbers, Failure> {
        let client = self.node.client();
        let since = self.since()?;
        let mut each = Histogram::default();
        let mut asked = vec![since.at; SINGLES];
        let mut done: Vec<(u64, Brief)> = Vec::with_capacity(SINGLES);
        for (token, asked) in (0u64..).zip(&mut asked) {
            let payment = self.town.payment(Pattern::Uniform, self.node.now());
            *asked = Instant::now();
            client.submit([(token, payment)].into_iter())?;
        }
        let mut in_flight = SINGLES;
        while in_flight > 0 {
            client.wait(&mut done);
            let answered = Instant::now();
            let more = answered - since.at < time;
            let now = self.node.now();
            for (token, brief) in done.drain(..) {
                if !matches!(brief, Brief::Done { code: None, .. }) {
                    return Err(not_done(&brief));
                }
                let place = token as usize;
                each.record(answered - asked[place]);
                if more {
                    let payment = self.town.payment(Pattern::Uniform, now);
                    asked[place] = Instant::now();
                    client.submit([(token, payment)].into_iter())?;
                } else {
                    in_flight -= 1;
                }
            }
        }
        self.numbers(&since, since.at.elapsed(), &each)
    }

    /// Large submissions, always several in flight.
    fn bulk(&mut self, time: Duration) -> Result<Numbers, Failure> {
        let mut bulks = Bulks::new(&self.node);
        let since = self.since()?;
        while since.at.elapsed() < time {
            bulks.ask(&mut self.town, BULK)?;
            bulks.wait_until(BULK * (BULKS_IN_FLIGHT - 1))?;
        }
        bulks.wait_until(0)?;
        self.numbers(&since, since.at.elapsed(), &bulks.each)
    }

    /// As fast as the read model follows.
    fn steady(&mut self, time: Duration) -> Result<Numbers, Failure> {
        let node = self.node.clone();
        let Some(projection) = node.projection() else {
            return Err(Failure::said("the read model does not run"));
        };
        let lag_ms = || -> Result<u64, Failure> {
            let progress = projection.progress();
            progress
                .failed
                .map_or(Ok(progress.lag_ms), |why| Err(Failure::said(why)))
        };
        // The opening, or the round before, is not what is measured.
        while lag_ms()? > 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
        let mut bulks = Bulks::new(&self.node);
        let since = self.since()?;
        let mut lag_max = 0;
        let mut behind = false;
        while since.at.elapsed() < time {
            let lag = lag_ms()?;
            lag_max = lag_max.max(lag);
            // Once too far behind, it may catch up to a half.
            behind = lag > if behind { LAG_MAX_MS / 2 } else { LAG_MAX_MS };
            if behind {
                std::thread::sleep(Duration::from_millis(1));
            } else {
                bulks.ask(&mut self.town, 1_000)?;
                bulks.wait_until(0)?;
            }
        }
        let asked = since.at.elapsed();
        // What the read model has not got yet counts for the time it takes to get it.
        while lag_ms()? > 0 && asked * 3 > since.at.elapsed() {
            lag_max = lag_max.max(lag_ms()?);
            std::thread::sleep(Duration::from_millis(1));
        }
        let numbers = self.numbers(&since, since.at.elapsed(), &bulks.each)?;
        Ok(numbers.with("lag_max_ms", lag_max as f64))
    }
}

/// Submissions of many payments, and when each was asked.
struct Bulks {
    client: node::Client,
    now: Box<dyn Fn() -> engine::UtcMillis>,
    commands: Vec<engine::Command>,
    done: Vec<(u64, Brief)>,
    asked: Vec<Instant>,
    in_flight: usize,
    each: Histogram,
}

impl Bulks {
    fn new(node: &Node) -> Bulks {
        let (client, node) = (node.client(), node.clone());
        Bulks {
            client,
            now: Box::new(move || node.now()),
            commands: Vec::with_capacity(BULK),
            done: Vec::new(),
            asked: Vec::new(),
            in_flight: 0,
            each: Histogram::default(),
        }
    }

    fn ask(&mut self, town: &mut Town, size: usize) -> Result<(), Failure> {
        town.payments(Pattern::Uniform, size, (self.now)(), &mut self.commands);
        let token = self.asked.len() as u64;
        self.asked.push(Instant::now());
        self.client
            .submit(self.commands.drain(..).map(|command| (token, command)))?;
        self.in_flight += size;
        Ok(())
    }

    /// Waits until at most so many are in flight.
    fn wait_until(&mut self, in_flight_max: usize) -> Result<(), Failure> {
        while self.in_flight > in_flight_max {
            self.client.wait(&mut self.done);
            let answered = Instant::now();
            for (token, brief) in self.done.drain(..) {
                if !matches!(brief, Brief::Done { code: None, .. }) {
                    return Err(not_done(&brief));
                }
                self.each.record(answered - self.asked[token as usize]);
                self.in_flight -= 1;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_run_has_every_row_and_the_ratios() {
        let folder = tempfile::tempdir().unwrap();
        let plan = Plan {
            wallets: 200,
            steady_wallets: 200,
            seconds: 0.02,
            rounds: 1,
            seed: 1,
            folder: folder.path().to_owned(),
            law: true,
            quiet: true,
        };
        let sheet = run(&plan).unwrap();
        for size in WAITING {
            let ratio = sheet.median(&format!("batch_{size}"), "ratio_to_sqlite");
            assert!(ratio.is_some_and(|ratio| ratio > 0.0), "{size}");
            assert!(sheet.median(&format!("sqlite_{size}"), "p50_us").is_some());
        }
        for name in ["in_flight_4096", "durable", "steady"] {
            let rate = sheet.median(name, "payments_per_second");
            assert!(rate.is_some_and(|rate| rate > 0.0), "{name}");
        }
    }
}
