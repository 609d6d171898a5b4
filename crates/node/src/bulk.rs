//! Many payments as one entry of the queue: usage events, of which there are hundreds of thousands a
//! second.
//!
//! - Each is decided by itself and none undoes another, as if they had come one after another; but there
//!   is one entry in the queue, one answer, and no event is copied for it.
//! - An id that carries no time is looked up in the read model only if State has ever forgotten such an
//!   id: until then, what State does not remember is new. That is judged where it is decided, so that
//!   nothing can be forgotten in between.
//! - What an id was answered before is compared. What was answered lately is remembered here by a keyed
//!   hash of its content; of everything else the journal's rows are read, each once.

use crate::answer::{Answer, NodeError, Unavailable};
use crate::node::{Node, Shared};
use crate::options::OpaqueIds;
use crate::queue::{BATCH_MAX, Item, Raw, Told, ask_after, lock};
use engine::codec::RowReader;
use engine::event::{Effect, Event, EventKind};
use engine::law::{Circumstances, Confirmed};
use engine::repeat::difference;
use engine::taxes::Facts;
use engine::{Code, Command, Id, Op, Position, Rejection};
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::mem;
use std::sync::Mutex;
use tokio::sync::oneshot;

/// What one payment of many came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charged {
    /// An event: paid, refused for good, or waiting for its payer.
    Done {
        /// Where it stands in the journal.
        position: Position,
        /// What happened.
        kind: EventKind,
        /// Why it was refused, if it was.
        code: Option<Code>,
        /// What was paid, atoms.
        gross: u64,
        /// Whether it happened before, for the same payment.
        again: bool,
    },
    /// It could not be considered and left no trace.
    Rejected(Rejection),
    /// There is no answer; the same id is safe to use again.
    Unanswered(Unavailable),
}

/// What the writer says of one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Said {
    Done(First),
    Known(Position),
    Rejected(Rejection),
    /// State has forgotten ids: this one is to be looked up before.
    Unlooked,
}

/// What an id was first answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct First {
    position: Position,
    kind: EventKind,
    code: Option<Code>,
    gross: u64,
}

impl First {
    pub fn of(event: &Event, position: Position) -> First {
        let paid = |effect: &Effect| match effect {
            Effect::Paid(paid) => Some(paid.gross),
            _ => None,
        };
        First {
            position,
            kind: event.kind,
            code: event.refusal().map(|refused| refused.code),
            // Behind what the tax was decided by, if it was.
            gross: event.effects.iter().find_map(paid).unwrap_or(0),
        }
    }

    fn told(self, again: bool) -> Charged {
        let First {
            position,
            kind,
            code,
            gross,
        } = self;
        Charged::Done {
            position,
            kind,
            code,
            gross,
            again,
        }
    }
}

/// Commands on their way through the queue, and back with what they came to.
pub(crate) struct Bulk {
    pub commands: Vec<Command>,
    /// Ids without a time were looked up, or need not be.
    pub looked: bool,
    pub to: oneshot::Sender<Told<Answered>>,
}

/// The commands, and what each came to.
pub(crate) type Answered = (Vec<Command>, Vec<Said>);

type Key = (u32, Id);

/// What ids were answered lately: two generations, of which the older goes when the younger is full.
#[derive(Default)]
pub(crate) struct Lately {
    hasher: RandomState,
    kept: Mutex<[HashMap<Key, (u64, First)>; 2]>,
}

/// How many a generation has: 80 bytes each in half-full tables, so both are some 42 MB, and only where there is
/// usage.
const GENERATION: usize = 1 << 17;

impl Lately {
    /// A keyed hash of what a payment asks for; none if it is out of the ordinary.
    fn content(&self, command: &Command) -> Option<u64> {
        let Op::Pay { spend, payee } = &command.op else {
            return None;
        };
        let is_plain = command.besides.is_none()
            && spend.confirmed == Confirmed::NOTHING
            && spend.circumstances == Circumstances::default()
            && spend.tax == Facts::default();
        let item = (
            spend.item.price.0,
            spend.item.unit,
            spend.item.quantity,
            spend.asset.0,
        );
        let rest = (spend.mandate.0.0, spend.amount.0, spend.risk.0);
        let content = (spend.payer.0.0, payee.0.0, item, rest);
        is_plain.then(|| self.hasher.hash_one(content))
    }

