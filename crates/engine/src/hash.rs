//! The keyed hash of ids in memory.
//!
//! Keyed, so that nobody who chooses ids can make them collide. The key belongs to one process:
//! nothing that is journaled or digested depends on it.

/// The key of this process's tables.
#[derive(Clone, Copy, Debug)]
pub struct HashKey(u64, u64);

impl HashKey {
    /// A key from 128 random bits.
    #[must_use]
    pub fn new(random: u128) -> HashKey {
        HashKey((random >> 64) as u64 | 1, random as u64 | 1)
    }

    /// The hash of an id in a tenant: two folded multiplications.
    #[must_use]
    #[inline]
    pub fn hash(self, tenant: u32, id: u128) -> u64 {
        let high = fold(
            (id >> 64) as u64 ^ self.0,
            0x9e37_79b9_7f4a_7c15 ^ u64::from(tenant),
        );
        fold(id as u64 ^ self.1 ^ high, 0xd6e8_feb8_6659_fd93 ^ self.0)
    }

    /// The hash of six words.
    #[inline]
    pub(crate) fn hash_words(self, words: &[u64; 6]) -> u64 {
        let [a, b, c, d, e, f] = *words;
        let first = fold(a ^ self.0, b ^ 0x9e37_79b9_7f4a_7c15);
        let second = fold(c ^ self.1, d ^ 0xd6e8_feb8_6659_fd93);
        fold(e ^ first, f ^ second.rotate_left(32) ^ self.0)
    }
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product >> 64) as u64 ^ product as u64
}
