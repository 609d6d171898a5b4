//! The rules of every country, dated and sourced, and the form of them that is fast on a day.
//!
//! Invariants:
//! - `Rules` is what is journaled and held in the state; everything in it came from one event.
//! - A `Table` says nothing that `Rules` does not: it is compiled for the days on which nothing
//!   changes and thrown away after. A reader without it gets the same answers, slower.
//! - Every number has its source.

use crate::category::Category;
use crate::date::Date;
use crate::place::{Country, Place};
use core::fmt;
use money::{AssetCode, Ppm, Rounding};
use serde::{Deserialize, Serialize};

/// How far a number was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// Read in the act or in the words of the authority.
    Official,
    /// Read in somebody else's table or article about the act.
    Secondary,
    /// Generally known; nobody has looked it up for this table.
    Unverified,
}

impl fmt::Display for Certainty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Certainty::Official => "official",
            Certainty::Secondary => "secondary",
            Certainty::Unverified => "unverified",
        })
    }
}

/// Where a number comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The act and article.
    pub act: String,
    /// Where it was read.
    pub link: String,
    /// How far it was verified.
    pub certainty: Certainty,
    /// When that was done.
    pub checked: Date,
}

/// A source, by its place in [`Rules::sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SourceId(pub u16);

/// What the law does with a category in a place. Three kinds of nothing are told apart, because the
/// papers and the supplier's own deduction differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Charge {
    /// Taxed at a rate above zero.
    Taxed(Ppm),
    /// Taxed, at zero: it counts as taxable turnover and what was paid on inputs is deducted.
    Zero,
    /// Exempt: no tax, and none is deducted.
    Exempt,
    /// Not the law's matter at all.
    OutOfScope,
    /// Shown on papers, not collected.
    Shown(Ppm),
}

impl Charge {
    /// The rate that is collected.
    #[must_use]
    #[inline]
    pub const fn rate(self) -> Ppm {
        match self {
            Charge::Taxed(rate) => rate,
            _ => Ppm::ZERO,
        }
    }
}

/// One dated rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Where.
    pub place: Place,
    /// For what.
    pub category: Category,
    /// From this day, until the next rate of the same place and category.
    pub from: Date,
    /// What is charged.
    pub charge: Charge,
    /// Who says so.
    pub source: SourceId,
}

/// A rate, by its place in [`Rules::rates`]: what a payment's event names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RateId(pub u16);

/// When tax is rounded to what can be paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Once {
    /// On each payment, to the atom.
    Payment,
    /// Once for each rate of an invoice; payments carry their remainder until then. Japan:
    /// Consumption Tax Act Enforcement Order art. 70-10.
    RatePerInvoice,
}

/// How a country rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RoundingRule {
    /// When.
    pub once: Once,
    /// Which way.
    pub mode: Rounding,
}

impl RoundingRule {
    /// On each payment, half to even: where no act asks for another.
    pub const DEFAULT: RoundingRule = RoundingRule {
        once: Once::Payment,
        mode: Rounding::HalfEven,
    };
}

/// What a business with a checked number is charged by a seller from abroad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BusinessRule {
    /// Nothing: it accounts for the tax itself.
    ReverseCharge,
    /// The same as a consumer.
    Charged,
}

/// Whose supply it is when a platform stands between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlatformRule {
    /// Always the seller's.
    Seller,
    /// The platform's, unless the seller is named throughout and the platform neither authorises
    /// the charge or the delivery nor sets the terms (Impl. Reg. 282/2011 art. 9a).
    Presumed,
    /// The platform's, when the seller is not of that country.
    ForeignSellers,
    /// The platform's, when the seller is not of that country and the authority designated the
    /// platform. Japan: Consumption Tax Act art. 15-2.
    Designated,
}

/// What turnover is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Everything the supplier supplies, wherever.
    Worldwide,
    /// To consumers of the country.
    Country,
    /// From one member state to consumers of others.
    CrossBorder,
}

/// A counter of turnover: one for each supplier, and year or month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Counter {
    /// Whose law counts.
    pub country: Country,
    /// What it counts.
    pub scope: Scope,
}

/// Over which time a threshold is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// The calendar year, and the one before.
    CalendarYear,
    /// The twelve months up to the day.
    TwelveMonths,
}

/// Turnover from which a rule holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Threshold {
    /// What is counted, and by whom.
    pub counter: Counter,
    /// In which asset.
    pub asset: AssetText,
    /// Up to this many atoms of it, the rule does not hold yet.
    pub atoms: u64,
    /// Over which time.
    pub over: Over,
    /// From which day there is a threshold.
    pub from: Date,
    /// Who says so.
    pub source: SourceId,
}

/// An asset's code, as text in papers and journals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssetText(pub AssetCode);

impl Serialize for AssetText {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0.as_str())
    }
}

