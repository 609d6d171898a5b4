//! A Merkle tree over the events of a row: one payment can be proved without showing its neighbours.
//!
//! - leaf = `blake3(LEAF_KEY; event ‖ 0x01 ‖ 0x00…)`, padded to the next multiple of 64 bytes;
//! - node = `blake3(NODE_KEY; left ‖ right)`; the odd one at the end of a level moves up as it is;
//! - root = `blake3(ROOT_KEY; count as u64, little-endian ‖ top)`; without events, `top` is zero.
//!
//! The keys keep leaves, nodes and roots apart (no node can be passed off as an event), the padding
//! is injective, and the count in the root fixes the shape of the tree, hence of every proof.
//!
//! Padding to whole blocks lets events be hashed side by side (see `lanes`); a key instead of a tag
//! keeps a node within one block. `examples/append_speed.rs`: with 1,000 and more events a row 61–80 ns an
//! event; with 30 children a node, hashed one node at a time, 81–96. (Nodes that wide were not tried side by
//! side, which would save a few ns.) Binary was chosen for its proofs, a seventh to a ninth of the size.

mod lanes;

use lanes::{INPUT_MAX, LANES, Lanes};

use crate::{Hash, ZERO_HASH};

const LEAF_KEY: &[u8; 32] = b"farthing journal merkle leaf v1 ";
const NODE_KEY: &[u8; 32] = b"farthing journal merkle node v1 ";
const ROOT_KEY: &[u8; 32] = b"farthing journal merkle root v1 ";

const BLOCK: usize = 64;
const PAD: u8 = 1;

/// The hash of one event.
pub fn leaf(event: &[u8]) -> Hash {
    let padded_len = (event.len() + 1).next_multiple_of(BLOCK);
    let mut hasher = blake3::Hasher::new_keyed(LEAF_KEY);
    hasher.update(event);
    let mut tail = [0; BLOCK];
    tail[0] = PAD;
    hasher.update(&tail[..padded_len - event.len()]);
    *hasher.finalize().as_bytes()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    *blake3::keyed_hash(NODE_KEY, [*left, *right].as_flattened()).as_bytes()
}

fn seal(count: u64, top: &Hash) -> Hash {
    let mut bytes = [0; 8 + 32];
    bytes[..8].copy_from_slice(&count.to_le_bytes());
    bytes[8..].copy_from_slice(top);
    *blake3::keyed_hash(ROOT_KEY, &bytes).as_bytes()
}

/// The root over `leaves`.
pub fn root(leaves: &[Hash]) -> Hash {
    let mut builder = Builder::new();
    builder.leaves.extend_from_slice(leaves);
    builder.finish()
}

/// The root over `events`.
pub fn root_of<'a>(events: impl IntoIterator<Item = &'a [u8]>) -> Hash {
    let mut builder = Builder::new();
    for event in events {
        builder.push_leaf(event);
    }
    builder.finish()
}

/// Builds the roots of one batch after another; its buffers are kept, so that an event allocates nothing.
#[derive(Debug, Clone)]
pub struct Builder {
    leaf_lanes: Lanes,
    node_lanes: Lanes,
    leaves: Vec<Hash>,
    /// The other buffer of the reduction.
    level: Vec<Hash>,
    /// Events of equal padded length wait together: `waiting[blocks - 1]`.
    waiting: [Waiting; INPUT_MAX / BLOCK],
}

/// Padded events of one length, laid end to end, and the leaves they will become.
#[derive(Debug, Clone, Default)]
struct Waiting {
    bytes: Vec<u8>,
    places: [u32; LANES],
    count: usize,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// An empty builder.
    pub fn new() -> Self {
        Self {
            leaf_lanes: Lanes::new(LEAF_KEY),
            node_lanes: Lanes::new(NODE_KEY),
            leaves: Vec::new(),
            level: Vec::new(),
            waiting: Default::default(),
        }
    }

