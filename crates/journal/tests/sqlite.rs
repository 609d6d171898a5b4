//! The journal in an SQLite file: what every journal promises, and what only a file can break.
#![allow(clippy::unwrap_used)] // helpers of tests are tests

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use journal::Reader as _;
use journal::conformance::{Storage, Tamper, all, append, split};
use journal::sqlite::backup_file;
use journal::{
    Check, Head, Journal, JournalError, Options, SqliteJournal, SqliteReader, verify_chain,
};

const SHARD: u32 = 4;

struct InFile {
    _dir: tempfile::TempDir,
    path: PathBuf,
}

fn in_file() -> InFile {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    InFile { _dir: dir, path }
}

fn open(path: &Path) -> SqliteJournal {
    SqliteJournal::open(path, SHARD, Options::default()).unwrap()
}

fn verify(path: &Path) -> Result<Head, JournalError> {
    verify_chain(&mut SqliteReader::open(path, SHARD)?, None, split, |_| ())
}

impl Storage for InFile {
    fn open(&mut self) -> Result<Box<dyn Journal>, JournalError> {
        Ok(Box::new(SqliteJournal::open(
            &self.path,
            SHARD,
            Options::default(),
        )?))
    }

    fn open_rival(&mut self) -> Result<Box<dyn Journal>, JournalError> {
        let options = Options {
            lock: false,
            ..Options::default()
        };
        Ok(Box::new(SqliteJournal::open(&self.path, SHARD, options)?))
    }

    fn tamper(&mut self, seq: u64, change: Tamper) {
        let seq = seq as i64;
        let db = rusqlite::Connection::open(&self.path).unwrap();
        let bend = |column: &str| {
            let bytes: Vec<u8> = db
                .query_row(
                    &format!("SELECT {column} FROM journal WHERE seq = ?1"),
                    [seq],
                    |r| r.get(0),
                )
                .unwrap();
            let mut bytes = bytes;
            bytes[0] ^= 0xff;
            db.execute(
                &format!("UPDATE journal SET {column} = ?2 WHERE seq = ?1"),
                rusqlite::params![seq, bytes],
            )
            .unwrap()
        };
        let set = |what: &str| {
            db.execute(&format!("UPDATE journal SET {what} WHERE seq = ?1"), [seq])
                .unwrap()
        };
        let changed = match change {
            Tamper::Shard => set("shard = shard + 1"),
            Tamper::Epoch => set("epoch = epoch + 1"),
            Tamper::Format => set("format = format + 1"),
            Tamper::Events => bend("events"),
            Tamper::PrevHash => bend("prev_hash"),
            Tamper::Root => bend("root"),
            Tamper::Delete => db
                .execute("DELETE FROM journal WHERE seq = ?1", [seq])
                .unwrap(),
        };
        assert_eq!(changed, 1);
    }
}

#[test]
fn sqlite_conforms() {
    all(in_file);
}

#[test]
fn nonsense_in_any_column_is_an_error_that_names_the_row() {
    for what in [
        "shard = -1",
        "epoch = 'x'",
        "format = 65536",
        "root = x'00'",
        "prev_hash = 7",
        "events = 'text'",
    ] {
        let file = in_file();
        let mut journal = open(&file.path);
        for _ in 0..5 {
            append(&mut journal).unwrap();
        }
        drop(journal);
        let db = rusqlite::Connection::open(&file.path).unwrap();
        db.execute(&format!("UPDATE journal SET {what} WHERE seq = 2"), [])
            .unwrap();
        match verify(&file.path) {
            Err(JournalError::Broken {
                seq: 2,
                check: Check::Columns,
                ..
            }) => {}
            other => panic!("{what}: {other:?}"),
        }
    }
}

#[test]
fn end_of_the_journal_is_checked_when_it_is_opened() {
    let mut file = in_file();
    let mut journal = open(&file.path);
    for _ in 0..5 {
        append(&mut journal).unwrap();
    }
    drop(journal);
    file.tamper(4, Tamper::Root);
    let error = SqliteJournal::open(&file.path, SHARD, Options::default()).unwrap_err();
    assert_eq!(error.code(), "journal_broken");
}

