//! BLAKE3 of many short inputs at once, one in each SIMD lane.
//!
//! A single BLAKE3 of 128 bytes cannot use SIMD and costs about 150 ns; eight of the same length
//! side by side cost a quarter of that each. BLAKE3 does this inside for the chunks of a long input
//! and exposes it only as the undocumented `blake3::platform`. What comes out is exactly
//! `blake3::keyed_hash` of each input (tested below): should that module ever go, [`hash_lanes`]
//! becomes a loop over `keyed_hash` and no hash changes.

use blake3::IncrementCounter;
use blake3::platform::{Platform, words_from_le_bytes_32};

use crate::Hash;

/// How many inputs are gathered before they are hashed: what the widest vectors take.
pub(super) const LANES: usize = 16;
/// The most bytes one input may have: a BLAKE3 chunk.
pub(super) const INPUT_MAX: usize = 1024;

const CHUNK_START: u8 = 1 << 0;
const CHUNK_END: u8 = 1 << 1;
const ROOT: u8 = 1 << 3;
const KEYED_HASH: u8 = 1 << 4;

/// A key and the machine's best implementation.
#[derive(Debug, Clone)]
pub(super) struct Lanes {
    platform: Platform,
    key_words: [u32; 8],
}

impl Lanes {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self {
            platform: Platform::detect(),
            key_words: words_from_le_bytes_32(key),
        }
    }

    /// Hashes up to [`LANES`] inputs of `N` bytes each (a multiple of 64, at most [`INPUT_MAX`]).
    fn hash_n<const N: usize>(&self, inputs: &[[u8; N]], out: &mut [Hash]) {
        let Some(first) = inputs.first() else { return };
        let mut refs = [first; LANES];
        for (slot, input) in refs.iter_mut().zip(inputs) {
            *slot = input;
        }
        self.platform.hash_many(
            &refs[..inputs.len()],
            &self.key_words,
            0,
            IncrementCounter::No,
            KEYED_HASH,
            CHUNK_START,
            CHUNK_END | ROOT,
            out.as_flattened_mut(),
        );
    }

    /// Hashes the pairs of a tree's level, 64 bytes each, into `out`.
    pub(super) fn hash_pairs(&self, pairs: &[[u8; 64]], out: &mut [Hash]) {
        for (pairs, out) in pairs.chunks(LANES).zip(out.chunks_mut(LANES)) {
            self.hash_n(pairs, out);
        }
    }

    /// Hashes up to [`LANES`] inputs of `blocks` × 64 bytes laid end to end.
    pub(super) fn hash_lanes(&self, blocks: usize, bytes: &[u8], out: &mut [Hash]) {
        macro_rules! by_blocks {
            ($($n:literal)*) => {
                match blocks {
                    $($n => self.hash_n(bytes.as_chunks::<{ $n * 64 }>().0, out),)*
                    _ => unreachable!("inputs of {blocks} blocks are longer than a chunk"),
                }
            };
        }
        by_blocks!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_equal_keyed_hash() {
        let key = b"0123456789abcdef0123456789abcdef";
        let lanes = Lanes::new(key);
        for blocks in 1..=INPUT_MAX / 64 {
            for count in 0..=LANES {
                let len = blocks * 64;
                let bytes: Vec<u8> = (0..count * len).map(|i| (i * 31 % 251) as u8).collect();
                let mut out = [[0; 32]; LANES];
                lanes.hash_lanes(blocks, &bytes, &mut out);
                for (input, got) in bytes.chunks(len).zip(&out) {
                    assert_eq!(blake3::keyed_hash(key, input).as_bytes(), got);
                }
            }
        }
    }
}
