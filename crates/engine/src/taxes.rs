//! The tax of a tenant: its rules, what is known of those who sell and buy, and what was decided.
//!
//! What this promises:
//! - Rules and settings are journaled whole ([`TaxSet`]) and versioned; what was decided names its
//!   version and keeps the act, so that a later change explains and changes nothing of the past.
//! - A decision is kept once, as a numbered [`Case`]: the question and its answer. The first payment
//!   of its kind journals it, the others name its number. A month has its own, which is the period
//!   that thresholds count in.
//! - Turnover is counted in the assets that were paid, without tax, by taxpayer, threshold and year
//!   or month, and given back by refunds and disputes: exact, whatever a reference rate is later.
//! - Without rules in force nothing here is done: [`crate::terms::Terms::tax`] is the simple way.

pub mod returns;

pub use crate::step::tax::preview;

use crate::event::Hash;
use crate::ids::Id;
use crate::records::{OperatorKey, PartyNo, TenantNo};
use crate::state::State;
use crate::terms::Terms;
use crate::time::{Day, UtcMillis};
use core::cell::Cell;
use ledger::{AccountNo, AssetNo};
use money::{AssetCode, Atoms, Rounding};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tax::rules::{Counter, Over};
use tax::supply::{Buyer, Event, Part, Platform, Pricing, Window};
use tax::{Category, Country, Current, Date, Evidence, Outcome, Role, Rules, Supplier, Supply};

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

/// A taxpayer: a party that sells, or the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taxpayer {
    /// In whose space.
    pub tenant: TenantNo,
    /// Who; [`PartyNo::NONE`] is the operator.
    pub party: PartyNo,
    /// Its place in [`State::suppliers`], if it has settings of its own.
    pub supplier: Option<u32>,
    /// As a buyer: the country of its tax number, and how far that was checked.
    pub buyer: Option<(Country, tax::supply::Checked)>,
    /// Its tax accounts, ordered by key; the operator's stand with the tenant.
    pub accounts: Vec<(OperatorKey, AccountNo)>,
    /// What it has sold.
    pub turnover: Vec<Turned>,
}

impl Taxpayer {
    pub(crate) fn new(tenant: TenantNo, party: PartyNo) -> Taxpayer {
        Taxpayer {
            tenant,
            party,
            supplier: None,
            buyer: None,
            accounts: Vec::new(),
            turnover: Vec::new(),
        }
    }

    pub(crate) fn account(&self, key: OperatorKey) -> Option<AccountNo> {
        let found = self.accounts.iter().find(|(known, _)| *known == key);
        found.map(|(_, no)| *no)
    }

    /// Counts so much more, or less. What is no more needed is dropped, and so is what has come to
    /// nothing; a move into what was dropped is no more.
    #[inline]
    pub(crate) fn count(&mut self, counter: Counter, period: u32, asset: AssetNo, delta: i128) {
        let at = |t: &&mut Turned| (t.counter, t.period, t.asset) == (counter, period, asset);
        if let Some(turned) = self.turnover.iter_mut().find(at) {
            turned.net += delta;
            if turned.net == 0 {
                self.turnover.retain(|t| t.net != 0);
            }
            return;
        }
        let periods = self.turnover.iter().filter(|t| t.counter == counter);
        let last = periods.map(|t| t.period).max().unwrap_or(0).max(period);
        let oldest = last.saturating_sub(if period < MONTHS_FROM { 1 } else { 24 });
        if period >= oldest && delta != 0 {
            let turned = Turned {
                counter,
                period,
                asset,
                net: delta,
            };
            self.turnover
                .retain(|t| t.counter != counter || t.period >= oldest);
            let key = |t: &Turned| (t.counter, t.period, t.asset);
            let place = self.turnover.partition_point(|t| key(t) < key(&turned));
            self.turnover.insert(place, turned);
        }
    }
}

/// Periods below are years, the others months: year × 12 + (month − 1).
const MONTHS_FROM: u32 = 12_000;

