//! What happened: one model for every event.
//!
//! An event is a header, postings and typed effects. `apply` folds it into State and holds no rule;
//! what an event says is never recomputed.
//!
//! **Frozen once released.** New variants are added at the end of [`EventKind`] and [`Effect`]. The
//! fields of a variant stay as they are, except that a record behind its length ([`framed`]) may
//! grow: at its end only, and what an older row lacks reads as zero.

use crate::code::Code;
use crate::codec::framed;
use crate::command::Op;
use crate::ids::{ActorId, Id, PartyId, TenantId, WalletId};
use crate::law::{Activated, Asked, Backfilled, Counted, Moved, Proposal};
use crate::prices::{Metered, PriceSet, Priced};
use crate::recents::Window;
use crate::records::{
    Correction, Dispute, Hold, Key, Mandate, Mode, Particulars, PartyKind, PartyNo, Pending,
    PriceNo, Standing, TenantNo, TopUp, WalletNo, Withdrawal,
};
use crate::taxes::{Case, Profile, TaxMove, TaxSet};
use crate::terms::{Country, Terms, Tier};
use crate::time::UtcMillis;
use ledger::{AccountClass, AccountNo, AssetNo, Posting, Source};
use money::Asset;
use serde::{Deserialize, Serialize};

/// A BLAKE3 hash.
pub type Hash = [u8; 32];

/// A hash of a text, under a key of the person it is about: once that key is destroyed it says nothing.
pub type TextHash = [u8; 16];

macro_rules! kinds {
    ($($name:ident = $text:literal;)*) => {
        /// What an event is, in a word.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[allow(missing_docs)]
        pub enum EventKind { $($name,)* }

        impl EventKind {
            /// Every kind, in the order of their frozen numbers.
            pub const ALL: &'static [EventKind] = &[$(EventKind::$name),*];

            /// The word used in the API.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(EventKind::$name => $text,)* }
            }
        }
    };
}

kinds! {
    Paid = "payment.paid";
    Refused = "refused";
    StepUpAsked = "payment.step_up";
    StepUpExpired = "payment.step_up_expired";
    Authorized = "payment.authorized";
    Captured = "payment.captured";
    Voided = "payment.voided";
    HoldExpired = "payment.expired";
    Refunded = "payment.refunded";
    Transferred = "transfer.made";
    Split = "payment.split";
    Grouped = "group.done";
    ShardSet = "shard.set";
    AssetRegistered = "asset.registered";
    TenantOpened = "tenant.opened";
    TermsSet = "terms.set";
    PartyRegistered = "party.registered";
    PartyChanged = "party.changed";
    WalletOpened = "wallet.opened";
    WalletChanged = "wallet.changed";
    CreditSet = "credit.set";
    TopUpPending = "topup.pending";
    TopUpSettled = "topup.settled";
    TopUpReversed = "topup.reversed";
    EarnedSettled = "earned.settled";
    WithdrawalRequested = "withdrawal.requested";
    WithdrawalSent = "withdrawal.sent";
    WithdrawalSettled = "withdrawal.settled";
    WithdrawalReturned = "withdrawal.returned";
    MandateGranted = "mandate.granted";
    MandateRevoked = "mandate.revoked";
    DisputeOpened = "dispute.opened";
    DisputeWon = "dispute.won";
    DisputeLost = "dispute.lost";
    CorrectionProposed = "correction.proposed";
    CorrectionMade = "correction.made";
    RefusalsCounted = "refusals.counted";
    SnapshotTaken = "snapshot.taken";
    CorrectionRejected = "correction.rejected";
    CorrectionExpired = "correction.expired";
    LawProposed = "law.proposed";
    LawApproved = "law.approved";
    LawRejected = "law.rejected";
    LawActivated = "law.activated";
    LawBackfilled = "law.backfilled";
    TaxSet = "tax.set";
    TaxpayerSet = "taxpayer.set";
    TaxRounded = "tax.rounded";
    TransferRefused = "transfer.refused";
    PriceSet = "price.set";
    PriceArchived = "price.archived";
    TransferStepUpAsked = "transfer.step_up";
    TransferStepUpExpired = "transfer.step_up_expired";
    CaptureRefused = "capture.refused";
    RefundRefused = "refund.refused";
    TopUpRefused = "topup.refused";
    WithdrawalRefused = "withdrawal.refused";
    GroupRefused = "group.refused";
}

