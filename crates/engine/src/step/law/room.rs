//! Room given back: by voids, expiries, refunds, disputes and what was taken back, as the packs say,
//! cumulatively and never more than was taken.

use super::Draft;
use crate::event::{Effect, Part};
use crate::law::{self, Counted, MEASURE_FIRST, Measured};
use crate::view::View;
use policy::{GiveBack, Move, Side};

/// What an event has taken: its moves upwards, and what a capture used of its authorization's.
pub(crate) fn taken(part: &Part<'_>) -> Vec<Counted> {
    let captured = |effect: &Effect| match *effect {
        Effect::Counted(counted) => Some(counted),
        _ => None,
    };
    let of_law = |m: &Measured| m.measure >= MEASURE_FIRST;
    let moved = part.effects.iter().flat_map(Effect::measured);
    let captured = part.effects.iter().filter_map(captured);
    up(moved.filter(of_law)).chain(captured).collect()
}

/// What moves upwards.
fn up(moved: impl Iterator<Item = Measured>) -> impl Iterator<Item = Counted> {
    moved.filter(|m| m.delta > 0).map(|m| Counted {
        party: m.party,
        measure: m.measure,
        period: m.period,
        delta: m.delta,
    })
}

/// The moves upwards of the event under way, to be kept with what may be undone.
pub(crate) fn reserved<V: View>(draft: &Draft<'_, V>) -> Vec<Counted> {
    up(draft.scratch.moved()).collect()
}

/// Gives back what `after` of `whole` comes to, less what `before` of it came to.
pub(crate) fn give_back<V: View>(
    draft: &mut Draft<'_, V>,
    counted: &[Counted],
    how: GiveBack,
    (before, after, whole): (u64, u64, u64),
) {
    let Some(law) = draft.law else {
        return;
    };
    for counted in counted {
        let moved = Move {
            side: Side::Payer,
            measure: counted.measure - MEASURE_FIRST,
            period: counted.period,
            delta: counted.delta,
            before: 0,
        };
        let Some(back) = law.ruleset.give_back(&moved, how, before, after, whole) else {
            continue;
        };
        // An authentication may have reset it, or its window may be long over. Disputes decided for
        // the payee let the same share be given back twice, rounded.
        let there_is = in_period(draft, counted);
        let most = i128::try_from(there_is).unwrap_or(i128::MAX);
        let delta = back.delta.max(-most);
        if delta < 0 {
            draft.effect(Effect::Measured {
                party: counted.party,
                measure: counted.measure,
                period: counted.period,
                delta,
                before: there_is,
            });
        }
    }
}

/// What there is in a period after what the event has moved so far.
fn in_period<V: View>(draft: &Draft<'_, V>, counted: &Counted) -> u128 {
    let key = (counted.measure, counted.period);
    let counts = draft.view.counts(counted.party);
    let there_is = counts.iter().find(|c| (c.measure, c.period) == key);
    let mut used = there_is.map_or(0, law::Count::used);
    for moved in draft.out.effects.iter().flat_map(Effect::measured) {
        if (moved.party, (moved.measure, moved.period)) == (counted.party, key) {
            used = used.saturating_add_signed(moved.delta);
        }
    }
    used
}

/// The part of each reservation that a further `amount` captured uses.
pub(crate) fn used_by_capture(
    counted: &[Counted],
    (captured, amount, authorized): (u64, u64, u64),
) -> Vec<Counted> {
    let whole = u128::from(authorized.max(1));
    // What was reserved is of 64 bits, so the product fits, and so does the share.
    let share = |delta: i128, part: u64| {
        let delta = delta.unsigned_abs().min(u128::from(u64::MAX));
        i128::try_from(delta * u128::from(part) / whole).unwrap_or(i128::MAX)
    };
    let used = counted.iter().map(|counted| Counted {
        delta: share(counted.delta, captured + amount) - share(counted.delta, captured),
        ..*counted
    });
    used.filter(|counted| counted.delta > 0).collect()
}
