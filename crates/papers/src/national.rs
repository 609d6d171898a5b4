//! What Japan and South Korea want on a paper besides, and where a simplified invoice will do.

use money::Asset;

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

/// Up to how much a simplified invoice will do: in whole units of the currency, tax within.
struct Threshold {
    country: &'static str,
    currency: &'static str,
    units: i64,
}

const fn up_to(country: &'static str, units: i64, currency: &'static str) -> Threshold {
    Threshold {
        country,
        currency,
        units,
    }
}

/// Countries that allow more than the Directive's EUR 100 (art. 220a(1)(a), 238): § 33 UStDV (DE),
/// § 11(6) UStG (AT), DM 10 May 2019 (IT), art. 4 RD 1619/2012 (ES), reg. 16 SI 1995/2518 (GB),
/// art. 26(3) MWSTG (CH).
const THRESHOLDS: &[Threshold] = &[
    up_to("AT", 400, "EUR"),
    up_to("CH", 400, "CHF"),
    up_to("DE", 250, "EUR"),
    up_to("ES", 400, "EUR"),
    up_to("GB", 250, "GBP"),
    up_to("IT", 400, "EUR"),
];

const UNION: &[&str] = &[
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT",
    "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
];

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
    let known = THRESHOLDS.iter().find(|row| row.country == country);
    let (units, currency) = match known {
        Some(row) => (row.units, row.currency),
        None if UNION.contains(&country) => (100, "EUR"),
        None => return false,
    };
    let per_unit = 10_i64.pow(u32::from(gross.digits()));
    let is_reverse = |treatment| treatment == Treatment::ReverseCharge;
    asset.code.as_str() == currency
        && gross.units() <= units * per_unit
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
