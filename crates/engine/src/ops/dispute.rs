//! Disputes: a payment's value is held back until it is decided whose it is.

use super::refund::{TakenBack, credit_payers, debit_payees, take_back};
use crate::code::Code;
use crate::command::{Carried, DisputeVerdict};
use crate::decide::{Rule, Stop};
use crate::event::{Effect, EventKind, Paid};
use crate::ids::Id;
use crate::records::{Channel, Dispute};
use crate::step::Draft;
use crate::view::View;
use ledger::AccountClass;
use money::Atoms;

pub(crate) fn open<V: View>(
    draft: &mut Draft<'_, V>,
    payment: Id,
    amount: Atoms,
    carried: &Carried,
) -> Rule {
    let TakenBack { paid, from, to } = take_back(draft, payment, amount, carried)?;
    draft.out.kind = EventKind::DisputeOpened;
    draft.effect(Effect::About { thing: payment });
    draft.effect(Effect::Paid(Paid {
        gross: amount.0,
        tax: 0,
        fee: 0,
        of: payment,
        ..paid
    }));
    debit_payees(draft, paid.asset, &from);
    let held = draft.operator(AccountClass::Dispute, 0, paid.asset);
    draft.credit_account(held, amount.0);
    draft.effect(Effect::Reversed {
        thing: payment,
        amount: amount.0,
    });
    let dispute = Dispute {
        payment,
        asset: paid.asset,
        amount: amount.0,
        taken: from,
        giveback: to,
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
            credit_payers(draft, record.asset, &record.taken);
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
