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
use crate::step::{Draft, law, price};
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
    /// How tax and turnover move, for each share of a split; none if no tax rules were in force.
    pub moved: Vec<TaxMove>,
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
    if amount.0 > paid.gross.saturating_sub(so_far) {
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
    let party_of = |wallet| draft.view.wallet(wallet).party;
    let moves: Vec<TaxMove> = part.tax_moves(party_of).collect();
    let mut roles = roles_of(&from, &paid, &moves);
    if !draft.terms.fee_refundable {
        keep_fee(&mut from, &mut roles);
    }
    let mut to = legs(-1);
    share_out(&mut from, so_far, amount.0);
    share_out(&mut to, so_far, amount.0);
    let sum = |of: &dyn Fn(Role) -> bool| -> u64 {
        let legs = from.iter().zip(&roles).filter(|(_, role)| of(**role));
        legs.map(|(leg, _)| leg.amount).sum()
    };
    let tax = sum(&|role| role.what == What::Tax);
    let fee = sum(&|role| matches!(role.what, What::Fee | What::FeeTax));
    let moved = moves.iter().enumerate().map(|(at, moved)| {
        let sum = |what| i128::from(sum(&|role| role.share == at && role.what == what));
        let (tax, fee, fee_tax) = (sum(What::Tax), sum(What::Fee), sum(What::FeeTax));
        TaxMove {
            net: -(fee + fee_tax + sum(What::Rest)),
            tax: -tax,
            fee: -fee,
            fee_tax: -fee_tax,
            of: payment,
            ..*moved
        }
    });
    let moved = moved.collect();
    let of_payee = from.iter().filter(|leg| !leg.account.is_some());
    let kept_fee = of_payee.map(|leg| leg.amount).sum();
    from.retain(|leg| leg.account.is_some());
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

/// What a leg of a payment was, and of which share of a split.
#[derive(Clone, Copy, Debug)]
struct Role {
    share: usize,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Tax,
    Fee,
    FeeTax,
    /// What came to the payee.
    Rest,
}

/// What each leg was: each share gave tax, fee, its tax and the rest, in this order.
fn roles_of(from: &[Leg], paid: &Paid, moves: &[TaxMove]) -> Vec<Role> {
    let atoms = |amount: i128| u64::try_from(amount).unwrap_or(0);
    let given = |share, tax, fee, fee_tax, rest| {
        let all = [
            (What::Tax, tax),
            (What::Fee, fee),
            (What::FeeTax, fee_tax),
            (What::Rest, rest),
        ];
        all.map(|(what, amount)| (Role { share, what }, amount))
    };
    let of_move = |(share, m): (usize, &TaxMove)| {
        let rest = atoms(m.net - m.fee - m.fee_tax);
        given(share, atoms(m.tax), atoms(m.fee), atoms(m.fee_tax), rest)
    };
    let mut given: Vec<(Role, u64)> = match moves {
        [] => given(0, paid.tax, paid.fee, 0, u64::MAX).to_vec(),
        _ => moves.iter().enumerate().flat_map(of_move).collect(),
    };
    given.retain(|(_, amount)| *amount > 0);
    let mut given = given.into_iter();
    let mut now = given.next();
    let mut role = |leg: &Leg| {
        if let Some((_, 0)) = now {
            now = given.next();
        }
        let (role, left) = now.as_mut()?;
        *left = left.saturating_sub(leg.amount);
        Some(*role)
    };
    let last = Role {
        share: moves.len().saturating_sub(1),
        what: What::Rest,
    };
    from.iter().map(|leg| role(leg).unwrap_or(last)).collect()
}

/// The platform keeps its fee: the payee of each share gives it back instead, from no account in
/// particular if the fee was all there was.
fn keep_fee(from: &mut Vec<Leg>, roles: &mut Vec<Role>) {
    let shares = roles.last().map_or(0, |role| role.share + 1);
    let is_fee = |role: &Role| matches!(role.what, What::Fee | What::FeeTax);
    let mut fees = vec![0; shares];
    for (leg, role) in from.iter().zip(&*roles) {
        if is_fee(role) {
            fees[role.share] += leg.amount;
        }
    }
    let mut kept = roles.iter().map(|role| !is_fee(role));
    from.retain(|_| kept.next() == Some(true));
    roles.retain(|role| !is_fee(role));
    for (share, fee) in fees.into_iter().enumerate().filter(|(_, fee)| *fee > 0) {
        let rest = |role: &Role| role.share == share && role.what == What::Rest;
        match roles.iter().position(rest) {
            Some(at) => from[at].amount += fee,
            None => {
                from.push(Leg {
                    account: AccountNo::NONE,
                    amount: fee,
                });
                let what = What::Rest;
                roles.push(Role { share, what });
            }
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
    for moved in moved {
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
    restore_use(draft, payment, part, carried);
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

/// Gives back the use that a payment was for, if its price says so, in the share refunded.
fn restore_use<V: View>(
    draft: &mut Draft<'_, V>,
    payment: Id,
    part: (u64, u64, u64),
    carried: &Carried,
) {
    let Some(paid) = carried.0.part(payment) else {
        return;
    };
    let (Some(priced), Some(moved)) = (paid.priced(), paid.metered()) else {
        return;
    };
    let record = draft.state().price(priced.item.price);
    let version = record.and_then(|record| record.version(priced.version));
    if version.is_some_and(|version| version.price.refund_restores_use) {
        price::give_back(draft, (*priced, *moved), part);
    }
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
