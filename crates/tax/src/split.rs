//! A price taken apart into net and tax, to the atom.
//!
//! Invariants:
//! - `net + tax == gross`, always; what a rounding left over is returned, for posting.
//! - With a [`Carry`], the taxes of many payments sum to the tax of their sum, rounded down once.
//! - Refunds are shares of what was split, never computed anew: refunds that reach the whole bring
//!   back the whole tax, however they were cut and whatever the rate is by then.

use core::num::NonZeroU64;
use money::{Atoms, MoneyError, Ppm, Remainder, Rounding, mul_div, reversal_shares};
use serde::{Deserialize, Serialize};

/// A price in its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// Without tax.
    pub net: Atoms,
    /// The tax.
    pub tax: Atoms,
    /// What rounding the tax left over: exact tax less `tax`.
    pub remainder: Remainder,
}

impl Split {
    /// Net and tax.
    #[must_use]
    pub fn gross(&self) -> Atoms {
        let gross = self.net.checked_add(self.tax);
        gross.expect("fits, because it was split from a gross amount or checked when made")
    }
}

/// What is added on top of a net amount of a million, as a divisor.
fn whole(rate: Ppm) -> NonZeroU64 {
    NonZeroU64::new(1_000_000 + u64::from(rate.get())).expect("at least a million")
}

/// Takes the tax out of a price that contains it.
///
/// ```
/// use money::{Atoms, Ppm, Rounding};
///
/// let split = tax::split::inclusive(Atoms(119), Ppm::new(190_000)?, Rounding::HalfEven);
/// assert_eq!((split.net, split.tax), (Atoms(100), Atoms(19)));
/// # Ok::<(), money::MoneyError>(())
/// ```
#[must_use]
#[inline]
pub fn inclusive(gross: Atoms, rate: Ppm, mode: Rounding) -> Split {
    let tax = mul_div(gross.get(), u64::from(rate.get()), whole(rate), mode);
    let tax = tax.expect("fits, because the tax contained in a price is at most the price");
    Split {
        net: Atoms(gross.get() - tax.value),
        tax: Atoms(tax.value),
        remainder: tax.remainder,
    }
}

/// Puts the tax on top of a price.
///
/// # Errors
/// [`MoneyError::Overflow`] if the sum does not fit.
#[inline]
pub fn exclusive(net: Atoms, rate: Ppm, mode: Rounding) -> Result<Split, MoneyError> {
    let million = NonZeroU64::new(1_000_000).expect("not zero");
    let tax = mul_div(net.get(), u64::from(rate.get()), million, mode)?;
    net.checked_add(Atoms(tax.value))
        .ok_or(MoneyError::Overflow)?;
    Ok(Split {
        net,
        tax: Atoms(tax.value),
        remainder: tax.remainder,
    })
}

/// What rounding down has left over so far, of one supplier, place and rate: less than one atom of
/// tax, in parts of the rate's divisor. Held in the state where a country rounds once an invoice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Carry(u32);

impl Carry {
    /// Nothing left over.
    pub const ZERO: Carry = Carry(0);

    /// The numerator; the denominator is 1,000,000 + rate for prices that contain tax, and 1,000,000
    /// for others.
    #[must_use]
    pub const fn numerator(self) -> u32 {
        self.0
    }

    #[inline]
    fn part(self, amount: u64, rate: Ppm, den: NonZeroU64) -> Result<(u64, Carry), MoneyError> {
        // The state keeps one carry a rate; should one of another come, it is less than an atom here too.
        let carried = u128::from(self.0).min(u128::from(den.get() - 1));
        let exact = u128::from(amount) * u128::from(rate.get()) + carried;
        let tax = exact / u128::from(den.get());
        let tax = u64::try_from(tax).map_err(|_| MoneyError::Overflow)?;
        // Fits: less than the divisor, which is at most two million.
        let left = (exact % u128::from(den.get())) as u32;
        Ok((tax, Carry(left)))
    }

    /// Takes the tax out of a price, and carries what is left over to the next: the taxes of any
    /// number of prices then sum to the tax of their sum, rounded down.
    #[must_use]
    #[inline]
    pub fn inclusive(self, gross: Atoms, rate: Ppm) -> (Split, Carry) {
        let den = whole(rate);
        let part = self.part(gross.get(), rate, den);
        // Less than one atom is carried, and a price of one atom or more has room for it.
        let (tax, carry) = part.expect("fits, because it is at most the price");
        (self.made(Atoms(gross.get() - tax), tax, carry, den), carry)
    }

