//! How a law comes into force: proposed, approved by a second person, activated at its instant.
//!
//! - Nothing is proposed that cannot be read or contradicts itself, nor what does not go together
//!   with what is in force.
//! - Two keys are two people: whoever proposed cannot approve.
//! - An activation compiles once and carries the outcome. What is not named in a proposal stays as
//!   it is *at the activation*, so two proposals approved for different days add up.

use crate::code::Code;
use crate::decide::{Rule, Stop};
use crate::event::{Effect, EventKind};
use crate::ids::Id;
use crate::law::{
    Activated, Backfilled, Law, LawSettings, MEASURE_FIRST, NewLaw, PACK_BYTES_MAX, PACKS_MAX,
    PROPOSALS_MAX, PackKept, PackNamed, Proposal,
};
use crate::records::WalletNo;
use crate::state::State;
use crate::step::Draft;
use crate::time::{UtcMillis, Zone};
use crate::view::View;
use ledger::AssetNo;
use policy::{Amount, Date, Level, Pack, Settings};
use std::sync::Arc;

/// At most so many transitions a time zone.
const TRANSITIONS_MAX: usize = 1_000;

pub(crate) fn propose<V: View>(draft: &mut Draft<'_, V>, law: &NewLaw) -> Rule {
    let malformed = |field| Err(Stop::Reject(Code::Malformed, field));
    if law.packs.is_empty() && law.removed.is_empty() && law.settings.is_none() {
        return malformed("packs");
    }
    if !draft.actor.0.is_some() {
        return malformed("actor");
    }
    if law.packs.len() > PACKS_MAX || law.removed.len() > PACKS_MAX {
        return Err(Stop::Reject(Code::TooMany, "packs"));
    }
    if law.packs.iter().any(|text| text.len() > PACK_BYTES_MAX) {
        return Err(Stop::Reject(Code::TooMany, "packs"));
    }
    let tenant = draft.tenant;
    let waiting = draft.state().proposals.keys().filter(|key| key.0 == tenant);
    if waiting.count() >= PROPOSALS_MAX {
        return Err(Stop::Reject(Code::TooMany, "proposals"));
    }
    if let Some(settings) = &law.settings {
        check_settings(draft, settings)?;
    }
    let is_sound = |zone: &Zone| {
        let transitions = &zone.transitions;
        transitions.len() <= TRANSITIONS_MAX && transitions.is_sorted_by_key(|(from, _)| *from)
    };
    if !law.zones.iter().all(is_sound) {
        return malformed("zones");
    }
    let mut packs = Vec::with_capacity(law.packs.len());
    for text in &law.packs {
        let (pack, kept) = read(text)?;
        let has_zone = |name: &str| law.zones.iter().any(|zone| zone.name == name);
        if !pack.territories.iter().all(|t| has_zone(&t.zone)) {
            return malformed("zones");
        }
        packs.push(kept);
    }
    packs.sort_by(|a, b| a.id.cmp(&b.id));
    let twice = packs.windows(2).any(|pair| pair[0].id == pair[1].id);
    if twice || packs.iter().any(|pack| law.removed.contains(&pack.id)) {
        return malformed("packs");
    }
    let proposal = Proposal {
        packs,
        removed: law.removed.clone(),
        settings: law.settings.clone(),
        zones: law.zones.clone(),
        proposer: draft.line(),
        proposed: draft.now,
        effective: None,
    };
    if compile(draft, Id::NONE, &proposal).is_none() {
        return Err(draft.deny(Code::LawConflict, WalletNo::NONE, AssetNo(0), 0));
    }
    draft.out.kind = EventKind::LawProposed;
    draft.effect(Effect::LawProposed(Box::new(proposal)));
    draft.note_actor();
    Ok(())
}

/// Reads and reviews a pack.
fn read(text: &Arc<str>) -> Rule<(Pack, PackKept)> {
    let invalid = || Stop::Reject(Code::PackInvalid, "packs");
    let pack = Pack::parse("pack", text).map_err(|_| invalid())?;
    let contradicts = policy::review(&pack)
        .iter()
        .any(|finding| finding.level == Level::Error);
    if contradicts {
        return Err(invalid());
    }
    let kept = PackKept {
        id: pack.id.clone(),
        version: pack.version.clone(),
        hash: *blake3::hash(text.as_bytes()).as_bytes(),
        text: text.clone(),
    };
    Ok((pack, kept))
}

