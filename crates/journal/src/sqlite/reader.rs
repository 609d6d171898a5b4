//! Reads the journal's file, beside a running writer or alone.
//!
//! Each call is one short read transaction: a reader between calls holds back no checkpoint.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension};

use super::schema;
use crate::{Check, Hash, Head, JournalError, Reader, Row, row};

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A read-only connection to a journal.
#[derive(Debug)]
pub struct SqliteReader {
    path: PathBuf,
    shard: u32,
    db: Connection,
}

impl SqliteReader {
    /// Opens the journal of `shard` at `path`, a running one or a copy.
    pub fn open(path: &Path, shard: u32) -> Result<Self, JournalError> {
        Self::open_with(path, shard, BUSY_TIMEOUT)
    }

    pub(super) fn open_with(path: &Path, shard: u32, busy: Duration) -> Result<Self, JournalError> {
        let db = schema::open_reader(path, shard, busy)?;
        Ok(Self {
            path: path.into(),
            shard,
            db,
        })
    }

    /// The head as it was when `seq` was the last row. Does not read the events.
    pub fn head_at(&mut self, seq: u64) -> Result<Option<Head>, JournalError> {
        self.head_where("WHERE seq = ?1", Some(seq))
    }

    pub(super) fn prev_hash_at(&mut self, seq: u64) -> Result<Option<Hash>, JournalError> {
        self.db
            .query_row(
                "SELECT prev_hash FROM journal WHERE seq = ?1",
                [seq as i64],
                |r| r.get(0),
            )
            .optional()
            .map_err(|e| schema::fault(&self.path, "reading a row", e))
    }

    fn head_where(&mut self, which: &str, seq: Option<u64>) -> Result<Option<Head>, JournalError> {
        let sql = format!("SELECT {HEADER} FROM journal {which}");
        let fault = |e| schema::fault(&self.path, "reading the head", e);
        let mut statement = self.db.prepare_cached(&sql).map_err(fault)?;
        let mut rows = match seq {
            Some(seq) => statement.query([seq as i64]),
            None => statement.query([]),
        }
        .map_err(fault)?;
        let Some(columns) = rows.next().map_err(fault)? else {
            return Ok(None);
        };
        let h = Header::of(columns)?;
        let hash = row::row_hash(h.shard, h.seq, h.epoch, h.format, &h.prev_hash, &h.root);
        Ok(Some(Head {
            seq: h.seq,
            hash,
            epoch: h.epoch,
        }))
    }
}

impl Reader for SqliteReader {
    fn shard(&self) -> u32 {
        self.shard
    }

    fn read_from(
        &mut self,
        from_seq: u64,
        rows_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<Row>, JournalError> {
        let fault = |e| schema::fault(&self.path, "reading rows", e);
        let mut statement = self.db.prepare_cached(ROWS).map_err(fault)?;
        let mut rows = statement.query([clamp(from_seq)]).map_err(fault)?;
        let mut out: Vec<Row> = Vec::new();
        let mut bytes = 0_usize;
        while out.len() < rows_max {
            let Some(columns) = rows.next().map_err(fault)? else {
                break;
            };
            let h = Header::of(columns)?;
            let events = match columns.get_ref(EVENTS).map_err(fault)? {
                ValueRef::Blob(events) => events,
                other => return Err(odd(h.seq, "events", &other)),
            };
            bytes = bytes.saturating_add(events.len());
            if !out.is_empty() && bytes > bytes_max {
                break;
            }
            out.push(Row {
                shard: h.shard,
                seq: h.seq,
                epoch: h.epoch,
                format: h.format,
                events: events.to_vec(),
                prev_hash: h.prev_hash,
                root: h.root,
            });
        }
        Ok(out)
    }

    fn head(&mut self) -> Result<Head, JournalError> {
        let last = self.head_where("ORDER BY seq DESC LIMIT 1", None)?;
        Ok(last.unwrap_or(Head::EMPTY))
    }
}

const HEADER: &str = "seq, shard, epoch, format, prev_hash, root";
const EVENTS: usize = 6;

const ROWS: &str = "SELECT seq, shard, epoch, format, prev_hash, root, events
    FROM journal WHERE seq >= ?1 ORDER BY seq";

/// SQLite's integers end at `i64::MAX`; no row is beyond.
fn clamp(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

/// A row's columns but its events. Whoever can write the file can put anything there, so nothing is
/// taken for granted.
struct Header {
    shard: u32,
    seq: u64,
    epoch: u64,
    format: u16,
    prev_hash: Hash,
    root: Hash,
}

impl Header {
    fn of(columns: &rusqlite::Row<'_>) -> Result<Self, JournalError> {
        let seq = integer(columns, 0, "seq", 0)?;
        Ok(Self {
            seq,
            shard: integer(columns, 1, "shard", seq)?,
            epoch: integer(columns, 2, "epoch", seq)?,
            format: integer(columns, 3, "format", seq)?,
            prev_hash: hash(columns, 4, "prev_hash", seq)?,
            root: hash(columns, 5, "root", seq)?,
        })
    }
}

fn column<'a>(
    columns: &'a rusqlite::Row<'_>,
    index: usize,
    seq: u64,
) -> Result<ValueRef<'a>, JournalError> {
    columns
        .get_ref(index)
        .map_err(|e| JournalError::broken(seq, Check::Columns, e.to_string()))
}

fn integer<T: TryFrom<i64>>(
    columns: &rusqlite::Row<'_>,
    index: usize,
    name: &str,
    seq: u64,
) -> Result<T, JournalError> {
    match column(columns, index, seq)? {
        ValueRef::Integer(i) => T::try_from(i).map_err(|_| odd(seq, name, &ValueRef::Integer(i))),
        other => Err(odd(seq, name, &other)),
    }
}

fn hash(
    columns: &rusqlite::Row<'_>,
    index: usize,
    name: &str,
    seq: u64,
) -> Result<Hash, JournalError> {
    let value = column(columns, index, seq)?;
    match value {
        ValueRef::Blob(bytes) => bytes.try_into().map_err(|_| odd(seq, name, &value)),
        other => Err(odd(seq, name, &other)),
    }
}

fn odd(seq: u64, name: &str, value: &ValueRef<'_>) -> JournalError {
    let found = match value {
        ValueRef::Integer(i) => format!("{i}"),
        ValueRef::Blob(b) => format!("{} bytes", b.len()),
        other => format!("{}", other.data_type()),
    };
    JournalError::broken(seq, Check::Columns, format!("{name} is {found}"))
}
