//! The node as its callers see it.

use crate::answer::{Answer, Brief, NodeError, Unavailable};
use crate::bulk::Lately;
use crate::commit::{self, Committer, Slot};
use crate::ending::Ending;
use crate::options::NodeOptions;
use crate::projection::Projection;
use crate::queue::{
    BATCH_MAX, Completions, Item, Many, ManyReply, Queue, Raw, Reply, Token, Told, ask, ask_after,
    lock,
};
use crate::recover::recover;
use crate::snapshots;
use crate::stats::{Stats, StatsView};
use crate::writer::Writer;
use engine::codec::RowReader;
use engine::event::Event;
use engine::repeat::difference;
use engine::{Code, Command, Position, Rejection, State, UtcMillis};
use journal::merkle::Builder;
use journal::sqlite::SqliteJournal;
use journal::{Journal, Reader, SnapshotStore};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a node waits for its read model when it stops, or its clock is confirmed.
const CATCH_UP: Duration = Duration::from_secs(10);

/// What the node's parts share.
pub(crate) struct Shared {
    pub queue: Arc<Queue>,
    pub stats: Arc<Stats>,
    slot: Arc<Slot>,
    pub snapshots: Option<SnapshotStore>,
    pub readers: Mutex<Vec<Box<dyn Reader + Send>>>,
    pub open_reader: Box<dyn Fn() -> Result<Box<dyn Reader + Send>, NodeError> + Send + Sync>,
    pub projection: Option<Arc<Projection>>,
    pub options: NodeOptions,
    pub dir: PathBuf,
    pub building: Mutex<()>,
    pub lately: Lately,
    threads: Mutex<Vec<JoinHandle<()>>>,
    snapshot_asked: Mutex<Option<mpsc::Sender<()>>>,
    stopped: AtomicBool,
}

/// A running node. Clones are the same node.
#[derive(Clone)]
pub struct Node(pub(crate) Arc<Shared>);

/// Makes a folder if it is not there, for its owner only.
fn private_dir(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(dir)
}

/// 128 random bits from the system.
pub(crate) fn random() -> Result<u128, NodeError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| NodeError::Random(error.to_string()))?;
    Ok(u128::from_le_bytes(bytes))
}

impl Shared {
    pub fn random(&self) -> Result<u128, NodeError> {
        random()
    }

    pub fn new_reader(&self) -> Result<Box<dyn Reader + Send>, NodeError> {
        (self.open_reader)()
    }
}

impl Node {
    /// Opens the node of a data folder: recovers the state from its journal and starts the
    /// pipeline.
    ///
    /// # Errors
    /// [`NodeError`], naming the file; another process may hold the journal.
    pub fn open(dir: &Path, options: NodeOptions) -> Result<Node, NodeError> {
        let io = |error| NodeError::Io {
            path: dir.display().to_string(),
            error,
        };
        private_dir(dir).map_err(io)?;
        let journal_path = dir.join("journal.db");
        let journal_options = journal::sqlite::Options {
            holder: options.holder.clone(),
            ..Default::default()
        };
        let journal = SqliteJournal::open(&journal_path, options.shard, journal_options)?;
        let snapshots = SnapshotStore::open(&dir.join("snapshots"))?;
        let shard = options.shard;
        let open_reader = Box::new(move || {
            let reader = journal::sqlite::SqliteReader::open(&journal_path, shard)?;
            Ok(Box::new(reader) as Box<dyn Reader + Send>)
        });
        Self::start(
            dir,
            Box::new(journal),
            Some(snapshots),
            open_reader,
            options,
        )
    }