#[test]
fn wrong_files_are_refused() {
    let file = in_file();
    drop(open(&file.path));
    let error = SqliteReader::open(&file.path, SHARD + 1).unwrap_err();
    assert_eq!(error.code(), "journal_wrong_file");
    let error = SqliteJournal::open(&file.path, SHARD + 1, Options::default()).unwrap_err();
    assert_eq!(error.code(), "journal_wrong_file");
    let other = file.path.with_file_name("other.db");
    let db = rusqlite::Connection::open(&other).unwrap();
    db.execute_batch("CREATE TABLE t(x)").unwrap();
    let error = SqliteJournal::open(&other, SHARD, Options::default()).unwrap_err();
    assert_eq!(error.code(), "journal_wrong_file");
    let missing = file.path.with_file_name("missing");
    let error = SqliteReader::open(&missing, SHARD).unwrap_err();
    assert!(error.to_string().contains("missing"), "{error}");
    let sound = fs::read(&file.path).unwrap();
    let mut bent = sound.clone();
    bent[16..18].fill(0xff); // the page size
    for content in [
        &b"\0"[..],
        &[0; 4096],
        &sound[..15],
        b"a text",
        &"not a database, ".repeat(100).into_bytes(),
        &bent,
    ] {
        let path = file.path.with_file_name("not_one.db");
        fs::write(&path, content).unwrap();
        let writing = SqliteJournal::open(&path, SHARD, Options::default()).unwrap_err();
        let reading = SqliteReader::open(&path, SHARD).unwrap_err();
        for error in [writing, reading] {
            assert_eq!(error.code(), "journal_wrong_file", "{error}");
            let words = error.to_string();
            assert!(words.contains("not_one.db") && words.contains("backup"));
        }
        assert_eq!(fs::read(&path).unwrap(), content, "nothing was written");
    }
}

#[test]
fn a_closed_journal_is_one_file() {
    let file = in_file();
    let mut journal = open(&file.path);
    for _ in 0..30 {
        append(&mut journal).unwrap();
    }
    // A node's readers stay open longer than its writer.
    let mut reader = SqliteReader::open(&file.path, SHARD).unwrap();
    let head = reader.head().unwrap();
    drop(journal);
    let log = fs::metadata(file.path.with_file_name("journal.db-wal"));
    assert_eq!(log.map_or(0, |log| log.len()), 0);
    let alone = file.path.with_file_name("alone.db");
    fs::copy(&file.path, &alone).unwrap();
    let mut copy = SqliteReader::open(&alone, SHARD).unwrap();
    assert_eq!(copy.head().unwrap(), head);
}

#[test]
fn lock_names_its_holder() {
    let file = in_file();
    let options = Options {
        holder: "node seven".into(),
        ..Options::default()
    };
    let _journal = SqliteJournal::open(&file.path, SHARD, options).unwrap();
    match SqliteJournal::open(&file.path, SHARD, Options::default()) {
        Err(JournalError::Locked { holder, .. }) => assert_eq!(holder, "node seven"),
        other => panic!("{other:?}"),
    }
}

/// What a machine that died now would find: file and log as they are, without the index beside them.
fn copy_as_after_a_crash(path: &Path, name: &str) -> PathBuf {
    let dir = path.with_file_name(name);
    fs::create_dir(&dir).unwrap();
    let copy = dir.join("journal.db");
    fs::copy(path, &copy).unwrap();
    fs::copy(
        path.with_file_name("journal.db-wal"),
        dir.join("journal.db-wal"),
    )
    .unwrap();
    copy
}