impl EventKind {
    /// The refusal of a command: what is no payment has a kind of its own, so that it is listed with
    /// what it is.
    pub(crate) fn refusal_of(op: &Op) -> EventKind {
        match op {
            Op::Transfer { .. } => EventKind::TransferRefused,
            Op::Capture { .. } => EventKind::CaptureRefused,
            Op::Refund { .. } => EventKind::RefundRefused,
            Op::TopUp { .. } => EventKind::TopUpRefused,
            Op::Withdraw { .. } => EventKind::WithdrawalRefused,
            Op::Group { .. } => EventKind::GroupRefused,
            _ => EventKind::Refused,
        }
    }

    /// Whether a command was refused; in older journals whatever it was is [`EventKind::Refused`].
    #[must_use]
    pub fn is_refusal(self) -> bool {
        matches!(
            self,
            EventKind::Refused
                | EventKind::TransferRefused
                | EventKind::CaptureRefused
                | EventKind::RefundRefused
                | EventKind::TopUpRefused
                | EventKind::WithdrawalRefused
                | EventKind::GroupRefused
        )
    }

    /// Whether a payment or a transfer waits for its payer since.
    #[must_use]
    pub fn asks_step_up(self) -> bool {
        matches!(
            self,
            EventKind::StepUpAsked | EventKind::TransferStepUpAsked
        )
    }

    /// Whether what waited for its payer was not confirmed in time.
    #[must_use]
    pub fn is_step_up_expired(self) -> bool {
        matches!(
            self,
            EventKind::StepUpExpired | EventKind::TransferStepUpExpired
        )
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The batch's time.
    pub at: UtcMillis,
    /// In whose space.
    pub tenant: TenantNo,
    /// What.
    pub kind: EventKind,
    /// The id of the command it answers; zero if it was the node's own.
    pub id: Id,
    /// How balances moved; sums to zero per asset.
    pub postings: Vec<Posting>,
    /// What else changed, in order.
    pub effects: Vec<Effect>,
}

/// What a payment was made of; the words of a receipt. Grows at its end only; what an older row lacks
/// reads as zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paid {
    /// Who paid.
    pub payer: WalletNo,
    /// Who was paid; of a split, the first.
    pub payee: WalletNo,
    /// In what.
    pub asset: AssetNo,
    /// All included, atoms.
    pub gross: u64,
    /// The tax in it, atoms.
    pub tax: u64,
    /// The platform's fee in it, atoms.
    pub fee: u64,
    /// The version of the tenant's terms.
    pub terms: u32,
    /// The authorization this captures, or the payment this refunds; zero if neither.
    pub of: Id,
    /// How far the payer was verified when it was decided.
    pub tier: Tier,
    /// The version of the tenant's law; zero if none was in force.
    pub law: u32,
    /// What was decided of its tax ([`crate::State::tax_case`]); zero if no tax rules were in force. Of
    /// a split, the first share's: [`Part::tax_moves`] tells each.
    pub case: u32,
}

/// A refusal with its numbers; words are made from the code. Grows at its end only; what an older row
/// lacks reads as zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Why.
    pub code: Code,
    /// Who asked, or [`PartyNo::NONE`].
    pub party: PartyNo,
    /// Whose wallet, or [`WalletNo::NONE`].
    pub wallet: WalletNo,
    /// Who would have been paid, or [`WalletNo::NONE`].
    pub payee: WalletNo,
    /// What the numbers are in.
    pub asset: AssetNo,
    /// What was asked, atoms.
    pub asked: u64,
    /// The limit or what there was, atoms.
    pub limit: u128,
    /// How much of it was used before, atoms.
    pub used: u128,
    /// The item of a group, from 0.
    pub item: u32,
    /// The version of the tenant's terms.
    pub terms: u32,
    /// How far `party` was verified.
    pub tier: Tier,
    /// The hash of all that was asked, to tell another command under the same id.
    pub content: Hash,
    /// The version of the tenant's law; zero if none was in force.
    pub law: u32,
    /// The law's rule that refused it, with its own numbers. Only those who may see the rule are
    /// shown it: [`policy::Ruleset::is_visible`].
    pub rule: Option<policy::Traced>,
    /// The tier that would help, if the law says so.
    pub verify: Option<policy::Tier>,
}

