//! `bench engine`: the step alone, on one core.
//!
//! A batch is resolved, decided, applied and encoded as the node's writer does it. What is asked is
//! made between the batches and not timed, so that commands are in the cache as if they had just
//! been read from the network. One batch in sixteen is measured stage by stage instead, which slows
//! it down and therefore does not count.

use crate::bench::draw::Pattern;
use crate::bench::histogram::Histogram;
use crate::bench::machine::{resident_bytes, thread_cpu};
use crate::bench::sheet::{Numbers, Sheet, median};
use crate::bench::town::{Town, terms};
use crate::bench::{law, price, tax};
use crate::failure::Failure;
use crate::progress::Progress;
use engine::backfill::Backfill;
use engine::codec::{FORMAT, RowWriter};
use engine::command::Op;
use engine::ids::{ActorId, TenantId};
use engine::law::Law;
use engine::prices::Item;
use engine::recents::Window;
use engine::records::{Mode, TenantNo, TimerKind};
use engine::taxes::TaxInForce;
use engine::{
    Command, Event, Handles, Id, Outcome, Position, RESOLVE_CHUNK, Replay, State, UtcMillis, apply,
    decide, decide_one, resolve,
};
use ledger::AssetNo;
use money::Asset;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Payments in a batch.
const BATCH: usize = 1_000;
/// Of so many batches, one is measured stage by stage.
const DETAILED: usize = 16;
const WINDOW: Window = Window {
    window_ms: 3_600_000,
    entries_max: 100_000_000,
};
const OPENED: UtcMillis = UtcMillis(1_790_000_000_000);
/// Payments begin when the ids of the opening are forgotten.
const PAYING: UtcMillis = UtcMillis(OPENED.0 + 3 * 3_600_000);

/// What is measured.
#[derive(Clone, Debug)]
pub struct Plan {
    pub wallets: u64,
    pub payments: usize,
    pub rounds: usize,
    pub seed: u64,
    pub patterns: Vec<Pattern>,
    /// Replay a round's rows too.
    pub replay: bool,
    /// Measure with every pack in force too, in turns.
    pub law: bool,
    /// Measure with the tax rules in force too, in turns.
    pub tax: bool,
    /// Measure payments by a flat price too, in turns.
    pub prices: bool,
    /// Count instructions too, if valgrind is there.
    pub instructions: bool,
    pub quiet: bool,
}

/// Runs it.
///
/// # Errors
/// A payment is refused, which would be measuring something else.
pub fn run(plan: &Plan) -> Result<Sheet, Failure> {
    let mut sheet = Sheet::new("engine", None);
    sheet.set("wallets", plan.wallets);
    sheet.set("payments", plan.payments);
    sheet.set("batch", BATCH);
    sheet.set("rounds", plan.rounds);
    sheet.set("seed", plan.seed);
    sheet.set("on", "fee, tax, limits, id memory");
    let before = resident_bytes();
    let mut bench = Bench::open(plan)?;
    let after = resident_bytes();
    let resident = before
        .zip(after)
        .map(|(b, a)| a.saturating_sub(b) as f64 / plan.wallets as f64);

    let mut progress = Progress::new(
        "rounds",
        (plan.rounds * plan.patterns.len()) as u64,
        plan.quiet,
    );
    let mut done = 0;
    for _ in 0..plan.rounds {
        let mut uniform = None;
        for pattern in &plan.patterns {
            let mut found = bench.round(*pattern, plan.payments)?;
            if *pattern == Pattern::Uniform {
                uniform = Some(found.rate());
                found = found.with_some("rss_bytes_per_wallet", resident);
            } else if let Some(uniform) = uniform {
                let ratio = found.rate() / uniform;
                found = found.with("ratio_to_uniform", ratio);
            }
            sheet.round(pattern.name(), found);
            done += 1;
            progress.at(done);
        }
        // Whoever pays very often would be asked to authenticate; the others never are.
        for pattern in plan
            .patterns
            .iter()
            .filter(|p| plan.law && **p != Pattern::Zipf)
        {
            bench.with_law(true);
            let found = bench.round(*pattern, plan.payments);
            bench.with_law(false);
            sheet.round(&format!("{}_law", pattern.name()), found?);
        }
        for pattern in plan.patterns.iter().filter(|_| plan.tax) {
            bench.with_tax(true);
            let found = bench.round(*pattern, plan.payments);
            bench.with_tax(false);
            sheet.round(&format!("{}_tax", pattern.name()), found?);
        }
        for pattern in plan.patterns.iter().filter(|_| plan.prices) {
            bench.town.item = price::ITEM;
            let found = bench.round(*pattern, plan.payments);
            bench.town.item = Item::NONE;
            sheet.round(&format!("{}_price", pattern.name()), found?);
        }
    }
    progress.finish();
    if plan.replay {
        sheet.round("replay", bench.replay(plan.payments.min(1_000_000))?);
    }
    if bench.state.trial_balance().iter().any(|(_, sum)| *sum != 0) {
        return Err(Failure::NotRight(
            "the trial balance is not zero".to_owned(),
        ));
    }
    if plan.instructions {
        drop(bench);
        for pattern in &plan.patterns {
            if let Some(found) = instructions(*pattern, plan.seed) {
                sheet.round(pattern.name(), found);
            }
        }
    }
    Ok(sheet)
}

