//! How a node is run.

use crate::clock::{Clock, SystemClock};
use crate::projection::ProjectionOptions;
use std::sync::Arc;

/// What happens when a commit fails.
#[derive(Clone, Default)]
pub enum Fatal {
    /// The process ends with exit code 70 once the callers were told: the default.
    #[default]
    Exit,
    /// The node stops and this is called; for tests and tools.
    Call(Arc<dyn Fn(&str) + Send + Sync>),
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
    /// Whether the read model follows.
    pub projection: bool,
    /// How it follows.
    pub projection_options: ProjectionOptions,
    /// A snapshot is built after so many events; 0 is never.
    pub snapshot_every: u64,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// What happens when a commit fails.
    pub fatal: Fatal,
}

impl Default for NodeOptions {
    fn default() -> Self {
        NodeOptions {
            shard: 0,
            holder: "farthing".to_owned(),
            queue_max: 65_536,
            projection: true,
            projection_options: ProjectionOptions::default(),
            snapshot_every: 5_000_000,
            clock: Arc::new(SystemClock::default()),
            fatal: Fatal::default(),
        }
    }
}
