//! What a simulation comes to: counts by kind of change and by rule, and the payments themselves as
//! far as they are listed.

use crate::code::Code;
use crate::ids::{Id, PartyId};
use crate::records::PartyNo;
use crate::time::UtcMillis;
use ledger::AssetNo;
use policy::{Payment, Verdict};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What history said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Was {
    /// It went through.
    Allowed,
    /// The payer was asked for something.
    StepUp,
    /// The law refused it.
    Refused,
}

impl Was {
    /// The word used in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Was::Allowed => "allowed",
            Was::StepUp => "step_up",
            Was::Refused => "refused",
        }
    }
}

/// What the draft says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Becomes {
    /// It goes through.
    Allowed,
    /// The payer is asked for something.
    StepUp,
    /// It is refused.
    Denied,
}

impl Becomes {
    /// The word used in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Becomes::Allowed => "allowed",
            Becomes::StepUp => "step_up",
            Becomes::Denied => "denied",
        }
    }

    pub(super) fn of(verdict: Verdict) -> Becomes {
        match verdict {
            Verdict::Allow => Becomes::Allowed,
            Verdict::StepUp { .. } => Becomes::StepUp,
            Verdict::Deny { .. } => Becomes::Denied,
        }
    }
}

/// A rule by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RuleName {
    /// The pack; `pilot` if it is none.
    pub pack: String,
    /// The rule in it.
    pub rule: String,
}

impl RuleName {
    /// Of a pilot, whose words stand for rules.
    pub(super) fn of_pilot(code: Code) -> RuleName {
        RuleName {
            pack: "pilot".to_owned(),
            rule: code.as_str().to_owned(),
        }
    }
}

/// A payment that the draft decides otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Its id.
    pub id: Id,
    /// What was done.
    pub payment: Payment,
    /// When it was.
    pub at: UtcMillis,
    /// Who paid.
    pub payer: PartyId,
    /// Of what.
    pub asset: AssetNo,
    /// How much.
    pub atoms: u64,
    /// What history said.
    pub was: Was,
    /// What the draft says.
    pub becomes: Becomes,
    /// Because of which rule.
    pub rule: Option<RuleName>,
}

/// How many change, how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// By what it was and becomes.
    pub kinds: BTreeMap<(Was, Becomes), u64>,
    /// The sums of their amounts, by asset.
    pub volume: BTreeMap<AssetNo, u128>,
    /// How many different payers.
    pub payers: u64,
}

impl Changes {
    /// How many in all.
    #[must_use]
    pub fn payments(&self) -> u64 {
        self.kinds.values().sum()
    }
}

/// What changes by one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleChanges {
    /// Which; none where a rule that asked or refused is no longer there.
    pub rule: Option<RuleName>,
    /// What.
    pub changes: Changes,
}

/// What came of a simulation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Simulated {
    /// How many decisions of history were compared.
    pub payments: u64,
    /// Of how many payers.
    pub payers: u64,
    /// The sums of their amounts, by asset.
    pub volume: BTreeMap<AssetNo, u128>,
    /// What changes.
    pub changes: Changes,
    /// What changes by each rule, most first.
    pub rules: Vec<RuleChanges>,
    /// The first that change, as many as were to be listed.
    pub changed: Vec<Changed>,
}

/// One comparison.
pub(super) struct Noted {
    pub id: Id,
    pub payment: Payment,
    pub at: UtcMillis,
    pub party: PartyNo,
    pub public: PartyId,
    pub asset: AssetNo,
    pub atoms: u64,
    pub was: Was,
    pub becomes: Becomes,
    pub rule: Option<RuleName>,
}

/// The counts while they grow.
#[derive(Debug)]
pub(super) struct Tally {
    list_max: usize,
    out: Simulated,
    payers: BTreeSet<PartyNo>,
    changed: Counting,
    rules: BTreeMap<Option<RuleName>, Counting>,
}

#[derive(Debug, Default)]
struct Counting {
    changes: Changes,
    payers: BTreeSet<PartyNo>,
}

impl Counting {
    fn note(&mut self, noted: &Noted) {
        let kind = (noted.was, noted.becomes);
        *self.changes.kinds.entry(kind).or_default() += 1;
        let volume = self.changes.volume.entry(noted.asset).or_default();
        *volume = volume.saturating_add(u128::from(noted.atoms));
        self.payers.insert(noted.party);
    }

    fn finish(mut self) -> Changes {
        self.changes.payers = self.payers.len() as u64;
        self.changes
    }
}

impl Tally {
    pub fn new(list_max: usize) -> Tally {
        Tally {
            list_max,
            out: Simulated::default(),
            payers: BTreeSet::new(),
            changed: Counting::default(),
            rules: BTreeMap::new(),
        }
    }

    pub fn compared(&self) -> u64 {
        self.out.payments
    }

    pub fn note(&mut self, noted: Noted) {
        self.out.payments += 1;
        self.payers.insert(noted.party);
        let volume = self.out.volume.entry(noted.asset).or_default();
        *volume = volume.saturating_add(u128::from(noted.atoms));
        let stays = matches!(
            (noted.was, noted.becomes),
            (Was::Allowed, Becomes::Allowed)
                | (Was::StepUp, Becomes::StepUp)
                | (Was::Refused, Becomes::Denied)
        );
        if stays {
            return;
        }
        self.changed.note(&noted);
        self.rules
            .entry(noted.rule.clone())
            .or_default()
            .note(&noted);
        if self.out.changed.len() < self.list_max {
            self.out.changed.push(Changed {
                id: noted.id,
                payment: noted.payment,
                at: noted.at,
                payer: noted.public,
                asset: noted.asset,
                atoms: noted.atoms,
                was: noted.was,
                becomes: noted.becomes,
                rule: noted.rule,
            });
        }
    }

    pub fn finish(self) -> Simulated {
        let mut out = self.out;
        out.payers = self.payers.len() as u64;
        out.changes = self.changed.finish();
        let rules = self.rules.into_iter();
        out.rules = rules
            .map(|(rule, counting)| RuleChanges {
                rule,
                changes: counting.finish(),
            })
            .collect();
        let most = |rule: &RuleChanges| std::cmp::Reverse(rule.changes.payments());
        out.rules.sort_by_key(most);
        out
    }
}
