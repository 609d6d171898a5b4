//! The dense form of the rules: country × category → rate, for the days on which nothing changes.
//!
//! Compiled from [`Rules`] and thrown away after; it decides nothing of its own.

use crate::category::{CATEGORIES, Category};
use crate::date::Date;
use crate::place::{CODES, Country, Place};
use crate::rules::*;
use serde::{Deserialize, Serialize};

/// What a table says of one place and category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// What is charged.
    pub charge: Charge,
    /// The rate it is.
    pub rate: RateId,
}

/// What a table says of one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Which.
    pub place: Place,
    /// Whether it is in the Union.
    pub in_union: bool,
    /// Whether regions of it have rows of their own.
    pub has_regions: bool,
    /// What businesses are charged from abroad; none where sellers from abroad owe nothing.
    pub abroad: Option<BusinessRule>,
    /// Whose supply it is.
    pub platforms: PlatformRule,
    /// How tax is rounded there.
    pub rounding: RoundingRule,
    /// Its thresholds, by their place in [`Rules::thresholds`], a bit each.
    pub thresholds: u32,
    cells: [Option<Cell>; CATEGORIES],
}

impl Row {
    /// What is charged on a category.
    #[must_use]
    #[inline]
    pub fn cell(&self, category: Category) -> Option<Cell> {
        self.cells[category.index()]
    }
}

/// The rules of some days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    from: Date,
    until: Date,
    /// The row of each code of two letters, plus one; zero is none.
    row_of: Vec<u8>,
    rows: Vec<Row>,
    /// Thresholds that count everything a supplier supplies, whatever the country.
    pub(crate) worldwide: u32,
    /// The Union's threshold between its members.
    pub(crate) cross_border: Option<u8>,
}

impl Table {
    /// Compiles the rules of a day, and of the days around it on which nothing changes.
    #[must_use]
    pub fn compile(rules: &Rules, date: Date) -> Table {
        let (from, until) = span(rules, date);
        let mut table = Table {
            from,
            until,
            row_of: vec![0; CODES],
            rows: Vec::new(),
            worldwide: 0,
            cross_border: None,
        };
        let active = |t: &Threshold| t.from <= date;
        for (at, threshold) in rules.thresholds.iter().enumerate() {
            match threshold.counter.scope {
                Scope::Worldwide if active(threshold) => table.worldwide |= 1 << at,
                Scope::CrossBorder if active(threshold) => table.cross_border = Some(at as u8),
                _ => {}
            }
        }
        for (number, facts) in rules.countries.iter().enumerate() {
            table.row_of[facts.country.index()] = number as u8 + 1;
            let place = Place::country(facts.country);
            table.rows.push(row(rules, facts, place, date));
        }
        let mut last = None;
        for place in rules.rates.iter().map(|r| r.place) {
            if !place.is_region() || last == Some(place) {
                continue;
            }
            last = Some(place);
            let Some(facts) = rules.country(place.country) else {
                continue;
            };
            let country = usize::from(table.row_of[place.country.index()]) - 1;
            table.rows[country].has_regions = true;
            table.rows.push(row(rules, facts, place, date));
        }
        table
    }

    /// Whether it holds on a day.
    #[must_use]
    #[inline]
    pub fn holds_on(&self, date: Date) -> bool {
        self.from <= date && date < self.until
    }

    /// The days it holds on: from the first, until before the second.
    #[must_use]
    pub fn days(&self) -> (Date, Date) {
        (self.from, self.until)
    }

    /// What it says of a country as a whole.
    #[must_use]
    #[inline]
    pub fn country(&self, country: Country) -> Option<&Row> {
        let row = usize::from(self.row_of[country.index()]);
        self.rows.get(row.wrapping_sub(1))
    }

    /// What it says of a place: of the region if it has rates of its own, else of its country.
    #[must_use]
    #[inline]
    pub fn row(&self, place: Place) -> Option<&Row> {
        let country = self.country(place.country)?;
        if !country.has_regions || !place.is_region() {
            return Some(country);
        }
        let region = self.rows.iter().find(|row| row.place == place);
        region.or(Some(country))
    }

    /// Every row: countries in their order, then regions.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }
}

fn row(rules: &Rules, facts: &CountryRules, place: Place, date: Date) -> Row {
    let in_union = rules.in_union(facts.country, date);
    let union = rules.union.as_ref().filter(|_| in_union);
    // In the Union, its own law stands before a member's.
    let abroad = union.map_or(facts.abroad, |u| u.abroad);
    let platforms = union.map_or(facts.platforms, |u| u.platforms);
    let rounding = facts.rounding.or(union.and_then(|u| u.rounding));
    let mut thresholds = 0;
    for (at, threshold) in rules.thresholds.iter().enumerate() {
        if threshold.counter.country == facts.country && threshold.from <= date {
            thresholds |= 1 << at;
        }
    }
    let mut cells = [None; CATEGORIES];
    for category in Category::ALL {
        let rate = rules.rate_on(place, category, date);
        cells[category.index()] = rate.and_then(|rate| {
            let charge = rules.rate(rate)?.charge;
            Some(Cell { charge, rate })
        });
    }
    Row {
        place,
        in_union,
        has_regions: false,
        abroad: abroad.filter(|a| a.from <= date).map(|a| a.business),
        platforms: platforms
            .filter(|p| p.from <= date)
            .map_or(PlatformRule::Seller, |p| p.rule),
        rounding: rounding.map_or(RoundingRule::DEFAULT, |(rule, _)| rule),
        thresholds,
        cells,
    }
}

/// The days around a day between which nothing changes.
pub(crate) fn span(rules: &Rules, date: Date) -> (Date, Date) {
    let (mut from, mut until) = (Date::MIN, Date::MAX);
    let mut change = |day: Date| {
        if day <= date {
            from = from.max(day);
        } else {
            until = until.min(day);
        }
    };
    rules.rates.iter().for_each(|r| change(r.from));
    rules.thresholds.iter().for_each(|t| change(t.from));
    for member in &rules.members {
        change(member.from);
        change(member.until);
    }
    for facts in rules.countries.iter().chain(&rules.union) {
        facts.abroad.iter().for_each(|a| change(a.from));
        facts.platforms.iter().for_each(|p| change(p.from));
    }
    (from, until)
}
