//! The ids of recent commands, and where in the journal their answers stand.
//!
//! Never twice means never twice: an id is remembered for the whole window, kept in slices by the
//! id's own time (by arrival, where it carries none) and dropped a slice at a time, never evicted.
//! A full table refuses new commands instead.
//!
//! Each slice is cut into partitions, so that growing one moves a sixteenth of it and no command
//! waits for a rehash of everything.

use crate::hash::HashKey;
use crate::ids::Id;
use crate::time::UtcMillis;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Where an event stands: the journal row and its place in that row.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Position {
    /// The journal row.
    pub seq: u64,
    /// The event's place in the row, from 0.
    pub index: u32,
}

/// How long and how many ids are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// For how long, in milliseconds.
    pub window_ms: u64,
    /// At most how many, of all tenants.
    pub entries_max: u64,
}

impl Default for Window {
    fn default() -> Self {
        Window {
            window_ms: 3_600_000,
            entries_max: 32_000_000,
        }
    }
}

/// How far ahead of the clock an id's own time may be, in milliseconds.
pub const AHEAD_MAX_MS: u64 = 300_000;

const SLICES: u64 = 16;
const PARTITIONS: usize = 16;

/// What is known of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Never seen within the window.
    New,
    /// Answered by the event there.
    At(Position),
    /// Its own time is before the window: it may have been used.
    Expired,
    /// Its own time is more than five minutes ahead.
    InFuture,
    /// No room to remember another id.
    Full,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    id: u128,
    seq: u64,
    index: u32,
    tenant: u32,
}

const EMPTY: Entry = Entry {
    id: 0,
    seq: 0,
    index: 0,
    tenant: 0,
};
const _: () = assert!(size_of::<Entry>() == 32);

#[derive(Clone, Debug)]
struct Table {
    slots: Vec<Entry>,
    len: usize,
}

impl Table {
    fn with_capacity(entries: usize) -> Table {
        Table {
            slots: vec![EMPTY; (entries * 2).next_power_of_two().max(16)],
            len: 0,
        }
    }

    #[inline]
    fn position(&self, hash: u64, tenant: u32, id: u128) -> (usize, bool) {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let entry = &self.slots[at];
            if entry.id == id && entry.tenant == tenant {
                return (at, true);
            }
            if entry.id == 0 {
                return (at, false);
            }
            at = (at + 1) & mask;
        }
    }

    /// Remembers an entry; returns whether it was new.
    fn put(&mut self, key: HashKey, hash: u64, entry: Entry) -> bool {
        if (self.len + 1) * 4 > self.slots.len() * 3 {
            let bigger = vec![EMPTY; self.slots.len() * 2];
            for old in std::mem::replace(&mut self.slots, bigger) {
                if old.id != 0 {
                    let (at, _) = self.position(key.hash(old.tenant, old.id), old.tenant, old.id);
                    self.slots[at] = old;
                }
            }
        }
        let (at, known) = self.position(hash, entry.tenant, entry.id);
        self.slots[at] = entry;
        self.len += usize::from(!known);
        !known
    }
}

#[derive(Clone, Debug)]
struct Slice {
    number: u64,
    parts: Vec<Table>,
}

impl Slice {
    fn new(number: u64, expect: usize) -> Slice {
        Slice {
            number,
            parts: (0..PARTITIONS)
                .map(|_| Table::with_capacity(expect / PARTITIONS))
                .collect(),
        }
    }

    fn len(&self) -> usize {
        self.parts.iter().map(|p| p.len).sum()
    }

    #[inline]
    fn part(&self, hash: u64) -> &Table {
        &self.parts[(hash >> 60) as usize]
    }
}

/// All recent ids of a shard.
#[derive(Clone, Debug)]
pub struct Recents {
    window: Window,
    key: HashKey,
    /// By the ids' own time, ordered by slice number.
    timed: VecDeque<Slice>,
    /// By arrival, ordered by slice number.
    arrived: VecDeque<Slice>,
    len: u64,
}

impl Recents {
    /// An empty memory.
    #[must_use]
    pub fn new(window: Window, key: HashKey) -> Recents {
        Recents {
            window,
            key,
            timed: VecDeque::new(),
            arrived: VecDeque::new(),
            len: 0,
        }
    }

