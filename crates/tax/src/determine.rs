//! Where a supply is taxed, by whom and at which rate: the one function, and its answer.
//!
//! In order: is it a supply now; who supplies; where is the customer; which country taxes; does that
//! country ask anything of this supplier; which rate; under which registration. Reads only what it is
//! given, allocates nothing while the rules' table holds on the day.

use crate::category::Category;
use crate::date::Date;
use crate::evidence::{Items, Located, Proof};
use crate::place::{Country, Place};
use crate::reason::{Reason, Reasons};
use crate::rules::*;
use crate::supply::*;
use crate::table::{Row, Table};
use money::{Atoms, Ppm, Rounding};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What is done about tax.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Treatment {
    /// Charged at a rate above zero.
    Taxed,
    /// Taxable, at zero.
    ZeroRated,
    /// Exempt, without deduction.
    Exempt,
    /// The business accounts for it.
    ReverseCharge,
    /// No country's matter here.
    OutOfScope,
    /// Shown on papers, not collected.
    ShownOnly,
}

impl Treatment {
    /// Its name in data and API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Treatment::Taxed => "taxed",
            Treatment::ZeroRated => "zero_rated",
            Treatment::Exempt => "exempt",
            Treatment::ReverseCharge => "reverse_charge",
            Treatment::OutOfScope => "out_of_scope",
            Treatment::ShownOnly => "shown_only",
        }
    }
}

/// The rules of now: the facts, and the table of the days around today.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Current {
    /// The facts.
    pub rules: Arc<Rules>,
    #[serde(skip)]
    table: Option<Table>,
    /// Whether a number that only its format was checked of is enough for reverse charge.
    pub format_is_enough: bool,
}

impl Current {
    /// Rules, compiled for a day.
    #[must_use]
    pub fn new(rules: impl Into<Arc<Rules>>, date: Date) -> Current {
        let rules = rules.into();
        let table = Some(Table::compile(&rules, date));
        Current {
            rules,
            table,
            format_is_enough: false,
        }
    }

    /// Compiles for another day, if the table does not hold then. The shell calls this when the day
    /// turns; without it every answer is the same, and slower.
    pub fn turn(&mut self, date: Date) {
        if self
            .table
            .as_ref()
            .is_none_or(|table| !table.holds_on(date))
        {
            self.table = Some(Table::compile(&self.rules, date));
        }
    }

    /// The days on which nothing in the rules changes, around one of them: from the first, until
    /// before the second.
    #[must_use]
    pub fn days(&self, date: Date) -> (Date, Date) {
        match &self.table {
            Some(table) if table.holds_on(date) => table.days(),
            _ => crate::table::span(&self.rules, date),
        }
    }
}

/// What was decided: facts for the event, its trace and the papers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// What is done about tax.
    pub treatment: Treatment,
    /// Where the supply is taxed, or would be.
    pub place: Option<Place>,
    /// What was supplied.
    pub category: Category,
    /// The rate that is collected.
    pub rate: Ppm,
    /// The dated rate it is, from which the act is read: [`Rules::rate`], [`Rules::source`].
    pub rate_id: Option<RateId>,
    /// Who supplies.
    pub supplier: Role,
    /// Under which scheme, and where, the supplier declares it.
    pub registration: Option<(Scheme, Country)>,
    /// How tax is rounded there.
    pub rounding: RoundingRule,
    /// Which thresholds' counters this supply moves, by their place in [`Rules::thresholds`], a bit
    /// each: see [`Rules::counters`].
    pub counts: u32,
    /// Evidence that contradicts the place.
    pub conflict: Items,
    /// Why.
    pub reasons: Reasons,
}

impl Rules {
    /// The counters that an outcome moves, and the asset each is kept in.
    pub fn counters(&self, counts: u32) -> impl Iterator<Item = (Counter, AssetText)> {
        let chosen = move |(at, _): &(usize, &Threshold)| counts >> at & 1 == 1;
        let all = self.thresholds.iter().enumerate().filter(chosen);
        all.map(|(_, t)| (t.counter, t.asset))
    }
}

/// Decides the tax of a supply on a day.
#[must_use]
pub fn determine<T: Turnover>(
    current: &Current,
    supply: &Supply<'_>,
    date: Date,
    turnover: &T,
) -> Outcome {
    let compiled;
    let table = match &current.table {
        Some(table) if table.holds_on(date) => table,
        _ => {
            compiled = Table::compile(&current.rules, date);
            &compiled
        }
    };
    let mut step = Step {
        current,
        table,
        supply,
        date,
        turnover,
        reasons: Reasons::default(),
        conflict: Items::default(),
        counts: 0,
        supplier: supply.seller,
        role: Role::Seller,
    };
    step.run()
}

