//! Latencies, counted in buckets of at most 1/64 of their value: percentiles without keeping all.

use std::time::Duration;

const SUB_BITS: u32 = 6;
const SUBS: usize = 1 << SUB_BITS;

/// How often which duration was seen.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    count: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        let buckets = (64 - SUB_BITS as usize + 1) * SUBS;
        Histogram {
            counts: vec![0; buckets],
            count: 0,
            max: 0,
        }
    }
}

impl Histogram {
    /// Counts one.
    #[inline]
    pub fn record(&mut self, duration: Duration) {
        let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket(ns)] += 1;
        self.count += 1;
        self.max = self.max.max(ns);
    }

    /// Adds another's counts.
    pub fn add(&mut self, other: &Histogram) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.count += other.count;
        self.max = self.max.max(other.max);
    }

    /// The duration that this share of all did not exceed, in microseconds; 0 if none was seen.
    pub fn quantile_us(&self, share: f64) -> f64 {
        let wanted = ((self.count as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return highest(bucket).min(self.max) as f64 / 1e3;
            }
        }
        0.0
    }
}

/// Below 64 each value has its own bucket; above, each power of two has 64.
fn bucket(ns: u64) -> usize {
    let bits = 64 - ns.leading_zeros();
    if bits <= SUB_BITS {
        return ns as usize;
    }
    let shift = bits - SUB_BITS - 1;
    let sub = (ns >> shift) as usize - SUBS;
    SUBS + shift as usize * SUBS + sub
}

/// The highest value of a bucket.
fn highest(bucket: usize) -> u64 {
    if bucket < SUBS {
        return bucket as u64;
    }
    let (shift, sub) = ((bucket - SUBS) / SUBS, (bucket % SUBS) as u128);
    let end = (SUBS as u128 + sub + 1) << shift;
    u64::try_from(end - 1).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_a_bucket_at_most_a_64th_wide() {
        let values = (0..200).chain((6..64).flat_map(|shift| {
            let power = 1u64 << shift;
            [power - 1, power, power + 1, power + power / 3]
        }));
        for ns in values.chain([u64::MAX]) {
            let high = highest(bucket(ns));
            assert!(high >= ns && high - ns <= ns / 64, "{ns}: {high}");
        }
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_values() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile_us(0.5), 0.0);
        for us in 1..=1_000 {
            histogram.record(Duration::from_micros(us));
        }
        for (share, expected) in [(0.5, 500.0), (0.99, 990.0), (0.999, 999.0), (1.0, 1_000.0)] {
            let found = histogram.quantile_us(share);
            assert!(
                (found - expected).abs() <= expected / 64.0,
                "{share}: {found}"
            );
        }
        let mut twice = histogram.clone();
        twice.add(&histogram);
        assert_eq!(twice.quantile_us(0.5), histogram.quantile_us(0.5));
    }
}
