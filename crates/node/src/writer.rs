//! The writer: the one thread that decides and applies.
//!
//! It takes what waits in the queue as one batch, never waiting for more; while a batch is being
//! made durable it goes on filling the next.

use crate::answer::{Brief, NodeError};
use crate::backfill;
use crate::bulk::{Bulk, First, Said};
use crate::clock::{Clock, Watch};
use crate::commit::{Batch, Committer, Slot};
use crate::options::NodeOptions;
use crate::queue::{BATCH_MAX, BATCH_WEIGHT_MAX, Item, Queue, Reply, Result1, lock};
use crate::stats::Stats;
use engine::event::{Event, EventKind};
use engine::ids::ActorId;
use engine::records::{PartyNo, TenantNo};
use engine::{
    Code, Command, Handles, Id, Op, Outcome, Position, RESOLVE_CHUNK, Rejection, State, UtcMillis,
    apply, decide, decide_one, resolve,
};
use journal::Reader;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Nothing is considered while a jump of the clock is unconfirmed.
const CLOCK_UNCONFIRMED: Rejection = Rejection {
    code: Code::ClockUnconfirmed,
    field: "",
    item: None,
    throttled: None,
};

/// A batch of so few answers is committed by the writer itself: what comes meanwhile is the next
/// batch, and nothing of note could have been decided.
const SMALL: usize = 256;

/// So long after the journal could not be read for a law it is tried again.
const BACKFILL_AGAIN_MS: u64 = 60_000;

/// At most this many due timers in a batch.
const TIMERS_MAX: usize = 1_000;

/// Opens the journal once more, to read it.
pub(crate) type OpenHistory = Box<dyn Fn() -> Result<Box<dyn Reader + Send>, NodeError> + Send>;

pub(crate) struct Writer {
    state: State,
    queue: Arc<Queue>,
    slot: Arc<Slot>,
    committer: Arc<Mutex<Committer>>,
    stats: Arc<Stats>,
    clock: Arc<dyn Clock>,
    row_bytes_max: usize,
    watch: Watch,
    next_seq: u64,
    batch: Box<Batch>,
    /// The time of the batch being made; `None` while a clock jump is unconfirmed.
    now: Option<UtcMillis>,
    begun: bool,
    commands: Vec<Command>,
    replies: Vec<Reply>,
    handles: Handles,
    event: Event,
    /// Refusals that were not journaled one by one, and the second they belong to.
    throttled: BTreeMap<(TenantNo, PartyNo, Code), u32>,
    throttled_second: u64,
    history: OpenHistory,
    /// A law waits for what was done before it: not to be counted before this time.
    backfill_at_ms: Option<u64>,
}

impl Writer {
    /// Goes on from a state and the number of the row that comes next.
    pub fn new(
        (state, next_seq): (State, u64),
        queue: Arc<Queue>,
        slot: Arc<Slot>,
        committer: Arc<Mutex<Committer>>,
        stats: Arc<Stats>,
        options: &NodeOptions,
        history: OpenHistory,
    ) -> Writer {
        let watch = Watch::new(&*options.clock, state.now, options.clock_ahead_max);
        Writer {
            backfill_at_ms: (!backfill::waiting(&state).is_empty()).then_some(0),
            history,
            state,
            queue,
            slot,
            committer,
            stats,
            clock: options.clock.clone(),
            row_bytes_max: options.row_bytes_max,
            watch,
            next_seq,
            batch: Box::default(),
            now: None,
            begun: false,
            commands: Vec::with_capacity(BATCH_MAX),
            replies: Vec::with_capacity(BATCH_MAX),
            handles: Handles::default(),
            event: Event::empty(),
            throttled: BTreeMap::new(),
            throttled_second: 0,
        }
    }

    /// Works until the queue is closed and empty, or a commit has failed.
    pub fn run(mut self) {
        let mut items = Vec::with_capacity(BATCH_MAX);
        loop {
            let waiting = !self.batch.is_empty();
            let timeout = if waiting { None } else { self.next_timer() };
            let taken = self.queue.take(&mut items, self.room(), waiting, timeout);
            if self.slot.failed() {
                return self.give_up(items);
            }
            if taken.is_none() && !waiting {
                break;
            }
            self.process(&mut items);
            self.batch.weight += taken.unwrap_or(0);
            let claimed = !self.batch.is_empty() && self.queue.claim_commit();
            // A committer that has failed says it is free but takes nothing more.
            if self.slot.failed() {
                return self.give_up(Vec::new());
            }
            if claimed {
                self.hand_over();
            }
        }
        self.slot.close();
    }

    /// How many more items the batch has room for, and of what weight.
    fn room(&self) -> (usize, usize) {
        let batch = &self.batch;
        let has = batch.answers.len() + batch.queries.len() + batch.bulks.len();
        (
            BATCH_MAX.saturating_sub(has),
            BATCH_WEIGHT_MAX.saturating_sub(self.batch.weight),
        )
    }

