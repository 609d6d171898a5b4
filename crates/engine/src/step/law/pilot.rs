//! "Start small": whom and what a tenant serves for now, and how much in all.

use super::{Case, Draft, court};
use crate::code::Code;
use crate::decide::Stop;
use crate::event::Effect;
use crate::law::{Law, Pilot};
use crate::step::{Payment, parties};
use crate::view::View;

/// Whether the pilot takes a payment.
pub(crate) fn check<V: View>(
    draft: &Draft<'_, V>,
    payment: &Payment<'_>,
    case: &Case,
    law: &Law,
) -> Result<(), Stop> {
    let Some(pilot) = &law.settings.pilot else {
        return Ok(());
    };
    let refused = |code, numbers| Err(parties::deny(draft, payment, code, numbers));
    if let Some(code) = outside(draft, pilot, case) {
        return refused(code, (0, 0));
    }
    let (payers, volume) = draft.view.piloted(draft.tenant);
    if let Some(most) = pilot.payers_max
        && payers >= most
        && !draft.view.has_piloted(payment.payer_party)
    {
        return refused(Code::OutsidePayers, (0, 0));
    }
    if let Some((asset, most)) = pilot.volume_max {
        let more = court::convert(draft.terms, case.asset, asset, payment.gross);
        let Some(more) = more else {
            return refused(Code::NoReferenceRate, (0, 0));
        };
        if volume.saturating_add(u128::from(more)) > most {
            let is_shown = asset == case.asset;
            let numbers = if is_shown { (most, volume) } else { (0, 0) };
            return refused(Code::OutsideVolume, numbers);
        }
    }
    Ok(())
}

/// Which of the countries, rails and tiers served is not this one's.
pub(crate) fn outside<V: View>(draft: &Draft<'_, V>, pilot: &Pilot, case: &Case) -> Option<Code> {
    let view = draft.view;
    let party = |wallet| view.party(view.wallet(wallet).party);
    let (payer, payee) = (party(case.payer), party(case.payee));
    let served = |country| pilot.countries.is_empty() || pilot.countries.contains(&country);
    if !served(payer.country) || !served(payee.country) {
        return Some(Code::OutsideCountries);
    }
    if !pilot.channels.is_empty() && !pilot.channels.has(case.channel) {
        return Some(Code::OutsideChannels);
    }
    if !pilot.tiers.is_empty() && !pilot.tiers.has(super::tier(payer.tier)) {
        return Some(Code::OutsideTiers);
    }
    None
}

/// Counts a payment.
#[inline]
pub(crate) fn record<V: View>(draft: &mut Draft<'_, V>, payment: &Payment<'_>) {
    let Some(pilot) = draft.law.and_then(|law| law.settings.pilot.as_ref()) else {
        return;
    };
    let asset = payment.spend.asset;
    let amount = match pilot.volume_max {
        // A rate was there when it was checked.
        Some((to, _)) => court::convert(draft.terms, asset, to, payment.gross).unwrap_or(0),
        None => 0,
    };
    let payer = payment.payer_party;
    draft.effect(Effect::Piloted { payer, amount });
}
