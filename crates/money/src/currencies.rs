//! The assets known by name: one table of facts.
//!
//! - Codes and minor units are those of ISO 4217 "List one" (kept by SIX). Left out are its codes
//!   that nobody is paid in: metals, bond-market and IMF units, funds codes (`CLF`, `UYW`, `USN`,
//!   ...), `XTS` and `XXX`, and currencies that have been withdrawn (`HRK`, `BGN`, `ANG`, `ZWL`).
//! - Our scale follows from what one unit is roughly worth in US dollars (2025), so that the atom is
//!   worth about a billionth of a dollar (from 10^-11 to 4 * 10^-9) and `u64::MAX` atoms well over
//!   100 million dollars:
//!
//!   | one unit is worth | decimals |
//!   |---|---|
//!   | 0.10 or more | 9 |
//!   | 0.01 or more | 8 |
//!   | 0.0005 or more | 7 |
//!   | 0.0001 or more | 6 |
//!   | less | 5 |
//!
//! - Tokens have the decimals of their contracts: 6. `POINTS` has 2, so that rewards on small
//!   payments can give a hundredth of a point.
//! - **A row that has been released never changes.** Amounts in journals are counted in its atoms;
//!   a currency that is revalued comes back under a new code.

use crate::{Asset, AssetCode, Scale};

/// One known asset.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    code: AssetCode,
    /// The decimals that payment rails settle in.
    pub(crate) minor_unit_digits: u8,
    scale: Scale,
}

impl Row {
    pub(crate) const fn asset(&self) -> Asset {
        Asset {
            code: self.code,
            scale: self.scale,
        }
    }
}

/// The row of a code, if there is one.
pub(crate) fn find(code: &str) -> Option<&'static Row> {
    let index = TABLE
        .binary_search_by(|row| row.code.as_str().cmp(code))
        .ok()?;
    TABLE.get(index)
}

/// Checked when it is compiled: a bad code or scale is no program.
const fn row(code: &str, minor_unit_digits: u8, scale: u8) -> Row {
    assert!(
        minor_unit_digits <= scale,
        "a minor unit must be a whole number of atoms"
    );
    let scale = match Scale::new(scale) {
        Ok(scale) => scale,
        Err(_) => panic!("a scale is 0 to 9"),
    };
    Row {
        code: AssetCode::literal(code),
        minor_unit_digits,
        scale,
    }
}

