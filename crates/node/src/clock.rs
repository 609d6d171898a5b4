//! The time of a batch: never backwards, and a forward jump is not believed until confirmed.
//!
//! A clock that jumps ahead would expire authorizations and put law in force, for good. So the wall
//! clock is compared with the monotonic one: when they part by more than five minutes, nothing is
//! served until an operator confirms. At the start it is compared with the journal's last time, for a
//! machine may boot with any clock.

use engine::UtcMillis;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How far the wall clock may run ahead of the monotonic one, milliseconds.
const JUMP_MAX_MS: u64 = 300_000;

/// Where time comes from.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970 by the wall clock.
    fn wall_ms(&self) -> u64;
    /// Milliseconds by a clock that only runs forward at its own pace.
    fn monotonic_ms(&self) -> u64;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        SystemClock(Instant::now())
    }
}

impl Clock for SystemClock {
    fn wall_ms(&self) -> u64 {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Follows a clock for the writer.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// Wall and monotonic time when they were last believed to agree.
    agreed: Option<(u64, u64)>,
    jumped: bool,
    /// How far the clock may be ahead of the journal's last time at the start, milliseconds; `None` is
    /// any.
    ahead_max_ms: Option<u64>,
    /// Time set by a caller (a replay at a log's times); the clock is not asked then.
    set: Option<UtcMillis>,
}

impl Watch {
    /// Begins where the journal ends. A clock that is behind is told of: time stands still until it
    /// catches up.
    pub fn new(clock: &dyn Clock, last: UtcMillis, ahead_max: Option<Duration>) -> Watch {
        let wall = clock.wall_ms();
        if wall.saturating_add(JUMP_MAX_MS) < last.0 {
            tracing::error!(wall, last = last.0, "clock_behind_the_journal");
        }
        let ahead_max_ms = ahead_max.map(|max| u64::try_from(max.as_millis()).unwrap_or(u64::MAX));
        Watch {
            ahead_max_ms,
            ..Watch::default()
        }
    }

    /// The time of the next batch, or `None` while a jump is unconfirmed.
    pub fn now(&mut self, clock: &dyn Clock, last: UtcMillis) -> Option<UtcMillis> {
        if let Some(set) = self.set {
            return Some(set.max(last));
        }
        let (wall, monotonic) = (clock.wall_ms(), clock.monotonic_ms());
        let expected = match (self.agreed, self.ahead_max_ms) {
            (Some((wall_then, monotonic_then)), _) => {
                let passed = monotonic.saturating_sub(monotonic_then);
                Some((wall_then.saturating_add(passed), JUMP_MAX_MS))
            }
            (None, Some(ahead_max)) if last.0 > 0 => Some((last.0, ahead_max)),
            _ => None,
        };
        if let Some((expected, ahead_max)) = expected {
            let jumped = wall > expected.saturating_add(ahead_max);
            if jumped && !self.jumped {
                tracing::error!(wall, expected, "clock_jumped");
            }
            self.jumped = jumped;
        }
        if self.jumped {
            return None;
        }
        self.agreed = Some((wall, monotonic));
        Some(UtcMillis(wall).max(last))
    }

    /// Whether a jump waits for confirmation.
    pub fn jumped(&self) -> bool {
        self.jumped
    }

    /// An operator says that the clock is right.
    pub fn confirm(&mut self, clock: &dyn Clock) {
        self.jumped = false;
        self.agreed = Some((clock.wall_ms(), clock.monotonic_ms()));
    }

    /// From now on time is what callers set.
    pub fn set(&mut self, now: UtcMillis) {
        self.set = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    #[derive(Default)]
    struct Hands(AtomicU64, AtomicU64);
    impl Clock for Hands {
        fn wall_ms(&self) -> u64 {
            self.0.load(Relaxed)
        }
        fn monotonic_ms(&self) -> u64 {
            self.1.load(Relaxed)
        }
    }

    #[test]
    fn time_never_runs_back_and_a_jump_waits_for_confirmation() {
        let hands = Hands::default();
        let mut watch = Watch::default();
        let at = |wall: u64, mono: u64, last: u64, watch: &mut Watch| {
            hands.0.store(wall, Relaxed);
            hands.1.store(mono, Relaxed);
            watch.now(&hands, UtcMillis(last)).map(|t| t.0)
        };
        assert_eq!(at(1_000_000, 0, 0, &mut watch), Some(1_000_000));
        assert_eq!(
            at(900_000, 10, 1_000_000, &mut watch),
            Some(1_000_000),
            "back: the last"
        );
        assert_eq!(
            at(1_000_020, 20, 1_000_000, &mut watch),
            Some(1_000_020),
            "within five minutes"
        );
        let hour = 3_600_000;
        assert_eq!(
            at(1_000_020 + hour, hour + 20, 0, &mut watch),
            Some(1_000_020 + hour),
            "idle"
        );
        assert_eq!(
            at(1_400_000 + hour, hour + 30, 0, &mut watch),
            None,
            "a jump"
        );
        assert!(watch.jumped());
        assert_eq!(
            at(1_000_040 + hour, hour + 40, 0, &mut watch),
            Some(1_000_040 + hour),
            "set back"
        );
        assert_eq!(at(9_000_000, hour + 50, 0, &mut watch), None);
        watch.confirm(&hands);
        assert_eq!(at(9_000_010, hour + 60, 0, &mut watch), Some(9_000_010));
    }
    #[test]
    fn at_the_start_a_clock_far_ahead_of_the_journal_waits_for_confirmation() {
        let (day, last) = (86_400_000, UtcMillis(1_790_000_000_000));
        let hands = Hands::default();
        let start =
            |max: Option<u64>, last| Watch::new(&hands, last, max.map(Duration::from_millis));
        for (ahead, max, from, believed) in [
            (day, Some(day), last, true),
            (day + 1, Some(day), last, false),
            (3_650 * day, Some(day), last, false),
            (3_650 * day, None, last, true),
            // A journal without a row has no time.
            (3_650 * day, Some(day), UtcMillis(0), true),
        ] {
            hands.0.store(last.0 + ahead, Relaxed);
            let mut watch = start(max, from);
            assert_eq!(
                watch.now(&hands, from).is_some(),
                believed,
                "{ahead} {max:?}"
            );
            assert_eq!(watch.jumped(), !believed);
        }
        // It is set, or said to be right.
        let mut watch = start(Some(day), last);
        assert_eq!(watch.now(&hands, last), None);
        hands.0.store(last.0 + 5, Relaxed);
        assert_eq!(watch.now(&hands, last), Some(UtcMillis(last.0 + 5)));
        hands.0.store(last.0 + 9 * day, Relaxed);
        let mut watch = start(Some(day), last);
        assert_eq!(watch.now(&hands, last), None);
        watch.confirm(&hands);
        assert_eq!(watch.now(&hands, last), Some(UtcMillis(last.0 + 9 * day)));
    }
}
