//! The past, looked at by the law of another day: the questions its events asked, and counters of
//! one's own for what they moved. What [`crate::simulate`] and [`crate::backfill`] have in common.

pub(crate) mod question;
pub(crate) mod shadow;

use crate::apply::fold;
use crate::event::{Event, EventKind, Part};
use crate::state::State;
use crate::view::{Overlay, View};

/// Who looks at what events did, one item after the other.
pub(crate) trait Look {
    /// An item of an event; `view` is State right before it.
    fn part<V: View>(&mut self, view: &V, event: &Event, part: &Part<'_>);
}

/// Shows an event's items, each with what the ones before it left.
pub(crate) fn each_part(look: &mut impl Look, before: &State, event: &Event) {
    if event.kind != EventKind::Grouped {
        event
            .parts()
            .for_each(|part| look.part(before, event, &part));
        return;
    }
    let mut overlay = Overlay::new(before);
    for part in event.parts() {
        look.part(&overlay, event, &part);
        let done = Event {
            at: event.at,
            tenant: event.tenant,
            kind: part.kind,
            id: part.id,
            postings: part.postings.to_vec(),
            effects: part.effects.to_vec(),
        };
        fold(&mut overlay, &done);
    }
}

/// Whether the law is asked about events of a kind, or they undo what was counted.
pub(crate) fn concerns(kind: EventKind) -> bool {
    question::asks(kind) || question::undoes(kind) || kind == EventKind::Grouped
}
