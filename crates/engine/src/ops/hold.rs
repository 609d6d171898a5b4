//! The ends of an authorization: captured in one or several parts, voided, expired.
//!
//! Tax and fee are those of the day it was authorized, and cumulative over the captures, so that
//! several small captures pay what one large one would.

use crate::code::Code;
use crate::decide::{Rule, Stop};
use crate::event::{Effect, EventKind, Paid};
use crate::ids::Id;
use crate::records::{Hold, Leg, Standing};
use crate::step::law::{self, room};
use crate::step::{Draft, entry, price, tax};
use crate::taxes::TaxMove;
use crate::view::View;
use core::num::NonZeroU64;
use ledger::AssetNo;
use money::{Atoms, Rounding};
use policy::GiveBack;

fn find<V: View>(draft: &Draft<'_, V>, payment: Id) -> Rule<Hold> {
    let found = draft.view.hold(draft.key(payment)).cloned();
    found.ok_or(Stop::Reject(Code::NotFound, "payment"))
}

pub(crate) fn capture<V: View>(
    draft: &mut Draft<'_, V>,
    payment: Id,
    amount: Atoms,
    asset: Option<AssetNo>,
    last: bool,
) -> Rule {
    let hold = find(draft, payment)?;
    if asset.is_some_and(|asset| asset != hold.asset) {
        return Err(Stop::Reject(Code::NotThatPayment, "amount.asset"));
    }
    draft.check_amount(hold.asset, amount.0)?;
    let rest = hold.authorized - hold.captured;
    let deny = |code, numbers| Err(draft.deny_at(code, hold.payer, hold.asset, amount.0, numbers));
    if draft.now >= hold.expires {
        return deny(Code::HoldExpired, (u128::from(rest), 0));
    }
    if amount.0 > rest {
        return deny(
            Code::CaptureExceedsHold,
            (u128::from(hold.authorized), u128::from(hold.captured)),
        );
    }
    let payee = draft.view.wallet(hold.payee);
    let active = payee.standing == Standing::Active
        && draft.view.party(payee.party).standing == Standing::Active;
    if !active {
        return deny(Code::PayeeUnavailable, (0, 0));
    }
    let taken: Vec<Leg> = parts(&hold, amount.0).map(|(_, leg)| leg).collect();
    law::capture::check(draft, &hold, &taken)?;
    draft.out.kind = EventKind::Captured;

    let so_far = Atoms(hold.captured + amount.0);
    let mode = draft
        .view
        .case(hold.case)
        .map(|case| case.sale.rounding.mode);
    let mode = mode.unwrap_or(Rounding::HalfEven);
    let tax_so_far = hold
        .tax
        .map_or(Atoms::ZERO, |(_, rate)| rate.included_in(so_far, mode));
    let fee_so_far = hold.fee.on(so_far, Atoms(so_far.0 - tax_so_far.0));
    let tax = tax_so_far.0.saturating_sub(hold.tax_taken).min(amount.0);
    let fee = fee_so_far
        .0
        .saturating_sub(hold.fee_taken)
        .min(amount.0 - tax);
    draft.effect(Effect::Paid(Paid {
        payer: hold.payer,
        payee: hold.payee,
        asset: hold.asset,
        gross: amount.0,
        tax,
        fee,
        terms: hold.terms,
        of: payment,
        tier: hold.tier,
        law: hold.law,
        case: hold.case,
    }));
    // Of the fees so far, less what was tax before.
    let in_fees = |fees| entry::fee_tax(draft, hold.case, fees);
    let before = in_fees(hold.fee_taken).map_or(0, |due| due.amount);
    let fee_tax = in_fees(hold.fee_taken + fee).map(|due| entry::FeeTax {
        amount: due.amount.saturating_sub(before).min(fee),
        ..due
    });
    let fee_tax = fee_tax.filter(|due| due.amount > 0);
    let seller = payee.party;
    if hold.case > 0 {
        let fee_tax = fee_tax.map_or(0, |due| due.amount);
        if fee_tax > 0 {
            draft.effect(Effect::FeeTax {
                case: 0,
                asset: hold.asset,
                amount: fee_tax,
            });
        }
        draft.effect(Effect::Taxed(Box::new(TaxMove {
            case: hold.case,
            seller,
            asset: hold.asset,
            net: i128::from(amount.0 - tax),
            tax: i128::from(tax),
            fee: i128::from(fee - fee_tax),
            fee_tax: i128::from(fee_tax),
            of: draft.out.id,
        })));
    }
    take(draft, payment, &hold, amount.0);
    let country = hold.tax.map(|(country, _)| tax::sub(country));
    let net = amount.0 - tax - fee;
    entry::pay(
        draft,
        hold.asset,
        &taken,
        entry::Dues {
            tax,
            country,
            taxpayer: entry::taxpayer(draft, hold.case, seller),
            fee,
            fee_tax,
        },
        &[(hold.payee, net)],
    );
    let part = (hold.captured, amount.0, hold.authorized);
    for counted in room::used_by_capture(&hold.counted, part) {
        draft.effect(Effect::Counted(counted));
    }
    draft.effect(Effect::HoldCaptured {
        payment,
        amount: amount.0,
        tax,
        fee,
    });
    if last || amount.0 == rest {
        let left = Hold {
            captured: so_far.0,
            legs: remaining(&hold.legs, &taken),
            ..hold
        };
        release(draft, payment, &left);
    }
    Ok(())
}

