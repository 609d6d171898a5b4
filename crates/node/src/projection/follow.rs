//! The thread: read some rows, fold them, write them, again.

use super::fold::Fold;
use super::{ProjectionError, ProjectionOptions};
use engine::codec::RowReader;
use engine::event::Event;
use journal::{Head, Reader, Row};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use store::read::{Applied, ReadModel, ReadWriter, Rows};

const ROWS_MAX: usize = 4_096;
const BYTES_MAX: usize = 8 << 20;

/// What the thread and those who ask share.
pub(super) struct Shared {
    pub head: AtomicU64,
    /// Whether the thread sleeps and wants to be woken.
    pub idle: AtomicBool,
    pub paused: AtomicBool,
    pub stopped: AtomicBool,
    /// Somebody waits for this row: no rest before it is written.
    pub wanted: AtomicU64,
    status: Mutex<Status>,
    pub told: Condvar,
}

/// How far the thread is.
pub(super) struct Status {
    pub applied_seq: u64,
    /// Rows and events read by this thread.
    pub rows: u64,
    pub events: u64,
    /// Everything that was in the journal then is in the read model; `None` until it has reached
    /// the row at which the journal stood when it was opened.
    pub fresh_until: Option<Instant>,
    /// Until then, the journal's time of the first row that is missing, if that can be read.
    pub missing_ms: Option<u64>,
    pub failed: Option<String>,
}

impl Shared {
    pub fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn head(&self) -> u64 {
        self.head.load(Ordering::Acquire)
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }
}

/// The thread's own.
pub(super) struct Follower {
    shared: Arc<Shared>,
    reader: Box<dyn Reader + Send>,
    writer: ReadWriter,
    model: ReadModel,
    options: ProjectionOptions,
    fold: Fold,
    /// The journal as far as it was folded.
    read: Head,
    /// Folded and not written, if the last write failed.
    rows: Rows,
    unwritten: bool,
    event: Event,
    /// A row that cannot be decoded: nothing from it on is read.
    unreadable: Option<u64>,
    /// Where the journal ended at a moment, to tell how old what is missing is.
    sample: (u64, Instant),
}

impl Follower {
    pub fn open(
        dir: &Path,
        mut reader: Box<dyn Reader + Send>,
        options: ProjectionOptions,
        now_ms: i64,
    ) -> Result<(ReadModel, Follower), ProjectionError> {
        let mut model = ReadModel::open(dir, now_ms)?;
        let mut loaded = model.load()?;
        let mut read = stands_at(&mut *reader, loaded.applied)?;
        if read.is_none() {
            // Made from another journal, or from rows that this one has lost.
            drop(model);
            ReadModel::remove(dir)?;
            model = ReadModel::open(dir, now_ms)?;
            loaded = model.load()?;
            read = stands_at(&mut *reader, loaded.applied)?;
        }
        let head = reader.head()?.seq;
        let now = Instant::now();
        let applied_seq = loaded.applied.seq;
        let status = Status {
            applied_seq,
            rows: 0,
            events: 0,
            fresh_until: (applied_seq >= head).then_some(now),
            missing_ms: time_of(&mut *reader, applied_seq + 1),
            failed: None,
        };
        let shared = Arc::new(Shared {
            head: AtomicU64::new(head),
            idle: AtomicBool::new(false),
            paused: AtomicBool::new(options.paused),
            stopped: AtomicBool::new(false),
            wanted: AtomicU64::new(0),
            status: Mutex::new(status),
            told: Condvar::new(),
        });
        let follower = Follower {
            shared,
            reader,
            writer: model.writer(),
            model: model.clone(),
            options,
            fold: Fold::new(loaded),
            read: read.unwrap_or(Head::EMPTY),
            rows: Rows::default(),
            unwritten: false,
            event: Event::empty(),
            unreadable: None,
            sample: (head, now),
        };
        Ok((model, follower))
    }

