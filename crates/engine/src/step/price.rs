//! Stage 3: what is charged: the amount that the command names, or what its item costs.
//!
//! - The version of the price that holds now prices the item, after what its payer has used before.
//! - What the payer agreed to pay is the most that it may come to, tax included ([`check`]).
//! - What costs nothing is a payment of nothing: asked of law and risk as any other, its meter moves.
//! - Whether the price contains its tax is the price's to say, and the command's where it does not.

use super::{Draft, Payment, Purpose, parties};
use crate::code::Code;
use crate::command::Spend;
use crate::decide::{Rule, Stop};
use crate::event::Effect;
use crate::prices::{self, Metered, Priced, Quoted};
use crate::records::Hold;
use crate::taxes::Facts;
use crate::view::View;
use ::tax::supply::Pricing;
use money::Atoms;
use pricing::NotQuoted;

/// What an item was priced by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Set {
    quoted: Quoted,
}

#[inline]
pub(crate) fn set<V: View>(draft: &Draft<'_, V>, payment: &mut Payment<'_>) -> Rule {
    if !payment.spend.item.is_some() {
        payment.gross = payment.spend.amount.0;
        return Ok(());
    }
    by_item(draft, payment)
}

#[inline(never)]
fn by_item<V: View>(draft: &Draft<'_, V>, payment: &mut Payment<'_>) -> Rule {
    let (spend, item) = (payment.spend, payment.spend.item);
    let not_found = || Stop::Reject(Code::NotFound, "price");
    let record = draft.state().price(item.price);
    let record = record.filter(|record| record.tenant == draft.tenant);
    let record = record.ok_or_else(not_found)?;
    if payment.purpose == Purpose::Transfer {
        return Err(Stop::Reject(Code::Malformed, "price"));
    }
    if record.archived {
        return Err(Stop::Reject(Code::PriceArchived, "price"));
    }
    if record.asset != spend.asset {
        return Err(Stop::Reject(Code::Malformed, "asset"));
    }
    let version = record.at(draft.now).ok_or_else(not_found)?;
    let at = (&draft.terms.zone, draft.now, draft.civil);
    let quoted = prices::quote(draft.view, version, item, payment.payer_party, at);
    let quoted = quoted.map_err(|not| match not {
        NotQuoted::UnknownUnit(_) => Stop::Reject(Code::NotFound, "unit"),
        NotQuoted::NoQuantity | NotQuoted::Overflow => Stop::Reject(Code::Malformed, "quantity"),
    })?;
    payment.gross = quoted.quote.amount.0;
    if payment.gross == 0 && payment.purpose != Purpose::Pay {
        return Err(Stop::Reject(Code::PriceZero, "quantity"));
    }
    payment.priced = Some(Set { quoted });
    Ok(())
}

/// Refuses what comes to more than the payer agreed to.
#[inline]
pub(crate) fn check<V: View>(draft: &Draft<'_, V>, payment: &Payment<'_>) -> Rule {
    let limit = payment.spend.amount.0;
    if limit > 0 && payment.gross > limit {
        let numbers = (u128::from(limit), 0);
        return Err(parties::deny(
            draft,
            payment,
            Code::PriceAboveLimit,
            numbers,
        ));
    }
    Ok(())
}

/// What an item says of itself for tax: its price's own flag goes first.
pub(crate) fn facts(spend: &Spend, tax_included: Option<bool>) -> Facts {
    let own = tax_included.map(|included| match included {
        true => Pricing::Inclusive,
        false => Pricing::Exclusive,
    });
    Facts {
        pricing: own.or(spend.tax.pricing),
        ..spend.tax
    }
}

impl Set {
    /// What an item says of itself for tax, if its price says something.
    #[inline]
    pub fn facts(&self, spend: &Spend) -> Option<Facts> {
        let own = self.quoted.tax_included;
        own.is_some().then(|| facts(spend, own))
    }

    fn effects(&self, payment: &Payment<'_>) -> (Priced, Option<Metered>) {
        let Quoted {
            quote,
            version,
            meter,
            ..
        } = self.quoted;
        let item = payment.spend.item;
        let priced = Priced {
            item,
            version,
            variant: quote.variant.map_or(0, |at| at + 1),
            free: quote.free,
            limit: payment.spend.amount.0,
            amount: quote.amount.0,
        };
        let metered = meter.map(|meter| Metered {
            party: payment.payer_party,
            price: item.price,
            meter,
        });
        (priced, metered)
    }
}

/// What an authorization remembers of its price.
pub(crate) fn of_hold(payment: &Payment<'_>) -> Option<(Priced, Option<Metered>)> {
    payment.priced.as_ref().map(|set| set.effects(payment))
}

/// Notes what a payment was priced by, and moves its payer's meter; at the end of its event.
#[inline(always)]
pub(crate) fn record<V: View>(draft: &mut Draft<'_, V>, payment: &Payment<'_>) {
    if let Some(set) = &payment.priced {
        note(draft, payment, set);
    }
}

#[inline(never)]
fn note<V: View>(draft: &mut Draft<'_, V>, payment: &Payment<'_>, set: &Set) {
    let (priced, metered) = set.effects(payment);
    if payment.purpose == Purpose::Pay {
        draft.effect(Effect::Priced(priced));
    }
    if let Some(metered) = metered {
        draft.effect(Effect::Metered(metered));
    }
}

/// Gives back use of a payment, of which so much of its gross amount was given back before and is now, if
/// it still counts: in its own period. What was free comes back with the whole only, so that half of what
/// was paid is half of what it paid for. What the use that stands comes to and nobody has paid any more is
/// due with the next; since another version holds, nothing: what stands may have been charged by it.
pub(crate) fn give_back<V: View>(
    draft: &mut Draft<'_, V>,
    (priced, moved): (Priced, Metered),
    (before, after, gross): (u64, u64, u64),
) {
    let record = draft.state().price(moved.price);
    let holds = record.and_then(|record| record.at(draft.now));
    let meter = draft.view.meter(moved.party, moved.price);
    let (Some(holds), Some(mut meter)) = (holds, meter) else {
        return;
    };
    if (meter.every, meter.period) != (moved.meter.every, moved.meter.period) || gross == 0 {
        return;
    }
    // Cumulative and rounded down, so that parts come to the whole.
    let share = |whole: u64, part: u64, of: u64| {
        if of >= gross {
            return whole;
        }
        // At most the part.
        (u128::from(part) * u128::from(of) / u128::from(gross)) as u64
    };
    let back = |whole, part| share(whole, part, after).saturating_sub(share(whole, part, before));
    let (item, amount) = (priced.item, priced.amount);
    let quantity = back(item.quantity, item.quantity - priced.free);
    let given = (quantity, Atoms(back(amount, amount)));
    let so_far = match holds.number == priced.version {
        true => holds.given_back(item.unit, given, meter.so_far),
        false => Some(meter.so_far.without(quantity)),
    };
    if let Some(so_far) = so_far.filter(|so_far| *so_far != meter.so_far) {
        meter.so_far = so_far;
        draft.effect(Effect::Metered(Metered { meter, ..moved }));
    }
}

/// Gives back the use of what an authorization no longer may capture.
pub(crate) fn release<V: View>(draft: &mut Draft<'_, V>, hold: &Hold) {
    if let Some((priced, Some(moved))) = hold.priced {
        let rest = hold.authorized - hold.captured;
        give_back(draft, (priced, moved), (0, rest, hold.authorized));
    }
}
