//! A row of the journal, its hash, and the chain the rows form.
//!
//! Invariants:
//! - `seq` starts at 1 and has no gaps;
//! - `prev_hash` is the hash of the row before, zero for row 1;
//! - `epoch` never goes back;
//! - a row's hash covers its events only through `root`, so that a row can be shown without them.

use crate::{Check, JournalError};

/// A BLAKE3 hash.
pub type Hash = [u8; 32];

/// The hash before the first row.
pub const ZERO_HASH: Hash = [0; 32];

/// Keys the row hash, so that no other hash of the system can be taken for one.
const ROW_KEY: &[u8; 32] = b"farthing journal row hash v1    ";

/// One batch of events, made durable at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The shard the row belongs to.
    pub shard: u32,
    /// Its place: 1, 2, 3, …
    pub seq: u64,
    /// The lease under which it was written; says who wrote a row that should not be there.
    pub epoch: u64,
    /// The format of `events`.
    pub format: u16,
    /// The events, as the engine encoded them.
    pub events: Vec<u8>,
    /// The hash of the row before; finds a row changed, removed or inserted.
    pub prev_hash: Hash,
    /// The Merkle root of the events; finds an event changed.
    pub root: Hash,
}

impl Row {
    /// The hash the next row carries as `prev_hash`.
    pub fn hash(&self) -> Hash {
        row_hash(
            self.shard,
            self.seq,
            self.epoch,
            self.format,
            &self.prev_hash,
            &self.root,
        )
    }
}

/// `blake3(key; shard u32 ‖ seq u64 ‖ epoch u64 ‖ format u16 ‖ prev_hash ‖ root)`, little-endian.
pub(crate) fn row_hash(
    shard: u32,
    seq: u64,
    epoch: u64,
    format: u16,
    prev_hash: &Hash,
    root: &Hash,
) -> Hash {
    let mut bytes = [0; 4 + 8 + 8 + 2 + 32 + 32];
    bytes[0..4].copy_from_slice(&shard.to_le_bytes());
    bytes[4..12].copy_from_slice(&seq.to_le_bytes());
    bytes[12..20].copy_from_slice(&epoch.to_le_bytes());
    bytes[20..22].copy_from_slice(&format.to_le_bytes());
    bytes[22..54].copy_from_slice(prev_hash);
    bytes[54..86].copy_from_slice(root);
    *blake3::keyed_hash(ROW_KEY, &bytes).as_bytes()
}

/// Where a journal ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The last row's, 0 when there is none.
    pub seq: u64,
    /// The last row's hash, zero when there is none.
    pub hash: Hash,
    /// The last row's epoch, 0 when there is none. A writer's own is [`crate::Journal::epoch`].
    pub epoch: u64,
}

impl Head {
    /// The head of an empty journal.
    pub const EMPTY: Self = Self {
        seq: 0,
        hash: ZERO_HASH,
        epoch: 0,
    };

    /// The head after `row`.
    pub fn of(row: &Row) -> Self {
        Self {
            seq: row.seq,
            hash: row.hash(),
            epoch: row.epoch,
        }
    }

    /// Checks that `row` follows this head (shard aside) and moves to it. For followers and replay.
    pub fn advance(&mut self, row: &Row) -> Result<(), JournalError> {
        let want = self.seq + 1;
        if row.seq != want {
            return Err(JournalError::broken(
                want,
                Check::Seq,
                format!("found {}", row.seq),
            ));
        }
        if row.prev_hash != self.hash {
            let detail = format!("found {}, wanted {}", hex(&row.prev_hash), hex(&self.hash));
            return Err(JournalError::broken(want, Check::PrevHash, detail));
        }
        if row.epoch < self.epoch {
            let detail = format!("{} after {}", row.epoch, self.epoch);
            return Err(JournalError::broken(want, Check::Epoch, detail));
        }
        *self = Self::of(row);
        Ok(())
    }
}

/// A hash as people compare it.
pub fn hex(hash: &Hash) -> String {
    blake3::Hash::from_bytes(*hash).to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frozen: these hashes stand in journals.
    #[test]
    fn golden_row_hash() {
        let (prev_hash, root) = ([5; 32], [6; 32]);
        let row = Row {
            shard: 1,
            seq: 2,
            epoch: 3,
            format: 4,
            events: vec![],
            prev_hash,
            root,
        };
        let want = "2bb3a49b87cda79ef69b3fd8a8adab946fc26732f1ddfc8fc69fc229b1de05c6";
        assert_eq!(hex(&row.hash()), want);
    }

    #[test]
    fn every_column_but_events_is_in_the_hash() {
        let (prev_hash, root) = ([5; 32], [6; 32]);
        let row = Row {
            shard: 1,
            seq: 2,
            epoch: 3,
            format: 4,
            events: vec![],
            prev_hash,
            root,
        };
        for other in [
            Row {
                shard: 9,
                ..row.clone()
            },
            Row {
                seq: 9,
                ..row.clone()
            },
            Row {
                epoch: 9,
                ..row.clone()
            },
            Row {
                format: 9,
                ..row.clone()
            },
            Row {
                prev_hash: [9; 32],
                ..row.clone()
            },
            Row {
                root: [9; 32],
                ..row.clone()
            },
        ] {
            assert_ne!(other.hash(), row.hash(), "{other:?}");
        }
    }
}
