//! What State keeps: dense records of tenants, parties and wallets, and the things still open.
//!
//! Records that events carry ([`Hold`], [`Mandate`], [`TopUp`], [`Withdrawal`], [`Pending`],
//! [`Dispute`], [`Correction`], and [`Terms`]) **grow at their end only; what an older row lacks
//! reads as zero** ([`crate::codec::framed`]). Whatever changes here also changes a snapshot:
//! [`crate::snapshot::VERSION`] then counts up.

use crate::ids::{ActorId, Id, MandateId, TenantId, WalletId};
use crate::law::{Circumstances, Counted, Law};
use crate::prices::{Item, Metered, Priced};
use crate::taxes::{Facts, TaxInForce, TaxMove};
use crate::terms::{Country, Terms, Tier};
use crate::time::{Civil, Day, UtcMillis};
use ledger::{AccountClass, AccountNo, AssetNo, Posting, Source};
use money::{Atoms, Ppm};
use policy::{Age, Screening, StepUp, Traced};
use pricing::PlatformFee;
use risk::Score;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl $name {
            /// None of them.
            pub const NONE: $name = $name(u32::MAX);
        }
    )*};
}

numbers! {
    /// A tenant's shard-local number.
    TenantNo;
    /// A party's shard-local number.
    PartyNo;
    /// A wallet's shard-local number.
    WalletNo;
    /// A price's shard-local number.
    PriceNo;
}

impl WalletNo {
    /// Its place in [`crate::State::wallets`].
    #[must_use]
    pub fn as_index(self) -> usize {
        self.0 as usize
    }
}

/// A rail's number; 1 is `manual`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Channel(pub u16);

impl Channel {
    /// Entered by hand: bank statements, cash desks, tests.
    pub const MANUAL: Channel = Channel(1);
}

/// Whether a tenant's money is real.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// For trying things out.
    Test,
    /// Real money.
    Live,
}

/// What a party is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartyKind {
    /// A human.
    Person,
    /// A company or other body.
    Business,
    /// A software agent.
    Agent,
}

/// Whether a party or wallet can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// In use.
    #[default]
    Active,
    /// Stopped for now.
    Frozen,
    /// Ended for good.
    Closed,
}

/// An operator's isolated space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Public id.
    pub id: TenantId,
    /// Test or live.
    pub mode: Mode,
    /// The terms in force.
    pub terms: Terms,
    /// Counts up with each change of terms, from 0.
    pub terms_version: u32,
    /// The operator's accounts, ordered by key.
    pub accounts: Vec<(OperatorKey, AccountNo)>,
    /// What has settled of each source and rests with holders who are not known one by one, atoms.
    /// Below zero only by corrections, by what channels took, and by the rounding of refunds.
    pub settled: Vec<(AssetNo, Source, i128)>,
    /// What the limits of its parties are counted in, once they were.
    pub limits_asset: Option<AssetNo>,
    /// The law in force.
    pub law: Option<Arc<Law>>,
    /// How much has been paid in pilots, in the asset of the pilot's volume, atoms.
    pub piloted: u128,
    /// How many payers have paid in pilots.
    pub pilot_payers: u32,
    /// The tax rules in force.
    pub tax: Option<Box<TaxInForce>>,
    /// How often they were set.
    pub tax_version: u32,
    /// The operator's place among the taxpayers, from 1; 0 is none.
    pub taxpayer: u32,
}

/// Which of the operator's accounts, or of a seller's: asset, class, the channel or country, what its
/// value rests on. A number of the same order, compared at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperatorKey(u64);

impl OperatorKey {
    /// No account's.
    pub(crate) const NONE: OperatorKey = OperatorKey(u64::MAX);

    /// Of these: `sub` is the channel or country, else 0; `origin` the source that its value rests on
    /// and that has not settled.
    #[must_use]
    #[inline]
    pub fn new(
        asset: AssetNo,
        class: AccountClass,
        sub: u16,
        origin: Option<Source>,
    ) -> OperatorKey {
        let origin = origin.map_or(0, |source| source as u64);
        let class = (class as u64) << 24;
        OperatorKey(u64::from(asset.0) << 32 | class | u64::from(sub) << 8 | origin)
    }

    /// The asset.
    #[must_use]
    pub fn asset(self) -> AssetNo {
        AssetNo((self.0 >> 32) as u16)
    }

    /// The class.
    ///
    /// # Panics
    /// If the key was not made by [`OperatorKey::new`].
    #[must_use]
    pub fn class(self) -> AccountClass {
        AccountClass::ALL[usize::from((self.0 >> 24) as u8)]
    }

    /// Channel or country, else 0.
    #[must_use]
    pub fn sub(self) -> u16 {
        (self.0 >> 8) as u16
    }
}

/// How many windows a party's spending is counted in.
pub const MEASURES: usize = 2;
/// The measure "spent this civil day".
pub const MEASURE_DAY: u16 = 0;
/// The measure "spent this civil month".
pub const MEASURE_MONTH: u16 = 1;

