//! Exchange rates as ratios of integers.
//!
//! A rate here converts atoms to atoms; the scales of its two assets are already in it. It does not
//! know which assets those are, nor when it was quoted: whoever holds it does.

use core::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use crate::amount::parse_decimal;
use crate::{Asset, Atoms, MoneyError, Remainder, Rounding, mul_div};

/// The most digits a quoted rate may have after its point.
const RATE_DECIMALS_MAX: u8 = 18;

/// How many atoms of the quote asset one atom of the base asset is worth: `num / den`.
///
/// Made by [`Rate::new`], [`Rate::from_decimal`] or serde it is in lowest terms and not zero, so
/// equal rates compare equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Ratio")]
pub struct Rate {
    /// Quote atoms.
    pub num: u64,
    /// For so many base atoms.
    pub den: NonZeroU64,
}

/// A rate as it is read, before it is checked.
#[derive(Deserialize)]
struct Ratio {
    num: u64,
    den: NonZeroU64,
}

impl TryFrom<Ratio> for Rate {
    type Error = MoneyError;

    fn try_from(ratio: Ratio) -> Result<Self, MoneyError> {
        Self::new(ratio.num, ratio.den)
    }
}

/// A converted amount and what the rounding left over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Converted {
    /// The amount, in atoms of the quote asset.
    pub atoms: Atoms,
    /// Exact minus given, in parts of an atom of the quote asset.
    pub remainder: Remainder,
}

impl Rate {
    /// One for one.
    pub const ONE: Self = Self {
        num: 1,
        den: NonZeroU64::MIN,
    };

    /// The rate `num / den` quote atoms per base atom, in lowest terms.
    ///
    /// # Errors
    /// [`MoneyError::ZeroRate`] if `num` is zero.
    pub fn new(num: u64, den: NonZeroU64) -> Result<Self, MoneyError> {
        Self::reduced(u128::from(num), u128::from(den.get()))
    }

    /// Reads a rate as the world quotes it: one *unit* of `base` is worth `text` *units* of `quote`.
    ///
    /// The grammar is that of [`Asset::parse`], with up to 18 digits after the point and zeros at
    /// the end allowed.
    ///
    /// # Errors
    /// As [`Asset::parse`]; [`MoneyError::ZeroRate`]; [`MoneyError::RateOutOfRange`] if the ratio of
    /// atoms does not fit two `u64` even in lowest terms.
    ///
    /// ```
    /// use money::{Asset, Rate, Rounding};
    ///
    /// let eur = Asset::known("EUR").expect("known");
    /// let jpy = Asset::known("JPY").expect("known");
    /// let rate = Rate::from_decimal("162.5", &eur, &jpy)?;
    /// let yen = rate.convert(eur.parse("2")?, Rounding::Down)?;
    /// assert_eq!(jpy.format(yen.atoms), "325");
    /// # Ok::<(), money::MoneyError>(())
    /// ```
    pub fn from_decimal(text: &str, base: &Asset, quote: &Asset) -> Result<Self, MoneyError> {
        let decimal = parse_decimal(text, 0, RATE_DECIMALS_MAX)?;
        let num = decimal
            .digits
            .checked_mul(u128::from(quote.scale.atoms_per_unit()))
            .ok_or(MoneyError::RateOutOfRange)?;
        // Cannot overflow: at most 10^18 * 10^9.
        let den =
            10_u128.pow(u32::from(decimal.decimals)) * u128::from(base.scale.atoms_per_unit());
        Self::reduced(num, den)
    }

    /// What an amount of the base asset is worth in the quote asset, rounded once.
    ///
    /// `base * num == atoms * den + remainder.numerator` holds exactly.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] if the result exceeds [`Atoms::MAX`].
    #[inline]
    pub fn convert(&self, base: Atoms, r: Rounding) -> Result<Converted, MoneyError> {
        let rounded = mul_div(base.get(), self.num, self.den, r)?;
        Ok(Converted {
            atoms: Atoms(rounded.value),
            remainder: rounded.remainder,
        })
    }

    /// The rate the other way: base atoms per quote atom, exactly.
    ///
    /// # Errors
    /// [`MoneyError::ZeroRate`] if `num` is zero, which only a rate put together by hand can have.
    pub fn inverse(&self) -> Result<Self, MoneyError> {
        Self::reduced(u128::from(self.den.get()), u128::from(self.num))
    }

