//! What was decided of tax, for all payments alike; and what a payment needs of it.

use crate::records::{PartyNo, TenantNo};
use crate::state::State;
use crate::taxes::Facts;
use money::{Ppm, Rounding};
use serde::{Deserialize, Serialize};
use tax::rules::Counter;
use tax::supply::{Buyer, Pricing};
use tax::{Country, Date, Evidence, Outcome, Role};

/// Who sells, as far as tax goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Seller {
    /// Somebody of a country who said no more.
    Of(Country),
    /// With settings of its own, by their place in [`State::suppliers`].
    Known(u32),
}

/// All that the tax of a payment depends on, besides turnover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// In whose space.
    pub tenant: TenantNo,
    /// The version of the tenant's tax rules.
    pub rules: u32,
    /// The civil month: year × 12 + (month − 1).
    pub month: u32,
    /// Who sells.
    pub seller: Seller,
    /// The seller's country, as a customer of the platform.
    pub seller_country: Option<Country>,
    /// The seller's tax number, as a customer of the platform.
    pub seller_buyer: Buyer,
    /// Who buys.
    pub buyer: Buyer,
    /// The country that the payer is registered with.
    pub declared: Option<Country>,
    /// What the payment says of itself.
    pub facts: Facts,
}

impl Question {
    /// As words: different questions have different ones.
    pub(crate) fn words(&self) -> Words {
        let country = |of: Option<Country>| of.map_or(0, |of| u64::from(of.number()));
        let (seller, is_known) = match self.seller {
            Seller::Of(of) => (country(Some(of)), 0),
            Seller::Known(no) => (u64::from(no), 1),
        };
        let [first, second, third] = self.facts.words();
        let parties = country(self.declared) | country(self.seller_country) << 16;
        // A month of years to come, far below 2^31.
        let when = u64::from(self.month) << 32 | is_known << 63;
        let (buyer, seller_buyer) = (number_of(self.buyer), number_of(self.seller_buyer));
        [
            first,
            second,
            third,
            u64::from(self.tenant.0) | u64::from(self.rules) << 32,
            parties | when,
            seller | u64::from(buyer) << 32 | u64::from(seller_buyer) << 48,
        ]
    }

    /// The evidence of where the payer is: what was observed, and what it is registered with.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        let observed = self.facts.evidence;
        match (
            observed.get(tax::evidence::Item::BillingAddress),
            self.declared,
        ) {
            (None, Some(country)) => observed.with(tax::evidence::Item::BillingAddress, country),
            // A billing address of its own; where it is registered is other information.
            (Some(_), Some(country)) if observed.get(tax::evidence::Item::Other).is_none() => {
                observed.with(tax::evidence::Item::Other, country)
            }
            _ => observed,
        }
    }
}

/// What was decided of tax, for all payments alike. Grows at its end only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// What was asked.
    pub question: Question,
    /// Whether the amount contained the tax.
    pub pricing: Pricing,
    /// What was decided of the sale.
    pub sale: Outcome,
    /// What was decided of the platform's fee, its own supply to the seller.
    pub fee: Outcome,
    /// It holds from this day on, as long as nothing was asked of turnover.
    pub from: Date,
    /// Until before this day.
    pub until: Date,
    /// Whether no turnover was asked: then the same question has the same answer on those days.
    pub is_steady: bool,
    /// The same of the sale alone.
    pub sale_is_steady: bool,
    /// What the sale counts in, for its supplier.
    pub sale_counts: Vec<Counter>,
    /// What the fee counts in, for the operator.
    pub fee_counts: Vec<Counter>,
    /// Which act says the sale's rate; empty if there is none.
    pub sale_act: String,
    /// Which act says the fee's rate; empty if there is none.
    pub fee_act: String,
}

impl Case {
    /// Who owes the sale's tax: the seller, or none for the operator.
    #[must_use]
    #[inline]
    pub fn supplier(&self, seller: PartyNo) -> PartyNo {
        match self.sale.supplier {
            Role::Seller => seller,
            Role::Platform => PartyNo::NONE,
        }
    }
}

/// A question as words.
pub(crate) type Words = [u64; 6];

