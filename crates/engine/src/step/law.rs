//! Stage 9: the law in force, on the whole plan.

use crate::law::Law;
use crate::records::{Party, PartyKind};
use crate::terms::{Country, Tier};
use crate::time::UtcMillis;
use policy::{Date, Dimension, Subject};

/// A country as the rules know it.
#[inline]
pub(crate) fn country(country: Country) -> policy::Country {
    policy::Country::from_letters(country.0)
}

/// A tier as the rules know it.
#[inline]
pub(crate) fn tier(tier: Tier) -> policy::Tier {
    let last = policy::Tier::Business;
    policy::Tier::ALL
        .get(usize::from(tier.0))
        .copied()
        .unwrap_or(last)
}

/// A kind of party as the rules know it.
#[inline]
pub(crate) fn kind(kind: PartyKind) -> policy::PartyKind {
    match kind {
        PartyKind::Person => policy::PartyKind::Person,
        PartyKind::Business => policy::PartyKind::Business,
        PartyKind::Agent => policy::PartyKind::Agent,
    }
}

/// What a party is, for words.
pub(crate) fn subject(party: &Party) -> Subject {
    Subject {
        tier: tier(party.tier),
        kind: kind(party.kind),
    }
}

/// The civil day in a party's country.
pub(crate) fn day(law: &Law, party: &Party, at: UtcMillis) -> Date {
    let zone = law.ruleset.zone_of(country(party.country));
    let zone = zone.and_then(|zone| law.zones.get(zone));
    let utc = at.0 / 86_400_000;
    zone.map_or(Date(u32::try_from(utc).unwrap_or(0)), |zone| {
        Date(zone.civil(at).day.0)
    })
}