    /// Starts a node on any journal; the read model, if asked for, is kept in `dir`.
    ///
    /// # Errors
    /// [`NodeError`] when the journal cannot be read or does not fold.
    pub fn start(
        dir: &Path,
        journal: Box<dyn Journal>,
        snapshots: Option<SnapshotStore>,
        open_reader: Box<dyn Fn() -> Result<Box<dyn Reader + Send>, NodeError> + Send + Sync>,
        options: NodeOptions,
    ) -> Result<Node, NodeError> {
        let mut reader = open_reader()?;
        let recovered = recover(&mut *reader, snapshots.as_ref(), random()?)?;
        tracing::info!(
            seq = recovered.head.seq,
            snapshot_seq = recovered.snapshot_seq,
            events_replayed = recovered.events,
            "journal_recovered"
        );
        let projection = if options.projection {
            let projection =
                Projection::spawn(dir, open_reader()?, options.projection_options.clone())?;
            projection.wake(recovered.head.seq);
            Some(Arc::new(projection))
        } else {
            None
        };
        let stats = Arc::new(Stats::default());
        stats
            .durable_seq
            .store(recovered.head.seq, Ordering::Release);
        stats
            .snapshot_seq
            .store(recovered.snapshot_seq, Ordering::Release);
        let queue = Arc::new(Queue::new(options.queue_max, options.queue_weight_max));
        let slot = Arc::new(Slot::default());
        let (ask_snapshot, asked) = mpsc::channel();
        let shared = Arc::new(Shared {
            queue: queue.clone(),
            stats: stats.clone(),
            slot: slot.clone(),
            snapshots,
            readers: Mutex::new(vec![reader]),
            open_reader,
            projection: projection.clone(),
            options: options.clone(),
            dir: dir.to_owned(),
            building: Mutex::default(),
            lately: Lately::default(),
            threads: Mutex::default(),
            snapshot_asked: Mutex::new(Some(ask_snapshot.clone())),
            stopped: AtomicBool::new(false),
        });
        let (mut since, every) = (recovered.events, options.snapshot_every);
        let committed = Box::new(move |events| {
            since += events;
            if every > 0 && since >= every {
                since = 0;
                // The snapshot thread ends only with the node.
                let _ = ask_snapshot.send(());
            }
        });
        let ending = Ending {
            slot: slot.clone(),
            queue: queue.clone(),
            fatal: options.fatal.clone(),
        };
        let committer = Committer {
            journal,
            slot: slot.clone(),
            queue: queue.clone(),
            stats: stats.clone(),
            projection,
            ending: ending.clone(),
            committed,
            tree: Builder::new(),
            clients: Vec::new(),
        };
        let committer = Arc::new(Mutex::new(committer));
        let writer = Writer::new(
            (recovered.state, recovered.head.seq + 1),
            queue,
            slot.clone(),
            committer.clone(),
            stats,
            &options,
            {
                let shared = shared.clone();
                Box::new(move || shared.new_reader())
            },
        );
        let (builder, watching) = (shared.clone(), ending.clone());
        let mut threads = lock(&shared.threads);
        for (name, work) in [
            (
                "farthing-write",
                Box::new(move || watching.guard("the writer", || writer.run()))
                    as Box<dyn FnOnce() + Send>,
            ),
            (
                "farthing-commit",
                Box::new(move || ending.guard("the committer", || commit::run(&committer, &slot))),
            ),
            (
                "farthing-snapshot",
                Box::new(move || snapshots::run(&builder, &asked)),
            ),
        ] {
            let thread = std::thread::Builder::new()
                .name(name.to_owned())
                .spawn(work);
            let io = |error| NodeError::Io {
                path: name.to_owned(),
                error,
            };
            threads.push(thread.map_err(io)?);
        }
        drop(threads);
        Ok(Node(shared))
    }

    /// Submits one command; durable when it returns. A known id is read back and compared.
    ///
    /// # Errors
    /// [`Unavailable`]; after `OutcomeUnknown` the same id is safe to use again.
    pub async fn submit(&self, command: Command) -> Result<Answer, Unavailable> {
        if let Some(known) = self.0.known_before(&command).await? {
            return self.settle(&command, known).await;
        }
        let (to, told) = oneshot::channel();
        self.0
            .queue
            .push([Item::Command(command.clone(), Reply::One(to))].into_iter())?;
        let raw = told.await.map_err(|_| Unavailable::OutcomeUnknown)??;
        self.settle(&command, raw).await
    }