    pub fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    pub fn run(mut self) {
        let mut rest = Some(self.options.gather);
        while !self.shared.is_stopped() {
            if self.shared.paused.load(Ordering::Acquire) {
                thread::park_timeout(self.options.poll);
                continue;
            }
            if let Some(rest) = rest {
                self.sleep(rest);
                if self.shared.is_stopped() || self.shared.paused.load(Ordering::Acquire) {
                    continue;
                }
            }
            let start = Instant::now();
            match catch_unwind(AssertUnwindSafe(|| self.step())) {
                Ok(Ok(wrote)) => rest = self.rest_after(wrote, start.elapsed()),
                Ok(Err(error)) => self.fail(told_whole(error.code(), &error)),
                Err(_) => {
                    // What was folded may be half done.
                    self.fail(
                        "panicked: the journal says something this version does not expect"
                            .to_owned(),
                    );
                    self.restart();
                }
            }
        }
    }

    /// How long to gather before the next write; `None` if enough is there. A write visits the same
    /// pages for few events as for many, so the dearer the last one was, the more are gathered.
    fn rest_after(&self, wrote: bool, took: Duration) -> Option<Duration> {
        let full = wrote && self.rows.events.len() >= self.options.events_max / 4;
        let behind = self.read.seq < self.shared.head();
        let (least, most) = (self.options.gather, self.options.gather_max);
        (!(full && behind)).then(|| (took * 4).clamp(least, most))
    }

    /// Waits for something to do, then a little more, so that small commits are written together,
    /// unless somebody wants to see them.
    fn sleep(&self, rest: Duration) {
        self.shared.idle.store(true, Ordering::Release);
        if self.shared.head() <= self.read.seq && !self.unwritten {
            thread::park_timeout(self.options.poll);
        }
        self.shared.idle.store(false, Ordering::Release);
        let until = Instant::now() + rest;
        while !self.shared.is_stopped()
            && self.shared.wanted.load(Ordering::Acquire) <= self.read.seq
            && let left = until.saturating_duration_since(Instant::now())
            && !left.is_zero()
        {
            thread::park_timeout(left);
        }
    }

    fn fail(&self, why: String) {
        {
            let mut status = self.shared.status();
            if status.failed.as_ref() != Some(&why) {
                tracing::warn!(reason = %why, applied_seq = status.applied_seq, "read_model_failed");
                status.failed = Some(why);
            }
        }
        if !self.shared.is_stopped() {
            thread::park_timeout(self.options.retry);
        }
    }

    /// Forgets what was folded and begins again from what is written.
    fn restart(&mut self) {
        let loaded = match self.model.load() {
            Ok(loaded) => loaded,
            Err(error) => return self.fail(told_whole(error.code(), &error)),
        };
        match stands_at(&mut *self.reader, loaded.applied) {
            Ok(Some(read)) => {
                self.read = read;
                self.fold = Fold::new(loaded);
                self.rows.clear();
                self.unwritten = false;
            }
            Ok(None) => self.fail("the journal is another one: restart to rebuild".to_owned()),
            Err(error) => self.fail(told_whole(error.code(), &error)),
        }
    }

    /// Writes some of what is missing; whether there was any.
    fn step(&mut self) -> Result<bool, ProjectionError> {
        if !self.unwritten {
            if self.sample.0 <= self.read.seq {
                self.sample = (self.shared.head(), Instant::now());
            }
            self.rows.clear();
            let (rows, events) = match self.fold_some() {
                Ok(folded) => folded,
                Err(error) => {
                    // What was folded before it is not written and will be read again.
                    self.restart();
                    return Err(error);
                }
            };
            if rows == 0 {
                self.told(0, 0);
                return match self.unreadable {
                    // Told again and again: nothing is skipped.
                    Some(seq) => self.unreadable_row(seq).map(|()| false),
                    None => Ok(false),
                };
            }
            self.fold.finish(&mut self.rows);
            self.unwritten = true;
            let mut status = self.shared.status();
            (status.rows, status.events) = (status.rows + rows, status.events + events);
        }
        if let Err(error) = self.writer.write(&mut self.rows) {
            // What is folded does not follow what is written; otherwise it is tried again.
            if matches!(error, store::Error::Corrupt { .. }) {
                self.restart();
            }
            return Err(error.into());
        }
        self.unwritten = false;
        self.told(self.rows.applied.seq, self.rows.events.len());
        Ok(true)
    }

