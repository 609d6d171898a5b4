//! How a node is run.

use crate::clock::{Clock, SystemClock};
use crate::projection::ProjectionOptions;
use std::sync::Arc;
use std::time::Duration;

/// What happens when a commit fails or a thread of the pipeline panics.
#[derive(Clone, Default)]
pub enum Fatal {
    /// The process ends with exit code 70 once the callers were told: the default.
    #[default]
    Exit,
    /// The node stops and this is called; for tests and tools.
    Call(Arc<dyn Fn(&str) + Send + Sync>),
}

/// How ids that carry no time are kept from happening twice once State has forgotten them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OpaqueIds {
    /// The read model's index is asked; without a read model they are refused. The default.
    #[default]
    Durable,
    /// Not at all: such an id may happen again after the window. Only for tools whose commands
    /// nobody repeats, and for tests.
    Window,
}

/// How a node is run. Nothing here reaches a decision: what `decide` reads is in State.
#[derive(Clone)]
pub struct NodeOptions {
    /// Which shard of the journal.
    pub shard: u32,
    /// Who holds the lease, for people.
    pub holder: String,
    /// At most this many commands wait; more are told to come back.
    pub queue_max: usize,
    /// Commands wait only while they weigh less than this together: a plain payment is 1, a group or
    /// a split 1 and what is in it.
    pub queue_weight_max: usize,
    /// A row is committed once it has so many bytes, whatever else waits; far below what a journal
    /// takes.
    pub row_bytes_max: usize,
    /// Whether the read model follows. Without it ids that carry no time are refused, unless
    /// [`Self::opaque_ids`] says otherwise.
    pub projection: bool,
    /// How it follows.
    pub projection_options: ProjectionOptions,
    /// What becomes of ids without a time past State's window.
    pub opaque_ids: OpaqueIds,
    /// A snapshot is built after so many events; 0 is never.
    pub snapshot_every: u64,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// Further than this the clock may not be ahead of the journal's last time at the start, or it waits
    /// to be confirmed as after a jump. `None`, the default, is for tools whose journals have other
    /// times than the clock's.
    pub clock_ahead_max: Option<Duration>,
    /// What happens when a commit fails or a thread panics.
    pub fatal: Fatal,
}

impl Default for NodeOptions {
    fn default() -> Self {
        NodeOptions {
            shard: 0,
            holder: "farthing".to_owned(),
            queue_max: 65_536,
            queue_weight_max: 524_288,
            row_bytes_max: 32 << 20,
            projection: true,
            projection_options: ProjectionOptions::default(),
            opaque_ids: OpaqueIds::default(),
            snapshot_every: 5_000_000,
            clock: Arc::new(SystemClock::default()),
            clock_ahead_max: None,
            fatal: Fatal::default(),
        }
    }
}
