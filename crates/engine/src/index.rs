//! From a public id to a dense number: an open-addressed table of (tag, number).
//!
//! It keeps no keys: the caller compares the record of the number found. Eight bytes a slot, so a
//! look-up is one cache miss here and one in the record, and a batch's look-ups overlap.

/// The table. Numbers are never removed.
#[derive(Clone, Debug)]
pub struct Index {
    /// High half: the hash's high bits. Low half: number + 1, or 0 for an empty slot.
    slots: Vec<u64>,
    len: usize,
}

impl Default for Index {
    fn default() -> Self {
        Index {
            slots: vec![0; 16],
            len: 0,
        }
    }
}

const TAG: u64 = 0xffff_ffff_0000_0000;

impl Index {
    /// The slot a hash starts at, read early so that its cache line is under way.
    #[must_use]
    #[inline]
    pub fn touch(&self, hash: u64) -> u64 {
        self.slots[hash as usize & (self.slots.len() - 1)]
    }

    /// The number whose record `is_it` accepts.
    #[must_use]
    #[inline]
    pub fn find(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return None;
            }
            if slot & TAG == hash & TAG && is_it(slot as u32 - 1) {
                return Some(slot as u32 - 1);
            }
            at = (at + 1) & mask;
        }
    }

    /// Adds a number that is not in the table. `hash_of` gives any number's hash again, for growth.
    pub fn insert(&mut self, hash: u64, number: u32, hash_of: impl Fn(u32) -> u64) {
        if (self.len + 1) * 4 > self.slots.len() * 3 {
            let old = std::mem::take(&mut self.slots);
            self.slots = vec![0; old.len() * 2];
            for slot in old.into_iter().filter(|slot| *slot != 0) {
                let number = slot as u32 - 1;
                self.place(hash_of(number), number);
            }
        }
        self.place(hash, number);
        self.len += 1;
    }

    fn place(&mut self, hash: u64, number: u32) {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while self.slots[at] != 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = (hash & TAG) | u64::from(number + 1);
    }
}
