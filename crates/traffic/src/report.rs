//! What a site's owner reads: the summary as text for a terminal and as JSON.
//!
//! Invariants: `accepted + refused + free + unreadable = requests`; an amount is
//! `{"ASSET": "decimal"}`; shares are parts of a thousand; what there is none of is null, zero or
//! an empty list, never an error.

mod text;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;

use jiff::civil;
use money::Asset;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::summary::{LedgerFacts, Summary, Tally, divide_half_even};

/// Pages and payers listed.
const TOP_MAX: usize = 20;

/// An amount and its asset; `{"USD": "0.0025"}` in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money {
    pub asset: Asset,
    pub atoms: i128,
}

impl Money {
    pub fn decimal(&self) -> String {
        self.asset.format_signed(self.atoms)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([(self.asset.code, self.decimal())])
    }
}

/// An amount of each asset; `{"EUR": "0", "USD": "0"}` in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Monies(pub Vec<Money>);

impl Serialize for Monies {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for money in &self.0 {
            map.serialize_entry(&money.asset.code, &money.decimal())?;
        }
        map.end()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Payments {
    pub accepted: u64,
    pub refused: u64,
    pub free: u64,
}

/// One row of a breakdown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    pub name: String,
    pub payments: u64,
    pub gross: Money,
    /// Of all that was earned.
    pub per_mille: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnreadableLine {
    pub line: u64,
    pub code: &'static str,
    pub reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Every line of the log.
    pub requests: u64,
    pub unreadable: u64,
    pub payments: Payments,
    pub wallets: u64,
    pub gross: Money,
    pub fees: Money,
    pub tax: Money,
    pub net: Money,
    pub trial_balance: Monies,
    pub elapsed_ms: u64,
    pub payments_per_second: u64,

    /// Visitors who paid at least once.
    pub payers: u64,
    pub average: Option<Money>,
    pub smallest: Option<Money>,
    pub largest: Option<Money>,
    /// What 2.9 % + $0.30 a payment would have cost; null in assets such fees are not known for.
    pub card_fees_instead: Option<Money>,
    pub by_section: Vec<Group>,
    pub by_country: Vec<Group>,
    /// UTC, in order.
    pub by_day: Vec<Group>,
    pub top_pages: Vec<Group>,
    pub top_payers: Vec<Group>,
    pub free_by_reason: BTreeMap<&'static str, u64>,
    pub refused_by_code: BTreeMap<String, u64>,
    /// The first thousand.
    pub unreadable_lines: Vec<UnreadableLine>,

    /// The reasons above in words, most frequent first.
    #[serde(skip)]
    free_words: Vec<(&'static str, u64)>,
}

impl Report {
    pub(crate) fn of(summary: &Summary, facts: &LedgerFacts) -> Self {
        let asset = summary.asset;
        let money = |atoms: i128| Money { asset, atoms };
        let sum = |atoms: u128| money(signed(atoms));
        let count = summary.total.payments;
        let group = |name: String, tally: &Tally| Group {
            name,
            payments: tally.payments,
            gross: sum(tally.atoms),
            per_mille: per_mille(tally.atoms, summary.total.atoms),
        };
        let by_day = summary
            .by_day
            .iter()
            .map(|(&day, tally)| group(day_name(day), tally))
            .collect();
        let countries = summary.by_country.iter().map(|(country, tally)| {
            let name = country.map_or("unknown".to_owned(), |country| country.to_string());
            (name, *tally)
        });
        let mut free_words: Vec<_> = summary
            .free
            .iter()
            .map(|(reason, &count)| (reason.text(), count))
            .collect();
        free_words.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        Self {
            requests: summary.request_count(),
            unreadable: summary.unreadable_count(),
            payments: Payments {
                accepted: count,
                refused: summary.refused_count(),
                free: summary.free_count(),
            },
            wallets: facts.wallets,
            gross: sum(summary.total.atoms),
            fees: money(facts.fees),
            tax: money(facts.tax),
            net: money(facts.net),
            trial_balance: Monies(
                facts
                    .trial_balance
                    .iter()
                    .map(|&(asset, atoms)| Money { asset, atoms })
                    .collect(),
            ),
            elapsed_ms: facts.elapsed_ms,
            payments_per_second: facts.payments_per_second,
            payers: summary.by_payer.len() as u64,
            average: (count > 0)
                .then(|| sum(divide_half_even(summary.total.atoms, u128::from(count)))),
            smallest: summary.smallest.map(|atoms| money(i128::from(atoms.get()))),
            largest: summary.largest.map(|atoms| money(i128::from(atoms.get()))),
            card_fees_instead: summary.card_fee.map(|_| sum(summary.card_fees)),
            by_section: greatest(owned(&summary.by_section), usize::MAX, group),
            by_country: greatest(countries, usize::MAX, group),
            by_day,
            top_pages: greatest(owned(&summary.by_page), TOP_MAX, group),
            top_payers: greatest(owned(&summary.by_payer), TOP_MAX, group),
            free_by_reason: summary
                .free
                .iter()
                .map(|(reason, &count)| (reason.code(), count))
                .collect(),
            refused_by_code: summary.refused.clone(),
            unreadable_lines: summary
                .bad_lines
                .iter()
                .map(|line| UnreadableLine {
                    line: line.number,
                    code: line.reason.code(),
                    reason: line.reason.text(),
                })
                .collect(),
            free_words,
        }
    }

    /// For people: at most 100 columns, plain words.
    pub fn text(&self) -> String {
        text::render(self)
    }
}

fn owned(map: &HashMap<String, Tally>) -> impl Iterator<Item = (String, Tally)> {
    map.iter().map(|(name, tally)| (name.clone(), *tally))
}

/// The greatest by what they earned, then by count, then by name: the same on every machine.
fn greatest<N: Display + Ord>(
    all: impl Iterator<Item = (N, Tally)>,
    most: usize,
    group: impl Fn(String, &Tally) -> Group,
) -> Vec<Group> {
    let mut all: Vec<(N, Tally)> = all.collect();
    all.sort_by(|(a_name, a), (b_name, b)| {
        (b.atoms, b.payments)
            .cmp(&(a.atoms, a.payments))
            .then_with(|| a_name.cmp(b_name))
    });
    all.iter()
        .take(most)
        .map(|(name, tally)| group(name.to_string(), tally))
        .collect()
}

/// `2015-05-17`.
fn day_name(day: i64) -> String {
    let epoch = civil::date(1970, 1, 1);
    jiff::Span::new()
        .try_days(day)
        .and_then(|days| epoch.checked_add(days))
        .map_or_else(|_| format!("day {day}"), |date| date.to_string())
}

fn per_mille(part: u128, whole: u128) -> u64 {
    if whole == 0 {
        return 0;
    }
    u64::try_from(divide_half_even(part.saturating_mul(1000), whole)).unwrap_or(1000)
}

/// A sum of u64 amounts never reaches the end of an i128.
fn signed(atoms: u128) -> i128 {
    i128::try_from(atoms).unwrap_or(i128::MAX)
}

#[cfg(test)]
mod tests;