struct Step<'a, T> {
    current: &'a Current,
    table: &'a Table,
    supply: &'a Supply<'a>,
    date: Date,
    turnover: &'a T,
    reasons: Reasons,
    conflict: Items,
    counts: u32,
    supplier: &'a Supplier,
    role: Role,
}

impl<'a, T: Turnover> Step<'a, T> {
    #[inline]
    fn run(&mut self) -> Outcome {
        // Is it a supply now?
        let never = match self.supply.event {
            Event::SinglePurposeDrawn => Some(Reason::TaxedWhenSold),
            Event::MultiPurposeSold => Some(Reason::TaxedWhenUsed),
            _ if self.supply.category == Category::Charity => Some(Reason::NoConsideration),
            _ => None,
        };
        if let Some(reason) = never {
            self.reasons.add(reason);
            return self.nothing(Treatment::OutOfScope, None);
        }
        let located = self.locate();
        let business = self.business();
        let customer = business.unwrap_or(located.country.territory());
        self.supplier_of_record(customer, business.is_some());
        self.counts = self.table.worldwide;
        match business {
            Some(country) => self.sold_to_business(country),
            None => self.sold_to_consumer(located),
        }
    }

    /// Where the customer is; where the seller is if nothing tells.
    fn locate(&mut self) -> Place {
        let found = self.supply.evidence.locate(false);
        let Some(mut found) = found else {
            self.reasons.add(Reason::NoEvidence);
            return Place::country(self.supply.seller.country);
        };
        if found.proof == Proof::NotProven && self.one_item_is_enough() {
            found = self.supply.evidence.locate(true).unwrap_or(found);
        }
        let Located {
            place,
            proof,
            conflict,
            ..
        } = found;
        self.reasons.add(match proof {
            Proof::Presumed => Reason::Presumed,
            Proof::TwoItems => Reason::TwoItems,
            Proof::OneThirdParty => Reason::OneThirdParty,
            Proof::NotProven => Reason::NotProven,
        });
        if conflict != Items::default() {
            self.reasons.add(Reason::EvidenceConflicts);
            self.conflict = conflict;
        }
        place
    }

    /// Impl. Reg. 282/2011 art. 24b, second paragraph: for suppliers established in the Union. With a
    /// platform between, whose supply it is depends on the place, so both have to be below.
    fn one_item_is_enough(&self) -> bool {
        let Some(threshold) = &self.current.rules.single_item else {
            return false;
        };
        let (year, limit) = (self.date.year(), u128::from(threshold.atoms));
        let below = |role, supplier: &Supplier| {
            let so_far = |year| {
                let window = Window::Year(year);
                self.turnover.so_far(role, threshold.counter, window)
            };
            let row = self.table.country(supplier.country.territory());
            row.is_some_and(|row| row.in_union)
                && so_far(year) <= limit
                && so_far(year - 1) <= limit
        };
        let platform = self.supply.platform.filter(|p| !p.part.payment_only);
        threshold.from <= self.date
            && below(Role::Seller, self.supply.seller)
            && platform.is_none_or(|p| below(Role::Platform, p.supplier))
    }

    fn supplier_of_record(&mut self, customer: Country, business: bool) {
        let Some(platform) = self.supply.platform else {
            return;
        };
        if platform.part.payment_only {
            self.reasons.add(Reason::PaymentOnly);
            return;
        }
        let rule = self.table.country(customer).map(|row| row.platforms);
        let part = platform.part;
        let decides = part.authorises_charge || part.authorises_delivery || part.sets_terms;
        let foreign = self.supply.seller.country.territory() != customer;
        let supplies = match rule.unwrap_or(PlatformRule::Seller) {
            PlatformRule::Seller => false,
            PlatformRule::Presumed => decides || !part.names_seller,
            // These are for consumers: a business accounts for the tax itself.
            PlatformRule::ForeignSellers => foreign && !business,
            PlatformRule::Designated => foreign && !business && part.designated,
        };
        // The presumption is for services supplied electronically (art. 9a(1)).
        let electronic = !matches!(
            self.supply.category,
            Category::Transport | Category::Financial | Category::Education
        );
        if supplies && electronic {
            self.reasons.add(Reason::PlatformSupplies);
            self.supplier = platform.supplier;
            self.role = Role::Platform;
        } else if rule == Some(PlatformRule::Presumed) {
            self.reasons.add(Reason::SellerNamed);
        }
    }

    /// The country of a buyer that is held to be a business.
    fn business(&mut self) -> Option<Country> {
        let Buyer::Business { country, checked } = self.supply.buyer else {
            return None;
        };
        if checked == Checked::Format {
            self.reasons.add(Reason::NumberNotConfirmed);
            if !self.current.format_is_enough {
                return None;
            }
        }
        Some(country.territory())
    }

