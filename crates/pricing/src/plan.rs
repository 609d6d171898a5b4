//! Plans: what is paid again and again, by tiers, with a trial before and retries after.

use crate::{Cycle, Every};
use money::{AssetCode, Atoms, Ppm, Rounding};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// At most this many tiers in a plan.
pub const TIERS_MAX: usize = 64;
/// At most this many retries of a renewal.
pub const RETRIES_MAX: usize = 16;
/// A period has at most this many of its days, weeks, months or years.
pub const COUNT_MAX: u16 = 1_000;

/// What is paid again and again. Nothing in it changes once it is a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What is sold, by its public id; zero if that is not said.
    pub product: u128,
    /// In what it is paid.
    pub asset: AssetCode,
    /// Whether the amounts contain their tax; not said, as the tenant's settings have it.
    pub tax_included: Option<bool>,
    /// What there is to choose from, by number from 0.
    pub tiers: Vec<PlanTier>,
    /// What comes before the first payment.
    pub trial: Option<Trial>,
    /// What follows a renewal that fails.
    pub dunning: Dunning,
    /// So many civil days after a renewal that failed the service goes on.
    pub grace_days: u16,
    /// So many civil days before a renewal its payer is told; zero is never.
    pub notice_days: u16,
}

/// One of the things to choose from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanTier {
    /// What it is called.
    pub name: String,
    /// What a period costs; zero is nothing.
    pub amount: Atoms,
    /// What a period is made of.
    pub every: Every,
    /// Of how many.
    pub count: u16,
}

/// Some time for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// How many civil days.
    pub days: u16,
    /// Whether the first period is charged after it without being asked for once more.
    pub converts: bool,
    /// So many civil days before its end the payer is told; zero is never.
    pub reminder_days: u16,
}

/// What follows a renewal that fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dunning {
    /// It is tried again so many civil days after it was due, ascending.
    pub retry_days: Vec<u16>,
    /// What follows the last.
    pub then: Then,
}

/// What follows the last retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// The subscription ends.
    End,
    /// It is paused until somebody resumes it.
    Pause,
}

/// What a coupon takes off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Off {
    /// An amount, at most what there is.
    Amount(Atoms),
    /// A share, rounded down.
    Share(Ppm),
}

impl Off {
    /// What is left of an amount.
    #[must_use]
    pub fn left_of(self, amount: Atoms) -> Atoms {
        let off = match self {
            Off::Amount(off) => off.0,
            Off::Share(share) => share.of(amount, Rounding::Down).0,
        };
        Atoms(amount.0.saturating_sub(off))
    }
}

impl PlanTier {
    /// The periods that begin on a day.
    #[must_use]
    pub fn cycle(&self, anchor: u32) -> Cycle {
        Cycle {
            every: self.every,
            count: self.count,
            anchor,
        }
    }

    /// The fewest civil days that a period has.
    #[must_use]
    pub fn days_min(&self) -> u32 {
        let days = match self.every {
            Every::Day => 1,
            Every::Week => 7,
            Every::Month => 28,
            Every::Year => 365,
        };
        days * u32::from(self.count.max(1))
    }
}

/// Why a plan is none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WrongPlan {
    /// None, or more than [`TIERS_MAX`].
    #[error("a plan has 1 to {TIERS_MAX} tiers")]
    Tiers,
    /// Two are called the same, or one nothing.
    #[error("tier {0} has no name of its own")]
    Name(usize),
    /// Zero, or more than [`COUNT_MAX`].
    #[error("a period of tier {0} is made of 1 to {COUNT_MAX}")]
    Count(usize),
    /// Not ascending from 1, or more than [`RETRIES_MAX`].
    #[error("retries are up to {RETRIES_MAX} and ascend from one day after the renewal was due")]
    Retries,
    /// What belongs to one period reaches into the next.
    #[error("{what} of {days} days is not shorter than a period of the tier \"{tier}\"")]
    Long {
        /// Which.
        what: &'static str,
        /// How many days.
        days: u16,
        /// Of which tier.
        tier: String,
    },
    /// No days.
    #[error("a trial is of at least a day, and its reminder within it")]
    Trial,
}