fn check_settings<V: View>(draft: &Draft<'_, V>, settings: &LawSettings) -> Rule {
    let segments = &settings.segments;
    let twice = (1..segments.len()).any(|n| segments[..n].contains(&segments[n]));
    if segments.len() > policy::SEGMENTS_MAX || twice {
        return Err(Stop::Reject(Code::Malformed, "segments"));
    }
    let pilot = settings.pilot.as_ref();
    let counted_in = pilot.and_then(|pilot| pilot.volume_max);
    if counted_in.is_some_and(|(asset, _)| asset.0 as usize >= draft.state().assets.len()) {
        return Err(Stop::Reject(Code::NotFound, "pilot"));
    }
    let rewards = &settings.rewards;
    let whole = 1_000_000;
    if rewards.strong > whole || rewards.tiers.iter().any(|part| *part > whole) {
        return Err(Stop::Reject(Code::Malformed, "rewards"));
    }
    Ok(())
}

fn find<V: View>(draft: &Draft<'_, V>, proposal: Id) -> Rule<Proposal> {
    let found = draft.state().proposals.get(&draft.key(proposal));
    found
        .cloned()
        .ok_or(Stop::Reject(Code::NotFound, "proposal"))
}

pub(crate) fn approve<V: View>(
    draft: &mut Draft<'_, V>,
    proposal: Id,
    effective: UtcMillis,
) -> Rule {
    let record = find(draft, proposal)?;
    let deny = |code| Err(draft.deny(code, WalletNo::NONE, AssetNo(0), 0));
    if record.effective.is_some() {
        return deny(Code::WrongState);
    }
    if draft.line() == record.proposer || !draft.actor.0.is_some() {
        return deny(Code::SameKey);
    }
    if compile(draft, proposal, &record).is_none() {
        return deny(Code::LawConflict);
    }
    draft.out.kind = EventKind::LawApproved;
    draft.effect(Effect::About { thing: proposal });
    let effective = effective.max(draft.now);
    draft.effect(Effect::LawApproved {
        proposal,
        effective,
    });
    draft.note_actor();
    Ok(())
}

pub(crate) fn reject<V: View>(draft: &mut Draft<'_, V>, proposal: Id) -> Rule {
    find(draft, proposal)?;
    close(draft, proposal);
    draft.note_actor();
    Ok(())
}

fn close<V: View>(draft: &mut Draft<'_, V>, proposal: Id) {
    draft.out.kind = EventKind::LawRejected;
    draft.effect(Effect::About { thing: proposal });
    draft.effect(Effect::LawClosed { proposal });
}

/// Its instant has come. What no longer goes together with what came into force meanwhile is
/// rejected: the law in force stays.
pub(crate) fn activate<V: View>(draft: &mut Draft<'_, V>, proposal: Id) -> Rule {
    let record = find(draft, proposal)?;
    if record.effective.is_none_or(|at| draft.now < at) {
        return Err(Stop::Reject(Code::NotFound, "timer"));
    }
    let Some(activated) = compile(draft, proposal, &record) else {
        close(draft, proposal);
        return Ok(());
    };
    draft.out.kind = EventKind::LawActivated;
    draft.effect(Effect::About { thing: proposal });
    draft.effect(Effect::LawActivated(Box::new(activated)));
    Ok(())
}

/// What a proposal comes to on top of the law in force; `None` if it does not go together.
fn compile<V: View>(draft: &Draft<'_, V>, id: Id, proposal: &Proposal) -> Option<Activated> {
    preview(draft.state(), draft.tenant, id, proposal, draft.now)
}

