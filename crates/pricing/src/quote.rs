//! What a quantity costs.
//!
//! - All that is used in a period costs `C(used)`, a fraction of atoms that only grows. A quote is
//!   `C(after) − C(before)`, and what was left over before, rounded down; what is left over then is
//!   carried on. So what is charged in all is `C` rounded down once, however the use was cut.
//! - Use that is given back is worth what `C` falls by, whatever was paid for it: what that differs by
//!   from what is paid back is due with the next use of the period, or taken off it. So what was charged
//!   and not given back is what the use that stands comes to, whoever of several was paid back. Where
//!   that cannot be said, because a meter adds up use at several rates, use alone is given back.
//! - Fractions are counted in the version's denominator. Where a later version has another, what is left
//!   over is rounded down to it: less than one of its fractions is given up.

use crate::price::{Band, Model, Period, Rate, Version};
use crate::when::Context;
use money::{Atoms, Ppm};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What was used before, and what of it is not charged yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoFar {
    /// Used in this period, free or not.
    pub used: u64,
    /// What is left over: so many fractions of an atom.
    pub remainder: u64,
    /// What those are counted in; zero is none yet.
    pub denominator: u64,
    /// Atoms besides that this period's use comes to and nobody was charged, because what had paid for it
    /// was given back; below zero, so many were charged for use that was given back.
    pub due: i64,
}

impl SoFar {
    /// What is left of it in another period: the fraction, which is owed in any.
    #[must_use]
    pub fn carried_over(self) -> SoFar {
        let remainder = if self.due < 0 { 0 } else { self.remainder };
        let denominator = self.denominator;
        SoFar {
            remainder,
            denominator,
            ..SoFar::default()
        }
    }

    /// The same after use is given back, at whatever it was worth.
    #[must_use]
    pub fn without(self, quantity: u64) -> SoFar {
        let used = self.used.saturating_sub(quantity);
        SoFar { used, ..self }
    }

    /// The same with all that is not charged, in fractions; none if it is more than can be counted.
    fn with(self, fractions: i128) -> Option<SoFar> {
        let denominator = i128::from(self.denominator.max(1));
        Some(SoFar {
            // Below the denominator.
            remainder: fractions.rem_euclid(denominator) as u64,
            due: i64::try_from(fractions.div_euclid(denominator)).ok()?,
            ..self
        })
    }
}

/// What a quantity costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// To be charged now.
    pub amount: Atoms,
    /// What is to be remembered.
    pub after: SoFar,
    /// How much of the quantity costs nothing, by the free quota.
    pub free: u64,
    /// By which variant, from 0; none is the price's own rate.
    pub variant: Option<u16>,
}

/// Why there is no quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotQuoted {
    /// The price has no unit of this number.
    #[error("the price has no unit {0}")]
    UnknownUnit(u16),
    /// Nothing was asked.
    #[error("a quantity of zero")]
    NoQuantity,
    /// An amount, or what is used in a period, is more than can be counted.
    #[error("more than can be counted")]
    Overflow,
}

impl Version {
    /// What `quantity` of a unit costs, after what was used in the same period. Units are numbered from
    /// 0, as the price has them. Of a price for each payment, only what is left over counts of before.
    ///
    /// # Errors
    /// [`NotQuoted`].
    #[inline]
    pub fn quote(
        &self,
        unit: u16,
        quantity: u64,
        so_far: SoFar,
        context: &Context,
    ) -> Result<Quote, NotQuoted> {
        if quantity == 0 {
            return Err(NotQuoted::NoQuantity);
        }
        let (rate, variant) = self.rate(context);
        // The commonest, at once.
        if let Model::Flat { amount } = rate.model
            && !self.is_metered()
            && self.price.free == 0
        {
            let is_known = unit == 0;
            let quote = Quote {
                amount,
                after: SoFar::default(),
                free: 0,
                variant,
            };
            return is_known
                .then_some(quote)
                .ok_or(NotQuoted::UnknownUnit(unit));
        }
        self.quote_by(rate, variant, unit, quantity, so_far)
    }