    /// The window in force.
    #[must_use]
    pub fn window(&self) -> Window {
        self.window
    }

    /// How many ids are remembered.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The hash of an id, for [`Self::seen`] and [`Self::touch`].
    #[must_use]
    #[inline]
    pub fn hash(&self, tenant: u32, id: Id) -> u64 {
        self.key.hash(tenant, id.0)
    }

    fn slice_ms(&self) -> u64 {
        (self.window.window_ms / SLICES).max(1)
    }

    /// Reads the place where an id would stand, so that its cache line is under way.
    #[must_use]
    #[inline]
    pub fn touch(&self, id: Id, hash: u64) -> u64 {
        let Some(time) = id.time_ms() else { return 0 };
        let number = time / self.slice_ms();
        match self.timed.iter().rev().find(|s| s.number == number) {
            Some(slice) => {
                let table = slice.part(hash);
                table.slots[hash as usize & (table.slots.len() - 1)].seq
            }
            None => 0,
        }
    }

    /// What is known of an id at `now`.
    #[must_use]
    #[inline]
    pub fn seen(&self, tenant: u32, id: Id, hash: u64, now: UtcMillis) -> Seen {
        let found = |slice: &Slice| {
            let table = slice.part(hash);
            let (at, known) = table.position(hash, tenant, id.0);
            let entry = &table.slots[at];
            known.then_some(Seen::At(Position {
                seq: entry.seq,
                index: entry.index,
            }))
        };
        let known = match id.time_ms() {
            Some(time) if time > now.0 + AHEAD_MAX_MS => return Seen::InFuture,
            Some(time) if time + self.window.window_ms <= now.0 => return Seen::Expired,
            Some(time) => {
                let number = time / self.slice_ms();
                self.timed
                    .iter()
                    .rev()
                    .find(|s| s.number == number)
                    .and_then(found)
            }
            None => self.arrived.iter().rev().find_map(found),
        };
        match known {
            Some(seen) => seen,
            None if self.len >= self.window.entries_max => Seen::Full,
            None => Seen::New,
        }
    }

    /// Remembers that an id was answered there. Later answers (a payment continued after a
    /// step-up) replace earlier ones.
    pub fn put(&mut self, tenant: u32, id: Id, at: UtcMillis, position: Position) {
        let hash = self.hash(tenant, id);
        let slice_ms = self.slice_ms();
        let entry = Entry {
            id: id.0,
            seq: position.seq,
            index: position.index,
            tenant,
        };
        let (slices, number) = match id.time_ms() {
            Some(time) => (&mut self.timed, time / slice_ms),
            None => (&mut self.arrived, at.0 / slice_ms),
        };
        let part = (hash >> 60) as usize;
        if id.time_ms().is_none()
            && let Some(slice) = slices
                .iter_mut()
                .find(|s| s.parts[part].position(hash, tenant, id.0).1)
        {
            slice.parts[part].put(self.key, hash, entry);
            return;
        }
        let place = match slices.iter().rposition(|s| s.number <= number) {
            Some(place) if slices[place].number == number => place,
            before => {
                let place = before.map_or(0, |p| p + 1);
                let expect = before.map_or(0, |p| slices[p].len());
                slices.insert(place, Slice::new(number, expect));
                place
            }
        };
        self.len += u64::from(slices[place].parts[part].put(self.key, hash, entry));
    }

    /// Forgets the slices that lie wholly before the window.
    #[inline]
    pub fn advance(&mut self, now: UtcMillis) {
        let slice_ms = self.slice_ms();
        for slices in [&mut self.timed, &mut self.arrived] {
            while let Some(first) = slices.front()
                && (first.number + 1) * slice_ms + self.window.window_ms <= now.0
            {
                self.len -= first.len() as u64;
                slices.pop_front();
            }
        }
    }

    /// Changes the window, keeping what is remembered.
    pub fn set_window(&mut self, window: Window) {
        let mut fresh = Recents::new(window, self.key);
        for (tenant, id, arrived, position) in self.entries() {
            fresh.put(tenant, id, arrived, position);
        }
        *self = fresh;
    }

