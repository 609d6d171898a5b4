//! Amounts, and the only two ways between amounts and text.
//!
//! The grammar, which is also what JSON carries:
//! ```text
//! amount = whole [ "." 1*digit ]          whole  = "0" / ( nonzero *digit )
//! signed = amount / "-" amount            (but not "-0" nor "-0.0")
//! ```
//! - Parsing never rounds: more digits after the point than the scale is an error, even zeros.
//! - Printing is canonical: no zeros after the point that could be left out.
//! - `parse(format(a)) == a` for every amount and scale.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{Asset, MoneyError};

/// An amount: a count of the smallest unit of some asset, 0 to `u64::MAX`.
///
/// It does not know which asset; whoever holds it does. It prints as the bare integer. For text in
/// units use [`Asset::format`].
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Atoms(pub u64);

impl Atoms {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The greatest amount.
    pub const MAX: Self = Self(u64::MAX);

    /// The number of atoms.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whether this is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, or `None` if it exceeds [`Atoms::MAX`].
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// The difference, or `None` if `other` is the greater.
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(difference) => Some(Self(difference)),
            None => None,
        }
    }
}

impl fmt::Display for Atoms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Asset {
    /// Reads an amount in units, such as `"0.0025"`.
    ///
    /// No sign, no exponent, no spaces, no separators; ASCII digits, at least one before the point
    /// and, if there is a point, at least one after it; no unneeded zeros in front.
    ///
    /// # Errors
    /// By the first thing wrong from the left: [`MoneyError::Empty`],
    /// [`MoneyError::InvalidCharacter`], [`MoneyError::MissingDigit`], [`MoneyError::LeadingZero`],
    /// [`MoneyError::TooPrecise`] for more digits after the point than the scale (zeros too);
    /// [`MoneyError::TooLarge`] for more than [`Atoms::MAX`].
    ///
    /// ```
    /// use money::{Asset, Atoms, MoneyError};
    ///
    /// let usdc = Asset::known("USDC").expect("known");
    /// assert_eq!(usdc.parse("0.0025")?, Atoms(2_500));
    /// assert_eq!(usdc.parse("0.0000025"), Err(MoneyError::TooPrecise { max_decimals: 6 }));
    /// # Ok::<(), MoneyError>(())
    /// ```
    pub fn parse(&self, text: &str) -> Result<Atoms, MoneyError> {
        let atoms = parse_magnitude(text, 0, self.scale.get())?;
        u64::try_from(atoms)
            .map(Atoms)
            .map_err(|_| MoneyError::TooLarge)
    }

    /// Reads an amount in units that may be negative, such as `"-1.5"`, into atoms.
    ///
    /// # Errors
    /// As [`Asset::parse`], with `i128` for the range, and [`MoneyError::NegativeZero`].
    pub fn parse_signed(&self, text: &str) -> Result<i128, MoneyError> {
        let scale = self.scale.get();
        if !text.starts_with('-') {
            let atoms = parse_magnitude(text, 0, scale)?;
            return i128::try_from(atoms).map_err(|_| MoneyError::TooLarge);
        }
        match parse_magnitude(text, 1, scale)? {
            0 => Err(MoneyError::NegativeZero),
            atoms => 0_i128
                .checked_sub_unsigned(atoms)
                .ok_or(MoneyError::TooLarge),
        }
    }

    /// Prints an amount in units, canonically: `"0.0025"`, `"12"`, `"0"`.
    pub fn format(&self, a: Atoms) -> String {
        self.format_magnitude("", u128::from(a.get()))
    }

    /// Prints a signed number of atoms in units, canonically: `"-1.5"`, `"0"`.
    pub fn format_signed(&self, a: i128) -> String {
        self.format_magnitude(if a < 0 { "-" } else { "" }, a.unsigned_abs())
    }

    fn format_magnitude(&self, sign: &str, atoms: u128) -> String {
        let atoms_per_unit = u128::from(self.scale.atoms_per_unit());
        let (whole, part) = (atoms / atoms_per_unit, atoms % atoms_per_unit);
        if part == 0 {
            return format!("{sign}{whole}");
        }
        let mut text = format!(
            "{sign}{whole}.{part:0width$}",
            width = usize::from(self.scale.get())
        );
        text.truncate(text.trim_end_matches('0').len());
        text
    }
}

