//! A civil day: what tax law counts in. Which day an instant is, and where, is decided outside.

use crate::place::NotRead;
use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Serialize};

/// A day of the Gregorian calendar, as days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Date(pub i32);

impl Date {
    /// Before every day.
    pub const MIN: Date = Date(i32::MIN);
    /// After every day.
    pub const MAX: Date = Date(i32::MAX);

    /// A day by its year, month and day of the month, if there is one.
    #[must_use]
    pub const fn new(year: i32, month: u8, day: u8) -> Option<Date> {
        if year < 1 || year > 9999 || month < 1 || month > 12 {
            return None;
        }
        if day < 1 || day > days_in_month(year, month) {
            return None;
        }
        // Years start in March, so that the leap day is the last: its algorithm is in H. Hinnant's
        // "chrono-compatible low-level date algorithms".
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let month_from_march = (month as i32 + 9) % 12;
        let day_of_year = (153 * month_from_march + 2) / 5 + day as i32 - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Some(Date(era * 146_097 + day_of_era - 719_468))
    }

    /// Year, month and day of the month.
    #[must_use]
    pub const fn civil(self) -> (i32, u8, u8) {
        let days = self.0 as i64 + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = (month_from_march + 2) % 12 + 1;
        let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
        (year as i32, month as u8, day as u8)
    }

    /// Its year.
    #[must_use]
    pub const fn year(self) -> i32 {
        self.civil().0
    }
}

const fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        f.pad(&format!("{year:04}-{month:02}-{day:02}"))
    }
}

impl FromStr for Date {
    type Err = NotRead;

    /// `2020-07-15`.
    fn from_str(text: &str) -> Result<Self, NotRead> {
        let no = NotRead {
            expected: "a day such as 2020-07-15",
        };
        let bytes = text.as_bytes();
        let shape = bytes.len() == 10 && bytes[4] == b'-' && bytes[7] == b'-';
        let digits = |at: core::ops::Range<usize>| {
            let part = text.get(at).filter(|_| shape)?;
            let plain = part.bytes().all(|b| b.is_ascii_digit());
            part.parse::<u16>().ok().filter(|_| plain)
        };
        let (year, month, day) = (digits(0..4), digits(5..7), digits(8..10));
        let (Some(year), Some(month), Some(day)) = (year, month, day) else {
            return Err(no);
        };
        // Two digits fit a byte.
        Date::new(i32::from(year), month as u8, day as u8).ok_or(no)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_follow_each_other_without_gap() {
        let first = Date::new(1999, 1, 1).unwrap();
        let mut last = (1998, 12, 31);
        for day in first.0..Date::new(2101, 1, 1).unwrap().0 {
            let (year, month, of_month) = Date(day).civil();
            assert_eq!(Date::new(year, month, of_month), Some(Date(day)));
            assert!((year, month, of_month) > last);
            assert_eq!(Date(day).to_string().parse(), Ok(Date(day)));
            last = (year, month, of_month);
        }
    }

    #[test]
    fn what_is_no_day_is_refused() {
        assert_eq!("1970-01-01".parse(), Ok(Date(0)));
        assert_eq!("2020-02-29".parse(), Ok(Date(18_321)));
        for text in [
            "2021-02-29",
            "2020-13-01",
            "2020-00-01",
            "2020-01-00",
            "20-01-01",
            "",
        ] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
        assert!("2020-1-001".parse::<Date>().is_err());
        assert!("+020-01-01".parse::<Date>().is_err());
    }
}
