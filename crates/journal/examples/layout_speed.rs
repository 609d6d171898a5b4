//! What table layout and page size suit a journal of small and large rows: plain SQLite, no code of
//! this crate. The choice in `sqlite/schema.rs` rests on what this prints. The log is written out ahead, as a
//! recycled one is, unless `grow` is asked for.
//!
//! `cargo run --release -p journal --example layout_speed [DIR [grow]]`

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use rusqlite::{Connection, params};

const LAYOUTS: [(&str, &str); 3] = [
    (
        "seq is the rowid",
        "CREATE TABLE journal(shard INTEGER NOT NULL, seq INTEGER PRIMARY KEY, epoch INTEGER NOT NULL,
         format INTEGER NOT NULL, prev_hash BLOB NOT NULL, root BLOB NOT NULL, events BLOB NOT NULL)",
    ),
    (
        "rowid and an index",
        "CREATE TABLE journal(shard INTEGER NOT NULL, seq INTEGER NOT NULL, epoch INTEGER NOT NULL,
         format INTEGER NOT NULL, prev_hash BLOB NOT NULL, root BLOB NOT NULL, events BLOB NOT NULL,
         PRIMARY KEY(shard, seq))",
    ),
    (
        "without rowid",
        "CREATE TABLE journal(shard INTEGER NOT NULL, seq INTEGER NOT NULL, epoch INTEGER NOT NULL,
         format INTEGER NOT NULL, prev_hash BLOB NOT NULL, root BLOB NOT NULL, events BLOB NOT NULL,
         PRIMARY KEY(shard, seq)) WITHOUT ROWID",
    ),
];
const PAGES: [u32; 4] = [4096, 16384, 32768, 65536];
/// Bytes of `events` and how many commits to time.
const ROWS: [(usize, usize); 4] = [(200, 1500), (16_000, 600), (160_000, 200), (1_300_000, 80)];

fn main() -> Result<(), Box<dyn Error>> {
    let base = std::env::args().nth(1).unwrap_or_else(|| ".".into());
    println!(
        "| layout | page | row | p50 µs | p99 µs | commits/s | MB/s | with checkpoint MB/s | file/payload |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|");
    for (name, ddl) in LAYOUTS {
        for page in PAGES {
            for (size, commits) in ROWS {
                measure(Path::new(&base), name, ddl, page, size, commits)?;
            }
        }
    }
    Ok(())
}

fn measure(
    base: &Path,
    name: &str,
    ddl: &str,
    page: u32,
    size: usize,
    commits: usize,
) -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir_in(base)?;
    let path = dir.path().join("j.db");
    let db = Connection::open(&path)?;
    db.pragma_update(None, "page_size", page)?;
    db.pragma_update(None, "journal_mode", "wal")?;
    db.pragma_update(None, "synchronous", "full")?;
    db.pragma_update(None, "wal_autocheckpoint", 0)?;
    db.execute_batch(ddl)?;
    let grow = std::env::args().nth(2).is_some_and(|a| a == "grow");
    let db = if grow {
        db
    } else {
        write_log_ahead(db, &path, size * commits + (commits << 17))?
    };
    let events = vec![0x5a_u8; size];
    let hash = [7_u8; 32];
    let mut insert = db.prepare(
        "INSERT INTO journal(shard, seq, epoch, format, prev_hash, root, events) VALUES(1,?1,1,1,?2,?2,?3)",
    )?;
    let mut micros = Vec::with_capacity(commits);
    let start = Instant::now();
    for seq in 1..=commits {
        let one = Instant::now();
        insert.execute(params![seq as i64, hash, events])?;
        micros.push(one.elapsed().as_micros());
    }
    let took = start.elapsed().as_secs_f64();
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    let whole = start.elapsed().as_secs_f64();
    micros.sort_unstable();
    let payload = (size * commits) as f64;
    println!(
        "| {name} | {page} | {size} | {} | {} | {:.0} | {:.1} | {:.1} | {:.2} |",
        micros[commits / 2],
        micros[commits * 99 / 100],
        commits as f64 / took,
        payload / took / 1e6,
        payload / whole / 1e6,
        std::fs::metadata(&path)?.len() as f64 / payload,
    );
    Ok(())
}

/// Writes zeros where the log will be; the connection is opened anew.
fn write_log_ahead(
    db: Connection,
    path: &Path,
    bytes: usize,
) -> Result<Connection, Box<dyn Error>> {
    db.close().map_err(|(_, e)| e)?;
    let wal = path.with_extension("db-wal");
    std::fs::write(&wal, vec![0; (8 << 20) + bytes / 32 * 33])?;
    std::fs::File::open(&wal)?.sync_all()?;
    let db = Connection::open(path)?;
    db.pragma_update(None, "synchronous", "full")?;
    db.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(db)
}
