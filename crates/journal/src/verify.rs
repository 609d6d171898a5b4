//! Reads a journal from end to end and says whether it is what was written.
//!
//! The last row's `epoch` and `format` are covered only by the hash of the head: compare the head this
//! returns with the one that was signed or published.

use std::ops::ControlFlow;

use crate::{Check, Hash, Head, JournalError, Reader, Row, merkle};

/// Checks every row after `from` (a seq and its row's hash; `None`: from the beginning) and returns the
/// head. The first bad row fails with [`JournalError::Broken`], which names it and the check.
///
/// `split` tells a row's events apart, for the journal does not know how; a row it cannot split is bad.
/// `on_row` sees each row that passed.
pub fn verify_chain<R, S>(
    reader: &mut R,
    from: Option<(u64, Hash)>,
    split: S,
    mut on_row: impl FnMut(&Row),
) -> Result<Head, JournalError>
where
    R: Reader + ?Sized,
    S: for<'a> Fn(&'a Row) -> Result<Vec<&'a [u8]>, String>,
{
    let shard = reader.shard();
    let mut head = from.map_or(Head::EMPTY, |(seq, hash)| Head {
        seq,
        hash,
        epoch: 0,
    });
    let mut builder = merkle::Builder::new();
    let result = reader.for_each_from(head.seq + 1, &mut |row| {
        let before = head;
        if row.shard != shard {
            let detail = format!("found {}, wanted {shard}", row.shard);
            return Err(JournalError::broken(before.seq + 1, Check::Shard, detail));
        }
        head.advance(row)?;
        check_root(row, &split, &mut builder)?;
        on_row(row);
        Ok(ControlFlow::Continue(()))
    });
    match result {
        Ok(()) => Ok(head),
        Err(JournalError::Broken {
            seq,
            check: Check::PrevHash,
            detail,
        }) => Err(blame(reader, seq, detail)),
        Err(e) => Err(e),
    }
}

/// Checks that a row's events are those its root names; `split` tells them apart. Whether the row is in
/// its place is for [`Head::advance`].
pub fn check_root<S>(row: &Row, split: S, builder: &mut merkle::Builder) -> Result<(), JournalError>
where
    S: for<'a> Fn(&'a Row) -> Result<Vec<&'a [u8]>, String>,
{
    let events = split(row).map_err(|e| JournalError::broken(row.seq, Check::Events, e))?;
    events
        .into_iter()
        .for_each(|event| builder.push_leaf(event));
    let root = builder.finish();
    if root != row.root {
        let detail = format!("the events give {}", crate::hex(&root));
        return Err(JournalError::broken(row.seq, Check::Root, detail));
    }
    Ok(())
}

/// Row `seq` does not name the hash of the row before: either of the two was changed. If the row after
/// `seq` confirms `seq`, it was the one before.
fn blame<R: Reader + ?Sized>(reader: &mut R, seq: u64, detail: String) -> JournalError {
    let confirmed = match (reader.row(seq), reader.row(seq + 1)) {
        (Ok(Some(row)), Ok(Some(next))) => next.prev_hash == row.hash(),
        _ => false,
    };
    if confirmed && seq > 1 {
        JournalError::broken(
            seq - 1,
            Check::RowHash,
            format!("row {seq} says otherwise: {detail}"),
        )
    } else {
        JournalError::broken(seq, Check::PrevHash, detail)
    }
}
