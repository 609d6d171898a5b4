//! What can be asked of the step.
//!
//! A command says who asks for what, by public ids; it carries everything that is not
//! deterministic (the id, a fraud score) and, for closed things, the event they were closed by.

use crate::code::Code;
use crate::event::{Event, Hash, TextHash};
use crate::ids::{ActorId, Id, MandateId, PartyId, PlanId, PriceId, TenantId, WalletId};
use crate::law::{Backfilled, Circumstances, Confirmed, NewLaw};
use crate::plans::{NewSubscription, SubscriptionChange};
use crate::prices::Item;
use crate::recents::Window;
use crate::records::{
    Channel, Mode, Particulars, PartyKind, PartyNo, Standing, TenantNo, TimerKind,
};
use crate::taxes::{Facts, Profile, TaxSettings};
use crate::terms::{Country, Terms, Tier};
use crate::time::UtcMillis;
use ledger::{AssetNo, Posting, Source};
use money::{Asset, Atoms};
use pricing::{Plan, Price};
use risk::Score;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use tax::Rules;

/// At most this many items in a group.
pub const GROUP_ITEMS_MAX: usize = 1_000;
/// At most this many payees in a split payment.
pub const SPLIT_PAYEES_MAX: usize = 100;
/// At most this many payees in a mandate.
pub const MANDATE_PAYEES_MAX: usize = 100;
/// At most this many postings in a correction.
pub const CORRECTION_POSTINGS_MAX: usize = 100;

/// One thing asked of the step.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// What makes it happen once; zero for the node's own commands.
    pub id: Id,
    /// Whose space it is in.
    pub tenant: TenantNo,
    /// Which key asked.
    pub actor: ActorId,
    /// What is asked.
    pub op: Op,
    /// What few commands have; shared, so that the many stay small.
    pub besides: Option<Arc<Besides>>,
}

/// What the shell knows of a command besides what it asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Besides {
    /// The key at the head of the actor's line: all keys of a line are one person's. None if it is
    /// the actor itself.
    pub line: ActorId,
    /// Whose key it is, if it is an agent's: it may only pay, under a mandate of that agent.
    pub agent: Option<PartyId>,
    /// The keyed hashes of the texts kept beside the journal, by the id of what each is about.
    pub texts: BTreeMap<Id, TextHash>,
    /// Of a top-up, withdrawal or refund: what its party has done for it.
    pub confirmed: Confirmed,
    /// Of a top-up, withdrawal or refund: what else the law asks about.
    pub circumstances: Circumstances,
}

/// The spending side of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spend {
    /// Who pays.
    pub payer: WalletId,
    /// What the payer allowed an agent, if an agent pays; [`Id::NONE`] if not.
    pub mandate: MandateId,
    /// How much, all included; of an item, the most that may be paid, zero if that is not said.
    pub amount: Atoms,
    /// Of what.
    pub asset: AssetNo,
    /// The fraud score, computed before.
    pub risk: Score,
    /// What the payer has done for this payment, attested by whoever asks.
    pub confirmed: Confirmed,
    /// What else the law asks about.
    pub circumstances: Circumstances,
    /// What it says of itself for tax.
    pub tax: Facts,
    /// What is bought by its price; [`Item::NONE`] if not.
    pub item: Item,
}

/// One payee of a split payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Who is paid.
    pub payee: WalletId,
    /// The payee's part of what is left after tax and fee, relative to the others'.
    pub weight: u64,
}

/// A tax as an issued paper states it, less what the paper's payments bore.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxRounding {
    /// The case of the payments ([`crate::State::tax_case`]); zero if no tax rules were in force.
    pub case: u32,
    /// The party that sold.
    pub seller: PartyId,
    /// Whether it is tax in the platform's fee, not in the sale.
    pub is_fee: bool,
    /// Whose tax it is, where there is no case to say so.
    pub country: Country,
    /// In what.
    pub asset: AssetNo,
    /// Atoms, not zero: above it the paper states more than was borne, below it less.
    pub amount: i64,
}

/// An event the shell read from the journal for a command about something closed. Shared: many items of
/// a group may be about the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Carried(pub Arc<Event>);

impl Carried {
    /// Of an event the part that is this thing, and no more: the whole may be a thousand times as large.
    #[must_use]
    pub fn part(event: &Event, thing: Id) -> Option<Carried> {
        Some(event.only(thing)?.into())
    }
}