    /// Every entry in canonical order, with the time its slice starts: the content of a snapshot.
    #[must_use]
    pub fn entries(&self) -> Vec<(u32, Id, UtcMillis, Position)> {
        let slice_ms = self.slice_ms();
        let mut all = Vec::with_capacity(usize::try_from(self.len).unwrap_or(0));
        for slice in self.timed.iter().chain(&self.arrived) {
            let start = all.len();
            for entry in slice
                .parts
                .iter()
                .flat_map(|p| &p.slots)
                .filter(|e| e.id != 0)
            {
                let position = Position {
                    seq: entry.seq,
                    index: entry.index,
                };
                all.push((
                    entry.tenant,
                    Id(entry.id),
                    UtcMillis(slice.number * slice_ms),
                    position,
                ));
            }
            all[start..].sort_unstable_by_key(|(tenant, id, _, _)| (*tenant, *id));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;

    fn recents(entries_max: u64) -> Recents {
        Recents::new(
            Window {
                window_ms: 16 * MINUTE,
                entries_max,
            },
            HashKey::new(7),
        )
    }

    fn seen(r: &Recents, id: Id, now: u64) -> Seen {
        r.seen(1, id, r.hash(1, id), UtcMillis(now))
    }

    #[test]
    fn an_id_is_known_until_its_window_ends_and_refused_after() {
        let mut r = recents(100);
        let t = 1_000 * MINUTE;
        let id = Id::timed(t, 9);
        let at = Position { seq: 3, index: 2 };
        assert_eq!(seen(&r, id, t), Seen::New);
        r.put(1, id, UtcMillis(t), at);
        for later in [0, MINUTE, 16 * MINUTE - 1] {
            r.advance(UtcMillis(t + later));
            assert_eq!(seen(&r, id, t + later), Seen::At(at), "{later}");
        }
        r.advance(UtcMillis(t + 16 * MINUTE));
        assert_eq!(seen(&r, id, t + 16 * MINUTE), Seen::Expired);
        r.advance(UtcMillis(t + 18 * MINUTE));
        assert!(r.is_empty());
        assert_eq!(
            seen(&r, Id::timed(t + AHEAD_MAX_MS + 1, 1), t),
            Seen::InFuture
        );
        assert_eq!(seen(&r, Id::timed(t + AHEAD_MAX_MS, 1), t), Seen::New);
    }

    #[test]
    fn a_key_without_time_is_remembered_from_its_arrival() {
        let mut r = recents(100);
        let id = Id::opaque(77);
        r.put(
            1,
            id,
            UtcMillis(100 * MINUTE),
            Position { seq: 1, index: 0 },
        );
        r.put(
            1,
            id,
            UtcMillis(105 * MINUTE),
            Position { seq: 2, index: 0 },
        );
        assert_eq!(r.len(), 1, "a later answer replaces the first");
        assert_eq!(
            seen(&r, id, 110 * MINUTE),
            Seen::At(Position { seq: 2, index: 0 })
        );
        assert_eq!(
            r.seen(2, id, r.hash(2, id), UtcMillis(110 * MINUTE)),
            Seen::New
        );
        r.advance(UtcMillis(117 * MINUTE));
        assert_eq!(seen(&r, id, 117 * MINUTE), Seen::New);
    }

    #[test]
    fn full_is_refused_and_nothing_is_evicted() {
        let mut r = recents(1_000);
        let t = 1_000 * MINUTE;
        for n in 0..1_000u64 {
            let id = Id::timed(t + n, u128::from(n));
            assert_eq!(seen(&r, id, t), Seen::New);
            r.put(1, id, UtcMillis(t), Position { seq: n, index: 0 });
        }
        assert_eq!(seen(&r, Id::timed(t, 5_000), t), Seen::Full);
        for n in 0..1_000u64 {
            let id = Id::timed(t + n, u128::from(n));
            assert_eq!(seen(&r, id, t), Seen::At(Position { seq: n, index: 0 }));
        }
        assert_eq!(r.entries().len(), 1_000);
    }
}
