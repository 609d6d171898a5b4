//! What survives a crash: a disk in memory, or a SQLite file with snapshots beside it; both fail on
//! demand.

use journal::fault::{Fault, MemDisk, MemJournal};
use journal::{
    Hash, Head, Journal, JournalError, Reader, SnapshotStore, SqliteJournal, SqliteReader,
};
use node::{Node, NodeOptions};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Where a life's journal is kept.
pub enum Shelf {
    Memory(MemDisk, PathBuf),
    File(PathBuf, Arc<Mutex<Plan>>),
}

/// Which append of the file fails how.
#[derive(Default)]
pub struct Plan {
    appends: u64,
    fault: Option<(u64, Fault)>,
}

impl Shelf {
    pub fn start(&self, options: NodeOptions) -> Result<Node, String> {
        let told = |error: &dyn std::fmt::Display| format!("the node does not start: {error}");
        match self {
            Shelf::Memory(disk, dir) => {
                let journal = MemJournal::open(disk).map_err(|e| told(&e))?;
                let disk = disk.clone();
                let reader = Box::new(move || Ok(Box::new(disk.reader()) as Box<_>));
                Node::start(dir, Box::new(journal), None, reader, options).map_err(|e| told(&e))
            }
            Shelf::File(dir, plan) => {
                let path = dir.join("journal.db");
                let inner = SqliteJournal::open(&path, 0, journal::Options::default());
                let journal = Faulty {
                    inner: inner.map_err(|e| told(&e))?,
                    plan: plan.clone(),
                    failed: false,
                };
                let store = SnapshotStore::open(&dir.join("snapshots")).map_err(|e| told(&e))?;
                let reader =
                    Box::new(move || Ok(Box::new(SqliteReader::open(&path, 0)?) as Box<_>));
                Node::start(dir, Box::new(journal), Some(store), reader, options)
                    .map_err(|e| told(&e))
            }
        }
    }

    pub fn reader(&self) -> Result<Box<dyn Reader + Send>, String> {
        match self {
            Shelf::Memory(disk, _) => Ok(Box::new(disk.reader())),
            Shelf::File(dir, _) => match SqliteReader::open(&dir.join("journal.db"), 0) {
                Ok(reader) => Ok(Box::new(reader)),
                Err(error) => Err(error.to_string()),
            },
        }
    }

    /// The `after`-th append from now on fails so; 1 is the next.
    pub fn inject(&self, after: u64, fault: Fault) {
        match self {
            Shelf::Memory(disk, _) => disk.inject(disk.appends() + after, fault),
            Shelf::File(_, plan) => {
                let mut plan = plan.lock().unwrap_or_else(PoisonError::into_inner);
                plan.fault = Some((plan.appends + after, fault));
            }
        }
    }

    pub fn has_snapshots(&self) -> bool {
        matches!(self, Shelf::File(..))
    }
}

/// A SQLite journal that fails as planned.
struct Faulty {
    inner: SqliteJournal,
    plan: Arc<Mutex<Plan>>,
    failed: bool,
}

impl Journal for Faulty {
    fn shard(&self) -> u32 {
        self.inner.shard()
    }

    fn epoch(&self) -> u64 {
        self.inner.epoch()
    }

    fn head(&self) -> Head {
        self.inner.head()
    }

    fn append(&mut self, format: u16, events: &[u8], root: Hash) -> Result<Head, JournalError> {
        if self.failed {
            return Err(JournalError::Injected("failed before"));
        }
        let fault = {
            let mut plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
            plan.appends += 1;
            let now = plan.appends;
            plan.fault.take_if(|(at, _)| *at <= now)
        };
        let Some((_, fault)) = fault else {
            return self.inner.append(format, events, root);
        };
        self.failed = true;
        if matches!(fault, Fault::FailAfter | Fault::CrashAfter) {
            self.inner.append(format, events, root)?;
        }
        Err(JournalError::Injected("as planned"))
    }

    fn is_poisoned(&self) -> bool {
        self.failed || self.inner.is_poisoned()
    }

    fn reader(&self) -> Result<Box<dyn Reader + Send>, JournalError> {
        self.inner.reader()
    }
}
