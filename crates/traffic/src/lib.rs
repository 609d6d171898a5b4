//! A site's traffic: access logs, visitors, prices, and the summary of what it would have earned.
//!
//! The input half of `farthing replay` (and the cast of `farthing demo`). In the order they are used:
//!
//! - [`log`] reads an access log, plain or gzip, line by line; an odd line is a value, never an error.
//! - [`visitors`] says from which country each address came.
//! - [`prices`] reads the prices file and says what a request costs, or why it is free.
//! - [`summary`] adds up what became of each line; [`report`] is what the owner reads.
//! - [`town`] is no log at all: a seeded, openly simulated small town for the demo.
//!
//! This crate reads what it is given and knows nothing of nodes, wallets or the step. It has no
//! clock, no randomness but a seed, and no float touches an amount.

pub mod country;
mod csv;
pub mod error;
pub mod log;
pub mod prices;
mod prices_file;
pub mod report;
pub mod summary;
mod table;
pub mod town;
pub mod visitors;

pub use country::Country;
pub use error::TrafficError;
pub use log::{BadLine, Line, LogReader, Oddity, Request};
pub use prices::{FreeReason, PriceList, Quote, Visit};
pub use report::Report;
pub use summary::{LedgerFacts, Paid, Summary};
pub use town::{Act, Deed, Town};
pub use visitors::Visitors;
