//! Tax numbers of businesses: normalised, and checked by format and check digit.
//!
//! A number that passes here may still belong to nobody: only the authority knows (VIES, for member
//! states). The rules are facts published by the authorities; a test compares them with another
//! implementation, run as a process of its own.

mod digits;
mod elsewhere;
mod union;

use crate::place::Country;
use core::fmt;
use thiserror::Error;

/// What is wrong with a tax number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NumberError {
    /// Nothing is left once spaces and hyphens are taken away.
    #[error("no number was given")]
    Empty,
    /// The text does not start with a country, and none was named.
    #[error("it does not start with a country, such as DE; name the country")]
    NoCountry,
    /// Numbers of that country are not known here.
    #[error("tax numbers of {country} are not known here")]
    UnknownCountry {
        /// Which.
        country: Country,
    },
    /// A character that no number has, or not there.
    #[error("character {place} is {found:?}, where {expected} was expected")]
    Character {
        /// What was found.
        found: char,
        /// Where, from 1, after the country.
        place: usize,
        /// What belongs there.
        expected: &'static str,
    },
    /// Too short or too long.
    #[error("it has {found} characters after the country; {expected} were expected")]
    Length {
        /// How many it has.
        found: usize,
        /// What belongs there.
        expected: &'static str,
    },
    /// Its parts are not those of a number.
    #[error("{what}")]
    Part {
        /// What is wrong.
        what: &'static str,
    },
    /// The check digit is not what the other digits make.
    #[error("the check digit is wrong: a digit was mistyped")]
    CheckDigit,
}

impl NumberError {
    /// The stable name of the error. It never changes once released.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            NumberError::Empty => "tax_number_empty",
            NumberError::NoCountry => "tax_number_no_country",
            NumberError::UnknownCountry { .. } => "tax_number_unknown_country",
            NumberError::Character { .. } => "tax_number_character",
            NumberError::Length { .. } => "tax_number_length",
            NumberError::Part { .. } => "tax_number_part",
            NumberError::CheckDigit => "tax_number_check_digit",
        }
    }
}

type Checked = Result<(), NumberError>;

/// A tax number whose format and check digit are right.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaxNumber {
    country: Country,
    /// As it is written on invoices: with the prefix it has there, without spaces.
    text: String,
}

impl TaxNumber {
    /// The country whose number it is; `XI` is Northern Ireland.
    #[must_use]
    pub fn country(&self) -> Country {
        self.country
    }

    /// The number, as it is written on invoices.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for TaxNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

struct Kind {
    country: Country,
    /// What stands before the number on invoices; may be left out when the country is named.
    prefix: &'static str,
    /// What stands after it there.
    suffix: &'static [&'static str],
    check: fn(&str) -> Checked,
}

const fn kind(country: &str, prefix: &'static str, check: fn(&str) -> Checked) -> Kind {
    let country = Country::literal(country);
    Kind {
        country,
        prefix,
        suffix: &[],
        check,
    }
}

const fn ending(mut kind: Kind, suffix: &'static [&'static str]) -> Kind {
    kind.suffix = suffix;
    kind
}

const KINDS: &[Kind] = &[
    kind("AT", "AT", union::at),
    kind("BE", "BE", union::be),
    kind("BG", "BG", union::bg),
    kind("CY", "CY", union::cy),
    kind("CZ", "CZ", union::cz),
    kind("DE", "DE", union::de),
    kind("DK", "DK", union::dk),
    kind("EE", "EE", union::ee),
    kind("ES", "ES", union::es),
    kind("FI", "FI", union::fi),
    kind("FR", "FR", union::fr),
    kind("GR", "EL", union::gr),
    kind("HR", "HR", union::hr),
    kind("HU", "HU", union::hu),
    kind("IE", "IE", union::ie),
    kind("IT", "IT", union::it),
    kind("LT", "LT", union::lt),
    kind("LU", "LU", union::lu),
    kind("LV", "LV", union::lv),
    kind("MT", "MT", union::mt),
    kind("NL", "NL", union::nl),
    kind("PL", "PL", union::pl),
    kind("PT", "PT", union::pt),
    kind("RO", "RO", union::ro),
    kind("SE", "SE", union::se),
    kind("SI", "SI", union::si),
    kind("SK", "SK", union::sk),
    kind("GB", "GB", elsewhere::gb),
    kind("XI", "XI", elsewhere::gb),
    ending(
        kind("CH", "CHE", elsewhere::ch),
        &["MWST", "TVA", "IVA", "TPV"],
    ),
    ending(kind("NO", "", elsewhere::no), &["MVA"]),
    kind("KR", "", elsewhere::kr),
    kind("JP", "T", elsewhere::jp),
    kind("AU", "", elsewhere::au),
    kind("NZ", "", elsewhere::nz),
    kind("SG", "", elsewhere::sg),
    kind("IN", "", elsewhere::india),
];

