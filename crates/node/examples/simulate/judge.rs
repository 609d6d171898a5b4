//! Compares what the node said, and what its journal and state hold, with the oracle.

use crate::shelf::Shelf;
use engine::codec::RowReader;
use engine::event::Effect;
use engine::records::{PartyNo, PriceNo};
use engine::{Event, EventKind, Position, State};
use journal::{Head, verify_chain};
use ledger::{AccountClass, Source};
use node::Node;
use oracle::{Account, Command, Done, Every, Hint, Meter, Oracle, Place, Sold, Verdict};
use pricing::Period;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::rc::Rc;

/// What the node said.
#[derive(Clone, Debug)]
pub enum Told {
    Done(
        Place,
        &'static str,
        Option<&'static str>,
        Option<Box<Event>>,
    ),
    /// Known, there; whether the node compared the content.
    Known(Place, bool),
    Rejected(&'static str),
    /// Answered before, and the node ended before it could read what that was.
    Unread,
    Unknown,
}

/// An answer that must stand in the journal.
struct Expected {
    tenant: u32,
    id: u128,
    at: u64,
    done: Done,
}

/// The oracle, and what the journal must therefore hold.
#[derive(Default)]
pub struct Judge {
    oracle: Oracle,
    expected: HashMap<Place, Expected>,
    /// The last place at which an event is known to stand.
    last: Place,
    /// Where ids stand whose confirmation came too late.
    moved: HashMap<(u32, u128), Place>,
    recent: VecDeque<(u64, Rc<Command>, String)>,
    pub answers: BTreeMap<String, u64>,
}

/// How many commands are shown before a failure.
const SHOWN: usize = 20;

impl Judge {
    /// The last commands, for people.
    pub fn last_words(&self) -> String {
        let lines = self.recent.iter().map(|(clock, command, told)| {
            format!("  at {clock}: {command:x?}\n    told: {told}\n")
        });
        format!("the last commands:\n{}", lines.collect::<String>())
    }

    pub fn place_of(&self, tenant: u32, id: u128) -> Option<Position> {
        let answered = self.oracle.answered.get(&(tenant, id))?;
        let (seq, index) = answered.place;
        Some(Position { seq, index })
    }

    fn note(&mut self, clock: u64, command: &Rc<Command>, told: String) {
        if self.recent.len() == SHOWN {
            self.recent.pop_front();
        }
        self.recent.push_back((clock, command.clone(), told));
    }

    fn count(&mut self, what: &str) {
        match self.answers.get_mut(what) {
            Some(count) => *count += 1,
            None => drop(self.answers.insert(what.to_owned(), 1)),
        }
    }

    /// The time was set, in the order of the commands.
    pub fn time(&mut self, clock: u64) {
        self.oracle.pass(clock);
    }

    /// The node's time after its own events, which is none that it was never told.
    pub fn node_time(&mut self, now: u64, latest: u64) -> Result<(), String> {
        if now > latest || now < self.oracle.last {
            let last = self.oracle.last;
            return Err(format!(
                "the node's time is {now}, between {last} and {latest} it should be"
            ));
        }
        self.oracle.last = now;
        Ok(())
    }

    /// An answer while the clock is not believed.
    pub fn unserved(&mut self, command: &Rc<Command>, told: &Told) -> Result<(), String> {
        self.note(0, command, "not served".to_owned());
        match told {
            Told::Rejected("clock_unconfirmed") => {
                self.count("rejected clock_unconfirmed");
                Ok(())
            }
            other => Err(format!("the clock has jumped, yet the node said {other:?}")),
        }
    }

    /// Nothing but that the id was answered before.
    pub fn unread(&mut self, command: &Rc<Command>) -> Result<(), String> {
        self.note(0, command, "answered before, unread".to_owned());
        self.count("known, unread");
        let key = (command.tenant, command.id);
        match self.oracle.answered.contains_key(&key) {
            true => Ok(()),
            false => Err("a new command is not answered, and those after it are".to_owned()),
        }
    }