    /// Puts the tax on top of a price, and carries what is left over to the next.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] if the sum does not fit.
    #[inline]
    pub fn exclusive(self, net: Atoms, rate: Ppm) -> Result<(Split, Carry), MoneyError> {
        let den = NonZeroU64::new(1_000_000).expect("not zero");
        let (tax, carry) = self.part(net.get(), rate, den)?;
        net.checked_add(Atoms(tax)).ok_or(MoneyError::Overflow)?;
        Ok((self.made(net, tax, carry, den), carry))
    }

    fn made(self, net: Atoms, tax: u64, carry: Carry, den: NonZeroU64) -> Split {
        let denominator = den.get();
        let numerator = i128::from(carry.0) - i128::from(self.0);
        Split {
            net,
            tax: Atoms(tax),
            remainder: Remainder {
                numerator,
                denominator,
            },
        }
    }
}

/// The tax of an invoice: once for each rate, in what can be paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceTax {
    /// The tax, a multiple of the minor unit.
    pub tax: Atoms,
    /// Tax less what the payments posted: to be posted with the invoice.
    pub adjustment: i128,
}

/// The tax of all payments of one rate on an invoice, rounded once to the currency's minor unit.
/// `gross` is the sum of prices that contain the tax; `posted` what was posted with them.
///
/// # Errors
/// [`MoneyError::Overflow`] if the rounded tax does not fit.
///
/// ```
/// use core::num::NonZeroU64;
/// use money::{Atoms, Ppm, Rounding};
///
/// // 1,000 payments of 1.05 yen: 95.45 yen of tax, of which Japan keeps 95.
/// let yen = NonZeroU64::new(10_000_000).expect("not zero");
/// let gross = Atoms(1_000 * 10_500_000);
/// let posted = Atoms(954_545_454);
/// let tax = tax::split::invoice(gross, Ppm::new(100_000)?, yen, Rounding::Down, posted)?;
/// assert_eq!((tax.tax, tax.adjustment), (Atoms(950_000_000), -4_545_454));
/// # Ok::<(), money::MoneyError>(())
/// ```
pub fn invoice(
    gross: Atoms,
    rate: Ppm,
    minor_unit: NonZeroU64,
    mode: Rounding,
    posted: Atoms,
) -> Result<InvoiceTax, MoneyError> {
    // One division: rounding to atoms first would round twice.
    let den = minor_unit
        .checked_mul(whole(rate))
        .ok_or(MoneyError::Overflow)?;
    let units = mul_div(gross.get(), u64::from(rate.get()), den, mode)?.value;
    let tax = units
        .checked_mul(minor_unit.get())
        .ok_or(MoneyError::Overflow)?;
    Ok(InvoiceTax {
        tax: Atoms(tax),
        adjustment: i128::from(tax) - i128::from(posted.get()),
    })
}