/// The number from byte `start` of the text on, times 10^scale.
fn parse_magnitude(text: &str, start: usize, scale: u8) -> Result<u128, MoneyError> {
    let decimal = parse_decimal(text, start, scale)?;
    10_u128
        .checked_pow(u32::from(scale - decimal.decimals))
        .and_then(|factor| decimal.digits.checked_mul(factor))
        .ok_or(MoneyError::TooLarge)
}

/// A decimal number as it was written: `digits / 10^decimals`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    pub(crate) digits: u128,
    pub(crate) decimals: u8,
}

/// Reads the grammar above from byte `start` (which must be a character boundary) to the end.
pub(crate) fn parse_decimal(
    text: &str,
    start: usize,
    max_decimals: u8,
) -> Result<Decimal, MoneyError> {
    let bytes = text.as_bytes();
    if bytes.is_empty() {
        return Err(MoneyError::Empty);
    }
    let mut decimal = Decimal {
        digits: 0,
        decimals: 0,
    };
    let mut point = None;
    for (position, &byte) in bytes.iter().enumerate().skip(start) {
        match byte {
            b'0'..=b'9' => {
                if point.is_some() {
                    if decimal.decimals == max_decimals {
                        return Err(MoneyError::TooPrecise { max_decimals });
                    }
                    decimal.decimals += 1;
                } else if position == start + 1 && bytes[start] == b'0' {
                    return Err(MoneyError::LeadingZero);
                }
                decimal.digits = decimal
                    .digits
                    .checked_mul(10)
                    .and_then(|digits| digits.checked_add(u128::from(byte - b'0')))
                    .ok_or(MoneyError::TooLarge)?;
            }
            b'.' if position == start => return Err(MoneyError::MissingDigit { position }),
            b'.' if point.is_none() => point = Some(position),
            _ => {
                // All before it was ASCII, so this is where a character starts.
                let found = text[position..]
                    .chars()
                    .next()
                    .unwrap_or(char::REPLACEMENT_CHARACTER);
                return Err(MoneyError::InvalidCharacter { position, found });
            }
        }
    }
    if bytes.len() == start || bytes.ends_with(b".") {
        return Err(MoneyError::MissingDigit {
            position: bytes.len(),
        });
    }
    Ok(decimal)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{AssetCode, Scale};

    fn asset(scale: u8) -> Asset {
        Asset {
            code: AssetCode::literal("TEST"),
            scale: Scale::new(scale).unwrap(),
        }
    }

    #[test]
    fn good_text_parses_and_prints_canonically() {
        for (scale, text, atoms, canonical) in [
            (9, "0", 0, "0"),
            (9, "0.0", 0, "0"),
            (9, "0.000000001", 1, "0.000000001"),
            (9, "0.0025", 2_500_000, "0.0025"),
            (9, "12", 12_000_000_000, "12"),
            (9, "12.50", 12_500_000_000, "12.5"),
            (9, "10", 10_000_000_000, "10"),
            (
                9,
                "18446744073.709551615",
                u64::MAX,
                "18446744073.709551615",
            ),
            (2, "1.00", 100, "1"),
            (2, "0.05", 5, "0.05"),
            (0, "0", 0, "0"),
            (0, "100", 100, "100"),
            (0, "18446744073709551615", u64::MAX, "18446744073709551615"),
        ] {
            let asset = asset(scale);
            assert_eq!(asset.parse(text), Ok(Atoms(atoms)), "{text} at {scale}");
            assert_eq!(asset.format(Atoms(atoms)), canonical, "{atoms} at {scale}");
            assert_eq!(
                asset.parse_signed(text),
                Ok(i128::from(atoms)),
                "{text} at {scale}"
            );
        }
    }

    #[test]
    fn bad_text_is_refused_with_its_reason() {
        use MoneyError::*;
        let odd = |position, found| InvalidCharacter { position, found };
        for (scale, text, error) in [
            (9, "", Empty),
            (9, ".", MissingDigit { position: 0 }),
            (9, ".5", MissingDigit { position: 0 }),
            (9, "1.", MissingDigit { position: 2 }),
            (9, "0.", MissingDigit { position: 2 }),
            (9, "1..", odd(2, '.')),
            (9, "1.2.3", odd(3, '.')),
            (9, "00", LeadingZero),
            (9, "00.5", LeadingZero),
            (9, "01", LeadingZero),
            (9, "+1", odd(0, '+')),
            (9, "-1", odd(0, '-')),
            (9, " 1", odd(0, ' ')),
            (9, "1 ", odd(1, ' ')),
            (9, "1\n", odd(1, '\n')),
            (9, "1,5", odd(1, ',')),
            (9, "1_000", odd(1, '_')),
            (9, "1e3", odd(1, 'e')),
            (9, "0x1", odd(1, 'x')),
            (9, "NaN", odd(0, 'N')),
            (9, "\u{0663}", odd(0, '\u{0663}')),
            (9, "1\u{ff11}", odd(1, '\u{ff11}')),
            (9, "1\0", odd(1, '\0')),
            (9, "€1", odd(0, '€')),
            (2, "0.001", TooPrecise { max_decimals: 2 }),
            (2, "1.000", TooPrecise { max_decimals: 2 }),
            (0, "1.0", TooPrecise { max_decimals: 0 }),
            (9, "0.0000000000", TooPrecise { max_decimals: 9 }),
            (9, "18446744073.709551616", TooLarge),
            (9, "18446744074", TooLarge),
            (0, "18446744073709551616", TooLarge),
            (0, "340282366920938463463374607431768211456", TooLarge),
            (9, "340282366920938463463374607431768211455", TooLarge),
        ] {
            assert_eq!(asset(scale).parse(text), Err(error), "{text:?} at {scale}");
        }
    }

    #[test]
    fn signed_amounts_reach_both_ends() {
        for (scale, text, atoms) in [
            (1, "-1.5", -15),
            (1, "1.5", 15),
            (1, "0", 0),
            (0, "170141183460469231731687303715884105727", i128::MAX),
            (0, "-170141183460469231731687303715884105728", i128::MIN),
        ] {
            assert_eq!(asset(scale).parse_signed(text), Ok(atoms), "{text}");
            assert_eq!(asset(scale).format_signed(atoms), text);
        }
        for (text, error) in [
            ("", MoneyError::Empty),
            ("-", MoneyError::MissingDigit { position: 1 }),
            ("-.5", MoneyError::MissingDigit { position: 1 }),
            ("-1.", MoneyError::MissingDigit { position: 3 }),
            ("-0", MoneyError::NegativeZero),
            ("-0.0", MoneyError::NegativeZero),
            ("-00.5", MoneyError::LeadingZero),
            (
                "--1",
                MoneyError::InvalidCharacter {
                    position: 1,
                    found: '-',
                },
            ),
            (
                "+1",
                MoneyError::InvalidCharacter {
                    position: 0,
                    found: '+',
                },
            ),
            (
                "-1é",
                MoneyError::InvalidCharacter {
                    position: 2,
                    found: 'é',
                },
            ),
            ("-1.25", MoneyError::TooPrecise { max_decimals: 1 }),
        ] {
            assert_eq!(asset(1).parse_signed(text), Err(error), "{text:?}");
        }
        for text in [
            "170141183460469231731687303715884105728",
            "-170141183460469231731687303715884105729",
        ] {
            assert_eq!(
                asset(0).parse_signed(text),
                Err(MoneyError::TooLarge),
                "{text}"
            );
        }
    }

    #[test]
    fn atoms_add_and_subtract_or_say_no() {
        assert_eq!(Atoms(2).checked_add(Atoms(3)), Some(Atoms(5)));
        assert_eq!(Atoms::MAX.checked_add(Atoms(1)), None);
        assert_eq!(Atoms(3).checked_sub(Atoms(2)), Some(Atoms(1)));
        assert_eq!(Atoms(2).checked_sub(Atoms(3)), None);
        assert_eq!(Atoms(12).to_string(), "12");
        assert!(Atoms::ZERO.is_zero() && Atoms::default() == Atoms::ZERO);
        assert_eq!(serde_json::to_string(&Atoms(5)).unwrap(), "5");
    }
}
