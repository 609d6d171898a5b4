//! How many requests a key may make: a bucket of tokens for each, refilled steadily.

use identity::KeyId;
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Keys remembered at once; past it, full buckets are forgotten.
const BUCKETS_MAX: usize = 100_000;

/// What a request may go on with, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Whether it may go on.
    pub allowed: bool,
    /// Requests left now.
    pub left: u32,
    /// Seconds until the next is certain, or until the bucket is full.
    pub wait_s: u32,
}

#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

/// The buckets of all keys.
pub struct Limiter {
    per_second: u32,
    burst: u32,
    buckets: Mutex<HashMap<KeyId, Bucket>>,
}

impl Limiter {
    /// `per_second` requests on average, `burst` at once.
    #[must_use]
    pub fn new(per_second: u32, burst: u32) -> Limiter {
        Limiter {
            per_second: per_second.max(1),
            burst: burst.max(1),
            buckets: Mutex::default(),
        }
    }

    /// What `RateLimit-Policy` says: a quota and the window in which it refills.
    #[must_use]
    pub fn policy(&self) -> String {
        format!(
            "\"key\";q={};w={}",
            self.burst,
            self.burst.div_ceil(self.per_second)
        )
    }

    /// Takes a token of a key's bucket.
    pub fn take(&self, key: KeyId, now: Instant) -> Room {
        // Nothing panics under the lock, and each bucket is whole by itself.
        let mut buckets = self
            .buckets
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if buckets.len() >= BUCKETS_MAX {
            let refill = Duration::from_secs(u64::from(self.burst.div_ceil(self.per_second)));
            buckets.retain(|_, bucket| now.duration_since(bucket.at) < refill);
        }
        let full = f64::from(self.burst);
        let rate = f64::from(self.per_second);
        let bucket = buckets.entry(key).or_insert(Bucket {
            tokens: full,
            at: now,
        });
        let since = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.tokens = (bucket.tokens + since * rate).min(full);
        bucket.at = now;
        let allowed = bucket.tokens >= 1.0;
        if allowed {
            bucket.tokens -= 1.0;
        }
        let wait = if allowed {
            (full - bucket.tokens) / rate
        } else {
            (1.0 - bucket.tokens) / rate
        };
        Room {
            allowed,
            left: bucket.tokens as u32,
            wait_s: (wait.ceil() as u32).max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_refills_for_its_own_key_only() {
        let limiter = Limiter::new(10, 3);
        let start = Instant::now();
        let take = |key: u128, ms: u64| limiter.take(KeyId(key), start + Duration::from_millis(ms));
        assert!(take(1, 0).allowed && take(1, 0).allowed);
        assert_eq!(
            take(1, 0),
            Room {
                allowed: true,
                left: 0,
                wait_s: 1
            }
        );
        assert!(!take(1, 0).allowed);
        assert!(take(2, 0).allowed, "another key's bucket");
        assert!(!take(1, 50).allowed);
        assert!(take(1, 200).allowed);
        assert_eq!(take(1, 60_000).left, 2, "never more than the burst");
    }
}
