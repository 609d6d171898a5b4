//! Keeps the log (WAL) short, off the commit thread.
//!
//! A commit that also copies the log into the file takes a hundred times as long, so a thread with a
//! connection of its own does it: PASSIVE checkpoints, which wait for nobody. But the log starts over only
//! once *all* of it is copied, which under a steady writer never comes about by itself. So passes are
//! repeated until little is left, and the last little is copied while the writer is kept out by the gate.
//! Beyond the hard bound the writer is kept out whatever is left: the disk is then the bottleneck anyway.
//!
//! A reader (or a backup) that is in a transaction keeps the log from starting over; nothing can be done but
//! to try again, and [`Stats`] says so.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};

use super::{Options, schema};
use crate::JournalError;

/// Frames have a header; rows do not fill their pages.
const FRAME_HEADER_BYTES: u64 = 24;
/// What is left to copy is so little that a commit may wait for it.
const REST_BYTES: u64 = 4 << 20;
/// Passes before the writer is kept out only at the hard bound.
const PASSES_MAX: u32 = 8;

/// What the checkpointer has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Bytes in the log that a checkpoint has still to trim; an estimate.
    pub wal_bytes: u64,
    /// Times the log could start over.
    pub resets: u64,
    /// Times it could not, for a reader was in it.
    pub held_by_readers: u64,
    /// Times the appender itself had to, at the hard bound.
    pub forced: u64,
    /// Checkpoints that failed for lack of space or a busy file.
    pub failed: u64,
}

/// What appender and checkpointer tell each other.
#[derive(Debug)]
pub(super) struct Shared {
    path: PathBuf,
    soft: u64,
    hard: u64,
    /// Held during a commit, and by the checkpointer while no commit may happen.
    gate: Mutex<()>,
    wal_bytes: AtomicU64,
    /// The next length at which the appender acts, raised while readers hold the log.
    hard_next: AtomicU64,
    resets: AtomicU64,
    held_by_readers: AtomicU64,
    forced: AtomicU64,
    failed: AtomicU64,
    failure: Mutex<Option<String>>,
    has_failure: AtomicBool,
    wake: Mutex<Wake>,
    woken: Condvar,
}

#[derive(Debug, Default)]
struct Wake {
    due: bool,
    stop: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code that holds one of these locks can leave its data half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What one checkpoint did, in bytes of log.
struct Pass {
    log: u64,
    copied: u64,
}

impl Shared {
    pub(super) fn new(path: &Path, options: &Options) -> Self {
        // What a crash left is checkpointed soon, whatever is appended.
        let left = std::fs::metadata(schema::beside(path, "-wal")).map_or(0, |m| m.len());
        Self {
            path: path.into(),
            soft: options.wal_soft_bytes,
            hard: options.wal_hard_bytes,
            gate: Mutex::new(()),
            wal_bytes: AtomicU64::new(left),
            hard_next: AtomicU64::new(options.wal_hard_bytes),
            resets: AtomicU64::new(0),
            held_by_readers: AtomicU64::new(0),
            forced: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            failure: Mutex::new(None),
            has_failure: AtomicBool::new(false),
            wake: Mutex::new(Wake::default()),
            woken: Condvar::new(),
        }
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            wal_bytes: self.wal_bytes.load(Ordering::Relaxed),
            resets: self.resets.load(Ordering::Relaxed),
            held_by_readers: self.held_by_readers.load(Ordering::Relaxed),
            forced: self.forced.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }

    /// Why nothing may be appended any more, when a checkpoint could not write or sync.
    pub(super) fn failure(&self) -> Option<String> {
        if !self.has_failure.load(Ordering::Acquire) {
            return None;
        }
        lock(&self.failure).clone()
    }

    pub(super) fn gate(&self) -> MutexGuard<'_, ()> {
        lock(&self.gate)
    }

    /// Counts a row that was appended; wakes the checkpointer when the log is long.
    pub(super) fn appended(&self, events: usize) {
        let page = u64::from(schema::PAGE_BYTES);
        let frames = (events as u64).div_ceil(page) + 1;
        let added = frames * (page + FRAME_HEADER_BYTES);
        let before = self.wal_bytes.fetch_add(added, Ordering::Relaxed);
        if before < self.soft && before + added >= self.soft {
            lock(&self.wake).due = true;
            self.woken.notify_one();
        }
    }

    pub(super) fn is_over_hard_bound(&self) -> bool {
        self.wal_bytes.load(Ordering::Relaxed) >= self.hard_next.load(Ordering::Relaxed)
    }

    /// The appender's own checkpoint, at the hard bound.
    pub(super) fn checkpoint_forced(&self, db: &Connection) -> Result<(), JournalError> {
        self.forced.fetch_add(1, Ordering::Relaxed);
        self.checkpoint_held(db)
    }

