//! Refunds: a payment or capture given back, in part or whole, however long ago it was.
//!
//! Every leg of the payment gives back its share, cumulatively, so that refunding everything in any
//! number of parts returns the ledger to where it was. Payees who have spent it owe it.

use crate::code::Code;
use crate::command::Carried;
use crate::decide::{Rule, Stop};
use crate::event::{Effect, EventKind, Paid, Part};
use crate::ids::Id;
use crate::law::{Counted, MEASURE_FIRST};
use crate::records::{Leg, PartyNo, WalletNo};
use crate::step::{Draft, law};
use crate::taxes::TaxMove;
use crate::view::View;
use ledger::{AccountClass, AccountNo, AssetNo, Posting, Source};
use money::{Atoms, Rounding};
use policy::GiveBack;

/// What taking back a part of a payment comes to.
pub(crate) struct TakenBack {
    pub paid: Paid,
    /// From each account that was credited.
    pub from: Vec<Leg>,
    /// To each account that was debited.
    pub to: Vec<Leg>,
    /// From the payee, who was paid nothing beyond the fee that is kept.
    pub kept_fee: u64,
    /// How much was taken back before.
    pub so_far: u64,
    /// The sale's tax in it.
    pub tax: u64,
    /// The fee in it, with its tax.
    pub fee: u64,
    /// How tax and turnover move; none if no tax rules were in force.
    pub moved: Option<TaxMove>,
}

/// The part of the carried event that is the payment named.
pub(crate) fn carried_part<'c, V: View>(
    draft: &Draft<'_, V>,
    payment: Id,
    carried: &'c Carried,
) -> Rule<(Part<'c>, Paid)> {
    let event = &carried.0;
    let not_that = Stop::Reject(Code::NotThatPayment, "payment");
    if event.tenant != draft.tenant {
        return Err(not_that);
    }
    let part = event.part(payment).ok_or(not_that.clone())?;
    match (part.kind, part.paid()) {
        (
            EventKind::Paid | EventKind::Captured | EventKind::Split | EventKind::Transferred,
            Some(paid),
        ) => Ok((part, *paid)),
        _ => Err(not_that),
    }
}

/// Shares a further `amount` of a payment's reversal out over its legs.
pub(crate) fn take_back<V: View>(
    draft: &Draft<'_, V>,
    payment: Id,
    amount: Atoms,
    carried: &Carried,
) -> Rule<TakenBack> {
    let (part, paid) = carried_part(draft, payment, carried)?;
    draft.check_amount(paid.asset, amount.0)?;
    let so_far = draft.view.reversed(draft.key(payment));
    if amount.0 > paid.gross - so_far {
        let numbers = (u128::from(paid.gross), u128::from(so_far));
        let (wallet, asset) = (paid.payee, paid.asset);
        return Err(draft.deny_at(Code::RefundExceedsPayment, wallet, asset, amount.0, numbers));
    }
    let legs = |sign: i128| -> Vec<Leg> {
        let of_sign = |p: &&Posting| p.amount.signum() == sign;
        let leg = |p: &Posting| Leg {
            account: p.account,
            amount: u64::try_from(p.amount.unsigned_abs()).unwrap_or(u64::MAX),
        };
        part.postings.iter().filter(of_sign).map(leg).collect()
    };
    let mut from = legs(1);
    let mut is_fee = are_fees(draft, &from, paid.tax);
    if !draft.terms.fee_refundable {
        keep_fee(draft, &mut from, &mut is_fee);
    }
    let mut to = legs(-1);
    share_out(&mut from, so_far, amount.0);
    share_out(&mut to, so_far, amount.0);
    let sum = |of: &dyn Fn(AccountClass, bool) -> bool| -> u64 {
        let class = |leg: &Leg| {
            leg.account
                .is_some()
                .then(|| draft.view.account(leg.account).class)
        };
        let legs = from.iter().zip(&is_fee);
        let legs = legs.filter(|(leg, is_fee)| class(leg).is_some_and(|class| of(class, **is_fee)));
        legs.map(|(leg, _)| leg.amount).sum()
    };
    let tax = sum(&|class, is_fee| is_tax(class) && !is_fee);
    let fee = sum(&|_, is_fee| is_fee);
    let fee_tax = sum(&|class, is_fee| is_tax(class) && is_fee);
    let moved = (paid.case > 0).then(|| TaxMove {
        case: paid.case,
        seller: draft.view.wallet(paid.payee).party,
        asset: paid.asset,
        net: -i128::from(amount.0 - tax),
        tax: -i128::from(tax),
        fee: -i128::from(fee - fee_tax),
        fee_tax: -i128::from(fee_tax),
        of: payment,
    });
    let of_payee = from.iter().position(|leg| !leg.account.is_some());
    let kept_fee = of_payee.map_or(0, |at| from.remove(at).amount);
    Ok(TakenBack {
        paid,
        from,
        to,
        kept_fee,
        so_far,
        tax,
        fee,
        moved,
    })
}

