//! Text on its way to the store, many requests' at once.
//!
//! A sync for each request would bound the whole server by the disk; so while one batch is being
//! written the next gathers. Text is there before the thing it is about is journaled. Requests
//! without text never come here.

use crate::codes;
use crate::problem::{Outcome, Problem};
use engine::Code;
use node::Node;
use std::sync::Arc;
use store::{Details, NewDetails, OsRandom, Put, Store};
use tokio::sync::{mpsc, oneshot};

const QUEUE_MAX: usize = 8_192;
const BATCH_MAX: usize = 512;

struct Job {
    tenant: u128,
    thing: u128,
    subject: u128,
    details: Details,
    reply: oneshot::Sender<Result<Put, Arc<store::Error>>>,
}

/// Where handlers leave text.
pub(crate) struct Writer(mpsc::Sender<Job>);

impl Writer {
    pub fn start(store: Arc<Store>, node: Node) -> Writer {
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(run(store, node, receiver));
        Writer(sender)
    }

    /// Keeps the text of one thing; `subject` is the party whose erasure takes it along.
    ///
    /// # Errors
    /// `id_reused` with the field when the id has other text; the person was erased; the store
    /// cannot be reached.
    pub async fn put(
        &self,
        tenant: u128,
        thing: u128,
        subject: u128,
        details: Details,
    ) -> Outcome<()> {
        if details.is_empty() {
            return Ok(());
        }
        let stopped = || Problem::new(codes::STOPPED, "the store's writer has stopped");
        let (reply, answer) = oneshot::channel();
        let job = Job {
            tenant,
            thing,
            subject,
            details,
            reply,
        };
        self.0.send(job).await.map_err(|_| stopped())?;
        match answer.await.map_err(|_| stopped())? {
            Ok(Put::Stored | Put::Known) => Ok(()),
            Ok(Put::Conflict { field }) => Err(Problem::of(
                Code::IdReused,
                format!("the id has another {field} already"),
            )
            .at(field)),
            Ok(Put::Erased) => Err(Problem::store(&store::Error::Erased)),
            Ok(Put::Unreadable) => Err(Problem::store(&store::Error::Unreadable)),
            Err(error) => Err(Problem::store(&error)),
        }
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
            tracing::error!(error = %error, "details_write");
        }
    }
}

fn write(store: &Store, now_ms: i64, jobs: Vec<Job>) {
    let batch: Vec<NewDetails<'_>> = jobs
        .iter()
        .map(|job| NewDetails {
            tenant: job.tenant,
            thing: job.thing,
            subject: job.subject,
            details: &job.details,
        })
        .collect();
    match store.put_many(&batch, now_ms, &mut OsRandom) {
        Ok(outcomes) => {
            for (job, outcome) in jobs.into_iter().zip(outcomes) {
                // A caller that went away is not told.
                let _ = job.reply.send(Ok(outcome));
            }
        }
        Err(error) => {
            let error = Arc::new(error);
            for job in jobs {
                let _ = job.reply.send(Err(Arc::clone(&error)));
            }
        }
    }
}
