//! What is asked of the rules, and what they answer.

use crate::civil::Civil;
use crate::country::Country;
use crate::dimension::Set;
use crate::program::{Alike, Recall};
use crate::rule::Per;
use crate::vocabulary::{
    Age, Channel, Flag, Funds, PartyKind, Payment, Presence, Product, Screening, Side, StepUp,
    Technology, Tier,
};
use money::Asset;
use serde::{Deserialize, Serialize};

/// What rules look at in a party.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartyFacts {
    /// Where it is; [`Country::UNKNOWN`] is judged by the rest of the world's pack.
    pub country: Country,
    /// How far verified.
    pub tier: Tier,
    /// What it is.
    pub kind: PartyKind,
    /// How old.
    pub age: Age,
    /// The operator's segment, from 1 in the order of the settings; 0 is none.
    pub segment: u8,
}

/// A part of a payment from one source of funds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    /// From which source; of income whose origin has not settled, the origin.
    pub funds: Funds,
    /// How much, atoms.
    pub atoms: u64,
}

/// Hours since something; [`u32::MAX`] is "long ago".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed {
    /// Since the party that the rule is about was registered.
    pub registration: u32,
    /// Since the payer's device was registered.
    pub device: u32,
    /// Since the payer first paid or added this payee.
    pub payee: u32,
    /// Since the payer was told of this payment under a mandate.
    pub notice: u32,
}

impl Elapsed {
    /// All of it long ago.
    pub const LONG_AGO: Elapsed = Elapsed {
        registration: u32::MAX,
        device: u32::MAX,
        payee: u32::MAX,
        notice: u32::MAX,
    };
}

/// Everything that rules look at in one payment, top-up, withdrawal or redemption.
///
/// In a top-up the party is payer and payee; in a withdrawal or redemption too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts<'a> {
    /// What is done.
    pub payment: Payment,
    /// Of what: the asset's shard-local number.
    pub asset: u16,
    /// The parts by source; at least one. They sum to the amount.
    pub legs: &'a [Leg],
    /// Who pays.
    pub payer: PartyFacts,
    /// Who is paid.
    pub payee: PartyFacts,
    /// By which rail.
    pub channel: Channel,
    /// For what.
    pub product: Product,
    /// From where.
    pub presence: Presence,
    /// By what means.
    pub technology: Technology,
    /// What screening found.
    pub screening: Screening,
    /// What else is true.
    pub flags: Set<Flag>,
    /// What the payer has done for this very payment.
    pub confirmed: Set<StepUp>,
    /// How long ago things were.
    pub elapsed: Elapsed,
    /// Whether rules about the payer are asked; of a split, once for the whole.
    pub asks_payer: bool,
    /// Whether rules about the payee are asked; of a split, once for each share.
    pub asks_payee: bool,
}

impl Facts<'_> {
    /// The whole amount, atoms.
    #[must_use]
    #[inline]
    pub fn atoms(&self) -> u64 {
        match self.legs {
            [one] => one.atoms,
            legs => legs
                .iter()
                .fold(0, |sum, leg| sum.saturating_add(leg.atoms)),
        }
    }

    /// Whether the payer has done this, or something stronger.
    #[must_use]
    #[inline]
    pub fn has_done(&self, step_up: StepUp) -> bool {
        self.confirmed.bits() & ((2 << step_up as u32) - 1) != 0
    }

    /// How far a side is verified.
    #[inline]
    pub(crate) fn tier(&self, side: Side) -> Tier {
        match side {
            Side::Payer => self.payer.tier,
            Side::Payee => self.payee.tier,
        }
    }
}

/// An asset of the rules and its shard-local number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleAsset {
    /// The asset.
    pub asset: Asset,
    /// Its number; [`u16::MAX`] if the shard does not know it.
    pub number: u16,
}

/// What was counted before. Answers must not change while one payment is checked.
pub trait Counters {
    /// The sum of a measure over periods, both included. A period later than `to` (a zone that
    /// moved west) counts as `to`.
    fn used(&self, side: Side, measure: u16, from: u32, to: u32) -> u128;

