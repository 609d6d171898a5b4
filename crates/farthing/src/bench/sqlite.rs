//! What is compared with: bare SQLite, committing rows of the same shape and size, one a commit.

use crate::bench::draw::Random;
use crate::bench::histogram::Histogram;
use crate::failure::Failure;
use rusqlite::{Connection, params};
use std::path::Path;
use std::time::{Duration, Instant};

/// SQLite as it comes, but for what makes a commit durable: WAL and `synchronous=FULL`.
pub struct Bare {
    db: Connection,
    seq: i64,
    random: Random,
}

impl Bare {
    /// A new file in this folder.
    pub fn open(folder: &Path) -> Result<Bare, Failure> {
        let open = || {
            let db = Connection::open(folder.join("bare.db"))?;
            let mode: String = db.query_row("PRAGMA journal_mode=WAL", [], |row| row.get(0))?;
            db.execute_batch(
                "PRAGMA synchronous=FULL;
                 CREATE TABLE journal(
                   shard INTEGER, seq INTEGER PRIMARY KEY, epoch INTEGER, format INTEGER,
                   prev_hash BLOB, root BLOB, events BLOB
                 )",
            )?;
            Ok((db, mode))
        };
        let (db, mode) = open().map_err(failed)?;
        if mode != "wal" {
            return Err(Failure::said(format!(
                "bare SQLite came up in {mode} mode, not wal"
            )));
        }
        Ok(Bare {
            db,
            seq: 0,
            random: Random(1),
        })
    }

    /// Commits so many rows of so many bytes, one after another. Returns how long the commits took,
    /// all and each.
    pub fn commit(&mut self, rows: u64, bytes: usize) -> Result<(Duration, Histogram), Failure> {
        let mut each = Histogram::default();
        let mut all = Duration::ZERO;
        let mut events = vec![0u8; bytes];
        let sql = "INSERT INTO journal VALUES (0, ?1, 1, 1, ?2, ?3, ?4)";
        let mut insert = self.db.prepare_cached(sql).map_err(failed)?;
        for _ in 0..rows {
            for eight in events.chunks_mut(8) {
                let random = self.random.next().to_le_bytes();
                eight.copy_from_slice(&random[..eight.len()]);
            }
            self.seq += 1;
            let (prev, root) = ([self.seq as u8; 32], [!self.seq as u8; 32]);
            let start = Instant::now();
            insert
                .execute(params![self.seq, prev, root, events])
                .map_err(failed)?;
            let took = start.elapsed();
            all += took;
            each.record(took);
        }
        Ok((all, each))
    }
}

fn failed(error: rusqlite::Error) -> Failure {
    Failure::said(format!("bare SQLite: {error}"))
}

/// How large a database is, its log included.
pub fn size_bytes(path: &Path) -> Result<u64, Failure> {
    let read = || {
        let db = Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let pages: i64 = db.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        let size: i64 = db.query_row("PRAGMA page_size", [], |row| row.get(0))?;
        Ok(pages.unsigned_abs() * size.unsigned_abs())
    };
    read().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_committed_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let mut bare = Bare::open(folder.path()).unwrap();
        let (all, each) = bare.commit(20, 1_000).unwrap();
        assert!(all.as_secs_f64() * 1e6 >= each.quantile_us(1.0));
        assert!(size_bytes(&folder.path().join("bare.db")).unwrap() >= 20_000);
    }
}
