//! What every [`Journal`] must do, whatever it is made of. Call [`all`] from an implementation's tests; a
//! broken promise panics with its name.

use std::ops::ControlFlow;

use crate::{Check, Head, Journal, JournalError, Row, merkle, verify_chain};

/// One journal's storage, which outlives its writers.
pub trait Storage {
    /// Opens the storage for writing.
    fn open(&mut self) -> Result<Box<dyn Journal>, JournalError>;

    /// Opens it past the lock, as a node that took over the lease elsewhere would.
    fn open_rival(&mut self) -> Result<Box<dyn Journal>, JournalError>;

    /// Changes one column of a row behind the journal's back.
    fn tamper(&mut self, seq: u64, change: Tamper);
}

/// A change someone with write access to the table could make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tamper {
    /// `shard + 1`.
    Shard,
    /// `epoch + 1`.
    Epoch,
    /// `format + 1`.
    Format,
    /// The first byte of `events` inverted.
    Events,
    /// The first byte of `prev_hash` inverted.
    PrevHash,
    /// The first byte of `root` inverted.
    Root,
    /// The row deleted.
    Delete,
}

/// Runs every test, each on fresh storage.
pub fn all<S: Storage>(mut fresh: impl FnMut() -> S) {
    rows_come_back_as_written(&mut fresh());
    reading_is_bounded(&mut fresh());
    reopening_continues_the_chain(&mut fresh());
    second_writer_is_locked_out(&mut fresh());
    older_writer_is_fenced(&mut fresh());
    reader_follows_writer(&mut fresh());
    for change in [
        Tamper::Shard,
        Tamper::Epoch,
        Tamper::Format,
        Tamper::Events,
        Tamper::PrevHash,
        Tamper::Root,
        Tamper::Delete,
    ] {
        tampering_is_found(&mut fresh(), change);
    }
}

/// Rows of test events: event `i` of the row is four bytes.
pub fn events_of(row: u64, count: u32) -> Vec<u8> {
    (0..count)
        .flat_map(|i| (row as u32 * 1000 + i).to_le_bytes())
        .collect()
}

/// Tells [`events_of`] apart.
pub fn split(row: &Row) -> Result<Vec<&[u8]>, String> {
    let (events, rest) = row.events.as_chunks::<4>();
    if rest.is_empty() {
        Ok(events.iter().map(|e| &e[..]).collect())
    } else {
        Err(format!("{} bytes left over", rest.len()))
    }
}

/// Appends the next test row.
pub fn append(journal: &mut dyn Journal) -> Result<Head, JournalError> {
    let seq = journal.head().seq + 1;
    let events = events_of(seq, (seq % 7) as u32 + 1);
    let root = merkle::root_of(events.chunks(4));
    journal.append((seq % 3) as u16, &events, root)
}

fn must<T>(result: Result<T, JournalError>, what: &str) -> T {
    match result {
        Ok(value) => value,
        Err(e) => panic!("{what}: {e}"),
    }
}

fn must_fail<T>(result: Result<T, JournalError>, code: &str, what: &str) {
    match result {
        Ok(_) => panic!("{what}: did not fail"),
        Err(e) => assert_eq!(e.code(), code, "{what}: {e}"),
    }
}

fn fill(journal: &mut dyn Journal, count: u64) {
    for _ in 0..count {
        must(append(journal), "append");
    }
}

fn rows_come_back_as_written(storage: &mut dyn Storage) {
    let mut journal = must(storage.open(), "open");
    assert_eq!(journal.head(), Head::EMPTY);
    assert_eq!(journal.epoch(), 1);
    let mut heads = Vec::new();
    for seq in 1..=20 {
        let head = must(append(&mut *journal), "append");
        assert_eq!((head.seq, head.epoch), (seq, 1));
        assert_eq!(journal.head(), head);
        heads.push(head);
    }
    // Neither nothing nor much is special.
    for size in [0, 1, 5_000, 3_000_000] {
        let events = vec![7; size];
        heads.push(must(journal.append(u16::MAX, &events, [9; 32]), "append"));
    }
    let mut reader = must(journal.reader(), "reader");
    let rows = must(reader.read_from(1, usize::MAX, usize::MAX), "read");
    assert_eq!(rows.len(), heads.len());
    let mut head = Head::EMPTY;
    for (row, want) in rows.iter().zip(&heads) {
        must(head.advance(row), "chain");
        assert_eq!(head, *want);
        assert_eq!(row.shard, journal.shard());
        assert_eq!(must(reader.row(row.seq), "row").as_ref(), Some(row));
    }
    assert_eq!(rows[4].events, events_of(5, 6));
    assert_eq!(rows[23].events.len(), 3_000_000);
    assert_eq!(must(reader.head(), "head"), journal.head());
    assert_eq!(must(reader.row(25), "row beyond the end"), None);
    assert_eq!(must(reader.row(0), "row 0"), None);
}

