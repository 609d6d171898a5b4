//! A tenant's terms: every setting that `decide` reads, versioned and journaled whole.

use crate::time::Zone;
use ledger::{AssetNo, Source, SourceSet};
use money::{Atoms, Ppm, Rate, Rounding};
use policy::TierLimits;
use pricing::PlatformFee;
use risk::{Score, Thresholds};
use serde::{Deserialize, Serialize};
use tax::RateTable;

/// How far a party has been verified: 0 anonymous, 1 phone, 2 identified, 3 strong ID, 4 business.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Tier(pub u8);

/// How many tiers there are.
pub const TIERS: usize = 5;

/// An ISO 3166 alpha-2 country; `ZZ` is unknown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Country(pub [u8; 2]);

impl Country {
    /// Not known.
    pub const UNKNOWN: Country = Country(*b"ZZ");

    /// Two capital letters.
    #[must_use]
    pub fn new(text: &str) -> Option<Country> {
        let bytes: [u8; 2] = text.as_bytes().try_into().ok()?;
        bytes
            .iter()
            .all(u8::is_ascii_uppercase)
            .then_some(Country(bytes))
    }

    /// The two letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or("ZZ")
    }
}

impl core::fmt::Debug for Country {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The platform's fee in one asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetFee {
    /// The asset.
    pub asset: AssetNo,
    /// The least a payment in it is charged, atoms.
    pub minimum: Atoms,
}

/// Limits by tier, in one asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The asset the numbers are in.
    pub asset: AssetNo,
    /// One row a tier.
    pub tiers: [TierLimits; TIERS],
}

/// What one asset is worth in another, for limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferenceRate {
    /// From.
    pub base: AssetNo,
    /// To.
    pub quote: AssetNo,
    /// Quote atoms per base atom.
    pub rate: Rate,
}

/// Every setting of a tenant. Grows at its end only; what an older row lacks reads as zero, which must
/// mean "as before".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The platform's share of a payment.
    pub fee_share: Ppm,
    /// The least a payment is charged, by asset.
    pub fee_minimums: Vec<AssetFee>,
    /// Whether a refund returns the fee.
    pub fee_refundable: bool,
    /// Inclusive tax by the payer's country.
    pub tax: RateTable,
    /// What a party may spend; `None` is no limit.
    pub limits: Option<Limits>,
    /// Whether a refund gives back the room it had taken in the limits.
    pub refund_restores_room: bool,
    /// Rates for limits in another asset.
    pub reference_rates: Vec<ReferenceRate>,
    /// What a fraud score means.
    pub risk: Thresholds,
    /// The order in which sources are spent; a source not listed cannot be.
    pub funding_order: Vec<Source>,
    /// The sources that may be withdrawn.
    pub withdrawable: SourceSet,
    /// The longest an authorization may last, milliseconds.
    pub hold_ms_max: u64,
    /// How long a payer has to confirm, milliseconds.
    pub step_up_ms: u64,
    /// How many refusals a second for a payer and code are journaled one by one.
    pub refusals_per_second: u32,
    /// Whose civil days and months the limits follow.
    pub zone: Zone,
    /// How long an authorization lasts that does not say it, milliseconds; `None` is seven days, or
    /// the longest if that is less.
    #[serde(default)]
    pub hold_ms_default: Option<u64>,
    /// The least fraud score of what an agent's key asks. What it says itself can only raise it.
    #[serde(default)]
    pub agent_risk: Score,
}

const DAY_MS: u64 = 86_400_000;
const HOLD_MS_DEFAULT: u64 = 7 * DAY_MS;

impl Default for Terms {
    fn default() -> Self {
        Terms {
            fee_share: Ppm::ZERO,
            fee_minimums: Vec::new(),
            fee_refundable: true,
            tax: RateTable::default(),
            limits: None,
            refund_restores_room: false,
            reference_rates: Vec::new(),
            risk: Thresholds::default(),
            funding_order: vec![
                Source::Grant,
                Source::Promo,
                Source::Carrier,
                Source::Card,
                Source::Crypto,
                Source::Cash,
                Source::Bank,
                Source::Earned,
                Source::Credit,
            ],
            withdrawable: SourceSet::of(&[
                Source::Card,
                Source::Bank,
                Source::Crypto,
                Source::Cash,
                Source::Earned,
            ]),
            hold_ms_max: 30 * DAY_MS,
            step_up_ms: 600_000,
            refusals_per_second: 10,
            zone: Zone::utc(),
            hold_ms_default: None,
            agent_risk: Score(0),
        }
    }
}

impl Terms {
    /// How long an authorization lasts that does not say it, milliseconds.
    #[must_use]
    pub fn hold_ms(&self) -> u64 {
        let set = self.hold_ms_default.unwrap_or(HOLD_MS_DEFAULT);
        set.min(self.hold_ms_max)
    }

    /// The reference rate from an asset into another.
    #[must_use]
    pub fn rate(&self, from: AssetNo, to: AssetNo) -> Option<Rate> {
        if from == to {
            return Some(Rate::ONE);
        }
        let mut rates = self.reference_rates.iter();
        let found = rates.find(|r| r.base == from && r.quote == to)?;
        Some(found.rate)
    }

    /// An amount in another asset at the reference rate, rounded up, the strict side; `None` without
    /// a rate, or if it is too large there.
    #[must_use]
    #[inline]
    pub fn convert(&self, from: AssetNo, to: AssetNo, atoms: u64) -> Option<u64> {
        if from == to {
            return Some(atoms);
        }
        let converted = self.rate(from, to)?.convert(Atoms(atoms), Rounding::Up);
        Some(converted.ok()?.atoms.0)
    }

    /// The platform's fee in an asset.
    #[must_use]
    #[inline]
    pub fn fee(&self, asset: AssetNo) -> PlatformFee {
        let minimum = self.fee_minimums.iter().find(|f| f.asset == asset);
        PlatformFee {
            share: self.fee_share,
            minimum: minimum.map_or(Atoms::ZERO, |f| f.minimum),
        }
    }
}
