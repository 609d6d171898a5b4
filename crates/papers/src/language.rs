//! The five languages of the papers, and how each writes dates and numbers.

use core::fmt;
use core::str::FromStr;

use money::{Asset, Ppm};
use serde::{Deserialize, Serialize};

use crate::{Date, Minor, PaperError};

/// A language of the labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Korean.
    Ko,
    /// Japanese.
    Ja,
    /// German.
    De,
    /// French.
    Fr,
}

impl Language {
    /// All of them.
    pub const ALL: [Language; 5] = [
        Language::En,
        Language::Ko,
        Language::Ja,
        Language::De,
        Language::Fr,
    ];

    /// Its ISO 639-1 code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Language::En => "en",
            Language::Ko => "ko",
            Language::Ja => "ja",
            Language::De => "de",
            Language::Fr => "fr",
        }
    }

    /// The best of these for an `Accept-Language` header, if it names one: by weight, and of equals
    /// the first.
    ///
    /// ```
    /// use papers::Language;
    ///
    /// assert_eq!(Language::accepted("it, de-AT;q=0.8, en;q=0.5"), Some(Language::De));
    /// assert_eq!(Language::accepted("it"), None);
    /// ```
    #[must_use]
    pub fn accepted(header: &str) -> Option<Language> {
        let mut best: Option<(u32, Language)> = None;
        for item in header.split(',') {
            let mut parts = item.split(';').map(str::trim);
            let Some(language) = parts.next().and_then(|tag| tag.parse().ok()) else {
                continue;
            };
            let weight = parts
                .find_map(|part| part.strip_prefix("q="))
                .map_or(1000, weight);
            if weight > 0 && best.is_none_or(|(most, _)| weight > most) {
                best = Some((weight, language));
            }
        }
        best.map(|(_, language)| language)
    }

    /// A day as it is written.
    #[must_use]
    pub fn date(self, date: Date) -> String {
        let (year, month, day) = (date.year(), date.month(), date.day());
        match self {
            Language::En => date.to_string(),
            Language::De => format!("{day:02}.{month:02}.{year}"),
            Language::Fr => format!("{day:02}/{month:02}/{year}"),
            Language::Ja => format!("{year}年{month}月{day}日"),
            Language::Ko => format!("{year}. {month}. {day}."),
        }
    }

    /// An amount in minor units, with the currency after it.
    #[must_use]
    pub fn amount(self, minor: Minor, asset: &Asset) -> String {
        format!("{}\u{a0}{}", self.number(&minor.to_string()), asset.code)
    }

    /// A percentage, such as `5.5 %`.
    #[must_use]
    pub fn percent(self, rate: Ppm) -> String {
        let space = match self {
            Language::De | Language::Fr => "\u{a0}",
            Language::En | Language::Ko | Language::Ja => "",
        };
        format!("{}{space}%", self.number(&percent(rate)))
    }

    /// A canonical decimal number, with this language's marks.
    #[must_use]
    pub fn number(self, canonical: &str) -> String {
        let (group, point) = match self {
            Language::En | Language::Ko | Language::Ja => (",", '.'),
            Language::De => (".", ','),
            Language::Fr => ("\u{a0}", ','),
        };
        let (sign, digits) = match canonical.strip_prefix('-') {
            Some(digits) => ("\u{2212}", digits),
            None => ("", canonical),
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let mut text = sign.to_owned();
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at).is_multiple_of(3) {
                text.push_str(group);
            }
            text.push(digit);
        }
        if !part.is_empty() {
            text.push(point);
            text.push_str(part);
        }
        text
    }
}

/// Thousandths of a weight such as `0.8`; what is none counts as nothing.
fn weight(text: &str) -> u32 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let thousandths = format!("{part:0<3}");
    let part = thousandths
        .get(..3)
        .and_then(|part| part.parse::<u32>().ok());
    match (whole, part) {
        ("1", Some(_)) => 1000,
        ("0", Some(part)) => part,
        _ => 0,
    }
}

/// A rate as a canonical percentage: `5.5`, `19`.
#[must_use]
pub fn percent(rate: Ppm) -> String {
    let ppm = rate.get();
    let (whole, part) = (ppm / 10_000, ppm % 10_000);
    if part == 0 {
        return whole.to_string();
    }
    let text = format!("{whole}.{part:04}");
    text.trim_end_matches('0').to_owned()
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Language {
    type Err = PaperError;

    /// Reads a tag of BCP 47 by its first part: `de-CH` is German.
    fn from_str(tag: &str) -> Result<Language, PaperError> {
        let primary = tag.split('-').next().unwrap_or_default();
        let found = Language::ALL.into_iter();
        let mut found = found.filter(|language| primary.eq_ignore_ascii_case(language.as_str()));
        let unknown = || PaperError::UnknownLanguage(tag.chars().take(20).collect());
        found.next().ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_writes_numbers_and_days_its_own_way() {
        let day: Date = "2026-03-05".parse().unwrap();
        let eur = Asset::known("EUR").unwrap();
        let amount = Minor::new(-123_456_789, 2);
        let rate = Ppm::new(55_000).unwrap();
        for (language, date, number, percent) in [
            (Language::En, "2026-03-05", "−1,234,567.89\u{a0}EUR", "5.5%"),
            (
                Language::Ko,
                "2026. 3. 5.",
                "−1,234,567.89\u{a0}EUR",
                "5.5%",
            ),
            (
                Language::Ja,
                "2026年3月5日",
                "−1,234,567.89\u{a0}EUR",
                "5.5%",
            ),
            (
                Language::De,
                "05.03.2026",
                "−1.234.567,89\u{a0}EUR",
                "5,5\u{a0}%",
            ),
            (
                Language::Fr,
                "05/03/2026",
                "−1\u{a0}234\u{a0}567,89\u{a0}EUR",
                "5,5\u{a0}%",
            ),
        ] {
            assert_eq!(language.date(day), date);
            assert_eq!(language.amount(amount, &eur), number);
            assert_eq!(language.percent(rate), percent);
        }
    }

    #[test]
    fn accepted_languages_go_by_weight() {
        for (header, language) in [
            ("de", Some(Language::De)),
            ("fr-CH, fr;q=0.9, en;q=0.8", Some(Language::Fr)),
            ("en;q=0.5, ja;q=0.75", Some(Language::Ja)),
            ("ko;q=0, en;q=0.1", Some(Language::En)),
            ("KO-kr", Some(Language::Ko)),
            ("*", None),
            ("", None),
            ("de;q=x", None),
        ] {
            assert_eq!(Language::accepted(header), language, "{header}");
        }
    }

    #[test]
    fn rates_are_percentages() {
        for (ppm, text) in [
            (190_000, "19"),
            (55_000, "5.5"),
            (0, "0"),
            (81_250, "8.125"),
        ] {
            assert_eq!(percent(Ppm::new(ppm).unwrap()), text);
        }
    }
}
