//! The tables, and how a connection to them is set up.
//!
//! A file holds one shard. `seq` is the rowid: appending touches one B-tree, at its right edge. An index
//! on (shard, seq) would be a second tree; WITHOUT ROWID spills a row into overflow pages at a quarter of
//! a page. `events` is the last column: what stands before it is read without walking the overflow pages.
//!
//! Pages are 16 KiB. `examples/layout_speed.rs` on 2 shared cores and a virtio disk on which a bare 16 KiB
//! write with fdatasync takes 280 µs; p50 of a commit, and MB/s with the checkpoint, for rows of:
//!
//! | layout, page | 200 B | 16 kB | 160 kB | 1.3 MB |
//! |---|--:|--:|--:|--:|
//! | seq is the rowid, 4 KiB | 479 µs | 544 µs | 1264 µs, 85 MB/s | 5238 µs, 96 MB/s |
//! | seq is the rowid, 16 KiB | 461 µs | 475 µs | 880 µs, 124 MB/s | 3614 µs, 154 MB/s |
//! | the same, log written out ahead | 241 µs | 334 µs | 485 µs, 186 MB/s | 2317 µs, 264 MB/s |
//! | seq is the rowid, 32 KiB | 422 µs | 528 µs | 935 µs, 120 MB/s | 3041 µs, 240 MB/s |
//! | seq is the rowid, 64 KiB | 549 µs | 482 µs | 1012 µs, 112 MB/s | 2847 µs, 183 MB/s |
//! | rowid and an index, 16 KiB | 419 µs | 522 µs | 892 µs, 127 MB/s | 3462 µs, 220 MB/s |
//! | without rowid, 16 KiB | 412 µs | 575 µs | 1051 µs, 108 MB/s | 6037 µs, 108 MB/s |
//!
//! Larger pages gain a little on the largest rows and make every small commit write more; the index costs
//! nothing that can be measured, and gains nothing in a file of one shard.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, ffi, params};

use super::Options;
use crate::JournalError;

/// "FRTH": tells a journal from any other SQLite file.
const APPLICATION_ID: i32 = 0x4652_5448;
const SCHEMA_VERSION: i32 = 1;
pub(super) const PAGE_BYTES: u32 = 16_384;
/// SQLite's default limit of a row, less room for the other columns.
pub(super) const EVENTS_BYTES_MAX: usize = 1_000_000_000 - 4096;

const TABLES: &str = "
    CREATE TABLE journal(
        shard INTEGER NOT NULL,
        seq INTEGER PRIMARY KEY,
        epoch INTEGER NOT NULL,
        format INTEGER NOT NULL,
        prev_hash BLOB NOT NULL,
        root BLOB NOT NULL,
        events BLOB NOT NULL
    );
    CREATE TABLE lease(
        shard INTEGER PRIMARY KEY,
        epoch INTEGER NOT NULL,
        holder TEXT NOT NULL
    );
";

/// Opens `path` for writing, making it if it is not there.
pub(super) fn open_writer(
    path: &Path,
    shard: u32,
    options: &Options,
) -> Result<Connection, JournalError> {
    let fresh = !path.exists();
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if !fresh {
        check_magic(path)?;
    }
    crate::private::claim(path).map_err(|e| JournalError::io(path, "opening", e))?;
    let sql = |doing| move |e| fault(path, doing, e);
    let mut db = Connection::open_with_flags(path, flags).map_err(sql("opening"))?;
    db.busy_timeout(options.busy_timeout)
        .map_err(sql("opening"))?;
    // A log that grew long while a reader held it is cut when it starts over; one of usual length is not,
    // for writing within a file is faster than growing it.
    let kept = (options.wal_soft_bytes.saturating_mul(4)).max(options.wal_reserve_bytes) as i64;
    db.pragma_update_and_check(None, "journal_size_limit", kept, |_| Ok(()))
        .map_err(sql("configuring"))?;
    configure(&db).map_err(sql("configuring"))?;
    let doing = "creating the tables";
    let tx = db
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .map_err(sql(doing))?;
    let tables: i64 = tx
        .query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0))
        .map_err(sql(doing))?;
    if tables == 0 {
        tx.execute_batch(TABLES)
            .and_then(|()| tx.pragma_update(None, "application_id", APPLICATION_ID))
            .and_then(|()| tx.pragma_update(None, "user_version", SCHEMA_VERSION))
            .and_then(|()| {
                tx.execute("INSERT INTO lease VALUES(?1, 0, '')", params![shard])
                    .map(drop)
            })
            .map_err(sql(doing))?;
    }
    tx.commit().map_err(sql(doing))?;
    if fresh {
        crate::snapshot::sync_dir_of(path)?;
    }
    check(&db, path, shard)?;
    Ok(db)
}