#[test]
fn acknowledged_rows_survive_a_crash_and_a_torn_log() {
    let file = in_file();
    let options = Options {
        checkpoint_every: Duration::from_secs(3600),
        ..Options::default()
    };
    let mut journal = SqliteJournal::open(&file.path, SHARD, options).unwrap();
    for _ in 0..30 {
        append(&mut journal).unwrap();
    }
    let head = journal.head();
    let crashed = copy_as_after_a_crash(&file.path, "crashed");
    assert_eq!(
        verify(&crashed).unwrap(),
        head,
        "a reader recovers a copy by itself"
    );
    assert_eq!(open(&crashed).head(), head);

    // The thirty-first row, torn anywhere in the log, is gone and takes nothing with it.
    append(&mut journal).unwrap();
    for cut in [1, 30, 5_000, 16_000] {
        let torn = copy_as_after_a_crash(&file.path, &format!("torn{cut}"));
        let wal = torn.with_file_name("journal.db-wal");
        let mut bytes = fs::read(&wal).unwrap();
        let end = bytes.iter().rposition(|b| *b != 0).unwrap();
        bytes[end + 1 - cut..].fill(0);
        fs::write(&wal, bytes).unwrap();
        let mut journal = open(&torn);
        assert_eq!(journal.head(), head, "{cut} bytes torn off");
        append(&mut journal).unwrap();
        drop(journal);
        assert_eq!(verify(&torn).unwrap().seq, 31);
    }
}

#[test]
fn copy_where_nothing_can_be_written_is_readable() {
    let file = in_file();
    let mut journal = open(&file.path);
    append(&mut journal).unwrap();
    drop(journal);
    let Some(disk) = SmallDisk::mount(&file.path.with_file_name("small"), "2m") else {
        eprintln!("skipped: mounting a tmpfs takes root");
        return;
    };
    let copy = disk.0.join("copy.db");
    fs::copy(&file.path, &copy).unwrap();
    disk.remount_read_only();
    assert!(fs::write(disk.0.join("x"), "x").is_err());
    assert_eq!(verify(&copy).unwrap().seq, 1);
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "waited in vain until {what}"
        );
        std::thread::yield_now();
    }
}

#[test]
fn log_is_bounded_under_a_steady_writer() {
    let file = in_file();
    let options = Options {
        wal_soft_bytes: 2 << 20,
        wal_hard_bytes: 8 << 20,
        wal_reserve_bytes: 1 << 20,
        checkpoint_every: Duration::from_secs(3600),
        ..Options::default()
    };
    let mut journal = SqliteJournal::open(&file.path, SHARD, options).unwrap();
    let events = vec![3; 200_000];
    for _ in 0..400 {
        journal.append(1, &events, [0; 32]).unwrap();
    }
    let wal = fs::metadata(file.path.with_file_name("journal.db-wal"))
        .unwrap()
        .len();
    assert!(wal < 12 << 20, "the log is {wal} bytes after 80 MB");
    assert!(journal.stats().resets > 0, "{:?}", journal.stats());
    assert_eq!(journal.stats().failed, 0);
}

#[test]
fn small_log_is_trimmed_after_a_while() {
    let file = in_file();
    let options = Options {
        checkpoint_every: Duration::from_millis(20),
        ..Options::default()
    };
    let mut journal = SqliteJournal::open(&file.path, SHARD, options).unwrap();
    append(&mut journal).unwrap();
    wait_until("the log is trimmed", || journal.stats().wal_bytes == 0);
    append(&mut journal).unwrap();
    journal.checkpoint().unwrap();
    assert_eq!(journal.stats().wal_bytes, 0);
}

#[test]
fn appending_goes_on_while_a_reader_holds_the_log() {
    let file = in_file();
    let options = Options {
        wal_soft_bytes: 1 << 20,
        wal_hard_bytes: 2 << 20,
        checkpoint_every: Duration::from_secs(3600),
        ..Options::default()
    };
    let mut journal = SqliteJournal::open(&file.path, SHARD, options).unwrap();
    append(&mut journal).unwrap();
    let reader = rusqlite::Connection::open(&file.path).unwrap();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM journal;")
        .unwrap();
    for _ in 0..60 {
        journal.append(1, &[1; 100_000], [0; 32]).unwrap();
    }
    assert!(journal.stats().held_by_readers > 0, "{:?}", journal.stats());
    reader.execute_batch("COMMIT").unwrap();
    journal.checkpoint().unwrap();
    assert_eq!(journal.stats().wal_bytes, 0);
    assert_eq!(journal.head().seq, 61);
}

