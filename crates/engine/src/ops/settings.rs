//! Settings: the shard's, its assets, its tenants, and a tenant's terms.

use crate::code::Code;
use crate::command::{Command, Op};
use crate::decide::{Rule, Stop};
use crate::event::{Effect, Event, EventKind};
use crate::snapshot;
use crate::state::State;
use crate::step::Draft;
use crate::terms::Terms;
use crate::view::View;
use ledger::AssetNo;

/// The shortest that ids may be remembered. An id without a time must not be forgotten before the
/// read model has it, however far the clock may step unseen (five minutes) and the read model be
/// behind.
const WINDOW_MS_MIN: u64 = 10 * 60_000;
/// The longest that ids may be remembered: a year and a month.
const WINDOW_MS_MAX: u64 = 400 * 86_400_000;
/// The most ids that may be remembered; their numbers are 32-bit.
const WINDOW_ENTRIES_MAX: u64 = 4_000_000_000;

/// What concerns the shard and not one tenant.
pub(crate) fn shard_wide(
    state: &State,
    command: &Command,
    out: &mut Event,
) -> Result<(), (Code, &'static str)> {
    match command.op {
        Op::SetShard { window } => {
            // A payment is remembered for as long as it may be confirmed.
            let waits = state.tenants.iter().map(|tenant| tenant.terms.step_up_ms);
            let least = waits.fold(WINDOW_MS_MIN, u64::max);
            if !(least..=WINDOW_MS_MAX).contains(&window.window_ms) {
                return Err((Code::Malformed, "window_ms"));
            }
            if !(1_000..=WINDOW_ENTRIES_MAX).contains(&window.entries_max) {
                return Err((Code::Malformed, "entries_max"));
            }
            out.kind = EventKind::ShardSet;
            out.effects.push(Effect::ShardSet { window });
        }
        Op::RegisterAsset { asset } => {
            if state.asset(asset.code).is_some() {
                return Err((Code::AlreadyExists, "code"));
            }
            if state.assets.len() >= usize::from(u16::MAX) {
                return Err((Code::TooMany, "code"));
            }
            out.kind = EventKind::AssetRegistered;
            out.effects.push(Effect::AssetRegistered { asset });
        }
        Op::OpenTenant { tenant, mode } => {
            if !tenant.0.is_some() {
                return Err((Code::Malformed, "id"));
            }
            if state.tenant_no(tenant).is_some() {
                return Err((Code::AlreadyExists, "id"));
            }
            out.kind = EventKind::TenantOpened;
            out.effects.push(Effect::TenantOpened { tenant, mode });
        }
        Op::RecordSnapshot { seq, hash, digest } => {
            out.kind = EventKind::SnapshotTaken;
            out.effects.push(Effect::SnapshotTaken {
                seq,
                hash,
                digest,
                version: snapshot::VERSION,
            });
        }
        _ => return Err((Code::NotFound, "tenant")),
    }
    Ok(())
}

/// At most this many rates, minimums or zone transitions in a tenant's terms.
const ROWS_MAX: usize = 2_000;

pub(crate) fn set_terms<V: View>(draft: &mut Draft<'_, V>, terms: &Terms) -> Rule {
    let malformed = |field| Err(Stop::Reject(Code::Malformed, field));
    let known = |asset: AssetNo| (asset.0 as usize) < draft.state().assets.len();
    if !terms.fee_minimums.iter().all(|f| known(f.asset)) {
        return Err(Stop::Reject(Code::NotFound, "fee.minimums"));
    }
    if terms
        .limits
        .as_ref()
        .is_some_and(|limits| !known(limits.asset))
    {
        return Err(Stop::Reject(Code::NotFound, "limits.asset"));
    }
    let counted_in = draft.state().tenants[draft.tenant.0 as usize].limits_asset;
    if let (Some(limits), Some(asset)) = (&terms.limits, counted_in)
        && limits.asset != asset
    {
        return Err(Stop::Reject(Code::LimitsAssetFixed, "limits.asset"));
    }
    if !terms
        .reference_rates
        .iter()
        .all(|r| known(r.base) && known(r.quote))
    {
        return Err(Stop::Reject(Code::NotFound, "reference_rates"));
    }
    if terms.hold_ms_max == 0 {
        return malformed("hold_ms_max");
    }
    if terms
        .hold_ms_default
        .is_some_and(|ms| !(1..=terms.hold_ms_max).contains(&ms))
    {
        return malformed("hold_ms_default");
    }
    let remembered = draft.state().recents.window().window_ms;
    if !(1..=remembered).contains(&terms.step_up_ms) {
        return malformed("step_up_ms");
    }
    if terms.refusals_per_second == 0 {
        return malformed("refusals_per_second");
    }
    let sources = &terms.funding_order;
    if (1..sources.len()).any(|n| sources[..n].contains(&sources[n])) {
        return malformed("funding_order");
    }
    if terms.fee_minimums.len() > ROWS_MAX || terms.reference_rates.len() > ROWS_MAX {
        return Err(Stop::Reject(Code::TooMany, "terms"));
    }
    let transitions = &terms.zone.transitions;
    if transitions.len() > ROWS_MAX || !transitions.is_sorted_by_key(|(from, _)| *from) {
        return malformed("time_zone");
    }
    draft.out.kind = EventKind::TermsSet;
    draft.effect(Effect::TermsSet(Box::new(terms.clone())));
    draft.note_actor();
    Ok(())
}
