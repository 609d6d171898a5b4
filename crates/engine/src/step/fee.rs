//! Stage 5: the platform's fee, out of what is left after tax; less what verifying and
//! authenticating earn.

use super::{Draft, Payment, Purpose};
use crate::law::Rewards;
use crate::terms::Tier;
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
    let tier = draft.view.party(payment.payer_party).tier;
    let is_strong = payment.spend.confirmed.has_done(policy::StepUp::Strong);
    rewarded(fee, &law.settings.rewards, tier, is_strong)
}

/// A fee less what a payer of a tier earns, who has proved two factors or not.
#[inline]
pub(crate) fn rewarded(
    fee: PlatformFee,
    rewards: &Rewards,
    tier: Tier,
    is_strong: bool,
) -> PlatformFee {
    let tier = usize::from(tier.0);
    let by_tier = rewards.tiers.get(tier).copied().unwrap_or(0);
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
