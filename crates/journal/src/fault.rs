//! A journal in memory that fails on demand, for the simulation.
//!
//! [`MemDisk`] is what survives: drop the writer and open again, as after a crash. Faults are planned by the
//! number of the append, counted over the disk's life from 1, so a run with the same plan is the same run.
//! Rows lie there as bytes with a checksum, and that alone decides whether a torn one is there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{Check, Hash, Head, Journal, JournalError, Reader, Row};

/// What goes wrong at an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is written; an error is returned.
    FailBefore,
    /// The row is durable; an error is returned nevertheless.
    FailAfter,
    /// No space is left; nothing is written.
    Full,
    /// The machine dies before anything is written.
    CrashBefore,
    /// The machine dies when the row is durable, before anyone is told.
    CrashAfter,
    /// The machine dies when this many of the row's bytes are written (all but the last at most).
    Torn(usize),
}

/// The disk beneath a [`MemJournal`]; clones are the same disk.
#[derive(Debug, Clone)]
pub struct MemDisk {
    shard: u32,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    rows: Vec<Vec<u8>>,
    epoch: u64,
    /// The epoch of the writer that holds the lock.
    locked_by: Option<u64>,
    plan: BTreeMap<u64, Fault>,
    appends: u64,
    crashed: bool,
    torn_discarded: u64,
}

impl MemDisk {
    /// An empty disk for `shard`.
    pub fn new(shard: u32) -> Self {
        Self {
            shard,
            state: Arc::default(),
        }
    }

    /// Plans `fault` for the `append`-th append of the disk's life, counted from 1.
    pub fn inject(&self, append: u64, fault: Fault) {
        self.state().plan.insert(append, fault);
    }

    /// Plans `fault` for the next append.
    pub fn inject_next(&self, fault: Fault) {
        let mut state = self.state();
        let next = state.appends + 1;
        state.plan.insert(next, fault);
    }

    /// Appends tried so far.
    pub fn appends(&self) -> u64 {
        self.state().appends
    }

    /// Whether the machine has died and no writer has been opened since.
    pub fn is_crashed(&self) -> bool {
        self.state().crashed
    }

    /// Torn rows found and thrown away when a writer was opened.
    pub fn torn_discarded(&self) -> u64 {
        self.state().torn_discarded
    }

    /// Changes a row as one who has the disk could: `change` gets the row, which is stored again.
    pub fn tamper(&self, seq: u64, change: impl FnOnce(&mut Row)) {
        let mut state = self.state();
        let index = (seq as usize).wrapping_sub(1);
        if let Some(bytes) = state.rows.get_mut(index)
            && let Some(mut row) = decode(bytes)
        {
            change(&mut row);
            *bytes = encode(&row);
        }
    }

    /// Takes a row out, as one who has the disk could.
    pub fn remove(&self, seq: u64) {
        let mut state = self.state();
        let index = (seq as usize).wrapping_sub(1);
        if index < state.rows.len() {
            state.rows.remove(index);
        }
    }

