//! The tax of a tenant: its rules, what is known of those who sell and buy, and what was decided.
//!
//! What this promises:
//! - Rules and settings are journaled whole ([`TaxSet`]) and versioned; what was decided names its
//!   version and keeps the act, so that a later change explains and changes nothing of the past.
//! - A decision is kept once, as a numbered [`Case`]: the question and its answer. The first payment
//!   of its kind journals it, the others name its number. A month has its own, which is the period
//!   that thresholds count in.
//! - Turnover is counted in the assets that were paid, without tax, by taxpayer, month and what it
//!   counts in, and given back by refunds and disputes: exact, whatever a reference rate is later.
//! - Without rules in force nothing here is done: [`crate::terms::Terms::tax`] is the simple way.

mod case;
pub mod returns;
mod taxpayer;

pub use crate::step::tax::preview;
pub(crate) use case::{Bought, Words};
pub use case::{Case, Gist, Question, Seller};
pub(crate) use taxpayer::{Sold, SoldBefore};
pub use taxpayer::{Taxpayer, Together, Turned};

use crate::event::Hash;
use crate::ids::Id;
use crate::records::PartyNo;
use crate::state::State;
use crate::time::{Day, UtcMillis};
use crate::view::View;
use core::cell::Cell;
use ledger::AssetNo;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tax::rules::Counter;
use tax::supply::{Buyer, Event, Part, Platform, Pricing};
use tax::{Category, Country, Current, Date, Evidence, Outcome, Rules, Supplier, Supply};

/// At most so many registrations of one supplier.
pub const REGISTRATIONS_MAX: usize = 128;

/// What a payment says of itself for tax.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// What is supplied.
    pub category: Category,
    /// What was observed of where the payer is, besides the country it is registered with.
    pub evidence: Evidence,
    /// What is paid for: the supply, or a voucher.
    pub event: Event,
    /// Whether the amount contains the tax; not said, as the tenant's settings have it.
    pub pricing: Option<Pricing>,
    /// Where it is carried out, if that decides.
    pub performed_in: Option<Country>,
}

impl Facts {
    /// As words: different facts have different ones.
    #[inline(always)]
    pub(crate) fn words(&self) -> [u64; 3] {
        let [first, second, third] = self.evidence.words();
        let pricing = self.pricing.map_or(0, |pricing| pricing as u64 + 1);
        let what = self.category as u64 | (self.event as u64) << 8 | pricing << 16;
        let country = self.performed_in.map_or(0, Country::number);
        [first, second, third | what << 16 | u64::from(country) << 48]
    }
}

/// What an operator says of itself for tax.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxSettings {
    /// The operator as a taxpayer.
    pub operator: Supplier,
    /// What the platform does in the supplies of its sellers.
    pub part: Part,
    /// Whether prices contain their tax.
    pub pricing: Pricing,
    /// Whether a tax number is enough of which only the format was checked.
    pub format_is_enough: bool,
}

/// Tax rules and settings as they come into force. Grows at its end only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxSet {
    /// Counts the tenant's settings of tax, from 1.
    pub version: u32,
    /// The hash of the rules.
    pub hash: Hash,
    /// The rules; none if those in force stay.
    pub rules: Option<Arc<Rules>>,
    /// The settings; none puts tax rules out of force.
    pub settings: Option<TaxSettings>,
}

/// The tax rules in force for a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxInForce {
    /// Counts the tenant's settings of tax, from 1.
    pub version: u32,
    /// The hash of the rules.
    pub hash: Hash,
    /// Since when.
    pub since: UtcMillis,
    /// The settings.
    pub settings: TaxSettings,
    /// The rules, and their table of these days.
    pub current: Current,
}

/// The hash that tells rules from others.
#[must_use]
pub fn hash_of(rules: &Rules) -> Hash {
    let bytes = postcard::to_allocvec(rules).expect("serializing into memory does not fail");
    *blake3::hash(&bytes).as_bytes()
}

/// What is known of a party for tax. Grows at its end only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// As a seller; not said, it is of its country and registered nowhere else.
    pub supplier: Option<Supplier>,
    /// As a buyer: the country of its tax number, and how far that was checked.
    pub buyer: Option<(Country, tax::supply::Checked)>,
}

/// How tax and turnover move by what is not simply a payment: captures, refunds and disputes. Grows
/// at its end only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxMove {
    /// Which case.
    pub case: u32,
    /// The party that sold.
    pub seller: PartyNo,
    /// In what.
    pub asset: AssetNo,
    /// The sale without its tax, atoms.
    pub net: i128,
    /// The sale's tax, atoms.
    pub tax: i128,
    /// The fee without its tax, atoms.
    pub fee: i128,
    /// The fee's tax, atoms.
    pub fee_tax: i128,
    /// Which payment it is part of.
    pub of: Id,
}