    /// How long until something happens by itself.
    fn next_timer(&self) -> Option<Duration> {
        if !self.throttled.is_empty() {
            return Some(Duration::from_millis(1_000));
        }
        let due = self.state.next_due()?;
        let now = self.clock.wall_ms();
        Some(Duration::from_millis(
            due.0.saturating_sub(now).clamp(1, 60_000),
        ))
    }

    fn process(&mut self, items: &mut Vec<Item>) {
        self.begin();
        for item in items.drain(..) {
            match item {
                Item::Command(command, reply) => {
                    self.commands.push(command);
                    self.replies.push(reply);
                }
                Item::Bulk(bulk) => {
                    self.run_commands();
                    self.run_bulk(*bulk);
                }
                Item::Query(read) => {
                    self.run_commands();
                    self.batch.queries.push(read(&self.state));
                }
                Item::SetTime(now) => {
                    self.run_commands();
                    self.hand_over_waiting();
                    self.watch.set(now);
                    self.begin();
                }
                Item::ConfirmClock => {
                    self.run_commands();
                    // What is in the batch keeps its time.
                    self.hand_over_waiting();
                    self.watch.confirm(&*self.clock);
                    self.begin();
                }
            }
        }
        self.run_commands();
    }

    /// Starts a batch: its time, what is due, what was counted.
    fn begin(&mut self) {
        // While nothing is in it a batch has no time yet: a writer that woke for nothing must not
        // decide the next command, hours later, at the time of its waking.
        if self.begun && !self.batch.is_empty() {
            return;
        }
        self.begun = true;
        self.now = self.watch.now(&*self.clock, self.state.now);
        self.stats
            .clock_jumped
            .store(u64::from(self.watch.jumped()), Relaxed);
        let Some(now) = self.now else { return };
        self.batch.row.begin(now);
        let second = now.0 / 1000;
        if second > self.throttled_second {
            self.throttled_second = second;
            for ((tenant, party, code), count) in std::mem::take(&mut self.throttled) {
                self.node_command(now, tenant, Op::CountRefusals { party, code, count });
            }
        }
        self.run_timers(now);
        if self.backfill_at_ms.is_some_and(|at| at <= now.0) {
            self.backfill(now);
        }
    }

    /// Lets happen what is due, and what is due by it: no command sees the hour before its periods.
    fn run_timers(&mut self, now: UtcMillis) {
        let mut left = TIMERS_MAX;
        while left > 0 {
            let due: Vec<_> = self.state.due(now, left).copied().collect();
            let before = self.batch.row.len();
            left -= due.len();
            for (_, kind, tenant, thing) in due {
                self.node_command(now, tenant, Op::Expire { kind, thing });
            }
            // What could not be considered now, or nothing.
            if self.batch.row.len() == before {
                return;
            }
        }
        self.queue.poke();
    }

    /// Counts what was done before laws that wait for it; nothing is decided meanwhile.
    #[cold]
    fn backfill(&mut self, now: UtcMillis) {
        self.hand_over_waiting();
        // The committer is free when the last row is durable.
        while !self.queue.claim_commit() {
            if self.slot.failed() {
                return;
            }
            let wait = Some(Duration::from_millis(50));
            self.queue.take(&mut Vec::new(), (0, 0), true, wait);
        }
        self.queue.commit_idle();
        self.backfill_at_ms = None;
        for tenant in backfill::waiting(&self.state) {
            let counted = (self.history)().and_then(|mut reader| {
                backfill::count(&mut *reader, &self.state, tenant, self.next_seq - 1)
            });
            match counted {
                Ok(parts) => {
                    for part in parts {
                        self.batch.row.begin(now);
                        self.node_command(now, tenant, part);
                        self.hand_over_waiting();
                    }
                }
                Err(error) => {
                    tracing::error!(code = error.code(), %error, "law_not_backfilled");
                    self.backfill_at_ms = Some(now.0.saturating_add(BACKFILL_AGAIN_MS));
                }
            }
        }
        self.begin();
    }

    /// Decides a command of the node's own.
    fn node_command(&mut self, now: UtcMillis, tenant: TenantNo, op: Op) {
        let command = Command {
            id: Id::NONE,
            tenant,
            actor: ActorId(Id::NONE),
            op,
            besides: None,
        };
        let outcome = decide_one(&self.state, &command, now, &mut self.event);
        let result = self.conclude(&command, outcome, false);
        self.batch.answers.push((Reply::Nobody, result));
    }

    /// Decides the commands that were gathered.
    fn run_commands(&mut self) {
        let mut commands = std::mem::take(&mut self.commands);
        let mut replies = std::mem::take(&mut self.replies);
        let mut replied = replies.drain(..);
        let was_in_time = self.each(&commands, |writer, command, outcome| {
            let reply = replied.next().expect("a reply for each command");
            let result = writer.conclude(command, outcome, reply.wants_event());
            writer.batch.answers.push((reply, result));
        });
        if !was_in_time {
            for reply in replied.by_ref() {
                let answer = (reply, Result1::Rejected(CLOCK_UNCONFIRMED));
                self.batch.answers.push(answer);
            }
        }
        drop(replied);
        commands.clear();
        (self.commands, self.replies) = (commands, replies);
    }