/// What the law asks of a party besides its country, kind and tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)] // As `Party` lays it out.
pub struct Particulars {
    /// How old.
    pub age: Age,
    /// The operator's segment, from 1 in the order of the law's settings; 0 is none.
    pub segment: u8,
    /// What screening found about it.
    pub screening: Screening,
}

impl Default for Particulars {
    fn default() -> Self {
        Particulars {
            age: Age::Unknown,
            segment: 0,
            screening: Screening::Clear,
        }
    }
}

/// A person, business or software agent. One cache line, because a payment reads its payer's at
/// random; the public id, which no payment reads, stands apart ([`crate::State::party_id`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C, align(64))] // In this order, so that `Party::about` is read at once.
pub struct Party {
    /// Spent in each measure's period, in atoms of the limits' asset.
    pub used: [u128; MEASURES],
    /// The period each sum belongs to; another period starts at zero.
    pub period: [u32; MEASURES],
    /// Whose.
    pub tenant: TenantNo,
    /// The first of what the party owes after reversals, or none.
    pub receivable: AccountNo,
    /// Where it is.
    pub country: Country,
    /// How far verified.
    pub tier: Tier,
    /// What it is.
    pub kind: PartyKind,
    /// Whether it may act.
    pub standing: Standing,
    /// What the law asks besides.
    pub particulars: Particulars,
    /// When it was registered, in hours since 1970.
    pub registered: u32,
    /// Where [`crate::State::counts`] has what it has used of the law's measures; `u32::MAX` until
    /// something is counted.
    pub counts: u32,
}

const _: () = assert!(size_of::<Party>() == 64);

impl Party {
    /// All that rules look at in a party, as a number.
    #[inline]
    pub(crate) fn about(&self) -> u64 {
        let [first, second] = self.country.0;
        u64::from_le_bytes([
            first,
            second,
            self.tier.0,
            self.kind as u8,
            self.standing as u8,
            self.particulars.age as u8,
            self.particulars.segment,
            self.particulars.screening as u8,
        ])
    }

    /// What has been used of a measure in a period.
    #[must_use]
    #[inline]
    pub fn used_in(&self, measure: u16, period: u32) -> u128 {
        let m = usize::from(measure);
        if self.period[m] == period {
            self.used[m]
        } else {
            0
        }
    }
}

/// What a party sees as one balance per asset. Half a cache line, and never across two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(align(32))]
pub struct Wallet {
    /// Public id.
    pub id: WalletId,
    /// Whose.
    pub party: PartyNo,
    /// In which tenant.
    pub tenant: TenantNo,
    /// The first of its accounts, or none; the rest follow by [`ledger::Account::next`].
    pub first: AccountNo,
    /// Whether it can be used.
    pub standing: Standing,
}

const _: () = assert!(size_of::<Wallet>() == 32);

/// One leg of an authorization: what is set aside in one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// Where.
    pub account: AccountNo,
    /// Still set aside, atoms.
    pub amount: u64,
}

/// An authorization: funds set aside for a payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Who pays.
    pub payer: WalletNo,
    /// Who is paid.
    pub payee: WalletNo,
    /// Of what.
    pub asset: AssetNo,
    /// From where, in the order it is taken.
    pub legs: Vec<Leg>,
    /// Set aside at first, atoms.
    pub authorized: u64,
    /// Captured so far, atoms.
    pub captured: u64,
    /// The tax in what was captured, atoms.
    pub tax_taken: u64,
    /// The fee in what was captured, atoms.
    pub fee_taken: u64,
    /// When it ends by itself.
    pub expires: UtcMillis,
    /// The fee as it was then.
    pub fee: PlatformFee,
    /// The country and rate of the tax as they were then.
    pub tax: Option<(Country, Ppm)>,
    /// The terms it was decided under.
    pub terms: u32,
    /// Room reserved in the limits, in their asset, and when.
    pub reserved: Option<Reserved>,
    /// The agent's mandate, if any.
    pub mandate: MandateId,
    /// The day it counts in for the mandate.
    pub mandate_day: Day,
    /// How far the payer was verified then.
    pub tier: Tier,
    /// The law it was decided under; zero if none.
    pub law: u32,
    /// Room reserved in the law's measures.
    pub counted: Vec<Counted>,
    /// What was decided of its tax; zero if no tax rules were in force.
    pub case: u32,
    /// What it was priced by, if by a price, and the meter right after.
    pub priced: Option<(Priced, Option<Metered>)>,
    /// What the law asked about besides, if it was out of the ordinary.
    pub circumstances: Option<Box<Circumstances>>,
}

/// Room that an authorization has taken in its payer's limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserved {
    /// For the whole authorization, in atoms of the limits' asset.
    pub amount: u64,
    /// The day and month it counts in.
    pub day: u32,
    /// See `day`.
    pub month: u32,
}

/// What a payer allows an agent in advance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mandate {
    /// Whose money.
    pub payer: WalletNo,
    /// Who may spend it.
    pub agent: PartyNo,
    /// Of what.
    pub asset: AssetNo,
    /// At most this a payment.
    pub per_payment: Option<Atoms>,
    /// At most this a civil day.
    pub per_day: Option<Atoms>,
    /// Only to these; empty is anyone.
    pub payees: Vec<WalletNo>,
    /// Until when.
    pub expires: UtcMillis,
    /// Taken back.
    pub revoked: bool,
    /// Spent on `day`, atoms.
    pub used: u128,
    /// The day `used` belongs to.
    pub day: Day,
}

