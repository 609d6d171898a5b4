//! The bounded queue into the writer, and how answers find their way back.

use crate::answer::{Answer, Brief, Unavailable};
use engine::event::Event;
use engine::{Command, Position, Rejection, State, UtcMillis};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::oneshot;

/// At most this many commands in one submission or batch.
pub const BATCH_MAX: usize = 8_192;

/// What a command came to, on its way from the writer to its caller.
#[derive(Clone, Debug)]
pub(crate) enum Result1 {
    Done(Position, Option<Box<Event>>, Brief),
    Known(Position),
    Rejected(Rejection),
}

impl Result1 {
    pub fn brief(&self) -> Brief {
        match self {
            Result1::Done(_, _, brief) => *brief,
            Result1::Known(position) => Brief::Known(*position),
            Result1::Rejected(rejection) => Brief::Rejected(*rejection),
        }
    }
}

/// The answer to one command as the writer knows it: a known id is read back by the caller.
#[derive(Debug)]
pub(crate) enum Raw {
    Answer(Answer),
    Known(Position),
}

impl From<Result1> for Raw {
    fn from(result: Result1) -> Raw {
        match result {
            Result1::Done(position, event, _) => Raw::Answer(Answer::Done {
                position,
                event: event.expect("the event was kept because the caller asked for it"),
            }),
            Result1::Known(position) => Raw::Known(position),
            Result1::Rejected(rejection) => Raw::Answer(Answer::Rejected(rejection)),
        }
    }
}

pub(crate) type Told<T> = Result<T, Unavailable>;

/// Who waits for a command. One that is dropped untold hears that the outcome is unknown.
pub(crate) enum Reply {
    One(oneshot::Sender<Told<Raw>>),
    /// One of many; the last one in answers all.
    Many(Arc<Many>),
    /// A client with many in flight.
    Client(Token),
    /// Nobody: the node's own.
    Nobody,
}

impl Reply {
    pub fn wants_event(&self) -> bool {
        match self {
            Reply::One(_) => true,
            Reply::Many(many) => many.events,
            Reply::Client(..) | Reply::Nobody => false,
        }
    }
}

/// A client's token for one of its commands.
pub(crate) struct Token {
    to: Option<Arc<Completions>>,
    token: u64,
}

impl Token {
    pub fn new(to: Arc<Completions>, token: u64) -> Token {
        let to = Some(to);
        Token { to, token }
    }

    /// Whom it is to be told to, until it was.
    pub fn to(&self) -> Option<&Arc<Completions>> {
        self.to.as_ref()
    }

    /// Leaves the answer without waking the client.
    fn tell(mut self, brief: Brief) {
        if let Some(to) = self.to.take() {
            lock(&to.done).push((self.token, brief));
        }
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        if let Some(to) = self.to.take() {
            lock(&to.done).push((self.token, Brief::OutcomeUnknown));
            to.some.notify_all();
        }
    }
}

/// Commands submitted together and answered together.
pub(crate) struct Many {
    pub events: bool,
    pub state: Mutex<(Vec<Result1>, Option<ManyReply>)>,
    pub expected: usize,
}

pub(crate) enum ManyReply {
    Full(oneshot::Sender<Told<Vec<Raw>>>),
    Brief(oneshot::Sender<Told<Vec<Brief>>>),
}

impl Many {
    fn take(&self, result: Result1) {
        let mut state = lock(&self.state);
        state.0.push(result);
        if state.0.len() == self.expected {
            let results = std::mem::take(&mut state.0);
            // A caller that went away is not told.
            match state.1.take() {
                Some(ManyReply::Full(to)) => {
                    let _ = to.send(Ok(results.into_iter().map(Raw::from).collect()));
                }
                Some(ManyReply::Brief(to)) => {
                    let _ = to.send(Ok(results.iter().map(Result1::brief).collect()));
                }
                None => {}
            }
        }
    }

    fn fail(&self, why: Unavailable) {
        match lock(&self.state).1.take() {
            Some(ManyReply::Full(to)) => drop(to.send(Err(why))),
            Some(ManyReply::Brief(to)) => drop(to.send(Err(why))),
            None => {}
        }
    }
}

/// What a client with many commands in flight gets back.
#[derive(Default)]
pub(crate) struct Completions {
    pub done: Mutex<Vec<(u64, Brief)>>,
    pub some: Condvar,
}

/// Answers one caller.
pub(crate) fn tell(reply: Reply, result: Result1) {
    match reply {
        Reply::One(to) => drop(to.send(Ok(result.into()))),
        Reply::Many(many) => many.take(result),
        Reply::Client(token) => token.tell(result.brief()),
        Reply::Nobody => {}
    }
}

/// Tells one caller that there is no answer.
pub(crate) fn tell_unavailable(reply: Reply, why: Unavailable) {
    match reply {
        Reply::One(to) => drop(to.send(Err(why))),
        Reply::Many(many) => many.fail(why),
        // Told as it is dropped.
        Reply::Client(_) | Reply::Nobody => {}
    }
}

/// Runs when everything before it is durable; `None` if that will never be.
pub(crate) type Deliver = Box<dyn FnOnce(bool) + Send>;

