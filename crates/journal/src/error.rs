//! What can go wrong with a journal, each with a code that never changes.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

/// Why a journal, a snapshot or a backup did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// No space was left. The writer is poisoned; with room again, open anew.
    #[error("no space left for {}", path.display())]
    Full {
        /// The file that could not grow.
        path: PathBuf,
    },
    /// Another writer has taken the lease since: this one may never append again.
    #[error("shard {shard} was taken over: the lease is at epoch {found}, this writer's is {ours}")]
    Fenced {
        /// The shard.
        shard: u32,
        /// The epoch this writer was given.
        ours: u64,
        /// The epoch the lease is at; 0 if there is no lease.
        found: u64,
    },
    /// An earlier append failed; whether its row is durable is unknown until the journal is opened anew.
    #[error("the writer failed before ({cause}); open the journal anew")]
    Poisoned {
        /// What failed first.
        cause: String,
    },
    /// Another process holds the journal's lock file.
    #[error("{} is locked by {holder}: another node has this folder open", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// What its owner wrote in it.
        holder: String,
    },
    /// The file is not a journal of this shard that this version can read.
    #[error("{} cannot be used: {reason}", path.display())]
    WrongFile {
        /// The file.
        path: PathBuf,
        /// What was found and what was wanted.
        reason: String,
    },
    /// A row does not belong where it stands.
    #[error("row {seq} is broken: {check}: {detail}")]
    Broken {
        /// The first row that is wrong.
        seq: u64,
        /// Which check failed.
        check: Check,
        /// What was found.
        detail: String,
    },
    /// The row is larger than the engine can hold.
    #[error("a row of {bytes} bytes is over the limit of {max}")]
    TooLarge {
        /// Bytes of the events.
        bytes: usize,
        /// The most a row may have.
        max: usize,
    },
    /// A file could not be read or written.
    #[error("{} {}: {source}", doing, path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The database answered with an error.
    #[error("{}: {doing}: {source}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// The database's answer.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A fault injected by [`crate::fault`].
    #[error("injected: {0}")]
    Injected(&'static str),
    /// The caller's closure stopped the work.
    #[error("stopped: {0}")]
    Stopped(String),
}

/// A check that every row must pass, in the order in which they are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Check {
    /// The row's columns have the right types and sizes.
    Columns,
    /// `shard` is the journal's.
    Shard,
    /// `seq` follows the row before without a gap.
    Seq,
    /// `prev_hash` is the hash of the row before.
    PrevHash,
    /// The row's hash is what the next row says it is.
    RowHash,
    /// `epoch` never goes back.
    Epoch,
    /// The events can be told apart.
    Events,
    /// `root` is the Merkle root of the events.
    Root,
}

impl Check {
    /// A stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Columns => "columns",
            Self::Shard => "shard",
            Self::Seq => "seq",
            Self::Epoch => "epoch",
            Self::PrevHash => "prev_hash",
            Self::RowHash => "row_hash",
            Self::Events => "events",
            Self::Root => "root",
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl JournalError {
    /// A stable code for logs, metrics and problem documents.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Full { .. } => "journal_full",
            Self::Fenced { .. } => "journal_fenced",
            Self::Poisoned { .. } => "journal_poisoned",
            Self::Locked { .. } => "journal_locked",
            Self::WrongFile { .. } => "journal_wrong_file",
            Self::Broken { .. } => "journal_broken",
            Self::TooLarge { .. } => "journal_row_too_large",
            Self::Io { .. } => "journal_io",
            Self::Database { .. } => "journal_database",
            Self::Injected(_) => "journal_injected",
            Self::Stopped(_) => "journal_stopped",
        }
    }

    /// Wraps a system error; one for lack of space becomes [`JournalError::Full`].
    pub(crate) fn io(path: &Path, doing: &'static str, source: std::io::Error) -> Self {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        match source.kind() {
            StorageFull | QuotaExceeded => Self::Full { path: path.into() },
            _ => Self::Io {
                path: path.into(),
                doing,
                source,
            },
        }
    }

    pub(crate) fn broken(seq: u64, check: Check, detail: impl Into<String>) -> Self {
        Self::Broken {
            seq,
            check,
            detail: detail.into(),
        }
    }
}
