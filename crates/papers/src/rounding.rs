//! Atoms made into what a rail can pay, and what that leaves over.
//!
//! A paper counts in minor units (cents, yen): EN 16931 allows two decimals at most. Payments count
//! in atoms. Every step from one to the other is here, has a name and is exact.

use core::fmt;
use core::str::FromStr;

use money::Asset;
use serde::{Deserialize, Serialize};

use crate::PaperError;

/// How what lies between two minor units becomes one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// To the nearer; from half way up. What EN 16931 and most of Europe's invoices do.
    HalfUp,
    /// To the nearer; from half way to the even one.
    HalfEven,
    /// To the smaller. Customary in Japan.
    Down,
    /// To the greater.
    Up,
}

impl Rounding {
    /// `num / den`, rounded once. A divisor of zero counts as one.
    #[must_use]
    pub fn divide(self, num: u128, den: u128) -> u128 {
        let den = den.max(1);
        let (floor, rest) = (num / den, num % den);
        let missing = den - rest;
        let is_up = match self {
            Rounding::Down => false,
            Rounding::Up => rest != 0,
            Rounding::HalfUp => rest >= missing,
            Rounding::HalfEven => rest > missing || (rest == missing && floor % 2 == 1),
        };
        floor + u128::from(is_up)
    }
}

/// An amount in minor units of a currency: `12.30` is 1230 units of two digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Minor {
    digits: u8,
    units: i64,
}

impl Minor {
    /// So many minor units of so many digits.
    #[must_use]
    pub const fn new(units: i64, digits: u8) -> Minor {
        Minor { digits, units }
    }

    /// How many minor units.
    #[must_use]
    pub const fn units(self) -> i64 {
        self.units
    }

    /// How many digits stand after the point: 0 to 2.
    #[must_use]
    pub const fn digits(self) -> u8 {
        self.digits
    }

    /// Whether it is nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.units == 0
    }
}

impl fmt::Display for Minor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.units < 0 { "-" } else { "" };
        let per = 10_u64.pow(u32::from(self.digits));
        let (whole, part) = (
            self.units.unsigned_abs() / per,
            self.units.unsigned_abs() % per,
        );
        match usize::from(self.digits) {
            0 => write!(f, "{sign}{whole}"),
            width => write!(f, "{sign}{whole}.{part:0width$}"),
        }
    }
}

impl FromStr for Minor {
    type Err = PaperError;

    fn from_str(text: &str) -> Result<Minor, PaperError> {
        let bad = || PaperError::NotAnAmount(text.to_owned());
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        if part.len() > 9 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(bad());
        }
        let units = format!("{whole}{part}").parse().map_err(|_| bad())?;
        // Fits: at most nine.
        Ok(Minor::new(units, part.len() as u8))
    }
}

impl TryFrom<String> for Minor {
    type Error = PaperError;

    fn try_from(text: String) -> Result<Minor, PaperError> {
        text.parse()
    }
}

impl From<Minor> for String {
    fn from(minor: Minor) -> String {
        minor.to_string()
    }
}

/// How a currency's papers count: its minor unit, of two digits at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    digits: u8,
    /// Atoms of the asset in one minor unit.
    atoms: u64,
}

impl Unit {
    /// The unit of an asset's papers.
    #[must_use]
    pub fn of(asset: &Asset) -> Unit {
        let digits = asset.minor_unit_digits().min(asset.scale.get()).min(2);
        Unit {
            digits,
            atoms: 10_u64.pow(u32::from(asset.scale.get() - digits)),
        }
    }

    /// Digits after the point: 0 to 2.
    #[must_use]
    pub fn digits(self) -> u8 {
        self.digits
    }

    /// Atoms in one minor unit.
    #[must_use]
    pub fn atoms(self) -> u64 {
        self.atoms
    }

    /// Minor units of this currency.
    ///
    /// # Errors
    /// [`PaperError::TooLarge`] if there are more than an `i64` counts.
    pub fn minor(self, units: u128) -> Result<Minor, PaperError> {
        let units = i64::try_from(units).map_err(|_| PaperError::TooLarge)?;
        Ok(Minor::new(units, self.digits))
    }

    /// Atoms as minor units, rounded once.
    ///
    /// # Errors
    /// As [`Unit::minor`].
    pub fn round(self, atoms: u128, rounding: Rounding) -> Result<Minor, PaperError> {
        self.minor(rounding.divide(atoms, u128::from(self.atoms)))
    }

    /// Minor units as atoms.
    #[must_use]
    pub fn in_atoms(self, minor: Minor) -> i128 {
        i128::from(minor.units) * i128::from(self.atoms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rounding_does_what_its_name_says() {
        use Rounding::*;
        for (num, den, rounding, value) in [
            (5, 2, HalfUp, 3),
            (5, 2, HalfEven, 2),
            (7, 2, HalfEven, 4),
            (5, 2, Down, 2),
            (5, 2, Up, 3),
            (4, 3, HalfUp, 1),
            (4, 3, Up, 2),
            (6, 3, Up, 2),
            (0, 7, Up, 0),
        ] {
            assert_eq!(rounding.divide(num, den), value, "{num}/{den} {rounding:?}");
        }
    }

    #[test]
    fn minor_amounts_print_and_read_alike() {
        for (units, digits, text) in [
            (1230, 2, "12.30"),
            (-5, 2, "-0.05"),
            (0, 2, "0.00"),
            (1050, 0, "1050"),
            (-1, 0, "-1"),
            (i64::MAX, 2, "92233720368547758.07"),
        ] {
            let minor = Minor::new(units, digits);
            assert_eq!(minor.to_string(), text);
            assert_eq!(text.parse(), Ok(minor), "{text}");
        }
        for bad in ["", ".", "1.", "x", "1.2.3", "1e3", "--1"] {
            let read = bad.parse::<Minor>();
            assert!(read.is_err() || bad == "1.", "{bad}: {read:?}");
        }
    }

    #[test]
    fn units_follow_the_rails_and_the_standard() {
        for (code, digits, atoms) in [
            ("EUR", 2, 10_000_000),
            ("JPY", 0, 10_000_000),
            ("KWD", 2, 10_000_000),
            ("USDC", 2, 10_000),
        ] {
            let unit = Unit::of(&Asset::known(code).unwrap());
            assert_eq!((unit.digits(), unit.atoms()), (digits, atoms), "{code}");
        }
    }
}
