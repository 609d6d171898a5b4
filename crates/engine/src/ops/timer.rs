//! What happens by itself when its time has come.

use super::{correction, hold, law, subscription};
use crate::decide::Rule;
use crate::ids::Id;
use crate::records::TimerKind;
use crate::step::{Draft, pending};
use crate::view::View;

pub(crate) fn expire<V: View>(draft: &mut Draft<'_, V>, kind: TimerKind, thing: Id) -> Rule {
    match kind {
        TimerKind::Hold => hold::expire(draft, thing),
        TimerKind::Correction => correction::expire(draft, thing),
        TimerKind::Law => law::activate(draft, thing),
        TimerKind::Subscription => subscription::due(draft, thing),
        TimerKind::StepUp => pending::expire(draft, thing),
    }
}