    /// An answer.
    pub fn answer(&mut self, clock: u64, command: &Rc<Command>, told: Told) -> Result<(), String> {
        let words = match &told {
            Told::Done(place, kind, code, _) => {
                format!("{kind} {} at {place:?}", code.unwrap_or(""))
            }
            other => format!("{other:?}"),
        };
        self.note(clock, command, words);
        let reused = matches!(told, Told::Rejected("id_reused"));
        let mut hint = Hint {
            forgotten: !reused && !matches!(told, Told::Known(..)),
            expired: matches!(told, Told::Rejected("id_expired")),
        };
        let key = (command.tenant, command.id);
        let mut verdict = self.oracle.ask(command, clock, hint);
        if reused && matches!(verdict, Verdict::Known(_, true)) {
            // Forgotten itself, but something in it, or still open under it, was not.
            hint.forgotten = true;
            verdict = self.oracle.ask(command, clock, hint);
        }
        let first = match verdict {
            Verdict::Known(place, _) => {
                let first = self
                    .oracle
                    .answered
                    .get(&key)
                    .map(|a| (a.arrived, &a.command));
                let done = self.expected.get(&place).map(|e| (e.at, e.done));
                format!("; first {first:x?} was answered {done:?}")
            }
            _ => String::new(),
        };
        let differ = |told: &Told| {
            Err(format!(
                "the oracle says {verdict:?}, the node {told:?}{first}"
            ))
        };
        match (verdict, &told) {
            (Verdict::Done(done), Told::Done(place, kind, code, event)) => {
                if (done.kind, done.code) != (*kind, *code) {
                    return differ(&told);
                }
                if *place <= self.last {
                    return Err(format!("{place:?} comes after {:?}", self.last));
                }
                if let Some(event) = event {
                    compare(&done, self.oracle.last, event)?;
                }
                self.last = *place;
                self.count(code.unwrap_or(kind));
                self.place(command, &done, *place);
                Ok(())
            }
            (Verdict::Rejected(code), Told::Rejected(told_code)) if code == *told_code => {
                self.count(&format!("rejected {code}"));
                Ok(())
            }
            (Verdict::Known(place, same), Told::Known(told_place, compared)) => {
                let expired = self.oracle.expired.contains_key(&key);
                if place != *told_place {
                    // Expired meanwhile: the answer is now that, wherever it stands.
                    let moved = *self.moved.entry(key).or_insert(*told_place);
                    if !expired || moved != *told_place || *told_place < place {
                        return differ(&told);
                    }
                }
                if *compared && !same && !expired {
                    return differ(&told);
                }
                self.count("known");
                Ok(())
            }
            (Verdict::Known(_, false), Told::Rejected("id_reused")) => {
                self.count("known, other content");
                Ok(())
            }
            _ => differ(&told),
        }
    }

    fn place(&mut self, command: &Rc<Command>, done: &Done, place: Place) {
        let key = (command.tenant, command.id);
        self.moved.remove(&key);
        self.oracle.placed(command, done, place);
        let expected = Expected {
            tenant: command.tenant,
            id: command.id,
            at: self.oracle.last,
            done: *done,
        };
        self.expected.insert(place, expected);
    }

    /// After a restart: what the journal holds beyond what was acknowledged, against what was asked.
    /// Returns how many of the commands had happened.
    pub fn tail(
        &mut self,
        asked: &[(u64, Option<Rc<Command>>)],
        shelf: &Shelf,
    ) -> Result<u64, String> {
        let mut reader = shelf.reader()?;
        let mut from = self.last.0.max(1);
        let mut asked = asked.iter();
        let mut had_happened = 0;
        loop {
            let rows = reader
                .read_from(from, 64, 8 << 20)
                .map_err(|e| e.to_string())?;
            let Some(last) = rows.last() else { break };
            from = last.seq + 1;
            for row in &rows {
                let bad = |e| format!("row {}: {e}", row.seq);
                let mut events = RowReader::new(row.format, &row.events).map_err(bad)?;
                let mut event = Event::empty();
                let mut index = 0;
                while events.next_event(&mut event).map_err(bad)? {
                    let place = (row.seq, index);
                    index += 1;
                    if place <= self.last {
                        continue;
                    }
                    if is_own(&event) {
                        // The node's own: time has passed.
                        self.oracle.pass(event.at.0);
                        self.oracle.last = self.oracle.last.max(event.at.0);
                        continue;
                    }
                    loop {
                        let Some((clock, command)) = asked.next() else {
                            return Err(format!("{place:?} was never asked: {event:?}"));
                        };
                        let Some(command) = command else {
                            self.oracle.pass(*clock);
                            continue;
                        };
                        let own = (command.tenant, command.id) == (event.tenant.0, event.id.0);
                        let words =
                            format!("nothing; the journal holds {:?} at {place:?}", event.kind);
                        self.note(*clock, command, words);
                        let hint = Hint {
                            forgotten: own,
                            expired: !own,
                        };
                        match self.oracle.ask(command, *clock, hint) {
                            Verdict::Done(done) if own => {
                                compare(&done, self.oracle.last, &event)?;
                                self.place(command, &done, place);
                                break;
                            }
                            Verdict::Done(done) => {
                                return Err(format!(
                                    "{done:?} is lost, yet what was asked later stands at {place:?}"
                                ));
                            }
                            _ => {}
                        }
                    }
                    self.last = place;
                    had_happened += 1;
                }
            }
        }
        Ok(had_happened)
    }

