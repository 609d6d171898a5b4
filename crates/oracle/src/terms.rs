//! A tenant's terms in plain numbers.

use std::collections::BTreeMap;

/// Limits of each tier, in atoms of one asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The asset.
    pub asset: u16,
    /// Per payment, day and month, for each of five tiers.
    pub tiers: [[Option<u64>; 3]; 5],
}

/// Everything the rules read of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The platform's share of a payment, parts per million.
    pub fee_ppm: u32,
    /// The least it takes, by asset.
    pub fee_minimum: BTreeMap<u16, u64>,
    /// Whether a refund returns it.
    pub fee_refundable: bool,
    /// Inclusive tax by the payer's country, parts per million of the net price.
    pub tax_ppm: BTreeMap<[u8; 2], u32>,
    /// What parties may spend.
    pub limits: Option<Limits>,
    /// Whether a refund gives back the room it took.
    pub refund_restores_room: bool,
    /// From and to which asset: so many atoms for so many.
    pub rates: BTreeMap<(u16, u16), (u64, u64)>,
    /// The score from which on a payer must confirm.
    pub step_up_at: Option<u16>,
    /// The score from which on a payment is refused.
    pub deny_at: Option<u16>,
    /// The order in which sources are spent.
    pub funding_order: Vec<u8>,
    /// The sources that may be withdrawn, ascending.
    pub withdrawable: Vec<u8>,
    /// The longest an authorization may last.
    pub hold_ms_max: u64,
    /// How long an authorization lasts that does not say it.
    pub hold_ms_default: Option<u64>,
    /// How long a payer has to confirm.
    pub step_up_ms: u64,
    /// Refusals a second of a party for a reason that are answers of their own.
    pub refusals_per_second: u32,
    /// Seconds east of UTC.
    pub offset_s: i32,
    /// From when on another offset holds.
    pub offset_then: Option<(u64, i32)>,
}

impl Default for Terms {
    fn default() -> Self {
        Terms {
            fee_ppm: 0,
            fee_minimum: BTreeMap::new(),
            fee_refundable: true,
            tax_ppm: BTreeMap::new(),
            limits: None,
            refund_restores_room: false,
            rates: BTreeMap::new(),
            step_up_at: None,
            deny_at: None,
            funding_order: vec![8, 7, 3, 1, 4, 5, 2, 6, 9],
            withdrawable: vec![1, 2, 4, 5, 6],
            hold_ms_max: 30 * 86_400_000,
            hold_ms_default: None,
            step_up_ms: 600_000,
            refusals_per_second: 10,
            offset_s: 0,
            offset_then: None,
        }
    }
}
