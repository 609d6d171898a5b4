//! The durable log of a shard: one row a batch, hash-chained, fenced by the lease's epoch.
//!
//! What it promises:
//! - a row whose append returned `Ok` survives a crash of process and machine;
//! - rows form a gapless chain: whatever is changed, removed or inserted is found by [`verify_chain`];
//! - a writer that lost the lease, and one that has failed once, never appends again.
//!
//! What it must not know: events. Rows are bytes here; what they mean, and where one event ends and the
//! next begins, is the engine's. No clock either, and no settings but [`Options`].
//!
//! Entry points: [`SqliteJournal`] writes, [`SqliteReader`] reads (beside a writer, or a copy),
//! [`merkle::Builder`] makes a row's root, [`SnapshotStore`] keeps states, [`sqlite::backup_file`] copies
//! any SQLite file under load, [`fault::MemJournal`] fails on demand. [`conformance`] is what every
//! implementation of [`Journal`] must pass.

pub mod conformance;
mod error;
pub mod fault;
pub mod merkle;
mod private;
mod row;
mod snapshot;
pub mod sqlite;
mod verify;

use std::ops::ControlFlow;
use std::sync::mpsc;

pub use error::{Check, JournalError};
pub use row::{Hash, Head, Row, ZERO_HASH, hex};
pub use snapshot::{Loaded, Skipped, Snapshot, SnapshotStore};
pub use sqlite::{Options, SqliteJournal, SqliteReader};
pub use verify::{check_root, verify_chain};

/// So much is read at a time.
const ROWS_MAX: usize = 256;
/// See [`ROWS_MAX`].
const BYTES_MAX: usize = 8 << 20;
/// So many of these are read ahead.
const AHEAD: usize = 2;

/// [`Reader::for_each_from`] with a thread that reads ahead of the visitor, and checks each row there:
/// what a check costs, the visitor does not wait for while it has rows of its own to work off.
pub fn for_each_ahead(
    reader: &mut (dyn Reader + Send),
    from_seq: u64,
    check: &mut (dyn FnMut(&Row) -> Result<(), JournalError> + Send),
    visit: &mut dyn FnMut(&Row) -> Result<ControlFlow<()>, JournalError>,
) -> Result<(), JournalError> {
    std::thread::scope(|scope| {
        let (to, read) = mpsc::sync_channel(AHEAD);
        scope.spawn(move || {
            let mut next = from_seq;
            loop {
                let rows = reader
                    .read_from(next, ROWS_MAX, BYTES_MAX)
                    .and_then(|rows| rows.iter().try_for_each(&mut *check).map(|()| rows));
                let last = rows.as_ref().ok().and_then(|rows| rows.last());
                let more = last.map(|row| row.seq + 1);
                // A visitor that has seen enough takes no more.
                if to.send(rows).is_err() {
                    return;
                }
                match more {
                    Some(after) => next = after,
                    None => return,
                }
            }
        });
        for rows in read {
            for row in &rows? {
                if visit(row)?.is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    })
}

/// The one writer of a shard's journal.
pub trait Journal: Send {
    /// The shard.
    fn shard(&self) -> u32;

    /// The epoch this writer was given when it took the lease; every row it writes carries it.
    fn epoch(&self) -> u64;

    /// Where the journal ends, as this writer left or found it.
    fn head(&self) -> Head;

    /// Appends one row. When it returns the row is durable.
    ///
    /// After any error the row may or may not be there and the writer is poisoned: every later append
    /// fails with [`JournalError::Poisoned`], for after a failed sync nothing can be trusted. Open anew to
    /// learn what was kept.
    fn append(&mut self, format: u16, events: &[u8], root: Hash) -> Result<Head, JournalError>;

    /// Whether an append failed.
    fn is_poisoned(&self) -> bool;

    /// A reader of the same journal, independent of this writer.
    fn reader(&self) -> Result<Box<dyn Reader + Send>, JournalError>;
}

/// Reads a journal, while it is written or later. Sees durable rows only.
pub trait Reader {
    /// The shard.
    fn shard(&self) -> u32;

    /// The rows from `from_seq` on, at most `rows_max` and, beyond the first, at most `bytes_max` of
    /// events. Empty at the end. A row that cannot be a row is [`JournalError::Broken`]; whether rows form
    /// a chain is for [`Head::advance`] or [`verify_chain`] to say.
    fn read_from(
        &mut self,
        from_seq: u64,
        rows_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<Row>, JournalError>;

    /// One row.
    fn row(&mut self, seq: u64) -> Result<Option<Row>, JournalError> {
        let rows = self.read_from(seq, 1, 0)?;
        Ok(rows.into_iter().find(|row| row.seq == seq))
    }

    /// Where the journal ends now.
    fn head(&mut self) -> Result<Head, JournalError>;

    /// Shows every row from `from_seq` on until the end, `Break` or an error. Reads a bounded amount at a
    /// time and holds nothing in between, so that a slow visitor never keeps the log from being trimmed.
    fn for_each_from(
        &mut self,
        from_seq: u64,
        visit: &mut dyn FnMut(&Row) -> Result<ControlFlow<()>, JournalError>,
    ) -> Result<(), JournalError> {
        let mut next = from_seq;
        loop {
            let rows = self.read_from(next, ROWS_MAX, BYTES_MAX)?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            next = last.seq + 1;
            for row in &rows {
                if visit(row)?.is_break() {
                    return Ok(());
                }
            }
        }
    }
}
