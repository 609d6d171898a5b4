//! The step: one command, one event.
//!
//! `decide` reads [`State`] and a command and says what happens; `apply` folds what happened into
//! State. Both are pure: no I/O, no clock, no randomness, no float. Everything `decide` reads
//! besides the command was put into State by an event, so a journal of events is the whole truth.
//!
//! Entry points: [`resolve`], [`decide`], [`apply`], [`Replay`], [`codec`] (events as bytes), [`snapshot`]
//! (State as bytes, and its digest), [`explain`] (why a payment was decided as it was), [`simulate`]
//! (what another law would have decided).
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod apply;
pub mod backfill;
pub mod catalogue;
pub mod code;
pub mod codec;
pub mod command;
mod content;
mod decide;
pub mod event;
pub mod explain;
mod hash;
pub mod ids;
mod index;
pub mod law;
mod near;
mod ops;
mod past;
pub mod plans;
pub mod prices;
pub mod recents;
pub mod records;
pub mod repeat;
mod replay;
pub mod simulate;
pub mod snapshot;
pub mod state;
mod step;
pub mod sums;
pub mod taxes;
pub mod terms;
pub mod time;
mod view;

pub use apply::apply;
pub use code::Code;
pub use command::{Command, Op, Spend};
pub use decide::{
    Handles, Outcome, RESOLVE_CHUNK, Rejection, decide, decide_one, is_balanced, resolve,
};
pub use event::{Effect, Event, EventKind};
pub use ids::Id;
pub use recents::Position;
pub use replay::Replay;
pub use state::State;
pub use time::UtcMillis;
