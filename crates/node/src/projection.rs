//! The read model's follower: reads the journal, folds its events into rows, writes them.
//!
//! It runs in a thread of its own and is never waited for: a payment is acknowledged when the journal
//! has it, and shows in lists a moment later. It starts where it stopped, and what it has not
//! written yet it reads again, for what it writes and how far it has read are one transaction. When it
//! cannot write (the disk is full), it says so in [`Progress`] and tries again; payments go on.
//!
//! Entry points: [`Projection::spawn`], [`Projection::wait_for`] (a read that must see a certain
//! row), [`Projection::model`] (the queries).

mod fold;
mod follow;

use crate::answer::Unavailable;
use engine::records::TenantNo;
use engine::{Id, Position};
use follow::{Follower, Shared};
use journal::{JournalError, Reader};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use store::read::ReadModel;
use thiserror::Error;

/// Why the read model cannot be followed.
#[derive(Debug, Error)]
pub enum ProjectionError {
    /// The read model's file.
    #[error("the read model: {0}")]
    Store(#[from] store::Error),
    /// The journal.
    #[error("following the journal: {0}")]
    Journal(#[from] JournalError),
    /// A row that this version cannot read: it stops before it and skips nothing.
    #[error("journal row {seq}: {error}")]
    Row {
        /// Which.
        seq: u64,
        /// What is wrong with it.
        error: engine::codec::CodecError,
    },
    /// The thread could not be started.
    #[error("starting the read model's thread: {0}")]
    Thread(std::io::Error),
}

impl ProjectionError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            ProjectionError::Store(error) => error.code(),
            ProjectionError::Journal(error) => error.code(),
            ProjectionError::Row { .. } => "journal_row_unreadable",
            ProjectionError::Thread(_) => "thread_unavailable",
        }
    }
}

/// How the journal is followed. The defaults suit production.
#[derive(Clone, Debug)]
pub struct ProjectionOptions {
    /// At most about so many events are written at once.
    pub events_max: usize,
    /// Before a write, so long is waited for more to write at once.
    pub gather: Duration,
    /// Where writing takes long, up to so long.
    pub gather_max: Duration,
    /// So often the journal is looked at unasked.
    pub poll: Duration,
    /// After a failure it is tried again after this time.
    pub retry: Duration,
    /// An id without a time cannot be checked when the read model is further behind.
    pub behind_max: Duration,
    /// Whether it waits for [`Projection::resume`] before it writes anything.
    pub paused: bool,
}

impl Default for ProjectionOptions {
    fn default() -> Self {
        ProjectionOptions {
            events_max: 65_536,
            gather: Duration::from_millis(20),
            gather_max: Duration::from_millis(250),
            poll: Duration::from_millis(500),
            retry: Duration::from_secs(1),
            // Half the shortest window in which State remembers ids: a command may wait a while in the
            // queue after it was looked up here.
            behind_max: Duration::from_secs(30),
            paused: false,
        }
    }
}

/// How far the read model is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The last row of the journal that is in it.
    pub applied_seq: u64,
    /// The last row that is known of.
    pub head_seq: u64,
    /// How many rows it is behind.
    pub lag_rows: u64,
    /// About how many events those are, from the mean of the rows read so far.
    pub lag_events: u64,
    /// For how long something has been missing, milliseconds: by the journal's times until it has once
    /// caught up with the journal it was opened on, for until then nobody was there to see.
    pub lag_ms: u64,
    /// Whether it has once caught up with the journal it was opened on.
    pub caught_up: bool,
    /// Why it does not get on, while it does not.
    pub failed: Option<String>,
    /// Whether it was told to pause.
    pub paused: bool,
}

