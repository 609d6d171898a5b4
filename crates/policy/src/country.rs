//! Countries by their ISO 3166-1 alpha-2 codes.

use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A country; `ZZ` is unknown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Country([u8; 2]);

/// How many pairs of letters there are.
pub(crate) const PAIRS: usize = 26 * 26;

impl Country {
    /// Not known.
    pub const UNKNOWN: Country = Country(*b"ZZ");

    /// The country of two letters; anything else is unknown.
    #[must_use]
    pub const fn from_letters(letters: [u8; 2]) -> Country {
        if letters[0].is_ascii_uppercase() && letters[1].is_ascii_uppercase() {
            Country(letters)
        } else {
            Country::UNKNOWN
        }
    }

    /// The two letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or("ZZ")
    }

    /// A dense number of the pair of letters.
    #[inline]
    pub(crate) fn pair(self) -> usize {
        usize::from(self.0[0] - b'A') * 26 + usize::from(self.0[1] - b'A')
    }
}

impl FromStr for Country {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match <[u8; 2]>::try_from(text.as_bytes()) {
            Ok(letters) if text == "ZZ" || CODES.split(' ').any(|code| code == text) => {
                Ok(Country(letters))
            }
            _ => Err(format!("\"{text}\" is not a country of ISO 3166-1")),
        }
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Country {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(self.as_str())
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Country {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            let letters = <[u8; 2]>::deserialize(deserializer)?;
            return Ok(Country::from_letters(letters));
        }
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// The officially assigned codes.
const CODES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL \
BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK \
DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU \
GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ \
LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY \
MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU \
RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO \
TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_assigned_codes_and_unknown_are_countries() {
        assert_eq!(CODES.split(' ').count(), 249);
        for good in ["KR", "DE", "ZZ"] {
            assert_eq!(good.parse::<Country>().unwrap().as_str(), good);
        }
        for bad in ["", "K", "kr", "XX", "EU", "KOR", "UK"] {
            assert!(bad.parse::<Country>().is_err(), "{bad}");
        }
        assert_eq!(Country::from_letters(*b"k1"), Country::UNKNOWN);
        assert_eq!(Country::UNKNOWN.pair(), PAIRS - 1);
    }
}