/// What a taxpayer has sold in a period, as a threshold counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turned {
    /// What is counted.
    pub counter: Counter,
    /// The civil year, or year × 12 + (month − 1) for thresholds over twelve months.
    pub period: u32,
    /// In what was paid.
    pub asset: AssetNo,
    /// Without tax, atoms.
    pub net: i128,
}

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
    /// As words to be hashed. Different questions may have the same; nearly none do.
    #[inline]
    pub(crate) fn words(&self) -> [u128; 2] {
        let country = |c: Option<Country>| c.map_or(0, |c| u64::from(u16::from_be_bytes(c.code())));
        let buyer = |b: Buyer| match b {
            Buyer::Consumer => 0,
            Buyer::Business {
                country: c,
                checked,
            } => country(Some(c)) << 2 | (checked as u64) << 1 | 1,
        };
        let seller = match self.seller {
            Seller::Of(of) => country(Some(of)) << 1,
            Seller::Known(no) => u64::from(no) << 1 | 1,
        };
        let [first, second] = self.facts.evidence.words();
        let parties = seller << 32 | country(self.declared) << 16 | country(self.seller_country);
        let when = u64::from(self.month) << 32 | u64::from(self.rules) << 8;
        let what = (self.facts.category as u64) << 4 | self.facts.event as u64;
        [
            u128::from(first) << 64 | u128::from(parties ^ buyer(self.buyer) << 40),
            u128::from(second ^ buyer(self.seller_buyer) << 20) << 64
                | u128::from((when | what) ^ country(self.facts.performed_in) << 48),
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
    /// What the sale counts in, and in which period, for its supplier.
    pub sale_counts: Vec<(Counter, u32)>,
    /// What the fee counts in, for the operator.
    pub fee_counts: Vec<(Counter, u32)>,
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

/// What is asked of turnover, in the asset of each threshold.
pub(crate) struct Sold<'a> {
    pub rules: &'a Rules,
    pub state: &'a State,
    pub terms: &'a Terms,
    pub seller: Option<&'a Taxpayer>,
    pub operator: Option<&'a Taxpayer>,
    pub month: u32,
    pub asset: AssetNo,
    pub amount: u64,
    /// Whether anything was asked.
    pub asked: Cell<bool>,
}

impl Sold<'_> {
    /// Rounded up, the strict side.
    fn convert(&self, amount: u64, from: AssetNo, to: AssetNo) -> Option<u64> {
        if from == to {
            return Some(amount);
        }
        let mut rates = self.terms.reference_rates.iter();
        let rate = rates.find(|r| r.base == from && r.quote == to)?;
        let converted = rate.rate.convert(Atoms(amount), Rounding::Up).ok()?;
        Some(converted.atoms.0)
    }
}

impl tax::Turnover for Sold<'_> {
    fn so_far(&self, whose: Role, counter: Counter, window: Window) -> u128 {
        self.asked.set(true);
        let taxpayer = match whose {
            Role::Seller => self.seller,
            Role::Platform => self.operator,
        };
        let rules = self.rules;
        let mut thresholds = rules.thresholds.iter().chain(&rules.single_item);
        let threshold = thresholds.find(|t| t.counter == counter);
        let asset = threshold.and_then(|t| self.state.asset(t.asset.0));
        // What nothing can be converted into, `price_in` says.
        let (Some(taxpayer), Some((asset, _))) = (taxpayer, asset) else {
            return 0;
        };
        let counts = |period: u32| match window {
            Window::Year(year) => {
                i64::from(period) == i64::from(year)
                    || (period >= MONTHS_FROM && i64::from(period / 12) == i64::from(year))
            }
            Window::TwelveMonthsTo(_) => period <= self.month && period + 12 > self.month,
        };
        let of_counter = |t: &&Turned| t.counter == counter && counts(t.period);
        let mut sum = 0u128;
        for turned in taxpayer.turnover.iter().filter(of_counter) {
            let net = u64::try_from(turned.net.max(0)).ok();
            let net = net.and_then(|net| self.convert(net, turned.asset, asset));
            // Without a rate, or beyond any: the threshold is passed.
            let Some(net) = net else {
                return u128::MAX;
            };
            sum += u128::from(net);
        }
        sum
    }

    fn price_in(&self, asset: AssetCode) -> Option<u64> {
        self.asked.set(true);
        let (asset, _) = self.state.asset(asset)?;
        self.convert(self.amount, self.asset, asset)
    }
}

