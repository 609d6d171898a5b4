//! Over what time a rule counts, and within which hours it holds.
//!
//! A period is a number; a window sums the periods from one number to another. Rolling windows sum
//! whole civil days or months, every one that the span touches: never less than the law's span, at
//! most one bucket more. They err to the strict side only.

use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::civil::Civil;

/// Over what time a rule counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Window {
    /// One payment.
    Payment,
    /// A civil day.
    Day,
    /// A week from Monday.
    Week,
    /// A civil month.
    Month,
    /// A civil quarter.
    Quarter,
    /// A civil year.
    Year,
    /// This many times 24 hours: today's bucket and so many days before.
    RollingDays(u16),
    /// This many months: this month's bucket and so many before.
    RollingMonths(u16),
    /// One night: the rule's hours, counted as the day they began.
    Night,
    /// Since the last strong authentication.
    SinceAuthentication,
    /// For ever.
    Total,
}

impl Window {
    /// The first and the last period that count at a moment; the last is where a move goes.
    #[must_use]
    #[inline]
    pub fn periods(self, now: Civil, hours: Hours) -> (u32, u32) {
        match self {
            Window::Payment | Window::SinceAuthentication | Window::Total => (0, 0),
            Window::Day => (now.day, now.day),
            // 1970-01-01 was a Thursday.
            Window::Week => ((now.day + 3) / 7, (now.day + 3) / 7),
            Window::Month => (now.month, now.month),
            Window::Quarter => (now.month / 3, now.month / 3),
            Window::Year => (now.month / 12, now.month / 12),
            Window::RollingDays(n) => (now.day.saturating_sub(u32::from(n)), now.day),
            Window::RollingMonths(n) => (now.month.saturating_sub(u32::from(n)), now.month),
            Window::Night => {
                let began_yesterday = now.second / 60 < u32::from(hours.until_minute)
                    && hours.until_minute <= hours.from_minute;
                let night = now.day.saturating_sub(u32::from(began_yesterday));
                (night, night)
            }
        }
    }

    /// The stable word for a refusal by a limit over it.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Window::Payment => "limit_per_payment",
            Window::Day => "limit_per_day",
            Window::Week => "limit_per_week",
            Window::Month => "limit_per_month",
            Window::Quarter => "limit_per_quarter",
            Window::Year => "limit_per_year",
            Window::RollingDays(_) | Window::RollingMonths(_) => "limit_rolling",
            Window::Night => "limit_per_night",
            Window::SinceAuthentication | Window::Total => "limit_total",
        }
    }

    /// Whether it adds anything up.
    #[must_use]
    pub fn is_counted(self) -> bool {
        self != Window::Payment
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Window::Payment => f.write_str("payment"),
            Window::Day => f.write_str("day"),
            Window::Week => f.write_str("week"),
            Window::Month => f.write_str("month"),
            Window::Quarter => f.write_str("quarter"),
            Window::Year => f.write_str("year"),
            Window::RollingDays(n) => write!(f, "rolling {n} days"),
            Window::RollingMonths(n) => write!(f, "rolling {n} months"),
            Window::Night => f.write_str("night"),
            Window::SinceAuthentication => f.write_str("since_authentication"),
            Window::Total => f.write_str("total"),
        }
    }
}

impl FromStr for Window {
    type Err = String;

    fn from_str(text: &str) -> Result<Window, String> {
        let rolling = |unit: &str| {
            let n = text.strip_prefix("rolling ")?.strip_suffix(unit)?;
            n.parse::<u16>().ok().filter(|n| (1..=400).contains(n))
        };
        Ok(match text {
            "payment" => Window::Payment,
            "day" => Window::Day,
            "week" => Window::Week,
            "month" => Window::Month,
            "quarter" => Window::Quarter,
            "year" => Window::Year,
            "night" => Window::Night,
            "since_authentication" => Window::SinceAuthentication,
            "total" => Window::Total,
            _ => match (rolling(" days"), rolling(" months")) {
                (Some(n), _) => Window::RollingDays(n),
                (_, Some(n)) => Window::RollingMonths(n),
                _ => {
                    return Err(format!(
                        "\"{text}\" is not a window: use payment, day, week, month, quarter, year, \
                         night, total, since_authentication, \"rolling N days\" or \"rolling N \
                         months\""
                    ));
                }
            },
        })
    }
}

/// Hours of the civil day; from later than until, they run over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hours {
    /// The first minute in.
    pub from_minute: u16,
    /// The first minute out.
    pub until_minute: u16,
}

impl Hours {
    /// The whole day.
    pub const ALWAYS: Hours = Hours {
        from_minute: 0,
        until_minute: 1440,
    };

    /// Whether a moment is within.
    #[must_use]
    #[inline]
    pub fn has(self, now: Civil) -> bool {
        let minute = now.second / 60;
        let (from, until) = (u32::from(self.from_minute), u32::from(self.until_minute));
        if from < until {
            (from..until).contains(&minute)
        } else {
            minute >= from || minute < until
        }
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, until) = (self.from_minute, self.until_minute);
        write!(
            f,
            "{:02}:{:02}-{:02}:{:02}",
            from / 60,
            from % 60,
            until / 60,
            until % 60
        )
    }
}

impl FromStr for Hours {
    type Err = String;

