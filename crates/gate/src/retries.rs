//! `payment-identifier` and `Idempotency-Key`: who lost the answer to a payment may ask for it again.
//!
//! - The same identifier with the same payment gets the first answer again, if it was small and is
//!   not long ago; with another payment, a conflict.
//! - What is remembered is in memory and bounded. Losing it never charges twice: the payment's id
//!   stands in the journal.

use crate::sign::PublicKey;
use hyper::body::Bytes;
use hyper::{HeaderMap, StatusCode};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Larger answers are not kept.
pub const KEPT_BYTES_MAX: u64 = 64 * 1024;
const KEPT_MS: u64 = 600_000;
const KEPT_MAX: usize = 1_024;

type Key = (PublicKey, String);

/// An answer to give again.
#[derive(Clone, Debug)]
pub struct Kept {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

struct Entry {
    digest: [u8; 32],
    at_ms: u64,
    kept: Option<Kept>,
}

#[derive(Default)]
struct Known(Mutex<HashMap<Key, Entry>>);

/// What is known of identifiers. Clones are the same.
#[derive(Clone)]
pub struct Retries {
    known: Arc<Known>,
    kept_max: usize,
    kept_ms: u64,
}

impl Default for Retries {
    fn default() -> Retries {
        Retries::of(KEPT_MAX, KEPT_MS)
    }
}

/// What an identifier means now.
pub enum Found {
    /// Nothing yet: go on. It is forgotten if this is dropped before an answer is kept.
    New(Turn),
    /// Answered before.
    Again(Box<Kept>),
    /// Another payment has it, or this one is on its way.
    Conflict(&'static str),
    /// No more can be remembered now.
    Full,
}

/// The right to answer an identifier.
pub struct Turn {
    known: Arc<Known>,
    key: Option<Key>,
}

impl Known {
    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Retries {
    /// Remembers so many answers, for so many milliseconds at least.
    #[must_use]
    pub fn of(kept_max: usize, kept_ms: u64) -> Retries {
        Retries {
            known: Arc::default(),
            kept_max,
            kept_ms,
        }
    }

    /// Looks an identifier up, and takes it if it is new.
    #[must_use]
    pub fn find(&self, key: PublicKey, id: &str, digest: [u8; 32], now_ms: u64) -> Found {
        let mut known = self.known.lock();
        let key = (key, id.to_owned());
        if known.len() >= self.kept_max {
            known.retain(|_, entry| entry.kept.is_none() || entry.at_ms + self.kept_ms > now_ms);
        }
        match known.get(&key) {
            Some(entry) if entry.digest != digest => {
                Found::Conflict("this identifier was used for another payment")
            }
            Some(Entry { kept: None, .. }) => Found::Conflict("this payment is on its way"),
            Some(Entry {
                kept: Some(kept), ..
            }) => Found::Again(Box::new(kept.clone())),
            None if known.len() >= self.kept_max => Found::Full,
            None => {
                let entry = Entry {
                    digest,
                    at_ms: now_ms,
                    kept: None,
                };
                known.insert(key.clone(), entry);
                Found::New(Turn {
                    known: self.known.clone(),
                    key: Some(key),
                })
            }
        }
    }
}

impl Turn {
    /// Keeps an answer for whoever asks again.
    pub fn keep(mut self, kept: Kept) {
        let Some(key) = self.key.take() else { return };
        if let Some(entry) = self.known.lock().get_mut(&key) {
            entry.kept = Some(kept);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.known.lock().remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: PublicKey = PublicKey([1; 32]);

    fn kept() -> Kept {
        Kept {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: Bytes::from_static(b"hello"),
        }
    }

    fn word(found: &Found) -> &'static str {
        match found {
            Found::New(_) => "new",
            Found::Again(_) => "again",
            Found::Conflict(_) => "conflict",
            Found::Full => "full",
        }
    }

    #[test]
    fn the_same_payment_gets_the_first_answer_and_another_a_conflict() {
        let retries = Retries::default();
        let find = |digest| retries.find(KEY, "id", [digest; 32], 0);
        let Found::New(turn) = find(1) else { panic!() };
        assert_eq!(word(&find(1)), "conflict");
        drop(turn);
        let Found::New(turn) = find(2) else { panic!() };
        turn.keep(kept());
        assert_eq!(word(&find(2)), "again");
        assert_eq!(word(&find(3)), "conflict");
        let other = retries.find(PublicKey([2; 32]), "id", [3; 32], 0);
        assert_eq!(word(&other), "new");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let retries = Retries::default();
        for n in 0..KEPT_MAX {
            let Found::New(turn) = retries.find(KEY, &n.to_string(), [1; 32], 0) else {
                panic!()
            };
            turn.keep(kept());
        }
        assert_eq!(word(&retries.find(KEY, "more", [1; 32], 1)), "full");
        assert_eq!(word(&retries.find(KEY, "more", [1; 32], KEPT_MS)), "new");
    }
}