    /// A reader, whether or not there is a writer.
    pub fn reader(&self) -> MemReader {
        MemReader { disk: self.clone() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A writer on a [`MemDisk`].
#[derive(Debug)]
pub struct MemJournal {
    disk: MemDisk,
    epoch: u64,
    head: Head,
    poison: Option<String>,
}

impl MemJournal {
    /// Opens the disk for writing and takes the lease. Fails while another writer is open, unless the machine
    /// has died since.
    pub fn open(disk: &MemDisk) -> Result<Self, JournalError> {
        if let Some(epoch) = disk.state().locked_by {
            let holder = format!("epoch {epoch}");
            return Err(JournalError::Locked {
                path: "memory".into(),
                holder,
            });
        }
        Self::open_unlocked(disk)
    }

    /// Opens beside another writer, which is fenced off by it.
    pub fn open_unlocked(disk: &MemDisk) -> Result<Self, JournalError> {
        let epoch = {
            let mut state = disk.state();
            if state
                .rows
                .last()
                .is_some_and(|bytes| decode(bytes).is_none())
            {
                state.rows.pop();
                state.torn_discarded += 1;
            }
            state.crashed = false;
            state.epoch += 1;
            state.locked_by = Some(state.epoch);
            state.epoch
        };
        let head = disk.reader().head()?;
        Ok(Self {
            disk: disk.clone(),
            epoch,
            head,
            poison: None,
        })
    }

    fn try_append(
        &mut self,
        format: u16,
        events: &[u8],
        root: &Hash,
    ) -> Result<Head, JournalError> {
        let mut state = self.disk.state();
        state.appends += 1;
        if state.crashed {
            return Err(JournalError::Injected("the machine is down"));
        }
        if state.epoch != self.epoch {
            let (shard, found) = (self.disk.shard, state.epoch);
            return Err(JournalError::Fenced {
                shard,
                ours: self.epoch,
                found,
            });
        }
        let row = Row {
            shard: self.disk.shard,
            seq: self.head.seq + 1,
            epoch: self.epoch,
            format,
            events: events.to_vec(),
            prev_hash: self.head.hash,
            root: *root,
        };
        let mut bytes = encode(&row);
        let now = state.appends;
        let fault = state.plan.remove(&now);
        let crash = |state: &mut State, what| {
            state.crashed = true;
            state.locked_by = None;
            Err(JournalError::Injected(what))
        };
        match fault {
            None => state.rows.push(bytes),
            Some(Fault::FailBefore) => return Err(JournalError::Injected("fail before")),
            Some(Fault::Full) => {
                return Err(JournalError::Full {
                    path: "memory".into(),
                });
            }
            Some(Fault::CrashBefore) => return crash(&mut state, "crash before"),
            Some(Fault::FailAfter) => {
                state.rows.push(bytes);
                return Err(JournalError::Injected("fail after"));
            }
            Some(Fault::CrashAfter) => {
                state.rows.push(bytes);
                return crash(&mut state, "crash after");
            }
            Some(Fault::Torn(kept)) => {
                bytes.truncate(kept.min(bytes.len() - 1));
                state.rows.push(bytes);
                return crash(&mut state, "torn");
            }
        }
        Ok(Head::of(&row))
    }
}

impl Journal for MemJournal {
    fn shard(&self) -> u32 {
        self.disk.shard
    }

    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn head(&self) -> Head {
        self.head
    }

    fn append(&mut self, format: u16, events: &[u8], root: Hash) -> Result<Head, JournalError> {
        if let Some(cause) = &self.poison {
            return Err(JournalError::Poisoned {
                cause: cause.clone(),
            });
        }
        match self.try_append(format, events, &root) {
            Ok(head) => {
                self.head = head;
                Ok(head)
            }
            Err(e) => {
                self.poison = Some(e.to_string());
                Err(e)
            }
        }
    }

    fn is_poisoned(&self) -> bool {
        self.poison.is_some()
    }

    fn reader(&self) -> Result<Box<dyn Reader + Send>, JournalError> {
        Ok(Box::new(self.disk.reader()))
    }
}

impl Drop for MemJournal {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if state.locked_by == Some(self.epoch) {
            state.locked_by = None;
        }
    }
}

/// Reads a [`MemDisk`].
#[derive(Debug, Clone)]
pub struct MemReader {
    disk: MemDisk,
}

impl Reader for MemReader {
    fn shard(&self) -> u32 {
        self.disk.shard
    }

    fn read_from(
        &mut self,
        from_seq: u64,
        rows_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<Row>, JournalError> {
        let state = self.disk.state();
        let from = usize::try_from(from_seq.max(1) - 1).unwrap_or(usize::MAX);
        let mut out: Vec<Row> = Vec::new();
        let mut bytes = 0_usize;
        for (index, stored) in state.rows.iter().enumerate().skip(from).take(rows_max) {
            let Some(row) = decode(stored) else {
                if index + 1 == state.rows.len() {
                    break;
                }
                let seq = index as u64 + 1;
                return Err(JournalError::broken(
                    seq,
                    Check::Columns,
                    "a torn row with rows after it",
                ));
            };
            bytes = bytes.saturating_add(row.events.len());
            if !out.is_empty() && bytes > bytes_max {
                break;
            }
            out.push(row);
        }
        Ok(out)
    }

    fn head(&mut self) -> Result<Head, JournalError> {
        let state = self.disk.state();
        let last = state.rows.iter().rev().find_map(|bytes| decode(bytes));
        Ok(last.map_or(Head::EMPTY, |row| Head::of(&row)))
    }
}

const FIXED_BYTES: usize = 4 + 8 + 8 + 2 + 32 + 32;
const SUM_BYTES: usize = 32;

/// Fixed columns, events, checksum of both.
fn encode(row: &Row) -> Vec<u8> {
    let mut out = Vec::with_capacity(FIXED_BYTES + row.events.len() + SUM_BYTES);
    out.extend(row.shard.to_le_bytes());
    out.extend(row.seq.to_le_bytes());
    out.extend(row.epoch.to_le_bytes());
    out.extend(row.format.to_le_bytes());
    out.extend(row.prev_hash);
    out.extend(row.root);
    out.extend(&row.events);
    let sum = blake3::hash(&out);
    out.extend(sum.as_bytes());
    out
}

fn decode(bytes: &[u8]) -> Option<Row> {
    let (body, sum) = bytes.split_last_chunk::<SUM_BYTES>()?;
    if blake3::hash(body).as_bytes() != sum {
        return None;
    }
    let (shard, rest) = body.split_first_chunk()?;
    let (seq, rest) = rest.split_first_chunk()?;
    let (epoch, rest) = rest.split_first_chunk()?;
    let (format, rest) = rest.split_first_chunk()?;
    let (prev_hash, rest) = rest.split_first_chunk()?;
    let (root, events) = rest.split_first_chunk()?;
    Some(Row {
        shard: u32::from_le_bytes(*shard),
        seq: u64::from_le_bytes(*seq),
        epoch: u64::from_le_bytes(*epoch),
        format: u16::from_le_bytes(*format),
        events: events.to_vec(),
        prev_hash: *prev_hash,
        root: *root,
    })
}
