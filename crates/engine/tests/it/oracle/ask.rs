//! What is asked, and under which rules.

use std::collections::BTreeMap;

/// What is asked. Wallets, assets and ids are names of the caller's choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    TopUp {
        wallet: String,
        asset: String,
        source: String,
        amount: u64,
        settled: bool,
    },
    Pay {
        payer: String,
        payee: String,
        asset: String,
        amount: u64,
    },
    Transfer {
        payer: String,
        payee: String,
        asset: String,
        amount: u64,
    },
    Authorize {
        payer: String,
        payee: String,
        asset: String,
        amount: u64,
        expires_ms: u64,
    },
    Capture {
        payment: String,
        amount: u64,
        last: bool,
    },
    Void {
        payment: String,
    },
    Refund {
        payment: String,
        amount: u64,
    },
}

/// The operator's settings.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Parts per million of the gross.
    pub fee_ppm: u64,
    /// By asset.
    pub fee_minimum: BTreeMap<String, u64>,
    /// Whether a refund returns the fee.
    pub fee_refundable: bool,
    /// Parts per million on top of the net price, by the payer's country.
    pub tax_ppm: BTreeMap<String, u64>,
    /// Limits in `limits_asset`: one payment, a day, a month.
    pub limits_asset: String,
    pub per_payment: Option<u64>,
    pub per_day: Option<u64>,
    pub per_month: Option<u64>,
    /// What an atom of an asset is worth in the limits' asset: numerator, denominator.
    pub rates: BTreeMap<String, (u64, u64)>,
    /// Whether limits are checked at all.
    pub limited: bool,
    /// Which sources are spent, in which order.
    pub funding: Vec<String>,
}
