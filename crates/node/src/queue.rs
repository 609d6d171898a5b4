//! The bounded queue into the writer, and how answers find their way back.

use crate::answer::{Answer, Brief, Unavailable};
use crate::bulk::Bulk;
use crate::weight::weight;
use engine::event::Event;
use engine::{Command, Position, Rejection, State, UtcMillis};
use std::any::Any;
use std::collections::VecDeque;
use std::marker::PhantomData;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::oneshot;

/// At most this many commands in one submission or batch.
pub const BATCH_MAX: usize = 8_192;

/// A batch takes no more once its commands weigh so much together: tens of megabytes of events.
pub(crate) const BATCH_WEIGHT_MAX: usize = 65_536;

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

#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are commands, which are not worth an allocation each"
)]
pub(crate) enum Item {
    Command(Command, Reply),
    /// Many payments.
    Bulk(Box<Bulk>),
    /// Reads the state in its turn; what it returns is run when the rows before it are durable.
    Query(Box<dyn FnOnce(&State) -> Deliver + Send>),
    SetTime(UtcMillis),
    ConfirmClock,
}

impl Item {
    fn weight(&self) -> usize {
        match self {
            Item::Command(command, _) => weight(command),
            Item::Bulk(bulk) => bulk.commands.len().max(1),
            _ => 1,
        }
    }
}

#[derive(Default)]
struct Inner {
    items: VecDeque<Item>,
    /// Of all of them.
    weight: usize,
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
    weight_max: usize,
}

/// A panic while a lock was held ends the node elsewhere; the data under these locks is whole at
/// every step.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The answer to a question. It travels as a value of any type, so that the channel is built once
/// and not anew for every question there is.
pub(crate) struct Asked<R> {
    told: oneshot::Receiver<Box<dyn Any + Send>>,
    answer: PhantomData<fn() -> R>,
}

impl<R: 'static> Asked<R> {
    /// Waits for it.
    pub async fn told(self) -> Told<R> {
        Self::unpack(self.told.await)
    }

    /// The same for threads that are not async.
    pub fn told_blocking(self) -> Told<R> {
        Self::unpack(self.told.blocking_recv())
    }

    fn unpack<E>(told: Result<Box<dyn Any + Send>, E>) -> Told<R> {
        let answer = told.ok().and_then(|answer| answer.downcast().ok());
        answer.map(|answer| *answer).ok_or(Unavailable::Stopped)
    }
}

/// A question to the state, and where its answer comes.
fn query<R: Send + 'static>(read: impl FnOnce(&State) -> R + Send + 'static) -> (Item, Asked<R>) {
    let (item, told) = query_any(Box::new(move |state| Box::new(read(state))));
    let answer = PhantomData;
    (item, Asked { told, answer })
}

type ReadAny = Box<dyn FnOnce(&State) -> Box<dyn Any + Send> + Send>;

fn query_any(read: ReadAny) -> (Item, oneshot::Receiver<Box<dyn Any + Send>>) {
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
    (query, told)
}

/// Asks the state in the queue's turn; the answer comes when every row before it is durable.
pub(crate) fn ask<R: Send + 'static>(
    queue: &Queue,
    read: impl FnOnce(&State) -> R + Send + 'static,
) -> Told<Asked<R>> {
    let (query, asked) = query(read);
    queue.push([query].into_iter())?;
    Ok(asked)
}

/// The same about a command that was decided: there is room for it however full the queue is, for
/// "busy" would say that nothing happened. There is one at a time for each caller.
pub(crate) fn ask_after<R: Send + 'static>(
    queue: &Queue,
    read: impl FnOnce(&State) -> R + Send + 'static,
) -> Told<Asked<R>> {
    let (query, asked) = query(read);
    queue.push_beyond(query)?;
    Ok(asked)
}

impl Queue {
    pub fn new(max: usize, weight_max: usize) -> Queue {
        let inner = Inner {
            commit_idle: true,
            ..Inner::default()
        };
        Queue {
            inner: Mutex::new(inner),
            work: Condvar::new(),
            room: Condvar::new(),
            max,
            weight_max,
        }
    }

    pub fn len(&self) -> usize {
        lock(&self.inner).items.len()
    }

    /// Whether so many more items find room. By count exactly, unless they are alone; by weight until
    /// the bound is reached, so that what goes over it is one submission at most.
    fn has_room(&self, inner: &Inner, items: usize) -> bool {
        inner.items.len() + items <= self.max.max(items) && inner.weight < self.weight_max
    }

    /// Adds items, or says that there is no room. Queries and settings need room as commands do.
    pub fn push(&self, items: impl ExactSizeIterator<Item = Item>) -> Result<(), Unavailable> {
        let mut inner = lock(&self.inner);
        if let Some(why) = inner.closed {
            return Err(why);
        }
        if !self.has_room(&inner, items.len()) {
            return Err(Unavailable::Busy {
                retry_after_ms: 100,
            });
        }
        self.extend(&mut inner, items);
        Ok(())
    }

    /// Adds an item even where there is no room.
    fn push_beyond(&self, item: Item) -> Result<(), Unavailable> {
        let mut inner = lock(&self.inner);
        if let Some(why) = inner.closed {
            return Err(why);
        }
        self.extend(&mut inner, [item].into_iter());
        Ok(())
    }

