//! Periods after an anchor in civil days, and shares of a period's price.
//!
//! A period is counted from the anchor itself and not from the one before it: what begins on the 31st
//! begins on the last day of a shorter month, and on the 31st again after it.

use money::Atoms;
use serde::{Deserialize, Serialize};

/// How long a period is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Every {
    /// So many days.
    Day,
    /// So many weeks.
    Week,
    /// So many months.
    Month,
    /// So many years.
    Year,
}

/// Periods that follow each other from an anchor on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cycle {
    /// What a period is made of.
    pub every: Every,
    /// Of how many; zero is read as one.
    pub count: u16,
    /// The first day of the first period, days since 1970-01-01.
    pub anchor: u32,
}

/// Civil days: from the first until before the last, days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first day.
    pub from: u32,
    /// The day after the last.
    pub until: u32,
}

impl Span {
    /// How many days.
    #[must_use]
    pub fn days(&self) -> u32 {
        self.until.saturating_sub(self.from)
    }

    /// What the days of `part` cost that are in this span, of a price for all of it: what all days until
    /// the part's end cost less what those before it do, each rounded down to the atom. So parts that
    /// follow each other sum to the price.
    #[must_use]
    pub fn share(&self, price: Atoms, part: Span) -> Atoms {
        if self.days() == 0 {
            return Atoms::ZERO;
        }
        let until = |day: u32| {
            let days = day.clamp(self.from, self.until) - self.from;
            let product = u128::from(price.0) * u128::from(days);
            // At most the price.
            (product / u128::from(self.days())) as u64
        };
        Atoms(until(part.until).saturating_sub(until(part.from)))
    }
}

impl Cycle {
    /// The first day of the period of a number, from 0; the latest countable day if it is later.
    fn start(&self, number: u32) -> u32 {
        let steps = u64::from(number) * u64::from(self.count.max(1));
        let months = |months: u64| {
            let (year, month, day) = civil(self.anchor);
            let month = u64::from(year) * 12 + u64::from(month - 1) + months;
            let (year, month) = (month / 12, (month % 12) as u32 + 1);
            days_since_1970(year, month, day.min(days_in_month(year, month)))
        };
        let start = match self.every {
            Every::Day => u64::from(self.anchor) + steps,
            Every::Week => u64::from(self.anchor) + steps * 7,
            Every::Month => months(steps),
            Every::Year => months(steps * 12),
        };
        u32::try_from(start).unwrap_or(u32::MAX)
    }

    /// The days of the period of a number, from 0.
    #[must_use]
    pub fn span(&self, number: u32) -> Span {
        Span {
            from: self.start(number),
            until: self.start(number.saturating_add(1)),
        }
    }

    /// The number of the period that a day is in; none if it is before the anchor.
    #[must_use]
    pub fn number(&self, day: u32) -> Option<u32> {
        let since = day.checked_sub(self.anchor)?;
        let days_max = match self.every {
            Every::Day => 1,
            Every::Week => 7,
            Every::Month => 31,
            Every::Year => 366,
        };
        // It is this one or a later; a period is never longer.
        let mut number = since / (days_max * u32::from(self.count.max(1)));
        loop {
            let next = self.start(number + 1);
            // What is later than can be counted is in the last that can.
            if next > day || next == u32::MAX {
                return Some(number);
            }
            number += 1;
        }
    }
}

/// Year, month from 1 and day from 1 of a day. Gregorian; eras of 400 years begin on 1 March, so that the
/// leap day is the last.
fn civil(day: u32) -> (u32, u32, u32) {
    let day = u64::from(day) + 719_468;
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12 + 1;
    let year = era * 400 + year + u64::from(month <= 2);
    // A day that fits 32 bits is in a year that does.
    (year as u32, month as u32, of_month as u32)
}