/// Who buys, as a number. A country's letters leave the highest bit of its own free.
#[inline]
fn number_of(buyer: Buyer) -> u16 {
    match buyer {
        Buyer::Consumer => 0,
        Buyer::Business { country, checked } => country.number() | (checked as u16) << 15,
    }
}

/// What a question depends on besides its seller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bought<'a> {
    pub tenant: TenantNo,
    pub rules: u32,
    pub month: u32,
    /// The payer's country, as it is written.
    pub country: crate::terms::Country,
    pub buyer: Buyer,
    pub facts: &'a Facts,
}

/// What payments need of a case, dense: two cache lines instead of six, and compared at once.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Gist {
    words: Words,
    /// The days on which the same question has this answer; none if it depends on turnover.
    from: Date,
    until: Date,
    /// The rates of the sale and of the fee.
    pub(crate) rate: Ppm,
    pub(crate) fee_rate: Ppm,
    pub(crate) mode: Rounding,
    pub(crate) fee_mode: Rounding,
    /// Where each is owed, as the number that tells its tax account; 0 is nowhere.
    pub(crate) place: u16,
    pub(crate) fee_place: u16,
    pub(crate) pricing: Pricing,
    /// Who owes the sale's tax.
    pub(crate) supplier: Role,
    /// What each counts in: see [`crate::taxes::Together`].
    pub(crate) counts: u32,
    pub(crate) fee_counts: u32,
    pub(crate) month: u32,
}

const _: () = assert!(size_of::<Gist>() == 128);

impl Gist {
    /// Of a case; `no_of` tells the number of counters that are moved together.
    pub(crate) fn new(case: &Case, mut no_of: impl FnMut(&[Counter]) -> u32) -> Gist {
        let place = |outcome: &Outcome| outcome.place.map_or(0, |place| place.country.number());
        Gist {
            words: case.question.words(),
            from: case.from,
            until: if case.is_steady {
                case.until
            } else {
                case.from
            },
            rate: case.sale.rate,
            fee_rate: case.fee.rate,
            mode: case.sale.rounding.mode,
            fee_mode: case.fee.rounding.mode,
            place: place(&case.sale),
            fee_place: place(&case.fee),
            pricing: case.pricing,
            supplier: case.sale.supplier,
            counts: no_of(&case.sale_counts),
            fee_counts: no_of(&case.fee_counts),
            month: case.question.month,
        }
    }

    pub(crate) fn asks(&self, words: &Words) -> bool {
        self.words == *words
    }

    /// Whether it asks this, if the seller is the same and has not changed. A country that tax law
    /// writes otherwise is not told to be the same.
    #[inline(always)]
    pub(crate) fn is_of(&self, bought: &Bought<'_>) -> bool {
        let [first, second, third, rules, parties, buyers] = self.words;
        let facts = bought.facts.words();
        let country = match bought.country {
            crate::terms::Country::UNKNOWN => 0,
            crate::terms::Country(letters) => u16::from_be_bytes(letters),
        };
        (facts[0] ^ first) | (facts[1] ^ second) | (facts[2] ^ third) == 0
            && u64::from(bought.tenant.0) | u64::from(bought.rules) << 32 == rules
            && self.month == bought.month
            && parties as u16 == country
            && (buyers >> 32) as u16 == number_of(bought.buyer)
    }

    /// Whether the same question has this answer on a day.
    #[inline]
    pub(crate) fn holds_on(&self, date: Date) -> bool {
        self.from <= date && date < self.until
    }

    /// Who owes the sale's tax: the seller, or none for the operator.
    #[inline]
    pub(crate) fn owner(&self, seller: PartyNo) -> PartyNo {
        match self.supplier {
            Role::Seller => seller,
            Role::Platform => PartyNo::NONE,
        }
    }
}

impl State {
    /// A case by its number; numbers come from events, so it exists. 0 is none.
    #[must_use]
    #[inline]
    pub fn tax_case(&self, no: u32) -> Option<&Case> {
        self.cases.get(no.checked_sub(1)? as usize)
    }

    pub(crate) fn add_case(&mut self, case: Case) {
        let no = u32::try_from(self.cases.len()).expect("fewer than 2^32 cases");
        let gist = Gist::new(&case, |counters| self.together.no_of(counters));
        self.case_index.insert(self.key.hash_words(&gist.words), no);
        self.gists.push(gist);
        self.cases.push(case);
    }
}
