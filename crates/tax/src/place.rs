//! Countries, their regions, and which of them are one tax territory.
//!
//! A country is two letters of ISO 3166-1, parsed once; `EL` and `UK`, which tax law writes for `GR`
//! and `GB`, are read as those.

use core::fmt;
use core::num::NonZeroU16;
use core::str::FromStr;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A country, ISO 3166-1 alpha-2, or the union that legislates for several (`EU`).
///
/// Its letters as one number of the same order, which is never zero: perhaps a country is two bytes
/// too, and compared at once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country(NonZeroU16);

/// How many codes of two letters there are.
pub(crate) const CODES: usize = 26 * 26;

impl Country {
    /// The European Union, where a rule is the Union's.
    pub const EU: Country = Country::of(*b"EU");

    const fn of(letters: [u8; 2]) -> Country {
        match NonZeroU16::new(u16::from_be_bytes(letters)) {
            Some(number) => Country(number),
            None => panic!("letters are not zero"),
        }
    }

    /// Two capital letters, as ASCII bytes; `EL` is Greece and `UK` the United Kingdom.
    #[must_use]
    #[inline]
    pub const fn new(code: [u8; 2]) -> Option<Country> {
        if !code[0].is_ascii_uppercase() || !code[1].is_ascii_uppercase() {
            return None;
        }
        Some(match &code {
            b"EL" => Country::of(*b"GR"),
            b"UK" => Country::of(*b"GB"),
            _ => Country::of(code),
        })
    }

    /// A code written in the source.
    ///
    /// # Panics
    /// If it is not two capital letters.
    #[must_use]
    pub const fn literal(code: &str) -> Country {
        let bytes = code.as_bytes();
        assert!(bytes.len() == 2, "a country is two letters");
        match Country::new([bytes[0], bytes[1]]) {
            Some(country) => country,
            None => panic!("a country is two capital letters"),
        }
    }

    /// The two letters.
    #[must_use]
    #[inline]
    pub const fn code(self) -> [u8; 2] {
        self.number().to_be_bytes()
    }

    /// The two letters as a number, never zero.
    #[must_use]
    #[inline]
    pub const fn number(self) -> u16 {
        self.0.get()
    }

    /// Its number among all codes of two letters, below 676.
    #[inline]
    pub(crate) const fn index(self) -> usize {
        let [first, second] = self.code();
        (first - b'A') as usize * 26 + (second - b'A') as usize
    }

    /// The country whose VAT is charged there: Monaco is treated as France and the Isle of Man as the
    /// United Kingdom (Directive 2006/112/EC art. 7; for the Isle of Man since 2021, VATA 1994 and
    /// the Customs and Excise Agreement 1979). Northern Ireland (`XI`) is in the Union for goods
    /// only, so for services it is the United Kingdom (Protocol on Ireland/Northern Ireland art. 8).
    #[must_use]
    #[inline]
    pub const fn territory(self) -> Country {
        match &self.code() {
            b"MC" => Country::of(*b"FR"),
            b"IM" | b"XI" => Country::of(*b"GB"),
            _ => self,
        }
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(
            core::str::from_utf8(&self.code()).expect("ASCII, because `new` lets nothing else in"),
        )
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that names no country, region, date or category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{expected} was expected")]
pub struct NotRead {
    /// What the text should have been.
    pub expected: &'static str,
}

impl FromStr for Country {
    type Err = NotRead;

    fn from_str(text: &str) -> Result<Self, NotRead> {
        <[u8; 2]>::try_from(text.as_bytes())
            .ok()
            .and_then(Country::new)
            .ok_or(NotRead {
                expected: "a country of two capital letters, such as DE",
            })
    }
}

impl Serialize for Country {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() {
            to.collect_str(self)
        } else {
            self.code().serialize(to)
        }
    }
}

impl<'de> Deserialize<'de> for Country {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        if from.is_human_readable() {
            let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
            return text.parse().map_err(D::Error::custom);
        }
        let code = <[u8; 2]>::deserialize(from)?;
        Country::new(code).ok_or_else(|| D::Error::custom("not a country"))
    }
}

/// A place that has its own rate: a country, or a region of it, such as a Canadian province.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The country.
    pub country: Country,
    /// The two letters of ISO 3166-2 after the hyphen, or zeros for the country as a whole.
    pub region: [u8; 2],
}

impl Place {
    /// A country as a whole.
    #[must_use]
    #[inline]
    pub const fn country(country: Country) -> Place {
        let region = [0; 2];
        Place { country, region }
    }

    /// Whether it is a region.
    #[must_use]
    #[inline]
    pub const fn is_region(self) -> bool {
        self.region[0] != 0
    }
}

impl From<Country> for Place {
    fn from(country: Country) -> Place {
        Place::country(country)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_region() {
            return fmt::Display::fmt(&self.country, f);
        }
        let region = core::str::from_utf8(&self.region).unwrap_or("??");
        f.pad(&format!("{}-{region}", self.country))
    }
}

impl FromStr for Place {
    type Err = NotRead;

    /// `DE`, or `CA-QC`.
    fn from_str(text: &str) -> Result<Self, NotRead> {
        let Some((country, region)) = text.split_once('-') else {
            return Ok(Place::country(text.parse()?));
        };
        let region = <[u8; 2]>::try_from(region.as_bytes())
            .ok()
            .filter(|region| region.iter().all(u8::is_ascii_uppercase))
            .ok_or(NotRead {
                expected: "a region of two capital letters after its country, such as CA-QC",
            })?;
        let country = country.parse()?;
        Ok(Place { country, region })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_read_once_and_has_one_spelling() {
        for (text, expected) in [
            ("DE", Some("DE")),
            ("EL", Some("GR")),
            ("UK", Some("GB")),
            ("de", None),
            ("DEU", None),
            ("", None),
            ("D1", None),
        ] {
            let read = text.parse::<Country>().ok().map(|c| c.to_string());
            assert_eq!(read.as_deref(), expected, "{text}");
        }
        assert_eq!(Country::literal("MC").territory(), Country::literal("FR"));
        assert_eq!(Country::literal("XI").territory(), Country::literal("GB"));
    }

    #[test]
    fn a_place_is_a_country_or_a_region_of_it() {
        let quebec: Place = "CA-QC".parse().unwrap();
        assert_eq!(quebec.to_string(), "CA-QC");
        assert!(quebec.is_region());
        assert_eq!("CA".parse(), Ok(Place::country(Country::literal("CA"))));
        assert!("CA-Q".parse::<Place>().is_err());
    }

    #[test]
    fn a_country_is_text_where_people_read_and_two_bytes_elsewhere() {
        let de = Country::literal("DE");
        assert_eq!(serde_json::to_string(&de).unwrap(), "\"DE\"");
        assert_eq!(
            serde_json::from_str::<Country>("\"EL\"")
                .unwrap()
                .to_string(),
            "GR"
        );
        let bytes = postcard::to_allocvec(&de).unwrap();
        assert_eq!(bytes, b"DE");
        assert_eq!(postcard::from_bytes::<Country>(&bytes).unwrap(), de);
        assert!(postcard::from_bytes::<Country>(b"d1").is_err());
    }
}