/// Set on every connection that writes, the checkpointer's too.
pub(super) fn configure(db: &Connection) -> rusqlite::Result<()> {
    db.pragma_update(None, "page_size", PAGE_BYTES)?;
    db.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    db.pragma_update(None, "synchronous", "full")?;
    db.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    db.pragma_update(None, "cache_size", -8192)
}

/// Opens `path` for reading only.
pub(super) fn open_reader(
    path: &Path,
    shard: u32,
    busy: Duration,
) -> Result<Connection, JournalError> {
    check_magic(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let attempt = || -> Result<Connection, JournalError> {
        let db = Connection::open_with_flags(path, flags).map_err(|e| fault(path, "opening", e))?;
        db.busy_timeout(busy)
            .map_err(|e| fault(path, "opening", e))?;
        check(&db, path, shard)?;
        Ok(db)
    };
    match attempt() {
        // A copy where nothing can be written: without a log beside it, the file alone is the journal.
        Err(JournalError::Database { .. }) if path.exists() && !beside(path, "-wal").exists() => {
            let uri = format!("file:{}?immutable=1", uri_path(path));
            let db = Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)
                .map_err(|e| fault(path, "opening", e))?;
            check(&db, path, shard)?;
            Ok(db)
        }
        other => other,
    }
}

/// That a file with anything in it begins as a database: SQLite itself takes one that is too short to
/// be one for a new one, and writes over it.
fn check_magic(path: &Path) -> Result<(), JournalError> {
    const MAGIC: &[u8] = b"SQLite format 3\0";
    let mut found = Vec::new();
    let read = File::open(path).and_then(|file| {
        file.take(MAGIC.len() as u64)
            .read_to_end(&mut found)
            .map(drop)
    });
    read.map_err(|e| JournalError::io(path, "opening", e))?;
    if found.is_empty() || found == MAGIC {
        return Ok(());
    }
    Err(not_a_database(path))
}

fn not_a_database(path: &Path) -> JournalError {
    JournalError::WrongFile {
        path: path.into(),
        reason: "it is not a database, or its beginning was damaged: restore it from a backup, or \
                 move it away to begin an empty journal"
            .into(),
    }
}

/// `journal.db` with `suffix` after its name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn uri_path(path: &Path) -> String {
    path.to_string_lossy()
        .replace('%', "%25")
        .replace('?', "%3f")
        .replace('#', "%23")
}

/// That the file is a journal, of this version and this shard.
fn check(db: &Connection, path: &Path, shard: u32) -> Result<(), JournalError> {
    let wrong = |reason: String| JournalError::WrongFile {
        path: path.into(),
        reason,
    };
    let pragma = |name: &str| {
        db.pragma_query_value(None, name, |r| r.get::<_, i32>(0))
            .map_err(|e| fault(path, "reading the header", e))
    };
    if pragma("application_id")? != APPLICATION_ID {
        return Err(wrong("it is not a journal".into()));
    }
    let version = pragma("user_version")?;
    if version != SCHEMA_VERSION {
        return Err(wrong(format!(
            "layout {version}; this version reads {SCHEMA_VERSION}"
        )));
    }
    let found: Option<u32> = db
        .query_row("SELECT shard FROM lease", [], |r| r.get(0))
        .optional()
        .map_err(|e| fault(path, "reading the lease", e))?;
    match found {
        Some(found) if found == shard => Ok(()),
        Some(found) => Err(wrong(format!("it holds shard {found}, not {shard}"))),
        None => Err(wrong(format!("it holds no shard, not {shard}"))),
    }
}

/// Wraps SQLite's error; one for lack of space becomes [`JournalError::Full`].
pub(super) fn fault(path: &Path, doing: &'static str, e: rusqlite::Error) -> JournalError {
    let code = e.sqlite_error().map(|e| (e.code, e.extended_code));
    match code {
        // The index of the log could not grow: SQLite does not say so more plainly.
        Some((ErrorCode::DiskFull, _)) | Some((_, ffi::SQLITE_IOERR_SHMSIZE)) => {
            JournalError::Full { path: path.into() }
        }
        Some((ErrorCode::NotADatabase, _)) => not_a_database(path),
        _ => JournalError::Database {
            path: path.into(),
            doing,
            source: Box::new(e),
        },
    }
}
