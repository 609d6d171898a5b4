//! The embedded engine: a journal in one SQLite file.
//!
//! - WAL with `synchronous=FULL`: an append is one write to the log and one sync.
//! - Checkpoints run on a thread of their own (see `checkpoint`), so that a commit never waits for the
//!   log to be copied into the file, unless the log has reached its hard bound.
//! - The lease is checked by the very statement that inserts the row.
//! - Locking is SQLite's normal one: readers and backups work beside the writer.

mod backup;
mod checkpoint;
mod reader;
mod schema;

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

pub use backup::{Progress, backup_file};
pub use checkpoint::Stats;
pub use reader::SqliteReader;

use crate::{Check, Hash, Head, Journal, JournalError, Reader, row};
use checkpoint::{Checkpointer, Shared};

/// How a journal is opened for writing. The defaults suit production.
#[derive(Debug, Clone)]
pub struct Options {
    /// Who holds the lease and the lock, for people to read.
    pub holder: String,
    /// Take the lock file. Only a test of the fence has reason not to.
    pub lock: bool,
    /// A log of this many bytes is checkpointed.
    pub wal_soft_bytes: u64,
    /// A log of this many bytes makes the appender wait for the checkpoint.
    pub wal_hard_bytes: u64,
    /// How much of the log is written out ahead: within it a commit changes no file metadata, which
    /// makes a small one several times faster.
    pub wal_reserve_bytes: u64,
    /// A log is checkpointed after this time even when it is small.
    pub checkpoint_every: Duration,
    /// How long to wait for SQLite's locks.
    pub busy_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            holder: format!("pid {}", std::process::id()),
            lock: true,
            wal_soft_bytes: 64 << 20,
            wal_hard_bytes: 1 << 30,
            wal_reserve_bytes: 8 << 20,
            checkpoint_every: Duration::from_secs(5),
            busy_timeout: Duration::from_secs(5),
        }
    }
}

/// The writer of a journal in an SQLite file.
#[derive(Debug)]
pub struct SqliteJournal {
    path: PathBuf,
    shard: u32,
    epoch: u64,
    head: Head,
    /// What failed first; nothing is appended after.
    poison: Option<String>,
    // Fields are dropped in this order: the thread ends, the file is closed, the lock is let go.
    checkpointer: Checkpointer,
    shared: Arc<Shared>,
    db: Connection,
    _lock: Option<File>,
}

impl SqliteJournal {
    /// Opens the journal of `shard` at `path`, making it if it is not there, and takes the lease: every
    /// writer before is fenced off.
    ///
    /// Fails with [`JournalError::Locked`] while another process writes here, and with
    /// [`JournalError::Broken`] when the last rows do not chain.
    pub fn open(path: &Path, shard: u32, options: Options) -> Result<Self, JournalError> {
        let lock = if options.lock {
            Some(take_lock(path, &options.holder)?)
        } else {
            None
        };
        let db = schema::open_writer(path, shard, &options)?;
        reserve_wal(&db, path, options.wal_reserve_bytes)?;
        let epoch = take_lease(&db, path, shard, &options.holder)?;
        let head = last_head(path, shard, options.busy_timeout)?;
        let shared = Arc::new(Shared::new(path, &options));
        let checkpointer = Checkpointer::start(path, &options, Arc::clone(&shared))?;
        let path = path.to_path_buf();
        Ok(Self {
            path,
            shard,
            epoch,
            head,
            poison: None,
            checkpointer,
            shared,
            db,
            _lock: lock,
        })
    }

    /// What the checkpointer has done and how long the log is.
    pub fn stats(&self) -> Stats {
        self.shared.stats()
    }

    /// Brings the whole log into the file now, as far as readers allow, and empties it.
    pub fn checkpoint(&mut self) -> Result<(), JournalError> {
        self.shared.checkpoint_held(&self.db)
    }

    fn insert(&mut self, format: u16, events: &[u8], root: &Hash) -> Result<Head, JournalError> {
        if events.len() > schema::EVENTS_BYTES_MAX {
            let max = schema::EVENTS_BYTES_MAX;
            return Err(JournalError::TooLarge {
                bytes: events.len(),
                max,
            });
        }
        if self.shared.is_over_hard_bound() {
            self.shared.checkpoint_forced(&self.db)?;
        }
        let (shard, epoch, prev) = (self.shard, self.epoch, self.head.hash);
        let seq = self.head.seq + 1;
        let gate = self.shared.gate();
        let sql = |e| schema::fault(&self.path, "appending a row", e);
        let inserted = self
            .db
            .prepare_cached(
                "INSERT INTO journal(shard, seq, epoch, format, prev_hash, root, events)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 FROM lease WHERE shard = ?1 AND epoch = ?3",
            )
            .and_then(|mut s| {
                s.execute(params![
                    shard,
                    seq as i64,
                    epoch as i64,
                    format,
                    prev,
                    root,
                    events
                ])
            })
            .map_err(sql)?;
        drop(gate);
        if inserted == 0 {
            let found = self.lease_epoch().map_err(sql)?;
            return Err(JournalError::Fenced {
                shard,
                ours: epoch,
                found,
            });
        }
        self.shared.appended(events.len());
        let hash = row::row_hash(shard, seq, epoch, format, &prev, root);
        Ok(Head { seq, hash, epoch })
    }