    fn sold_to_business(&mut self, business: Country) -> Outcome {
        let home = self.supplier.country.territory();
        let evidence = self.supply.evidence.locate(true);
        if evidence.is_some_and(|e| e.place.country.territory() != business) {
            self.reasons.add(Reason::NumberAndEvidenceDiffer);
        }
        if let Some(place) = self.carried() {
            return self.charge(place, home);
        }
        self.reasons.add(Reason::BusinessCountry);
        let place = Place::country(business);
        if business == home {
            self.reasons.add(Reason::Domestic);
            return self.charge(place, home);
        }
        let Some(row) = self.table.country(business) else {
            self.reasons.add(Reason::NoRates);
            return self.nothing(Treatment::OutOfScope, Some(place));
        };
        self.outside_union(row, home);
        let cell = row.cell(self.supply.category);
        if cell.is_some_and(|cell| cell.charge == Charge::Exempt) {
            return self.charge(place, home);
        }
        match row.abroad {
            None => {
                self.reasons.add(Reason::NothingFromAbroad);
                self.nothing(Treatment::OutOfScope, Some(place))
            }
            Some(BusinessRule::ReverseCharge) => {
                self.reasons.add(Reason::ReverseCharge);
                self.nothing(Treatment::ReverseCharge, Some(place))
            }
            Some(BusinessRule::Charged) => self.sold_from_abroad(row, place, home),
        }
    }

    fn sold_to_consumer(&mut self, customer: Place) -> Outcome {
        let home = self.supplier.country.territory();
        if let Some(place) = self.carried() {
            return self.charge(place, home);
        }
        if self.supply.category == Category::Financial {
            self.reasons.add(Reason::SuppliersCountry);
            return self.charge(Place::country(home), home);
        }
        let country = customer.country.territory();
        let place = Place {
            country,
            ..customer
        };
        if country == home {
            self.reasons.add(Reason::Domestic);
            return self.charge(place, home);
        }
        let Some(row) = self.table.row(place) else {
            self.reasons.add(Reason::NoRates);
            return self.nothing(Treatment::OutOfScope, Some(place));
        };
        let home_in_union = self.table.country(home).is_some_and(|home| home.in_union);
        if row.in_union && home_in_union {
            return self.within_union(place, home);
        }
        self.outside_union(row, home);
        self.sold_from_abroad(row, place, home)
    }

    /// Between two member states: where the customer is, unless below the threshold (art. 59c).
    fn within_union(&mut self, place: Place, home: Country) -> Outcome {
        let chose = self.registered(Scheme::OssUnion, None).is_some();
        if let Some(at) = self.table.cross_border {
            self.counts |= 1 << at;
            let threshold = &self.current.rules.thresholds[usize::from(at)];
            if chose {
                self.reasons.add(Reason::ChoseDestination);
            } else if !self.supplier.elsewhere_in_union {
                let home_rate = self.table.country(home);
                let home_rate = home_rate.and_then(|row| row.cell(self.supply.category));
                let rate = home_rate.map_or(Ppm::ZERO, |cell| cell.charge.rate());
                match self.passed(threshold, rate) {
                    Passed::No => {
                        self.reasons.add(Reason::BelowCrossBorder);
                        return self.charge(Place::country(home), home);
                    }
                    Passed::Now => self.reasons.add(Reason::CrossedNow),
                    Passed::Before => self.reasons.add(Reason::AboveCrossBorder),
                    Passed::Unknown => self.reasons.add(Reason::NoReferenceRate),
                }
            }
        }
        self.reasons.add(Reason::CustomersCountry);
        self.charge(place, home)
    }

    /// From abroad: when that country asks, and its thresholds are all passed.
    fn sold_from_abroad(&mut self, row: &Row, place: Place, home: Country) -> Outcome {
        if row.abroad.is_none() {
            self.reasons.add(Reason::NothingFromAbroad);
            return self.nothing(Treatment::OutOfScope, Some(place));
        }
        self.counts |= row.thresholds;
        if self
            .registered(Scheme::National, Some(place.country))
            .is_none()
        {
            let mut now = false;
            for at in (0..32).filter(|at| row.thresholds >> at & 1 == 1) {
                let threshold = &self.current.rules.thresholds[at];
                match self.passed(threshold, Ppm::ZERO) {
                    Passed::No => {
                        self.reasons.add(Reason::BelowForeign);
                        return self.nothing(Treatment::OutOfScope, Some(place));
                    }
                    Passed::Now => now = true,
                    Passed::Before => {}
                    Passed::Unknown => self.reasons.add(Reason::NoReferenceRate),
                }
            }
            if now {
                self.reasons.add(Reason::CrossedNow);
            }
        }
        self.reasons.add(Reason::CustomersCountry);
        self.charge(place, home)
    }