    /// Everything, against everything. Returns how many events and rows there are. The node's own
    /// events (a snapshot anchored, refusals counted) may come in between: then once more.
    pub fn audit(&mut self, node: &Node, shelf: &Shelf) -> Result<(u64, u64), String> {
        for _ in 0..100 {
            let rest = || {
                let digest = node.query_blocking(engine::snapshot::digest);
                digest.map(|digest| (digest, node.stats().durable_seq))
            };
            let before = rest().map_err(|e| format!("no audit: {e}"))?;
            let result = self.audit_once(node, shelf);
            if rest() == Ok(before) {
                return result;
            }
        }
        Err("the node does not come to rest".into())
    }

    fn audit_once(&mut self, node: &Node, shelf: &Shelf) -> Result<(u64, u64), String> {
        let (digest, dump) = node
            .query_blocking(|state| (engine::snapshot::digest(state), Dump::of(state)))
            .map_err(|e| format!("no audit: {e}"))?;
        let rows = node.stats().durable_seq;
        let mut reader = shelf.reader()?;
        // The chain.
        let head = verify_chain(
            &mut *reader,
            None,
            |row| {
                let mut events =
                    RowReader::new(row.format, &row.events).map_err(|e| e.to_string())?;
                let mut leaves = Vec::new();
                while let Some(leaf) = events.next_leaf().map_err(|e| e.to_string())? {
                    leaves.push(leaf);
                }
                Ok(leaves)
            },
            |_| {},
        );
        let head = head.map_err(|e| format!("the chain is broken: {e}"))?;
        if head.seq != rows {
            return Err(format!(
                "the journal ends at {}, the node at {rows}",
                head.seq
            ));
        }
        // Replay, and every acknowledged event exactly once at its place.
        let (mut state, mut at) = (State::new(1), Head::EMPTY);
        let mut found = 0;
        let mut wrong: Option<String> = None;
        let mut expired: BTreeMap<(u32, u128), u32> = BTreeMap::new();
        let replayed = node::replay(&mut *reader, &mut state, &mut at, |_, event, position| {
            let place = (position.seq, position.index);
            if wrong.is_some() {
                return;
            }
            let result = match self.expected.get(&place) {
                Some(e) if (e.tenant, e.id) == (event.tenant.0, event.id.0) => {
                    found += 1;
                    compare(&e.done, e.at, event)
                }
                Some(e) => Err(format!("{place:?} should be {:x}, is {event:?}", e.id)),
                None if is_own(event) => {
                    if let Some(thing) = expiry(event) {
                        *expired.entry(thing).or_default() += 1;
                    }
                    Ok(())
                }
                None => Err(format!("{place:?} is nobody's: {event:?}")),
            };
            if let Err(why) = result {
                wrong = Some(format!("at {place:?}: {why}"));
            }
        });
        let events = replayed.map_err(|e| format!("replay: {e}"))?;
        if let Some(why) = wrong {
            return Err(why);
        }
        if found != self.expected.len() {
            let all = self.expected.len();
            return Err(format!(
                "of {all} acknowledged events the journal has {found}"
            ));
        }
        if engine::snapshot::digest(&state) != digest {
            let now = node
                .query_blocking(State::clone)
                .map_err(|e| e.to_string())?;
            let what = differing(&now, &state);
            return Err(format!(
                "the state is not what a replay of the journal gives: {what}"
            ));
        }
        same("expiries", &expired, &self.oracle.expired)?;
        let queued = node.stats().queued;
        if queued != 0 {
            return Err(format!("{queued} commands are still queued"));
        }
        self.balances(&dump)?;
        Ok((events, rows))
    }