/// The thread that keeps the read model, and what it is asked.
pub struct Projection {
    shared: Arc<Shared>,
    model: ReadModel,
    behind_max: Duration,
    waker: Thread,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Projection {
    /// Opens `read.db` in a directory that exists and follows the journal from where it stopped; from
    /// the start if there is none, or if it was made from another journal.
    ///
    /// # Errors
    /// [`ProjectionError`].
    pub fn spawn(
        dir: &Path,
        reader: Box<dyn Reader + Send>,
        options: ProjectionOptions,
    ) -> Result<Self, ProjectionError> {
        let behind_max = options.behind_max;
        let (model, follower) = Follower::open(dir, reader, options, wall_ms())?;
        let shared = follower.shared();
        let thread = thread::Builder::new()
            .name("farthing-read-model".to_owned())
            .spawn(move || follower.run())
            .map_err(ProjectionError::Thread)?;
        Ok(Projection {
            shared,
            model,
            behind_max,
            waker: thread.thread().clone(),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Throws `read.db` away, so that the next [`Self::spawn`] makes it again from the journal's first
    /// row. Nobody may have it open.
    ///
    /// # Errors
    /// [`ProjectionError::Store`].
    pub fn reset(dir: &Path) -> Result<(), ProjectionError> {
        Ok(ReadModel::remove(dir)?)
    }

    /// The queries.
    #[must_use]
    pub fn model(&self) -> &ReadModel {
        &self.model
    }

    /// Says that the journal has rows up to this one. Cheap: called after each commit.
    pub fn wake(&self, head_seq: u64) {
        self.shared.head.fetch_max(head_seq, Ordering::AcqRel);
        if self.shared.idle.load(Ordering::Acquire) {
            self.waker.unpark();
        }
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let status = self.shared.status();
        let head_seq = self.shared.head().max(status.applied_seq);
        let lag_rows = head_seq - status.applied_seq;
        let lag_ms = match (lag_rows, status.fresh_until) {
            (0, _) => 0,
            (_, Some(then)) => u64::try_from(then.elapsed().as_millis()).unwrap_or(u64::MAX),
            (_, None) => {
                let now = u64::try_from(wall_ms()).unwrap_or(0);
                status
                    .missing_ms
                    .map_or(u64::MAX, |then| now.saturating_sub(then))
            }
        };
        Progress {
            applied_seq: status.applied_seq,
            head_seq,
            lag_rows,
            lag_events: lag_rows.saturating_mul(status.events.max(1)) / status.rows.max(1),
            lag_ms,
            caught_up: status.fresh_until.is_some(),
            failed: status.failed.clone(),
            paused: self.shared.paused.load(Ordering::Acquire),
        }
    }

    /// Stops writing until [`Self::resume`]; the journal keeps what is missed.
    pub fn pause(&self) {
        self.shared.paused.store(true, Ordering::Release);
    }

    /// Goes on.
    pub fn resume(&self) {
        self.shared.paused.store(false, Ordering::Release);
        self.waker.unpark();
    }

    /// Ends the thread, after what it is writing. What is missing is read when it is started again.
    pub fn stop(&self) {
        self.shared.stopped.store(true, Ordering::Release);
        self.waker.unpark();
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            // A panic was caught and is told in `progress`.
            let _ = thread.join();
        }
    }

    /// Waits until a row of the journal is in the read model; whether it was in time.
    #[must_use]
    pub fn wait_for(&self, seq: u64, timeout: Duration) -> bool {
        // No further than there is: whoever asks for a row of the future must not keep others from resting.
        let there = seq.min(self.shared.head());
        self.shared.wanted.fetch_max(there, Ordering::AcqRel);
        self.waker.unpark();
        let status = self.shared.status();
        let missing = |status: &mut follow::Status| status.applied_seq < seq;
        let (status, _) = self
            .shared
            .told
            .wait_timeout_while(status, timeout, missing)
            .unwrap_or_else(PoisonError::into_inner);
        status.applied_seq >= seq
    }

    /// Where an id was answered, however long ago: the durable unique index behind State's window.
    ///
    /// # Errors
    /// [`Unavailable::ReadModelBehind`] when State may have forgotten what is not here yet, or when
    /// the read model cannot be read.
    pub fn known(&self, tenant: TenantNo, id: Id) -> Result<Option<Position>, Unavailable> {
        self.check_fresh()?;
        let found = self.model.position_of(tenant.0, id.0);
        let found = found.map_err(|_| Unavailable::ReadModelBehind)?;
        Ok(found.map(|position| Position {
            seq: position.seq,
            index: position.index,
        }))
    }

    /// Whether the read model is near enough to the journal to say what State has forgotten. Before it
    /// has once caught up, what is missing may be of any age, whatever its rows say of their times.
    fn check_fresh(&self) -> Result<(), Unavailable> {
        let progress = self.progress();
        if !progress.caught_up || u128::from(progress.lag_ms) > self.behind_max.as_millis() {
            return Err(Unavailable::ReadModelBehind);
        }
        Ok(())
    }
}

impl Drop for Projection {
    fn drop(&mut self) {
        self.stop();
    }
}

fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |t| i64::try_from(t.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
