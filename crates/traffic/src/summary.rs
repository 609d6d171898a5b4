//! Adds up what became of each line of a log.
//!
//! - Every line is told to the summary exactly once: [`Summary::paid`], [`Summary::refused`],
//!   [`Summary::free`] or [`Summary::unreadable`]; the four counts sum to the requests.
//! - Sums are integers of atoms; nothing is rounded but what card fees would have been, once each.
//! - It decides nothing: what only the ledger knows comes with [`LedgerFacts`].

use std::collections::{BTreeMap, HashMap};

use money::{Asset, Atoms};

use crate::country::Country;
use crate::log::BadLine;
use crate::prices::FreeReason;
use crate::report::Report;

/// Unreadable lines beyond these are counted, not named.
pub const BAD_LINES_MAX: usize = 1_000;
const MS_PER_DAY: i64 = 86_400_000;

/// A payment that was accepted.
#[derive(Debug, Clone, Copy)]
pub struct Paid<'a> {
    pub section: &'a str,
    pub country: Option<Country>,
    /// When, UTC; its day is what it is filed under.
    pub at_ms: i64,
    pub page: &'a str,
    pub payer: &'a str,
    pub atoms: Atoms,
}

/// What the node says when all is paid. Amounts are atoms of the summary's asset.
#[derive(Debug, Clone, Default)]
pub struct LedgerFacts {
    pub wallets: u64,
    /// What the platform kept.
    pub fees: i128,
    pub tax: i128,
    /// What the owner has.
    pub net: i128,
    /// The sum of all accounts, for each asset; all zero, or the ledger is wrong.
    pub trial_balance: Vec<(Asset, i128)>,
    pub elapsed_ms: u64,
    pub payments_per_second: u64,
}

/// How many, and how much together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub payments: u64,
    pub atoms: u128,
}

impl Tally {
    fn add(&mut self, atoms: Atoms) {
        self.payments += 1;
        self.atoms += u128::from(atoms.get());
    }
}

/// What a card would have cost for each payment: a share and a fixed part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardFee {
    pub share_ppm: u32,
    pub fixed_minor: u64,
}

impl CardFee {
    /// 2.9 % + $0.30, the list price of card processors in the United States. Known for dollars only.
    pub fn for_asset(asset: &Asset) -> Option<Self> {
        matches!(asset.code.as_str(), "USD" | "USDC" | "USDT").then_some(Self {
            share_ppm: 29_000,
            fixed_minor: 30,
        })
    }

    /// In atoms; rounded half to even to a cent, which is all a processor can ask for.
    pub fn of(&self, asset: &Asset, amount: Atoms) -> u128 {
        // Stablecoins settle in finer units, but cards are charged in cents.
        let atoms_per_minor = u128::from(asset.scale.atoms_per_unit() / 100).max(1);
        let share = u128::from(amount.get()) * u128::from(self.share_ppm);
        let minor = divide_half_even(share, atoms_per_minor * 1_000_000);
        (minor + u128::from(self.fixed_minor)) * atoms_per_minor
    }
}

/// To the nearest whole number, and to the even one from halfway.
pub(crate) fn divide_half_even(number: u128, by: u128) -> u128 {
    let (whole, rest) = (number / by, number % by);
    let up = match (rest * 2).cmp(&by) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => whole % 2 == 1,
        std::cmp::Ordering::Greater => true,
    };
    whole + u128::from(up)
}

#[derive(Debug, Clone)]
pub struct Summary {
    pub(crate) asset: Asset,
    pub(crate) card_fee: Option<CardFee>,
    pub(crate) total: Tally,
    pub(crate) smallest: Option<Atoms>,
    pub(crate) largest: Option<Atoms>,
    pub(crate) card_fees: u128,
    pub(crate) by_section: HashMap<String, Tally>,
    pub(crate) by_country: HashMap<Option<Country>, Tally>,
    /// Days since 1970.
    pub(crate) by_day: BTreeMap<i64, Tally>,
    pub(crate) by_page: HashMap<String, Tally>,
    pub(crate) by_payer: HashMap<String, Tally>,
    pub(crate) refused: BTreeMap<String, u64>,
    pub(crate) free: BTreeMap<FreeReason, u64>,
    pub(crate) bad_lines: Vec<BadLine>,
    pub(crate) bad_line_count: u64,
}

