//! One account: whose it is, what it may hold, how low it may go.

use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Serialize};

/// An account's shard-local number, given at registration and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountNo(pub u32);

impl AccountNo {
    /// Stands for "no account" at the end of a chain of accounts.
    pub const NONE: AccountNo = AccountNo(u32::MAX);

    /// Whether this names an account at all.
    #[must_use]
    #[inline]
    pub fn is_some(self) -> bool {
        self != Self::NONE
    }
}

/// An asset's shard-local number.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct AssetNo(pub u16);

/// Where value came from. The law treats value from each source differently, so a wallet keeps
/// one account per source and a transfer keeps the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Source {
    /// A payment card.
    Card = 1,
    /// A bank account.
    Bank = 2,
    /// A telephone bill.
    Carrier = 3,
    /// A blockchain.
    Crypto = 4,
    /// Cash over a counter.
    Cash = 5,
    /// Income from other people's payments.
    Earned = 6,
    /// The operator's promotion.
    Promo = 7,
    /// A subsidy, possibly bound to a purpose.
    Grant = 8,
    /// A credit line: spent first, paid later.
    Credit = 9,
}

impl Source {
    /// Every source, in numeric order.
    pub const ALL: [Source; 9] = [
        Source::Card,
        Source::Bank,
        Source::Carrier,
        Source::Crypto,
        Source::Cash,
        Source::Earned,
        Source::Promo,
        Source::Grant,
        Source::Credit,
    ];

    /// The word used in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Source::Card => "card",
            Source::Bank => "bank",
            Source::Carrier => "carrier",
            Source::Crypto => "crypto",
            Source::Cash => "cash",
            Source::Earned => "earned",
            Source::Promo => "promo",
            Source::Grant => "grant",
            Source::Credit => "credit",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Source {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Source::ALL.into_iter().find(|s| s.as_str() == text).ok_or_else(|| {
            format!("\"{text}\" is not a source of funds: use card, bank, carrier, crypto, cash, earned, promo, grant or credit")
        })
    }
}

/// A set of sources, one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceSet(pub u16);

impl SourceSet {
    /// The set of the listed sources.
    #[must_use]
    pub const fn of(sources: &[Source]) -> Self {
        let mut bits = 0u16;
        let mut i = 0;
        while i < sources.len() {
            bits |= 1 << sources[i] as u16;
            i += 1;
        }
        SourceSet(bits)
    }

    /// Whether the set has this source.
    #[must_use]
    pub const fn has(self, source: Source) -> bool {
        self.0 & (1 << source as u16) != 0
    }

    /// The sources of the set, in numeric order.
    pub fn iter(self) -> impl Iterator<Item = Source> {
        Source::ALL.into_iter().filter(move |s| self.has(*s))
    }
}

/// What an account is for. Only wallet accounts belong to a wallet; receivables belong to a party;
/// the rest are the operator's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum AccountClass {
    /// Value of a wallet, from one source.
    Wallet = 0,
    /// What a party owes after a reversal of value it had already spent (≤ 0).
    Receivable = 1,
    /// Platform fees earned.
    Fees = 2,
    /// Tax collected, one account a jurisdiction.
    Tax = 3,
    /// Money under way with a channel.
    Clearing = 4,
    /// The bank accounts that safeguard users' money (≤ 0 when money is there).
    Safeguarding = 5,
    /// Value whose owner is not yet decided.
    Suspense = 6,
    /// The fund that rewards are paid from.
    Rewards = 7,
    /// The operator's position in a currency exchange.
    FxPosition = 8,
    /// Value held back while a dispute is open.
    Dispute = 9,
    /// Tax that a seller owes, kept for it: one account a seller and jurisdiction.
    SellerTax = 10,
    /// What rounding the operator's papers left of its tax: one account a jurisdiction.
    Rounding = 11,
    /// What rounding a seller's papers left of its tax: one account a seller and jurisdiction.
    SellerRounding = 12,
}