/// What a proposal would come to if it were put into force now; `None` if it does not go together
/// with what is in force.
pub(crate) fn preview(
    state: &State,
    tenant: crate::records::TenantNo,
    id: Id,
    proposal: &Proposal,
    now: UtcMillis,
) -> Option<Activated> {
    let law: Option<&Law> = state.law(tenant);
    let stays = |kept: &&PackKept| {
        !proposal.removed.contains(&kept.id) && proposal.packs.iter().all(|pack| pack.id != kept.id)
    };
    let before = law.map_or(&[][..], |law| &law.packs);
    let mut kept: Vec<&PackKept> = before.iter().filter(stays).collect();
    kept.extend(&proposal.packs);
    kept.sort_by(|a, b| a.id.cmp(&b.id));
    if kept.len() > PACKS_MAX {
        return None;
    }
    let packs: Option<Vec<Pack>> = kept
        .iter()
        .map(|kept| Pack::parse(&kept.id, &kept.text).ok())
        .collect();
    let of_law = law.map(|law| law.settings.clone());
    let settings = proposal.settings.clone().or(of_law).unwrap_or_default();
    // A day before today's in UTC: today's in no zone is earlier.
    let today = u32::try_from(now.0 / 86_400_000).unwrap_or(u32::MAX);
    let compiled = Settings {
        country: policy::Country::from_letters(settings.country.0),
        status: settings.status,
        assets: state.assets.clone(),
        segments: settings.segments.clone(),
        counters: settings.counters.clone(),
        numbers: settings
            .numbers
            .iter()
            .map(|own| {
                let (atoms, asset) = (own.atoms, own.asset);
                (own.rule.clone(), Amount { atoms, asset })
            })
            .collect(),
        first_day: Date(today.saturating_sub(1)),
    };
    let earlier = law.map(|law| &*law.ruleset);
    let ruleset = policy::compile(&packs?, &compiled, earlier).ok()?;
    let known = || {
        let of_law = law.into_iter().flat_map(|law| &law.zones);
        proposal.zones.iter().chain(of_law)
    };
    let zone = |name: &String| known().find(|zone| zone.name == *name).cloned();
    let zones: Option<Vec<Zone>> = ruleset.zones().iter().map(zone).collect();
    // What one before it waits for, it waits for too.
    let waits = law.and_then(|law| law.backfilling.as_ref());
    let waits = waits.map_or(&[][..], |backfilling| &backfilling.measures);
    let is_used = |measure: &&u16| {
        let measure = ruleset.measure(**measure - MEASURE_FIRST);
        measure.is_some_and(|measure| measure.is_used)
    };
    let mut backfills: Vec<u16> = waits.iter().filter(is_used).copied().collect();
    let new = ruleset.backfilled_since(earlier).into_iter();
    backfills.extend(new.map(|measure| MEASURE_FIRST + measure));
    backfills.sort_unstable();
    let named = |kept: &&PackKept| PackNamed {
        id: kept.id.clone(),
        version: kept.version.clone(),
        hash: kept.hash,
    };
    Some(Activated {
        version: law.map_or(0, |law| law.version) + 1,
        proposal: id,
        settings,
        packs: kept.iter().map(named).collect(),
        ruleset: Arc::new(ruleset),
        zones: zones?,
        backfills,
    })
}

/// A part of what was done before a law that waits for it.
pub(crate) fn backfill<V: View>(draft: &mut Draft<'_, V>, counted: &Backfilled) -> Rule {
    let malformed = |field| Err(Stop::Reject(Code::Malformed, field));
    let waits = draft.law.and_then(|law| {
        let backfilling = law.backfilling.as_ref()?;
        // The first may come again, after a start in the middle.
        let is_next = counted.part == 0 || counted.part == backfilling.part;
        (law.version == counted.version && is_next).then_some(backfilling)
    });
    let Some(waits) = waits else {
        return Err(Stop::Reject(Code::NotFound, "part"));
    };
    let mut named = counted
        .sums
        .iter()
        .chain(counted.open.iter().map(|(_, taken)| taken));
    let parties = &draft.state().parties;
    let is_sound = named.all(|sum| {
        let party = parties.get(sum.party.0 as usize);
        let is_ours = party.is_some_and(|party| party.tenant == draft.tenant);
        is_ours && sum.delta > 0 && waits.measures.contains(&sum.measure)
    });
    if !is_sound {
        return malformed("sums");
    }
    draft.out.kind = EventKind::LawBackfilled;
    draft.effect(Effect::Backfilled(Box::new(counted.clone())));
    Ok(())
}