impl From<Event> for Carried {
    fn from(event: Event) -> Carried {
        Carried(Arc::new(event))
    }
}

/// What is asked. Wallets and parties are named by public ids, accounts by number.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Pay once.
    Pay { spend: Spend, payee: WalletId },
    /// Set funds aside for a payment until `expires`, or for as long as the terms say.
    Authorize {
        spend: Spend,
        payee: WalletId,
        expires: Option<UtcMillis>,
    },
    /// Pay from what was set aside; `last` releases the rest. The amount is in `asset`, or without
    /// one in that of the authorization.
    Capture {
        payment: Id,
        amount: Atoms,
        asset: Option<AssetNo>,
        last: bool,
    },
    /// Release what was set aside.
    Void { payment: Id },
    /// Give back a payment or capture, in part or whole.
    Refund {
        payment: Id,
        amount: Atoms,
        carried: Carried,
    },
    /// Pass value on, its source kept.
    Transfer { spend: Spend, payee: WalletId },
    /// One payer, several payees.
    Split { spend: Spend, payees: Vec<Share> },
    /// All or nothing.
    Group { items: Vec<(Id, Op)> },

    /// Open the shard with its first settings, or change them.
    SetShard { window: Window },
    /// Make an asset known.
    RegisterAsset { asset: Asset },
    /// Open a tenant.
    OpenTenant { tenant: TenantId, mode: Mode },
    /// Set a tenant's terms.
    SetTerms { terms: Box<Terms> },
    /// Register a party.
    RegisterParty {
        party: PartyId,
        kind: PartyKind,
        country: Country,
        tier: Tier,
        particulars: Particulars,
    },
    /// Change a party's tier, country, standing or particulars; what is not given stays.
    ChangeParty {
        party: PartyId,
        country: Option<Country>,
        tier: Option<Tier>,
        standing: Option<Standing>,
        particulars: Option<Particulars>,
    },
    /// Open a wallet.
    OpenWallet { wallet: WalletId, party: PartyId },
    /// Freeze, thaw or close a wallet.
    ChangeWallet {
        wallet: WalletId,
        standing: Standing,
    },
    /// Allow a wallet to be overdrawn down to −limit (a tab).
    SetCredit {
        wallet: WalletId,
        asset: AssetNo,
        limit: Atoms,
    },

    /// Money in, not yet settled. `spendable` credits the wallet at once.
    TopUp {
        wallet: WalletId,
        asset: AssetNo,
        amount: Atoms,
        source: Source,
        channel: Channel,
        spendable: bool,
    },
    /// The money of a top-up has arrived.
    SettleTopUp { topup: Id },
    /// The channel took a top-up back, in part or whole. A settled one is carried.
    ReverseTopUp {
        topup: Id,
        amount: Atoms,
        carried: Option<Carried>,
    },
    /// Release income whose source has settled.
    SettleEarned {
        wallet: WalletId,
        asset: AssetNo,
        origin: Source,
        amount: Atoms,
    },
    /// Money out.
    Withdraw {
        wallet: WalletId,
        asset: AssetNo,
        amount: Atoms,
        channel: Channel,
    },
    /// The channel was told.
    SendWithdrawal { withdrawal: Id },
    /// The money has arrived outside.
    SettleWithdrawal { withdrawal: Id },
    /// The money came back.
    ReturnWithdrawal { withdrawal: Id },

    /// Allow an agent to spend.
    GrantMandate {
        payer: WalletId,
        agent: PartyId,
        asset: AssetNo,
        per_payment: Option<Atoms>,
        per_day: Option<Atoms>,
        payees: Vec<WalletId>,
        expires: UtcMillis,
    },
    /// Take that back.
    RevokeMandate { mandate: MandateId },

    /// Call a payment into question; its value is held back.
    OpenDispute {
        payment: Id,
        amount: Atoms,
        carried: Carried,
    },
    /// Decide a dispute.
    ResolveDispute {
        dispute: Id,
        verdict: DisputeVerdict,
    },

    /// Propose an entry that corrects earlier ones.
    ProposeCorrection {
        postings: Vec<Posting>,
        reason: [u8; 32],
    },
    /// Approve it, with another key.
    ApproveCorrection { correction: Id },
    /// Reject it, with any key.
    RejectCorrection { correction: Id },

    /// Propose a law: packs, and what the operator says of itself. Read and reviewed whole; an error
    /// in it is rejected as [`Code::PackInvalid`].
    ProposeLaw { law: Box<NewLaw> },
    /// Approve it, with a key of another line, to take effect then; at or before now is at once. It
    /// is put into force by a timer that is due at that instant.
    ApproveLaw { proposal: Id, effective: UtcMillis },
    /// Reject it, with any key, until it is in force.
    RejectLaw { proposal: Id },

    /// Put tax rules and settings into force. Rules that are not given stay; without settings the
    /// rules are put out of force.
    SetTax {
        rules: Option<Arc<Rules>>,
        settings: Option<Box<TaxSettings>>,
    },
    /// Say what is known of a party for tax.
    SetTaxpayer {
        party: PartyId,
        profile: Box<Profile>,
    },
    /// Set a version of a price: it stands from then, or at once. A definition with an error is rejected
    /// as [`Code::PriceInvalid`].
    SetPrice {
        price: PriceId,
        from: Option<UtcMillis>,
        definition: Box<Price>,
    },
    /// Use a price no more.
    ArchivePrice { price: PriceId },
    /// Set a version of a plan: it stands from then, or at once. A definition with an error is rejected
    /// as [`Code::PlanInvalid`].
    SetPlan {
        plan: PlanId,
        from: Option<UtcMillis>,
        definition: Box<Plan>,
    },
    /// Use a plan no more; who has subscribed goes on.
    ArchivePlan { plan: PlanId },
    /// Subscribe. The command's id is the subscription's, and that of its first payment if it has one now.
    Subscribe { new: Box<NewSubscription> },
    /// Change a subscription.
    ChangeSubscription {
        subscription: Id,
        change: SubscriptionChange,
    },
    /// Post what rounding a paper that was issued left of a tax.
    RoundTax { paper: Id, rounding: TaxRounding },

    /// The node: a timer is due.
    Expire { kind: TimerKind, thing: Id },
    /// The node: refusals that were not journaled one by one.
    CountRefusals {
        party: PartyNo,
        code: Code,
        count: u32,
    },
    /// The node: a part of what was done before a law that is in force and waits for it.
    Backfill { counted: Box<Backfilled> },
    /// The node: a snapshot stands.
    RecordSnapshot { seq: u64, hash: Hash, digest: Hash },
}

