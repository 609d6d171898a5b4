//! Instants, and the civil days and months of a time zone compiled to its transitions.
//!
//! The step has no clock: `now` comes in. A zone comes in as a table of transitions, so neither
//! does the step know the time zone database.

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UtcMillis(pub u64);

impl UtcMillis {
    /// This many milliseconds later; saturates.
    #[must_use]
    pub fn plus(self, ms: u64) -> UtcMillis {
        UtcMillis(self.0.saturating_add(ms))
    }
}

/// A civil day: days since 1970-01-01 in its zone.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Day(pub u32);

/// A civil month: year × 12 + (month − 1) in its zone.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Month(pub u32);

/// The civil day and month of an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Civil {
    /// The day.
    pub day: Day,
    /// The month the day is in.
    pub month: Month,
}

/// A time zone as a table: from which instant on which offset applies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone {
    /// IANA name, for people.
    pub name: String,
    /// Offset from UTC before the first transition, seconds east.
    pub first_offset_s: i32,
    /// Instants in order, each with the offset that holds from it on.
    pub transitions: Vec<(UtcMillis, i32)>,
}

impl Zone {
    /// Coordinated universal time.
    #[must_use]
    pub fn utc() -> Zone {
        Zone {
            name: "UTC".to_owned(),
            first_offset_s: 0,
            transitions: Vec::new(),
        }
    }

    /// The offset at an instant, seconds east of UTC.
    #[must_use]
    pub fn offset_s(&self, at: UtcMillis) -> i32 {
        match self.transitions.partition_point(|(from, _)| *from <= at) {
            0 => self.first_offset_s,
            n => self.transitions[n - 1].1,
        }
    }

    /// The moment of an instant, as the law's rules see it.
    #[must_use]
    pub fn moment(&self, at: UtcMillis) -> policy::Civil {
        let local = (at.0 / 1000).saturating_add_signed(i64::from(self.offset_s(at)));
        let civil = self.civil(at);
        policy::Civil {
            day: civil.day.0,
            month: civil.month.0,
            second: u32::try_from(local % 86_400).unwrap_or(0),
        }
    }

    /// The instant of a time of a civil day, seconds after its midnight. Of one that comes twice the first;
    /// one that is left out is as much later as the clocks go forward.
    #[must_use]
    pub fn instant(&self, day: Day, second: u32) -> UtcMillis {
        const DAY_MS: u64 = 86_400_000;
        let local = u64::from(day.0) * DAY_MS + u64::from(second) * 1000;
        let at =
            |offset_s: i32| UtcMillis(local.saturating_add_signed(-1000 * i64::from(offset_s)));
        // No zone is a day from UTC: so much before, the day has not begun anywhere.
        let before = self.offset_s(UtcMillis(local.saturating_sub(DAY_MS)));
        let first = at(before);
        let after = self.offset_s(first);
        match self.offset_s(at(after)) == after {
            true if after != before => at(after),
            _ => first,
        }
    }

    /// The civil day and month of an instant.
    #[must_use]
    pub fn civil(&self, at: UtcMillis) -> Civil {
        let local = (at.0 / 1000).saturating_add_signed(i64::from(self.offset_s(at)));
        let day = u32::try_from(local / 86_400).unwrap_or(u32::MAX);
        Civil {
            day: Day(day),
            month: month_of(day),
        }
    }
}

/// The month of a day since 1970, Gregorian. Eras of 400 years start on 1 March.
fn month_of(day: u32) -> Month {
    let z = u64::from(day) + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let march_month = (5 * doy + 2) / 153;
    let month = if march_month < 10 {
        march_month + 2
    } else {
        march_month - 10
    };
    let year = era * 400 + yoe + u64::from(month < 2);
    Month(u32::try_from(year * 12 + month).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(day: u32) -> (u32, u32) {
        (month_of(day).0 / 12, month_of(day).0 % 12 + 1)
    }

    #[test]
    fn months_follow_the_gregorian_calendar() {
        for (day, expected) in [
            (0, (1970, 1)),
            (30, (1970, 1)),
            (31, (1970, 2)),
            (58, (1970, 2)),
            (59, (1970, 3)),
            (11_016, (2000, 2)), // 29 February 2000
            (11_017, (2000, 3)),
            (16_572, (2015, 5)),  // 17 May 2015
            (20_781, (2026, 11)), // 24 November 2026
            (47_540, (2100, 2)),  // 28 February 2100, no leap year
            (47_541, (2100, 3)),
        ] {
            assert_eq!(month(day), expected, "day {day}");
        }
    }

    #[test]
    fn a_day_turns_at_local_midnight_across_a_change_of_offset() {
        // Europe/Paris, 25 October 2026: 02:00 UTC+2 falls back to UTC+1 at 01:00 UTC.
        let change = UtcMillis(1_792_890_000_000);
        let zone = Zone {
            name: "Europe/Paris".into(),
            first_offset_s: 7200,
            transitions: vec![(change, 3600)],
        };
        let day = |ms: u64| zone.civil(UtcMillis(ms)).day.0;
        let midnight_before = 1_792_879_200_000; // 2026-10-24T22:00Z
        assert_eq!(day(midnight_before) - day(midnight_before - 1), 1);
        let midnight_after = midnight_before + 25 * 3_600_000; // a day of 25 hours
        assert_eq!(day(midnight_after - 1), day(midnight_before));
        assert_eq!(day(midnight_after), day(midnight_before) + 1);
    }
}
