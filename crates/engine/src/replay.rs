//! Replay: a journal row's events, folded into State again.
//!
//! It is what a node does at its start and a follower does all day. No rule is consulted: what a
//! row says is what happened.

use crate::apply::apply;
use crate::codec::{CodecError, RowReader};
use crate::event::{Effect, Event};
use crate::law::Moved;
use crate::near::fetch;
use crate::recents::Position;
use crate::state::State;

/// How many events are read before they are applied: enough for their cache misses to overlap.
const CHUNK: usize = 128;

/// Replays rows, using its memory again and again.
#[derive(Debug)]
pub struct Replay {
    events: Vec<Event>,
}

impl Default for Replay {
    fn default() -> Self {
        Replay {
            events: (0..CHUNK).map(|_| Event::empty()).collect(),
        }
    }
}

impl Replay {
    /// Applies the row at `seq` and returns how many events it had; `on_event` sees each with the
    /// state after it.
    ///
    /// # Errors
    /// [`CodecError`], naming the byte; the events before it have been applied, and the state is
    /// good for nothing.
    pub fn row(
        &mut self,
        state: &mut State,
        seq: u64,
        format: u16,
        bytes: &[u8],
        mut on_event: impl FnMut(&State, &Event, Position),
    ) -> Result<u32, CodecError> {
        self.watch(state, seq, format, bytes, |_, _| {}, &mut on_event)
    }

    /// The same; `look` sees each event with the state right before it.
    ///
    /// # Errors
    /// See [`Replay::row`].
    pub fn row_before(
        &mut self,
        state: &mut State,
        seq: u64,
        format: u16,
        bytes: &[u8],
        look: impl FnMut(&State, &Event),
    ) -> Result<u32, CodecError> {
        self.watch(state, seq, format, bytes, look, &mut |_, _, _| {})
    }

    #[inline]
    fn watch(
        &mut self,
        state: &mut State,
        seq: u64,
        format: u16,
        bytes: &[u8],
        mut look: impl FnMut(&State, &Event),
        on_event: &mut impl FnMut(&State, &Event, Position),
    ) -> Result<u32, CodecError> {
        let mut row = RowReader::new(format, bytes)?;
        let mut index = 0;
        loop {
            let mut read = 0;
            while read < CHUNK && row.next_event(&mut self.events[read])? {
                read += 1;
            }
            let events = &self.events[..read];
            touch(state, events);
            for event in events {
                let position = Position { seq, index };
                look(state, event);
                apply(state, event, position);
                on_event(state, event, position);
                index += 1;
            }
            if read < CHUNK {
                return Ok(index);
            }
        }
    }
}

/// Reads what the commonest effects will change, so that its cache lines are under way. A number that
/// an event of the same chunk introduces is not there yet.
fn touch(state: &State, events: &[Event]) {
    let postings = events.iter().flat_map(|event| &event.postings);
    let accounts = postings.filter_map(|posting| state.book.get(posting.account));
    fetch(accounts, |account| u64::from(account.owner));
    let effects = || events.iter().flat_map(|event| &event.effects);
    let parties = effects().filter_map(|effect| match effect {
        Effect::Measured { party, .. } | Effect::Moved(Moved { party, .. }) => {
            state.parties.get(party.0 as usize)
        }
        _ => None,
    });
    fetch(parties, |party| u64::from(party.tenant.0));
    let counts = effects().filter_map(|effect| match effect {
        Effect::Moved(moved) => {
            let party = state.parties.get(moved.party.0 as usize)?;
            state.counts.get(party.counts as usize)
        }
        _ => None,
    });
    fetch(counts, |counts| counts.len() as u64);
    let slots = events.iter().flat_map(|event| {
        let hash = state.recents.hash(event.tenant.0, event.id);
        state.recents.slots(event.id, hash)
    });
    fetch(slots, |slot| *slot);
}
