//! The law of a tenant: the packs in force, compiled, and how they come into force.
//!
//! What this promises:
//! - A law is *proposed* (its packs' texts stand in that event), *approved* by a key of another
//!   line, and *activated* at the stated instant: three events. [`State::proposals`] holds what is
//!   not yet activated; [`crate::records::Tenant::law`] what is in force.
//! - An activation carries everything that is compiled: [`crate::apply`] takes it as it stands and
//!   never reads a pack. The texts come from the proposals, so the journal alone shows what was in
//!   force on any day.
//! - A measure that begins with what was done before is counted by the shell, from the journal, and
//!   handed in ([`crate::backfill`]); until then the law in force is asked nothing, and who would
//!   need its answer comes again.
//! - Without a law nothing is counted and nothing costs.
//!
//! Where to read it: `state.tenant(no)?.law` is the law in force, with the text of each pack
//! ([`PackKept::text`], to be parsed with [`policy::Pack::parse`]); `state.proposals` are the
//! proposals by tenant and id; what is left of a measure for a party is [`used`] or, measure by
//! measure, [`State::counts_of`]. A preview is [`crate::decide_one`] on a State: it writes nothing.

mod circumstances;
mod counts;
mod moved;

pub use circumstances::{Asked, Circumstances, Confirmed, HOURS_LONG_AGO};
pub use counts::{Count, Counted, Counts};
pub(crate) use counts::{add, add_or_begin, begin, since};
pub(crate) use moved::push;
pub use moved::{Measured, Moved};

use crate::event::Hash;
use crate::ids::{ActorId, Id};
use crate::records::{PartyNo, TenantNo};
use crate::state::State;
use crate::terms::Country;
use crate::time::{UtcMillis, Zone};
use ledger::AssetNo;
use money::{Asset, Atoms};
use policy::{Counter, Pack, Ruleset, Set, Status};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// At most this many bytes of a pack's text.
pub const PACK_BYTES_MAX: usize = 256 * 1024;
/// At most this many packs in a proposal, and in force.
pub const PACKS_MAX: usize = 64;
/// At most this many proposals wait at a time.
pub const PROPOSALS_MAX: usize = 16;
/// The measures of the law begin here; below are the house's own ([`crate::records::MEASURES`]).
pub const MEASURE_FIRST: u16 = 16;

/// A number that a pack leaves to the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnNumber {
    /// The rule, as `eu/sca.low-risk`.
    pub rule: String,
    /// The asset of the number.
    pub asset: Asset,
    /// The number.
    pub atoms: Atoms,
}

/// What an operator says of itself, for the packs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LawSettings {
    /// Where it is licensed or established.
    pub country: Country,
    /// As what.
    pub status: Set<Status>,
    /// Its segments of parties, from 1.
    pub segments: Vec<String>,
    /// Which counter an exemption has, by pack and rule; not said is the amount.
    pub counters: Vec<(String, Counter)>,
    /// Numbers that packs leave to the operator.
    pub numbers: Vec<OwnNumber>,
    /// How far a start is limited; `None` is not at all.
    pub pilot: Option<Pilot>,
    /// What verifying and authenticating earn.
    pub rewards: Rewards,
}

impl Default for LawSettings {
    fn default() -> Self {
        LawSettings {
            country: Country::UNKNOWN,
            status: [Status::None].into_iter().collect(),
            segments: Vec::new(),
            counters: Vec::new(),
            numbers: Vec::new(),
            pilot: None,
            rewards: Rewards::default(),
        }
    }
}

/// "Start small": whom and what a tenant serves for now. Outside it a payment is refused and told
/// so. Opening a region is a new activation with other settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pilot {
    /// The countries of payers and payees; empty is all.
    pub countries: Vec<Country>,
    /// The rails; empty is all.
    pub channels: Set<policy::Channel>,
    /// The payers' tiers; empty is all.
    pub tiers: Set<policy::Tier>,
    /// At most so many different payers.
    pub payers_max: Option<u32>,
    /// At most so much paid in all, in this asset; what is paid in another is converted, rounded up.
    pub volume_max: Option<(AssetNo, u128)>,
}

/// What is taken off the platform's fee, in parts per million of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewards {
    /// By the payer's tier.
    pub tiers: [u32; crate::terms::TIERS],
    /// For a payment confirmed with two factors, if that is more.
    pub strong: u32,
}

/// A law as it is proposed. What is not named stays as it is at the activation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewLaw {
    /// Packs that are new or changed: whole texts.
    pub packs: Vec<Arc<str>>,
    /// The ids of packs taken out.
    pub removed: Vec<String>,
    /// The operator's settings, if they change.
    pub settings: Option<LawSettings>,
    /// The time zones of the packs' territories, compiled; by their names.
    pub zones: Vec<Zone>,
}

/// A pack that is proposed or in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackKept {
    /// Its name: `kr`.
    pub id: String,
    /// Its edition.
    pub version: String,
    /// The hash of its text.
    pub hash: Hash,
    /// Its text, TOML.
    pub text: Arc<str>,
}

