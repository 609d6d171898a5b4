//! What an amount is an amount of: a code and a number of decimals.
//!
//! - A code is 2 to 8 characters, A-Z and 0-9, the first a letter.
//! - A scale is 0 to 9.
//! - Both are checked when they are made, also by serde, and never again.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::MoneyError;
use crate::currencies;

/// The name of an asset: 2 to 8 characters A-Z and 0-9, starting with a letter.
///
/// It is eight bytes, copied freely, ordered as its text is. Serde sees a string.
///
/// ```
/// use money::AssetCode;
///
/// const EUR: AssetCode = AssetCode::literal("EUR");
/// assert_eq!(AssetCode::new("EUR")?, EUR);
/// assert_eq!(EUR.as_str(), "EUR");
/// # Ok::<(), money::MoneyError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssetCode([u8; 8]); // The text, then zero bytes.

impl AssetCode {
    /// Reads a code.
    ///
    /// # Errors
    /// [`MoneyError::InvalidAssetCode`] if the text is not 2 to 8 characters A-Z and 0-9 that start
    /// with a letter. Lower case is not corrected.
    pub const fn new(text: &str) -> Result<Self, MoneyError> {
        let text = text.as_bytes();
        if text.len() < 2 || text.len() > 8 || !text[0].is_ascii_uppercase() {
            return Err(MoneyError::InvalidAssetCode);
        }
        let mut bytes = [0; 8];
        let mut index = 0;
        while index < text.len() {
            let byte = text[index];
            if !byte.is_ascii_uppercase() && !byte.is_ascii_digit() {
                return Err(MoneyError::InvalidAssetCode);
            }
            bytes[index] = byte;
            index += 1;
        }
        Ok(Self(bytes))
    }

    /// A code written in the source, checked when a `const` is compiled.
    ///
    /// # Panics
    /// If the text is not a code. For text from outside use [`AssetCode::new`].
    pub const fn literal(text: &str) -> Self {
        match Self::new(text) {
            Ok(code) => code,
            Err(_) => panic!("not an asset code: 2 to 8 characters A-Z and 0-9, a letter first"),
        }
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        let length = self.0.iter().position(|&byte| byte == 0).unwrap_or(8);
        core::str::from_utf8(&self.0[..length]).expect("ASCII, because `new` lets nothing else in")
    }
}

impl FromStr for AssetCode {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        Self::new(text)
    }
}

impl fmt::Display for AssetCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for AssetCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AssetCode").field(&self.as_str()).finish()
    }
}

impl Serialize for AssetCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for AssetCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl de::Visitor<'_> for Text {
            type Value = AssetCode;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an asset code such as \"EUR\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<AssetCode, E> {
                AssetCode::new(text).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Text)
    }
}

/// How many decimals an asset has: 0 to 9. One unit is 10^scale atoms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Scale(u8);

impl Scale {
    /// The most decimals an asset may have: 9.
    pub const MAX: Self = Self(9);

    /// A scale of that many decimals.
    ///
    /// # Errors
    /// [`MoneyError::InvalidScale`] above 9.
    pub const fn new(decimals: u8) -> Result<Self, MoneyError> {
        if decimals > Self::MAX.0 {
            return Err(MoneyError::InvalidScale { found: decimals });
        }
        Ok(Self(decimals))
    }

    /// The number of decimals, 0 to 9.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// How many atoms make one unit: 1 to 1 000 000 000.
    pub const fn atoms_per_unit(self) -> u64 {
        10_u64.pow(self.0 as u32)
    }
}

impl TryFrom<u8> for Scale {
    type Error = MoneyError;

    fn try_from(decimals: u8) -> Result<Self, MoneyError> {
        Self::new(decimals)
    }
}

impl From<Scale> for u8 {
    fn from(scale: Scale) -> Self {
        scale.get()
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A thing that amounts are counted in: a currency, a stablecoin, points.
///
/// The same code with another scale is another asset: amounts of the two do not mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Asset {
    /// Its name.
    pub code: AssetCode,
    /// Its number of decimals.
    pub scale: Scale,
}

impl Asset {
    /// The asset Farthing means by a code, if it knows it: the active currencies of ISO 4217,
    /// `USDC`, `USDT` and `EURC` (6 decimals) and `POINTS` (2 decimals).
    ///
    /// A national currency's scale is the one that makes its atom worth about a billionth of a
    /// dollar; the table and its rule are in `currencies.rs`. A scale never changes, whatever
    /// becomes of the currency: amounts in journals depend on it.
    ///
    /// ```
    /// use money::Asset;
    ///
    /// assert_eq!(Asset::known("JPY").map(|asset| asset.scale.get()), Some(7));
    /// assert_eq!(Asset::known("jpy"), None);
    /// ```
    pub fn known(code: &str) -> Option<Self> {
        currencies::find(code).map(|row| row.asset())
    }

