//! Snapshots, built off the writer from the last one plus the rows since, which verifies `apply`
//! again, and anchored in the journal.
//!
//! What this promises: two anchored snapshots are kept as soon as there are two, whatever else lies
//! beside them; none is deleted before the anchor of a newer one is durable.

use crate::answer::{Answer, NodeError};
use crate::node::Shared;
use crate::queue::{Item, Raw, Reply, lock};
use crate::recover::recover;
use engine::command::Op;
use engine::event::Hash;
use engine::ids::ActorId;
use engine::records::TenantNo;
use engine::{Code, Command, Id, snapshot};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, mpsc};
use thiserror::Error;
use tokio::sync::oneshot;

/// Builds a snapshot each time it is asked, until the sender is gone.
pub(crate) fn run(shared: &Arc<Shared>, asked: &mpsc::Receiver<()>) {
    while asked.recv().is_ok() {
        while asked.try_recv().is_ok() {}
        // Nobody's money depends on it: a panic here is told, and the next one is tried.
        let built = catch_unwind(AssertUnwindSafe(|| build(shared)));
        let Ok(built) = built else {
            tracing::error!("snapshot_panicked");
            continue;
        };
        match built {
            Ok(seq) => tracing::info!(seq, "snapshot_taken"),
            Err(error) => tracing::warn!(code = error.code(), %error, "snapshot_failed"),
        }
    }
}

/// Builds and anchors a snapshot of the journal as it stands; returns its row once the anchor is
/// durable.
pub(crate) fn build(shared: &Shared) -> Result<u64, NodeError> {
    let Some(store) = &shared.snapshots else {
        return Ok(0);
    };
    // One at a time: asked for by the committer and by operators.
    let _building = lock(&shared.building);
    let mut reader = shared.new_reader()?;
    let recovered = recover(&mut *reader, Some(store), shared.random()?)?;
    let (seq, before) = (recovered.head.seq, recovered.snapshot_seq);
    if seq == before {
        return Ok(seq);
    }
    let mut digest = Hash::default();
    let hash = store.write_with(seq, |out| {
        let mut written = Ok(());
        digest = snapshot::encode_with_digest(&recovered.state, |chunk| {
            if written.is_ok() {
                written = out.write_all(chunk);
            }
        });
        written
    })?;
    drop(recovered);
    match anchor(shared, Op::RecordSnapshot { seq, hash, digest }) {
        Ok(()) => {}
        Err(why) => {
            // What the journal will never name is of no use; what it may name is kept.
            if why != Unanchored::Unknown {
                store.delete(seq)?;
            }
            return Err(NodeError::SnapshotNotAnchored { seq, why });
        }
    }
    shared.stats.snapshot_seq.store(seq, Relaxed);
    // The one before is anchored too: the state was recovered from it. Any other is older, or was
    // never anchored.
    store.keep(&[seq, before])?;
    Ok(seq)
}

/// Why a snapshot does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unanchored {
    /// The node is stopping.
    #[error("the node is stopping")]
    Stopping,
    /// The step would not have it.
    #[error("the node answered {0:?}")]
    Rejected(Code),
    /// Whether it was anchored is not known.
    #[error("whether it was anchored is not known")]
    Unknown,
}

/// Has the journal name a snapshot; waits for room in the queue and until it is durable.
fn anchor(shared: &Shared, op: Op) -> Result<(), Unanchored> {
    let command = Command {
        id: Id::NONE,
        tenant: TenantNo(0),
        actor: ActorId(Id::NONE),
        op,
    };
    let (to, told) = oneshot::channel();
    let item = Item::Command(command, Reply::One(to));
    let pushed = shared.queue.push_waiting([item].into_iter());
    pushed.map_err(|_| Unanchored::Stopping)?;
    match told.blocking_recv() {
        Ok(Ok(Raw::Answer(Answer::Done { .. }))) => Ok(()),
        Ok(Ok(Raw::Answer(Answer::Rejected(rejection)))) => {
            Err(Unanchored::Rejected(rejection.code))
        }
        _ => Err(Unanchored::Unknown),
    }
}
