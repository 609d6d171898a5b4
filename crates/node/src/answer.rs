//! What a caller gets back.

use engine::event::{Event, EventKind};
use engine::{Code, Position, Rejection};
use thiserror::Error;

/// The answer to a command, durable.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It came to this event: done, refused for good, or waiting for confirmation.
    Done {
        /// Where it stands in the journal.
        position: Position,
        /// What happened.
        event: Box<Event>,
    },
    /// The same command was answered before, by this event.
    Known {
        /// Where it stands in the journal.
        position: Position,
        /// What happened then.
        event: Box<Event>,
    },
    /// It could not be considered and left no trace.
    Rejected(Rejection),
}

/// The answer in brief, for callers with many commands in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brief {
    /// It came to an event of this kind; the code if it was refused.
    Done {
        /// Where it stands in the journal.
        position: Position,
        /// What happened.
        kind: EventKind,
        /// Why it was refused, if it was.
        code: Option<Code>,
    },
    /// The id was answered before, there. Whether for the same command is the caller's to compare.
    Known(Position),
    /// It could not be considered and left no trace.
    Rejected(Rejection),
    /// Whether it happened is not known: ask again with the same id when the node is back.
    OutcomeUnknown,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unavailable {
    /// The queue is full.
    #[error("the node is busy; try again in {retry_after_ms} ms with the same id")]
    Busy {
        /// When to try again.
        retry_after_ms: u64,
    },
    /// The commit failed: whether it happened is not known.
    #[error("whether this happened is not known; try again with the same id")]
    OutcomeUnknown,
    /// The node is stopping or has stopped.
    #[error("the node has stopped")]
    Stopped,
    /// More commands at once than a batch may have.
    #[error("at most {0} commands at once")]
    TooMany(usize),
    /// An id that carries no time cannot be checked against the past now.
    #[error(
        "ids without a time cannot be checked now, because the read model is behind; try again later"
    )]
    ReadModelBehind,
    /// An id that carries no time can never be checked against the past: there is no read model.
    #[error(
        "ids without a time cannot be checked, because this node keeps no read model; use one with a time (UUIDv7)"
    )]
    ReadModelOff,
}

impl Unavailable {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Unavailable::Busy { .. } => "busy",
            Unavailable::OutcomeUnknown => "outcome_unknown",
            Unavailable::Stopped => "stopped",
            Unavailable::TooMany(_) => "too_many",
            Unavailable::ReadModelBehind => "read_model_behind",
            Unavailable::ReadModelOff => "read_model_off",
        }
    }
}

/// Why a node cannot open or read.
#[derive(Debug, Error)]
pub enum NodeError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] journal::JournalError),
    /// A row that does not decode.
    #[error("journal row {seq}: {error}")]
    Row {
        /// Which row.
        seq: u64,
        /// What is wrong with it.
        error: engine::codec::CodecError,
    },
    /// The read model.
    #[error(transparent)]
    Projection(#[from] crate::projection::ProjectionError),
    /// The data folder.
    #[error("{path}: {error}")]
    Io {
        /// Which file or folder.
        path: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// A snapshot was written but the journal does not name it.
    #[error("the snapshot of row {seq} does not count: {why}")]
    SnapshotNotAnchored {
        /// Of which row.
        seq: u64,
        /// Why not.
        why: crate::snapshots::Unanchored,
    },
    /// The system gave no random bytes.
    #[error("the system gave no random bytes: {0}")]
    Random(String),
}

impl NodeError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            NodeError::Journal(error) => error.code(),
            NodeError::Row { .. } => "journal_row_unreadable",
            NodeError::Projection(_) => "read_model_unavailable",
            NodeError::Io { .. } => "data_folder_unusable",
            NodeError::SnapshotNotAnchored { .. } => "snapshot_not_anchored",
            NodeError::Random(_) => "no_randomness",
        }
    }
}