    fn balances(&self, dump: &Dump) -> Result<(), String> {
        let oracle = &self.oracle;
        if dump.trial.iter().any(|(_, sum)| *sum != 0) {
            return Err(format!("the trial balance is {:?}", dump.trial));
        }
        if oracle.trial_balance().values().any(|sum| *sum != 0) {
            return Err("the oracle's trial balance is not zero".into());
        }
        let plain = oracle.books.accounts.iter().filter_map(|(account, b)| {
            let numbers = (b.balance, b.held, b.credit);
            (numbers != (0, 0, 0)).then_some((*account, numbers))
        });
        same("balances", &dump.accounts, &plain.collect())?;
        let held = oracle.held_sums().into_iter().filter(|(_, sum)| *sum != 0);
        let held: BTreeMap<Account, i128> = held.collect();
        let in_accounts = dump.accounts.iter().filter(|(_, (_, held, _))| *held != 0);
        let in_accounts = in_accounts.map(|(account, (_, held, _))| (*account, *held));
        same("what is held", &in_accounts.collect(), &held)?;
        let keys = |keys: &mut dyn Iterator<Item = (u32, u128)>| -> BTreeMap<(u32, u128), i128> {
            keys.map(|key| (key, 0)).collect()
        };
        let holds = oracle.books.holds.iter();
        let holds = holds.map(|(key, h)| (*key, i128::from(h.authorized - h.captured)));
        same("authorizations", &dump.holds, &holds.collect())?;
        same(
            "pending payments",
            &dump.pending,
            &keys(&mut oracle.pending.keys().copied()),
        )?;
        same(
            "top-ups",
            &dump.topups,
            &keys(&mut oracle.topups.keys().copied()),
        )?;
        let withdrawals = keys(&mut oracle.withdrawals.keys().copied());
        same("withdrawals", &dump.withdrawals, &withdrawals)?;
        let disputes = oracle.disputes.iter();
        let disputes = disputes.map(|(key, d)| (*key, i128::from(d.amount)));
        same("disputes", &dump.disputes, &disputes.collect())?;
        let reversed = oracle.books.reversed.iter().filter(|(_, sum)| **sum != 0);
        let reversed = reversed.map(|(key, sum)| (*key, i128::from(*sum)));
        same("reversals", &dump.reversed, &reversed.collect())?;
        let settled = oracle.settled_sums().filter(|(.., sum)| *sum != 0);
        let settled = settled.map(|(t, asset, source, sum)| ((t, asset, source), sum));
        same("settled", &dump.settled, &settled.collect())?;
        let turnover = oracle.books.turnover.iter().filter(|(_, net)| **net != 0);
        let turnover = turnover.map(|(sold, net)| (*sold, *net));
        same("turnover", &dump.turnover, &turnover.collect())?;
        let meters = oracle.books.meters.iter();
        let meters = meters.map(|(key, meter)| (*key, *meter));
        same("meters", &dump.meters, &meters.collect())?;
        let mandates = oracle.books.mandates.iter().map(|(key, m)| {
            let used = m.by_day.get(&m.day).copied().unwrap_or(0);
            (*key, if m.revoked { -1 } else { used as i128 })
        });
        same("mandates", &dump.mandates, &mandates.collect())?;
        let spent = oracle.books.parties.iter().map(|party| {
            let last = |by: &BTreeMap<u32, u128>| by.last_key_value().map_or(0, |(_, sum)| *sum);
            (party.id, last(&party.by_day), last(&party.by_month))
        });
        let spent: Vec<_> = spent.collect();
        match dump.spent.iter().zip(&spent).find(|(a, b)| a != b) {
            Some((node, oracle)) => Err(format!("spent: node {node:x?}, oracle {oracle:x?}")),
            None if dump.spent.len() != spent.len() => Err("not the same parties".into()),
            None => Ok(()),
        }
    }
}

/// Whether the node made the event itself.
fn is_own(event: &Event) -> bool {
    !event.id.is_some() || event.kind.is_step_up_expired()
}

/// What ended by its time.
fn expiry(event: &Event) -> Option<(u32, u128)> {
    if event.kind != EventKind::HoldExpired && !event.kind.is_step_up_expired() {
        return None;
    }
    event.effects.iter().find_map(|effect| match effect {
        Effect::About { thing } => Some((event.tenant.0, thing.0)),
        _ => None,
    })
}

/// An event against what the oracle says it should be.
fn compare(done: &Done, at: u64, event: &Event) -> Result<(), String> {
    let code = event.refusal().map(|r| r.code.as_str());
    let (mut gross, mut tax, mut fee) = (0u64, 0u64, 0u64);
    for effect in &event.effects {
        if let Effect::Paid(paid) = effect {
            gross = gross.wrapping_add(paid.gross);
            tax = tax.wrapping_add(paid.tax);
            fee = fee.wrapping_add(paid.fee);
        }
    }
    let found = Done {
        kind: event.kind.as_str(),
        code,
        gross,
        tax,
        fee,
    };
    if found != *done {
        return Err(format!("the oracle says {done:?}, the event {found:?}"));
    }
    if event.at.0 != at {
        return Err(format!("the event is of {}, should be of {at}", event.at.0));
    }
    Ok(())
}

/// Which parts of two states differ, for people.
fn differing(now: &State, replayed: &State) -> String {
    let mut parts = String::new();
    let mut part = |name: &str, now: String, replayed: String| {
        if now != replayed {
            let at = now
                .bytes()
                .zip(replayed.bytes())
                .take_while(|(a, b)| a == b)
                .count();
            let from = at.saturating_sub(80);
            let cut = |text: &str| text.chars().skip(from).take(300).collect::<String>();
            parts += &format!(
                "\n {name}: node …{}\n   replay …{}",
                cut(&now),
                cut(&replayed)
            );
        }
    };
    macro_rules! fields {
        ($($field:ident)*) => {
            $(part(
                stringify!($field),
                format!("{:?}", now.$field),
                format!("{:?}", replayed.$field),
            );)*
        };
    }
    fields!(now opened assets tenants parties wallets holds mandates topups withdrawals pending);
    fields!(prices meters disputes corrections reversed timers refusals refusals_second);
    let book = |state: &State| format!("{:?}", state.book.iter().collect::<Vec<_>>());
    part("book", book(now), book(replayed));
    let ids = |state: &State| format!("{:x?}", state.recents.entries().collect::<Vec<_>>());
    part("recent ids", ids(now), ids(replayed));
    if parts.is_empty() {
        parts += "something that is not public";
    }
    parts
}

fn same<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
    what: &str,
    node: &BTreeMap<K, V>,
    oracle: &BTreeMap<K, V>,
) -> Result<(), String> {
    if node == oracle {
        return Ok(());
    }
    let keys: BTreeSet<&K> = node.keys().chain(oracle.keys()).collect();
    let differ = keys
        .into_iter()
        .filter(|key| node.get(key) != oracle.get(key));
    let lines = differ.take(5).map(|key| {
        format!(
            "  {key:x?}: node {:?}, oracle {:?}\n",
            node.get(key),
            oracle.get(key)
        )
    });
    Err(format!("{what} differ:\n{}", lines.collect::<String>()))
}

