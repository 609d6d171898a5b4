//! Seeded chance, so that a failing run can be had again.
// Each test uses its part of it.
#![allow(dead_code)]

use std::time::{SystemTime, UNIX_EPOCH};

/// SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to `end` − 1.
    pub fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.roll()) * u128::from(end)) >> 64) as u64
    }

    pub fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    /// A version 7 UUID of now.
    pub fn uuid(&mut self) -> String {
        let high = (now_ms() << 16) | 0x7000 | self.below(0x1000);
        let low = (0b10 << 62) | (self.roll() >> 2);
        format!("{high:016x}{low:016x}")
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(0)
}

/// The seed of a run: FARTHING_SEED, or the time.
pub fn seed() -> u64 {
    let given = std::env::var("FARTHING_SEED")
        .ok()
        .and_then(|text| text.parse().ok());
    given.unwrap_or_else(now_ms)
}
