//! For whom and when a variant holds.

use serde::{Deserialize, Serialize};

/// Whose payment it is, and when, in the seller's own civil time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// Minutes since local midnight, 0 to 1439.
    pub minute: u16,
    /// 0 is Monday.
    pub weekday: u8,
    /// ISO 3166 alpha-2, as two ASCII bytes.
    pub country: [u8; 2],
    /// How far the payer was verified.
    pub tier: u8,
    /// What the payer is.
    pub kind: Kind,
    /// The operator's segment that the payer is in; 0 is none.
    pub tag: u8,
}

impl Context {
    /// A moment and a payer of no matter: for a price without variants.
    pub const ANY: Context = Context {
        minute: 0,
        weekday: 0,
        country: *b"ZZ",
        tier: 0,
        kind: Kind::Person,
        tag: 0,
    };

    /// The day of the week of a day since 1970-01-01, which was a Thursday.
    #[must_use]
    pub fn weekday_of(day: u32) -> u8 {
        // Below seven.
        ((u64::from(day) + 3) % 7) as u8
    }
}

/// What a payer is. The numbers are frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A human.
    Person,
    /// A company or other body.
    Business,
    /// A software agent.
    Agent,
}

/// What must hold for a variant: all that is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct When {
    /// From this minute of the civil day until before that one; past midnight if the second is less.
    pub minutes: Option<(u16, u16)>,
    /// On these days of the week, 0 is Monday; none is all. The hours after midnight are the next day's.
    pub weekdays: Vec<u8>,
    /// In one of these countries; none is all.
    pub countries: Vec<[u8; 2]>,
    /// Verified at least so far.
    pub tier_min: Option<u8>,
    /// Verified at most so far.
    pub tier_max: Option<u8>,
    /// One of these; none is all.
    pub kinds: Vec<Kind>,
    /// In one of these of the operator's segments; none is all.
    pub tags: Vec<u8>,
}

/// How many minutes a civil day has, as its clock shows them.
pub(crate) const DAY_MINUTES: u16 = 1440;

fn is_among<T: PartialEq>(all: &[T], one: &T) -> bool {
    all.is_empty() || all.contains(one)
}

/// Whether nothing is in `inner` that is not in `outer`.
fn holds_all<T: PartialEq>(outer: &[T], inner: &[T]) -> bool {
    outer.is_empty() || (!inner.is_empty() && inner.iter().all(|one| outer.contains(one)))
}

impl When {
    /// Whether all that is said holds.
    #[must_use]
    pub fn fits(&self, context: &Context) -> bool {
        self.minutes
            .is_none_or(|range| is_within(range, context.minute))
            && is_among(&self.weekdays, &context.weekday)
            && is_among(&self.countries, &context.country)
            && self.tier_min.is_none_or(|least| context.tier >= least)
            && self.tier_max.is_none_or(|most| context.tier <= most)
            && is_among(&self.kinds, &context.kind)
            && is_among(&self.tags, &context.tag)
    }

    /// Whether it fits wherever the other does.
    #[must_use]
    pub fn covers(&self, other: &When) -> bool {
        let minutes = self.minutes.is_none_or(|range| {
            let of_other = other.minutes.unwrap_or((0, DAY_MINUTES));
            (0..DAY_MINUTES).all(|at| is_within(range, at) || !is_within(of_other, at))
        });
        minutes
            && holds_all(&self.weekdays, &other.weekdays)
            && holds_all(&self.countries, &other.countries)
            && self.tier_min.unwrap_or(0) <= other.tier_min.unwrap_or(0)
            && self.tier_max.unwrap_or(u8::MAX) >= other.tier_max.unwrap_or(u8::MAX)
            && holds_all(&self.kinds, &other.kinds)
            && holds_all(&self.tags, &other.tags)
    }
}

fn is_within((from, until): (u16, u16), minute: u16) -> bool {
    if from < until {
        (from..until).contains(&minute)
    } else {
        minute >= from || minute < until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Context = Context {
        minute: 720,
        weekday: 0,
        country: *b"DE",
        tier: 2,
        kind: Kind::Person,
        tag: 0,
    };

    #[test]
    fn all_that_is_said_must_hold() {
        let always = When::default;
        for (fits, when) in [
            (true, always()),
            (
                true,
                When {
                    minutes: Some((720, 721)),
                    ..always()
                },
            ),
            (
                false,
                When {
                    minutes: Some((600, 720)),
                    ..always()
                },
            ),
            (
                false,
                When {
                    minutes: Some((1320, 360)),
                    ..always()
                },
            ),
            (
                true,
                When {
                    minutes: Some((700, 10)),
                    ..always()
                },
            ),
            (
                true,
                When {
                    weekdays: vec![5, 0],
                    ..always()
                },
            ),
            (
                false,
                When {
                    weekdays: vec![5, 6],
                    ..always()
                },
            ),
            (
                true,
                When {
                    countries: vec![*b"FR", *b"DE"],
                    ..always()
                },
            ),
            (
                false,
                When {
                    countries: vec![*b"FR"],
                    ..always()
                },
            ),
            (
                true,
                When {
                    tier_min: Some(2),
                    tier_max: Some(2),
                    ..always()
                },
            ),
            (
                false,
                When {
                    tier_min: Some(3),
                    ..always()
                },
            ),
            (
                false,
                When {
                    tier_max: Some(1),
                    ..always()
                },
            ),
            (
                false,
                When {
                    kinds: vec![Kind::Agent],
                    ..always()
                },
            ),
            (
                false,
                When {
                    tags: vec![1],
                    ..always()
                },
            ),
            (
                false,
                When {
                    tier_min: Some(2),
                    kinds: vec![Kind::Business],
                    ..always()
                },
            ),
        ] {
            assert_eq!(when.fits(&NOON), fits, "{when:?}");
        }
    }

    #[test]
    fn weekdays_follow_the_calendar() {
        assert_eq!(Context::weekday_of(0), 3); // 1 January 1970 was a Thursday.
        assert_eq!(Context::weekday_of(20_781), 1); // 24 November 2026, a Tuesday.
    }

    #[test]
    fn what_covers_fits_wherever_the_other_does() {
        let always = When::default;
        let night = When {
            minutes: Some((1320, 360)),
            ..always()
        };
        let deep = When {
            minutes: Some((0, 300)),
            ..always()
        };
        let german = When {
            countries: vec![*b"DE"],
            ..always()
        };
        let german_night = When {
            countries: vec![*b"DE"],
            ..night.clone()
        };
        for (covers, outer, inner) in [
            (true, &night, &deep),
            (false, &deep, &night),
            (true, &always(), &night),
            (false, &night, &always()),
            (true, &german, &german_night),
            (true, &night, &german_night),
            (false, &german_night, &german),
            (false, &german, &night),
        ] {
            assert_eq!(outer.covers(inner), covers, "{outer:?} {inner:?}");
        }
    }
}
