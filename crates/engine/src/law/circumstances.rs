//! What a command says of a payment for the law's sake, besides who, whom and how much.

use crate::records::WalletNo;
use policy::{
    Channel, Elapsed, Flag, Funds, Payment, Presence, Product, Screening, Set, StepUp, Technology,
};
use serde::{Deserialize, Serialize};

/// So many hours or more are "long ago".
pub const HOURS_LONG_AGO: u16 = u16::MAX;

/// The circumstances of a payment. Ordinary ones, the default, take no room in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)] // In this order, so that they are read and compared at once.
pub struct Circumstances {
    /// For what.
    pub product: Product,
    /// From where.
    pub presence: Presence,
    /// By what means.
    pub technology: Technology,
    /// By which rail; a top-up's or withdrawal's own is known.
    pub channel: Channel,
    /// What screening of this very payment found; parties have their own.
    pub screening: Screening,
    /// A transfer is a gift.
    pub is_gift: bool,
    /// What else is true.
    pub flags: Set<Flag>,
    /// Hours since the payer's device was registered.
    pub device_hours: u16,
    /// Hours since the payer first paid or added this payee.
    pub payee_hours: u16,
    /// Hours since the payer was told of this payment under a mandate; none if not told.
    pub notice_hours: u16,
}

impl Default for Circumstances {
    fn default() -> Self {
        Circumstances {
            product: Product::Other,
            presence: Presence::Remote,
            technology: Technology::Online,
            channel: Channel::Wallet,
            screening: Screening::Clear,
            is_gift: false,
            flags: Set::EMPTY,
            device_hours: HOURS_LONG_AGO,
            payee_hours: HOURS_LONG_AGO,
            notice_hours: 0,
        }
    }
}

impl Circumstances {
    /// Whether nothing in it is out of the ordinary.
    #[must_use]
    #[inline]
    pub fn is_ordinary(&self) -> bool {
        *self == Circumstances::default()
    }

    /// How long ago things were, a party having been registered so many hours ago.
    #[must_use]
    #[inline]
    pub fn elapsed(&self, registration: u32) -> Elapsed {
        let hours = |n: u16| match n {
            HOURS_LONG_AGO => u32::MAX,
            n => u32::from(n),
        };
        Elapsed {
            registration,
            device: hours(self.device_hours),
            payee: hours(self.payee_hours),
            notice: hours(self.notice_hours),
        }
    }
}

/// What the payer has done for this very payment: a set of step-ups, attested by whoever asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Confirmed(pub u8);

impl Confirmed {
    /// Nothing.
    pub const NOTHING: Confirmed = Confirmed(0);
    /// Two factors, bound to amount and payee.
    pub const STRONG: Confirmed = Confirmed(1 << StepUp::Strong as u8);

    /// Whether anything was confirmed.
    #[must_use]
    #[inline]
    pub fn is_some(self) -> bool {
        self.0 != 0
    }

    /// Whether this, or something stronger, was done.
    #[must_use]
    #[inline]
    pub fn has_done(self, step_up: StepUp) -> bool {
        u32::from(self.0) & ((2 << step_up as u32) - 1) != 0
    }

    /// As the rules see it.
    #[must_use]
    #[inline]
    pub fn set(self) -> Set<StepUp> {
        Set::from_bits(u32::from(self.0))
    }
}

impl From<StepUp> for Confirmed {
    fn from(step_up: StepUp) -> Confirmed {
        Confirmed(1 << step_up as u8)
    }
}

/// Two factors, or nothing.
impl From<bool> for Confirmed {
    fn from(confirmed: bool) -> Confirmed {
        if confirmed {
            Confirmed::STRONG
        } else {
            Confirmed::NOTHING
        }
    }
}

/// What was asked of the law, where it was not ordinary: with this and the state before, a decision
/// is shown again as it was made. Grows at its end only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// What was to be done.
    pub payment: Payment,
    /// What the payer had confirmed.
    pub confirmed: Confirmed,
    /// The circumstances.
    pub circumstances: Circumstances,
    /// By which rail.
    pub channel: Channel,
    /// Whether the payer's rules were asked.
    pub asks_payer: bool,
    /// Whether the payee's were.
    pub asks_payee: bool,
    /// The payee that was asked about.
    pub payee: WalletNo,
    /// The sources of what was refused or waits; of what was done, the postings show them.
    pub legs: Vec<(Funds, u64)>,
    /// Of a split: each payee's share of the gross amount.
    pub shares: Vec<(WalletNo, u64)>,
    /// A capture: the payee's balance alone was asked about.
    #[serde(default)]
    pub is_capture: bool,
}