fn is_tax(class: AccountClass) -> bool {
    matches!(class, AccountClass::Tax | AccountClass::SellerTax)
}

/// Which legs are the platform's fee, with the tax in it: tax beyond the sale's, which comes first.
fn are_fees<V: View>(draft: &Draft<'_, V>, from: &[Leg], sale_tax: u64) -> Vec<bool> {
    let mut rest = sale_tax;
    let is_fee = |leg: &Leg| match draft.view.account(leg.account).class {
        AccountClass::Fees => true,
        class if is_tax(class) => {
            let is_fees = rest == 0;
            rest = rest.saturating_sub(leg.amount);
            is_fees
        }
        _ => false,
    };
    from.iter().map(is_fee).collect()
}

/// The platform keeps its fee: the first payee gives it back instead, from no account in particular
/// if the fee was all there was.
fn keep_fee<V: View>(draft: &Draft<'_, V>, from: &mut Vec<Leg>, is_fee: &mut Vec<bool>) {
    let fees = from.iter().zip(&*is_fee).filter(|(_, is_fee)| **is_fee);
    let fee: u64 = fees.map(|(leg, _)| leg.amount).sum();
    if fee == 0 {
        return;
    }
    let mut are_fees = is_fee.iter();
    from.retain(|_| are_fees.next() == Some(&false));
    is_fee.retain(|is_fee| !is_fee);
    let class = |leg: &Leg| draft.view.account(leg.account).class;
    let payees = [
        AccountClass::Wallet,
        AccountClass::Receivable,
        AccountClass::Suspense,
    ];
    match from.iter_mut().find(|leg| payees.contains(&class(leg))) {
        Some(payee) => payee.amount += fee,
        None => {
            from.push(Leg {
                account: AccountNo::NONE,
                amount: fee,
            });
            is_fee.push(false);
        }
    }
}

fn share_out(legs: &mut [Leg], so_far: u64, amount: u64) {
    let parts: Vec<u64> = legs.iter().map(|leg| leg.amount).collect();
    let mut shares = vec![0; parts.len()];
    money::reversal_shares(&parts, so_far, amount, &mut shares).expect(
        "each side of an entry sums to the gross amount, and no more than it is taken back",
    );
    for (leg, share) in legs.iter_mut().zip(shares) {
        leg.amount = share;
    }
}

/// What was taken back, by the account it was taken from; and what became a debt instead, by the
/// account it was paid to, or none.
#[derive(Default)]
pub(crate) struct Debited {
    pub taken: Vec<Leg>,
    pub owed: Vec<Leg>,
}

/// Takes each leg's share from where it was paid to.
pub(crate) fn debit_payees<V: View>(draft: &mut Draft<'_, V>, taken_back: &TakenBack) -> Debited {
    let asset = taken_back.paid.asset;
    let mut debited = Debited::default();
    for leg in taken_back.from.iter().filter(|leg| leg.amount > 0) {
        let account = draft.view.account(leg.account);
        match account.class {
            AccountClass::Wallet => {
                let (wallet, from) = (WalletNo(account.owner), Some(leg.account));
                reclaim(draft, wallet, asset, from, leg.amount, &mut debited);
            }
            // What had paid a debt is owed again.
            AccountClass::Receivable => {
                let (party, rested_on) = (PartyNo(account.owner), account.origin);
                draft.owe(party, asset, rested_on, leg.amount);
                debited.owed.push(*leg);
            }
            _ => {
                draft.debit_account(leg.account, leg.amount);
                debited.taken.push(*leg);
            }
        }
    }
    let payee = taken_back.paid.payee;
    reclaim(draft, payee, asset, None, taken_back.kept_fee, &mut debited);
    debited
}