struct Bench {
    town: Town,
    state: State,
    /// The law, while it is put aside.
    law: Option<Arc<Law>>,
    /// The tax rules, while they are put aside.
    tax: Option<Box<TaxInForce>>,
    now: UtcMillis,
    clock: Duration,
    commands: Vec<Command>,
    handles: Handles,
    writer: RowWriter,
    event: Event,
    seq: u64,
}

/// What the detailed batches spent where.
#[derive(Clone, Copy, Debug, Default)]
struct Stages {
    resolve: Duration,
    decide: Duration,
    apply: Duration,
    encode: Duration,
    payments: u32,
}

impl Bench {
    fn open(plan: &Plan) -> Result<Bench, Failure> {
        let asset = Asset::known("USD").ok_or_else(|| Failure::said("USD is not known"))?;
        let (tenant, usd) = (TenantNo(0), AssetNo(0));
        let mut bench = Bench {
            town: Town::new(plan.wallets, plan.seed, tenant, usd),
            state: State::new(u128::from(plan.seed)),
            law: None,
            tax: None,
            now: OPENED,
            clock: clock_cost(),
            commands: Vec::with_capacity(BATCH),
            handles: Handles::default(),
            writer: RowWriter::default(),
            event: Event::empty(),
            seq: 1,
        };
        for op in [
            Op::SetShard { window: WINDOW },
            Op::RegisterAsset { asset },
            Op::OpenTenant {
                tenant: TenantId(Id::timed(1, 1)),
                mode: Mode::Test,
            },
            Op::SetTerms {
                terms: Box::new(terms(usd)?),
            },
        ] {
            let command = bench.town.command(OPENED, op);
            bench.one(&command)?;
        }
        let mut progress = Progress::new("wallets", plan.wallets, plan.quiet);
        let mut commands = Vec::new();
        for n in 0..bench.town.wallets() {
            commands.clear();
            bench.town.open_wallet(n, OPENED, &mut commands);
            for command in &commands {
                bench.one(command)?;
            }
            if n.is_multiple_of(10_000) {
                progress.at(n);
            }
        }
        progress.finish();
        if plan.law {
            bench.enact((usd, asset))?;
        }
        if plan.tax {
            bench.levy()?;
        }
        if plan.prices {
            let id = bench.town.fresh_id(OPENED);
            let set = bench.town.command(OPENED, price::flat(id, asset));
            bench.one(&set)?;
        }
        bench.now = PAYING;
        // The first batch drops the ids of the opening.
        bench.round(Pattern::Uniform, BATCH)?;
        Ok(bench)
    }