impl AccountClass {
    /// Every class, in numeric order.
    pub const ALL: [AccountClass; 13] = [
        AccountClass::Wallet,
        AccountClass::Receivable,
        AccountClass::Fees,
        AccountClass::Tax,
        AccountClass::Clearing,
        AccountClass::Safeguarding,
        AccountClass::Suspense,
        AccountClass::Rewards,
        AccountClass::FxPosition,
        AccountClass::Dispute,
        AccountClass::SellerTax,
        AccountClass::Rounding,
        AccountClass::SellerRounding,
    ];

    /// The word used in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            AccountClass::Wallet => "wallet",
            AccountClass::Receivable => "receivable",
            AccountClass::Fees => "fees",
            AccountClass::Tax => "tax",
            AccountClass::Clearing => "clearing",
            AccountClass::Safeguarding => "safeguarding",
            AccountClass::Suspense => "suspense",
            AccountClass::Rewards => "rewards",
            AccountClass::FxPosition => "fx_position",
            AccountClass::Dispute => "dispute",
            AccountClass::SellerTax => "seller_tax",
            AccountClass::Rounding => "rounding",
            AccountClass::SellerRounding => "seller_rounding",
        }
    }

    /// Whether a balance of this class may go below zero. Wallets may only down to their credit
    /// limit; the rest is what the operator owns or is owed.
    #[must_use]
    pub fn has_floor(self) -> bool {
        matches!(self, AccountClass::Wallet | AccountClass::Dispute)
    }
}

/// One account. One cache line, because a payment touches several at random.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(align(64))]
pub struct Account {
    /// Atoms; a credit is positive.
    pub balance: i128,
    /// Atoms of the balance set aside by authorizations.
    pub held: u128,
    /// How far below zero the balance may go, in atoms (a tab's credit line).
    pub credit_limit: u64,
    /// The wallet's, party's or tenant's number, by `class`.
    pub owner: u32,
    /// The owner's next account, or [`AccountNo::NONE`].
    pub next: AccountNo,
    /// The channel of a clearing account, the country of a tax or rounding account, else 0.
    pub sub: u16,
    /// What it is denominated in.
    pub asset: AssetNo,
    /// What it is for.
    pub class: AccountClass,
    /// Wallet accounts: the source of funds.
    pub source: Option<Source>,
    /// The source that this value rests on and that has not settled; none, and the value is free. Of
    /// a receivable: what the missing value rested on.
    pub origin: Option<Source>,
}

const _: () = assert!(size_of::<Account>() == 64);

impl Account {
    /// What may be spent now: the balance above its floor that is not held. Atoms.
    #[must_use]
    #[inline]
    pub fn available(&self) -> u64 {
        let room = self
            .balance
            .saturating_add(i128::from(self.credit_limit))
            .saturating_sub(i128::try_from(self.held).unwrap_or(i128::MAX));
        u64::try_from(room.max(0)).unwrap_or(u64::MAX)
    }

    /// What value taken from this account rests on: a source that has not settled, or a credit line
    /// that is not paid.
    #[must_use]
    #[inline]
    pub fn rests_on(&self) -> Option<Source> {
        match self.source {
            Some(Source::Credit) => Some(Source::Credit),
            _ => self.origin,
        }
    }

    /// Whether the value of this account may meet a claim on value that rested on `claim`: free
    /// value meets any, value that is not settled only what rests on the same source. It may never
    /// come.
    #[must_use]
    pub fn meets(&self, claim: Option<Source>) -> bool {
        self.origin.is_none() || self.origin == claim
    }

    /// How much of the credit limit is drawn or held. Atoms.
    #[must_use]
    pub fn in_use(&self) -> u128 {
        let held = i128::try_from(self.held).unwrap_or(i128::MAX);
        u128::try_from(held.saturating_sub(self.balance)).unwrap_or(0)
    }

    /// How much is drawn of a balance. Atoms.
    #[must_use]
    pub fn drawn(balance: i128) -> i128 {
        -balance.min(0)
    }

    /// What may be taken back in a reversal: as [`Self::available`], but never on credit. Atoms.
    #[must_use]
    pub fn reclaimable(&self) -> u64 {
        let room = self
            .balance
            .saturating_sub(i128::try_from(self.held).unwrap_or(i128::MAX))
            .max(0);
        u64::try_from(room).unwrap_or(u64::MAX)
    }
}