impl<'de> Deserialize<'de> for AssetText {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
        let code = AssetCode::new(&text).map_err(serde::de::Error::custom)?;
        Ok(AssetText(code))
    }
}

/// What a country asks of sellers from abroad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Abroad {
    /// From which day they owe its tax on digital services.
    pub from: Date,
    /// What a business is charged.
    pub business: BusinessRule,
    /// Who says so.
    pub source: SourceId,
}

/// Whose supply it is in a country, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platforms {
    /// From which day.
    pub from: Date,
    /// The rule.
    pub rule: PlatformRule,
    /// Who says so.
    pub source: SourceId,
}

/// A country's rules other than its rates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountryRules {
    /// Which.
    pub country: Country,
    /// Its name in English.
    pub name: String,
    /// What its tax is called there.
    pub tax: String,
    /// The currency it is declared in.
    pub currency: AssetText,
    /// Rounding, and who says so.
    pub rounding: Option<(RoundingRule, SourceId)>,
    /// Sellers from abroad; none where the law asks nothing of them.
    pub abroad: Option<Abroad>,
    /// Platforms.
    pub platforms: Option<Platforms>,
}

/// Since when, and until when, a country is a member of the Union.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Which.
    pub country: Country,
    /// From this day.
    pub from: Date,
    /// Until before this day.
    pub until: Date,
}

/// Everything tax is decided from. Made by [`crate::parse::Builder`] or read from a journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// Ordered by place, category and day.
    pub rates: Vec<Rate>,
    /// Ordered by country.
    pub countries: Vec<CountryRules>,
    /// Ordered by counter. At most 32.
    pub thresholds: Vec<Threshold>,
    /// Up to which turnover one item of evidence from a third party is enough (Impl. Reg. 282/2011
    /// art. 24b, second paragraph). Its counter is one of the thresholds'.
    pub single_item: Option<Threshold>,
    /// The members of the Union.
    pub members: Vec<Member>,
    /// What the Union's law says of rates, platforms and reverse charge, for its members.
    pub union: Option<CountryRules>,
    /// Who says so.
    pub sources: Vec<Source>,
}

impl Rules {
    /// The rate of a place and category on a day, as the law of that day had it: the region's own,
    /// else its country's; the category's own, else the standard one.
    #[must_use]
    pub fn rate_on(&self, place: Place, category: Category, date: Date) -> Option<RateId> {
        let whole = Place::country(place.country);
        [
            (place, category),
            (whole, category),
            (place, Category::Standard),
            (whole, Category::Standard),
        ]
        .into_iter()
        .find_map(|(place, category)| self.last_before(place, category, date))
    }

    fn last_before(&self, place: Place, category: Category, date: Date) -> Option<RateId> {
        let key = (place, category, date);
        let after = self
            .rates
            .partition_point(|r| (r.place, r.category, r.from) <= key);
        let at = after.checked_sub(1)?;
        let rate = &self.rates[at];
        let same = rate.place == place && rate.category == category;
        u16::try_from(at).ok().filter(|_| same).map(RateId)
    }

    /// A rate by its id.
    #[must_use]
    pub fn rate(&self, id: RateId) -> Option<&Rate> {
        self.rates.get(usize::from(id.0))
    }

    /// A source by its id.
    #[must_use]
    pub fn source(&self, id: SourceId) -> Option<&Source> {
        self.sources.get(usize::from(id.0))
    }

    /// A country's rules.
    #[must_use]
    pub fn country(&self, country: Country) -> Option<&CountryRules> {
        let at = self.countries.binary_search_by_key(&country, |c| c.country);
        at.ok().map(|at| &self.countries[at])
    }

    /// Whether they are in the order that look-ups rely on, and everything they name is there: what
    /// [`crate::parse::Builder`] makes always is.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let sourced = |source: SourceId| self.source(source).is_some();
        let facts = |c: &CountryRules| {
            c.rounding.is_none_or(|(_, source)| sourced(source))
                && c.abroad.is_none_or(|a| sourced(a.source))
                && c.platforms.is_none_or(|p| sourced(p.source))
        };
        let key = |r: &Rate| (r.place, r.category, r.from);
        self.rates.len() <= usize::from(u16::MAX)
            && self.rates.windows(2).all(|two| key(&two[0]) < key(&two[1]))
            && self.rates.iter().all(|r| sourced(r.source))
            // A table numbers its rows in a byte.
            && self.countries.len() < usize::from(u8::MAX)
            && self.countries.windows(2).all(|two| two[0].country < two[1].country)
            && self.countries.iter().chain(&self.union).all(facts)
            && self.thresholds.len() <= 32
            && self.thresholds.iter().chain(&self.single_item).all(|t| sourced(t.source))
    }

    /// Whether a country is a member of the Union on a day.
    #[must_use]
    pub fn in_union(&self, country: Country, date: Date) -> bool {
        let member = |m: &Member| m.country == country && m.from <= date && date < m.until;
        self.members.iter().any(member)
    }
}
