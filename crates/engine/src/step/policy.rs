//! Stage 8: the limits of the payer's tier, over all the party's wallets and agents.
//!
//! Limits are in one asset; a payment in another is converted at the journaled reference rate,
//! rounded up, the strict side. Without a rate it is refused.
//!
//! Once there were limits, what is spent while there are none counts too, as far as there is a rate:
//! otherwise to take them away for a moment would forget it.

use super::{Draft, Payment, parties};
use crate::code::Code;
use crate::decide::Rule;
use crate::records::{MEASURE_DAY, MEASURE_MONTH, Reserved};
use crate::terms::TIERS;
use crate::view::View;
use policy::{LimitKind, Used};

/// The room a payment takes in its payer's limits; `None` where none were ever set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Room(pub Option<Reserved>);

#[inline(always)]
pub(crate) fn check<V: View>(draft: &Draft<'_, V>, payment: &mut Payment<'_>) -> Rule {
    let limits = draft.terms.limits.as_ref();
    let counted_in = || draft.state().tenants[draft.tenant.0 as usize].limits_asset;
    let Some(quote) = limits.map(|limits| limits.asset).or_else(counted_in) else {
        return Ok(());
    };
    let party = draft.view.party(payment.payer_party);
    // Never an earlier day than one already counted in, even if the tenant's zone moved west.
    let day = draft
        .civil
        .day
        .0
        .max(party.period[usize::from(MEASURE_DAY)]);
    let month = draft
        .civil
        .month
        .0
        .max(party.period[usize::from(MEASURE_MONTH)]);
    let Some(asked) = draft
        .terms
        .convert(payment.spend.asset, quote, payment.gross)
    else {
        return match limits {
            Some(_) => Err(parties::deny(draft, payment, Code::NoReferenceRate, (0, 0))),
            None => Ok(()),
        };
    };
    let used = Used {
        day: party.used_in(MEASURE_DAY, day),
        month: party.used_in(MEASURE_MONTH, month),
    };
    let tier = usize::from(party.tier.0).min(TIERS - 1);
    if let Some(limits) = limits
        && let Err(exceeded) = limits.tiers[tier].check(asked, used)
    {
        let code = match exceeded.limit {
            LimitKind::PerPayment => Code::LimitPerPayment,
            LimitKind::PerDay => Code::LimitPerDay,
            LimitKind::PerMonth => Code::LimitPerMonth,
        };
        let numbers = (u128::from(exceeded.number), exceeded.used);
        return Err(parties::deny(draft, payment, code, numbers));
    }
    payment.room = Room(Some(Reserved {
        amount: asked,
        day,
        month,
    }));
    Ok(())
}
