//! Records that are not the payment step's: text about people and payments,
//! API keys, the regulators' access log, the review list of briefs, invoices; and the read model, [`read`].
//!
//! What it promises:
//! * Personal text is on disk only encrypted, under a key per person that lies
//!   in a file of its own. Destroying the key makes the text unreadable, also
//!   that of older backups of the store.
//! * What a call returned `Ok` for is synced to disk.
//! * Time and randomness are arguments; nothing here reads a clock.
//!
//! What it must not know: payments, balances, events, HTTP. Ids are opaque
//! 16-byte numbers, and every one is scoped by its tenant.
//!
//! Calls block; an async shell runs them on its blocking threads.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod access_log;
mod api_keys;
mod briefs;
mod db;
mod details;
mod error;
mod keys;
mod migrate;
mod page;
mod papers;
mod random;
pub mod read;
mod seal;
mod store;

pub use access_log::{Access, LoggedAccess};
pub use api_keys::{ApiKey, Mode};
pub use briefs::{
    Brief, BriefDecision, BriefFilter, BriefStatus, FeedState, Kept, NewBrief, NewDecision,
};
pub use details::{About, Details, Found, Kind, NewDetails, Place, Put, TextHash, Version};
pub use error::Error;
pub use keys::Keys;
pub use page::{PAGE_MAX, Page};
pub use papers::{Covered, Issue, IssuedPaper, Made, NewPaper, PaperSupply};
pub use random::{OsRandom, Random, RandomFailed};
pub use store::Store;

#[cfg(test)]
mod testing;