    /// `num / den` in lowest terms. Neither may be zero.
    fn reduced(num: u128, den: u128) -> Result<Self, MoneyError> {
        if num == 0 || den == 0 {
            return Err(MoneyError::ZeroRate);
        }
        let divisor = gcd(num, den);
        let num = u64::try_from(num / divisor).map_err(|_| MoneyError::RateOutOfRange)?;
        let den = u64::try_from(den / divisor).map_err(|_| MoneyError::RateOutOfRange)?;
        let den = NonZeroU64::new(den).ok_or(MoneyError::ZeroRate)?;
        Ok(Self { num, den })
    }
}

/// The greatest common divisor of two numbers that are not both zero.
const fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn known(code: &str) -> Asset {
        Asset::known(code).unwrap()
    }

    fn rate(num: u64, den: u64) -> Rate {
        Rate {
            num,
            den: NonZeroU64::new(den).unwrap(),
        }
    }

    #[test]
    fn quoted_rates_become_ratios_of_atoms_in_lowest_terms() {
        for (text, base, quote, expected) in [
            ("1", "EUR", "USD", rate(1, 1)),
            ("1.0842", "EUR", "USD", rate(5_421, 5_000)),
            ("1.08420000", "EUR", "USD", rate(5_421, 5_000)),
            ("162.5", "EUR", "JPY", rate(13, 8)),
            ("0.00625", "JPY", "USD", rate(5, 8)),
            ("1", "USDC", "USD", rate(1_000, 1)),
            ("26000", "USD", "VND", rate(13, 5)),
        ] {
            let found = Rate::from_decimal(text, &known(base), &known(quote));
            assert_eq!(found, Ok(expected), "{base}/{quote} {text}");
        }
    }

    #[test]
    fn bad_rates_are_refused_with_their_reason() {
        for (text, code) in [
            ("", "amount_empty"),
            ("0", "rate_zero"),
            ("0.000", "rate_zero"),
            ("-1", "amount_invalid_character"),
            ("01", "amount_leading_zero"),
            ("1.", "amount_missing_digit"),
            ("0.0000000000000000001", "amount_too_precise"),
            ("1.000000000000000001", "rate_out_of_range"),
            (
                "340282366920938463463374607431768211455",
                "rate_out_of_range",
            ),
            (
                "340282366920938463463374607431768211456",
                "amount_too_large",
            ),
        ] {
            let error = Rate::from_decimal(text, &known("EUR"), &known("USDC"));
            assert_eq!(error.map_err(|error| error.code()), Err(code), "{text:?}");
        }
        assert_eq!(Rate::new(0, NonZeroU64::MIN), Err(MoneyError::ZeroRate));
        assert_eq!(rate(0, 1).inverse(), Err(MoneyError::ZeroRate));
    }

    #[test]
    fn conversion_rounds_once_and_reports_what_is_left() {
        let converted = rate(13, 8).convert(Atoms(3), Rounding::Down).unwrap();
        assert_eq!(converted.atoms, Atoms(4));
        assert_eq!(
            converted.remainder,
            Remainder {
                numerator: 7,
                denominator: 8
            }
        );
        assert_eq!(
            rate(2, 1).convert(Atoms::MAX, Rounding::Down),
            Err(MoneyError::Overflow)
        );
        assert_eq!(
            Rate::ONE.convert(Atoms::MAX, Rounding::Up).unwrap().atoms,
            Atoms::MAX
        );
        assert_eq!(rate(13, 8).inverse(), Ok(rate(8, 13)));
    }

    #[test]
    fn serde_reduces_and_refuses_zero() {
        let read = |json| serde_json::from_str::<Rate>(json);
        assert_eq!(read(r#"{"num":26,"den":16}"#).unwrap(), rate(13, 8));
        assert!(read(r#"{"num":0,"den":1}"#).is_err());
        assert!(read(r#"{"num":1,"den":0}"#).is_err());
        let json = serde_json::to_string(&rate(13, 8)).unwrap();
        assert_eq!(json, r#"{"num":13,"den":8}"#);
    }
}