    /// Puts every pack into force, and aside for now.
    fn enact(&mut self, usd: (AssetNo, Asset)) -> Result<(), Failure> {
        let mut into = Vec::new();
        for (no, asset) in (1..).zip(law::assets()) {
            let command = self.town.command(OPENED, Op::RegisterAsset { asset });
            self.one(&command)?;
            into.push((AssetNo(no), asset));
        }
        let terms = Box::new(engine::terms::Terms {
            reference_rates: law::rates(usd, &into)?,
            ..terms(usd.0)?
        });
        let set = self.town.command(OPENED, Op::SetTerms { terms });
        self.one(&set)?;
        let mut propose = self.town.command(OPENED, law::all_packs()?);
        propose.actor = ActorId(self.town.fresh_id(OPENED));
        self.one(&propose)?;
        let (proposal, effective) = (propose.id, OPENED);
        let mut approve = self.town.command(
            OPENED,
            Op::ApproveLaw {
                proposal,
                effective,
            },
        );
        approve.actor = ActorId(self.town.fresh_id(OPENED));
        self.one(&approve)?;
        let (kind, thing) = (TimerKind::Law, proposal);
        let mut due = self.town.command(OPENED, Op::Expire { kind, thing });
        due.id = Id::NONE;
        self.one(&due)?;
        // Nothing was paid yet: there is nothing to count.
        let walk = Backfill::new(&self.state, due.tenant);
        let parts: Vec<Op> = walk
            .into_iter()
            .flat_map(|w| w.parts(&self.state))
            .collect();
        for op in parts {
            self.one(&Command { op, ..due.clone() })?;
        }
        self.with_law(false);
        Ok(())
    }

    /// Puts tax rules into force, makes every merchant a taxpayer, and puts the rules aside for now.
    fn levy(&mut self) -> Result<(), Failure> {
        let set = self.town.command(OPENED, tax::rules()?);
        self.one(&set)?;
        for party in self.town.merchants() {
            let is = self.town.command(OPENED, tax::merchant(party));
            self.one(&is)?;
        }
        self.town.facts = tax::facts();
        self.with_tax(false);
        Ok(())
    }

    /// Puts the tax rules back or aside.
    fn with_tax(&mut self, on: bool) {
        let in_force = &mut self.state.tenants[0].tax;
        if in_force.is_some() != on {
            std::mem::swap(in_force, &mut self.tax);
        }
    }

    /// Puts the law back or aside.
    fn with_law(&mut self, on: bool) {
        let in_force = &mut self.state.tenants[0].law;
        if in_force.is_some() != on {
            std::mem::swap(in_force, &mut self.law);
        }
    }

    fn one(&mut self, command: &Command) -> Result<(), Failure> {
        let outcome = decide_one(&self.state, command, self.now, &mut self.event);
        if outcome != Outcome::Event || self.event.refusal().is_some() {
            return Err(refused(outcome, &self.event));
        }
        apply(&mut self.state, &self.event, Position { seq: 1, index: 0 });
        Ok(())
    }

    /// Makes payments in batches.
    fn round(&mut self, pattern: Pattern, payments: usize) -> Result<Numbers, Failure> {
        let mut stages = Stages::default();
        let mut batches = Histogram::default();
        let (mut wall, mut cpu, mut bytes, mut counted) = (Duration::ZERO, Duration::ZERO, 0, 0);
        for batch in 0..payments.div_ceil(BATCH) {
            // As at a million payments a second.
            self.now = self.now.plus(1);
            let mut commands = std::mem::take(&mut self.commands);
            self.town.payments(pattern, BATCH, self.now, &mut commands);
            self.commands = commands;
            self.seq += 1;
            self.writer.begin(self.now);
            if batch % DETAILED == DETAILED - 1 {
                self.detailed(&mut stages)?;
                continue;
            }
            let (start, start_cpu) = (Instant::now(), thread_cpu());
            let outcome = self.batch();
            let took_cpu = thread_cpu().saturating_sub(start_cpu);
            let took = start.elapsed();
            outcome?;
            batches.record(took);
            (wall, cpu) = (wall + took, cpu + took_cpu);
            bytes += self.writer.bytes().len();
            counted += BATCH;
        }
        let each = |spent: Duration| spent.as_nanos() as f64 / counted as f64;
        let mut found = Numbers::default()
            .with("payments_per_second", counted as f64 / wall.as_secs_f64())
            .with(
                "payments_per_cpu_second",
                counted as f64 / cpu.as_secs_f64(),
            )
            .with("batch_p50_us", batches.quantile_us(0.5))
            .with("batch_p99_us", batches.quantile_us(0.99))
            .with("batch_max_us", batches.quantile_us(1.0))
            .with("bytes_per_payment", bytes as f64 / counted as f64)
            .with("ns_per_payment", each(wall))
            .with("cpu_ns_per_payment", each(cpu));
        if stages.payments > 0 {
            let each = |spent: Duration| spent.as_nanos() as f64 / f64::from(stages.payments);
            found = found
                .with("resolve_ns", each(stages.resolve))
                .with("decide_ns", each(stages.decide))
                .with("apply_ns", each(stages.apply))
                .with("encode_ns", each(stages.encode));
        }
        Ok(found)
    }