/// A change of State besides balances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// A payment, capture or refund, for receipts. Changes nothing by itself.
    Paid(#[serde(with = "framed")] Paid),
    /// A party's spending moved by `delta` in a period of a measure; `before` is the trace.
    /// Measures 0 and 1 are the house's own day and month; the law's begin at
    /// [`crate::law::MEASURE_FIRST`].
    Measured {
        party: PartyNo,
        measure: u16,
        period: u32,
        delta: i128,
        before: u128,
    },
    /// A refusal. Counts towards the second's refusals of its tenant, party and code.
    Refused(#[serde(with = "framed")] Box<Refused>),
    /// An account was opened and is the owner's last.
    AccountOpened {
        /// Its number: always the next.
        no: AccountNo,
        /// What for.
        class: AccountClass,
        /// The wallet, party or tenant.
        owner: u32,
        /// Channel or country.
        sub: u16,
        /// In what.
        asset: AssetNo,
        /// The source of a wallet account.
        source: Option<Source>,
        /// What its value rests on and has not settled; of a receivable, what is missing.
        origin: Option<Source>,
    },
    /// More (or less) of an account's balance is held.
    Held { account: AccountNo, delta: i128 },
    /// An authorization stands.
    HoldOpened(#[serde(with = "framed")] Box<Hold>),
    /// A leg of an authorization was taken or released.
    HoldTaken { payment: Id, leg: u32, amount: u64 },
    /// An authorization was captured by so much more, with so much tax and fee in it.
    HoldCaptured {
        payment: Id,
        amount: u64,
        tax: u64,
        fee: u64,
    },
    /// An authorization is no more.
    HoldClosed { payment: Id },
    /// So much more of a payment, capture or top-up has been taken back.
    Reversed { thing: Id, amount: u64 },
    /// So much less of it has (a dispute was decided for the payee).
    Unreversed { thing: Id, amount: u64 },
    /// An agent has spent on its mandate.
    MandateUsed {
        mandate: Id,
        day: u32,
        delta: i128,
        before: u128,
    },
    /// One item of a group ends here: its id, kind, and how many postings and effects up to here.
    Part {
        id: Id,
        kind: EventKind,
        postings: u32,
        effects: u32,
    },

    /// The shard's settings.
    ShardSet {
        #[serde(with = "framed")]
        window: Window,
    },
    /// The next asset.
    AssetRegistered {
        #[serde(with = "framed")]
        asset: Asset,
    },
    /// The next tenant.
    TenantOpened { tenant: TenantId, mode: Mode },
    /// The tenant's terms, as their next version.
    TermsSet(#[serde(with = "framed")] Box<Terms>),
    /// The next party.
    PartyRegistered {
        party: PartyId,
        kind: PartyKind,
        country: Country,
        tier: Tier,
        particulars: Particulars,
    },
    /// A party's particulars.
    PartyChanged {
        party: PartyNo,
        country: Country,
        tier: Tier,
        standing: Standing,
        particulars: Particulars,
    },
    /// The next wallet.
    WalletOpened { wallet: WalletId, party: PartyNo },
    /// A wallet's standing.
    WalletChanged {
        wallet: WalletNo,
        standing: Standing,
    },
    /// How far an account may be overdrawn.
    CreditSet { account: AccountNo, limit: u64 },
    /// A top-up awaits settlement.
    TopUpOpened(#[serde(with = "framed")] Box<TopUp>),
    /// A top-up is settled or wholly reversed; its record for later reversals.
    TopUpClosed {
        topup: Id,
        #[serde(with = "framed")]
        record: Box<TopUp>,
    },
    /// How what has settled of a source, and rests with holders not known one by one, moves.
    SourceSettled {
        asset: AssetNo,
        source: Source,
        delta: i128,
    },
    /// A withdrawal is under way.
    WithdrawalOpened(#[serde(with = "framed")] Box<Withdrawal>),
    /// The channel was told.
    WithdrawalSent { withdrawal: Id },
    /// It has ended.
    WithdrawalClosed { withdrawal: Id },
    /// An agent may spend.
    MandateGranted(#[serde(with = "framed")] Box<Mandate>),
    /// It may no more.
    MandateRevoked { mandate: Id },
    /// A payment awaits its payer's confirmation.
    PendingOpened(#[serde(with = "framed")] Box<Pending>),
    /// It waits no more.
    PendingClosed { payment: Id },
    /// A dispute is open.
    DisputeOpened(#[serde(with = "framed")] Box<Dispute>),
    /// It is decided.
    DisputeClosed { dispute: Id },
    /// A correction awaits its second key.
    CorrectionProposed(#[serde(with = "framed")] Box<Correction>),
    /// It was made, rejected, or too late.
    CorrectionClosed { correction: Id },
    /// Refusals that were not journaled one by one.
    RefusalsCounted {
        party: PartyNo,
        code: Code,
        count: u32,
    },
    /// A snapshot of the state after a row stands.
    SnapshotTaken {
        seq: u64,
        hash: Hash,
        digest: Hash,
        /// Of the snapshot format, which the hash and the digest depend on.
        version: u16,
    },
    /// Which key asked.
    By(ActorId),
    /// What this is about: a top-up settled, a hold voided, a withdrawal sent.
    About { thing: Id },
    /// Which of the texts kept beside the journal is this one's.
    Text { hash: TextHash },
    /// What rested on a source became free. Changes nothing by itself.
    Released {
        wallet: WalletNo,
        asset: AssetNo,
        origin: Source,
        amount: u64,
    },
    /// What was asked of the law, where it was not ordinary. Changes nothing by itself.
    Asked(#[serde(with = "framed")] Box<Asked>),
    /// What a capture has used of what its authorization reserved in the law's measures, to be given
    /// back by its refunds. Changes nothing by itself.
    Counted(Counted),
    /// A law awaits its second key.
    LawProposed(#[serde(with = "framed")] Box<Proposal>),
    /// It has it, and takes effect then.
    LawApproved { proposal: Id, effective: UtcMillis },
    /// It was rejected, or could no longer be put into force.
    LawClosed { proposal: Id },
    /// A law is in force.
    LawActivated(#[serde(with = "framed")] Box<Activated>),
    /// A wallet has been loaded and now holds this much: what a share that is left is of.
    Loaded {
        wallet: WalletNo,
        asset: AssetNo,
        holds: u64,
    },
    /// A payment counts in the pilot: of this payer, so much in the pilot's asset.
    Piloted { payer: PartyNo, amount: u64 },
    /// What was done before a law is counted for it.
    Backfilled(#[serde(with = "framed")] Box<Backfilled>),
    /// Tax rules and settings are in force.
    TaxSet(#[serde(with = "framed")] Box<TaxSet>),
    /// What is known of a party for tax.
    TaxpayerSet {
        party: PartyNo,
        #[serde(with = "framed")]
        profile: Box<Profile>,
    },
    /// A case was decided for the first time: the next one.
    TaxCase(#[serde(with = "framed")] Box<Case>),
    /// So much of a payment's fee is tax. `case` is the payment's, which stands right before it; zero
    /// where it is counted otherwise.
    FeeTax {
        case: u32,
        asset: AssetNo,
        amount: u64,
    },
    /// Tax and turnover moved by a capture, refund or dispute, or by one share of a split; or tax by a
    /// paper's rounding.
    Taxed(#[serde(with = "framed")] Box<TaxMove>),
    /// Measures of the law moved by a payment: each as [`Effect::Measured`] has one.
    Moved(Moved),
    /// A version of a price; a price that is not known is the next.
    PriceSet(#[serde(with = "framed")] Box<PriceSet>),
    /// A price is used no more.
    PriceArchived { price: PriceNo },
    /// What a payment was priced by. Changes nothing by itself.
    Priced(#[serde(with = "framed")] Priced),
    /// A meter has moved.
    Metered(Metered),
}

// Effects are written one after another for every payment: what is large and rare is boxed.
const _: () = assert!(size_of::<Effect>() <= 80);

/// One item of an event: the whole of it, or one of a group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part<'e> {
    /// The item's id.
    pub id: Id,
    /// What it is.
    pub kind: EventKind,
    /// Its postings.
    pub postings: &'e [Posting],
    /// Its effects.
    pub effects: &'e [Effect],
}

impl Event {
    /// An empty event to fill; its memory is used again and again.
    #[must_use]
    pub fn empty() -> Event {
        Event {
            at: UtcMillis(0),
            tenant: TenantNo(0),
            kind: EventKind::Paid,
            id: Id::NONE,
            postings: Vec::with_capacity(16),
            effects: Vec::with_capacity(16),
        }
    }

    /// Starts over with a new header.
    pub fn begin(&mut self, at: UtcMillis, tenant: TenantNo, kind: EventKind, id: Id) {
        (self.at, self.tenant, self.kind, self.id) = (at, tenant, kind, id);
        self.postings.clear();
        self.effects.clear();
    }

    /// The items: those of a group, or the event as its only one.
    pub fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let grouped = self.kind == EventKind::Grouped;
        let whole = (!grouped).then_some(Part {
            id: self.id,
            kind: self.kind,
            postings: &self.postings,
            effects: &self.effects,
        });
        let (mut postings_from, mut effects_from) = (0, 0);
        let items = self.effects.iter().filter_map(move |effect| match *effect {
            Effect::Part {
                id,
                kind,
                postings,
                effects,
            } if grouped => {
                let part = Part {
                    id,
                    kind,
                    postings: self.postings.get(postings_from..postings as usize)?,
                    effects: self.effects.get(effects_from..effects as usize)?,
                };
                (postings_from, effects_from) = (postings as usize, effects as usize + 1);
                Some(part)
            }
            _ => None,
        });
        whole.into_iter().chain(items)
    }

    /// The item of this id.
    #[must_use]
    pub fn part(&self, id: Id) -> Option<Part<'_>> {
        self.parts().find(|part| part.id == id)
    }

    /// The item of this id as an event of its own.
    #[must_use]
    pub fn only(&self, id: Id) -> Option<Event> {
        let part = self.part(id)?;
        Some(Event {
            at: self.at,
            tenant: self.tenant,
            kind: part.kind,
            id: part.id,
            postings: part.postings.to_vec(),
            effects: part.effects.to_vec(),
        })
    }

    /// The refusal, if it is one: also of a payment that was not confirmed in time.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refused> {
        let refuses = self.kind.is_refusal() || self.kind.is_step_up_expired();
        match self.effects.first() {
            Some(Effect::Refused(refused)) if refuses => Some(refused),
            _ => None,
        }
    }

    /// The key of the thing this event is.
    #[must_use]
    pub fn key(&self) -> Key {
        (self.tenant, self.id)
    }
}

impl<'e> Part<'e> {
    /// What waits for its payer since.
    #[must_use]
    pub fn pending(&self) -> Option<&'e Pending> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::PendingOpened(pending) => Some(&**pending),
            _ => None,
        })
    }

    /// What was asked of the law, where it was not ordinary.
    #[must_use]
    pub fn asked(&self) -> Option<&Asked> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::Asked(asked) => Some(&**asked),
            _ => None,
        })
    }

    /// Which text is its.
    #[must_use]
    pub fn text(&self) -> Option<TextHash> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::Text { hash } => Some(*hash),
            _ => None,
        })
    }

    /// What it was priced by, if by a price.
    #[must_use]
    pub fn priced(&self) -> Option<&Priced> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::Priced(priced) => Some(priced),
            Effect::HoldOpened(hold) => hold.priced.as_ref().map(|(priced, _)| priced),
            _ => None,
        })
    }

    /// How it moved its payer's meter.
    #[must_use]
    pub fn metered(&self) -> Option<&Metered> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::Metered(metered) => Some(metered),
            _ => None,
        })
    }

    /// How much of the fee is tax, atoms.
    #[must_use]
    pub fn fee_tax(&self) -> u64 {
        let found = self.effects.iter().find_map(|effect| match effect {
            Effect::FeeTax { amount, .. } => Some(*amount),
            _ => None,
        });
        found.unwrap_or(0)
    }

    /// How tax and turnover move by it; `party_of` a wallet. Of a split there is one for each share.
    /// None if no tax rules were in force.
    pub fn tax_moves(
        &self,
        party_of: impl Fn(WalletNo) -> PartyNo,
    ) -> impl Iterator<Item = TaxMove> {
        let explicit = self.effects.iter().filter_map(|effect| match effect {
            Effect::Taxed(moved) => Some(**moved),
            _ => None,
        });
        let of_payment = || {
            let paid = self
                .paid()
                .filter(|paid| paid.case > 0 && !paid.of.is_some())?;
            let fee_tax = self.fee_tax();
            Some(TaxMove {
                case: paid.case,
                seller: party_of(paid.payee),
                asset: paid.asset,
                net: i128::from(paid.gross - paid.tax),
                tax: i128::from(paid.tax),
                fee: i128::from(paid.fee - fee_tax),
                fee_tax: i128::from(fee_tax),
                of: self.id,
            })
        };
        let by_itself = match explicit.clone().next() {
            Some(_) => None,
            None => of_payment(),
        };
        explicit.chain(by_itself)
    }

    /// What the payment was made of.
    #[must_use]
    pub fn paid(&self) -> Option<&Paid> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::Paid(paid) => Some(paid),
            _ => None,
        })
    }
}
