//! From the journal to State: the newest anchored snapshot, then the rows after it.
//!
//! A snapshot counts only if the journal says so: a `SnapshotTaken` event after it must name its
//! hash. Any other is skipped for an older one, or for the journal's start.
//!
//! Every row that is folded is checked first: that it follows the one before, and that its events are
//! those its root names. A node never serves books that its journal does not bear out.

use crate::answer::NodeError;
use engine::codec::RowReader;
use engine::event::{Effect, Event, EventKind, Hash};
use engine::{Position, Replay, State, snapshot};
use journal::merkle::Builder;
use journal::{Head, Reader, Row, Snapshot, SnapshotStore, check_root};
use std::cell::Cell;
use std::ops::ControlFlow;

/// What was recovered.
pub(crate) struct Recovered {
    pub state: State,
    pub head: Head,
    /// The row of the snapshot it began with; 0 if none.
    pub snapshot_seq: u64,
    pub events: u64,
}

/// The events' bytes of a row: the leaves of its Merkle tree.
///
/// # Errors
/// Says why the row does not split.
pub fn leaves(row: &Row) -> Result<Vec<&[u8]>, String> {
    let mut reader = RowReader::new(row.format, &row.events).map_err(|e| e.to_string())?;
    let mut leaves = Vec::new();
    while let Some(leaf) = reader.next_leaf().map_err(|e| e.to_string())? {
        leaves.push(leaf);
    }
    Ok(leaves)
}

/// Folds every row after `head` into a state, checking the chain and each row's root; `on_event` sees each event with
/// the state after it. Returns how many events there were.
///
/// # Errors
/// The journal's, or [`NodeError::Row`] for a row that does not decode.
pub fn replay(
    reader: &mut (dyn Reader + Send),
    state: &mut State,
    head: &mut Head,
    mut on_event: impl FnMut(&State, &Event, Position),
) -> Result<u64, NodeError> {
    let mut replay = Replay::default();
    let mut events = 0u64;
    let mut bad = None;
    let mut builder = Builder::new();
    let mut check = |row: &Row| check_root(row, leaves, &mut builder);
    journal::for_each_ahead(reader, head.seq + 1, &mut check, &mut |row| {
        head.advance(row)?;
        match replay.row(state, row.seq, row.format, &row.events, &mut on_event) {
            Ok(count) => events += u64::from(count),
            Err(error) => {
                bad = Some(NodeError::Row {
                    seq: row.seq,
                    error,
                });
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    bad.map_or(Ok(events), Err)
}

/// Looks at the past, from the first row on, with a State of its own: `look` sees each event with the
/// state right before it, and `on_row` says after each row whether to go on. Returns the state it
/// came to.
///
/// # Errors
/// See [`replay`].
pub fn look_back(
    reader: &mut (dyn Reader + Send),
    mut look: impl FnMut(&State, &Event),
    mut on_row: impl FnMut(u64) -> ControlFlow<()>,
) -> Result<State, NodeError> {
    let (mut state, mut head) = (State::new(crate::node::random()?), Head::EMPTY);
    let mut replay = Replay::default();
    let mut bad = None;
    let mut builder = Builder::new();
    let mut check = |row: &Row| check_root(row, leaves, &mut builder);
    journal::for_each_ahead(reader, head.seq + 1, &mut check, &mut |row| {
        head.advance(row)?;
        let seq = row.seq;
        if let Err(error) = replay.row_before(&mut state, seq, row.format, &row.events, &mut look) {
            bad = Some(NodeError::Row { seq, error });
            return Ok(ControlFlow::Break(()));
        }
        Ok(on_row(seq))
    })?;
    bad.map_or(Ok(state), Err)
}

/// Looks at one event of the past with the State right before it, made from the first row on;
/// `go_on` is asked after each row, and with `false` nothing comes of it.
///
/// # Errors
/// See [`replay`].
pub fn look_at<R>(
    reader: &mut (dyn Reader + Send),
    at: Position,
    mut go_on: impl FnMut() -> bool,
    look: impl FnOnce(&State, &Event) -> R,
) -> Result<Option<R>, NodeError> {
    let here = Cell::new(Position { seq: 1, index: 0 });
    let (mut look, mut seen) = (Some(look), None);
    let each = |before: &State, event: &Event| {
        let Position { seq, index } = here.get();
        if here.get() == at
            && let Some(look) = look.take()
        {
            seen = Some(look(before, event));
        }
        here.set(Position {
            seq,
            index: index + 1,
        });
    };
    let on_row = |seq: u64| {
        here.set(Position {
            seq: seq + 1,
            index: 0,
        });
        match seq < at.seq && go_on() {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    };
    look_back(reader, each, on_row)?;
    Ok(seen)
}

/// The state after the whole journal.
pub(crate) fn recover(
    reader: &mut (dyn Reader + Send),
    snapshots: Option<&SnapshotStore>,
    random: u128,
) -> Result<Recovered, NodeError> {
    let mut seq_max = u64::MAX;
    while let Some(store) = snapshots {
        let loaded = store.load_newest(seq_max)?;
        for skipped in &loaded.skipped {
            tracing::warn!(path = %skipped.path.display(), reason = %skipped.reason, "snapshot_skipped");
        }
        let Some(snapshot) = loaded.snapshot else {
            break;
        };
        if let Some(recovered) = from_snapshot(reader, &snapshot, random)? {
            return Ok(recovered);
        }
        tracing::warn!(seq = snapshot.seq, "snapshot_not_anchored");
        seq_max = snapshot.seq - 1;
    }
    let (mut state, mut head) = (State::new(random), Head::EMPTY);
    let events = replay(reader, &mut state, &mut head, |_, _, _| {})?;
    Ok(Recovered {
        state,
        head,
        snapshot_seq: 0,
        events,
    })
}

fn from_snapshot(
    reader: &mut (dyn Reader + Send),
    from: &Snapshot,
    random: u128,
) -> Result<Option<Recovered>, NodeError> {
    let Some(row) = reader.row(from.seq)? else {
        return Ok(None);
    };
    let Ok(mut state) = snapshot::decode(&from.content, random) else {
        return Ok(None);
    };
    let mut head = Head::of(&row);
    let mut anchored = false;
    let events = replay(reader, &mut state, &mut head, |_, event, _| {
        anchored |= event.kind == EventKind::SnapshotTaken && anchors(event, from.seq, from.hash);
    })?;
    let snapshot_seq = from.seq;
    Ok(anchored.then_some(Recovered {
        state,
        head,
        snapshot_seq,
        events,
    }))
}

fn anchors(event: &Event, of: u64, content: Hash) -> bool {
    event.effects.iter().any(
        |e| matches!(e, Effect::SnapshotTaken { seq, hash, .. } if *seq == of && *hash == content),
    )
}

/// The state a node would start from: the newest anchored snapshot and the rows after it.
///
/// # Errors
/// The journal's, or [`NodeError::Row`] for a row that does not decode.
pub fn recover_state(
    reader: &mut (dyn Reader + Send),
    snapshots: &SnapshotStore,
) -> Result<State, NodeError> {
    Ok(recover(reader, Some(snapshots), crate::node::random()?)?.state)
}
