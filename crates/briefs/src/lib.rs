//! Supervisors' feeds, read into a review list: what they publish, and which rules of the packs are
//! due for another look. A person dismisses each brief or links it to a change of a pack.
//!
//! - [`feeds`] is data: `packs/feeds.toml`, or the operator's own file of the same form.
//! - [`fetch`] gets one feed: bounded in time and size, nothing of the private network, no redirect
//!   to where it should not go.
//! - [`parse`] reads RSS 2.0, RSS 1.0 and Atom in any encoding of the web, and never believes a byte.
//! - [`read`] does both for all feeds and keeps what is new; one that is broken stops no other.
//! - [`overdue`] puts rules whose last check is too old into the same list.
//!
//! What it must not know: tenants' laws, payments, HTTP that is served. It reads no clock: the time
//! is passed in, only waiting is the runtime's.
#![deny(missing_docs)]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod address;
mod date;
mod decode;
mod error;
pub mod feeds;
pub mod fetch;
mod overdue;
mod parse;
mod plain;
mod read;
#[cfg(test)]
mod testing;
mod url;

pub use error::FeedError;
pub use feeds::{BUILTIN, Feed, FeedsError, builtin_feeds, feeds};
pub use fetch::{Fetched, Fetcher, Limits, Validators};
pub use overdue::{REVIEW, day, note_overdue, overdue};
pub use parse::{Item, Parsed, parse};
pub use read::{FeedReport, Reading, read};