/// The part of a refund that is tax, and the part that is not. `so_far` was refunded before, of the
/// gross amount, and `more` is refunded now.
///
/// # Errors
/// [`MoneyError::ReversalExceedsTotal`] if that is more than was paid.
pub fn refund(split: &Split, so_far: Atoms, more: Atoms) -> Result<(Atoms, Atoms), MoneyError> {
    let parts = [split.net.get(), split.tax.get()];
    let mut out = [0; 2];
    reversal_shares(&parts, so_far.get(), more.get(), &mut out)?;
    Ok((Atoms(out[0]), Atoms(out[1])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MODES: [Rounding; 3] = [Rounding::HalfEven, Rounding::Up, Rounding::Down];

    fn ppm(rate: u32) -> Ppm {
        Ppm::new(rate).unwrap()
    }

    #[test]
    fn prices_in_their_parts() {
        use Rounding::*;
        for (gross, rate, mode, net, tax) in [
            (119, 190_000, HalfEven, 100, 19),
            (120, 190_000, HalfEven, 101, 19), // 19.16
            (120, 190_000, Up, 100, 20),
            (120, 190_000, Down, 101, 19),
            (0, 190_000, Up, 0, 0),
            (1, 1_000_000, HalfEven, 1, 0), // 0.5
            (7, 0, Up, 7, 0),
            (u64::MAX, 1_000_000, Down, 1 << 63, (1 << 63) - 1),
        ] {
            let split = inclusive(Atoms(gross), ppm(rate), mode);
            assert_eq!(
                (split.net.0, split.tax.0),
                (net, tax),
                "{gross} {rate} {mode}"
            );
        }
        assert_eq!(
            exclusive(Atoms(100), ppm(55_000), Up).unwrap().tax,
            Atoms(6)
        );
        assert!(exclusive(Atoms::MAX, ppm(1), Down).is_err());
        assert!(exclusive(Atoms::MAX, ppm(1_000_000), Down).is_err());
        let split = inclusive(Atoms(119), ppm(190_000), HalfEven);
        assert!(refund(&split, Atoms(100), Atoms(20)).is_err());
    }

    proptest! {
        #[test]
        fn net_and_tax_always_sum(gross: u64, rate in 0..=1_000_000_u32, mode in 0..3_usize) {
            let split = inclusive(Atoms(gross), ppm(rate), MODES[mode]);
            prop_assert_eq!(split.gross(), Atoms(gross));
            let exact = u128::from(gross) * u128::from(rate);
            let posted = i128::from(split.tax.0) * i128::from(split.remainder.denominator);
            prop_assert_eq!(exact as i128, posted + split.remainder.numerator);
            if let Ok(split) = exclusive(Atoms(gross), ppm(rate), MODES[mode]) {
                prop_assert_eq!(u128::from(split.gross().0), u128::from(gross) + u128::from(split.tax.0));
            }
        }

        #[test]
        fn a_thousand_small_taxes_are_one_large_one(
            prices in proptest::collection::vec(0..1_000_000_000_000_u64, 1_000),
            rate in 0..=1_000_000_u32,
        ) {
            let (mut carry, mut on_top) = (Carry::ZERO, Carry::ZERO);
            let (mut taxes, mut added) = (0, 0);
            for price in &prices {
                let (split, next) = carry.inclusive(Atoms(*price), ppm(rate));
                prop_assert_eq!(split.gross(), Atoms(*price));
                (carry, taxes) = (next, taxes + split.tax.0);
                let (split, next) = on_top.exclusive(Atoms(*price), ppm(rate)).unwrap();
                (on_top, added) = (next, added + split.tax.0);
            }
            let all = Atoms(prices.iter().sum());
            prop_assert_eq!(Atoms(taxes), inclusive(all, ppm(rate), Rounding::Down).tax);
            prop_assert_eq!(Atoms(added), exclusive(all, ppm(rate), Rounding::Down).unwrap().tax);
        }

        #[test]
        fn refunds_of_the_whole_bring_the_tax_back(
            gross in 1..u64::MAX / 2,
            rate in 0..=1_000_000_u32,
            cuts in proptest::collection::vec(0..=u64::MAX, 0..6),
        ) {
            let split = inclusive(Atoms(gross), ppm(rate), Rounding::HalfEven);
            let mut cuts: Vec<u64> = cuts.into_iter().map(|cut| cut % gross).collect();
            cuts.push(gross);
            cuts.sort_unstable();
            let (mut so_far, mut net, mut tax) = (0, 0, 0);
            for cut in cuts {
                let (n, t) = refund(&split, Atoms(so_far), Atoms(cut - so_far)).unwrap();
                prop_assert_eq!(n.0 + t.0, cut - so_far);
                (so_far, net, tax) = (cut, net + n.0, tax + t.0);
            }
            prop_assert_eq!((Atoms(net), Atoms(tax)), (split.net, split.tax));
        }

        #[test]
        fn an_invoice_is_within_a_minor_unit_of_what_was_posted(
            prices in proptest::collection::vec(0..1_000_000_000_000_u64, 1..200),
            rate in 0..=1_000_000_u32,
            mode in 0..3_usize,
        ) {
            let unit = NonZeroU64::new(10_000_000).unwrap();
            let (mut carry, mut posted) = (Carry::ZERO, 0);
            for price in &prices {
                let (split, next) = carry.inclusive(Atoms(*price), ppm(rate));
                (carry, posted) = (next, posted + split.tax.0);
            }
            let gross = Atoms(prices.iter().sum());
            let found = invoice(gross, ppm(rate), unit, MODES[mode], Atoms(posted)).unwrap();
            prop_assert_eq!(found.tax.0 % unit, 0);
            prop_assert!(found.adjustment.unsigned_abs() <= u128::from(unit.get()));
            prop_assert_eq!(i128::from(found.tax.0), i128::from(posted) + found.adjustment);
        }
    }
}
