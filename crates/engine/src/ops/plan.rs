//! The catalogue's plans: versions set, and plans archived.

use crate::code::Code;
use crate::decide::{Rule, Stop};
use crate::event::{Effect, EventKind};
use crate::ids::PlanId;
use crate::plans::{PlanSet, PlanVersion};
use crate::step::Draft;
use crate::time::UtcMillis;
use crate::view::View;
use pricing::Plan;

pub(crate) fn set<V: View>(
    draft: &mut Draft<'_, V>,
    plan: PlanId,
    from: Option<UtcMillis>,
    definition: &Plan,
) -> Rule {
    let state = draft.state();
    let asset = state.asset(definition.asset);
    let (asset, _) = asset.ok_or(Stop::Reject(Code::NotFound, "asset"))?;
    let known = state.plan_no(draft.tenant, plan);
    let known = known.and_then(|no| state.plan(no));
    if known.is_some_and(|known| known.archived) {
        return Err(Stop::Reject(Code::PlanArchived, "plan"));
    }
    // What was paid and not used is credited in it.
    if known.is_some_and(|known| known.asset != asset) {
        return Err(Stop::Reject(Code::PlanInvalid, "asset"));
    }
    if definition.check().is_err() {
        return Err(Stop::Reject(Code::PlanInvalid, "definition"));
    }
    let before = known.map_or(0, |known| known.versions.len());
    let number = u32::try_from(before + 1).map_err(|_| Stop::Reject(Code::TooMany, "plan"))?;
    // What was decided before is not decided again.
    let from = from.unwrap_or(draft.now).max(draft.now);
    let version = PlanVersion {
        number,
        from,
        plan: definition.clone(),
    };
    draft.out.kind = EventKind::PlanSet;
    draft.effect(Effect::PlanSet(Box::new(PlanSet {
        plan,
        asset,
        version,
    })));
    draft.note_actor();
    Ok(())
}

pub(crate) fn archive<V: View>(draft: &mut Draft<'_, V>, plan: PlanId) -> Rule {
    let state = draft.state();
    let no = state.plan_no(draft.tenant, plan);
    let no = no.ok_or(Stop::Reject(Code::NotFound, "plan"))?;
    if state.plan(no).is_some_and(|record| record.archived) {
        return Err(Stop::Reject(Code::PlanArchived, "plan"));
    }
    draft.out.kind = EventKind::PlanArchived;
    draft.effect(Effect::PlanArchived { plan: no });
    draft.note_actor();
    Ok(())
}