fn days_since_1970(year: u64, month: u32, day: u32) -> u64 {
    let year = year - u64::from(month <= 2);
    let (era, of_era) = (year / 400, year % 400);
    let from_march = (u64::from(month) + 9) % 12;
    let of_year = (153 * from_march + 2) / 5 + u64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn days_in_month(year: u64, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(text: &str) -> u32 {
        let parts: Vec<u32> = text.split('-').map(|part| part.parse().unwrap()).collect();
        u32::try_from(days_since_1970(parts[0].into(), parts[1], parts[2])).unwrap()
    }

    fn text(day: u32) -> String {
        let (year, month, day) = civil(day);
        format!("{year:04}-{month:02}-{day:02}")
    }

    #[test]
    fn days_and_dates_go_both_ways() {
        assert_eq!((day("1970-01-01"), day("2000-02-29")), (0, 11_016));
        assert_eq!(day("2026-11-24"), 20_781);
        for at in 0..60_000 {
            assert_eq!(day(&text(at)), at);
        }
    }

    #[test]
    fn periods_are_counted_from_their_anchor() {
        use Every::{Day, Month, Week, Year};
        for (every, count, anchor, starts) in [
            (
                Day,
                1,
                "2027-02-27",
                ["2027-02-28", "2027-03-01", "2027-03-02"],
            ),
            (
                Day,
                30,
                "2028-02-01",
                ["2028-03-02", "2028-04-01", "2028-05-01"],
            ),
            (
                Week,
                2,
                "2027-12-27",
                ["2028-01-10", "2028-01-24", "2028-02-07"],
            ),
            (
                Month,
                1,
                "2027-01-31",
                ["2027-02-28", "2027-03-31", "2027-04-30"],
            ),
            (
                Month,
                1,
                "2028-01-30",
                ["2028-02-29", "2028-03-30", "2028-04-30"],
            ),
            (
                Month,
                3,
                "2027-11-30",
                ["2028-02-29", "2028-05-30", "2028-08-30"],
            ),
            (
                Year,
                1,
                "2028-02-29",
                ["2029-02-28", "2030-02-28", "2031-02-28"],
            ),
            (
                Year,
                4,
                "2028-02-29",
                ["2032-02-29", "2036-02-29", "2040-02-29"],
            ),
            (
                Year,
                1,
                "2099-03-01",
                ["2100-03-01", "2101-03-01", "2102-03-01"],
            ),
        ] {
            let anchor = day(anchor);
            let cycle = Cycle {
                every,
                count,
                anchor,
            };
            let found = [1, 2, 3].map(|number| text(cycle.span(number).from));
            assert_eq!(found, starts, "{cycle:?}");
            assert_eq!(cycle.span(0).from, anchor);
            for number in 0..60 {
                let span = cycle.span(number);
                for at in [span.from, span.until - 1] {
                    assert_eq!(cycle.number(at), Some(number), "{cycle:?} {}", text(at));
                }
            }
            assert_eq!(cycle.number(anchor - 1), None);
        }
    }

    #[test]
    fn a_share_is_what_its_days_cost() {
        let part = |from: &str, until: &str| Span {
            from: day(from),
            until: day(until),
        };
        let february = part("2027-02-01", "2027-03-01");
        let leap = part("2028-02-01", "2028-03-01");
        let first = part("2027-01-31", "2027-02-28");
        for (whole, price, of, expected) in [
            (february, 2_800, part("2027-02-01", "2027-02-15"), 1_400),
            (leap, 2_900, part("2028-02-29", "2028-03-01"), 100),
            (leap, 1_000, part("2028-02-29", "2028-03-01"), 35),
            (leap, 1_000, part("2028-02-01", "2028-02-29"), 965),
            (first, 1_000, part("2027-01-31", "2027-02-01"), 35),
            (february, 1_000, part("2026-12-01", "2027-06-01"), 1_000),
            (february, 1_000, part("2027-03-01", "2027-06-01"), 0),
            (february, 1_000, part("2027-02-03", "2027-02-02"), 0),
            (Span { from: 5, until: 5 }, 1_000, february, 0),
            (february, u64::MAX, february, u64::MAX),
        ] {
            assert_eq!(whole.share(Atoms(price), of), Atoms(expected), "{of:?}");
        }
    }

    proptest! {
        #[test]
        fn shares_sum_to_the_price(
            anchor in 0u32..60_000, number in 0u32..300, count in 1u16..5, every in 0usize..4,
            price in any::<u64>(), cuts in proptest::collection::vec(0u32..2_000, 0..8),
        ) {
            let every = [Every::Day, Every::Week, Every::Month, Every::Year][every];
            let span = Cycle { every, count, anchor }.span(number);
            prop_assert!(span.days() > 0);
            let mut days: Vec<u32> = cuts.iter().map(|cut| span.from + cut % span.days()).collect();
            days.extend([span.from, span.until]);
            days.sort_unstable();
            let parts = days.windows(2).map(|pair| Span { from: pair[0], until: pair[1] });
            let shares = parts.map(|part| u128::from(span.share(Atoms(price), part).0));
            prop_assert_eq!(shares.sum::<u128>(), u128::from(price));
        }
    }
}
