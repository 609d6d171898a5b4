//! Money for Farthing: integers, names and exact rules.
//!
//! - An [`Asset`] is an [`AssetCode`] and a [`Scale`] (0 to 9 decimals).
//! - An amount is an [`Atoms`]: a `u64` count of the asset's smallest unit. Balances are `i128`.
//! - Text becomes an amount by [`Asset::parse`], which refuses what it cannot hold exactly.
//! - Every rounding is named ([`Rounding`]) and reports what it left over ([`Remainder`]).
//! - Parts always sum: [`allocate`] for splits, [`reversal_shares`] for partial reversals.
//! - A [`Rate`] is a ratio of integers.
//!
//! What holds everywhere here:
//! - arithmetic is checked: an overflow is an error, never a wrap;
//! - a function that returns an error has changed nothing;
//! - the same input gives the same output on every machine.
//!
//! This crate knows nothing of files, networks, clocks, randomness, wallets or rules of law.
//!
//! ```
//! use money::{Asset, Ppm, Rounding};
//!
//! let eur = Asset::known("EUR").expect("EUR is an ISO 4217 currency");
//! let price = eur.parse("0.0025")?;
//! let fee = Ppm::new(30_000)?.of(price, Rounding::HalfEven);
//! assert_eq!(eur.format(fee), "0.000075");
//! # Ok::<(), money::MoneyError>(())
//! ```
#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod allocate;
mod amount;
mod asset;
mod currencies;
mod error;
mod rate;
mod rounding;

pub use allocate::{allocate, reversal_shares};
pub use amount::Atoms;
pub use asset::{Asset, AssetCode, Scale};
pub use error::MoneyError;
pub use rate::{Converted, Rate};
pub use rounding::{Ppm, Remainder, Rounded, Rounding, mul_div};