    /// The same, and the period that a move goes to: `to`, or a later one already counted in.
    #[inline]
    fn used_and_period(&self, side: Side, measure: u16, from: u32, to: u32) -> (u128, u32) {
        (self.used(side, measure, from, to), to)
    }

    /// What the party or wallet holds now, in atoms of the asset; what it holds in other assets
    /// is converted, rounded up.
    fn balance(&self, side: Side, per: Per, asset: &RuleAsset) -> u128;
}

/// A rule of a ruleset: its table and its place there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RuleNo {
    /// Which pack, in the order of the activation.
    pub table: u8,
    /// Which of its compiled rules.
    pub line: u8,
}

/// A measure to be moved if the payment is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// Whose.
    pub side: Side,
    /// Which.
    pub measure: u16,
    /// In which period.
    pub period: u32,
    /// By how much: atoms of the measure's asset, or payments.
    pub delta: i128,
    /// The sum over the measure's window before.
    pub before: u128,
}

/// What a rule said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Within the number.
    Within,
    /// An exemption that was used.
    Exempt,
    /// An exemption that did not hold.
    NotExempt,
    /// A duty the payer has already done.
    Done,
    /// Passed, and only noted.
    Noted,
    /// The payer has something to do.
    StepUp,
    /// Refused until verified.
    Verify,
    /// Refused.
    Denied,
    /// Refused because there is no rate into the rule's asset.
    NoRate,
}

/// One rule looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traced {
    /// Which.
    pub rule: RuleNo,
    /// What it said.
    pub outcome: Outcome,
    /// How much was used before: atoms, payments, hours or balance.
    pub used: u128,
    /// What was asked on top, in the same unit.
    pub asked: u64,
}

/// What to do if the payment is made, and what was looked at. Its memory is used again and again.
#[derive(Clone, Debug, Default)]
pub struct Moves {
    /// The measures to be moved; of no use unless allowed.
    pub moves: Vec<Move>,
    /// The rules looked at, in order; of [`Moves::brief`] ones, those only that ask or refuse.
    pub trace: Vec<Traced>,
    pub(crate) is_whole: bool,
    pub(crate) recall: Recall,
}

impl Moves {
    /// With room for the largest of packs, and a whole trace.
    #[must_use]
    pub fn new() -> Moves {
        Moves {
            moves: Vec::with_capacity(32),
            trace: Vec::with_capacity(64),
            is_whole: true,
            ..Moves::default()
        }
    }

    /// For many checks in a row: the trace has what asks or refuses, and nothing else.
    #[must_use]
    pub fn brief() -> Moves {
        Moves::default()
    }

    /// Says which ruleset is asked, at which rates and when: what is to be done for a kind of payment
    /// is then found out once for all payments of that kind. The same `of` must mean the same
    /// ruleset and rates, and moments of the same minute in every zone; by `None` nothing is
    /// remembered until the next.
    #[inline]
    pub fn recall(&mut self, of: Option<u64>) {
        self.recall.begin(of);
    }

    /// Whether a payment from one source is within all its numbers, as far as these were found out
    /// by [`Ruleset::check_alike`](crate::Ruleset::check_alike) for its kind. If not, that is asked.
    ///
    /// `used` is [`Counters::used_and_period`]. `moved` is given what moves, as a [`Move`] has it; of no
    /// use unless within.
    #[inline(always)]
    pub fn is_within(
        &self,
        alike: &Alike,
        atoms: u64,
        used: impl Fn(Side, u16, u32, u32) -> (u128, u32),
        moved: impl FnMut(Side, u16, u32, u64, u64),
    ) -> bool {
        let known = self.recall.within(alike);
        known.is_some_and(|within| within.holds(atoms, used, moved))
    }
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Goes on.
    Allow,
    /// Goes on once the payer has done this.
    StepUp {
        /// What.
        step_up: StepUp,
        /// Because of which rule.
        rule: RuleNo,
    },
    /// Does not.
    Deny {
        /// Because of which rule: the first of those that refuse.
        rule: RuleNo,
        /// The tier that would help, if a tier would.
        verify: Option<Tier>,
    },
}

/// The moment in every zone of a ruleset, in its order.
pub type Moments<'a> = &'a [Civil];
