//! Who pays whom: evenly, a few very often, or all to one.

use clap::ValueEnum;

/// `SplitMix64` (Steele, Lea, Flood 2014).
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// 64 random bits.
    #[inline]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// From 0 up to, not including, 1.
    #[inline]
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Below `n`, evenly.
    #[inline]
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }
}

/// The finishing of `SplitMix64`: neighbours become unlike.
#[inline]
pub fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Who pays whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Pattern {
    /// Every payer and every merchant as often
    Uniform,
    /// The n-th most active payer and merchant an n-th as often as the first
    Zipf,
    /// Every payer as often, one merchant always
    Hot,
}

impl Pattern {
    /// The row's name.
    pub fn name(self) -> &'static str {
        match self {
            Pattern::Uniform => "uniform",
            Pattern::Zipf => "zipf",
            Pattern::Hot => "hot",
        }
    }
}

/// Ranks from 0, the n-th as often as 1/n: exponent 1.
///
/// By rejection-inversion (Hörmann, Derflinger 1996): exact, and without a table that would push what
/// is measured out of the cache.
#[derive(Clone, Debug)]
pub struct Zipf {
    n: u64,
    low: f64,
    high: f64,
    /// So near to its rank a drawn value is taken unseen.
    near: f64,
}

impl Zipf {
    /// Over `n` ranks.
    pub fn new(n: u64) -> Zipf {
        Zipf {
            n,
            low: 1.5f64.ln() - 1.0,
            high: (n as f64 + 0.5).ln(),
            near: 2.0 - (2.5f64.ln() - 0.5).exp(),
        }
    }

    /// The next rank.
    pub fn rank(&self, random: &mut Random) -> u64 {
        loop {
            let u = self.high + random.share() * (self.low - self.high);
            let x = u.exp();
            let rank = (x.round() as u64).clamp(1, self.n);
            let k = rank as f64;
            if k - x <= self.near || u >= (k + 0.5).ln() - 1.0 / k {
                return rank - 1;
            }
        }
    }

    /// The one at the next rank. Ranks are scattered: who is active has nothing to do with who came
    /// first, so neighbours in rank are not neighbours in memory.
    pub fn pick(&self, random: &mut Random) -> u64 {
        // A prime above every n, so no two ranks fall together.
        let scattered = u128::from(self.rank(random)) * 18_446_744_073_709_551_557;
        (scattered % u128::from(self.n)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nth_rank_comes_an_nth_as_often_as_the_first() {
        let (n, draws) = (1_000u64, 400_000);
        let zipf = Zipf::new(n);
        let mut random = Random(7);
        let mut counts = vec![0u64; n as usize];
        for _ in 0..draws {
            counts[zipf.rank(&mut random) as usize] += 1;
        }
        let harmonic: f64 = (1..=n).map(|k| 1.0 / k as f64).sum();
        for rank in [1u64, 2, 3, 10, 100] {
            let expected = f64::from(draws) / harmonic / rank as f64;
            let found = counts[rank as usize - 1] as f64;
            let off = (found - expected).abs() / expected.sqrt();
            assert!(off < 4.0, "rank {rank}: {found}, expected {expected}");
        }
        let tail: u64 = counts[500..].iter().sum();
        let expected: f64 = (501..=n).map(|k| 1.0 / k as f64).sum::<f64>() / harmonic;
        assert!((tail as f64 / f64::from(draws) - expected).abs() < 0.005);
    }

    #[test]
    fn scattering_loses_no_one() {
        let n = 997;
        let zipf = Zipf::new(n);
        let mut random = Random(3);
        let mut seen = vec![false; n as usize];
        for _ in 0..100_000 {
            seen[zipf.pick(&mut random) as usize] = true;
        }
        assert!(seen.iter().all(|seen| *seen));
    }

    #[test]
    fn one_rank_is_always_the_first() {
        let zipf = Zipf::new(1);
        let mut random = Random(1);
        assert!((0..100).all(|_| zipf.pick(&mut random) == 0));
    }
}