    /// One batch, as the node's writer does it. Not inlined, so that a profiler can be told to count
    /// in here only.
    #[inline(never)]
    fn batch(&mut self) -> Result<(), Failure> {
        let mut index = 0;
        for commands in self.commands.chunks(RESOLVE_CHUNK) {
            resolve(&self.state, commands, self.now, &mut self.handles);
            for (at, command) in commands.iter().enumerate() {
                let event = &mut self.event;
                let outcome = decide(&self.state, &self.handles, at, command, self.now, event);
                if outcome != Outcome::Event || event.refusal().is_some() {
                    return Err(refused(outcome, event));
                }
                apply(
                    &mut self.state,
                    event,
                    Position {
                        seq: self.seq,
                        index,
                    },
                );
                self.writer.push(event);
                index += 1;
            }
        }
        Ok(())
    }

    /// The same with a look at the clock between the stages, whose own time is taken off.
    fn detailed(&mut self, stages: &mut Stages) -> Result<(), Failure> {
        let mut index = 0;
        for commands in self.commands.chunks(RESOLVE_CHUNK) {
            let start = Instant::now();
            resolve(&self.state, commands, self.now, &mut self.handles);
            stages.resolve += start.elapsed().saturating_sub(self.clock);
            for (at, command) in commands.iter().enumerate() {
                let event = &mut self.event;
                let start = Instant::now();
                let outcome = decide(&self.state, &self.handles, at, command, self.now, event);
                let decided = Instant::now();
                if outcome != Outcome::Event || event.refusal().is_some() {
                    return Err(refused(outcome, event));
                }
                let applying = Instant::now();
                apply(
                    &mut self.state,
                    event,
                    Position {
                        seq: self.seq,
                        index,
                    },
                );
                let applied = Instant::now();
                self.writer.push(event);
                stages.encode += applied.elapsed().saturating_sub(self.clock);
                stages.apply += (applied - applying).saturating_sub(self.clock);
                stages.decide += (decided - start).saturating_sub(self.clock);
                stages.payments += 1;
                index += 1;
            }
        }
        Ok(())
    }

    /// Replays a round's rows on the state before it: what recovery and followers do.
    fn replay(&mut self, payments: usize) -> Result<Numbers, Failure> {
        let mut before = self.state.clone();
        let first = self.seq + 1;
        let mut rows = Vec::new();
        for _ in 0..payments.div_ceil(BATCH) {
            self.now = self.now.plus(1);
            let mut commands = std::mem::take(&mut self.commands);
            self.town
                .payments(Pattern::Uniform, BATCH, self.now, &mut commands);
            self.commands = commands;
            self.seq += 1;
            self.writer.begin(self.now);
            self.batch()?;
            rows.push(self.writer.bytes().to_vec());
        }
        let (start, start_cpu) = (Instant::now(), thread_cpu());
        let mut replay = Replay::default();
        for (seq, row) in (first..).zip(&rows) {
            replay
                .row(&mut before, seq, FORMAT, row, |_, _, _| {})
                .map_err(|error| {
                    Failure::NotRight(format!("a row just written does not replay: {error}"))
                })?;
        }
        let (cpu, wall) = (thread_cpu().saturating_sub(start_cpu), start.elapsed());
        let count = (rows.len() * BATCH) as f64;
        Ok(Numbers::default()
            .with("payments_per_second", count / wall.as_secs_f64())
            .with("payments_per_cpu_second", count / cpu.as_secs_f64())
            .with("ns_per_payment", wall.as_nanos() as f64 / count)
            .with("cpu_ns_per_payment", cpu.as_nanos() as f64 / count))
    }
}

