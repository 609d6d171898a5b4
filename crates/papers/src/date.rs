//! A day of the calendar, as it stands on a paper.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::PaperError;

/// A day, `2026-03-31`. Whose day it is (which time zone) is for the caller to have decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// A day that exists.
    ///
    /// # Errors
    /// [`PaperError::NoSuchDay`] for years outside 1900 to 9999 and days that the month has not.
    pub fn new(year: u16, month: u8, day: u8) -> Result<Date, PaperError> {
        let is_leap =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            2 if is_leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => 0,
        };
        if (1900..=9999).contains(&year) && (1..=days).contains(&day) {
            Ok(Date { year, month, day })
        } else {
            Err(PaperError::NoSuchDay(format!(
                "{year:04}-{month:02}-{day:02}"
            )))
        }
    }

    /// The year, 1900 to 9999.
    #[must_use]
    pub fn year(self) -> u16 {
        self.year
    }

    /// The month, 1 to 12.
    #[must_use]
    pub fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, 1 to 31.
    #[must_use]
    pub fn day(self) -> u8 {
        self.day
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Date {
    type Err = PaperError;

    fn from_str(text: &str) -> Result<Date, PaperError> {
        let bad = || PaperError::NoSuchDay(text.to_owned());
        let is_shaped = text.len() == 10
            && text.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if !is_shaped {
            return Err(bad());
        }
        let year = text[..4].parse().map_err(|_| bad())?;
        let month = text[5..7].parse().map_err(|_| bad())?;
        let day = text[8..].parse().map_err(|_| bad())?;
        Date::new(year, month, day)
    }
}

impl TryFrom<String> for Date {
    type Error = PaperError;

    fn try_from(text: String) -> Result<Date, PaperError> {
        text.parse()
    }
}

impl From<Date> for String {
    fn from(date: Date) -> String {
        date.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_exist_are_read_and_printed() {
        for good in ["2026-03-31", "2024-02-29", "2000-02-29", "1900-01-01"] {
            assert_eq!(good.parse::<Date>().unwrap().to_string(), good);
        }
        for bad in [
            "2026-02-29",
            "1900-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-04-31",
            "2026-4-1",
            "26-04-01",
            "2026/04/01",
            "",
            "2026-04-0é",
        ] {
            assert!(bad.parse::<Date>().is_err(), "{bad}");
        }
    }
}
