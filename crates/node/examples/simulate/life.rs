//! One life of a node: founded, used, broken, started again, and judged by the oracle.
//!
//! Commands are submitted by one thread, so the node considers them in the order in which they were
//! submitted, however its own threads cut them into batches. The oracle hears of a command when its
//! outcome is known. When a commit fails, the outcome of all that was not acknowledged is unknown:
//! what the journal then holds of it must be what the oracle makes of the same commands in the same
//! order up to some row, and nothing else; the rest is asked again under the same ids.

use crate::convert;
use crate::dice::Dice;
use crate::judge::{Judge, Told};
use crate::shelf::Shelf;
use crate::town::Town;
use engine::{Event, Id, Position, UtcMillis};
use journal::fault::{Fault, MemDisk};
use node::{Answer, Brief, Clock, Fatal, Node, NodeOptions};
use oracle::{Command, Place};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// A clock that is moved by hand.
#[derive(Default)]
pub struct Hands {
    wall: AtomicU64,
    monotonic: AtomicU64,
}

impl Clock for Hands {
    fn wall_ms(&self) -> u64 {
        self.wall.load(SeqCst)
    }
    fn monotonic_ms(&self) -> u64 {
        self.monotonic.load(SeqCst)
    }
}

/// How a run is made.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// One command a submission: batches, and so the faults' effects, are the same in every run.
    pub serial: bool,
    /// Commands a life.
    pub commands: u64,
}

/// What a life came to.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Commands made, retries aside.
    pub commands: u64,
    /// Submitted again because their outcome was unknown.
    pub retried: u64,
    /// Of them, those that had happened.
    pub had_happened: u64,
    pub faults: u64,
    pub restarts: u64,
    pub snapshots_used: u64,
    pub clock_jumps: u64,
    pub events: u64,
    pub rows: u64,
    /// Answers by what they were.
    pub answers: BTreeMap<String, u64>,
}

impl Tally {
    pub fn add(&mut self, other: &Tally) {
        self.commands += other.commands;
        self.retried += other.retried;
        self.had_happened += other.had_happened;
        self.faults += other.faults;
        self.restarts += other.restarts;
        self.snapshots_used += other.snapshots_used;
        self.clock_jumps += other.clock_jumps;
        self.events += other.events;
        self.rows += other.rows;
        for (what, count) in &other.answers {
            *self.answers.entry(what.clone()).or_default() += count;
        }
    }
}

/// What was submitted: a command, or the time being set; with the clock then.
#[derive(Clone)]
enum Entry {
    Ask(u64, Rc<Command>),
    Time(u64),
}

/// How commands are handed in.
#[derive(Clone, Copy, Debug)]
enum Door {
    /// One at a time, with the whole answer.
    Single,
    /// Together, answered in brief.
    Brief,
    /// Together, with whole answers.
    Whole,
    /// In several lots without waiting, the time being set in between.
    Flight,
}

struct Life<'a> {
    dice: Dice,
    town: Town,
    judge: Judge,
    shelf: &'a Shelf,
    node: Node,
    options: NodeOptions,
    hands: Arc<Hands>,
    /// Time is set by the caller; else the node follows the hands.
    set_time: bool,
    manner: Manner,
    /// Whole answers at hand, for commands that carry one.
    events: HashMap<(u32, u128), (Position, Event)>,
    /// The ids without a time that are asked in one go: each may be answered anew, and then its event
    /// is another than the one known before.
    asked: HashSet<(u32, u128)>,
    /// The highest time that the node may have seen.
    latest: u64,
    /// The hands jumped and nobody has confirmed.
    jumped: bool,
    tally: Tally,
}

