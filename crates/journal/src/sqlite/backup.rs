//! A copy of an SQLite file while it is written to.
//!
//! The source is read in one transaction, so the copy is of one instant and never starts over, however
//! busy the writer. The price: meanwhile the writer's log cannot be trimmed and grows.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::schema::{beside, fault};
use crate::JournalError;
use crate::snapshot::sync_dir_of;

const PAGES_PER_STEP: i32 = 256;
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How far a backup is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Pages copied.
    pub pages_done: u64,
    /// Pages in all.
    pub pages_total: u64,
}

/// Copies the SQLite file `source` to `target`, which must not exist. Appears there whole and synced, or
/// not at all. Any SQLite file will do, not only a journal.
pub fn backup_file(
    source: &Path,
    target: &Path,
    mut on_progress: impl FnMut(Progress),
) -> Result<(), JournalError> {
    if target.exists() {
        let e = std::io::ErrorKind::AlreadyExists.into();
        return Err(JournalError::io(target, "backing up to", e));
    }
    let part = beside(target, ".part");
    let result = copy(source, &part, &mut on_progress).and_then(|()| {
        File::open(&part)
            .and_then(|f| f.sync_all())
            .and_then(|()| std::fs::rename(&part, target))
            .map_err(|e| JournalError::io(target, "backing up to", e))?;
        sync_dir_of(target)
    });
    for end in ["", "-journal", "-wal", "-shm"] {
        let leftover = beside(&part, end);
        // Gone already when all went well.
        let _ = std::fs::remove_file(leftover);
    }
    result
}

fn copy(
    source: &Path,
    part: &Path,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<(), JournalError> {
    let sql = |e| fault(source, "backing up", e);
    let _ = std::fs::remove_file(part);
    crate::private::claim(part).map_err(|e| JournalError::io(part, "backing up to", e))?;
    let from =
        Connection::open_with_flags(source, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(sql)?;
    from.busy_timeout(BUSY_TIMEOUT).map_err(sql)?;
    from.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema;")
        .map_err(sql)?;
    let out = |e| fault(part, "backing up", e);
    let mut to = Connection::open(part).map_err(out)?;
    {
        let backup = Backup::new(&from, &mut to).map_err(out)?;
        loop {
            let step = backup.step(PAGES_PER_STEP).map_err(out)?;
            let p = backup.progress();
            let pages_total = p.pagecount.max(0) as u64;
            let pages_done = pages_total - p.remaining.max(0) as u64;
            on_progress(Progress {
                pages_done,
                pages_total,
            });
            match step {
                StepResult::Done => break,
                StepResult::More => {}
                // Somebody holds the source's locks for an instant.
                _ => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }
    // A single file to carry away: whoever reads it makes no log beside it.
    to.pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(()))
        .map_err(out)?;
    to.close().map_err(|(_, e)| out(e))
}