/// Takes back from a wallet what was paid to one of its accounts, or to none in particular.
fn reclaim<V: View>(
    draft: &mut Draft<'_, V>,
    wallet: WalletNo,
    asset: AssetNo,
    paid_to: Option<AccountNo>,
    amount: u64,
    debited: &mut Debited,
) {
    let start = draft.out.postings.len();
    let claim = paid_to.and_then(|no| draft.view.account(no).origin);
    let missing = draft.take(wallet, asset, paid_to, claim, amount);
    let taken = draft.out.postings[start..].iter().map(|posting| Leg {
        account: posting.account,
        amount: u64::try_from(posting.amount.unsigned_abs()).unwrap_or(u64::MAX),
    });
    debited.taken.extend(taken);
    if missing > 0 {
        let party = draft.view.wallet(wallet).party;
        draft.owe(party, asset, claim, missing);
        debited.owed.push(Leg {
            account: paid_to.unwrap_or(AccountNo::NONE),
            amount: missing,
        });
    }
}

/// Gives each leg's share back to where it was paid from.
pub(crate) fn credit_payers<V: View>(draft: &mut Draft<'_, V>, asset: AssetNo, to: &[Leg]) {
    for leg in to.iter().filter(|leg| leg.amount > 0) {
        let account = draft.view.account(leg.account);
        if account.class == AccountClass::Wallet {
            let (source, origin) = (account.source.unwrap_or(Source::Earned), account.origin);
            draft.credit(WalletNo(account.owner), asset, source, origin, leg.amount);
        } else {
            draft.credit_account(leg.account, leg.amount);
        }
    }
}

pub(crate) fn refund<V: View>(
    draft: &mut Draft<'_, V>,
    payment: Id,
    amount: Atoms,
    carried: &Carried,
) -> Rule {
    let taken_back = take_back(draft, payment, amount, carried)?;
    let TakenBack {
        paid,
        to,
        tax,
        fee,
        moved,
        ..
    } = &taken_back;
    law::cash::refund(draft, (paid.payer, paid.payee), paid.asset, to)?;
    let (tax, fee) = (*tax, *fee);
    draft.out.kind = EventKind::Refunded;
    let (gross, of) = (amount.0, payment);
    draft.effect(Effect::Paid(Paid {
        gross,
        tax,
        fee,
        of,
        ..*paid
    }));
    if let Some(moved) = moved {
        draft.effect(Effect::Taxed(Box::new(*moved)));
    }
    debit_payees(draft, &taken_back);
    credit_payers(draft, paid.asset, to);
    draft.effect(Effect::Reversed {
        thing: payment,
        amount: amount.0,
    });
    if draft.terms.refund_restores_room {
        let so_far = taken_back.so_far;
        restore_room(draft, payment, (so_far, amount.0), paid.gross, carried);
    }
    let (so_far, gross) = (taken_back.so_far, taken_back.paid.gross);
    let counted = counted(draft, payment, carried);
    let part = (so_far, so_far + amount.0, gross);
    law::room::give_back(draft, &counted, GiveBack::Refund, part);
    Ok(())
}

/// What a payment or capture has taken of the law's measures; nothing where there is no law.
pub(crate) fn counted<V: View>(
    draft: &Draft<'_, V>,
    payment: Id,
    carried: &Carried,
) -> Vec<Counted> {
    let part = draft.law.and_then(|_| carried.0.part(payment));
    part.map_or_else(Vec::new, |part| law::room::taken(&part))
}

/// Gives back the room a payment took in the limits, in the share refunded, cumulatively and
/// rounded down.
fn restore_room<V: View>(
    draft: &mut Draft<'_, V>,
    payment: Id,
    (so_far, amount): (u64, u64),
    gross: u64,
    carried: &Carried,
) {
    let Some(gross) = core::num::NonZeroU64::new(gross) else {
        return;
    };
    let Some(part) = carried.0.part(payment) else {
        return;
    };
    for effect in part.effects {
        if let Effect::Measured {
            party,
            measure,
            period,
            delta,
            ..
        } = *effect
            && measure < MEASURE_FIRST
            && let Ok(taken) = u64::try_from(delta)
            && let Ok(after) = money::mul_div(taken, so_far + amount, gross, Rounding::Down)
            && let Ok(before) = money::mul_div(taken, so_far, gross, Rounding::Down)
        {
            let back = after.value - before.value;
            let before = draft.view.party(party).used_in(measure, period);
            // Disputes decided for the payee let the same share be given back twice, rounded.
            let most = i128::try_from(before).unwrap_or(i128::MAX);
            let delta = -i128::from(back).min(most);
            draft.effect(Effect::Measured {
                party,
                measure,
                period,
                delta,
                before,
            });
        }
    }
}