/// Code, minor-unit digits, our decimals; in the order of the codes.
pub(crate) static TABLE: &[Row] = &[
    row("AED", 2, 9),
    row("AFN", 2, 8),
    row("ALL", 2, 8),
    row("AMD", 2, 7),
    row("AOA", 2, 7),
    row("ARS", 2, 7),
    row("AUD", 2, 9),
    row("AWG", 2, 9),
    row("AZN", 2, 9),
    row("BAM", 2, 9),
    row("BBD", 2, 9),
    row("BDT", 2, 7),
    row("BHD", 3, 9),
    row("BIF", 0, 6),
    row("BMD", 2, 9),
    row("BND", 2, 9),
    row("BOB", 2, 9),
    row("BRL", 2, 9),
    row("BSD", 2, 9),
    row("BTN", 2, 8),
    row("BWP", 2, 8),
    row("BYN", 2, 9),
    row("BZD", 2, 9),
    row("CAD", 2, 9),
    row("CDF", 2, 6),
    row("CHF", 2, 9),
    row("CLP", 0, 7),
    row("CNY", 2, 9),
    row("COP", 2, 6),
    row("CRC", 2, 7),
    row("CUP", 2, 8),
    row("CVE", 2, 8),
    row("CZK", 2, 8),
    row("DJF", 0, 7),
    row("DKK", 2, 9),
    row("DOP", 2, 8),
    row("DZD", 2, 7),
    row("EGP", 2, 8),
    row("ERN", 2, 8),
    row("ETB", 2, 7),
    row("EUR", 2, 9),
    row("EURC", 6, 6),
    row("FJD", 2, 9),
    row("FKP", 2, 9),
    row("GBP", 2, 9),
    row("GEL", 2, 9),
    row("GHS", 2, 8),
    row("GIP", 2, 9),
    row("GMD", 2, 8),
    row("GNF", 0, 6),
    row("GTQ", 2, 9),
    row("GYD", 2, 7),
    row("HKD", 2, 9),
    row("HNL", 2, 8),
    row("HTG", 2, 7),
    row("HUF", 2, 7),
    row("IDR", 2, 5),
    row("ILS", 2, 9),
    row("INR", 2, 8),
    row("IQD", 3, 7),
    row("IRR", 2, 5),
    row("ISK", 0, 7),
    row("JMD", 2, 7),
    row("JOD", 3, 9),
    row("JPY", 0, 7),
    row("KES", 2, 7),
    row("KGS", 2, 8),
    row("KHR", 2, 6),
    row("KMF", 0, 7),
    row("KPW", 2, 7),
    row("KRW", 0, 7),
    row("KWD", 3, 9),
    row("KYD", 2, 9),
    row("KZT", 2, 7),
    row("LAK", 2, 5),
    row("LBP", 2, 5),
    row("LKR", 2, 7),
    row("LRD", 2, 7),
    row("LSL", 2, 8),
    row("LYD", 3, 9),
    row("MAD", 2, 9),
    row("MDL", 2, 8),
    row("MGA", 2, 6),
    row("MKD", 2, 8),
    row("MMK", 2, 6),
    row("MNT", 2, 6),
    row("MOP", 2, 9),
    row("MRU", 2, 8),
    row("MUR", 2, 8),
    row("MVR", 2, 8),
    row("MWK", 2, 7),
    row("MXN", 2, 8),
    row("MYR", 2, 9),
    row("MZN", 2, 8),
    row("NAD", 2, 8),
    row("NGN", 2, 7),
    row("NIO", 2, 8),
    row("NOK", 2, 9),
    row("NPR", 2, 7),
    row("NZD", 2, 9),
    row("OMR", 3, 9),
    row("PAB", 2, 9),
    row("PEN", 2, 9),
    row("PGK", 2, 9),
    row("PHP", 2, 8),
    row("PKR", 2, 7),
    row("PLN", 2, 9),
    row("POINTS", 2, 2),
    row("PYG", 0, 6),
    row("QAR", 2, 9),
    row("RON", 2, 9),
    row("RSD", 2, 7),
    row("RUB", 2, 8),
    row("RWF", 0, 7),
    row("SAR", 2, 9),
    row("SBD", 2, 9),
    row("SCR", 2, 8),
    row("SDG", 2, 7),
    row("SEK", 2, 9),
    row("SGD", 2, 9),
    row("SHP", 2, 9),
    row("SLE", 2, 8),
    row("SOS", 2, 7),
    row("SRD", 2, 8),
    row("SSP", 2, 6),
    row("STN", 2, 8),
    row("SVC", 2, 9),
    row("SYP", 2, 5),
    row("SZL", 2, 8),
    row("THB", 2, 8),
    row("TJS", 2, 9),
    row("TMT", 2, 9),
    row("TND", 3, 9),
    row("TOP", 2, 9),
    row("TRY", 2, 8),
    row("TTD", 2, 9),
    row("TWD", 2, 8),
    row("TZS", 2, 6),
    row("UAH", 2, 8),
    row("UGX", 0, 6),
    row("USD", 2, 9),
    row("USDC", 6, 6),
    row("USDT", 6, 6),
    row("UYU", 2, 8),
    row("UZS", 2, 5),
    row("VED", 2, 7),
    row("VES", 2, 7),
    row("VND", 0, 5),
    row("VUV", 0, 7),
    row("WST", 2, 9),
    row("XAF", 0, 7),
    row("XCD", 2, 9),
    row("XCG", 2, 9),
    row("XOF", 0, 7),
    row("XPF", 0, 7),
    row("YER", 2, 7),
    row("ZAR", 2, 8),
    row("ZMW", 2, 8),
    row("ZWG", 2, 8),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_every_row_can_be_found() {
        assert!(TABLE.is_sorted_by(|a, b| a.code < b.code));
        for row in TABLE {
            assert_eq!(
                find(row.code.as_str()).map(|found| found.asset()),
                Some(row.asset())
            );
        }
    }

    #[test]
    fn the_table_has_the_minor_units_of_iso_4217() {
        let with = |digits| {
            let rows = TABLE.iter().filter(|row| row.code.as_str().len() == 3);
            let codes = rows.filter(|row| row.minor_unit_digits == digits);
            codes
                .map(|row| row.code.as_str())
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(
            with(0),
            "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
        );
        assert_eq!(with(3), "BHD IQD JOD KWD LYD OMR TND");
        assert_eq!(with(2).split(' ').count() + 16 + 7, TABLE.len() - 4);
        assert_eq!(TABLE.len(), 159);
    }
}
