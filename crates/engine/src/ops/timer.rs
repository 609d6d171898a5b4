//! What happens by itself when its time has come.

use super::{correction, hold, law};
use crate::code::Code;
use crate::decide::{Rule, Stop};
use crate::event::{Effect, EventKind};
use crate::ids::Id;
use crate::records::TimerKind;
use crate::step::Draft;
use crate::view::View;

pub(crate) fn expire<V: View>(draft: &mut Draft<'_, V>, kind: TimerKind, thing: Id) -> Rule {
    match kind {
        TimerKind::Hold => hold::expire(draft, thing),
        TimerKind::Correction => correction::expire(draft, thing),
        TimerKind::Law => law::activate(draft, thing),
        TimerKind::StepUp => {
            let due = draft.state().pending.get(&draft.key(thing));
            if due.is_none_or(|pending| draft.now < pending.expires) {
                return Err(Stop::Reject(Code::NotFound, "timer"));
            }
            draft.out.kind = EventKind::StepUpExpired;
            // From now on this is what the payment's id is answered with.
            draft.out.id = thing;
            draft.effect(Effect::About { thing });
            draft.effect(Effect::PendingClosed { payment: thing });
            Ok(())
        }
    }
}