#[test]
fn backup_is_whole_while_a_writer_runs() {
    let file = in_file();
    let mut journal = open(&file.path);
    let row = || -> (Vec<u8>, journal::Hash) {
        let events = journal::conformance::events_of(1, 20_000);
        let root = journal::merkle::root_of(events.chunks(4));
        (events, root)
    };
    let (events, root) = row();
    for _ in 0..100 {
        journal.append(1, &events, root).unwrap();
    }
    let target = file.path.with_file_name("backup.db");
    let stop = AtomicBool::new(false);
    let before = journal.head().seq;
    let mut steps = 0;
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                journal.append(1, &events, root).unwrap();
            }
            journal.head().seq
        });
        let mut last = 0;
        backup_file(&file.path, &target, |p| {
            assert!(p.pages_done >= last && p.pages_done <= p.pages_total);
            last = p.pages_done;
            steps += 1;
        })
        .unwrap();
        stop.store(true, Ordering::Relaxed);
        let after = writer.join().unwrap();
        let head = verify(&target).unwrap();
        assert!((before..=after).contains(&head.seq));
    });
    assert!(steps > 1);
    let again = backup_file(&file.path, &target, |_| ());
    assert_eq!(
        again.unwrap_err().code(),
        "journal_io",
        "a backup is never overwritten"
    );
    let mut restored = open(&target);
    append(&mut restored).unwrap();
}

/// A small file system of its own, for those who may mount one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let status = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(at)
            .stderr(std::process::Stdio::null())
            .status();
        status.is_ok_and(|s| s.success()).then(|| Self(at.into()))
    }

    fn remount_read_only(&self) {
        let status = std::process::Command::new("mount")
            .args(["-o", "remount,ro"])
            .arg(&self.0)
            .status();
        assert!(status.unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount")
            .arg("-l")
            .arg(&self.0)
            .status();
    }
}

#[test]
fn full_disk_loses_no_acknowledged_row() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(&dir.path().join("small"), "4m") else {
        eprintln!("skipped: mounting a tmpfs takes root");
        return;
    };
    let ballast = disk.0.join("ballast");
    fs::write(&ballast, vec![0; 2 << 20]).unwrap();
    let path = disk.0.join("journal.db");
    let mut journal = open(&path);
    let events = journal::conformance::events_of(1, 5_000);
    let root = journal::merkle::root_of(events.chunks(4));
    let mut acknowledged = journal.head();
    let error = loop {
        match journal.append(1, &events, root) {
            Ok(head) => acknowledged = head,
            Err(e) => break e,
        }
        assert!(acknowledged.seq < 10_000, "the disk never filled");
    };
    assert_eq!(error.code(), "journal_full", "{error}");
    assert_eq!(
        journal.append(1, &events, root).unwrap_err().code(),
        "journal_poisoned"
    );
    assert!(
        acknowledged.seq > 10,
        "only {} rows fitted",
        acknowledged.seq
    );
    // What is durable can be read while the disk is full.
    assert!(journal.reader().unwrap().head().unwrap().seq >= acknowledged.seq);
    drop(journal);
    fs::remove_file(&ballast).unwrap();
    let mut journal = open(&path);
    assert!((acknowledged.seq..=acknowledged.seq + 1).contains(&journal.head().seq));
    let row = journal
        .reader()
        .unwrap()
        .row(acknowledged.seq)
        .unwrap()
        .unwrap();
    assert_eq!(row.hash(), acknowledged.hash);
    append(&mut journal).unwrap();
    drop(journal);
    verify(&path).unwrap();
}
