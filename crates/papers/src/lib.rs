//! The papers that prove a payment: receipts, statements, invoices and credit notes.
//!
//! - [`facts`] are what a paper is told; [`compose()`] makes a [`Paper`] of them, with every sum.
//! - [`ubl`] writes it as UBL 2.1 by EN 16931 and Peppol BIS Billing 3.0, [`html`] to be printed,
//!   [`pdf`] as pages.
//! - [`receipt`] is of one payment, [`statement`] of a wallet's period.
//! - [`rounding`] is every step from atoms to minor units, with its name.
//!
//! No I/O, no clock, no randomness: the same facts give the same bytes. It stands below the line all
//! the same, for a PDF's geometry is in floats; no amount is. It knows nothing of payments, wallets
//! or the rules of tax: whoever calls it fills in the facts.
#![deny(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod compose;
mod date;
mod error;
pub mod facts;
pub mod html;
mod language;
pub mod national;
mod paper;
pub mod pdf;
pub mod receipt;
pub mod rounding;
mod shown;
pub mod statement;
pub mod ubl;
pub mod words;

pub use compose::compose;
pub use date::Date;
pub use error::PaperError;
pub use facts::Draft;
pub use language::{Language, percent};
pub use paper::{Adjusted, Group, Line, Paper, Remainder, TaxIn, TaxRemainder, Totals};
pub use receipt::{Receipt, Supplied};
pub use rounding::{Minor, Rounding};
pub use statement::Statement;
