//! Payments that wait for their payer's confirmation (step-up).
//!
//! The same id plus evidence continues one, bound to amount and payee; without evidence it gets the
//! first answer again.

use super::{Draft, Payment};
use crate::code::Code;
use crate::command::{Command, Op};
use crate::decide::Rule;
use crate::event::{Effect, EventKind};
use crate::records::Pending;
use crate::state::State;
use crate::view::View;

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
    if !spend.confirmed {
        return None;
    }
    let pending = state.pending.get(&(command.tenant, command.id))?;
    let differs = [
        ("payer", pending.payer != spend.payer),
        ("payee", pending.payee != payee),
        ("asset", pending.asset != spend.asset),
        ("amount", pending.amount != spend.amount),
    ];
    match differs.into_iter().find(|(_, differs)| *differs) {
        Some((field, _)) => Some(Err((Code::IdReused, field))),
        None => Some(Ok(())),
    }
}

/// Opens a pending payment.
pub(crate) fn ask<V: View>(draft: &mut Draft<'_, V>, payment: &Payment<'_>) -> Rule {
    let payee = draft.view.wallet(payment.payees.first()).id;
    let pending = Pending {
        payer: payment.spend.payer,
        payee,
        asset: payment.spend.asset,
        amount: payment.spend.amount,
        expires: draft.now.plus(draft.terms.step_up_ms),
    };
    draft.out.kind = EventKind::StepUpAsked;
    draft.effect(Effect::PendingOpened(Box::new(pending)));
    Ok(())
}