type Sums<K> = BTreeMap<K, i128>;

/// The state in the oracle's words.
struct Dump {
    accounts: BTreeMap<Account, (i128, i128, i128)>,
    trial: Vec<(ledger::AssetNo, i128)>,
    holds: Sums<(u32, u128)>,
    pending: Sums<(u32, u128)>,
    topups: Sums<(u32, u128)>,
    withdrawals: Sums<(u32, u128)>,
    disputes: Sums<(u32, u128)>,
    reversed: Sums<(u32, u128)>,
    mandates: Sums<(u32, u128)>,
    settled: Sums<(u32, u16, u8)>,
    turnover: Sums<Sold>,
    meters: BTreeMap<(u32, u32), Meter>,
    spent: Vec<(u128, u128, u128)>,
}

/// A meter in the oracle's words.
fn meter(
    ((party, price), meter): (&(PartyNo, PriceNo), &engine::prices::Meter),
) -> ((u32, u32), Meter) {
    let every = match meter.every {
        Period::Payment => Every::Payment,
        Period::Day => Every::Day,
        Period::Month => Every::Month,
        Period::Year => Every::Year,
        Period::Ever => Every::Ever,
    };
    let plain = Meter {
        every,
        number: meter.period,
        used: meter.so_far.used,
        left: i128::from(meter.so_far.due) * i128::from(meter.so_far.denominator)
            + i128::from(meter.so_far.remainder),
        parts: meter.so_far.denominator,
    };
    ((party.0, price.0), plain)
}

fn number(source: Option<Source>) -> u8 {
    source.map_or(0, |s| s as u8)
}

