//! What the unit tests share.

use crate::random::{Random, RandomFailed};

/// The same bytes for the same seed.
pub(crate) struct Seeded(blake3::OutputReader);

impl Seeded {
    pub fn new(seed: u64) -> Self {
        Self(
            blake3::Hasher::new()
                .update(&seed.to_le_bytes())
                .finalize_xof(),
        )
    }
}

impl Random for Seeded {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomFailed> {
        self.0.fill(out);
        Ok(())
    }
}
