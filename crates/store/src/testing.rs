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

/// SQLite numbers `$n` by first appearance, PostgreSQL by n.
pub(crate) fn params_count_up(sql: &str) -> bool {
    let mut highest = 0;
    sql.split('$').skip(1).all(|rest| {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number: u32 = rest[..digits].parse().unwrap();
        let in_order = number <= highest + 1;
        highest = highest.max(number);
        in_order
    })
}