    /// The rate that fits, and which variant's it is.
    #[inline]
    fn rate(&self, context: &Context) -> (&Rate, Option<u16>) {
        for (at, variant) in (0..).zip(&self.price.variants) {
            if variant.when.fits(context) {
                return (&variant.rate, Some(at));
            }
        }
        (&self.price.rate, None)
    }

    fn quote_by(
        &self,
        rate: &Rate,
        variant: Option<u16>,
        unit: u16,
        quantity: u64,
        so_far: SoFar,
    ) -> Result<Quote, NotQuoted> {
        if usize::from(unit) >= rate.model.units() {
            return Err(NotQuoted::UnknownUnit(unit));
        }
        let is_kept = self.price.period != Period::Payment;
        let (used_before, due) = match is_kept {
            true => (so_far.used, so_far.due),
            false => (0, 0),
        };
        let used = used_before.checked_add(quantity);
        let used = used.ok_or(NotQuoted::Overflow)?;
        let fractions = self.growth(rate, unit, used_before, used).and_then(|cost| {
            // Of 64 bits by fewer.
            let due = i128::from(due) * i128::from(self.denominator);
            let carried = i128::from(self.carried(so_far));
            let before = due.checked_add(carried)?;
            i128::try_from(cost).ok()?.checked_add(before)
        });
        let left = SoFar {
            used: if is_kept { used } else { 0 },
            denominator: self.denominator,
            ..SoFar::default()
        };
        let fractions = fractions.ok_or(NotQuoted::Overflow)?;
        let denominator = i128::from(self.denominator);
        let amount = u64::try_from(fractions.max(0) / denominator);
        let amount = amount.map_err(|_| NotQuoted::Overflow)?;
        let after = left.with(fractions - i128::from(amount) * denominator);
        Ok(Quote {
            amount: Atoms(amount),
            after: after.ok_or(NotQuoted::Overflow)?,
            free: quantity - (self.beyond_free(used) - self.beyond_free(used_before)),
            variant,
        })
    }

    /// What is used and due after so many of a unit are given back, and with them an `amount` that was
    /// charged for them by this version, which holds still; none if that changes nothing: of a price for
    /// each payment nothing is added up. Of use by several rates nothing becomes due.
    #[must_use]
    pub fn given_back(
        &self,
        unit: u16,
        (quantity, amount): (u64, Atoms),
        so_far: SoFar,
    ) -> Option<SoFar> {
        if self.price.period == Period::Payment {
            return None;
        }
        let left = so_far.without(quantity);
        if self.has_several_rates() {
            return (left != so_far).then_some(left);
        }
        let worth = self.growth(&self.price.rate, unit, left.used, so_far.used)?;
        let lacks = i128::try_from(self.whole(amount)?).ok()?;
        let lacks = lacks.checked_sub(i128::try_from(worth).ok()?)?;
        // In the meter's own fractions; what is less than one of them is given up.
        let own = i128::from(so_far.denominator.max(1));
        let theirs = i128::from(self.denominator);
        let lacks = match own == theirs {
            true => lacks,
            false => lacks.checked_mul(own)?.div_euclid(theirs),
        };
        let before = i128::from(so_far.due) * own + i128::from(so_far.remainder);
        let after = left.with(before.checked_add(lacks)?)?;
        (after != so_far).then_some(after)
    }

    /// Whether what a quantity in the meter comes to depends on whose it is: by which variant it was
    /// charged, or which unit had the free quota.
    fn has_several_rates(&self) -> bool {
        let units = self.price.rate.model.units();
        !self.price.variants.is_empty() || (units > 1 && self.price.free > 0)
    }

    /// Of a quantity what is beyond the free quota.
    fn beyond_free(&self, used: u64) -> u64 {
        used.saturating_sub(self.price.free)
    }

