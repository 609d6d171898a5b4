//! What Japan and South Korea want on a paper besides, and where a simplified invoice will do.

use money::Asset;
use serde::Serialize;

use crate::facts::Treatment;
use crate::{Minor, PaperError};

/// Checks the form of a registration number of Japan's qualified invoice system: `T` and 13 digits
/// (Consumption Tax Act art. 57-2 and 57-4). Whether it belongs to anybody is for the tax service.
///
/// # Errors
/// [`PaperError::NotQualified`].
pub fn qualified(number: &str) -> Result<(), PaperError> {
    let digits = number.strip_prefix('T').unwrap_or_default();
    if digits.len() == 13 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(())
    } else {
        Err(PaperError::NotQualified(number.chars().take(20).collect()))
    }
}

/// Japan's reduced rate: a line at it is marked (Consumption Tax Act art. 57-4(1)(iii)).
pub const JAPAN_REDUCED_PPM: u32 = 80_000;

/// How certain a threshold is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// The act's own text was read.
    Official,
    /// A commentary or another publication of the text was read.
    Secondary,
}

/// Up to how much a simplified invoice will do, tax within, and who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Threshold {
    /// ISO 3166 alpha-2; `EU` for member states that set no other.
    pub country: &'static str,
    /// The currency.
    pub currency: &'static str,
    /// Whole units of it.
    pub units: i64,
    /// The act and article.
    pub act: &'static str,
    /// Where it was read.
    pub link: &'static str,
    /// How certain it is.
    pub certainty: Certainty,
    /// When it was read.
    pub checked: &'static str,
}

const fn up_to(
    (country, units, currency): (&'static str, i64, &'static str),
    act: &'static str,
    (certainty, link): (Certainty, &'static str),
) -> Threshold {
    Threshold {
        country,
        currency,
        units,
        act,
        link,
        certainty,
        checked: "2026-11-23",
    }
}

/// The thresholds. Those of the Directive are between EUR 100 and 400 (art. 220a, 238). Spain's
/// EUR 3,000 is for retail, catering, transport and the like (art. 4(2)), and not applied;
/// Switzerland's is for receipts of tills.
pub const THRESHOLDS: &[Threshold] = &[
    up_to(
        ("AT", 400, "EUR"),
        "UStG 1994 § 11 Abs. 6",
        (
            Certainty::Secondary,
            "https://www.freefinance.at/fakturierung/kleinbetragsrechnung.html",
        ),
    ),
    up_to(
        ("CH", 400, "CHF"),
        "MWSTG (SR 641.20) Art. 26 Abs. 3, MWSTV (SR 641.201) Art. 57",
        (
            Certainty::Secondary,
            "https://droit-bilingue.ch/de-it/6/64/641.201-57-71.html",
        ),
    ),
    up_to(
        ("DE", 250, "EUR"),
        "UStDV § 33",
        (
            Certainty::Secondary,
            "https://www.kmlz.de/en/Newsletter_13_2017",
        ),
    ),
    up_to(
        ("ES", 400, "EUR"),
        "Real Decreto 1619/2012 art. 4.1.a",
        (
            Certainty::Secondary,
            "https://riojasalud.es/salud-publica-consumo/consumo/el-rincon-del-consumidor/articulos/la-factura",
        ),
    ),
    up_to(
        ("EU", 100, "EUR"),
        "Directive 2006/112/EC art. 220a(1)(a)",
        (
            Certainty::Secondary,
            "https://datenbank.nwb.de/Dokument/452295_Article220a",
        ),
    ),
    up_to(
        ("GB", 250, "GBP"),
        "SI 1995/2518 reg. 16A",
        (
            Certainty::Official,
            "https://www.legislation.gov.uk/uksi/1995/2518/regulation/16A",
        ),
    ),
    up_to(
        ("IT", 400, "EUR"),
        "DPR 633/1972 art. 21-bis, DM 10 May 2019 art. 1",
        (
            Certainty::Secondary,
            "https://www.fiscoetasse.com/rassegna-stampa/26855-fatture-semplificate-fino-a-400-euro-decreto-in-gazzetta.html",
        ),
    ),
];

const UNION: &[&str] = &[
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT",
    "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
];

/// The threshold of sellers of a country; none where no rule is known here.
#[must_use]
pub fn threshold(country: &str) -> Option<&'static Threshold> {
    let of = |country: &str| THRESHOLDS.iter().find(|row| row.country == country);
    of(country).or_else(|| UNION.contains(&country).then(|| of("EU")).flatten())
}

/// Whether a simplified invoice will do for a paper of that gross amount by a seller of that
/// country. Where the buyer accounts for the tax it never does (Directive 2006/112/EC art. 220a(2)).
/// In a currency other than the threshold's, and in countries whose rule is not known here: no.
#[must_use]
pub fn may_be_simplified(
    country: &str,
    gross: Minor,
    asset: &Asset,
    treatments: impl IntoIterator<Item = Treatment>,
) -> bool {
    let Some(threshold) = threshold(country) else {
        return false;
    };
    let per_unit = 10_i64.pow(u32::from(gross.digits()));
    let is_reverse = |treatment| treatment == Treatment::ReverseCharge;
    asset.code.as_str() == threshold.currency
        && gross.units() <= threshold.units * per_unit
        && !treatments.into_iter().any(is_reverse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registration_numbers_have_their_form() {
        assert_eq!(qualified("T1234567890123"), Ok(()));
        for bad in [
            "1234567890123",
            "T123456789012",
            "T12345678901234",
            "T123456789012X",
            "",
        ] {
            assert!(qualified(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_threshold_names_its_act_once_and_where_it_was_read() {
        let mut countries: Vec<&str> = THRESHOLDS.iter().map(|row| row.country).collect();
        for row in THRESHOLDS {
            assert!(row.units >= 100 && !row.act.is_empty(), "{row:?}");
            assert!(row.link.starts_with("https://"), "{row:?}");
            assert!(row.checked.parse::<crate::Date>().is_ok(), "{row:?}");
        }
        countries.dedup();
        assert_eq!(countries.len(), THRESHOLDS.len());
        assert_eq!(threshold("FR").map(|row| row.units), Some(100));
        assert_eq!(threshold("US"), None);
    }

    #[test]
    fn simplified_invoices_end_at_the_countrys_threshold() {
        use Treatment::*;
        for (country, cents, currency, treatment, is_enough) in [
            ("DE", 25_000, "EUR", Taxed, true),
            ("DE", 25_001, "EUR", Taxed, false),
            ("FR", 10_000, "EUR", Taxed, true),
            ("FR", 10_001, "EUR", Taxed, false),
            ("FR", 100, "EUR", ReverseCharge, false),
            ("FR", 100, "USD", Taxed, false),
            ("GB", 25_000, "GBP", ZeroRated, true),
            ("US", 1, "USD", OutOfScope, false),
        ] {
            let asset = Asset::known(currency).unwrap();
            let found = may_be_simplified(country, Minor::new(cents, 2), &asset, [treatment]);
            assert_eq!(found, is_enough, "{country} {cents} {currency}");
        }
    }
}