    fn told(&mut self, applied_seq: u64, events: usize) {
        let caught_up = self.shared.status().fresh_until.is_some();
        let missing_ms = match caught_up || applied_seq >= self.sample.0 {
            true => None,
            false => time_of(&mut *self.reader, self.read.seq + 1),
        };
        let mut status = self.shared.status();
        if status.failed.take().is_some() {
            tracing::info!(applied_seq, events, "read_model_recovered");
        }
        status.applied_seq = status.applied_seq.max(applied_seq);
        self.shared
            .head
            .fetch_max(status.applied_seq, Ordering::AcqRel);
        if status.applied_seq >= self.sample.0 {
            status.fresh_until = Some(self.sample.1);
        }
        status.missing_ms = missing_ms;
        drop(status);
        self.shared.told.notify_all();
    }

    fn fold_some(&mut self) -> Result<(u64, u64), ProjectionError> {
        let (mut rows, mut events) = (0, 0);
        while (events as usize) < self.options.events_max && rows < ROWS_MAX as u64 {
            let next = self.read.seq + 1;
            let some = self.reader.read_from(next, ROWS_MAX, BYTES_MAX)?;
            if some.is_empty() || self.unreadable == Some(next) {
                break;
            }
            for row in &some {
                if self.unreadable == Some(row.seq) || events as usize >= self.options.events_max {
                    break;
                }
                let mut read = self.read;
                read.advance(row)?;
                match self.fold_row(row) {
                    Ok(folded) => (rows, events) = (rows + 1, events + folded),
                    Err(error) => {
                        self.unreadable = Some(row.seq);
                        return Err(error);
                    }
                }
                self.read = read;
            }
        }
        Ok((rows, events))
    }

    fn fold_row(&mut self, row: &Row) -> Result<u64, ProjectionError> {
        let seq = row.seq;
        let unreadable = |error| ProjectionError::Row { seq, error };
        let mut reader = RowReader::new(row.format, &row.events).map_err(unreadable)?;
        let first_no = self.fold.applied().next_no;
        let mut index = 0u32;
        while reader.next_event(&mut self.event).map_err(unreadable)? {
            self.fold.event(&self.event, index, &mut self.rows);
            index += 1;
        }
        let at_ms = reader.time.0;
        self.fold
            .row(first_no, seq, row.hash(), at_ms, &mut self.rows);
        Ok(u64::from(index))
    }

    fn unreadable_row(&mut self, seq: u64) -> Result<(), ProjectionError> {
        if let Some(row) = self.reader.row(seq)? {
            let unreadable = |error| ProjectionError::Row { seq, error };
            let mut reader = RowReader::new(row.format, &row.events).map_err(unreadable)?;
            while reader.next_event(&mut self.event).map_err(unreadable)? {}
        }
        // It can be read after all.
        self.unreadable = None;
        Ok(())
    }
}

/// An error with its causes, as an operator reads it.
fn told_whole(code: &str, error: &dyn std::error::Error) -> String {
    let mut text = format!("{code}: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

/// The time of a row, if there is one that can be read.
fn time_of(reader: &mut (dyn Reader + Send), seq: u64) -> Option<u64> {
    let row = reader.row(seq).ok()??;
    RowReader::new(row.format, &row.events)
        .map(|row| row.time.0)
        .ok()
}

/// The journal's head where the read model stands; `None` if that is not a row of this journal.
fn stands_at(
    reader: &mut (dyn Reader + Send),
    applied: Applied,
) -> Result<Option<Head>, ProjectionError> {
    if applied.seq == 0 {
        return Ok(Some(Head::EMPTY));
    }
    let row = reader.row(applied.seq)?;
    Ok(row
        .map(|row| Head::of(&row))
        .filter(|head| head.hash == applied.hash))
}