    /// [`Self::submit`] for threads that are not async.
    ///
    /// # Errors
    /// As [`Self::submit`], but it waits for room.
    pub fn submit_blocking(&self, command: Command) -> Result<Answer, Unavailable> {
        if let Some(known) = block_on(self.0.known_before(&command))? {
            return block_on(self.settle(&command, known));
        }
        let (to, told) = oneshot::channel();
        self.0
            .queue
            .push_waiting([Item::Command(command.clone(), Reply::One(to))].into_iter())?;
        let raw = told
            .blocking_recv()
            .map_err(|_| Unavailable::OutcomeUnknown)??;
        block_on(self.settle(&command, raw))
    }

    /// Submits up to [`BATCH_MAX`] commands; the answers are in their order. Of a command that was
    /// answered before it may not be known what it came to: [`Unavailable::OutcomeUnknown`].
    ///
    /// # Errors
    /// As [`Self::submit`], for all of them at once: none was decided, or of none it is known.
    pub async fn submit_many(
        &self,
        commands: Vec<Command>,
    ) -> Result<Vec<Result<Answer, Unavailable>>, Unavailable> {
        let mut known = Vec::with_capacity(commands.len());
        for command in &commands {
            known.push(self.0.known_before(command).await?);
        }
        let fresh = commands
            .iter()
            .zip(&known)
            .filter(|(_, known)| known.is_none());
        let fresh = fresh.map(|(command, _)| command.clone()).collect();
        let (to, told) = oneshot::channel();
        self.push_many(fresh, true, ManyReply::Full(to), false)?;
        let mut raws = told
            .await
            .map_err(|_| Unavailable::OutcomeUnknown)??
            .into_iter();
        let mut answers = Vec::with_capacity(commands.len());
        for (command, known) in commands.iter().zip(known) {
            let raw = match known {
                Some(known) => known,
                None => raws.next().ok_or(Unavailable::OutcomeUnknown)?,
            };
            answers.push(self.settle(command, raw).await);
        }
        Ok(answers)
    }

    /// Submits up to [`BATCH_MAX`] commands from a thread that is not async, waiting for room, and
    /// returns the answers in brief. A known id is not compared.
    ///
    /// # Errors
    /// As [`Self::submit`].
    pub fn submit_brief(&self, commands: Vec<Command>) -> Result<Vec<Brief>, Unavailable> {
        let mut known = Vec::new();
        for (at, command) in commands.iter().enumerate() {
            if let Some(brief) = self.0.brief_before(command)? {
                known.push((at, brief));
            }
        }
        let mut at = 0;
        let fresh = |_: &Command| {
            at += 1;
            known
                .binary_search_by_key(&(at - 1), |known| known.0)
                .is_err()
        };
        let mut commands = commands;
        if !known.is_empty() {
            commands.retain(fresh);
        }
        let (to, told) = oneshot::channel();
        self.push_many(commands, false, ManyReply::Brief(to), true)?;
        let mut briefs = told
            .blocking_recv()
            .map_err(|_| Unavailable::OutcomeUnknown)??;
        for (at, brief) in known {
            briefs.insert(at, brief);
        }
        Ok(briefs)
    }

    fn push_many(
        &self,
        commands: Vec<Command>,
        events: bool,
        reply: ManyReply,
        wait: bool,
    ) -> Result<(), Unavailable> {
        if commands.len() > BATCH_MAX {
            return Err(Unavailable::TooMany(BATCH_MAX));
        }
        let expected = commands.len();
        let state = Mutex::new((Vec::with_capacity(expected), Some(reply)));
        let many = Arc::new(Many {
            events,
            state,
            expected,
        });
        if expected == 0 {
            match lock(&many.state).1.take() {
                Some(ManyReply::Full(to)) => drop(to.send(Ok(Vec::new()))),
                Some(ManyReply::Brief(to)) => drop(to.send(Ok(Vec::new()))),
                None => {}
            }
            return Ok(());
        }
        let items = commands
            .into_iter()
            .map(|command| Item::Command(command, Reply::Many(many.clone())));
        if wait {
            self.0.queue.push_waiting(items)
        } else {
            self.0.queue.push(items)
        }
    }

