//! Civil dates, and the moment in a time zone as numbers: no zone database, no clock.

use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A civil day: days since 1970-01-01.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(pub u32);

/// The moment in one time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Civil {
    /// Days since 1970-01-01.
    pub day: u32,
    /// Year × 12 + (month − 1).
    pub month: u32,
    /// Seconds since local midnight.
    pub second: u32,
}

impl Civil {
    /// The moment of a day.
    #[must_use]
    pub fn new(day: u32, second: u32) -> Civil {
        let (year, month, _) = Date(day).parts();
        Civil {
            day,
            month: year * 12 + (month - 1),
            second,
        }
    }
}

impl Date {
    /// Year, month from 1 and day from 1. Gregorian; eras of 400 years start on 1 March.
    #[must_use]
    pub fn parts(self) -> (u32, u32, u32) {
        let z = u64::from(self.0) + 719_468;
        let (era, doe) = (z / 146_097, z % 146_097);
        let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let march_month = (5 * doy + 2) / 153;
        let day = doy - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 {
            march_month + 3
        } else {
            march_month - 9
        };
        let year = era * 400 + yoe + u64::from(month < 3);
        let narrow = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        (narrow(year), narrow(month), narrow(day))
    }

    /// The day of year, month and day, if there is one since 1970.
    #[must_use]
    pub fn of(year: u32, month: u32, day: u32) -> Option<Date> {
        if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day)
        {
            return None;
        }
        let y = if month <= 2 { year - 1 } else { year };
        let march_month = (month + 9) % 12;
        let doy = (153 * march_month + 2) / 5 + day - 1;
        let (era, yoe) = (y / 400, y % 400);
        let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
        let date = Date(era * 146_097 + doe - 719_468);
        // The 31st of a month of 30 days comes out as the next month's first.
        (date.parts() == (year, month, day)).then_some(date)
    }

    /// The day before.
    #[must_use]
    pub fn before(self) -> Date {
        Date(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.parts();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Date {
    type Err = String;

    fn from_str(text: &str) -> Result<Date, String> {
        let mut parts = text.splitn(3, '-');
        let mut next = |digits: usize| {
            let part = parts.next().filter(|p| p.len() == digits)?;
            part.parse::<u32>().ok()
        };
        let date = (|| Date::of(next(4)?, next(2)?, next(2)?))();
        date.ok_or_else(|| format!("\"{text}\" is not a day such as 2027-07-10"))
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stamp = toml::value::Datetime::deserialize(deserializer)?;
        match (stamp.date, stamp.time, stamp.offset) {
            (Some(d), None, None) => {
                Date::of(u32::from(d.year), u32::from(d.month), u32::from(d.day))
            }
            _ => None,
        }
        .ok_or_else(|| de::Error::custom("a day such as 2027-07-10, without a time"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_go_both_ways() {
        for (day, text) in [
            (0, "1970-01-01"),
            (58, "1970-02-28"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (11_017, "2000-03-01"),
            (20_781, "2026-11-24"),
            (47_541, "2100-03-01"),
        ] {
            assert_eq!(Date(day).to_string(), text);
            assert_eq!(text.parse::<Date>(), Ok(Date(day)));
        }
        for day in 0..60_000 {
            let (year, month, date) = Date(day).parts();
            assert_eq!(Date::of(year, month, date), Some(Date(day)));
        }
        for bad in [
            "2026-02-29",
            "2026-04-31",
            "2026-13-01",
            "26-01-01",
            "2026-1-1",
            "1969-12-31",
            "",
        ] {
            assert!(bad.parse::<Date>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_moment_has_its_month() {
        let civil = Civil::new("2026-12-31".parse::<Date>().unwrap().0, 86_399);
        assert_eq!(civil.month, 2026 * 12 + 11);
    }
}
