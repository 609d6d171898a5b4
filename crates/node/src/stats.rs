//! What the node counts about itself.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Upper bounds of the commit latency histogram, microseconds.
pub const COMMIT_BUCKETS_US: [u64; 12] = [
    50,
    100,
    250,
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    100_000,
    1_000_000,
    u64::MAX,
];

/// Counters, written by the pipeline and read by anyone.
#[derive(Debug, Default)]
pub struct Stats {
    pub(crate) queued: AtomicU64,
    pub(crate) batches: AtomicU64,
    pub(crate) events: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) rejected: AtomicU64,
    pub(crate) known: AtomicU64,
    pub(crate) busy: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) durable_seq: AtomicU64,
    pub(crate) commit_us_sum: AtomicU64,
    pub(crate) commit_us: [AtomicU64; COMMIT_BUCKETS_US.len()],
    pub(crate) snapshot_seq: AtomicU64,
    pub(crate) clock_jumped: AtomicU64,
}

/// The counters at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatsView {
    /// Commands waiting now.
    pub queued: u64,
    /// Rows committed.
    pub batches: u64,
    /// Events committed.
    pub events: u64,
    /// Of them, refusals.
    pub refused: u64,
    /// Commands that left no trace.
    pub rejected: u64,
    /// Commands answered before.
    pub known: u64,
    /// Submissions told to come back.
    pub busy: u64,
    /// Bytes of events committed.
    pub bytes: u64,
    /// The last durable row.
    pub durable_seq: u64,
    /// Microseconds spent in commits.
    pub commit_us_sum: u64,
    /// Commits by duration: upper bound in microseconds, how many.
    pub commit_us: Vec<(u64, u64)>,
    /// The row of the newest snapshot.
    pub snapshot_seq: u64,
    /// Whether the clock jumped and waits for confirmation.
    pub clock_jumped: bool,
}

impl Stats {
    pub(crate) fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Relaxed);
    }

    pub(crate) fn commit_took(&self, us: u64) {
        Self::add(&self.commit_us_sum, us);
        let bucket = COMMIT_BUCKETS_US.partition_point(|bound| *bound < us);
        Self::add(&self.commit_us[bucket.min(COMMIT_BUCKETS_US.len() - 1)], 1);
    }

    /// The counters now.
    #[must_use]
    pub fn view(&self) -> StatsView {
        let get = |counter: &AtomicU64| counter.load(Relaxed);
        StatsView {
            queued: get(&self.queued),
            batches: get(&self.batches),
            events: get(&self.events),
            refused: get(&self.refused),
            rejected: get(&self.rejected),
            known: get(&self.known),
            busy: get(&self.busy),
            bytes: get(&self.bytes),
            durable_seq: get(&self.durable_seq),
            commit_us_sum: get(&self.commit_us_sum),
            commit_us: COMMIT_BUCKETS_US
                .into_iter()
                .zip(self.commit_us.iter().map(get))
                .collect(),
            snapshot_seq: get(&self.snapshot_seq),
            clock_jumped: get(&self.clock_jumped) != 0,
        }
    }
}