    /// Adds the next event of the batch.
    #[inline]
    pub fn push_leaf(&mut self, event: &[u8]) {
        let place = self.leaves.len();
        let blocks = event.len() / BLOCK + 1;
        if blocks > INPUT_MAX / BLOCK {
            self.leaves.push(leaf(event));
            return;
        }
        self.leaves.push(ZERO_HASH);
        let waiting = &mut self.waiting[blocks - 1];
        let len = blocks * BLOCK;
        if waiting.bytes.is_empty() {
            waiting.bytes.resize(LANES * len, 0);
        }
        let lane = &mut waiting.bytes[waiting.count * len..][..len];
        let (body, tail) = lane.split_at_mut(event.len());
        body.copy_from_slice(event);
        tail.fill(0);
        tail[0] = PAD;
        waiting.places[waiting.count] = place as u32;
        waiting.count += 1;
        if waiting.count == LANES {
            waiting.flush(blocks, &self.leaf_lanes, &mut self.leaves);
        }
    }

    /// How many events the batch has so far.
    pub fn len(&self) -> usize {
        self.leaves.len()
    }

    /// Whether the batch has no event yet.
    pub fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }

    /// The root of the batch; the builder is then empty, ready for the next.
    pub fn finish(&mut self) -> Hash {
        for (i, waiting) in self.waiting.iter_mut().enumerate() {
            waiting.flush(i + 1, &self.leaf_lanes, &mut self.leaves);
        }
        let count = self.leaves.len() as u64;
        while self.leaves.len() > 1 {
            let (pairs, odd) = self.leaves.as_flattened().as_chunks::<BLOCK>();
            self.level.clear();
            self.level.resize(pairs.len(), ZERO_HASH);
            self.node_lanes.hash_pairs(pairs, &mut self.level);
            self.level.extend(odd.as_chunks::<32>().0);
            std::mem::swap(&mut self.leaves, &mut self.level);
        }
        let top = self.leaves.pop().unwrap_or(ZERO_HASH);
        seal(count, &top)
    }
}

impl Waiting {
    fn flush(&mut self, blocks: usize, lanes: &Lanes, leaves: &mut [Hash]) {
        if self.count == 0 {
            return;
        }
        let mut out = [ZERO_HASH; LANES];
        lanes.hash_lanes(blocks, &self.bytes[..self.count * blocks * BLOCK], &mut out);
        for (place, hash) in self.places[..self.count].iter().zip(&out) {
            leaves[*place as usize] = *hash;
        }
        self.count = 0;
    }
}

/// That one event is the `index`-th of a row's `count`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The event's place in the row, from 0.
    pub index: u64,
    /// How many events the row has.
    pub count: u64,
    /// The other child at each level from the leaf up, where there is one.
    pub siblings: Vec<Hash>,
}

/// The proof of the leaf at `index`; none if there is no such leaf.
pub fn prove(leaves: &[Hash], index: usize) -> Option<Proof> {
    if index >= leaves.len() {
        return None;
    }
    let mut siblings = Vec::new();
    let mut level = leaves.to_vec();
    let mut at = index;
    while level.len() > 1 {
        siblings.extend(level.get(at ^ 1));
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => node(left, right),
                odd => odd[0],
            })
            .collect();
        at /= 2;
    }
    Some(Proof {
        index: index as u64,
        count: leaves.len() as u64,
        siblings,
    })
}

