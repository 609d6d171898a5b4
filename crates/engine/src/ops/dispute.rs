//! Disputes: a payment's value is held back until it is decided whose it is.

use super::refund::{counted, credit_payers, debit_payees, take_back};
use crate::code::Code;
use crate::command::{Carried, DisputeVerdict};
use crate::decide::{Rule, Stop};
use crate::event::{Effect, EventKind, Paid};
use crate::ids::Id;
use crate::records::{Channel, Dispute, Leg, PartyNo, WalletNo};
use crate::step::Draft;
use crate::step::law::room;
use crate::view::View;
use ledger::{AccountClass, Source};
use money::Atoms;
use policy::GiveBack;
use std::collections::BTreeMap;

pub(crate) fn open<V: View>(
    draft: &mut Draft<'_, V>,
    payment: Id,
    amount: Atoms,
    carried: &Carried,
) -> Rule {
    let taken_back = take_back(draft, payment, amount, carried)?;
    let paid = taken_back.paid;
    draft.out.kind = EventKind::DisputeOpened;
    draft.effect(Effect::About { thing: payment });
    draft.effect(Effect::Paid(Paid {
        gross: amount.0,
        tax: 0,
        fee: 0,
        of: payment,
        ..paid
    }));
    for moved in &taken_back.moved {
        draft.effect(Effect::Taxed(Box::new(*moved)));
    }
    let debited = debit_payees(draft, &taken_back);
    for (origin, amount) in by_origin(draft, &debited.taken, &debited.owed) {
        let held = draft.operator(AccountClass::Dispute, 0, paid.asset, origin);
        draft.credit_account(held, amount);
    }
    draft.effect(Effect::Reversed {
        thing: payment,
        amount: amount.0,
    });
    let dispute = Dispute {
        payment,
        payee: paid.payee,
        asset: paid.asset,
        amount: amount.0,
        taken: debited.taken,
        owed: debited.owed,
        giveback: taken_back.to,
        counted: counted(draft, payment, carried),
        before: taken_back.so_far,
        gross: paid.gross,
        tax: taken_back.moved,
    };
    draft.effect(Effect::DisputeOpened(Box::new(dispute)));
    Ok(())
}

pub(crate) fn resolve<V: View>(
    draft: &mut Draft<'_, V>,
    dispute: Id,
    verdict: DisputeVerdict,
) -> Rule {
    let Some(record) = draft.state().disputes.get(&draft.key(dispute)).cloned() else {
        return Err(Stop::Reject(Code::NotFound, "dispute"));
    };
    draft.effect(Effect::About { thing: dispute });
    for (origin, amount) in by_origin(draft, &record.taken, &record.owed) {
        let held = draft.operator(AccountClass::Dispute, 0, record.asset, origin);
        draft.debit_account(held, amount);
    }
    let (thing, amount) = (record.payment, record.amount);
    match verdict {
        DisputeVerdict::PayeeWins => {
            draft.out.kind = EventKind::DisputeWon;
            for moved in &record.tax {
                draft.effect(Effect::Taxed(Box::new(moved.reversed())));
            }
            give_back(draft, &record);
            draft.effect(Effect::Unreversed { thing, amount });
        }
        DisputeVerdict::PayerWins => {
            draft.out.kind = EventKind::DisputeLost;
            credit_payers(draft, record.asset, &record.giveback);
        }
        DisputeVerdict::ChannelTook => {
            draft.out.kind = EventKind::DisputeLost;
            let clearing = draft.clearing(Channel::MANUAL, record.asset);
            draft.credit_account(clearing, record.amount);
        }
    }
    if draft.out.kind == EventKind::DisputeLost {
        let part = (record.before, record.before + record.amount, record.gross);
        room::give_back(draft, &record.counted, GiveBack::Refund, part);
    }
    draft.effect(Effect::DisputeClosed { dispute });
    draft.note_actor();
    Ok(())
}

/// What is held back, by what it rests on.
fn by_origin<V: View>(
    draft: &Draft<'_, V>,
    taken: &[Leg],
    owed: &[Leg],
) -> BTreeMap<Option<Source>, u64> {
    let mut sums = BTreeMap::new();
    for leg in taken.iter().chain(owed) {
        let known = leg.account.is_some();
        let origin = known.then(|| draft.view.account(leg.account).origin);
        *sums.entry(origin.flatten()).or_default() += leg.amount;
    }
    sums
}

/// Returns what was held back to the payees. What became a debt pays what is still owed first.
fn give_back<V: View>(draft: &mut Draft<'_, V>, record: &Dispute) {
    let asset = record.asset;
    for leg in &record.owed {
        let of_payee = draft.view.wallet(record.payee).party;
        let paid_to = leg
            .account
            .is_some()
            .then(|| draft.view.account(leg.account));
        let (party, wallet) = match paid_to {
            Some(a) if a.class == AccountClass::Wallet => {
                let wallet = WalletNo(a.owner);
                (draft.view.wallet(wallet).party, Some((wallet, a.clone())))
            }
            Some(a) => (PartyNo(a.owner), None),
            None => (of_payee, None),
        };
        let mut rest = leg.amount;
        for (no, _, owed) in draft.debts(party, asset) {
            let paid = owed.min(rest);
            draft.credit_account(no, paid);
            rest -= paid;
        }
        if rest == 0 {
            continue;
        }
        // It has been paid meanwhile.
        if let Some((wallet, account)) = wallet {
            let source = account.source.unwrap_or(Source::Earned);
            draft.credit(wallet, asset, source, account.origin, rest);
        } else if party == of_payee {
            // As income that rests on what paid.
            let paid_by = record.giveback.first();
            let origin = paid_by.and_then(|leg| draft.view.account(leg.account).rests_on());
            draft.credit(record.payee, asset, Source::Earned, origin, rest);
        } else {
            let origin = paid_to.and_then(|account| account.origin);
            let suspense = draft.operator(AccountClass::Suspense, 0, asset, origin);
            draft.credit_account(suspense, rest);
        }
    }
    credit_payers(draft, asset, &record.taken);
}