/// Lives one life. The error says what differed, after the last commands.
pub fn live(seed: u64, manner: Manner, alive: &AtomicU64) -> Result<Tally, String> {
    let mut dice = Dice::new(seed ^ 0x005e_ed0f_a1fe);
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    let on_disk = dice.chance(120);
    let shelf = if on_disk {
        Shelf::File(dir.path().to_owned(), Arc::default())
    } else {
        Shelf::Memory(MemDisk::new(0), dir.path().to_owned())
    };
    let hands = Arc::new(Hands::default());
    let town = Town::new(seed);
    hands.wall.store(town.clock, SeqCst);
    let snapshot_every = if dice.chance(500) { 2_000 } else { 0 };
    let options = options(&hands, snapshot_every);
    let node = shelf.start(options.clone())?;
    let set_time = dice.chance(700);
    let latest = town.clock;
    let mut life = Life {
        dice,
        town,
        judge: Judge::default(),
        shelf: &shelf,
        node,
        options,
        hands,
        set_time,
        manner,
        events: HashMap::new(),
        asked: HashSet::new(),
        latest,
        jumped: false,
        tally: Tally::default(),
    };
    let result = life.run(alive);
    life.node.shutdown();
    result.map_err(|why| format!("{}\n{why}", life.judge.last_words()))?;
    life.tally.answers = std::mem::take(&mut life.judge.answers);
    Ok(life.tally)
}

fn options(hands: &Arc<Hands>, snapshot_every: u64) -> NodeOptions {
    NodeOptions {
        projection: false,
        opaque_ids: node::OpaqueIds::Window,
        snapshot_every,
        clock: hands.clone(),
        fatal: Fatal::Call(Arc::new(|_| {})),
        ..NodeOptions::default()
    }
}

