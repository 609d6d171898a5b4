//! From a hash to a dense number: an open-addressed table of (tag, number).
//!
//! It keeps no keys: the caller compares the record of the number found. Eight bytes a slot, so a
//! look-up is one cache miss here and one in the record, and a batch's look-ups overlap.
//!
//! - A slot's place follows from its tag alone, in proportion: growing needs no key, and it reads
//!   the old table and writes the new one from front to back.
//! - The table may have any length, so that tables filled alike can be made to grow at different
//!   times.

/// The table. Numbers are never removed.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    /// High half: the tag. Low half: number + 1, or 0 for an empty slot.
    slots: Vec<u64>,
    len: usize,
}

impl Default for Index {
    fn default() -> Self {
        Index::with_slots(16)
    }
}

const TAG: u64 = 0xffff_ffff_0000_0000;

impl Index {
    /// An empty table of so many slots, at least 4.
    pub fn with_slots(slots: usize) -> Index {
        Index {
            slots: vec![0; slots.max(4)],
            len: 0,
        }
    }

    #[inline]
    fn place(&self, hash: u64) -> usize {
        (((hash >> 32) * self.slots.len() as u64) >> 32) as usize
    }

    #[inline]
    fn after(&self, at: usize) -> usize {
        if at + 1 == self.slots.len() {
            0
        } else {
            at + 1
        }
    }

    /// The slot a hash starts at, to be read early so that its cache line is under way.
    #[inline]
    pub fn slot(&self, hash: u64) -> &u64 {
        &self.slots[self.place(hash)]
    }

    /// The first number whose tag is the hash's: mostly the one, if there is one. The records are
    /// not read.
    #[inline]
    pub fn guess(&self, hash: u64) -> Option<u32> {
        self.find(hash, |_| true)
    }

    /// The number whose record `is_it` accepts.
    #[inline]
    pub fn find(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let mut at = self.place(hash);
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return None;
            }
            if slot & TAG == hash & TAG && is_it(slot as u32 - 1) {
                return Some(slot as u32 - 1);
            }
            at = self.after(at);
        }
    }

    /// Adds a number that is not in the table.
    #[inline]
    pub fn insert(&mut self, hash: u64, number: u32) {
        self.find_or_insert(hash, number, |_| false);
    }

    /// The number whose record `is_it` accepts; if there is none, adds `number`.
    #[inline]
    pub fn find_or_insert(
        &mut self,
        hash: u64,
        number: u32,
        is_it: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        if (self.len + 1) * 4 > self.slots.len() * 3 {
            self.resize(self.slots.len() * 2);
        }
        let mut at = self.place(hash);
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                self.slots[at] = hash & TAG | u64::from(number + 1);
                self.len += 1;
                return None;
            }
            if slot & TAG == hash & TAG && is_it(slot as u32 - 1) {
                return Some(slot as u32 - 1);
            }
            at = self.after(at);
        }
    }

    /// Makes room for so many numbers in all.
    pub fn reserve(&mut self, numbers: usize) {
        let slots = numbers + numbers / 2;
        if slots > self.slots.len() {
            self.resize(slots);
        }
    }

    #[cold]
    fn resize(&mut self, slots: usize) {
        let old = std::mem::replace(&mut self.slots, vec![0; slots]);
        for slot in old.into_iter().filter(|slot| *slot != 0) {
            let mut at = self.place(slot);
            while self.slots[at] != 0 {
                at = self.after(at);
            }
            self.slots[at] = slot;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(n: u32) -> u64 {
        u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    #[test]
    fn every_number_is_found_again_however_often_the_table_grew() {
        for slots in [0, 5, 16, 1_000] {
            let mut index = Index::with_slots(slots);
            for n in 0..5_000 {
                assert_eq!(index.find(hash(n), |found| found == n), None);
                index.insert(hash(n), n);
            }
            for n in 0..5_000 {
                assert_eq!(index.find(hash(n), |found| found == n), Some(n));
            }
            assert_eq!(index.find(hash(5_000), |found| found == 5_000), None);
        }
    }

    #[test]
    fn equal_hashes_are_told_apart_by_the_record() {
        let mut index = Index::default();
        for n in 0..100 {
            index.insert(u64::MAX, n);
        }
        for n in 0..100 {
            assert_eq!(index.find(u64::MAX, |found| found == n), Some(n));
        }
        assert!(index.guess(u64::MAX).is_some());
        assert_eq!(index.guess(0), None);
    }
}