    /// Adds items when there is room.
    pub fn push_waiting(
        &self,
        items: impl ExactSizeIterator<Item = Item>,
    ) -> Result<(), Unavailable> {
        let mut inner = lock(&self.inner);
        while inner.closed.is_none() && !self.has_room(&inner, items.len()) {
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
        let weight = &mut inner.weight;
        inner
            .items
            .extend(items.inspect(|item| *weight += item.weight()));
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

    /// Moves items to `out`: up to `max` of them, and none beyond the one that reaches `weight_max`.
    /// With nothing to do, or no room to do it in (a `max` of 0), waits: for items, for the committer
    /// if `for_commit`, or until `timeout`. Returns the weight of what was moved; `None` when closed
    /// and empty.
    pub fn take(
        &self,
        out: &mut Vec<Item>,
        (max, weight_max): (usize, usize),
        for_commit: bool,
        timeout: Option<Duration>,
    ) -> Option<usize> {
        let mut inner = lock(&self.inner);
        let full = max == 0 || weight_max == 0;
        while (inner.items.is_empty() || full) && !(for_commit && inner.commit_idle) && !inner.poked
        {
            if inner.closed.is_some() && !for_commit {
                return None;
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
        let (mut count, mut weight) = (inner.items.len().min(max), 0);
        if inner.weight == inner.items.len() {
            // The commonest: each weighs 1.
            count = count.min(weight_max);
            weight = count;
        } else {
            let fits = |item: &&Item| {
                let fits = weight < weight_max;
                weight += if fits { item.weight() } else { 0 };
                fits
            };
            count = inner.items.iter().take(count).take_while(fits).count();
        }
        inner.weight -= weight;
        out.extend(inner.items.drain(..count));
        if count > 0 {
            self.room.notify_all();
        }
        Some(weight)
    }

    /// Empties the queue after a failure.
    pub fn drain(&self) -> Vec<Item> {
        let mut inner = lock(&self.inner);
        inner.weight = 0;
        inner.items.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::ids::{ActorId, WalletId};
    use engine::records::TenantNo;
    use engine::{Id, Op};
    use std::time::Instant;

    fn items(weights: &[usize]) -> Vec<Item> {
        let spend = engine::command::Spend {
            payer: WalletId(Id(1)),
            mandate: engine::ids::MandateId(Id::NONE),
            amount: money::Atoms(1),
            asset: ledger::AssetNo(0),
            risk: risk::Score(0),
            confirmed: false.into(),
            circumstances: Default::default(),
            tax: Default::default(),
            item: Default::default(),
        };
        let pay = Op::Pay {
            spend,
            payee: WalletId(Id(2)),
        };
        let item = |weight: &usize| {
            let group = Op::Group {
                items: vec![(Id(9), pay.clone()); weight - 1],
            };
            let command = Command {
                id: Id(7),
                tenant: TenantNo(0),
                actor: ActorId(Id::NONE),
                op: if *weight == 1 { pay.clone() } else { group },
                besides: None,
            };
            Item::Command(command, Reply::Nobody)
        };
        weights.iter().map(item).collect()
    }

    #[test]
    fn what_is_taken_stops_at_a_count_or_at_a_weight() {
        let queue = Queue::new(100, 1_000);
        for (weights, max, taken) in [
            (&[1, 1, 1, 1][..], (3, 9), &[1, 1, 1][..]),
            (&[1, 1, 1, 1], (9, 2), &[1, 1]),
            (&[1, 50, 1, 1], (9, 1), &[1]),
            (&[1, 50, 1, 1], (9, 2), &[1, 50]),
            (&[1, 50, 1, 1], (9, 51), &[1, 50]),
            (&[1, 50, 1, 1], (9, 52), &[1, 50, 1]),
            (&[50, 50], (9, 9), &[50]),
            (&[50, 50], (1, 99), &[50]),
        ] {
            queue.push(items(weights).into_iter()).unwrap();
            let mut out = Vec::new();
            let weight = queue.take(&mut out, max, false, None);
            let found: Vec<usize> = out.iter().map(Item::weight).collect();
            assert_eq!(found, taken, "{weights:?} {max:?}");
            assert_eq!(weight, Some(taken.iter().sum()));
            let left = lock(&queue.inner).weight;
            assert_eq!(left, weights.iter().sum::<usize>() - weight.unwrap());
            queue.drain();
        }
    }

    #[test]
    fn what_waits_is_bounded_by_weight_too() {
        let queue = Queue::new(100, 60);
        queue.push(items(&[50]).into_iter()).unwrap();
        queue.push(items(&[50]).into_iter()).unwrap();
        let busy = queue.push(items(&[1]).into_iter());
        assert!(matches!(busy, Err(Unavailable::Busy { .. })));
        let mut out = Vec::new();
        queue.take(&mut out, (1, 1), false, None);
        queue.push(items(&[1]).into_iter()).unwrap();
    }

    #[test]
    fn a_full_batch_waits_for_the_committer_and_not_for_items() {
        let queue = Queue::new(100, 1_000);
        assert!(queue.claim_commit());
        queue.push(items(&[1, 1]).into_iter()).unwrap();
        let (start, wait) = (Instant::now(), Duration::from_millis(30));
        let mut out = Vec::new();
        for full in [(0, 5), (5, 0)] {
            assert_eq!(queue.take(&mut out, full, true, Some(wait)), Some(0));
        }
        assert!(start.elapsed() >= wait * 2, "it did not wait");
        queue.commit_idle();
        assert_eq!(queue.take(&mut out, (0, 5), true, None), Some(0));
        assert!(out.is_empty());
    }
}