fn reading_is_bounded(storage: &mut dyn Storage) {
    let mut journal = must(storage.open(), "open");
    for _ in 0..10 {
        must(journal.append(1, &[1; 100], [0; 32]), "append");
    }
    let mut reader = must(journal.reader(), "reader");
    let mut seqs = |from, rows, bytes| -> Vec<u64> {
        must(reader.read_from(from, rows, bytes), "read")
            .iter()
            .map(|r| r.seq)
            .collect()
    };
    assert_eq!(seqs(3, 2, usize::MAX), [3, 4]);
    assert_eq!(seqs(3, 100, 300), [3, 4, 5]);
    assert_eq!(seqs(3, 100, 0), [3], "one row always comes");
    assert_eq!(seqs(3, 0, 1000), [0_u64; 0]);
    assert_eq!(seqs(11, 10, 1000), [0_u64; 0]);
    assert_eq!(seqs(u64::MAX, 10, 1000), [0_u64; 0]);
    let mut seen = Vec::new();
    let stop_at_7 = &mut |row: &Row| {
        seen.push(row.seq);
        Ok(if row.seq == 7 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    };
    must(reader.for_each_from(4, stop_at_7), "for each");
    assert_eq!(seen, [4, 5, 6, 7]);
}

fn reopening_continues_the_chain(storage: &mut dyn Storage) {
    let mut head = Head::EMPTY;
    for epoch in 1..=4 {
        let mut journal = must(storage.open(), "open");
        assert_eq!(journal.epoch(), epoch);
        assert_eq!(journal.head(), head);
        fill(&mut *journal, 5);
        head = journal.head();
    }
    let journal = must(storage.open(), "open");
    let mut reader = must(journal.reader(), "reader");
    let mut count = 0;
    let verified = must(
        verify_chain(&mut *reader, None, split, |_| count += 1),
        "verify",
    );
    assert_eq!((verified, count), (head, 20));
    let row = must(reader.row(12), "row").expect("row 12 was appended");
    let from = Some((12, row.hash()));
    assert_eq!(
        must(
            verify_chain(&mut *reader, from, split, |_| count += 1),
            "verify on"
        ),
        head
    );
    assert_eq!(count, 28);
    let result = verify_chain(&mut *reader, Some((12, [1; 32])), split, |_| ());
    must_fail(result, "journal_broken", "verify from a wrong hash");
}

fn second_writer_is_locked_out(storage: &mut dyn Storage) {
    let mut journal = must(storage.open(), "open");
    must_fail(storage.open(), "journal_locked", "open twice");
    must(append(&mut *journal), "the first writer goes on");
    drop(journal);
    must(storage.open(), "open after the first is gone");
}

fn older_writer_is_fenced(storage: &mut dyn Storage) {
    let mut old = must(storage.open(), "open");
    fill(&mut *old, 3);
    let mut new = must(storage.open_rival(), "open past the lock");
    assert_eq!(new.epoch(), old.epoch() + 1);
    must_fail(
        append(&mut *old),
        "journal_fenced",
        "append with a lost lease",
    );
    assert!(old.is_poisoned());
    must_fail(
        append(&mut *old),
        "journal_poisoned",
        "append after a failure",
    );
    fill(&mut *new, 2);
    let mut reader = must(new.reader(), "reader");
    let head = must(verify_chain(&mut *reader, None, split, |_| ()), "verify");
    assert_eq!((head.seq, head.epoch), (5, new.epoch()));
}

fn reader_follows_writer(storage: &mut dyn Storage) {
    const ROWS: u64 = 200;
    let mut journal = must(storage.open(), "open");
    let mut reader = must(journal.reader(), "reader");
    std::thread::scope(|scope| {
        let follower = scope.spawn(move || {
            let mut head = Head::EMPTY;
            while head.seq < ROWS {
                for row in must(reader.read_from(head.seq + 1, 16, 1 << 20), "follow") {
                    must(head.advance(&row), "chain while following");
                }
            }
            head
        });
        fill(&mut *journal, ROWS);
        let head = follower
            .join()
            .unwrap_or_else(|_| panic!("the follower failed"));
        assert_eq!(head, journal.head());
    });
}

fn tampering_is_found(storage: &mut dyn Storage, change: Tamper) {
    let mut journal = must(storage.open(), "open");
    fill(&mut *journal, 9);
    drop(journal);
    storage.tamper(5, change);
    let journal = must(storage.open(), "open");
    let mut reader = must(journal.reader(), "reader");
    let mut passed = 0;
    let result = verify_chain(&mut *reader, None, split, |row| passed = row.seq);
    let Err(JournalError::Broken { seq, check, .. }) = result else {
        panic!("{change:?} of row 5 gave {result:?}");
    };
    assert_eq!(seq, 5, "{change:?}: {check}");
    let want = match change {
        Tamper::Shard => Check::Shard,
        Tamper::Epoch | Tamper::Format => Check::RowHash,
        Tamper::Events | Tamper::Root => Check::Root,
        Tamper::PrevHash => Check::PrevHash,
        Tamper::Delete => Check::Seq,
    };
    assert_eq!(check, want, "{change:?}");
    assert!(
        passed <= 5,
        "{change:?}: nothing after the bad row is shown"
    );
}
