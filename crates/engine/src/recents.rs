//! The ids of recent commands, and where in the journal their answers stand.
//!
//! Never twice means never twice: an id is remembered for the whole window, kept in slices by the
//! id's own time (by arrival, where it carries none) and dropped a slice at a time, never evicted.
//! A full memory refuses new commands instead.
//!
//! A slice keeps its entries in the order they came and finds them by an index cut into partitions,
//! which grow one at a time: no command waits for a rehash of everything. A new id, the commonest,
//! reads eight bytes of the index and no entry.

use crate::hash::HashKey;
use crate::ids::Id;
use crate::index::Index;
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

/// Slices a window. An id with its own time stands in one of them, so they may be short: what is
/// looked up at a time is then small. An id without may stand in any, so they must be few.
const TIMED_SLICES: u64 = 1024;
const ARRIVED_SLICES: u64 = 16;
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

impl Entry {
    fn new(tenant: u32, id: Id, position: Position) -> Entry {
        Entry {
            id: id.0,
            seq: position.seq,
            index: position.index,
            tenant,
        }
    }

    fn position(&self) -> Position {
        Position {
            seq: self.seq,
            index: self.index,
        }
    }
}

/// Entries in the order they came. A block is filled and never moved.
#[derive(Clone, Debug, Default)]
struct Entries {
    blocks: Vec<Vec<Entry>>,
    len: u32,
}

const BLOCK: u32 = 1 << 15;

impl Entries {
    #[inline]
    fn get(&self, number: u32) -> &Entry {
        &self.blocks[(number / BLOCK) as usize][(number % BLOCK) as usize]
    }

    fn get_mut(&mut self, number: u32) -> &mut Entry {
        &mut self.blocks[(number / BLOCK) as usize][(number % BLOCK) as usize]
    }

    #[inline]
    fn push(&mut self, entry: Entry) {
        if self.len.is_multiple_of(BLOCK) {
            // The first block grows by itself, for most shards are small.
            let room = if self.len == 0 { 0 } else { BLOCK as usize };
            self.blocks.push(Vec::with_capacity(room));
        }
        self.blocks[(self.len / BLOCK) as usize].push(entry);
        self.len += 1;
    }
}

/// The ids of one stretch of time.
#[derive(Clone, Debug)]
struct Slice {
    number: u64,
    entries: Entries,
    /// By part of the hash. Their lengths are spread over an octave, and so are their growths.
    index: [Index; PARTITIONS],
}

impl Slice {
    fn new(number: u64, expect: usize) -> Slice {
        let slots = (expect * 3 / 2 / PARTITIONS).max(PARTITIONS);
        Slice {
            number,
            entries: Entries::default(),
            index: std::array::from_fn(|part| Index::with_slots(slots + slots * part / PARTITIONS)),
        }
    }

    #[inline]
    fn part(&self, hash: u64) -> &Index {
        &self.index[hash as usize % PARTITIONS]
    }

    #[inline]
    fn find(&self, hash: u64, tenant: u32, id: Id) -> Option<u32> {
        self.part(hash).find(hash, |number| {
            let entry = self.entries.get(number);
            entry.id == id.0 && entry.tenant == tenant
        })
    }

    /// Adds an entry or replaces the one of the same id; returns whether it was new.
    #[inline]
    fn put(&mut self, hash: u64, entry: Entry) -> bool {
        let (index, entries) = (&mut self.index[hash as usize % PARTITIONS], &self.entries);
        let known = index.find_or_insert(hash, entries.len, |number| {
            let known = entries.get(number);
            known.id == entry.id && known.tenant == entry.tenant
        });
        match known {
            Some(number) => *self.entries.get_mut(number) = entry,
            None => self.entries.push(entry),
        }
        known.is_none()
    }
}

/// Slices of one length, ordered by number.
#[derive(Clone, Debug)]
struct Slices {
    list: VecDeque<Slice>,
    slice_ms: u64,
    /// What was before this time may be forgotten, whatever the window is now.
    forgotten_before: u64,
}

impl Slices {
    fn new(slice_ms: u64) -> Slices {
        Slices {
            list: VecDeque::new(),
            slice_ms: slice_ms.max(1),
            forgotten_before: 0,
        }
    }

