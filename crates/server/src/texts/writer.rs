//! The way to the store, many requests' texts at once.
//!
//! A sync for each request would bound the whole server by the disk; so while one batch is being
//! written the next gathers. Requests without text never come here.
//!
//! What came to nothing is dropped when nobody else is about to decide on the same text: of two
//! requests alike one may be refused and the other done.

use crate::codes;
use crate::problem::{Outcome, Problem};
use engine::event::TextHash;
use node::Node;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::{About, Details, NewDetails, OsRandom, Put, Store};
use tokio::sync::{mpsc, oneshot};

const QUEUE_MAX: usize = 8_192;
const BATCH_MAX: usize = 512;

/// Text to be kept, its subject known.
#[derive(Clone, Debug)]
pub(crate) struct NewText {
    pub about: About,
    pub command: u128,
    pub subject: u128,
    pub details: Details,
}

type Reply = oneshot::Sender<Result<Vec<Put>, Arc<store::Error>>>;

enum Job {
    Put(Vec<NewText>, Reply),
    Drop(Vec<(About, TextHash)>),
}

/// What is known of the requests with text about one thing, between its writing and its decision.
#[derive(Default)]
struct Flying {
    requests: usize,
    refused: Vec<TextHash>,
    decided: Vec<TextHash>,
    /// Of some request nobody knows whether it was decided.
    is_unsure: bool,
}

struct Shared {
    sender: mpsc::Sender<Job>,
    flying: Mutex<HashMap<About, Flying>>,
}

impl Shared {
    fn flying(&self) -> MutexGuard<'_, HashMap<About, Flying>> {
        // Each entry is whole between any two operations on it.
        self.flying.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where handlers leave text.
pub(crate) struct Writer(Arc<Shared>);

/// Text that stands in the store while its command is decided.
pub(crate) struct Kept {
    /// What the event will call it.
    pub hash: TextHash,
    flight: Option<Flight>,
}

struct Flight {
    shared: Arc<Shared>,
    about: About,
    /// Whether this request wrote it.
    fresh: bool,
    end: End,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Unknown,
    Decided(TextHash),
    Refused(TextHash),
    /// Refused, but another request wrote the text.
    OfAnother,
}

impl Kept {
    /// Text decided on before, that cannot be written again.
    pub fn before(hash: TextHash) -> Kept {
        Kept { hash, flight: None }
    }

    /// An event names it.
    pub fn decided(mut self) {
        if let Some(flight) = &mut self.flight {
            flight.end = End::Decided(self.hash);
        }
    }

    /// No event will name it for this request.
    pub fn refused(mut self) {
        if let Some(flight) = &mut self.flight {
            flight.end = match flight.fresh {
                true => End::Refused(self.hash),
                false => End::OfAnother,
            };
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut flying = self.shared.flying();
        let Entry::Occupied(mut entry) = flying.entry(self.about) else {
            return;
        };
        let here = entry.get_mut();
        here.requests -= 1;
        match self.end {
            End::Unknown => here.is_unsure = true,
            End::OfAnother => {}
            End::Decided(hash) => here.decided.push(hash),
            End::Refused(hash) => here.refused.push(hash),
        }
        if here.requests > 0 {
            return;
        }
        let mut here = entry.remove();
        here.refused.retain(|hash| !here.decided.contains(hash));
        if !here.refused.is_empty() && !here.is_unsure {
            let drops = here.refused.iter().map(|hash| (self.about, *hash));
            // Under the lock, so that who comes next writes after it. A full queue leaves it there,
            // where it shows nowhere.
            let _ = self.shared.sender.try_send(Job::Drop(drops.collect()));
        }
    }
}

impl Writer {
    pub fn start(store: Arc<Store>, node: Node) -> Writer {
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(run(store, node, receiver));
        let flying = Mutex::default();
        Writer(Arc::new(Shared { sender, flying }))
    }

    fn fly(&self, about: About) -> Flight {
        self.0.flying().entry(about).or_default().requests += 1;
        Flight {
            shared: Arc::clone(&self.0),
            about,
            fresh: false,
            end: End::Unknown,
        }
    }