    /// A known id: read what it was answered and compare. That something was decided is known here:
    /// all that may be said besides is that it is not known what.
    pub(crate) async fn settle(&self, command: &Command, raw: Raw) -> Told<Answer> {
        let position = match raw {
            Raw::Answer(answer) => return Ok(answer),
            Raw::Known(position) => position,
        };
        let event = match self.event_at(position) {
            Ok(Some(event)) => Box::new(event),
            Ok(None) => return Err(Unavailable::OutcomeUnknown),
            Err(error) => {
                tracing::error!(code = error.code(), %error, "known_event_unreadable");
                return Err(Unavailable::OutcomeUnknown);
            }
        };
        let (asked, then) = (command.clone(), event.clone());
        let unknown = Unavailable::OutcomeUnknown;
        let differs = ask_after(&self.0.queue, move |state| difference(state, &asked, &then));
        let differs = differs.map_err(|_| unknown)?.told().await;
        let differs = differs.map_err(|_| unknown)?;
        Ok(match differs {
            None => Answer::Known { position, event },
            Some(field) => Answer::Rejected(Rejection {
                code: Code::IdReused,
                field,
                item: None,
                throttled: None,
            }),
        })
    }

    /// Reads the state in the queue's order; answered when every row before it is durable. The
    /// question must be quick: the writer waits for it.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn query<R: Send + 'static>(
        &self,
        read: impl FnOnce(&State) -> R + Send + 'static,
    ) -> Result<R, Unavailable> {
        ask(&self.0.queue, read)?.told().await
    }

    /// [`Self::query`] for threads that are not async.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn query_blocking<R: Send + 'static>(
        &self,
        read: impl FnOnce(&State) -> R + Send + 'static,
    ) -> Result<R, Unavailable> {
        ask(&self.0.queue, read)?.told_blocking()
    }

    /// A client with many commands in flight.
    #[must_use]
    pub fn client(&self) -> Client {
        Client {
            shared: self.0.clone(),
            completions: Arc::default(),
        }
    }

    /// From now on the node's time is what is set here, for replays at a log's times. Batches
    /// submitted before are done at the time before.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn set_time(&self, now: UtcMillis) -> Result<(), Unavailable> {
        self.0.queue.push_waiting([Item::SetTime(now)].into_iter())
    }

    /// An operator says that a jump of the clock is right. Blocking. What State forgets by the jump
    /// the read model must know first.
    ///
    /// # Errors
    /// [`Unavailable`]; [`Unavailable::ReadModelBehind`] when it does not get there.
    pub fn confirm_clock(&self) -> Result<(), Unavailable> {
        let stats = self.0.stats.view();
        if let Some(projection) = &self.0.projection
            && stats.clock_jumped
            && !projection.wait_for(stats.durable_seq, CATCH_UP)
        {
            return Err(Unavailable::ReadModelBehind);
        }
        self.0.queue.push_waiting([Item::ConfirmClock].into_iter())
    }

    /// The wall clock's time, for making ids.
    #[must_use]
    pub fn now(&self) -> UtcMillis {
        UtcMillis(self.0.options.clock.wall_ms())
    }

    /// The event at a position; blocking.
    ///
    /// # Errors
    /// [`NodeError`].
    pub fn event_at(&self, position: Position) -> Result<Option<Event>, NodeError> {
        let row = self.with_reader(|reader| Ok(reader.row(position.seq)?))?;
        let Some(row) = row else { return Ok(None) };
        let bad = |error| NodeError::Row {
            seq: row.seq,
            error,
        };
        RowReader::new(row.format, &row.events)
            .and_then(|r| r.event_at(position.index))
            .map_err(bad)
    }

    /// Lends a journal reader.
    ///
    /// # Errors
    /// [`NodeError`] when one cannot be opened.
    pub fn with_reader<R>(
        &self,
        read: impl FnOnce(&mut (dyn Reader + Send)) -> Result<R, NodeError>,
    ) -> Result<R, NodeError> {
        let pooled = lock(&self.0.readers).pop();
        let mut reader = match pooled {
            Some(reader) => reader,
            None => self.0.new_reader()?,
        };
        let result = read(&mut *reader);
        lock(&self.0.readers).push(reader);
        result
    }

    /// The read model's follower, if it runs.
    #[must_use]
    pub fn projection(&self) -> Option<&Projection> {
        self.0.projection.as_deref()
    }

    /// The node's data folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.0.dir
    }

    /// What the node counts about itself.
    #[must_use]
    pub fn stats(&self) -> StatsView {
        let view = self.0.stats.view();
        StatsView {
            queued: self.0.queue.len() as u64,
            ..view
        }
    }

    /// Whether a commit has failed or a part of the pipeline has panicked: nothing is answered any
    /// more, and the process is about to end.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.0.slot.failed()
    }

    /// Builds a snapshot now; blocking. Returns its row.
    ///
    /// # Errors
    /// [`NodeError`].
    pub fn snapshot(&self) -> Result<u64, NodeError> {
        snapshots::build(&self.0)
    }

    /// Works off what waits, then stops. Blocking; later calls do nothing.
    pub fn shutdown(&self) {
        if self.0.stopped.swap(true, Ordering::AcqRel) {
            return;
        }
        self.0.queue.close(Unavailable::Stopped);
        lock(&self.0.snapshot_asked).take();
        let threads = std::mem::take(&mut *lock(&self.0.threads));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("thread_panicked");
            }
        }
        if let Some(projection) = &self.0.projection {
            let head = self.0.stats.view().durable_seq;
            if !projection.wait_for(head, CATCH_UP) {
                // The next start goes on from there.
                tracing::warn!(head, "read_model_behind_at_stop");
            }
            projection.stop();
        }
    }
}

