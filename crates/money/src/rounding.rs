//! Rounding with a name and a receipt.
//!
//! - `amount * num == value * den + remainder.numerator`, exactly, always.
//! - Intermediate products are `u128`; the result is a `u64` or an error.

use core::fmt;
use core::num::NonZeroU64;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Atoms, MoneyError};

/// How a quantity that lies between two integers becomes one of them. Quantities here are never
/// negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// To the nearer; from exactly half way to the even one. Does not drift over many roundings.
    HalfEven,
    /// To the greater.
    Up,
    /// To the smaller.
    Down,
}

impl Rounding {
    /// The name: `half_even`, `up` or `down`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HalfEven => "half_even",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

impl fmt::Display for Rounding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Rounding {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        match text {
            "half_even" => Ok(Self::HalfEven),
            "up" => Ok(Self::Up),
            "down" => Ok(Self::Down),
            _ => Err(MoneyError::UnknownRounding),
        }
    }
}

/// What a rounding left over, as the fraction `numerator / denominator` of one atom of the result.
///
/// Positive if the result was rounded down, negative if up, zero if it was exact; always strictly
/// between -1 and 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Remainder {
    /// In `denominator`-ths of an atom.
    pub numerator: i128,
    /// The divisor of the operation, as it was given (not reduced), never zero.
    pub denominator: u64,
}

impl Remainder {
    /// Whether nothing was left over.
    pub const fn is_zero(&self) -> bool {
        self.numerator == 0
    }
}

/// A rounded result and what the rounding left over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rounded {
    /// The result.
    pub value: u64,
    /// `exact - value`.
    pub remainder: Remainder,
}

/// `amount * num / den`, rounded once.
///
/// `amount * num == value * den + remainder.numerator` holds exactly.
///
/// # Errors
/// [`MoneyError::Overflow`] if the rounded result exceeds `u64::MAX`.
///
/// ```
/// use core::num::NonZeroU64;
/// use money::{Rounding, mul_div};
///
/// let two = NonZeroU64::new(2).expect("not zero");
/// assert_eq!(mul_div(5, 1, two, Rounding::HalfEven)?.value, 2);
/// assert_eq!(mul_div(7, 1, two, Rounding::HalfEven)?.value, 4);
/// assert_eq!(mul_div(7, 1, two, Rounding::Up)?.remainder.numerator, -1);
/// # Ok::<(), money::MoneyError>(())
/// ```
#[inline]
pub fn mul_div(amount: u64, num: u64, den: NonZeroU64, r: Rounding) -> Result<Rounded, MoneyError> {
    let (floor, rest) = match amount.checked_mul(num) {
        // The usual case: a division of 64 bits costs a fraction of one of 128.
        Some(product) => (product / den, product % den),
        None => {
            // Cannot overflow: the product of two u64 is less than 2^128.
            let product = u128::from(amount) * u128::from(num);
            let divisor = u128::from(den.get());
            let floor = u64::try_from(product / divisor).map_err(|_| MoneyError::Overflow)?;
            // Fits: less than the divisor.
            (floor, (product % divisor) as u64)
        }
    };
    // How far it is to the next integer; positive.
    let missing = den.get() - rest;
    let goes_up = match r {
        Rounding::Down => false,
        Rounding::Up => rest != 0,
        Rounding::HalfEven => rest > missing || (rest == missing && floor % 2 == 1),
    };
    let value = floor
        .checked_add(u64::from(goes_up))
        .ok_or(MoneyError::Overflow)?;
    let numerator = if goes_up {
        -i128::from(missing)
    } else {
        i128::from(rest)
    };
    Ok(Rounded {
        value,
        remainder: Remainder {
            numerator,
            denominator: den.get(),
        },
    })
}

/// A part of a whole, in parts per million: 0 to 1 000 000. One percent is 10 000.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(try_from = "u32", into = "u32")]
pub struct Ppm(u32);

impl Ppm {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The whole: 1 000 000 parts per million.
    pub const WHOLE: Self = Self(1_000_000);

    /// That many parts per million.
    ///
    /// # Errors
    /// [`MoneyError::InvalidPpm`] above 1 000 000.
    pub const fn new(ppm: u32) -> Result<Self, MoneyError> {
        if ppm > Self::WHOLE.0 {
            return Err(MoneyError::InvalidPpm { found: ppm });
        }
        Ok(Self(ppm))
    }

    /// The parts per million, 0 to 1 000 000.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// This part of an amount: `amount * ppm / 1 000 000`, at most the amount.
    #[inline]
    pub fn of(self, amount: Atoms, r: Rounding) -> Atoms {
        self.part(amount, Self::WHOLE.0, r)
    }

    /// The part that was added on top, seen from the sum: `gross * ppm / (1 000 000 + ppm)`, at most
    /// the gross amount. With 19 % tax, 1.19 contains 0.19.
    ///
    /// ```
    /// use money::{Asset, Ppm, Rounding};
    ///
    /// let eur = Asset::known("EUR").expect("known");
    /// let tax = Ppm::new(190_000)?.included_in(eur.parse("1.19")?, Rounding::HalfEven);
    /// assert_eq!(eur.format(tax), "0.19");
    /// # Ok::<(), money::MoneyError>(())
    /// ```
    #[inline]
    pub fn included_in(self, gross: Atoms, r: Rounding) -> Atoms {
        self.part(gross, Self::WHOLE.0 + self.0, r)
    }