impl TaxInForce {
    /// Decides a question on a day.
    pub(crate) fn decide(
        &self,
        question: &Question,
        seller: &Supplier,
        date: Date,
        sold: &Sold<'_>,
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
        let counts = |outcome: &Outcome| -> Vec<(Counter, u32)> {
            let thresholds = &current.rules.thresholds;
            let moved = thresholds.iter().enumerate();
            let moved = moved.filter(|(at, _)| outcome.counts >> at & 1 == 1);
            let period = |over| match over {
                Over::CalendarYear => question.month / 12,
                Over::TwelveMonths => question.month,
            };
            let mut moved: Vec<_> = moved.map(|(_, t)| (t.counter, period(t.over))).collect();
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
            state,
            terms: &state.tenants[tenant.0 as usize].terms,
            seller: state.taxpayer_of(tenant, seller),
            operator: state.taxpayer_of(tenant, PartyNo::NONE),
            month: question.month,
            asset: AssetNo(0),
            amount: 0,
            asked: Cell::new(false),
        };
        self.decide(&question, supplier, date, &sold)
    }
}

impl State {
    /// What the state knows of a party as a taxpayer, or of the operator.
    #[must_use]
    #[inline]
    pub fn taxpayer_of(&self, tenant: TenantNo, party: PartyNo) -> Option<&Taxpayer> {
        let no = if party == PartyNo::NONE {
            self.tenants[tenant.0 as usize].taxpayer
        } else {
            *self.taxpayer_nos.get(party.0 as usize)?
        };
        self.taxpayers.get(no.checked_sub(1)? as usize)
    }

    pub(crate) fn taxpayer_mut(&mut self, tenant: TenantNo, party: PartyNo) -> &mut Taxpayer {
        let next = u32::try_from(self.taxpayers.len() + 1).expect("no more taxpayers than parties");
        let no = if party == PartyNo::NONE {
            &mut self.tenants[tenant.0 as usize].taxpayer
        } else {
            let at = party.0 as usize;
            if self.taxpayer_nos.len() <= at {
                self.taxpayer_nos.resize(at + 1, 0);
            }
            &mut self.taxpayer_nos[at]
        };
        if *no == 0 {
            *no = next;
            self.taxpayers.push(Taxpayer::new(tenant, party));
        }
        &mut self.taxpayers[*no as usize - 1]
    }

    /// A case by its number; numbers come from events, so it exists. 0 is none.
    #[must_use]
    #[inline]
    pub fn tax_case(&self, no: u32) -> Option<&Case> {
        self.cases.get(no.checked_sub(1)? as usize)
    }

    pub(crate) fn question_hash(&self, question: &Question) -> u64 {
        let [first, second] = question.words();
        let first = self.key.hash(question.tenant.0, first);
        self.key.hash(first as u32, second ^ u128::from(first))
    }

    pub(crate) fn add_case(&mut self, case: Case) {
        let no = u32::try_from(self.cases.len()).expect("fewer than 2^32 cases");
        self.case_index
            .insert(self.question_hash(&case.question), no);
        self.cases.push(case);
    }

    /// The supplier's place, as it is known already or added.
    pub(crate) fn supplier_no(&mut self, supplier: &Supplier) -> u32 {
        let found = self.suppliers.iter().position(|known| known == supplier);
        let at = found.unwrap_or_else(|| {
            self.suppliers.push(supplier.clone());
            self.suppliers.len() - 1
        });
        u32::try_from(at).expect("no more suppliers than parties")
    }
}