    /// A checkpoint while nobody appends.
    pub(super) fn checkpoint_held(&self, db: &Connection) -> Result<(), JournalError> {
        let gate = self.gate();
        let result = self.last_pass(db);
        drop(gate);
        if let Err(e) = result {
            return self.note(e);
        }
        Ok(())
    }

    /// A pass while the gate is held: the log then holds nothing that is not copied, unless a reader
    /// is in it.
    fn last_pass(&self, db: &Connection) -> rusqlite::Result<()> {
        let pass = pass(db)?;
        if pass.copied == pass.log {
            // Nobody reads from the log now, or the next commit finds them out and goes on at its end;
            // then the next pass counts right again.
            self.wal_bytes.store(0, Ordering::Relaxed);
            self.hard_next.store(self.hard, Ordering::Relaxed);
            self.resets.fetch_add(1, Ordering::Relaxed);
        } else {
            self.wal_bytes.store(pass.log, Ordering::Relaxed);
            self.hard_next
                .store(pass.log.max(self.hard) + self.soft, Ordering::Relaxed);
            self.held_by_readers.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Busy and full can pass; the log keeps every row meanwhile. Anything else ends the writer.
    fn note(&self, e: rusqlite::Error) -> Result<(), JournalError> {
        let code = e.sqlite_error_code();
        let e = schema::fault(&self.path, "checkpointing", e);
        let passing = matches!(e, JournalError::Full { .. })
            || matches!(
                code,
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
            );
        if passing {
            self.failed.fetch_add(1, Ordering::Relaxed);
            let long = self.wal_bytes.load(Ordering::Relaxed);
            self.hard_next
                .store(long.max(self.hard) + self.soft, Ordering::Relaxed);
            return Ok(());
        }
        lock(&self.failure).get_or_insert_with(|| e.to_string());
        self.has_failure.store(true, Ordering::Release);
        Err(e)
    }

    /// The checkpointer's work when the log is long or has been there for a while.
    fn trim(&self, db: &Connection) -> rusqlite::Result<()> {
        for _ in 0..PASSES_MAX {
            let before = self.wal_bytes.load(Ordering::Relaxed);
            let pass = pass(db)?;
            let since = self
                .wal_bytes
                .load(Ordering::Relaxed)
                .saturating_sub(before);
            if pass.log - pass.copied + since <= REST_BYTES {
                break;
            }
            if before >= self.hard || self.is_stopping() {
                break;
            }
        }
        let _gate = self.gate();
        self.last_pass(db)
    }

    fn is_stopping(&self) -> bool {
        lock(&self.wake).stop
    }

    fn run(&self, db: &Connection, every: Duration) {
        loop {
            let mut wake = lock(&self.wake);
            if !wake.due && !wake.stop {
                wake = self
                    .woken
                    .wait_timeout(wake, every)
                    .map_or_else(|e| e.into_inner().0, |(guard, _)| guard);
            }
            if wake.stop {
                return;
            }
            wake.due = false;
            drop(wake);
            if self.wal_bytes.load(Ordering::Relaxed) == 0 {
                continue;
            }
            if let Err(e) = self.trim(db)
                && self.note(e).is_err()
            {
                return;
            }
        }
    }
}

/// One PASSIVE checkpoint.
fn pass(db: &Connection) -> rusqlite::Result<Pass> {
    let frame = u64::from(schema::PAGE_BYTES) + FRAME_HEADER_BYTES;
    db.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?
        .query_row([], |r| {
            let (busy, log, copied): (i64, i64, i64) = (r.get(0)?, r.get(1)?, r.get(2)?);
            let (log, copied) = (log.max(0) as u64 * frame, copied.max(0) as u64 * frame);
            // Busy: another connection is checkpointing; nothing is known of the rest.
            Ok(Pass {
                log: if busy == 0 { log } else { log.max(copied + 1) },
                copied,
            })
        })
}

/// The thread.
#[derive(Debug)]
pub(super) struct Checkpointer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    pub(super) fn start(
        path: &Path,
        options: &Options,
        shared: Arc<Shared>,
    ) -> Result<Self, JournalError> {
        let fault = |e| schema::fault(path, "starting the checkpointer", e);
        let db = Connection::open(path).map_err(fault)?;
        db.busy_timeout(options.busy_timeout).map_err(fault)?;
        schema::configure(&db).map_err(fault)?;
        let every = options.checkpoint_every;
        let thread = std::thread::Builder::new()
            .name("journal-checkpoint".into())
            .spawn({
                let shared = Arc::clone(&shared);
                move || shared.run(&db, every)
            })
            .map_err(|e| JournalError::io(path, "starting the checkpointer", e))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Ends the thread and waits for it, so that its connection is closed first.
    pub(super) fn stop(&mut self) {
        lock(&self.shared.wake).stop = true;
        self.shared.woken.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed; there is nothing left to do with it.
            let _ = thread.join();
        }
    }
}
