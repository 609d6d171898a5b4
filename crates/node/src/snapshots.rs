//! Snapshots, built off the writer from the last one plus the rows since, which verifies `apply`
//! again, and anchored in the journal.

use crate::answer::NodeError;
use crate::node::Shared;
use crate::queue::lock;
use crate::recover::recover;
use engine::command::Op;
use engine::ids::ActorId;
use engine::records::TenantNo;
use engine::{Command, Id, snapshot};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, mpsc};

/// How many snapshots are kept.
const KEPT: usize = 2;

/// Builds a snapshot each time it is asked, until the sender is gone.
pub(crate) fn run(shared: &Arc<Shared>, asked: &mpsc::Receiver<()>) {
    while asked.recv().is_ok() {
        while asked.try_recv().is_ok() {}
        match build(shared) {
            Ok(seq) => tracing::info!(seq, "snapshot_taken"),
            Err(error) => tracing::warn!(code = error.code(), %error, "snapshot_failed"),
        }
    }
}

/// Builds and anchors a snapshot of the journal as it stands; returns its row.
pub(crate) fn build(shared: &Shared) -> Result<u64, NodeError> {
    let Some(store) = &shared.snapshots else {
        return Ok(0);
    };
    // One at a time: asked for by the committer and by operators.
    let _building = lock(&shared.building);
    let mut reader = shared.new_reader()?;
    let recovered = recover(&mut *reader, Some(store), shared.random()?)?;
    let seq = recovered.head.seq;
    if seq == 0 || seq == recovered.snapshot_seq {
        return Ok(seq);
    }
    let bytes = snapshot::encode(&recovered.state);
    let digest = snapshot::digest_of(&bytes);
    drop(recovered);
    let hash = store.write(seq, &bytes)?;
    let op = Op::RecordSnapshot { seq, hash, digest };
    let command = Command {
        id: Id::NONE,
        tenant: TenantNo(0),
        actor: ActorId(Id::NONE),
        op,
        besides: None,
    };
    // If the node is stopping, the snapshot stays unanchored and the next start skips it.
    if shared.submit_own(command).is_ok() {
        shared.stats.snapshot_seq.store(seq, Relaxed);
        store.keep(KEPT)?;
    }
    Ok(seq)
}