    /// What it costs in all that use grows from `before` to `after`, in fractions.
    fn growth(&self, rate: &Rate, unit: u16, before: u64, after: u64) -> Option<u128> {
        let is_first = before == 0 && after > 0;
        let base = if is_first { rate.base } else { Atoms::ZERO };
        let (from, to) = (self.beyond_free(before), self.beyond_free(after));
        let cost = self.cost(rate, unit, from, to)?;
        cost.checked_add(self.whole(base)?)
    }

    /// What was left over, in the version's fractions.
    fn carried(&self, so_far: SoFar) -> u64 {
        if so_far.remainder == 0 || so_far.denominator == self.denominator {
            return so_far.remainder;
        }
        let fractions = u128::from(so_far.remainder) * u128::from(self.denominator);
        // Less than this denominator, as it was less than its own.
        (fractions / u128::from(so_far.denominator)) as u64
    }

    /// Whole atoms in fractions.
    fn whole(&self, amount: Atoms) -> Option<u128> {
        u128::from(amount.0).checked_mul(u128::from(self.denominator))
    }

    /// What so many cost that are `amount` for every `per`, in fractions.
    fn linear(&self, quantity: u64, amount: Atoms, per: u64) -> Option<u128> {
        let each = u128::from(amount.0).checked_mul(u128::from(self.denominator / per))?;
        each.checked_mul(u128::from(quantity))
    }

    /// What it costs that use grows from `before` to `after`, the free quota aside, in fractions.
    fn cost(&self, rate: &Rate, unit: u16, before: u64, after: u64) -> Option<u128> {
        let of = |used: u64| -> Option<u128> {
            if used == 0 {
                return Some(0);
            }
            match &rate.model {
                Model::Flat { amount } => self.whole(*amount),
                Model::PerUnit { units } => {
                    let unit = &units[usize::from(unit)];
                    self.linear(used, unit.amount, unit.per)
                }
                Model::Package { size, amount } => self
                    .whole(*amount)?
                    .checked_mul(used.div_ceil(*size).into()),
                Model::Graduated { bands } => self.graduated(bands, used),
                Model::Volume { bands } => self.volume(bands, used),
                Model::Percentage {
                    share,
                    minimum,
                    maximum,
                } => {
                    let per = u64::from(Ppm::WHOLE.get());
                    let exact = self.linear(used, Atoms(share.get().into()), per)?;
                    let most = maximum.map_or(Some(u128::MAX), |most| self.whole(most))?;
                    Some(exact.max(self.whole(*minimum)?).min(most))
                }
            }
        };
        if let Model::PerUnit { .. } = rate.model {
            // Each unit by itself: what was used of others is no matter.
            return of(after - before);
        }
        // A cost only grows, so the difference is none below zero.
        of(after)?.checked_sub(of(before)?)
    }

    fn graduated(&self, bands: &[Band], used: u64) -> Option<u128> {
        let (mut sum, mut from) = (0u128, 0);
        for band in reached(bands, used) {
            let until = band.up_to.unwrap_or(u64::MAX).min(used);
            let inside = self.linear(until - from, band.amount, band.per)?;
            sum = sum
                .checked_add(inside)?
                .checked_add(self.whole(band.base)?)?;
            from = until;
        }
        Some(sum)
    }

    fn volume(&self, bands: &[Band], used: u64) -> Option<u128> {
        let is_given_back = self.price.period == Period::Payment;
        let mut most = 0;
        for band in reached(bands, used) {
            let until = band.up_to.unwrap_or(u64::MAX).min(used);
            let all = self.linear(until, band.amount, band.per)?;
            let all = all.checked_add(self.whole(band.base)?)?;
            most = if is_given_back { all } else { most.max(all) };
        }
        Some(most)
    }
}

/// The bands that a use reaches.
fn reached(bands: &[Band], used: u64) -> impl Iterator<Item = &Band> {
    let mut from = 0;
    bands.iter().take_while(move |band| {
        let is_reached = from < used;
        from = band.up_to.unwrap_or(u64::MAX);
        is_reached
    })
}