    /// Keeps texts by one transaction and one sync; an outcome for each, in order: `None` if its
    /// person was erased.
    ///
    /// # Errors
    /// A text is too large; the store cannot be reached. Then none was kept.
    pub async fn put(&self, texts: Vec<NewText>) -> Outcome<Vec<Option<Kept>>> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let stopped = || Problem::new(codes::STOPPED, "the store's writer has stopped");
        let flights: Vec<Flight> = texts.iter().map(|text| self.fly(text.about)).collect();
        let (reply, answer) = oneshot::channel();
        let sent = self.0.sender.send(Job::Put(texts, reply)).await;
        sent.map_err(|_| stopped())?;
        let put = answer.await.map_err(|_| stopped())?;
        let put = put.map_err(|error| Problem::store(&error))?;
        let kept = flights.into_iter().zip(put).map(|(mut flight, put)| {
            let hash = match put {
                Put::Stored(hash) => {
                    flight.fresh = true;
                    hash
                }
                Put::Known(hash) => hash,
                Put::Erased => return None,
            };
            let flight = Some(flight);
            Some(Kept { hash, flight })
        });
        Ok(kept.collect())
    }
}

async fn run(store: Arc<Store>, node: Node, mut receiver: mpsc::Receiver<Job>) {
    loop {
        let mut jobs = Vec::new();
        if receiver.recv_many(&mut jobs, BATCH_MAX).await == 0 {
            return;
        }
        let store = Arc::clone(&store);
        let now_ms = i64::try_from(node.now().0).unwrap_or(i64::MAX);
        let written = tokio::task::spawn_blocking(move || write(&store, now_ms, jobs)).await;
        if let Err(error) = written {
            // Those who waited are told by their dropped senders.
            tracing::error!(error = %error, "texts_write");
        }
    }
}

fn write(store: &Store, now_ms: i64, jobs: Vec<Job>) {
    let (mut drops, mut puts) = (Vec::new(), Vec::new());
    for job in jobs {
        match job {
            Job::Drop(refused) => drops.extend(refused),
            Job::Put(texts, reply) => puts.push((texts, reply)),
        }
    }
    let all = puts.iter().flat_map(|(texts, _)| texts);
    let batch: Vec<NewDetails<'_>> = all.map(as_new).collect();
    match store.put_and_drop(&batch, &drops, now_ms, &mut OsRandom) {
        Ok(outcomes) => {
            let mut outcomes = outcomes.into_iter();
            for (texts, reply) in puts {
                // A caller that went away is not told.
                let _ = reply.send(Ok(outcomes.by_ref().take(texts.len()).collect()));
            }
        }
        Err(store::Error::TooLarge { .. }) if puts.len() > 1 => {
            // One request's is too large; the others' are not. What is to be dropped goes once and
            // before them all: one of them may be the same text again.
            if let Err(error) = store.put_and_drop(&[], &drops, now_ms, &mut OsRandom) {
                // It shows nowhere.
                tracing::warn!(error = %error, "texts_drop");
            }
            for (texts, reply) in puts {
                let batch: Vec<NewDetails<'_>> = texts.iter().map(as_new).collect();
                let put = store.put_and_drop(&batch, &[], now_ms, &mut OsRandom);
                let _ = reply.send(put.map_err(Arc::new));
            }
        }
        Err(error) => {
            let error = Arc::new(error);
            for (_, reply) in puts {
                let _ = reply.send(Err(Arc::clone(&error)));
            }
        }
    }
}

fn as_new(text: &NewText) -> NewDetails<'_> {
    NewDetails {
        about: text.about,
        command: text.command,
        subject: text.subject,
        details: &text.details,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::{Found, Kind};

    #[test]
    fn one_text_too_large_drops_nobody_elses() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), 1).unwrap();
        let text = |thing: u128, words: &str| NewText {
            about: About {
                tenant: 1,
                kind: Kind::Payment,
                thing,
            },
            command: thing,
            subject: 1,
            details: Details {
                description: Some(words.to_owned()),
                ..Details::default()
            },
        };
        let put = |text: NewText| {
            let (reply, told) = oneshot::channel();
            (Job::Put(vec![text], reply), told)
        };
        let (first, mut told) = put(text(7, "seven"));
        write(&store, 1, vec![first]);
        let Put::Stored(hash) = told.try_recv().unwrap().unwrap()[0] else {
            panic!("not stored")
        };
        // It came to nothing and is asked again, while others write theirs, one too much.
        let about = text(7, "").about;
        let (again, mut told_again) = put(text(7, "seven"));
        let (large, mut told_large) = put(text(8, &"x".repeat(1 << 20)));
        let (other, mut told_other) = put(text(9, "nine"));
        let jobs = vec![Job::Drop(vec![(about, hash)]), again, large, other];
        write(&store, 2, jobs);
        assert_eq!(told_again.try_recv().unwrap().unwrap(), [Put::Stored(hash)]);
        assert!(told_large.try_recv().unwrap().is_err());
        assert!(told_other.try_recv().unwrap().is_ok());
        let found = store.details(about, hash).unwrap();
        assert!(matches!(found, Found::Details(_)), "{found:?}");
    }
}
