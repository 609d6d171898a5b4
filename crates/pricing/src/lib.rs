//! What things cost: prices, their quotes, shares of a period's price, the platform's fee.
//!
//! - A [`Price`] is a definition as data; [`check()`] says all that is wrong with one.
//! - A [`Version`] is a checked one with its number and the instant from which it holds.
//! - [`Version::quote`] says what a quantity costs, after what was used before and in a context.
//! - A [`Cycle`] is periods after an anchor; [`Span::share`] is a part of a period's price.
//! - A [`Plan`] is what is paid again and again, by tiers.
//! - [`PlatformFee`] is the platform's own fee on a payment.
//!
//! What holds everywhere here:
//! - Integers only. What a quantity costs exactly may be no whole number of atoms: what is left over
//!   is carried to the next quote, never rounded away, so any number of small quotes sum to one
//!   large one of all of them, rounded down once.
//! - Arithmetic is checked: an overflow is an error with a name.
//!
//! Pure: no wallets, no clock, no ledger.
#![deny(missing_docs)]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod check;
mod cycle;
mod fee;
mod plan;
mod price;
mod quote;
mod when;

pub use check::{Wrong, check};
pub use cycle::{Cycle, Every, Span};
pub use fee::PlatformFee;
pub use plan::{Dunning, Off, Plan, PlanTier, Then, Trial, WrongPlan};
pub use price::{Band, Model, Period, Price, Rate, Unit, Variant, Version};
pub use quote::{NotQuoted, Quote, SoFar};
pub use when::{Context, Kind, When};