pub(crate) enum Item {
    Command(Command, Reply),
    /// Reads the state in its turn; what it returns is run when the rows before it are durable.
    Query(Box<dyn FnOnce(&State) -> Deliver + Send>),
    SetTime(UtcMillis),
    ConfirmClock,
}

#[derive(Default)]
struct Inner {
    items: VecDeque<Item>,
    closed: Option<Unavailable>,
    commit_idle: bool,
    poked: bool,
}

pub(crate) struct Queue {
    inner: Mutex<Inner>,
    /// The writer waits here.
    work: Condvar,
    /// Blocking submitters wait here.
    room: Condvar,
    max: usize,
}

/// A panic while a lock was held ends the node elsewhere; the data under these locks is whole at
/// every step.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Asks the state in the queue's turn; the answer comes when every row before it is durable.
pub(crate) fn ask<R: Send + 'static>(
    queue: &Queue,
    read: impl FnOnce(&State) -> R + Send + 'static,
) -> Told<oneshot::Receiver<R>> {
    let (to, told) = oneshot::channel();
    let query = Item::Query(Box::new(move |state| {
        let answer = read(state);
        Box::new(move |durable| {
            if durable {
                // A caller that went away is not told.
                let _ = to.send(answer);
            }
        })
    }));
    queue.push([query].into_iter())?;
    Ok(told)
}

impl Queue {
    pub fn new(max: usize) -> Queue {
        let inner = Inner {
            commit_idle: true,
            ..Inner::default()
        };
        Queue {
            inner: Mutex::new(inner),
            work: Condvar::new(),
            room: Condvar::new(),
            max,
        }
    }

    pub fn len(&self) -> usize {
        lock(&self.inner).items.len()
    }

    /// Adds items, or says that there is no room. Queries and settings always find room.
    pub fn push(&self, items: impl ExactSizeIterator<Item = Item>) -> Result<(), Unavailable> {
        let mut inner = lock(&self.inner);
        if let Some(why) = inner.closed {
            return Err(why);
        }
        if inner.items.len() + items.len() > self.max.max(items.len()) {
            return Err(Unavailable::Busy {
                retry_after_ms: 100,
            });
        }
        self.extend(&mut inner, items);
        Ok(())
    }

    /// Adds items when there is room.
    pub fn push_waiting(
        &self,
        items: impl ExactSizeIterator<Item = Item>,
    ) -> Result<(), Unavailable> {
        let mut inner = lock(&self.inner);
        while inner.closed.is_none() && inner.items.len() + items.len() > self.max.max(items.len())
        {
            inner = self
                .room
                .wait(inner)
                .unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        if let Some(why) = inner.closed {
            return Err(why);
        }
        self.extend(&mut inner, items);
        Ok(())
    }

    fn extend(&self, inner: &mut Inner, items: impl Iterator<Item = Item>) {
        let was_empty = inner.items.is_empty();
        inner.items.extend(items);
        if was_empty {
            self.work.notify_one();
        }
    }

    /// No more items; what waits is still worked off (`Stopped`) or given up (`OutcomeUnknown`).
    pub fn close(&self, why: Unavailable) {
        let mut inner = lock(&self.inner);
        inner.closed.get_or_insert(why);
        self.work.notify_all();
        self.room.notify_all();
    }

    /// The committer is free for the next batch.
    pub fn commit_idle(&self) {
        lock(&self.inner).commit_idle = true;
        self.work.notify_one();
    }

    /// Claims the committer if it is free.
    pub fn claim_commit(&self) -> bool {
        std::mem::take(&mut lock(&self.inner).commit_idle)
    }

    /// Wakes the writer to look at its timers.
    pub fn poke(&self) {
        lock(&self.inner).poked = true;
        self.work.notify_one();
    }

    /// Moves up to `max` items to `out`. With nothing to do, waits: for items, for the committer if
    /// `for_commit`, or until `timeout`. Returns `false` when closed and empty.
    pub fn take(
        &self,
        out: &mut Vec<Item>,
        max: usize,
        for_commit: bool,
        timeout: Option<Duration>,
    ) -> bool {
        let mut inner = lock(&self.inner);
        while inner.items.is_empty() && !(for_commit && inner.commit_idle) && !inner.poked {
            if inner.closed.is_some() && !for_commit {
                return false;
            }
            match timeout {
                Some(timeout) => {
                    let (guard, waited) = self
                        .work
                        .wait_timeout(inner, timeout)
                        .unwrap_or_else(std::sync::PoisonError::into_inner);
                    inner = guard;
                    if waited.timed_out() {
                        break;
                    }
                }
                None => {
                    inner = self
                        .work
                        .wait(inner)
                        .unwrap_or_else(std::sync::PoisonError::into_inner);
                }
            }
        }
        inner.poked = false;
        let count = inner.items.len().min(max);
        out.extend(inner.items.drain(..count));
        if count > 0 {
            self.room.notify_all();
        }
        true
    }

    /// Empties the queue after a failure.
    pub fn drain(&self) -> Vec<Item> {
        lock(&self.inner).items.drain(..).collect()
    }
}
