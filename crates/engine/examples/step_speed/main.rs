//! How fast the step alone is: look-up, decision, fold and encoding, on one core and a million
//! wallets; then replay of the same rows, snapshot and restore, and what an idle wallet takes.
//!
//! `cargo run --release -p engine --example step_speed [-- [price] PAYMENTS [ROUNDS [WALLETS]]]`
//!
//! With `price` first, payments are by a flat price of the same amount.

mod town;

use engine::codec::{FORMAT, RowWriter};
use engine::records::{Party, Wallet};
use engine::{
    Command, Event, Handles, Outcome, Position, RESOLVE_CHUNK, Replay, apply, decide, resolve,
    snapshot,
};
use std::time::{Duration, Instant};
use town::{Pattern, Size, Town};

const BATCH: usize = 1_000;
/// Of so many batches, one is measured stage by stage, which slows it down.
const DETAILED: usize = 16;

fn main() {
    let is_priced = std::env::args()
        .nth(1)
        .is_some_and(|first| first == "price");
    let arguments = std::env::args().skip(1 + usize::from(is_priced));
    let mut arguments = arguments.map(|a| a.parse::<usize>());
    let mut argument = |or| match arguments.next() {
        None => or,
        Some(number) => {
            number.expect("the arguments are numbers: PAYMENTS a round, ROUNDS, WALLETS")
        }
    };
    let (payments, rounds) = (argument(1_000_000), argument(5));
    let wallets = argument(1_000_000) as u64;
    let merchants = wallets / 100;

    let resident_before = resident_mb();
    let mut town = Town::open(Size { wallets, merchants });
    println!("{wallets} wallets, {} accounts", town.state.book.len());
    print_memory(resident_before);
    if is_priced {
        town.set_price();
    }

    let mut step = Step::default();
    let mut each = [Vec::new(), Vec::new(), Vec::new()];
    let patterns = [Pattern::Uniform, Pattern::Zipf, Pattern::Hot];
    for round in 1..=rounds {
        for (pattern, each) in patterns.into_iter().zip(&mut each) {
            let spent = step.round(&mut town, pattern, payments, |_| {});
            println!("{round} {pattern:?}: {}", spent.row(payments));
            each.push(spent.each(payments));
        }
    }
    for (pattern, each) in patterns.into_iter().zip(&mut each) {
        each.sort_by(f64::total_cmp);
        let (median, best) = (each[rounds / 2], each[0]);
        println!(
            "{pattern:?}: median {:.2}, best {:.2} M payments/s",
            1e3 / median,
            1e3 / best
        );
    }
    replay(&mut town, &mut step, payments);
    snapshots(&town);
    let sums = town.state.trial_balance();
    assert!(sums.iter().all(|(_, sum)| *sum == 0), "{sums:?}");
}

/// The step with its memory, which is used again and again.
#[derive(Default)]
struct Step {
    commands: Vec<Command>,
    handles: Handles,
    writer: RowWriter,
    event: Option<Event>,
    seq: u64,
}

/// What a round took.
#[derive(Default)]
struct Spent {
    total: Duration,
    longest: Duration,
    resolving: Duration,
    /// Of the batches measured in detail only, the clock's own time taken off.
    deciding: Duration,
    applying: Duration,
    encoding: Duration,
    detailed: usize,
    bytes: usize,
}

impl Spent {
    fn each(&self, payments: usize) -> f64 {
        self.total.as_nanos() as f64 / payments as f64
    }

    fn row(&self, payments: usize) -> String {
        let detail = |spent: Duration| spent.as_nanos() / self.detailed.max(1) as u128;
        format!(
            "{:.2} M payments/s, {:.0} ns each (resolve {} decide {} apply {} encode {}), {} bytes, \
             longest batch {:.1} ms",
            1e3 / self.each(payments),
            self.each(payments),
            self.resolving.as_nanos() / payments as u128,
            detail(self.deciding),
            detail(self.applying),
            detail(self.encoding),
            self.bytes / payments,
            self.longest.as_secs_f64() * 1e3,
        )
    }
}

impl Step {
    /// Makes payments in batches and hands each row on.
    fn round(
        &mut self,
        town: &mut Town,
        pattern: Pattern,
        payments: usize,
        mut on_row: impl FnMut(&[u8]),
    ) -> Spent {
        let clock = clock_cost();
        let mut spent = Spent::default();
        for batch in 0..payments / BATCH {
            town.batch(pattern, BATCH, &mut self.commands);
            let start = Instant::now();
            self.batch(town, &mut spent, (batch % DETAILED == 0).then_some(clock));
            let took = start.elapsed();
            spent.total += took;
            spent.longest = spent.longest.max(took);
            spent.bytes += self.writer.bytes().len();
            on_row(self.writer.bytes());
        }
        spent
    }

