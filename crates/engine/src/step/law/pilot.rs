//! "Start small": whom and what a tenant serves for now, and how much in all.

use super::{Case, Draft};
use crate::code::Code;
use crate::decide::Stop;
use crate::event::Effect;
use crate::law::{Law, Pilot};
use crate::records::TenantNo;
use crate::step::{Payees, Payment, parties};
use crate::terms::Terms;
use crate::view::View;

/// Whether the pilot takes a payment.
pub(crate) fn check<V: View>(
    draft: &mut Draft<'_, V>,
    payment: &Payment<'_>,
    case: &Case,
    law: &Law,
) -> Result<(), Stop> {
    let Some(pilot) = &law.settings.pilot else {
        return Ok(());
    };
    let elsewhere = |payee| outside(draft.view, pilot, &Case { payee, ..*case });
    let elsewhere = match &payment.payees {
        Payees::One(payee) => elsewhere(*payee),
        Payees::Many(payees) => payees.iter().find_map(|(payee, _)| elsewhere(*payee)),
    };
    let most = || {
        beyond(
            draft.view,
            draft.terms,
            draft.tenant,
            pilot,
            case,
            payment.gross,
        )
    };
    match elsewhere.map(|code| (code, (0, 0))).or_else(most) {
        None => Ok(()),
        Some((code, numbers)) => {
            // Kept, so that a wider start can be tried on it.
            draft.asked = Some(Box::new(case.asked()));
            Err(parties::deny(draft, payment, code, numbers))
        }
    }
}

/// Whether it is one payer or one amount more than is taken in all, with limit and use where they are
/// in the payment's asset.
pub(crate) fn beyond<V: View>(
    view: &V,
    terms: &Terms,
    tenant: TenantNo,
    pilot: &Pilot,
    case: &Case,
    gross: u64,
) -> Option<(Code, (u128, u128))> {
    let (payers, volume) = view.piloted(tenant);
    if let Some(most) = pilot.payers_max
        && payers >= most
        && !view.has_piloted(view.wallet(case.payer).party)
    {
        return Some((Code::OutsidePayers, (0, 0)));
    }
    let (asset, most) = pilot.volume_max?;
    let Some(more) = terms.convert(case.asset, asset, gross) else {
        return Some((Code::NoReferenceRate, (0, 0)));
    };
    if volume.saturating_add(u128::from(more)) <= most {
        return None;
    }
    let is_shown = asset == case.asset;
    let numbers = if is_shown { (most, volume) } else { (0, 0) };
    Some((Code::OutsideVolume, numbers))
}

/// Whether a refusal is the pilot's.
pub(crate) fn is_outside(code: Code) -> bool {
    matches!(
        code,
        Code::OutsideCountries
            | Code::OutsideChannels
            | Code::OutsideTiers
            | Code::OutsidePayers
            | Code::OutsideVolume
    )
}

/// Which of the countries, rails and tiers served is not this one's.
pub(crate) fn outside<V: View>(view: &V, pilot: &Pilot, case: &Case) -> Option<Code> {
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
        Some((to, _)) => draft.terms.convert(asset, to, payment.gross).unwrap_or(0),
        None => 0,
    };
    let payer = payment.payer_party;
    draft.effect(Effect::Piloted { payer, amount });
}
