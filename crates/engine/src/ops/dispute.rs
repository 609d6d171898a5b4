//! Disputes: a payment's value is held back until it is decided whose it is.

use super::refund::{credit_payers, debit_payees, take_back};
use crate::code::Code;
use crate::command::{Carried, DisputeVerdict};
use crate::decide::{Rule, Stop};
use crate::event::{Effect, EventKind, Paid};
use crate::ids::Id;
use crate::records::{Channel, Dispute, Leg, PartyNo};
use crate::step::Draft;
use crate::view::View;
use ledger::{AccountClass, Source};
use money::Atoms;

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
    let taken = debit_payees(draft, &taken_back);
    let held = draft.operator(AccountClass::Dispute, 0, paid.asset);
    draft.credit_account(held, amount.0);
    draft.effect(Effect::Reversed {
        thing: payment,
        amount: amount.0,
    });
    let dispute = Dispute {
        payment,
        payee: paid.payee,
        asset: paid.asset,
        amount: amount.0,
        taken,
        giveback: taken_back.to,
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
    let held = draft.operator(AccountClass::Dispute, 0, record.asset);
    draft.debit_account(held, record.amount);
    let (thing, amount) = (record.payment, record.amount);
    match verdict {
        DisputeVerdict::PayeeWins => {
            draft.out.kind = EventKind::DisputeWon;
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
    draft.effect(Effect::DisputeClosed { dispute });
    draft.note_actor();
    Ok(())
}

/// Returns what was held back to the payees. What had paid a debt does so again, as far as it is
/// still owed.
fn give_back<V: View>(draft: &mut Draft<'_, V>, record: &Dispute) {
    let class = |leg: &Leg| draft.view.account(leg.account).class;
    let is_debt = |leg: &Leg| class(leg) == AccountClass::Receivable;
    let (debts, others): (Vec<Leg>, Vec<Leg>) = record.taken.iter().partition(|leg| is_debt(leg));
    let asset = record.asset;
    for leg in debts {
        let party = PartyNo(draft.view.account(leg.account).owner);
        let (receivable, owed) = draft.debt(party, asset).unwrap_or((leg.account, 0));
        let paid = owed.min(leg.amount);
        draft.credit_account(receivable, paid);
        let rest = leg.amount - paid;
        if rest == 0 {
            continue;
        }
        if draft.view.wallet(record.payee).party == party {
            // As income from the source that paid.
            let paid_by = record.giveback.first();
            let source = paid_by.map(|leg| draft.view.account(leg.account));
            let origin = source.and_then(|account| match account.source {
                Some(Source::Earned) => account.origin,
                source => source,
            });
            draft.credit(record.payee, asset, Source::Earned, origin, rest);
        } else {
            let suspense = draft.operator(AccountClass::Suspense, 0, asset);
            draft.credit_account(suspense, rest);
        }
    }
    credit_payers(draft, asset, &others);
}