    /// Where in the list the slice of a time is, or would be.
    #[inline]
    fn place(&self, time: u64) -> Result<usize, usize> {
        let number = time / self.slice_ms;
        match self.list.back() {
            Some(last) if last.number == number => Ok(self.list.len() - 1),
            _ => self.list.binary_search_by_key(&number, |s| s.number),
        }
    }

    #[inline]
    fn at(&self, time: u64) -> Option<&Slice> {
        self.place(time).ok().map(|place| &self.list[place])
    }

    /// The slice of a time, made if there is none: as large as the one before it became.
    #[inline]
    fn at_or_new(&mut self, time: u64) -> &mut Slice {
        let place = self.place(time).unwrap_or_else(|place| {
            let before = place.checked_sub(1).map(|p| &self.list[p]);
            let expect = before.map_or(0, |slice| slice.entries.len as usize);
            let slice = Slice::new(time / self.slice_ms, expect);
            self.list.insert(place, slice);
            place
        });
        &mut self.list[place]
    }

    /// Forgets the slices that end at or before a time, and returns how many entries they had.
    fn forget(&mut self, before: u64) -> u64 {
        let mut forgotten = 0;
        while let Some(first) = self.list.front()
            && (first.number + 1).saturating_mul(self.slice_ms) <= before
        {
            // Never back: an old id may have been put again (a confirmation that came too late).
            let end = (first.number + 1).saturating_mul(self.slice_ms);
            self.forgotten_before = self.forgotten_before.max(end);
            forgotten += u64::from(first.entries.len);
            self.list.pop_front();
        }
        forgotten
    }
}

/// All recent ids of a shard.
#[derive(Clone, Debug)]
pub struct Recents {
    window: Window,
    key: HashKey,
    /// By the ids' own time.
    timed: Slices,
    /// By arrival.
    arrived: Slices,
    len: u64,
}