/// The parts of an authorization's legs that an amount comes from, in their order, each with its
/// leg's number.
fn parts(hold: &Hold, amount: u64) -> impl Iterator<Item = (u32, Leg)> {
    let mut rest = amount;
    let parts = (0u32..).zip(&hold.legs).map(move |(leg, held)| {
        let amount = held.amount.min(rest);
        rest -= amount;
        (leg, Leg { amount, ..*held })
    });
    parts.filter(|(_, part)| part.amount > 0)
}

/// Takes an amount out of an authorization's legs.
fn take<V: View>(draft: &mut Draft<'_, V>, payment: Id, hold: &Hold, amount: u64) {
    for (leg, Leg { account, amount }) in parts(hold, amount) {
        draft.effect(Effect::HoldTaken {
            payment,
            leg,
            amount,
        });
        draft.effect(Effect::Held {
            account,
            delta: -i128::from(amount),
        });
    }
}

fn remaining(legs: &[Leg], taken: &[Leg]) -> Vec<Leg> {
    let of = |account| {
        taken
            .iter()
            .find(|t| t.account == account)
            .map_or(0, |t| t.amount)
    };
    legs.iter()
        .map(|leg| Leg {
            amount: leg.amount - of(leg.account),
            ..*leg
        })
        .collect()
}

/// Ends an authorization: what is left is free again, and so is its room in the limits.
fn release<V: View>(draft: &mut Draft<'_, V>, payment: Id, hold: &Hold) {
    let rest = hold.authorized - hold.captured;
    take(draft, payment, hold, rest);
    if rest > 0 {
        if let Some(room) = hold.reserved {
            let back = room_left(room.amount, hold.captured, hold.authorized);
            let party = draft.view.wallet(hold.payer).party;
            draft.measure(party, room.day, room.month, -i128::from(back));
        }
        price::release(draft, hold);
        let whole = (0, rest, hold.authorized);
        room::give_back(draft, &hold.counted, GiveBack::Void, whole);
        let mandate = hold.mandate.0;
        if let Some(record) = draft.view.mandate(draft.key(mandate)) {
            // Only what counts in the mandate's day can be given back.
            let (day, before) = (record.day.0, record.used);
            let delta = -i128::try_from(before.min(u128::from(rest))).unwrap_or(0);
            if day == hold.mandate_day.0 {
                draft.effect(Effect::MandateUsed {
                    mandate,
                    day,
                    delta,
                    before,
                });
            }
        }
    }
    draft.effect(Effect::HoldClosed { payment });
}

/// The part of the reserved room that was not used, rounded down: the strict side.
fn room_left(reserved: u64, captured: u64, authorized: u64) -> u64 {
    let Some(authorized) = NonZeroU64::new(authorized) else {
        return 0;
    };
    let used = money::mul_div(reserved, captured, authorized, Rounding::Up);
    used.map_or(0, |used| reserved.saturating_sub(used.value))
}

pub(crate) fn void<V: View>(draft: &mut Draft<'_, V>, payment: Id) -> Rule {
    let hold = find(draft, payment)?;
    draft.out.kind = EventKind::Voided;
    draft.effect(Effect::About { thing: payment });
    release(draft, payment, &hold);
    Ok(())
}

pub(crate) fn expire<V: View>(draft: &mut Draft<'_, V>, payment: Id) -> Rule {
    let hold = find(draft, payment)?;
    if draft.now < hold.expires {
        return Err(Stop::Reject(Code::NotFound, "timer"));
    }
    draft.out.kind = EventKind::HoldExpired;
    draft.effect(Effect::About { thing: payment });
    release(draft, payment, &hold);
    Ok(())
}