impl Command {
    /// The keyed hash of its text.
    #[must_use]
    pub fn text(&self) -> Option<TextHash> {
        self.besides.as_ref()?.texts.get(&self.id).copied()
    }

    /// Whether an agent's key may ask it: what spends under a mandate, alone or together.
    #[must_use]
    pub fn may_be_agents(&self) -> bool {
        matches!(
            self.op,
            Op::Pay { .. }
                | Op::Authorize { .. }
                | Op::Transfer { .. }
                | Op::Split { .. }
                | Op::Group { .. }
        )
    }

    /// What exists already and this is about, with the name of its field; a group is about itself.
    #[must_use]
    pub fn about(&self) -> Option<(&'static str, Id)> {
        match self.op {
            Op::Group { .. } => Some(("items", self.id)),
            Op::Capture { payment, .. }
            | Op::Void { payment }
            | Op::Refund { payment, .. }
            | Op::OpenDispute { payment, .. } => Some(("payment", payment)),
            Op::SettleTopUp { topup } | Op::ReverseTopUp { topup, .. } => Some(("topup", topup)),
            Op::SendWithdrawal { withdrawal }
            | Op::SettleWithdrawal { withdrawal }
            | Op::ReturnWithdrawal { withdrawal } => Some(("withdrawal", withdrawal)),
            Op::RevokeMandate { mandate } => Some(("mandate", mandate.0)),
            Op::ResolveDispute { dispute, .. } => Some(("dispute", dispute)),
            Op::ApproveCorrection { correction } | Op::RejectCorrection { correction } => {
                Some(("correction", correction))
            }
            Op::ChangeSubscription { subscription, .. } => Some(("subscription", subscription)),
            Op::ApproveLaw { proposal, .. } | Op::RejectLaw { proposal } => {
                Some(("proposal", proposal))
            }
            _ => None,
        }
    }
}

/// How a dispute ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisputeVerdict {
    /// The payee keeps the value.
    PayeeWins,
    /// The payer gets it back into the wallet it was paid from.
    PayerWins,
    /// The channel has already paid it back to the payer outside.
    ChannelTook,
}
