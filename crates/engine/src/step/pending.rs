//! Payments that wait for their payer's confirmation (step-up).
//!
//! The same id plus evidence continues one, bound to all that was asked; without evidence it gets
//! the first answer again.

use super::{Draft, Payees, Payment, Purpose};
use crate::code::Code;
use crate::command::{Command, Op};
use crate::content::{self, Payment::*};
use crate::decide::{Rule, Stop};
use crate::event::{Effect, EventKind, Refused};
use crate::ids::Id;
use crate::records::{Pending, WalletNo};
use crate::state::State;
use crate::view::View;
use policy::{StepUp, Traced};

/// Whether a command continues a pending payment: `None` if not, else whether it is that payment.
pub(crate) fn continues(
    state: &State,
    command: &Command,
) -> Option<Result<(), (Code, &'static str)>> {
    let (spend, payee) = match &command.op {
        Op::Pay { spend, payee }
        | Op::Authorize { spend, payee, .. }
        | Op::Transfer { spend, payee } => (spend, *payee),
        Op::Split { spend, payees } => (spend, payees.first()?.payee),
        _ => return None,
    };
    if !spend.confirmed.is_some() {
        return None;
    }
    let pending = state.pending.get(&(command.tenant, command.id))?;
    // Less than was asked is answered as if nothing had been confirmed.
    if !spend.confirmed.has_done(pending.step_up) {
        return None;
    }
    let differs = [
        ("payer", pending.payer != spend.payer),
        ("payee", pending.payee != payee),
        ("asset", pending.asset != spend.asset),
        ("amount", pending.amount != spend.amount),
    ];
    match differs.into_iter().find(|(_, differs)| *differs) {
        Some((field, _)) => Some(Err((Code::IdReused, field))),
        None if content::of(&command.op) != pending.content => Some(Err((Code::IdReused, "id"))),
        None => Some(Ok(())),
    }
}

/// Whether something is still open under an id that carries no time: the window forgets such an id
/// by its arrival, however long what it opened lasts.
pub(crate) fn is_open(state: &State, command: &Command) -> bool {
    let key = (command.tenant, command.id);
    command.id.time_ms().is_none()
        && (state.holds.contains_key(&key)
            || state.pending.contains_key(&key)
            || state.topups.contains_key(&key)
            || state.withdrawals.contains_key(&key)
            || state.mandates.contains_key(&key)
            || state.disputes.contains_key(&key)
            || state.corrections.contains_key(&key)
            || state.proposals.contains_key(&key)
            || state.reversed.contains_key(&key))
}

/// Refuses what is confirmed too late, even before its timer ran.
pub(crate) fn in_time<V: View>(draft: &Draft<'_, V>, command: &Command) -> Rule {
    match draft.state().pending.get(&draft.key(command.id)) {
        Some(pending) if draft.now >= pending.expires => {
            Err(Stop::Deny(Box::new(too_late(draft, pending)?)))
        }
        _ => Ok(()),
    }
}

/// The refusal of what was not confirmed in time.
fn too_late<V: View>(draft: &Draft<'_, V>, pending: &Pending) -> Rule<Refused> {
    let find = |id| draft.find_wallet(WalletNo::NONE, id, "payer");
    let (payer, payee) = (find(pending.payer)?, find(pending.payee)?);
    let (code, amount) = (Code::StepUpExpired, pending.amount.0);
    let refused = draft.refusal(code, payer, pending.asset, amount);
    Ok(Refused {
        payee,
        content: pending.content,
        ..refused
    })
}

/// Ends a pending payment by its time. It says all that a refusal says: from now on this is what the
/// payment's id is answered with.
pub(crate) fn expire<V: View>(draft: &mut Draft<'_, V>, payment: Id) -> Rule {
    let pending = draft.state().pending.get(&draft.key(payment)).cloned();
    let due = pending.filter(|pending| draft.now >= pending.expires);
    let pending = due.ok_or(Stop::Reject(Code::NotFound, "timer"))?;
    let refused = too_late(draft, &pending)?;
    draft.out.kind = EventKind::StepUpExpired;
    draft.out.id = payment;
    draft.effect(Effect::Refused(Box::new(refused)));
    draft.effect(Effect::About { thing: payment });
    draft.effect(Effect::PendingClosed { payment });
    if let Some(hash) = pending.text {
        draft.effect(Effect::Text { hash });
    }
    Ok(())
}

/// Opens a pending payment.
pub(crate) fn ask<V: View>(
    draft: &mut Draft<'_, V>,
    payment: &Payment<'_>,
    step_up: StepUp,
    rule: Option<Traced>,
) -> Rule {
    let id = |no: WalletNo| draft.view.wallet(no).id;
    let (payee, spend) = (id(payment.payees.first()), payment.spend);
    let one = [(payee, 1)];
    let content = match (&payment.payees, payment.purpose) {
        (Payees::Many(payees), _) => {
            let payees = payees.iter().map(|(no, weight)| (id(*no), *weight));
            content::of_payment(Split, spend, None, payees)
        }
        (Payees::One(_), Purpose::Pay) => content::of_payment(Pay, spend, None, one),
        (Payees::One(_), Purpose::Authorize { asked, .. }) => {
            content::of_payment(Authorize, spend, asked, one)
        }
        (Payees::One(_), Purpose::Transfer) => content::of_payment(Transfer, spend, None, one),
    };
    let texts = draft.besides.map(|besides| &besides.texts);
    let text = texts.and_then(|texts| texts.get(&draft.out.id));
    let pending = Pending {
        payer: payment.spend.payer,
        payee,
        asset: payment.spend.asset,
        amount: payment.spend.amount,
        expires: draft.now.plus(draft.terms.step_up_ms),
        content,
        step_up,
        law: draft.law.map_or(0, |law| law.version),
        rule,
        text: text.copied(),
    };
    draft.out.kind = EventKind::StepUpAsked;
    draft.effect(Effect::PendingOpened(Box::new(pending)));
    if let Some(asked) = draft.asked.take() {
        draft.effect(Effect::Asked(asked));
    }
    Ok(())
}
