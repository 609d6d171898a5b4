//! The journal in memory keeps the promises of every journal, and breaks them only as planned.
#![allow(clippy::unwrap_used)] // helpers of tests are tests

use journal::conformance::{Storage, Tamper, all, append, split};
use journal::fault::{Fault, MemDisk, MemJournal};
use journal::{Journal, JournalError, Reader, verify_chain};

struct Memory(MemDisk);

impl Storage for Memory {
    fn open(&mut self) -> Result<Box<dyn Journal>, JournalError> {
        Ok(Box::new(MemJournal::open(&self.0)?))
    }

    fn open_rival(&mut self) -> Result<Box<dyn Journal>, JournalError> {
        Ok(Box::new(MemJournal::open_unlocked(&self.0)?))
    }

    fn tamper(&mut self, seq: u64, change: Tamper) {
        self.0.tamper(seq, |row| match change {
            Tamper::Shard => row.shard += 1,
            Tamper::Epoch => row.epoch += 1,
            Tamper::Format => row.format += 1,
            Tamper::Events => row.events[0] ^= 0xff,
            Tamper::PrevHash => row.prev_hash[0] ^= 0xff,
            Tamper::Root => row.root[0] ^= 0xff,
            Tamper::Delete => {}
        });
        if change == Tamper::Delete {
            self.0.remove(seq);
        }
    }
}

#[test]
fn memory_conforms() {
    all(|| Memory(MemDisk::new(3)));
}

#[test]
fn every_fault_does_what_it_says_and_poisons() {
    let cases = [
        (Fault::FailBefore, "journal_injected", false, false),
        (Fault::FailAfter, "journal_injected", true, false),
        (Fault::Full, "journal_full", false, false),
        (Fault::CrashBefore, "journal_injected", false, true),
        (Fault::CrashAfter, "journal_injected", true, true),
        (Fault::Torn(0), "journal_injected", false, true),
        (Fault::Torn(50), "journal_injected", false, true),
        (Fault::Torn(usize::MAX), "journal_injected", false, true),
    ];
    for (fault, code, kept, crashed) in cases {
        let disk = MemDisk::new(1);
        let mut journal = MemJournal::open(&disk).unwrap();
        for _ in 0..3 {
            append(&mut journal).unwrap();
        }
        disk.inject(4, fault);
        assert_eq!(append(&mut journal).unwrap_err().code(), code, "{fault:?}");
        assert_eq!(
            append(&mut journal).unwrap_err().code(),
            "journal_poisoned",
            "{fault:?}"
        );
        assert_eq!(disk.is_crashed(), crashed, "{fault:?}");
        let end = if kept { 4 } else { 3 };
        assert_eq!(
            disk.reader().head().unwrap().seq,
            end,
            "{fault:?}: seen before reopening"
        );
        if !crashed {
            drop(journal);
        }
        let mut journal = MemJournal::open(&disk).unwrap();
        assert_eq!(journal.head().seq, end, "{fault:?}");
        assert_eq!(
            disk.torn_discarded(),
            u64::from(matches!(fault, Fault::Torn(_)))
        );
        append(&mut journal).unwrap();
        let head = verify_chain(&mut disk.reader(), None, split, |_| ()).unwrap();
        assert_eq!(head.seq, end + 1, "{fault:?}");
    }
}