impl Plan {
    /// All that is wrong with it.
    ///
    /// # Errors
    /// [`WrongPlan`], at least one.
    pub fn check(&self) -> Result<(), Vec<WrongPlan>> {
        let mut wrong = Vec::new();
        if self.tiers.is_empty() || self.tiers.len() > TIERS_MAX {
            return Err(vec![WrongPlan::Tiers]);
        }
        let retries = &self.dunning.retry_days;
        let ascend = retries.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascend || retries.first() == Some(&0) || retries.len() > RETRIES_MAX {
            wrong.push(WrongPlan::Retries);
        }
        let last = retries.last().copied().unwrap_or(0);
        for (at, tier) in self.tiers.iter().enumerate() {
            let before = &self.tiers[..at];
            if tier.name.is_empty() || before.iter().any(|other| other.name == tier.name) {
                wrong.push(WrongPlan::Name(at));
            }
            if tier.count == 0 || tier.count > COUNT_MAX {
                wrong.push(WrongPlan::Count(at));
            }
            for (what, days) in [
                ("a notice", self.notice_days),
                ("a last retry", last),
                ("a grace", self.grace_days),
            ] {
                if days > 0 && u32::from(days) >= tier.days_min() {
                    let tier = tier.name.clone();
                    wrong.push(WrongPlan::Long { what, days, tier });
                }
            }
        }
        if let Some(trial) = &self.trial
            && (trial.days == 0 || trial.reminder_days > trial.days)
        {
            wrong.push(WrongPlan::Trial);
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    /// The number of a tier by its name.
    #[must_use]
    pub fn tier_no(&self, name: &str) -> Option<u16> {
        let at = self.tiers.iter().position(|tier| tier.name == name)?;
        u16::try_from(at).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let tier = |name: &str, every, count| PlanTier {
            name: name.to_owned(),
            amount: Atoms(500),
            every,
            count,
        };
        Plan {
            product: 0,
            asset: AssetCode::new("EUR").unwrap(),
            tax_included: None,
            tiers: vec![tier("basic", Every::Month, 1), tier("pro", Every::Year, 1)],
            trial: Some(Trial {
                days: 14,
                converts: true,
                reminder_days: 14,
            }),
            dunning: Dunning {
                retry_days: vec![1, 3, 27],
                then: Then::End,
            },
            grace_days: 27,
            notice_days: 27,
        }
    }

    #[test]
    fn what_is_wrong_with_a_plan_is_named() {
        assert_eq!(plan().check(), Ok(()));
        let long = |what, days| WrongPlan::Long {
            what,
            days,
            tier: "basic".to_owned(),
        };
        type Change = fn(&mut Plan);
        let rows: [(Change, WrongPlan); 11] = [
            (|p| p.tiers.clear(), WrongPlan::Tiers),
            (|p| p.tiers[1].name = "basic".to_owned(), WrongPlan::Name(1)),
            (|p| p.tiers[0].name = String::new(), WrongPlan::Name(0)),
            (|p| p.tiers[1].count = 0, WrongPlan::Count(1)),
            (|p| p.dunning.retry_days = vec![3, 3], WrongPlan::Retries),
            (|p| p.dunning.retry_days = vec![0, 3], WrongPlan::Retries),
            (
                |p| p.dunning.retry_days = vec![28],
                long("a last retry", 28),
            ),
            (|p| p.notice_days = 28, long("a notice", 28)),
            (|p| p.grace_days = 28, long("a grace", 28)),
            (|p| p.trial.as_mut().unwrap().days = 0, WrongPlan::Trial),
            (
                |p| p.trial.as_mut().unwrap().reminder_days = 15,
                WrongPlan::Trial,
            ),
        ];
        for (change, expected) in rows {
            let mut wrong = plan();
            change(&mut wrong);
            assert_eq!(wrong.check(), Err(vec![expected]));
        }
    }

    #[test]
    fn a_coupon_never_takes_more_than_there_is() {
        let share = |parts| Off::Share(Ppm::new(parts).unwrap());
        for (off, amount, left) in [
            (Off::Amount(Atoms(30)), 100, 70),
            (Off::Amount(Atoms(130)), 100, 0),
            (share(250_000), 99, 75),
            (share(1_000_000), u64::MAX, 0),
            (share(0), 7, 7),
        ] {
            assert_eq!(off.left_of(Atoms(amount)), Atoms(left), "{off:?}");
        }
    }
}