impl Recents {
    /// An empty memory.
    #[must_use]
    pub fn new(window: Window, key: HashKey) -> Recents {
        Recents {
            window,
            key,
            timed: Slices::new(window.window_ms / TIMED_SLICES),
            arrived: Slices::new(window.window_ms / ARRIVED_SLICES),
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

    /// The hash of an id, for [`Self::seen`].
    #[must_use]
    #[inline]
    pub fn hash(&self, tenant: u32, id: Id) -> u64 {
        self.key.hash(tenant, id.0)
    }

    /// The slots where an id would stand, to be read early so that their cache lines are under way.
    #[inline]
    pub(crate) fn slots(&self, id: Id, hash: u64) -> impl Iterator<Item = &u64> {
        let (timed, arrived) = match id.time_ms() {
            Some(time) => (self.timed.at(time), None),
            None => (None, Some(&self.arrived.list)),
        };
        let slices = timed.into_iter().chain(arrived.into_iter().flatten());
        slices.map(move |slice| slice.part(hash).slot(hash))
    }

    /// What is known of an id at `now`.
    #[must_use]
    #[inline]
    pub fn seen(&self, tenant: u32, id: Id, hash: u64, now: UtcMillis) -> Seen {
        let found = |slice: &Slice| {
            let number = slice.find(hash, tenant, id)?;
            Some(Seen::At(slice.entries.get(number).position()))
        };
        let known = match id.time_ms() {
            Some(time) if time > now.plus(AHEAD_MAX_MS).0 => return Seen::InFuture,
            Some(time) if time + self.window.window_ms <= now.0 => return Seen::Expired,
            Some(time) if time < self.timed.forgotten_before => return Seen::Expired,
            Some(time) => self.timed.at(time).and_then(found),
            None => self.arrived.list.iter().rev().find_map(found),
        };
        match known {
            Some(seen) => seen,
            None if self.len >= self.window.entries_max => Seen::Full,
            None => Seen::New,
        }
    }

    /// Remembers that an id was answered there. Later answers (a payment continued after a
    /// step-up) replace earlier ones.
    #[inline]
    pub fn put(&mut self, tenant: u32, id: Id, at: UtcMillis, position: Position) {
        let hash = self.hash(tenant, id);
        let entry = Entry::new(tenant, id, position);
        let slice = match id.time_ms() {
            Some(time) => self.timed.at_or_new(time),
            None => {
                let has_it = |slice: &Slice| slice.find(hash, tenant, id).is_some();
                match self.arrived.list.iter().rposition(has_it) {
                    Some(place) => &mut self.arrived.list[place],
                    None => self.arrived.at_or_new(at.0),
                }
            }
        };
        self.len += u64::from(slice.put(hash, entry));
    }

    /// Forgets the slices that lie wholly before the window.
    #[inline]
    pub fn advance(&mut self, now: UtcMillis) {
        if let Some(before) = now.0.checked_sub(self.window.window_ms) {
            self.len -= self.timed.forget(before) + self.arrived.forget(before);
        }
    }

    /// Changes the window, keeping what is remembered.
    pub fn set_window(&mut self, window: Window) {
        let mut fresh = Recents::new(window, self.key);
        fresh.timed.forgotten_before = self.timed.forgotten_before;
        fresh.arrived.forgotten_before = self.arrived.forgotten_before;
        for (tenant, id, arrived, position) in self.entries() {
            fresh.put(tenant, id, arrived, position);
        }
        *self = fresh;
    }

    /// Every entry with the last instant of its slice, in canonical order, which is the order they came
    /// in: the content of a snapshot.
    pub fn entries(&self) -> impl Iterator<Item = (u32, Id, UtcMillis, Position)> {
        [&self.timed, &self.arrived].into_iter().flat_map(|slices| {
            slices.list.iter().flat_map(|slice| {
                let last = UtcMillis((slice.number + 1).saturating_mul(slices.slice_ms) - 1);
                let entries = slice.entries.blocks.iter().flatten();
                entries.map(move |entry| (entry.tenant, Id(entry.id), last, entry.position()))
            })
        })
    }

    /// Whether an id without a time was ever forgotten: until then, what is not remembered is new.
    #[must_use]
    #[inline]
    pub fn has_forgotten_untimed(&self) -> bool {
        self.arrived.forgotten_before > 0
    }

    /// Ids of an earlier time, or an earlier arrival, may be forgotten, as a snapshot keeps it.
    pub(crate) fn forgotten_before(&self) -> (u64, u64) {
        (self.timed.forgotten_before, self.arrived.forgotten_before)
    }

    pub(crate) fn set_forgotten_before(&mut self, (timed, arrived): (u64, u64)) {
        self.timed.forgotten_before = timed;
        self.arrived.forgotten_before = arrived;
    }

    /// The slices in canonical order, as a snapshot keeps them.
    pub(crate) fn slices(&self) -> impl Iterator<Item = SliceHead> {
        let head = |timed| {
            move |slice: &Slice| SliceHead {
                timed,
                number: slice.number,
                entries: slice.entries.len,
            }
        };
        let timed = self.timed.list.iter().map(head(true));
        timed.chain(self.arrived.list.iter().map(head(false)))
    }

    /// Puts a slice of a snapshot after those put before it.
    pub(crate) fn restore(
        &mut self,
        head: SliceHead,
        entries: impl Iterator<Item = (u32, Id, Position)>,
    ) {
        let mut slice = Slice::new(head.number, head.entries as usize);
        for (tenant, id, position) in entries {
            slice.put(self.hash(tenant, id), Entry::new(tenant, id, position));
        }
        self.len += u64::from(slice.entries.len);
        let slices = if head.timed {
            &mut self.timed
        } else {
            &mut self.arrived
        };
        slices.list.push_back(slice);
    }
}

/// What a snapshot says of a slice before its entries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SliceHead {
    /// Whether by the ids' own time; else by arrival.
    pub timed: bool,
    /// Which stretch of time.
    pub number: u64,
    /// How many entries.
    pub entries: u32,
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
        assert_eq!(r.entries().count(), 1_000);
    }

    #[test]
    fn a_restored_memory_has_the_same_entries_in_the_same_order() {
        let mut r = recents(1_000_000);
        for n in 0..100_000u64 {
            let t = 1_000 * MINUTE + n / 10;
            let id = match n % 10 {
                0 => Id::opaque(u128::from(n)),
                _ => Id::timed(t, u128::from(n)),
            };
            r.put(1, id, UtcMillis(t), Position { seq: n, index: 0 });
        }
        let mut entries = r.entries().map(|(tenant, id, _, at)| (tenant, id, at));
        let mut restored = recents(1_000_000);
        for head in r.slices() {
            restored.restore(head, entries.by_ref().take(head.entries as usize));
        }
        assert_eq!(restored.len(), r.len());
        assert!(r.entries().eq(restored.entries()));
        for (_, id, _, at) in r.entries() {
            assert_eq!(seen(&restored, id, 1_000 * MINUTE), Seen::At(at));
        }
    }
}