/// A pack by name, edition and hash of its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackNamed {
    /// Its name.
    pub id: String,
    /// Its edition.
    pub version: String,
    /// The hash of its text.
    pub hash: Hash,
}

/// A law that is proposed, and perhaps approved. Grows at its end only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Packs that are new or changed, in the order of their ids.
    pub packs: Vec<PackKept>,
    /// The ids of packs taken out.
    pub removed: Vec<String>,
    /// The operator's settings, if they change.
    pub settings: Option<LawSettings>,
    /// The time zones of the packs' territories.
    pub zones: Vec<Zone>,
    /// The line of the key that proposed it.
    pub proposer: ActorId,
    /// When.
    pub proposed: UtcMillis,
    /// When it takes effect, once it is approved.
    pub effective: Option<UtcMillis>,
}

/// A law as it comes into force. Grows at its end only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activated {
    /// Counts the tenant's activations, from 1.
    pub version: u32,
    /// By which proposal.
    pub proposal: Id,
    /// The operator's settings.
    pub settings: LawSettings,
    /// The packs in force, in the order of the ruleset's tables.
    pub packs: Vec<PackNamed>,
    /// What payments are checked against.
    pub ruleset: Arc<Ruleset>,
    /// The ruleset's time zones, in its order.
    pub zones: Vec<Zone>,
    /// The measures, [`MEASURE_FIRST`] and on, that begin with what was done before: nothing is
    /// asked of the law until that is counted ([`crate::backfill`]).
    #[serde(default)]
    pub backfills: Vec<u16>,
}

/// Measures of a law in force that history is being counted for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backfilling {
    /// Which, [`MEASURE_FIRST`] and on.
    pub measures: Vec<u16>,
    /// The part that comes next, from 0.
    pub part: u32,
}

/// A part of what was counted for them. Grows at its end only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backfilled {
    /// Of which version of the law.
    pub version: u32,
    /// Which part, from 0.
    pub part: u32,
    /// Whether it is the last, and the law is asked from now on.
    pub is_last: bool,
    /// What parties have used: no sum twice.
    pub sums: Vec<Counted>,
    /// Of authorizations, top-ups, withdrawals and disputes under way, what they have taken and may
    /// give back.
    pub open: Vec<(Id, Counted)>,
}

/// The law in force for a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Law {
    /// Counts the tenant's activations, from 1.
    pub version: u32,
    /// By which proposal.
    pub proposal: Id,
    /// Since when.
    pub activated: UtcMillis,
    /// The operator's settings.
    pub settings: LawSettings,
    /// The packs, with their texts, in the order of the ruleset's tables.
    pub packs: Vec<PackKept>,
    /// What payments are checked against.
    pub ruleset: Arc<Ruleset>,
    /// The ruleset's time zones, in its order.
    pub zones: Vec<Zone>,
    /// What has to be counted before it is asked.
    pub backfilling: Option<Backfilling>,
}

impl Law {
    /// The moment in each of the ruleset's zones.
    pub fn moments(&self, at: UtcMillis, out: &mut Vec<policy::Civil>) {
        out.clear();
        out.extend(self.zones.iter().map(|zone| zone.moment(at)));
    }

    /// The packs, parsed again from their texts: for words, never for a decision.
    #[must_use]
    pub fn packs_parsed(&self) -> Vec<Pack> {
        let parse = |kept: &PackKept| Pack::parse(&kept.id, &kept.text).ok();
        self.packs.iter().filter_map(parse).collect()
    }

    /// How many periods before the last one a measure keeps.
    #[inline]
    pub(crate) fn periods_kept(&self, measure: u16) -> u32 {
        let Some(number) = measure.checked_sub(MEASURE_FIRST) else {
            return 0;
        };
        // Numbers are given in order, so they are positions unless an edition has lost some.
        let measures = self.ruleset.measures();
        let found = measures
            .get(usize::from(number))
            .filter(|m| m.number == number)
            .or_else(|| self.ruleset.measure(number));
        found.map_or(0, policy::Measured::periods_kept)
    }
}

impl State {
    /// What a party has used of the law's measures, in the order of measure and period.
    #[must_use]
    #[inline]
    pub fn counts_of(&self, party: PartyNo) -> &[Count] {
        let at = self.party(party).counts as usize;
        self.counts.get(at).map_or(&[], |counts| counts)
    }

    /// The law in force for a tenant.
    #[must_use]
    pub fn law(&self, tenant: TenantNo) -> Option<&Law> {
        self.tenant(tenant)?.law.as_deref()
    }
}

/// What a party has used of a measure of the law (its number in [`Ruleset::measures`]) since a
/// period, later ones included.
#[must_use]
pub fn used(state: &State, party: PartyNo, measure: u16, from: u32) -> u128 {
    since(state.counts_of(party), MEASURE_FIRST + measure, from).0
}
