//! The double-entry book: accounts, floors, postings and what is held.
//!
//! Invariants this crate keeps:
//! - every entry sums to zero per asset ([`Book::check_entry`] refuses any other);
//! - so the trial balance of every asset is zero after every entry;
//! - an account's number is given once, in order, and never used again;
//! - what is held is part of the balance, never beside it.
//!
//! It knows nothing of payments, people, law or time. Signs: a credit is positive. What the
//! operator owes (wallets, taxes, fees earned) is positive; what it owns or is owed (bank,
//! clearing, receivables) is negative.
#![deny(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod account;
mod book;

pub use account::{Account, AccountClass, AccountNo, AssetNo, Source, SourceSet};
pub use book::{Book, LedgerError, Posting};
