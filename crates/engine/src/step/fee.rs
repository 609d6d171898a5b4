//! Stage 5: the platform's fee, out of what is left after tax; less what verifying and
//! authenticating earn.

use super::{Draft, Payment, Purpose};
use crate::view::View;
use money::{Atoms, Ppm, Rounding};
use pricing::PlatformFee;

#[inline]
pub(crate) fn set<V: View>(draft: &Draft<'_, V>, payment: &mut Payment<'_>) {
    if payment.purpose == Purpose::Transfer {
        return;
    }
    let most = Atoms(payment.gross - payment.tax.amount);
    payment.fee = of(draft, payment).on(Atoms(payment.gross), most).0;
}

/// The platform's fee on a payment.
#[inline]
pub(crate) fn of<V: View>(draft: &Draft<'_, V>, payment: &Payment<'_>) -> PlatformFee {
    let fee = draft.terms.fee(payment.spend.asset);
    let Some(law) = draft.law else {
        return fee;
    };
    let rewards = &law.settings.rewards;
    let tier = usize::from(draft.view.party(payment.payer_party).tier.0);
    let by_tier = rewards.tiers.get(tier).copied().unwrap_or(0);
    let is_strong = payment.spend.confirmed.has_done(policy::StepUp::Strong);
    match by_tier.max(if is_strong { rewards.strong } else { 0 }) {
        0 => fee,
        off => less(fee, off),
    }
}

/// A fee less so many parts per million of it, what is taken off rounded down.
#[cold]
fn less(fee: PlatformFee, off: u32) -> PlatformFee {
    let off = Ppm::new(off).unwrap_or(Ppm::WHOLE);
    let share = Atoms(u64::from(fee.share.get()));
    let rest = share.0 - off.of(share, Rounding::Down).0;
    let rest = u32::try_from(rest)
        .ok()
        .and_then(|rest| Ppm::new(rest).ok());
    PlatformFee {
        share: rest.unwrap_or(fee.share),
        minimum: Atoms(fee.minimum.0 - off.of(fee.minimum, Rounding::Down).0),
    }
}