    /// Never inlined, so that a profiler can be told to count in here only.
    #[inline(never)]
    fn batch(&mut self, town: &mut Town, spent: &mut Spent, detail: Option<Duration>) {
        let event = self.event.get_or_insert_with(Event::empty);
        let (now, state) = (town.now, &mut town.state);
        self.seq += 1;
        self.writer.begin(now);
        let mut index = 0;
        for commands in self.commands.chunks(RESOLVE_CHUNK) {
            let start = Instant::now();
            resolve(state, commands, now, &mut self.handles);
            spent.resolving += start.elapsed();
            for (at, command) in commands.iter().enumerate() {
                let position = Position {
                    seq: self.seq,
                    index,
                };
                index += 1;
                let Some(clock) = detail else {
                    let outcome = decide(state, &self.handles, at, command, now, event);
                    assert_eq!(outcome, Outcome::Event);
                    apply(state, event, position);
                    self.writer.push(event);
                    continue;
                };
                let start = Instant::now();
                let outcome = decide(state, &self.handles, at, command, now, event);
                let decided = Instant::now();
                assert_eq!(outcome, Outcome::Event);
                assert!(event.refusal().is_none(), "{event:?}");
                apply(state, event, position);
                let applied = Instant::now();
                self.writer.push(event);
                spent.encoding += applied.elapsed().saturating_sub(clock);
                spent.applying += (applied - decided).saturating_sub(clock);
                spent.deciding += (decided - start).saturating_sub(clock);
                spent.detailed += 1;
            }
        }
    }
}

/// Replays a round's rows on the state before it.
fn replay(town: &mut Town, step: &mut Step, payments: usize) {
    let mut before = town.state.clone();
    let mut rows = Vec::new();
    step.round(town, Pattern::Uniform, payments, |row| {
        rows.push(row.to_vec());
    });
    let first = step.seq + 1 - rows.len() as u64;
    let start = Instant::now();
    let mut replay = Replay::default();
    for (seq, row) in (first..).zip(&rows) {
        replay
            .row(&mut before, seq, FORMAT, row, |_, _, _| {})
            .expect("the row was just written");
    }
    let spent = start.elapsed();
    println!(
        "replay: {:.2} M payments/s",
        payments as f64 / spent.as_secs_f64() / 1e6
    );
    assert_eq!(snapshot::digest(&before), snapshot::digest(&town.state));
}

fn snapshots(town: &Town) {
    let start = Instant::now();
    let bytes = snapshot::encode(&town.state);
    let encoded = start.elapsed();
    let start = Instant::now();
    let digest = snapshot::digest(&town.state);
    let digested = start.elapsed();
    let start = Instant::now();
    let back = snapshot::decode(&bytes, 99).expect("the snapshot was just written");
    let decoded = start.elapsed();
    println!(
        "snapshot: {} MB with {} recent ids, written in {encoded:.1?}, digested in {digested:.1?}, \
         read in {decoded:.1?}",
        bytes.len() / 1_000_000,
        back.recents.len(),
    );
    assert_eq!(snapshot::digest(&back), digest);
}

/// What an idle wallet with one account takes: its records, and its slots in two tables of eight
/// bytes a slot, which are at least three eighths full.
fn print_memory(resident_before: Option<u64>) {
    let records = size_of::<Party>()
        + size_of::<engine::ids::PartyId>()
        + size_of::<Wallet>()
        + size_of::<ledger::Account>();
    let slots = 2 * 8 * 8 / 3;
    let wallet = records + slots;
    println!("an idle wallet: at most {wallet} bytes, {records} in records");
    assert!(wallet <= 256);
    if let (Some(before), Some(now)) = (resident_before, resident_mb()) {
        let spent = now.saturating_sub(before);
        println!("resident after the opening: {spent} MB more than before, its ids included\n");
    }
}

/// The memory the system has given this process, where it says so.
fn resident_mb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes / 1_000)
}

/// What reading the clock takes: the median of many.
fn clock_cost() -> Duration {
    let mut costs: Vec<Duration> = (0..1_001)
        .map(|_| {
            let start = Instant::now();
            start.elapsed()
        })
        .collect();
    costs.sort_unstable();
    costs[costs.len() / 2]
}
