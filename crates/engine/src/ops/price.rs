//! The catalogue: versions of prices set, and prices archived.

use crate::code::Code;
use crate::decide::{Rule, Stop};
use crate::event::{Effect, EventKind};
use crate::ids::PriceId;
use crate::prices::PriceSet;
use crate::step::Draft;
use crate::time::UtcMillis;
use crate::view::View;
use pricing::{Price, Version};

pub(crate) fn set<V: View>(
    draft: &mut Draft<'_, V>,
    price: PriceId,
    from: Option<UtcMillis>,
    definition: &Price,
) -> Rule {
    let state = draft.state();
    let asset = state.asset(definition.asset);
    let (asset, _) = asset.ok_or(Stop::Reject(Code::NotFound, "asset"))?;
    let known = state.price_no(draft.tenant, price);
    let known = known.and_then(|no| state.price(no));
    if known.is_some_and(|known| known.archived) {
        return Err(Stop::Reject(Code::PriceArchived, "price"));
    }
    // What was used and is left over is counted in it.
    if known.is_some_and(|known| known.asset != asset) {
        return Err(Stop::Reject(Code::PriceInvalid, "asset"));
    }
    if known.is_some_and(|known| !known.keeps_units(definition)) {
        return Err(Stop::Reject(Code::PriceInvalid, "definition"));
    }
    let before = known.map_or(0, |known| known.versions.len());
    let number = u32::try_from(before + 1).map_err(|_| Stop::Reject(Code::TooMany, "price"))?;
    // What was decided before is not decided again.
    let from = from.unwrap_or(draft.now).max(draft.now);
    let version = Version::new(number, from.0, definition.clone());
    let version = version.map_err(|_| Stop::Reject(Code::PriceInvalid, "definition"))?;
    draft.out.kind = EventKind::PriceSet;
    draft.effect(Effect::PriceSet(Box::new(PriceSet {
        price,
        asset,
        version,
    })));
    draft.note_actor();
    Ok(())
}

pub(crate) fn archive<V: View>(draft: &mut Draft<'_, V>, price: PriceId) -> Rule {
    let state = draft.state();
    let no = state.price_no(draft.tenant, price);
    let no = no.ok_or(Stop::Reject(Code::NotFound, "price"))?;
    if state.price(no).is_some_and(|record| record.archived) {
        return Err(Stop::Reject(Code::PriceArchived, "price"));
    }
    draft.out.kind = EventKind::PriceArchived;
    draft.effect(Effect::PriceArchived { price: no });
    draft.note_actor();
    Ok(())
}