    fn from_str(text: &str) -> Result<Hours, String> {
        let minute = |part: &str| {
            let (hour, minute) = part.split_once(':')?;
            let (hour, minute) = (hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?);
            (hour < 24 && minute < 60 && part.len() == 5).then_some(hour * 60 + minute)
        };
        let hours = text.split_once('-').and_then(|(from, until)| {
            Some(Hours {
                from_minute: minute(from)?,
                until_minute: minute(until)?,
            })
        });
        hours
            .filter(|h| h.from_minute != h.until_minute)
            .ok_or_else(|| format!("\"{text}\" are not hours such as 20:00-06:00"))
    }
}

/// Text for people, numbers in binary formats.
macro_rules! text_or {
    ($($name:ident as $raw:ty;)*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    <$raw>::from(*self).serialize(serializer)
                }
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    return String::deserialize(deserializer)?.parse().map_err(de::Error::custom);
                }
                let raw = <$raw>::deserialize(deserializer)?;
                $name::try_from(raw).map_err(de::Error::custom)
            }
        }
    )*};
}
text_or! {
    Window as (u8, u16);
    Hours as (u16, u16);
}

impl From<Window> for (u8, u16) {
    fn from(window: Window) -> (u8, u16) {
        match window {
            Window::Payment => (0, 0),
            Window::Day => (1, 0),
            Window::Week => (2, 0),
            Window::Month => (3, 0),
            Window::Quarter => (4, 0),
            Window::Year => (5, 0),
            Window::RollingDays(n) => (6, n),
            Window::RollingMonths(n) => (7, n),
            Window::Night => (8, 0),
            Window::SinceAuthentication => (9, 0),
            Window::Total => (10, 0),
        }
    }
}

impl TryFrom<(u8, u16)> for Window {
    type Error = String;

    fn try_from((kind, n): (u8, u16)) -> Result<Window, String> {
        Ok(match kind {
            0 => Window::Payment,
            1 => Window::Day,
            2 => Window::Week,
            3 => Window::Month,
            4 => Window::Quarter,
            5 => Window::Year,
            6 => Window::RollingDays(n),
            7 => Window::RollingMonths(n),
            8 => Window::Night,
            9 => Window::SinceAuthentication,
            10 => Window::Total,
            _ => return Err(format!("{kind} is not a window")),
        })
    }
}

impl From<Hours> for (u16, u16) {
    fn from(hours: Hours) -> (u16, u16) {
        (hours.from_minute, hours.until_minute)
    }
}

impl TryFrom<(u16, u16)> for Hours {
    type Error = String;

    fn try_from((from_minute, until_minute): (u16, u16)) -> Result<Hours, String> {
        if from_minute > 1440 || until_minute > 1440 {
            return Err(format!(
                "{from_minute}-{until_minute} are not minutes of a day"
            ));
        }
        Ok(Hours {
            from_minute,
            until_minute,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::civil::Date;

    fn at(date: &str, second: u32) -> Civil {
        Civil::new(date.parse::<Date>().unwrap().0, second)
    }

    #[test]
    fn windows_and_hours_are_read_and_written() {
        for text in [
            "payment",
            "day",
            "week",
            "month",
            "quarter",
            "year",
            "night",
            "total",
            "since_authentication",
            "rolling 30 days",
            "rolling 12 months",
        ] {
            assert_eq!(text.parse::<Window>().unwrap().to_string(), text);
        }
        for bad in [
            "",
            "daily",
            "rolling 0 days",
            "rolling x days",
            "rolling 12",
        ] {
            assert!(bad.parse::<Window>().is_err(), "{bad}");
        }
        assert_eq!(
            "20:00-06:00".parse::<Hours>().unwrap().to_string(),
            "20:00-06:00"
        );
        for bad in ["20-06", "24:00-06:00", "20:00-20:00", "20:60-06:00"] {
            assert!(bad.parse::<Hours>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_week_turns_on_monday() {
        let week = |date| Window::Week.periods(at(date, 0), Hours::ALWAYS).0;
        assert_eq!(week("2026-11-23"), week("2026-11-29"));
        assert_eq!(week("2026-11-23"), week("2026-11-22") + 1);
    }

    #[test]
    fn rolling_windows_touch_every_bucket_of_their_span() {
        let now = at("2026-11-24", 0);
        let (from, to) = Window::RollingDays(30).periods(now, Hours::ALWAYS);
        assert_eq!((to - from, to), (30, now.day));
        let (from, to) = Window::RollingMonths(12).periods(now, Hours::ALWAYS);
        assert_eq!((to - from, to), (12, now.month));
    }

    #[test]
    fn a_night_is_the_day_it_began() {
        let hours: Hours = "20:00-06:00".parse().unwrap();
        let night = |date, second| Window::Night.periods(at(date, second), hours).0;
        let rows = [
            ("2026-11-23", 71_999, false), // 19:59:59
            ("2026-11-23", 72_000, true),
            ("2026-11-23", 86_399, true),
            ("2026-11-24", 0, true),
            ("2026-11-24", 21_599, true), // 05:59:59
            ("2026-11-24", 21_600, false),
        ];
        for (date, second, inside) in rows {
            assert_eq!(hours.has(at(date, second)), inside, "{date} {second}");
        }
        assert_eq!(night("2026-11-23", 86_399), night("2026-11-24", 21_599));
        assert_ne!(night("2026-11-23", 86_399), night("2026-11-24", 72_000));
    }
}
