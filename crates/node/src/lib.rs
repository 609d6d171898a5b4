//! The node: one writer a shard.
//!
//! Commands come from a bounded queue in batches, are decided and applied one after another,
//! encoded into one journal row, committed once, then all answered; while a batch is being made
//! durable the next is decided. Nothing that is not durable is ever shown. When a commit fails the
//! callers get `outcome_unknown` and the process ends: after a failed sync nothing in memory is
//! trusted.
//!
//! Entry points: [`Node::open`], [`Node::submit`], [`Node::query`], [`Client`] for many commands in
//! flight. This crate knows nothing of HTTP, people or rails.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod answer;
mod backfill;
mod bulk;
mod clock;
mod commit;
mod ending;
mod node;
mod options;
pub mod projection;
mod queue;
mod recover;
mod snapshots;
mod stats;
mod untimed;
mod weight;
mod writer;

pub use answer::{Answer, Brief, NodeError, Unavailable};
pub use bulk::Charged;
pub use clock::{Clock, SystemClock};
pub use journal::Reader;
pub use node::{Client, Node};
pub use options::{Fatal, NodeOptions, OpaqueIds};
pub use queue::BATCH_MAX;
pub use recover::{leaves, look_at, look_back, recover_state, replay};
pub use snapshots::Unanchored;
pub use stats::{Stats, StatsView};