impl Life<'_> {
    fn run(&mut self, alive: &AtomicU64) -> Result<(), String> {
        if self.set_time {
            self.tell_time();
        }
        let mut chunk = self.town.founding();
        while self.tally.commands < self.manner.commands {
            alive.fetch_add(1, SeqCst);
            self.tally.commands += chunk.len() as u64;
            if self.dice.chance(60) {
                self.plan_fault();
            }
            let door = self.door();
            let mut unknown = self.submit(chunk, door)?;
            while !unknown.is_empty() {
                unknown = self.recover(unknown)?;
            }
            self.town.answered();
            if self.dice.chance(10) && self.shelf.has_snapshots() {
                let _ = self.node.snapshot();
            }
            if self.dice.chance(5) {
                // A calm restart.
                let rest = self.recover(Vec::new())?;
                debug_assert!(rest.is_empty());
            }
            self.step_time()?;
            let most = if self.dice.chance(100) { 2_000 } else { 300 };
            let count = 1 + self.dice.below(most);
            chunk = (0..count).map(|_| self.town.next()).collect();
        }
        self.confirm();
        // A fault that was planned may strike only now, at an event of the node's own.
        let report = loop {
            let report = match self.settle_time()? {
                true => self.judge.audit(&self.node, self.shelf),
                false => Err("the node has failed".to_owned()),
            };
            if self.settle_time()? {
                break report?;
            }
            self.recover(Vec::new())?;
        };
        (self.tally.events, self.tally.rows) = report;
        self.node.shutdown();
        Ok(())
    }

    fn door(&mut self) -> Door {
        let throw = self.dice.below(10);
        match throw {
            _ if self.manner.serial => Door::Single,
            0..4 => Door::Brief,
            4..6 => Door::Whole,
            6 if self.dice.chance(100) => Door::Single,
            _ => Door::Flight,
        }
    }

    fn plan_fault(&mut self) {
        let torn = Fault::Torn(self.dice.below(5_000) as usize);
        let fault = self.dice.pick(&[
            Fault::FailBefore,
            Fault::FailAfter,
            Fault::Full,
            Fault::CrashBefore,
            Fault::CrashAfter,
            torn,
        ]);
        let after = 1 + self.dice.below(if self.manner.serial { 200 } else { 6 });
        self.shelf.inject(after, fault);
        self.tally.faults += 1;
    }

    fn tell_time(&mut self) {
        self.latest = self.latest.max(self.town.clock);
        // A node that has failed meanwhile takes no time; the next submission finds out.
        let _ = self.node.set_time(UtcMillis(self.town.clock));
    }

    /// Lets time pass between chunks; seldom backwards, seldom in a jump.
    fn step_time(&mut self) -> Result<(), String> {
        let hour = 3_600_000;
        let step = match self.dice.below(1_000) {
            0..3 => self.dice.below(40 * hour),
            3..10 => self.dice.below(hour),
            10..30 => self.dice.below(400_000),
            30..400 => 0,
            400..700 => self.dice.below(20),
            _ => self.dice.below(3_000),
        };
        // Only what is durable is certain to have happened by the later time. And the hands move
        // only when the node is at rest: a batch that was begun has its time.
        let back = self.dice.chance(10);
        let settled = (!back && self.set_time) || self.settle_time()?;
        let back = back && settled;
        let jump = !self.set_time && self.dice.chance(8);
        let hands = self.hands.clone();
        if jump {
            self.tally.clock_jumps += 1;
            let good = self.town.clock;
            self.town.clock += 300_001 + self.dice.below(48 * hour);
            hands.wall.store(self.town.clock, SeqCst);
            self.jumped = true;
            if self.dice.chance(500) {
                // Work while the clock is not believed.
                let chunk: Vec<_> = (0..1 + self.dice.below(50))
                    .map(|_| self.town.next())
                    .collect();
                self.tally.commands += chunk.len() as u64;
                let mut unknown = self.submit(chunk, Door::Brief)?;
                while !unknown.is_empty() {
                    // It had failed before, with a fault planned earlier; started anew, it believes.
                    self.jumped = false;
                    self.latest = self.latest.max(self.town.clock);
                    unknown = self.recover(unknown)?;
                }
                if !self.jumped {
                    return Ok(());
                }
            }
            if self.dice.chance(300) {
                // It was a mistake.
                self.town.clock = good;
                hands.wall.store(good, SeqCst);
                self.jumped = false;
                return Ok(());
            }
            self.confirm();
            return Ok(());
        }
        self.town.clock = if back {
            self.town.clock.saturating_sub(step)
        } else {
            self.town.clock + step
        };
        if !back {
            hands.monotonic.fetch_add(step, SeqCst);
        }
        hands.wall.store(self.town.clock, SeqCst);
        self.latest = self.latest.max(self.town.clock);
        if self.set_time {
            self.tell_time();
            self.judge.time(self.town.clock);
            if back {
                self.settle_time()?;
            }
        } else if back {
            self.settle_time()?;
        }
        Ok(())
    }

    fn confirm(&mut self) {
        if self.jumped {
            self.jumped = false;
            self.latest = self.latest.max(self.town.clock);
            let _ = self.node.confirm_clock();
        }
    }

    /// What the node's own events made of its time: the oracle does not know of all of them.
    /// A planned fault may strike here, which the next submission finds out: then `false`.
    fn settle_time(&mut self) -> Result<bool, String> {
        let now = self.node.query_blocking(|state| state.now.0);
        if now.is_ok() && !self.jumped {
            self.judge.time(self.town.clock);
        }
        now.map_or(Ok(false), |now| {
            self.judge.node_time(now, self.latest).map(|()| true)
        })
    }

    /// Hands commands in and judges what is known of them. Returns what is not.
    fn submit(&mut self, mut chunk: Vec<Rc<Command>>, door: Door) -> Result<Vec<Entry>, String> {
        let clock = self.town.clock;
        let mut entries: Vec<Entry> = Vec::new();
        let mut told: Vec<Told> = Vec::new();
        let untimed = chunk.iter().filter(|c| Id(c.id).time_ms().is_none());
        self.asked = untimed.map(|c| (c.tenant, c.id)).collect();
        match door {
            Door::Single => {
                for mut command in chunk {
                    let answer = match told.last() {
                        Some(Told::Unknown) => Told::Unknown,
                        _ => {
                            let asked = self.convert(&mut command);
                            match self.node.submit_blocking(asked) {
                                Ok(answer) => whole(answer),
                                Err(_) => Told::Unknown,
                            }
                        }
                    };
                    told.push(answer);
                    entries.push(Entry::Ask(clock, command));
                }
            }
            Door::Brief | Door::Whole => {
                let asked: Vec<_> = chunk.iter_mut().map(|c| self.convert(c)).collect();
                let count = chunk.len();
                entries.extend(chunk.into_iter().map(|c| Entry::Ask(clock, c)));
                told = match door {
                    Door::Brief => match self.node.submit_brief(asked) {
                        Ok(briefs) => briefs.into_iter().map(brief).collect(),
                        Err(_) => vec![Told::Unknown; count],
                    },
                    _ => match block_on(self.node.submit_many(asked)) {
                        Ok(answers) => {
                            let told = |answer: Result<_, _>| answer.map_or(Told::Unread, whole);
                            answers.into_iter().map(told).collect()
                        }
                        Err(_) => vec![Told::Unknown; count],
                    },
                };
            }
            Door::Flight => {
                let client = self.node.client();
                let mut token = 0u64;
                let mut answers: Vec<Option<Told>> = Vec::new();
                let mut left = &mut chunk[..];
                let mut refused = false;
                while !left.is_empty() {
                    let lot = (1 + self.dice.below(200) as usize).min(left.len());
                    let (these, others) = left.split_at_mut(lot);
                    let asked: Vec<_> = these.iter_mut().map(|c| self.convert(c)).collect();
                    let now = self.town.clock;
                    entries.extend(these.iter().map(|c| Entry::Ask(now, c.clone())));
                    left = others;
                    let tokens = token..token + lot as u64;
                    token = tokens.end;
                    let pairs: Vec<_> = tokens.zip(asked).collect();
                    refused = refused || client.submit(pairs.into_iter()).is_err();
                    answers.extend((0..lot).map(|_| refused.then_some(Told::Unknown)));
                    if self.set_time && self.dice.chance(500) {
                        self.town.clock += self.dice.below(500);
                        self.hands.wall.store(self.town.clock, SeqCst);
                        self.tell_time();
                        entries.push(Entry::Time(self.town.clock));
                    }
                }
                let mut waiting = answers.iter().filter(|a| a.is_none()).count();
                let mut done = Vec::new();
                while waiting > 0 {
                    client.wait(&mut done);
                    for (token, answer) in done.drain(..) {
                        let place = &mut answers[token as usize];
                        if place.is_some() {
                            return Err(format!("token {token} was answered twice"));
                        }
                        *place = Some(brief(answer));
                        waiting -= 1;
                    }
                }
                told.extend(answers.into_iter().flatten());
            }
        }
        self.judge_all(entries, told)
    }

    /// Judges answers in order, up to the first that is unknown; returns what is.
    fn judge_all(&mut self, entries: Vec<Entry>, told: Vec<Told>) -> Result<Vec<Entry>, String> {
        let mut told = told.into_iter();
        let mut unknown: Vec<Entry> = Vec::new();
        for entry in entries {
            match &entry {
                Entry::Time(clock) if unknown.is_empty() => self.judge.time(*clock),
                Entry::Time(_) => unknown.push(entry),
                Entry::Ask(clock, command) => {
                    let told = told.next().ok_or("fewer answers than commands")?;
                    match told {
                        Told::Unknown => unknown.push(entry),
                        _ if !unknown.is_empty() => {
                            return Err("an answer after one that is unknown".into());
                        }
                        Told::Unread => self.judge.unread(command)?,
                        _ if self.jumped => self.judge.unserved(command, &told)?,
                        told => {
                            if let Told::Done(place, .., Some(event)) = &told {
                                self.keep(command, *place, event);
                            }
                            self.judge.answer(*clock, command, told)?;
                        }
                    }
                }
            }
        }
        Ok(unknown)
    }

    /// Keeps an event that a later command may carry.
    fn keep(&mut self, command: &Command, (seq, index): Place, event: &Event) {
        use engine::EventKind as K;
        if matches!(
            event.kind,
            K::Paid | K::Captured | K::Split | K::Transferred | K::Grouped | K::TopUpSettled
        ) {
            let place = Position { seq, index };
            self.events
                .insert((command.tenant, command.id), (place, event.clone()));
        }
    }

    /// The engine's command; what it carries is read from the journal. A command whose event is not
    /// known yet carries none, and says so.
    fn convert(&mut self, command: &mut Rc<Command>) -> engine::Command {
        let (events, judge, node) = (&self.events, &self.judge, &self.node);
        let tenant = command.tenant;
        let mut missing = Vec::new();
        let converted = convert::command(command, &mut |id| {
            let is_anew = self.asked.contains(&(tenant, id));
            let place = judge.place_of(tenant, id).filter(|_| !is_anew);
            if let (Some(at), Some((kept, event))) = (place, events.get(&(tenant, id)))
                && at == *kept
            {
                return event.clone();
            }
            let event = place.and_then(|at| node.event_at(at).ok().flatten());
            // A payment that waits may be confirmed before this is decided.
            let event = event.filter(|e| !e.kind.asks_step_up());
            if event.is_none() {
                missing.push(id);
            }
            event.unwrap_or_else(Event::empty)
        });
        if !missing.is_empty() {
            carry_nothing(&mut Rc::make_mut(command).op, &|id| missing.contains(&id));
        }
        converted
    }

    /// The node has stopped, or is stopped: starts it again, judges what the journal holds of what
    /// was unknown, and asks the rest again.
    fn recover(&mut self, unknown: Vec<Entry>) -> Result<Vec<Entry>, String> {
        let was_calm = unknown.is_empty();
        self.node.shutdown();
        self.tally.restarts += 1;
        if self.dice.chance(200) {
            let node = self.shelf.start(self.options.clone())?;
            node.shutdown();
        }
        self.node = self.shelf.start(self.options.clone())?;
        self.tally.snapshots_used += u64::from(self.node.stats().snapshot_seq > 0);
        if self.set_time {
            self.tell_time();
        }
        let asked = unknown.into_iter().map(|entry| match entry {
            Entry::Ask(clock, command) => (clock, Some(command)),
            Entry::Time(clock) => (clock, None),
        });
        let asked: Vec<(u64, Option<Rc<Command>>)> = asked.collect();
        let had_happened = self.judge.tail(&asked, self.shelf)?;
        if self.set_time {
            self.judge.time(self.town.clock);
        }
        if self.settle_time()? && self.dice.chance(250) {
            let report = self.judge.audit(&self.node, self.shelf);
            if self.settle_time()? {
                report?;
            }
        }
        if was_calm {
            return Ok(Vec::new());
        }
        self.tally.had_happened += had_happened;
        let mut again: Vec<Rc<Command>> = asked.into_iter().filter_map(|(_, c)| c).collect();
        self.tally.retried += again.len() as u64;
        if self.dice.chance(300) {
            self.dice.shuffle(&mut again);
        }
        if self.dice.chance(100) {
            self.plan_fault();
        }
        let door = self.door();
        self.submit(again, door)
    }
}