impl Mandate {
    /// What an agent has spent on a day.
    #[must_use]
    pub fn used_on(&self, civil: Civil) -> u128 {
        // A day later than today (a zone moved west) is still that day.
        if self.day >= civil.day { self.used } else { 0 }
    }
}

/// Money in that has not settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopUp {
    /// Whose.
    pub wallet: WalletNo,
    /// Of what.
    pub asset: AssetNo,
    /// How much, atoms.
    pub amount: u64,
    /// By which source.
    pub source: Source,
    /// Over which rail.
    pub channel: Channel,
    /// Whether the wallet was credited before settlement.
    pub spendable: bool,
    /// What it counts in the law's measures.
    pub counted: Vec<Counted>,
}

/// Money on its way out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// Whose.
    pub wallet: WalletNo,
    /// Of what.
    pub asset: AssetNo,
    /// From which accounts.
    pub legs: Vec<Leg>,
    /// Over which rail.
    pub channel: Channel,
    /// Whether the channel was told.
    pub sent: bool,
    /// What it counts in the law's measures.
    pub counted: Vec<Counted>,
}

/// A payment that waits for its payer's confirmation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Who pays.
    pub payer: WalletId,
    /// Who is paid; of a split, the first.
    pub payee: WalletId,
    /// Of what.
    pub asset: AssetNo,
    /// How much.
    pub amount: Atoms,
    /// Until when it may be confirmed.
    pub expires: UtcMillis,
    /// The hash of all that was asked: what is confirmed is that and nothing else.
    pub content: [u8; 32],
    /// What the payer is to do.
    pub step_up: StepUp,
    /// The version of the tenant's law; zero if none was in force.
    pub law: u32,
    /// The law's rule that asks; `None` if it is the fraud score.
    pub rule: Option<Traced>,
    /// The hash of its text, which its end names too.
    #[serde(default)]
    pub text: Option<[u8; 16]>,
    /// What kind of payment it is.
    #[serde(default)]
    pub kind: PendingKind,
    /// The payees of a split, with their weights; of any other kind, none.
    #[serde(default)]
    pub payees: Vec<(WalletId, u64)>,
    /// All that the payer pays, atoms: with the tax that comes on top. Zero is `amount`.
    #[serde(default)]
    pub gross: u64,
    /// The agent's mandate, if any.
    #[serde(default)]
    pub mandate: MandateId,
    /// When an authorization is to end, if that was said.
    #[serde(default)]
    pub hold_expires: Option<UtcMillis>,
    /// The fraud score.
    #[serde(default)]
    pub risk: Score,
    /// What else the law asks about; `None` if nothing is out of the ordinary.
    #[serde(default)]
    pub circumstances: Option<Box<Circumstances>>,
    /// What it says of itself for tax; `None` if it says nothing.
    #[serde(default)]
    pub tax: Option<Box<Facts>>,
    /// What is bought by its price; `None` if it says its amount itself.
    #[serde(default)]
    pub item: Option<Item>,
}

/// Which payment waits. The numbers are frozen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PendingKind {
    /// One that is paid at once.
    #[default]
    Pay,
    /// One that is set aside for.
    Authorize,
    /// One that passes value on.
    Transfer,
    /// One to several payees.
    Split,
}

/// A payment called into question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// Which payment or capture.
    pub payment: Id,
    /// Who was paid; of a split, the first.
    pub payee: WalletNo,
    /// Of what.
    pub asset: AssetNo,
    /// How much, atoms.
    pub amount: u64,
    /// What was held back, by the account it was taken from.
    pub taken: Vec<Leg>,
    /// What became a debt instead, by the account it was paid to; [`AccountNo::NONE`] is the payee.
    pub owed: Vec<Leg>,
    /// Where it goes back if the payer wins.
    pub giveback: Vec<Leg>,
    /// What the payment counts in the law's measures; the share in dispute is given back if the payer
    /// wins.
    pub counted: Vec<Counted>,
    /// How much of the payment had been taken back before, atoms.
    pub before: u64,
    /// The whole payment, atoms.
    pub gross: u64,
    /// How tax and turnover moved when it was opened.
    pub tax: Vec<TaxMove>,
}

/// A correction that waits for its second key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// What it would post.
    pub postings: Vec<Posting>,
    /// The hash of the reason, whose text stands in the store.
    pub reason: [u8; 32],
    /// Which key proposed it.
    pub proposer: ActorId,
    /// Until when it may be approved.
    pub expires: UtcMillis,
}

/// What happens by itself at its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimerKind {
    /// An authorization ends.
    Hold,
    /// A confirmation is too late.
    StepUp,
    /// A second key is too late.
    Correction,
    /// A law comes into force.
    Law,
}

/// A thing of a tenant, as key of what is open.
pub type Key = (TenantNo, Id);