impl TaxMove {
    /// The other way.
    #[must_use]
    pub fn reversed(self) -> TaxMove {
        TaxMove {
            net: -self.net,
            tax: -self.tax,
            fee: -self.fee,
            fee_tax: -self.fee_tax,
            ..self
        }
    }
}

/// A civil day as tax counts it.
#[must_use]
#[inline]
pub fn date(day: Day) -> Date {
    Date(i32::try_from(day.0).unwrap_or(i32::MAX))
}

/// A country as tax knows it; none if it is not known.
#[must_use]
#[inline]
pub fn country(country: crate::terms::Country) -> Option<Country> {
    Country::new(country.0).filter(|_| country != crate::terms::Country::UNKNOWN)
}

impl TaxInForce {
    /// Decides a question on a day.
    pub(crate) fn decide<V: View>(
        &self,
        question: &Question,
        seller: &Supplier,
        date: Date,
        sold: &Sold<'_, V>,
    ) -> Case {
        let settings = &self.settings;
        let (current, facts) = (&self.current, &question.facts);
        let evidence = question.evidence();
        let platform = Platform {
            supplier: &settings.operator,
            part: settings.part,
        };
        let supply = Supply {
            category: facts.category,
            seller,
            platform: Some(platform),
            buyer: question.buyer,
            evidence,
            performed_in: facts.performed_in,
            event: facts.event,
            pricing: facts.pricing.unwrap_or(settings.pricing),
        };
        let sale = tax::determine(current, &supply, date, sold);
        let mut of_seller = Evidence::default();
        if let Some(country) = question.seller_country {
            of_seller = of_seller.with(tax::evidence::Item::BillingAddress, country);
        }
        if let Buyer::Business { country, .. } = question.seller_buyer {
            of_seller = of_seller.with(tax::evidence::Item::Other, country);
        }
        // In the fee's supply the operator is the seller.
        let as_seller = Sold {
            party: PartyNo::NONE,
            seller: sold.operator,
            operator: None,
            asked: Cell::new(false),
            ..*sold
        };
        let supply = Supply::fee(&settings.operator, question.seller_buyer, of_seller);
        let fee = tax::determine(current, &supply, date, &as_seller);
        let (mut from, mut until) = current.days(date);
        let registrations = seller.registrations.iter();
        for registered in registrations.chain(&settings.operator.registrations) {
            for day in [registered.from, registered.until] {
                if day <= date {
                    from = from.max(day);
                } else {
                    until = until.min(day);
                }
            }
        }
        let counts = |outcome: &Outcome| -> Vec<Counter> {
            let moved = current.rules.counters(outcome.counts);
            let mut moved: Vec<_> = moved.map(|(counter, _)| counter).collect();
            moved.dedup();
            moved
        };
        let act = |outcome: &Outcome| {
            let rate = outcome.rate_id.and_then(|id| current.rules.rate(id));
            let source = rate.and_then(|rate| current.rules.source(rate.source));
            source.map_or_else(String::new, |source| source.act.clone())
        };
        Case {
            question: *question,
            pricing: facts.pricing.unwrap_or(settings.pricing),
            sale,
            fee,
            from,
            until,
            is_steady: !sold.asked.get() && !as_seller.asked.get(),
            sale_is_steady: !sold.asked.get(),
            sale_counts: counts(&sale),
            fee_counts: counts(&fee),
            sale_act: act(&sale),
            fee_act: act(&fee),
        }
    }

    /// The same question asked again under these rules, on a day: what a reassessment compares.
    /// Turnover is what it is in `state`.
    #[must_use]
    pub fn again(&self, state: &State, case: &Case, seller: PartyNo, date: Date) -> Case {
        let question = Question {
            rules: self.version,
            ..case.question
        };
        let of_country;
        let supplier = match question.seller {
            Seller::Known(no) => &state.suppliers[no as usize],
            Seller::Of(country) => {
                of_country = Supplier::of(country);
                &of_country
            }
        };
        let tenant = question.tenant;
        let sold = Sold {
            rules: &self.current.rules,
            view: state,
            terms: &state.tenants[tenant.0 as usize].terms,
            party: seller,
            seller: state.taxpayer_of(tenant, seller),
            operator: state.taxpayer_of(tenant, PartyNo::NONE),
            month: question.month,
            asset: AssetNo(0),
            amount: 0,
            before: &[],
            asked: Cell::new(false),
        };
        self.decide(&question, supplier, date, &sold)
    }
}