/// Marks the events that a command does not carry after all.
fn carry_nothing(op: &mut oracle::Op, unknown: &dyn Fn(u128) -> bool) {
    use oracle::Op;
    match op {
        Op::Refund { carried, .. } | Op::OpenDispute { carried, .. } if unknown(*carried) => {
            *carried = 0;
        }
        Op::ReverseTopUp { carried, .. } if carried.is_some_and(unknown) => *carried = None,
        Op::RoundTax(rounding) if unknown(rounding.payment) => rounding.payment = 0,
        Op::Group { items } => {
            for (_, op) in items {
                carry_nothing(op, unknown);
            }
        }
        _ => {}
    }
}

fn brief(brief: Brief) -> Told {
    match brief {
        Brief::Done {
            position,
            kind,
            code,
        } => Told::Done(
            (position.seq, position.index),
            kind.as_str(),
            code.map(|c| c.as_str()),
            None,
        ),
        Brief::Known(position) => Told::Known((position.seq, position.index), false),
        Brief::Rejected(rejection) => Told::Rejected(rejection.code.as_str()),
        Brief::OutcomeUnknown => Told::Unknown,
    }
}

fn whole(answer: Answer) -> Told {
    match answer {
        Answer::Done { position, event } => Told::Done(
            (position.seq, position.index),
            event.kind.as_str(),
            event.refusal().map(|r| r.code.as_str()),
            Some(event),
        ),
        Answer::Known { position, .. } => Told::Known((position.seq, position.index), true),
        Answer::Rejected(rejection) => Told::Rejected(rejection.code.as_str()),
    }
}

/// Runs a future on this thread.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::task::Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        if let std::task::Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        std::thread::park();
    }
}

/// The seed of the n-th life of a run.
pub fn seed_of(seed: u64, life: u64) -> u64 {
    Dice::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ life).next()
}

/// Lives until so many commands were made. `on_life` hears of each; the error names the life.
pub fn run(
    seed: u64,
    commands: u64,
    manner: Manner,
    alive: &AtomicU64,
    mut on_life: impl FnMut(u64, &Tally),
) -> Result<Tally, (u64, String)> {
    let mut sum = Tally::default();
    for life in 0.. {
        if sum.commands >= commands {
            break;
        }
        alive.store(life << 32, SeqCst);
        let manner = Manner {
            commands: manner.commands.min(commands - sum.commands),
            ..manner
        };
        let tally = live(seed_of(seed, life), manner, alive).map_err(|why| (life, why))?;
        sum.add(&tally);
        on_life(life, &sum);
    }
    Ok(sum)
}