    /// Every asset that [`Asset::known`] knows, in the order of their codes.
    pub fn all_known() -> impl Iterator<Item = Self> {
        currencies::TABLE.iter().map(|row| row.asset())
    }

    /// How many decimals payment rails settle in: the exponent of ISO 4217 (KRW 0, EUR 2, KWD 3),
    /// and for every other asset its own scale.
    pub fn minor_unit_digits(&self) -> u8 {
        currencies::find(self.code.as_str()).map_or(self.scale.get(), |row| row.minor_unit_digits)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_two_to_eight_capitals_and_digits_after_a_letter() {
        for good in ["EU", "EUR", "X4", "POINTS", "ABCDEFG8"] {
            let code: AssetCode = good.parse().unwrap();
            assert_eq!((code.as_str(), code.to_string().as_str()), (good, good));
        }
        for bad in [
            "",
            "E",
            "eur",
            "Eur",
            "4EU",
            "EUR ",
            "E-R",
            "ÉUR",
            "EU\0",
            "ABCDEFGH9",
        ] {
            assert_eq!(
                AssetCode::new(bad),
                Err(MoneyError::InvalidAssetCode),
                "{bad:?}"
            );
        }
        assert_eq!(
            format!("{:?}", AssetCode::literal("EUR")),
            r#"AssetCode("EUR")"#
        );
        assert!(AssetCode::literal("EU") < AssetCode::literal("EUR"));
        assert!(AssetCode::literal("EUR") < AssetCode::literal("USD"));
    }

    #[test]
    fn scales_are_zero_to_nine() {
        assert_eq!(Scale::new(0).unwrap().atoms_per_unit(), 1);
        assert_eq!(Scale::new(9).unwrap().atoms_per_unit(), 1_000_000_000);
        assert_eq!(Scale::new(10), Err(MoneyError::InvalidScale { found: 10 }));
    }

    #[test]
    fn known_assets_have_the_scales_of_the_design() {
        for (code, scale, minor) in [
            ("EUR", 9, 2),
            ("USD", 9, 2),
            ("GBP", 9, 2),
            ("KRW", 7, 0),
            ("JPY", 7, 0),
            ("IDR", 5, 2),
            ("VND", 5, 0),
            ("INR", 8, 2),
            ("KWD", 9, 3),
            ("NGN", 7, 2),
            ("CLP", 7, 0),
            ("USDC", 6, 6),
            ("USDT", 6, 6),
            ("EURC", 6, 6),
            ("POINTS", 2, 2),
        ] {
            let asset = Asset::known(code).unwrap();
            let found = (
                asset.code.as_str(),
                asset.scale.get(),
                asset.minor_unit_digits(),
            );
            assert_eq!(found, (code, scale, minor));
        }
        for unknown in ["", "eur", "XXX", "XAU", "HRK", "BGN", "EURO", "ZZZZZZZZZ"] {
            assert_eq!(Asset::known(unknown), None, "{unknown}");
        }
        let own = Asset {
            code: AssetCode::literal("GOLD"),
            scale: Scale::new(4).unwrap(),
        };
        assert_eq!(own.minor_unit_digits(), 4);
    }

    #[test]
    fn serde_checks_what_it_reads() {
        let eur = Asset::known("EUR").unwrap();
        let json = serde_json::to_string(&eur).unwrap();
        assert_eq!(json, r#"{"code":"EUR","scale":9}"#);
        assert_eq!(serde_json::from_str::<Asset>(&json).unwrap(), eur);
        let bytes = postcard::to_allocvec(&eur).unwrap();
        assert_eq!(postcard::from_bytes::<Asset>(&bytes).unwrap(), eur);
        for bad in [
            r#"{"code":"eur","scale":9}"#,
            r#"{"code":"EUR","scale":10}"#,
            r#"{"code":1,"scale":9}"#,
        ] {
            assert!(serde_json::from_str::<Asset>(bad).is_err(), "{bad}");
        }
    }
}