/// Whether `proof` shows that `leaf` is under `root`, at the place it names.
pub fn verify(root: &Hash, leaf: &Hash, proof: &Proof) -> bool {
    if proof.index >= proof.count {
        return false;
    }
    let mut siblings = proof.siblings.iter();
    let (mut hash, mut at, mut width) = (*leaf, proof.index, proof.count);
    while width > 1 {
        if at ^ 1 < width {
            let Some(sibling) = siblings.next() else {
                return false;
            };
            hash = if at.is_multiple_of(2) {
                node(&hash, sibling)
            } else {
                node(sibling, &hash)
            };
        }
        at /= 2;
        width = width.div_ceil(2);
    }
    siblings.next().is_none() && seal(proof.count, &hash) == *root
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn leaves(events: &[Vec<u8>]) -> Vec<Hash> {
        events.iter().map(|e| leaf(e)).collect()
    }

    /// The definition, without a thought for speed.
    fn root_naive(leaves: &[Hash]) -> Hash {
        let mut level = leaves.to_vec();
        while level.len() > 1 {
            level = level
                .chunks(2)
                .map(|p| {
                    if p.len() == 2 {
                        node(&p[0], &p[1])
                    } else {
                        p[0]
                    }
                })
                .collect();
        }
        seal(leaves.len() as u64, level.first().unwrap_or(&ZERO_HASH))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn builder_equals_definition(batches in vec(vec(vec(any::<u8>(), 0..200), 0..80), 1..4)) {
            let mut builder = Builder::new();
            for events in &batches {
                events.iter().for_each(|e| builder.push_leaf(e));
                prop_assert_eq!(builder.len(), events.len());
                let want = root_naive(&leaves(events));
                prop_assert_eq!(builder.finish(), want);
                prop_assert_eq!(root(&leaves(events)), want);
            }
        }

        #[test]
        fn every_event_can_be_proved_and_nothing_else(events in vec(vec(any::<u8>(), 0..150), 1..70), other in vec(any::<u8>(), 0..150)) {
            let leaves = leaves(&events);
            let root = root(&leaves);
            for (i, event) in events.iter().enumerate() {
                let proof = prove(&leaves, i).unwrap();
                prop_assert!(verify(&root, &leaf(event), &proof));
                prop_assert_eq!(verify(&root, &leaf(&other), &proof), other == *event);
                for j in 0..proof.siblings.len() {
                    let mut bent = proof.clone();
                    bent.siblings[j][7] ^= 1;
                    prop_assert!(!verify(&root, &leaf(event), &bent));
                }
                let mut bent = proof.clone();
                bent.count += 1;
                prop_assert!(!verify(&root, &leaf(event), &bent));
                let mut bent = proof.clone();
                bent.siblings.push(ZERO_HASH);
                prop_assert!(!verify(&root, &leaf(event), &bent));
            }
            prop_assert_eq!(prove(&leaves, leaves.len()), None);
        }
    }

    #[test]
    fn events_of_every_length_around_a_block_and_a_chunk() {
        let events: Vec<Vec<u8>> = (0..1200).map(|len| vec![len as u8; len]).collect();
        let slices = events.iter().map(Vec::as_slice);
        assert_eq!(root_of(slices), root_naive(&leaves(&events)));
    }

    #[test]
    fn padding_is_injective() {
        let names = [
            &b""[..],
            &[0],
            &[1],
            &[1, 0],
            &[0; 63],
            &[0; 64],
            &[1; 62],
            &[1; 63],
        ];
        for (i, a) in names.iter().enumerate() {
            for b in &names[..i] {
                assert_ne!(leaf(a), leaf(b));
            }
        }
    }

    /// Frozen: these roots stand in journals.
    #[test]
    fn golden_roots() {
        let golden = [
            (
                0,
                "bc19a42e14ae26b46862b2ee3f16d63aa71cde359a9c589a46dede6108429aab",
            ),
            (
                1,
                "15903b0ffdf99c84dbec55b255eefecd0d09a26997d6b89d4342ec71a48ed6e0",
            ),
            (
                1000,
                "0ddf9ff15529a54af3c0fb04e250fd5d8d5903d1e917342bedceb7a54bcaa955",
            ),
        ];
        for (count, want) in golden {
            let events: Vec<[u8; 4]> = (0..count as u32).map(u32::to_le_bytes).collect();
            let got = crate::hex(&root_of(events.iter().map(|e| &e[..])));
            assert_eq!(got, want, "{count} events");
        }
    }
}