/// Runs a future on a thread that is not async.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let thread = std::thread::current();
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::task::Waker::from(Arc::new(Unpark(thread)));
    let mut context = std::task::Context::from_waker(&waker);
    loop {
        if let std::task::Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        std::thread::park();
    }
}

/// Submits commands without waiting for each; completions come back in bulk.
pub struct Client {
    shared: Arc<Shared>,
    completions: Arc<Completions>,
}

impl Client {
    /// Submits commands, each with a token of the caller's choice; waits for room.
    ///
    /// # Errors
    /// [`Unavailable`]; then none was submitted.
    pub fn submit(
        &self,
        commands: impl ExactSizeIterator<Item = (u64, Command)>,
    ) -> Result<(), Unavailable> {
        let (mut fresh, mut known) = (Vec::with_capacity(commands.len()), Vec::new());
        for (token, command) in commands {
            match self.shared.brief_before(&command)? {
                None => fresh.push((token, command)),
                Some(brief) => known.push((token, brief)),
            }
        }
        // A token is told even when it is dropped, so there is none before its command is queued.
        let items = fresh.into_iter().map(|(token, command)| {
            let token = Token::new(self.completions.clone(), token);
            Item::Command(command, Reply::Client(token))
        });
        self.shared.queue.push_waiting(items)?;
        if !known.is_empty() {
            lock(&self.completions.done).append(&mut known);
            self.completions.some.notify_all();
        }
        Ok(())
    }

    /// Waits for at least one completion and moves all there are to `out`.
    pub fn wait(&self, out: &mut Vec<(u64, Brief)>) {
        let mut done = lock(&self.completions.done);
        while done.is_empty() {
            done = self
                .completions
                .some
                .wait(done)
                .unwrap_or_else(PoisonError::into_inner);
        }
        out.append(&mut done);
    }
}
