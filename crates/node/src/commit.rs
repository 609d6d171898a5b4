//! The committer: makes a batch durable, then answers.
//!
//! It works in a thread of its own, so that the next batch is decided meanwhile; a small batch the
//! writer takes to it itself, for waking a thread takes longer than deciding a few commands.
//!
//! After a failed append nothing is trusted: every caller hears `outcome_unknown` and the process
//! ends.

use crate::answer::Unavailable;
use crate::bulk::Answered;
use crate::ending::Ending;
use crate::projection::Projection;
use crate::queue::{
    Completions, Deliver, Item, Queue, Reply, Result1, Told, lock, tell, tell_unavailable,
};
use crate::stats::Stats;
use engine::codec::{FORMAT, RowWriter};
use journal::Journal;
use journal::merkle::Builder;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;
use tokio::sync::oneshot;

/// One batch on its way to the journal, and who waits for it.
#[derive(Default)]
pub(crate) struct Batch {
    pub row: RowWriter,
    pub answers: Vec<(Reply, Result1)>,
    pub queries: Vec<Deliver>,
    /// Submissions whose last event is in it.
    pub bulks: Vec<(oneshot::Sender<Told<Answered>>, Answered)>,
    pub refused: u64,
    /// Of the commands in it.
    pub weight: usize,
}

impl Batch {
    pub fn is_empty(&self) -> bool {
        self.row.is_empty()
            && self.answers.is_empty()
            && self.queries.is_empty()
            && self.bulks.is_empty()
    }

    /// How many events and answers it has, whichever are more.
    pub fn len(&self) -> usize {
        self.row.len().max(self.answers.len())
    }

    /// Nobody's outcome is known.
    pub fn fail(&mut self) {
        for (reply, _) in self.answers.drain(..) {
            tell_unavailable(reply, Unavailable::OutcomeUnknown);
        }
        // Who waits for many hears it as the channel closes.
        self.bulks.clear();
        for deliver in self.queries.drain(..) {
            deliver(false);
        }
    }

    fn clear(&mut self) {
        self.row.clear();
        (self.refused, self.weight) = (0, 0);
    }
}

/// Tells the callers of items that were never decided.
pub(crate) fn fail_items(items: Vec<Item>) {
    for item in items {
        match item {
            // Nothing happened, but the caller need not tell the difference: the same id is safe.
            Item::Command(_, reply) => tell_unavailable(reply, Unavailable::OutcomeUnknown),
            // Dropping these closes their channels.
            Item::Bulk(_) | Item::Query(_) | Item::SetTime(_) | Item::ConfirmClock => {}
        }
    }
}

#[derive(Default)]
struct Handed {
    batch: Option<Box<Batch>>,
    closed: bool,
}

/// Where the writer leaves a batch for the committer.
#[derive(Default)]
pub(crate) struct Slot {
    handed: Mutex<Handed>,
    some: Condvar,
    #[expect(
        clippy::vec_box,
        reason = "batches are handed over as boxes, again and again"
    )]
    spare: Mutex<Vec<Box<Batch>>>,
    failed: AtomicBool,
}

impl Slot {
    /// Leaves a batch; the committer is free.
    pub fn put(&self, batch: Box<Batch>) {
        let previous = lock(&self.handed).batch.replace(batch);
        debug_assert!(previous.is_none(), "the committer was claimed");
        self.some.notify_one();
    }

    /// A commit has failed or a thread has panicked; nothing more is answered.
    pub fn fail(&self) {
        self.failed.store(true, Ordering::Release);
        self.close();
    }

    /// No more batches.
    pub fn close(&self) {
        lock(&self.handed).closed = true;
        self.some.notify_one();
    }

    /// Whether [`Self::fail`] was called.
    pub fn failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// An empty batch, its memory used before if possible.
    pub fn recycled(&self) -> Box<Batch> {
        lock(&self.spare).pop().unwrap_or_default()
    }

    fn take(&self) -> Option<Box<Batch>> {
        let mut handed = lock(&self.handed);
        loop {
            if let Some(batch) = handed.batch.take() {
                return Some(batch);
            }
            if handed.closed {
                return None;
            }
            handed = self
                .some
                .wait(handed)
                .unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }
}

pub(crate) struct Committer {
    pub journal: Box<dyn Journal>,
    pub slot: Arc<Slot>,
    pub queue: Arc<Queue>,
    pub stats: Arc<Stats>,
    pub projection: Option<Arc<Projection>>,
    pub ending: Ending,
    /// Called with the number of events after each commit.
    pub committed: Box<dyn FnMut(u64) + Send>,
    /// Memory that is used again and again.
    pub tree: Builder,
    /// See `tree`.
    pub clients: Vec<Arc<Completions>>,
}

/// The thread: works until the slot is closed or an append fails.
pub(crate) fn run(committer: &Mutex<Committer>, slot: &Slot) {
    while let Some(batch) = slot.take() {
        if !lock(committer).commit(batch) {
            return;
        }
    }
}

impl Committer {
    /// Makes a batch durable and answers it; `false` when that failed and nothing more can be.
    pub fn commit(&mut self, mut batch: Box<Batch>) -> bool {
        if !batch.row.is_empty()
            && let Err(error) = self.append(&batch)
        {
            self.fail(&mut batch, &error);
            return false;
        }
        self.clients.clear();
        for (reply, result) in batch.answers.drain(..) {
            if let Reply::Client(token) = &reply
                && let Some(client) = token.to()
                && !self.clients.iter().any(|known| Arc::ptr_eq(known, client))
            {
                self.clients.push(client.clone());
            }
            tell(reply, result);
        }
        for client in &self.clients {
            client.some.notify_all();
        }
        for (to, answered) in batch.bulks.drain(..) {
            // A caller that went away is not told.
            let _ = to.send(Ok(answered));
        }
        for deliver in batch.queries.drain(..) {
            deliver(true);
        }
        batch.clear();
        lock(&self.slot.spare).push(batch);
        self.queue.commit_idle();
        true
    }

    fn append(&mut self, batch: &Batch) -> Result<(), journal::JournalError> {
        for leaf in batch.row.leaves() {
            self.tree.push_leaf(leaf);
        }
        let root = self.tree.finish();
        let start = Instant::now();
        let head = self.journal.append(FORMAT, batch.row.bytes(), root)?;
        self.stats
            .commit_took(u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX));
        let events = batch.row.len() as u64;
        Stats::add(&self.stats.batches, 1);
        Stats::add(&self.stats.events, events);
        Stats::add(&self.stats.refused, batch.refused);
        Stats::add(&self.stats.bytes, batch.row.bytes().len() as u64);
        self.stats.durable_seq.store(head.seq, Ordering::Release);
        if let Some(projection) = &self.projection {
            projection.wake(head.seq);
        }
        (self.committed)(events);
        Ok(())
    }

    fn fail(&self, batch: &mut Batch, error: &journal::JournalError) {
        tracing::error!(code = error.code(), %error, "commit_failed");
        self.ending.mark();
        batch.fail();
        self.ending.end(&format!("a commit failed: {error}"));
    }
}