fn refused(outcome: Outcome, event: &Event) -> Failure {
    let code = event.refusal().map(|refused| refused.code);
    Failure::said(format!(
        "a command of the measurement was not done: {outcome:?} {code:?}"
    ))
}

/// What a look at the clock takes: the median of many.
fn clock_cost() -> Duration {
    let costs = (0..1_001).map(|_| {
        let start = Instant::now();
        start.elapsed().as_nanos() as f64
    });
    Duration::from_nanos(median(costs.collect()) as u64)
}

/// Wallets and payments under valgrind, which is fifty times slower and counts the same each time.
const COUNTED_WALLETS: u64 = 100_000;
const COUNTED_PAYMENTS: u64 = 64_000;

/// Counts a payment's instructions by running this program again under valgrind, counting inside
/// [`Bench::batch`] only. `None`, with a word on standard error, where that is not possible.
fn instructions(pattern: Pattern, seed: u64) -> Option<Numbers> {
    let program = std::env::current_exe().ok()?;
    let payments = COUNTED_PAYMENTS.to_string();
    let output = std::process::Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            "--collect-atstart=no",
        ])
        .arg("--toggle-collect=*bench::step::Bench::batch*")
        .arg(program)
        .args(["bench", "engine", "--rounds", "1", "--no-replay", "--json"])
        .args(["--patterns", pattern.name(), "--payments", &payments])
        .args([
            "--wallets",
            &COUNTED_WALLETS.to_string(),
            "--seed",
            &seed.to_string(),
        ])
        .stdin(Stdio::null())
        .output();
    let counted = output
        .ok()
        .and_then(|output| collected(&String::from_utf8_lossy(&output.stderr)));
    let Some(counted) = counted else {
        eprintln!("instructions were not counted: valgrind did not run");
        return None;
    };
    Some(Numbers::default().with("instructions_per_payment", counted as f64 / in_batches()))
}

/// How many payments of the counted run are made in [`Bench::batch`]: all but those of the detailed
/// batches, and the first batch after the opening.
fn in_batches() -> f64 {
    let batches = COUNTED_PAYMENTS as usize / BATCH;
    ((1 + batches - batches / DETAILED) * BATCH) as f64
}

/// `==123== Collected : 456`
fn collected(text: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_run_has_a_row_for_each_pattern_and_one_for_replay() {
        let plan = Plan {
            wallets: 300,
            payments: 16_000,
            rounds: 1,
            seed: 1,
            patterns: vec![Pattern::Uniform, Pattern::Zipf, Pattern::Hot],
            replay: true,
            law: true,
            tax: true,
            prices: true,
            instructions: false,
            quiet: true,
        };
        let sheet = run(&plan).unwrap();
        for name in [
            "uniform",
            "zipf",
            "hot",
            "replay",
            "uniform_law",
            "hot_law",
            "uniform_tax",
            "hot_tax",
            "uniform_price",
            "hot_price",
        ] {
            let rate = sheet.median(name, "payments_per_second");
            assert!(rate.is_some_and(|rate| rate > 0.0), "{name}: {rate:?}");
        }
        assert!(sheet.median("hot", "ratio_to_uniform").is_some());
        let bytes = |name| sheet.median(name, "bytes_per_payment").unwrap();
        assert!(bytes("uniform_tax") < bytes("uniform") + 10.5);
        assert!(
            sheet
                .median("uniform", "bytes_per_payment")
                .is_some_and(|bytes| bytes < 160.0)
        );
    }

    #[test]
    fn callgrinds_count_is_found() {
        let text = "==7== Events    : Ir\n==7== Collected : 123456\n==7== \n";
        assert_eq!(collected(text), Some(123_456));
        assert_eq!(collected("valgrind: not found"), None);
    }
}