    /// `amount * ppm / whole`, where `whole` is not less than the parts per million and not zero.
    #[inline]
    fn part(self, amount: Atoms, whole: u32, r: Rounding) -> Atoms {
        NonZeroU64::new(u64::from(whole))
            .and_then(|whole| mul_div(amount.get(), u64::from(self.0), whole, r).ok())
            .map(|rounded| Atoms(rounded.value))
            .expect("fits, because a part is at most the whole and the whole is not zero")
    }
}

impl TryFrom<u32> for Ppm {
    type Error = MoneyError;

    fn try_from(ppm: u32) -> Result<Self, MoneyError> {
        Self::new(ppm)
    }
}

impl From<Ppm> for u32 {
    fn from(ppm: Ppm) -> Self {
        ppm.get()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_rounding_does_what_its_name_says() {
        use Rounding::*;
        for (amount, num, den, rounding, value, numerator) in [
            (1, 1, 2, HalfEven, 0, 1),
            (3, 1, 2, HalfEven, 2, -1),
            (5, 1, 2, HalfEven, 2, 1),
            (7, 1, 2, HalfEven, 4, -1),
            (4, 1, 3, HalfEven, 1, 1),
            (5, 1, 3, HalfEven, 2, -1),
            (6, 1, 3, HalfEven, 2, 0),
            (1, 1, 3, Up, 1, -2),
            (3, 1, 3, Up, 1, 0),
            (5, 1, 3, Down, 1, 2),
            (0, 9, 3, Up, 0, 0),
            (9, 0, 3, Up, 0, 0),
            (u64::MAX, u64::MAX, u64::MAX, Up, u64::MAX, 0),
            (1, 1, u64::MAX, Up, 1, 1 - i128::from(u64::MAX)),
            // Half of the greatest odd number: half way, and the even neighbour is above.
            (u64::MAX, 1, 2, HalfEven, 1 << 63, -1),
        ] {
            let den = NonZeroU64::new(den).unwrap();
            let rounded = mul_div(amount, num, den, rounding).unwrap();
            let remainder = Remainder {
                numerator,
                denominator: den.get(),
            };
            let what = format!("{amount} * {num} / {den} {rounding}");
            assert_eq!(rounded, Rounded { value, remainder }, "{what}");
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let two = NonZeroU64::new(2).unwrap();
        assert_eq!(
            mul_div(u64::MAX, 3, two, Rounding::Down),
            Err(MoneyError::Overflow)
        );
        // (3 * (2^65 - 1) / 3) / 2 = 2^64 - 1/2: down fits, the others do not.
        let (amount, num) = (36_893_488_147_419_103_231_u128 / 31, 31);
        assert_eq!(amount * num, (1 << 65) - 1);
        let (amount, num) = (u64::try_from(amount).unwrap(), u64::try_from(num).unwrap());
        assert_eq!(
            mul_div(amount, num, two, Rounding::Down).unwrap().value,
            u64::MAX
        );
        assert_eq!(
            mul_div(amount, num, two, Rounding::HalfEven),
            Err(MoneyError::Overflow)
        );
        assert_eq!(
            mul_div(amount, num, two, Rounding::Up),
            Err(MoneyError::Overflow)
        );
    }

    #[test]
    fn parts_per_million_are_at_most_the_whole() {
        assert_eq!(Ppm::new(1_000_000), Ok(Ppm::WHOLE));
        assert_eq!(
            Ppm::new(1_000_001),
            Err(MoneyError::InvalidPpm { found: 1_000_001 })
        );
        assert_eq!(
            serde_json::from_str::<Ppm>("25000").unwrap(),
            Ppm::new(25_000).unwrap()
        );
        assert_eq!(serde_json::to_string(&Ppm::WHOLE).unwrap(), "1000000");
        assert!(serde_json::from_str::<Ppm>("1000001").is_err());
        for rounding in [Rounding::HalfEven, Rounding::Up, Rounding::Down] {
            assert_eq!(Ppm::WHOLE.of(Atoms::MAX, rounding), Atoms::MAX);
            assert_eq!(Ppm::ZERO.of(Atoms::MAX, rounding), Atoms::ZERO);
            assert_eq!(Ppm::ZERO.included_in(Atoms::MAX, rounding), Atoms::ZERO);
        }
        let fifth = Ppm::new(200_000).unwrap();
        assert_eq!(fifth.of(Atoms(11), Rounding::Up), Atoms(3));
        assert_eq!(fifth.included_in(Atoms(120), Rounding::HalfEven), Atoms(20));
        assert_eq!(
            Ppm::WHOLE.included_in(Atoms(3), Rounding::HalfEven),
            Atoms(2)
        );
    }

    #[test]
    fn roundings_have_names() {
        for rounding in [Rounding::HalfEven, Rounding::Up, Rounding::Down] {
            assert_eq!(rounding.to_string().parse(), Ok(rounding));
            let json = serde_json::to_string(&rounding).unwrap();
            assert_eq!(json, format!("\"{rounding}\""));
        }
        assert_eq!(
            "nearest".parse::<Rounding>(),
            Err(MoneyError::UnknownRounding)
        );
    }
}