/// The countries whose numbers are known here.
pub fn countries() -> impl Iterator<Item = Country> {
    KINDS.iter().map(|kind| kind.country)
}

/// Checks the number of a country. Spaces, hyphens, dots and slashes do not count, nor does case;
/// the country's prefix may stand before it.
///
/// # Errors
/// [`NumberError`] says what is wrong.
///
/// ```
/// use tax::{Country, number};
///
/// let germany: Country = "DE".parse()?;
/// let number = number::check(germany, "de 136 695 976").expect("right");
/// assert_eq!(number.as_str(), "DE136695976");
/// assert!(number::check(germany, "DE136695978").is_err());
/// # Ok::<(), tax::NotRead>(())
/// ```
pub fn check(country: Country, text: &str) -> Result<TaxNumber, NumberError> {
    check_clean(country, &clean(text)?)
}

/// Checks a number that starts with its country: `DE…`, `EL…`, `CHE…`, `T…` for Japan.
///
/// # Errors
/// [`NumberError`] says what is wrong.
pub fn check_prefixed(text: &str) -> Result<TaxNumber, NumberError> {
    let text = clean(text)?;
    let prefixed = |kind: &&Kind| {
        let code = kind.country.to_string();
        let by_prefix = !kind.prefix.is_empty() && text.starts_with(kind.prefix);
        // T is Japan's only before thirteen digits.
        let japan = kind.prefix != "T" || text[1..].bytes().all(|b| b.is_ascii_digit());
        by_prefix && japan || text.starts_with(&code)
    };
    let kind = KINDS.iter().find(prefixed).ok_or(NumberError::NoCountry)?;
    check_clean(kind.country, &text)
}

fn check_clean(country: Country, text: &str) -> Result<TaxNumber, NumberError> {
    let known = KINDS.iter().find(|kind| kind.country == country);
    let kind = known.ok_or(NumberError::UnknownCountry { country })?;
    let code = country.to_string();
    // The longest prefix that is there: CHE before CH. A number that is right as it stands keeps
    // what only looks like a prefix.
    let prefixes = [kind.prefix, code.as_str()].into_iter();
    let stripped = prefixes
        .filter(|prefix| !prefix.is_empty())
        .find_map(|prefix| text.strip_prefix(prefix))
        .unwrap_or(text);
    let mut suffixes = kind.suffix.iter();
    let bare = suffixes.find_map(|suffix| stripped.strip_suffix(suffix));
    let body = bare.unwrap_or(stripped);
    if body.is_empty() {
        return Err(NumberError::Empty);
    }
    let body = padded(country, body);
    (kind.check)(&body)?;
    let suffix = kind.suffix.first().copied().unwrap_or("");
    let text = format!("{}{body}{suffix}", kind.prefix);
    Ok(TaxNumber { country, text })
}

/// Numbers that are still seen without the zero that was put before them.
fn padded(country: Country, body: &str) -> String {
    let full = match &country.code() {
        b"BE" => 10,
        b"GR" => 9,
        _ => return body.to_owned(),
    };
    if body.len() + 1 == full {
        format!("0{body}")
    } else {
        body.to_owned()
    }
}

fn clean(text: &str) -> Result<String, NumberError> {
    let mut cleaned = String::with_capacity(text.len());
    for (at, found) in text.trim().chars().enumerate() {
        match found.to_ascii_uppercase() {
            ' ' | '-' | '.' | '/' | '\u{a0}' => {}
            kept @ ('A'..='Z' | '0'..='9' | '+' | '*') => cleaned.push(kept),
            _ => {
                let expected = "a letter or digit";
                return Err(NumberError::Character {
                    found,
                    place: at + 1,
                    expected,
                });
            }
        }
    }
    if cleaned.is_empty() {
        return Err(NumberError::Empty);
    }
    Ok(cleaned)
}

#[cfg(test)]
mod tests;