impl Dump {
    fn of(state: &State) -> Dump {
        let mut accounts = BTreeMap::new();
        for (_, a) in state.book.iter() {
            let (asset, owner, origin) = (a.asset.0, a.owner, number(a.origin));
            let account = match a.class {
                AccountClass::Wallet => Account::Wallet {
                    wallet: owner,
                    asset,
                    source: number(a.source),
                    origin,
                },
                AccountClass::Receivable => Account::Owed {
                    party: owner,
                    asset,
                    origin,
                },
                AccountClass::Fees => Account::Fees {
                    tenant: owner,
                    asset,
                    origin,
                },
                AccountClass::Tax => Account::Tax {
                    tenant: owner,
                    asset,
                    country: a.sub.to_be_bytes(),
                    origin,
                },
                AccountClass::SellerTax => Account::SellerTax {
                    party: owner,
                    asset,
                    country: a.sub.to_be_bytes(),
                    origin,
                },
                AccountClass::Rounding => Account::Rounding {
                    tenant: owner,
                    asset,
                    country: a.sub.to_be_bytes(),
                },
                AccountClass::SellerRounding => Account::SellerRounding {
                    party: owner,
                    asset,
                    country: a.sub.to_be_bytes(),
                },
                AccountClass::Clearing => Account::Clearing {
                    tenant: owner,
                    asset,
                    channel: a.sub,
                },
                AccountClass::Safeguarding => Account::Safeguarding {
                    tenant: owner,
                    asset,
                },
                AccountClass::Dispute => Account::Dispute {
                    tenant: owner,
                    asset,
                    origin,
                },
                // The simulation uses no other; one that appears is a difference.
                _ => Account::Suspense {
                    tenant: owner,
                    asset,
                    origin,
                },
            };
            let held = i128::try_from(a.held).unwrap_or(i128::MAX);
            let numbers = (a.balance, held, i128::from(a.credit_limit));
            if numbers != (0, 0, 0) && accounts.insert(account, numbers).is_some() {
                // Two accounts of one name: shown as an impossible balance.
                accounts.insert(account, (i128::MIN, 0, 0));
            }
        }
        let all = |keys: &mut dyn Iterator<Item = &engine::records::Key>| -> Sums<(u32, u128)> {
            keys.map(|(tenant, id)| ((tenant.0, id.0), 0)).collect()
        };
        let key = |(tenant, id): &engine::records::Key| (tenant.0, id.0);
        let holds = state.holds.iter();
        let holds = holds.map(|(k, h)| (key(k), i128::from(h.authorized - h.captured)));
        let disputes = state.disputes.iter();
        let disputes = disputes.map(|(k, d)| (key(k), i128::from(d.amount)));
        let reversed = state.reversed.iter();
        let reversed = reversed.map(|(k, sum)| (key(k), i128::from(*sum)));
        let mandates = state.mandates.iter();
        let mandates = mandates.map(|(k, m)| (key(k), if m.revoked { -1 } else { m.used as i128 }));
        let settled = (0u32..).zip(&state.tenants).flat_map(|(no, tenant)| {
            let rows = tenant.settled.iter().filter(|(.., sum)| *sum != 0);
            rows.map(move |(asset, source, sum)| ((no, asset.0, *source as u8), *sum))
        });
        let mut turnover = BTreeMap::new();
        for taxpayer in &state.taxpayers {
            let party = Some(taxpayer.party.0).filter(|_| taxpayer.party != PartyNo::NONE);
            for turned in taxpayer.turnover() {
                for counter in state.counters_of(turned) {
                    let (land, year) = (counter.country.code(), turned.month / 12);
                    let sold = (taxpayer.tenant.0, party, land, year, turned.asset.0);
                    *turnover.entry(sold).or_insert(0) += turned.net;
                }
            }
        }
        turnover.retain(|_, net| *net != 0);
        let spent = (0u32..).zip(&state.parties).map(|(no, party)| {
            let id = state.party_id(PartyNo(no)).0.0;
            (id, party.used[0], party.used[1])
        });
        Dump {
            accounts,
            trial: state.trial_balance(),
            holds: holds.collect(),
            pending: all(&mut state.pending.keys()),
            topups: all(&mut state.topups.keys()),
            withdrawals: all(&mut state.withdrawals.keys()),
            disputes: disputes.collect(),
            reversed: reversed.collect(),
            mandates: mandates.collect(),
            settled: settled.collect(),
            turnover,
            meters: state.meters.iter().map(meter).collect(),
            spent: spent.collect(),
        }
    }
}
