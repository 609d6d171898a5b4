//! What tax is in a payment: where it is owed, by whom, at which rate, and how the price is split.
//!
//! - [`determine()`] answers for one supply; [`supply`] and [`evidence`] are what it is asked.
//! - [`number`] checks tax numbers.
//! - [`split`] takes the price apart.
//! - [`rules`] are dated facts with their sources; [`rates`] are those that come with Farthing.
//! - [`table`] is the dense form of the rules for the days on which nothing changes.
//! - [`RateTable`] is the simple way, a single rate a country, for tenants without rules.
//!
//! Pure: no wallets, no time, no ledger, no file. Integers only.
#![deny(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod category;
mod date;
pub mod determine;
pub mod evidence;
pub mod number;
pub mod parse;
mod place;
pub mod rates;
pub mod reason;
pub mod rules;
pub mod split;
pub mod supply;
pub mod table;

pub use category::Category;
pub use date::Date;
pub use determine::{Current, Outcome, Treatment, determine};
pub use evidence::Evidence;
pub use place::{Country, NotRead, Place};
pub use reason::{Reason, Reasons};
pub use rules::{Charge, Rules};
pub use supply::{Role, Supplier, Supply, Turnover};
pub use table::Table;

use money::{Atoms, Ppm, Rounding};
use serde::{Deserialize, Serialize};

/// A country's rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountryRate {
    /// ISO 3166 alpha-2, as two ASCII bytes.
    pub country: [u8; 2],
    /// Parts per million of the net price.
    pub rate: Ppm,
}

/// The rates in force, ordered by country.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateTable(Vec<CountryRate>);

impl RateTable {
    /// A table of these rates; the last of two for one country stands.
    #[must_use]
    pub fn new(rates: impl IntoIterator<Item = CountryRate>) -> Self {
        let mut table = RateTable::default();
        for rate in rates {
            match table.0.binary_search_by_key(&rate.country, |r| r.country) {
                Ok(at) => table.0[at] = rate,
                Err(at) => table.0.insert(at, rate),
            }
        }
        table
    }

    /// The rate of a country; none is no tax.
    #[must_use]
    #[inline]
    pub fn rate(&self, country: [u8; 2]) -> Option<Ppm> {
        let at = self.0.binary_search_by_key(&country, |r| r.country).ok()?;
        Some(self.0[at].rate)
    }

    /// Every rate, ordered by country.
    #[must_use]
    pub fn rates(&self) -> &[CountryRate] {
        &self.0
    }
}

/// The tax contained in a gross amount, rounded half to even once.
#[must_use]
#[inline]
pub fn included(gross: Atoms, rate: Ppm) -> Atoms {
    rate.included_in(gross, Rounding::HalfEven)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tax_is_taken_out_of_the_price() {
        let nineteen = Ppm::new(190_000).unwrap();
        assert_eq!(included(Atoms(119), nineteen), Atoms(19));
        assert_eq!(included(Atoms(0), nineteen), Atoms(0));
        assert_eq!(included(Atoms(100), Ppm::ZERO), Atoms(0));
    }

    #[test]
    fn a_country_without_a_rate_has_no_tax() {
        let table = RateTable::new([
            CountryRate {
                country: *b"FR",
                rate: Ppm::new(200_000).unwrap(),
            },
            CountryRate {
                country: *b"DE",
                rate: Ppm::new(160_000).unwrap(),
            },
            CountryRate {
                country: *b"DE",
                rate: Ppm::new(190_000).unwrap(),
            },
        ]);
        assert_eq!(table.rate(*b"DE"), Ppm::new(190_000).ok());
        assert_eq!(table.rate(*b"US"), None);
        assert_eq!(table.rates().len(), 2);
    }
}