    /// Decides many payments that are answered together: with the last of their rows.
    fn run_bulk(&mut self, bulk: Bulk) {
        let Bulk {
            commands,
            looked,
            to,
        } = bulk;
        let mut said = Vec::with_capacity(commands.len());
        self.each(&commands, |writer, command, outcome| {
            // Nothing has changed since it was decided. What cannot be considered now may have been paid
            // before, and was refunded since, or its price archived.
            let is_known = matches!(outcome, Outcome::Known(_));
            if !is_known && !looked && writer.state.recents.has_forgotten_untimed() {
                said.push(Said::Unlooked);
                return;
            }
            said.push(match writer.conclude(command, outcome, false) {
                Result1::Done(position, ..) => Said::Done(First::of(&writer.event, position)),
                Result1::Known(position) => Said::Known(position),
                Result1::Rejected(rejection) => Said::Rejected(rejection),
            });
        });
        said.resize(commands.len(), Said::Rejected(CLOCK_UNCONFIRMED));
        self.batch.bulks.push((to, (commands, said)));
    }

    /// Decides commands, each concluded before the next. A row that has grown large is committed before
    /// the next is decided, so that none ever reaches what the journal takes. `false` while a jump of the
    /// clock is unconfirmed: then nothing more is considered.
    fn each(
        &mut self,
        commands: &[Command],
        mut conclude: impl FnMut(&mut Writer, &Command, Outcome),
    ) -> bool {
        let mut done = 0;
        while done < commands.len() {
            let Some(now) = self.now else {
                return false;
            };
            let ahead = &commands[done..(done + RESOLVE_CHUNK).min(commands.len())];
            resolve(&self.state, ahead, now, &mut self.handles);
            for (at, command) in ahead.iter().enumerate() {
                let outcome = decide(
                    &self.state,
                    &self.handles,
                    at,
                    command,
                    now,
                    &mut self.event,
                );
                conclude(self, command, outcome);
                done += 1;
                if self.batch.row.bytes().len() >= self.row_bytes_max {
                    break;
                }
            }
            if self.batch.row.bytes().len() >= self.row_bytes_max && !self.slot.failed() {
                self.hand_over_waiting();
                self.begin();
            }
        }
        true
    }

    #[inline]
    fn conclude(&mut self, command: &Command, outcome: Outcome, wants_event: bool) -> Result1 {
        match outcome {
            Outcome::Event => {
                let index = u32::try_from(self.batch.row.len()).expect("a row has few events");
                let position = Position {
                    seq: self.next_seq,
                    index,
                };
                apply(&mut self.state, &self.event, position);
                self.batch.row.push(&self.event);
                if self.event.kind == EventKind::LawActivated {
                    self.backfill_at_ms = (!backfill::waiting(&self.state).is_empty()).then_some(0);
                }
                let code = self.event.refusal().map(|refused| refused.code);
                self.batch.refused += u64::from(code.is_some());
                let brief = Brief::Done {
                    position,
                    kind: self.event.kind,
                    code,
                };
                Result1::Done(
                    position,
                    wants_event.then(|| Box::new(self.event.clone())),
                    brief,
                )
            }
            Outcome::Known(position) => {
                Stats::add(&self.stats.known, 1);
                Result1::Known(position)
            }
            Outcome::Rejected(rejection) => {
                Stats::add(&self.stats.rejected, 1);
                if let Some((party, code)) = rejection.throttled {
                    *self
                        .throttled
                        .entry((command.tenant, party, code))
                        .or_default() += 1;
                }
                Result1::Rejected(rejection)
            }
        }
    }

    /// Takes the batch to the committer, which is free.
    fn hand_over(&mut self) {
        self.begun = false;
        if !self.batch.row.is_empty() {
            self.next_seq += 1;
        }
        let fresh = self.slot.recycled();
        let batch = std::mem::replace(&mut self.batch, fresh);
        if batch.len() <= SMALL {
            // Whether it failed is seen where failure of the thread is.
            lock(&self.committer).commit(batch);
        } else {
            self.slot.put(batch);
        }
    }

    fn hand_over_waiting(&mut self) {
        self.begun = false;
        if self.batch.is_empty() {
            return;
        }
        while !self.queue.claim_commit() {
            if self.slot.failed() {
                return;
            }
            let wait = Some(Duration::from_millis(50));
            self.queue.take(&mut Vec::new(), (0, 0), true, wait);
        }
        if !self.slot.failed() {
            self.hand_over();
        }
    }

    /// A commit has failed: nobody's outcome is known any more.
    fn give_up(mut self, items: Vec<Item>) {
        self.slot.close();
        self.batch.fail();
        crate::commit::fail_items(items);
        crate::commit::fail_items(self.queue.drain());
    }
}
