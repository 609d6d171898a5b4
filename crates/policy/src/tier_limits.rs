//! The simple limits of a tier: one payment, a day, a month, in one asset.
//!
//! Amounts are atoms of the limits' asset; conversion into it is the caller's, rounded to the
//! strict side.

use serde::{Deserialize, Serialize};

/// Which limit a number belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitKind {
    /// One payment.
    PerPayment,
    /// All payments of a civil day.
    PerDay,
    /// All payments of a civil month.
    PerMonth,
}

impl LimitKind {
    /// The word used in traces and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            LimitKind::PerPayment => "per_payment",
            LimitKind::PerDay => "per_day",
            LimitKind::PerMonth => "per_month",
        }
    }
}

/// The limits of one tier, each inclusive, in atoms; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierLimits {
    /// The most one payment may be.
    pub per_payment: Option<u64>,
    /// The most a party may spend in a civil day of the tenant's time zone.
    pub per_day: Option<u64>,
    /// The most a party may spend in a civil month of the tenant's time zone.
    pub per_month: Option<u64>,
}

/// How much of each window a party has used before this payment. Atoms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// In the current civil day.
    pub day: u128,
    /// In the current civil month.
    pub month: u128,
}

/// A limit that a payment would have broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exceeded {
    /// Which one.
    pub limit: LimitKind,
    /// Its number, atoms.
    pub number: u64,
    /// How much of it was used before, atoms.
    pub used: u128,
    /// What was asked, atoms.
    pub asked: u64,
}

impl TierLimits {
    /// Whether a payment of `asked` atoms fits under every limit.
    ///
    /// # Errors
    /// The first limit exceeded, in the order per payment, per day, per month.
    #[inline(always)]
    pub fn check(&self, asked: u64, used: Used) -> Result<(), Exceeded> {
        let windows = [
            (LimitKind::PerPayment, self.per_payment, 0),
            (LimitKind::PerDay, self.per_day, used.day),
            (LimitKind::PerMonth, self.per_month, used.month),
        ];
        for (limit, number, used) in windows {
            if let Some(number) = number
                && used + u128::from(asked) > u128::from(number)
            {
                return Err(Exceeded {
                    limit,
                    number,
                    used,
                    asked,
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_holds_at_its_number_and_refuses_one_above() {
        let limits = TierLimits {
            per_payment: Some(10),
            per_day: Some(20),
            per_month: Some(30),
        };
        let rows = [
            (10, 0, 0, None),
            (11, 0, 0, Some(LimitKind::PerPayment)),
            (10, 10, 10, None),
            (10, 11, 11, Some(LimitKind::PerDay)),
            (10, 0, 20, None),
            (10, 0, 21, Some(LimitKind::PerMonth)),
            (11, 11, 21, Some(LimitKind::PerPayment)),
        ];
        for (asked, day, month, refused) in rows {
            let verdict = limits.check(asked, Used { day, month });
            assert_eq!(
                verdict.err().map(|e| e.limit),
                refused,
                "{asked} after {day} and {month}"
            );
        }
    }

    #[test]
    fn no_limit_is_no_limit() {
        assert_eq!(
            TierLimits::default().check(
                u64::MAX,
                Used {
                    day: u128::MAX / 2,
                    month: 0
                }
            ),
            Ok(())
        );
    }
}
