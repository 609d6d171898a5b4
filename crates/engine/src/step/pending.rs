//! Payments that wait for their payer's confirmation (step-up).
//!
//! What waits is kept whole: whoever attests the confirmation repeats nothing of it ([`Pending::op`]).
//! The same id plus evidence continues it, bound to all that was asked and to what the payer was to
//! pay in all; without evidence it gets the first answer again.

use super::{Draft, Payees, Payment, Purpose, parties};
use crate::code::Code;
use crate::command::{Command, Op, Share, Spend};
use crate::content;
use crate::decide::{Rule, Stop};
use crate::event::{Effect, EventKind, Refused};
use crate::ids::Id;
use crate::law::Confirmed;
use crate::records::{Pending, PendingKind, WalletNo};
use crate::state::State;
use crate::view::View;
use policy::{StepUp, Traced};

impl Pending {
    /// What was asked, with what the payer has done for it since.
    #[must_use]
    pub fn op(&self, confirmed: Confirmed) -> Op {
        let (payee, expires) = (self.payee, self.hold_expires);
        let spend = Spend {
            payer: self.payer,
            mandate: self.mandate,
            amount: self.amount,
            asset: self.asset,
            risk: self.risk,
            confirmed,
            circumstances: self.circumstances.as_deref().copied().unwrap_or_default(),
            tax: self.tax.as_deref().copied().unwrap_or_default(),
            item: self.item.unwrap_or_default(),
        };
        let share = |&(payee, weight): &_| Share { payee, weight };
        match self.kind {
            PendingKind::Pay => Op::Pay { spend, payee },
            PendingKind::Authorize => Op::Authorize {
                spend,
                payee,
                expires,
            },
            PendingKind::Transfer => Op::Transfer { spend, payee },
            PendingKind::Split => Op::Split {
                spend,
                payees: self.payees.iter().map(share).collect(),
            },
        }
    }

    /// What the payer is to pay in all, atoms: what the confirmation is bound to.
    #[must_use]
    pub fn to_pay(&self) -> u64 {
        match (self.gross, &self.item) {
            (0, None) => self.amount.0,
            (gross, _) => gross,
        }
    }
}

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
    draft.out.kind = match pending.kind {
        PendingKind::Transfer => EventKind::TransferStepUpExpired,
        _ => EventKind::StepUpExpired,
    };
    draft.out.id = payment;
    draft.effect(Effect::Refused(Box::new(refused)));
    draft.effect(Effect::About { thing: payment });
    draft.effect(Effect::PendingClosed { payment });
    if let Some(hash) = pending.text {
        draft.effect(Effect::Text { hash });
    }
    Ok(())
}

/// Refuses what has become another amount than the payer has confirmed: tax that comes on top.
pub(crate) fn is_as_confirmed<V: View>(draft: &Draft<'_, V>, payment: &Payment<'_>) -> Rule {
    if !draft.continued {
        return Ok(());
    }
    match draft.state().pending.get(&draft.key(draft.out.id)) {
        Some(pending) if pending.to_pay() != payment.gross => {
            Err(parties::deny(draft, payment, Code::StepUpNeeded, (0, 0)))
        }
        _ => Ok(()),
    }
}

/// Opens a pending payment.
pub(crate) fn ask<V: View>(
    draft: &mut Draft<'_, V>,
    payment: &Payment<'_>,
    step_up: StepUp,
    rule: Option<Traced>,
) -> Rule {
    let id = |no: WalletNo| draft.view.wallet(no).id;
    let spend = payment.spend;
    let (kind, hold_expires) = match (&payment.payees, payment.purpose) {
        (Payees::Many(_), _) => (PendingKind::Split, None),
        (Payees::One(_), Purpose::Pay) => (PendingKind::Pay, None),
        (Payees::One(_), Purpose::Authorize { asked, .. }) => (PendingKind::Authorize, asked),
        (Payees::One(_), Purpose::Transfer) => (PendingKind::Transfer, None),
    };
    let payees = match &payment.payees {
        Payees::Many(payees) => payees
            .iter()
            .map(|(no, weight)| (id(*no), *weight))
            .collect(),
        Payees::One(_) => Vec::new(),
    };
    let texts = draft.besides.map(|besides| &besides.texts);
    let text = texts.and_then(|texts| texts.get(&draft.out.id));
    let by_default = draft.now.plus(draft.terms.step_up_ms);
    let is_ordinary = spend.circumstances.is_ordinary();
    let mut pending = Pending {
        payer: spend.payer,
        payee: id(payment.payees.first()),
        asset: spend.asset,
        amount: spend.amount,
        // What would be set aside no longer need not be confirmed.
        expires: hold_expires.map_or(by_default, |at| at.min(by_default)),
        content: [0; 32],
        step_up,
        law: draft.law.map_or(0, |law| law.version),
        rule,
        text: text.copied(),
        kind,
        payees,
        gross: payment.gross,
        mandate: spend.mandate,
        hold_expires,
        risk: spend.risk,
        circumstances: (!is_ordinary).then(|| Box::new(spend.circumstances)),
        tax: (spend.tax != Default::default()).then(|| Box::new(spend.tax)),
        item: spend.item.is_some().then_some(spend.item),
    };
    pending.content = content::of(&pending.op(Confirmed::NOTHING));
    draft.out.kind = match kind {
        PendingKind::Transfer => EventKind::TransferStepUpAsked,
        _ => EventKind::StepUpAsked,
    };
    draft.effect(Effect::PendingOpened(Box::new(pending)));
    if let Some(asked) = draft.asked.take() {
        draft.effect(Effect::Asked(asked));
    }
    Ok(())
}