    fn lease_epoch(&self) -> rusqlite::Result<u64> {
        let mut statement = self
            .db
            .prepare_cached("SELECT epoch FROM lease WHERE shard = ?1")?;
        let found = statement
            .query_row([self.shard], |r| r.get::<_, i64>(0))
            .optional()?;
        Ok(found.unwrap_or(0) as u64)
    }
}

impl Journal for SqliteJournal {
    fn shard(&self) -> u32 {
        self.shard
    }

    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn head(&self) -> Head {
        self.head
    }

    fn append(&mut self, format: u16, events: &[u8], root: Hash) -> Result<Head, JournalError> {
        if let Some(cause) = self.poison.clone().or_else(|| self.shared.failure()) {
            self.poison.get_or_insert_with(|| cause.clone());
            return Err(JournalError::Poisoned { cause });
        }
        match self.insert(format, events, &root) {
            Ok(head) => {
                self.head = head;
                Ok(head)
            }
            Err(e) => {
                self.poison = Some(e.to_string());
                Err(e)
            }
        }
    }

    fn is_poisoned(&self) -> bool {
        self.poison.is_some() || self.shared.failure().is_some()
    }

    fn reader(&self) -> Result<Box<dyn Reader + Send>, JournalError> {
        Ok(Box::new(SqliteReader::open(&self.path, self.shard)?))
    }
}

impl Drop for SqliteJournal {
    /// A journal that was closed is one file: its log is brought into it and cut, if readers allow.
    fn drop(&mut self) {
        self.checkpointer.stop();
        if self.is_poisoned() {
            return;
        }
        // What is not copied now is found in the log by the next to open it.
        let cut = self
            .db
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        drop(cut);
    }
}

/// Locks `journal.db.lock` for as long as the returned file is open; a process that dies lets it go.
fn take_lock(path: &Path, holder: &str) -> Result<File, JournalError> {
    let lock_path = schema::beside(path, ".lock");
    let io = |doing| {
        let lock_path = lock_path.clone();
        move |e| JournalError::io(&lock_path, doing, e)
    };
    let mut file = crate::private::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&lock_path)
        .map_err(io("opening the lock"))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Only to tell people: without it the lock is as much held.
            let _ = file.read_to_string(&mut holder);
            return Err(JournalError::Locked {
                path: lock_path,
                holder,
            });
        }
        Err(TryLockError::Error(e)) => return Err(io("locking")(e)),
    }
    // The name is for people only, and on a full disk it must not keep the journal shut.
    let _ = file
        .set_len(0)
        .and_then(|()| file.seek(SeekFrom::Start(0)))
        .and_then(|_| file.write_all(holder.as_bytes()));
    Ok(file)
}

/// Writes zeros where the log will be. To SQLite a log ends where a frame does not bear its checksum; zeros
/// do not. Under the write lock, so that no other connection's frames are written over. An aid to speed
/// only: when the disk is full the log grows as it is written.
fn reserve_wal(db: &Connection, path: &Path, bytes: u64) -> Result<(), JournalError> {
    let sql = |e| schema::fault(path, "reserving the log", e);
    let wal = schema::beside(path, "-wal");
    db.execute_batch("BEGIN IMMEDIATE").map_err(sql)?;
    if let Ok(mut file) = OpenOptions::new().append(true).open(&wal) {
        let used = file.metadata().map_or(u64::MAX, |m| m.len());
        let fill = |file: &mut File| -> std::io::Result<()> {
            let mut zeros = std::io::repeat(0).take(bytes.saturating_sub(used));
            std::io::copy(&mut zeros, file)?;
            file.sync_all()
        };
        if used < bytes && fill(&mut file).is_err() {
            // Gives back what little there was.
            let _ = file.set_len(used);
        }
    }
    db.execute_batch("ROLLBACK").map_err(sql)
}

/// Raises the epoch by one.
fn take_lease(db: &Connection, path: &Path, shard: u32, holder: &str) -> Result<u64, JournalError> {
    db.query_row(
        "UPDATE lease SET epoch = epoch + 1, holder = ?2 WHERE shard = ?1 RETURNING epoch",
        params![shard, holder],
        |r| r.get::<_, i64>(0),
    )
    .map(|epoch| epoch as u64)
    .map_err(|e| schema::fault(path, "taking the lease", e))
}

/// The head, with the last two rows checked against each other: whether the whole journal holds is for
/// [`crate::verify_chain`].
fn last_head(path: &Path, shard: u32, busy: Duration) -> Result<Head, JournalError> {
    let mut reader = SqliteReader::open_with(path, shard, busy)?;
    let head = reader.head()?;
    let Some(before) = head.seq.checked_sub(1).filter(|seq| *seq > 0) else {
        return Ok(head);
    };
    let Some(before) = reader.head_at(before)? else {
        return Err(JournalError::broken(before, Check::Seq, "it is missing"));
    };
    let prev_hash = reader.prev_hash_at(head.seq)?;
    if prev_hash != Some(before.hash) {
        let detail = "it does not name the row before";
        return Err(JournalError::broken(head.seq, Check::PrevHash, detail));
    }
    Ok(head)
}