impl Summary {
    pub fn new(asset: Asset) -> Self {
        Self {
            asset,
            card_fee: CardFee::for_asset(&asset),
            total: Tally::default(),
            smallest: None,
            largest: None,
            card_fees: 0,
            by_section: HashMap::new(),
            by_country: HashMap::new(),
            by_day: BTreeMap::new(),
            by_page: HashMap::new(),
            by_payer: HashMap::new(),
            refused: BTreeMap::new(),
            free: BTreeMap::new(),
            bad_lines: Vec::new(),
            bad_line_count: 0,
        }
    }

    pub fn paid(&mut self, paid: Paid<'_>) {
        let atoms = paid.atoms;
        self.total.add(atoms);
        self.smallest = Some(self.smallest.map_or(atoms, |least| least.min(atoms)));
        self.largest = Some(self.largest.map_or(atoms, |most| most.max(atoms)));
        if let Some(fee) = self.card_fee {
            self.card_fees += fee.of(&self.asset, atoms);
        }
        tally(&mut self.by_section, paid.section).add(atoms);
        self.by_country.entry(paid.country).or_default().add(atoms);
        let day = paid.at_ms.div_euclid(MS_PER_DAY);
        self.by_day.entry(day).or_default().add(atoms);
        tally(&mut self.by_page, paid.page).add(atoms);
        tally(&mut self.by_payer, paid.payer).add(atoms);
    }

    /// The node's code for why.
    pub fn refused(&mut self, code: &str) {
        match self.refused.get_mut(code) {
            Some(count) => *count += 1,
            None => {
                self.refused.insert(code.to_owned(), 1);
            }
        }
    }

    pub fn free(&mut self, reason: FreeReason) {
        *self.free.entry(reason).or_default() += 1;
    }

    pub fn unreadable(&mut self, line: BadLine) {
        self.bad_line_count += 1;
        if self.bad_lines.len() < BAD_LINES_MAX {
            self.bad_lines.push(line);
        }
    }

    pub fn accepted_count(&self) -> u64 {
        self.total.payments
    }

    pub fn refused_count(&self) -> u64 {
        self.refused.values().sum()
    }

    pub fn free_count(&self) -> u64 {
        self.free.values().sum()
    }

    pub fn unreadable_count(&self) -> u64 {
        self.bad_line_count
    }

    pub fn request_count(&self) -> u64 {
        self.accepted_count() + self.refused_count() + self.free_count() + self.unreadable_count()
    }

    /// Accepted payments together, in atoms.
    pub fn gross(&self) -> u128 {
        self.total.atoms
    }

    pub fn report(&self, facts: &LedgerFacts) -> Report {
        Report::of(self, facts)
    }
}

fn tally<'a>(map: &'a mut HashMap<String, Tally>, key: &str) -> &'a mut Tally {
    map.entry(key.to_owned()).or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_fees_are_rounded_half_even_to_a_cent() {
        let usd = Asset::known("USD").unwrap();
        let fee = CardFee::for_asset(&usd).unwrap();
        for (amount, expected) in [
            ("0.0005", "0.3"),
            ("0.17", "0.3"),  // 0.493 cents
            ("0.18", "0.31"), // 0.522 cents
            ("100", "3.2"),
            ("50", "1.75"),
            ("5000000000", "145000000.3"),
        ] {
            let fee = fee.of(&usd, usd.parse(amount).unwrap());
            assert_eq!(
                usd.format_signed(i128::try_from(fee).unwrap()),
                expected,
                "{amount}"
            );
        }
        for (number, by, expected) in [
            (5, 10, 0),
            (15, 10, 2),
            (25, 10, 2),
            (26, 10, 3),
            (4, 10, 0),
        ] {
            assert_eq!(divide_half_even(number, by), expected, "{number}/{by}");
        }
        assert_eq!(CardFee::for_asset(&Asset::known("EUR").unwrap()), None);
    }
}