    /// What ids were first answered, where it is known here and was for the same.
    fn recall(&self, commands: &[Command], said: &[Said]) -> Vec<Option<Charged>> {
        let contents: Vec<_> = commands.iter().map(|c| self.content(c)).collect();
        let mut kept = lock(&self.kept);
        let all = || commands.iter().zip(&contents).zip(said);
        for ((command, content), said) in all() {
            if let (Some(content), Said::Done(first)) = (content, said) {
                if kept[0].len() >= GENERATION {
                    let full = mem::take(&mut kept[0]);
                    kept[1] = full;
                }
                kept[0].insert((command.tenant.0, command.id), (*content, *first));
            }
        }
        let known = |((command, content), said): ((&Command, &Option<u64>), &Said)| {
            let Said::Known(position) = said else {
                return None;
            };
            let key = (command.tenant.0, command.id);
            let (then, first) = kept[0].get(&key).or_else(|| kept[1].get(&key))?;
            let is_same = content.as_ref() == Some(then) && first.position == *position;
            is_same.then(|| first.told(true))
        };
        all().map(known).collect()
    }
}

impl Shared {
    /// Whether ids without a time need not be looked up, whatever State has forgotten.
    fn need_not_look(&self) -> bool {
        self.options.opaque_ids != OpaqueIds::Durable
    }

    /// Tells what came of the commands at some places, as far as it is known here; what was answered
    /// before and is to be compared joins `known`. What is to be looked up first is returned.
    fn sort(
        &self,
        (places, commands, said): (&[usize], &[Command], &[Said]),
        told: &mut [Option<Charged>],
        known: &mut Vec<(usize, Position)>,
    ) -> Vec<usize> {
        let recalled = self.lately.recall(commands, said);
        let mut unlooked = Vec::new();
        for ((&at, said), recalled) in places.iter().zip(said).zip(recalled) {
            match said {
                Said::Done(first) => told[at] = Some(first.told(false)),
                Said::Rejected(rejection) => told[at] = Some(Charged::Rejected(*rejection)),
                Said::Known(_) if recalled.is_some() => told[at] = recalled,
                Said::Known(position) => known.push((at, *position)),
                Said::Unlooked => unlooked.push(at),
            }
        }
        unlooked
    }

    async fn push_bulk(&self, commands: Vec<Command>, looked: bool) -> Told<Answered> {
        let (to, told) = oneshot::channel();
        let bulk = Bulk {
            commands,
            looked,
            to,
        };
        self.queue.push([Item::Bulk(Box::new(bulk))].into_iter())?;
        told.await.map_err(|_| Unavailable::OutcomeUnknown)?
    }
}

impl Node {
    /// Submits up to [`BATCH_MAX`] payments as one, each standing alone; what they came to is in their
    /// order, and durable.
    ///
    /// # Errors
    /// [`Unavailable`], for all of them: none was decided, or of none it is known.
    pub async fn charge(&self, commands: Vec<Command>) -> Result<Vec<Charged>, Unavailable> {
        if commands.len() > BATCH_MAX {
            return Err(Unavailable::TooMany(BATCH_MAX));
        }
        let shared = &*self.0;
        if shared.projection.is_none() && !shared.need_not_look() {
            return Err(Unavailable::ReadModelOff);
        }
        let (commands, said) = shared.push_bulk(commands, shared.need_not_look()).await?;
        let (mut told, mut known) = (vec![None; commands.len()], Vec::new());
        let places: Vec<_> = (0..commands.len()).collect();
        let unlooked = shared.sort((&places, &commands, &said), &mut told, &mut known);
        if !unlooked.is_empty() {
            let of = unlooked.iter().map(|at| commands[*at].clone()).collect();
            if let Err(why) = self.look((&unlooked, of), &mut told, &mut known).await {
                for at in unlooked {
                    told[at] = Some(Charged::Unanswered(why));
                }
            }
        }
        if !known.is_empty() {
            self.compare(&commands, &known, &mut told).await;
        }
        let unknown = Charged::Unanswered(Unavailable::OutcomeUnknown);
        Ok(told.into_iter().map(|one| one.unwrap_or(unknown)).collect())
    }