    fn outside_union(&mut self, row: &Row, home: Country) {
        let from_union = self.table.country(home).is_some_and(|home| home.in_union);
        if from_union && !row.in_union {
            self.reasons.add(Reason::OutsideUnion);
        }
    }

    /// Where carriage takes place; where the supplier is, if that is not told.
    fn carried(&mut self) -> Option<Place> {
        if self.supply.category != Category::Transport {
            return None;
        }
        self.reasons.add(Reason::WhereCarried);
        let place = self.supply.performed_in.unwrap_or(self.supplier.country);
        Some(Place::country(place.territory()))
    }

    /// Whether a threshold is passed, counting this supply without the tax it would contain.
    fn passed(&mut self, threshold: &Threshold, rate: Ppm) -> Passed {
        let so_far = |window| self.turnover.so_far(self.role, threshold.counter, window);
        let limit = u128::from(threshold.atoms);
        let (now, before) = match threshold.over {
            Over::CalendarYear => {
                let year = self.date.year();
                (so_far(Window::Year(year)), so_far(Window::Year(year - 1)))
            }
            Over::TwelveMonths => (so_far(Window::TwelveMonthsTo(self.date)), 0),
        };
        if now > limit || before > limit {
            return Passed::Before;
        }
        let Some(price) = self.turnover.price_in(threshold.asset.0) else {
            return Passed::Unknown;
        };
        let net = match self.supply.pricing {
            Pricing::Exclusive => price,
            Pricing::Inclusive => price - rate.included_in(Atoms(price), Rounding::Down).get(),
        };
        if now + u128::from(net) > limit {
            Passed::Now
        } else {
            Passed::No
        }
    }

    fn registered(&self, scheme: Scheme, country: Option<Country>) -> Option<(Scheme, Country)> {
        let fits = |r: &&Registration| {
            r.holds(scheme, self.date) && country.is_none_or(|c| c == r.country.territory())
        };
        let found = self.supplier.registrations.iter().find(fits);
        found.map(|r| (scheme, r.country))
    }

    /// Charges what the place charges, under the registration that it is declared with.
    fn charge(&mut self, place: Place, home: Country) -> Outcome {
        let Some(row) = self.table.row(place) else {
            self.reasons.add(Reason::NoRates);
            return self.nothing(Treatment::OutOfScope, Some(place));
        };
        let Some(cell) = row.cell(self.supply.category) else {
            self.reasons.add(Reason::NoRates);
            return self.nothing(Treatment::OutOfScope, Some(place));
        };
        let at_home = place.country == home;
        if at_home && self.supplier.small_enterprise {
            self.reasons.add(Reason::SmallEnterprise);
            return self.nothing(Treatment::Exempt, Some(place));
        }
        let (treatment, rate) = match cell.charge {
            Charge::Taxed(rate) => (Treatment::Taxed, rate),
            Charge::Zero => (Treatment::ZeroRated, Ppm::ZERO),
            Charge::Exempt => (Treatment::Exempt, Ppm::ZERO),
            Charge::OutOfScope => (Treatment::OutOfScope, Ppm::ZERO),
            Charge::Shown(_) => (Treatment::ShownOnly, Ppm::ZERO),
        };
        if let Some(rate) = self.current.rules.rate(cell.rate)
            && rate.category != self.supply.category
        {
            self.reasons.add(Reason::StandardRate);
        }
        let registration = match treatment {
            Treatment::OutOfScope | Treatment::ShownOnly => None,
            _ if at_home => Some((Scheme::National, home)),
            _ => {
                let national = self.registered(Scheme::National, Some(place.country));
                let oss = || {
                    let home_in_union = self.table.country(home).is_some_and(|h| h.in_union);
                    let scheme = match (row.in_union, home_in_union) {
                        (true, true) => Scheme::OssUnion,
                        (true, false) => Scheme::OssNonUnion,
                        (false, _) => return None,
                    };
                    self.registered(scheme, None)
                };
                let found = national.or_else(oss);
                if found.is_none() && treatment != Treatment::Exempt {
                    self.reasons.add(Reason::NotRegistered);
                }
                found
            }
        };
        Outcome {
            rate,
            rate_id: Some(cell.rate),
            registration,
            rounding: row.rounding,
            ..self.nothing(treatment, Some(place))
        }
    }

    /// An outcome without a rate.
    #[inline]
    fn nothing(&self, treatment: Treatment, place: Option<Place>) -> Outcome {
        Outcome {
            treatment,
            place,
            category: self.supply.category,
            rate: Ppm::ZERO,
            rate_id: None,
            supplier: self.role,
            registration: None,
            rounding: RoundingRule::DEFAULT,
            counts: self.counts,
            conflict: self.conflict,
            reasons: self.reasons,
        }
    }
}

enum Passed {
    No,
    Now,
    Before,
    /// The reference rate is missing.
    Unknown,
}