    /// Looks ids up in the read model, and submits again what it does not know. An error is of all, and
    /// then nothing was submitted.
    async fn look(
        &self,
        (unlooked, commands): (&[usize], Vec<Command>),
        told: &mut [Option<Charged>],
        known: &mut Vec<(usize, Position)>,
    ) -> Result<(), Unavailable> {
        let (commands, found) = self.0.known_before_all(commands).await?;
        let (mut fresh, mut places) = (Vec::new(), Vec::new());
        for ((at, command), found) in unlooked.iter().zip(commands).zip(found) {
            match found {
                Ok(None) => {
                    fresh.push(command);
                    places.push(*at);
                }
                Ok(Some(Raw::Known(position))) => known.push((*at, position)),
                Ok(Some(Raw::Answer(Answer::Rejected(rejection)))) => {
                    told[*at] = Some(Charged::Rejected(rejection));
                }
                // Nothing else is answered before it is queued.
                Ok(Some(Raw::Answer(_))) => {}
                Err(why) => told[*at] = Some(Charged::Unanswered(why)),
            }
        }
        if fresh.is_empty() {
            return Ok(());
        }
        match self.0.push_bulk(fresh, true).await {
            Ok((fresh, said)) => {
                // None is to be looked up any more.
                self.0.sort((&places, &fresh, &said), told, known);
            }
            Err(why) => {
                for at in places {
                    told[at] = Some(Charged::Unanswered(why));
                }
            }
        }
        Ok(())
    }

    /// Reads what ids were answered before and compares it, each row once and all of them together.
    async fn compare(
        &self,
        commands: &[Command],
        known: &[(usize, Position)],
        told: &mut [Option<Charged>],
    ) {
        let read = self.read_all(known.iter().map(|(_, position)| *position));
        let events = match read {
            Ok(events) => events,
            Err(error) => {
                // That something was decided is known: all that may be said is that it is not known what.
                tracing::error!(code = error.code(), %error, "known_events_unreadable");
                return;
            }
        };
        let mut pairs = Vec::with_capacity(known.len());
        for (at, position) in known {
            if let Some(event) = events.get(&(position.seq, position.index)) {
                told[*at] = Some(First::of(event, *position).told(true));
                pairs.push((*at, commands[*at].clone(), event.clone()));
            }
        }
        let differs = ask_after(&self.0.queue, move |state| {
            let pair = |(at, command, event): (usize, Command, Event)| {
                Some((at, difference(state, &command, &event)?))
            };
            pairs.into_iter().filter_map(pair).collect::<Vec<_>>()
        });
        let differs = match differs {
            Ok(asked) => asked.told().await,
            Err(why) => Err(why),
        };
        let Ok(differs) = differs else {
            for (at, _) in known {
                told[*at] = None;
            }
            return;
        };
        for (at, field) in differs {
            told[at] = Some(Charged::Rejected(Rejection {
                code: Code::IdReused,
                field,
                item: None,
                throttled: None,
            }));
        }
    }

    /// The events at some positions, by row and place.
    fn read_all(
        &self,
        positions: impl Iterator<Item = Position>,
    ) -> Result<BTreeMap<(u64, u32), Event>, NodeError> {
        let mut rows: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
        for Position { seq, index } in positions {
            rows.entry(seq).or_default().push(index);
        }
        let mut found = BTreeMap::new();
        for (seq, mut places) in rows {
            places.sort_unstable();
            places.dedup();
            let row = self.with_reader(|reader| Ok(reader.row(seq)?))?;
            let Some(row) = row else { continue };
            let read = RowReader::new(row.format, &row.events)
                .and_then(|reader| reader.events_at(&places));
            let events = read.map_err(|error| NodeError::Row { seq, error })?;
            found.extend(places.iter().map(|at| (seq, *at)).zip(events));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::UtcMillis;
    use engine::event::Paid;
    use engine::records::{PartyNo, TenantNo, WalletNo};
    use engine::terms::Tier;
    use ledger::AssetNo;

    #[test]
    fn what_was_paid_is_found_wherever_it_stands() {
        let measured = Effect::Measured {
            party: PartyNo(0),
            measure: 0,
            period: 0,
            delta: 0,
            before: 0,
        };
        let paid = Effect::Paid(Paid {
            payer: WalletNo(0),
            payee: WalletNo(1),
            asset: AssetNo(0),
            gross: 119,
            tax: 19,
            fee: 0,
            terms: 1,
            of: Id::NONE,
            tier: Tier(0),
            law: 0,
            case: 1,
        });
        for (effects, gross) in [
            (vec![paid.clone(), measured.clone()], 119),
            (vec![measured.clone(), paid], 119),
            (vec![measured], 0),
        ] {
            let event = Event {
                at: UtcMillis(0),
                tenant: TenantNo(0),
                kind: EventKind::Paid,
                id: Id::opaque(1),
                postings: Vec::new(),
                effects,
            };
            assert_eq!(First::of(&event, Position::default()).gross, gross);
        }
    }
}
