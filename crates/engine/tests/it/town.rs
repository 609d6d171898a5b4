//! A small town to pay in: one shard, three assets, two tenants, a few people with wallets.
//!
//! Everything a test does goes through [`Town::ask`], which checks after every event what must
//! always hold. A change of the engine's API changes this file and no test.

use engine::backfill::Backfill;
use engine::code::Class;
use engine::codec::{FORMAT, RowReader, RowWriter};
use engine::command::{Besides, Carried, Share};
use engine::event::{Paid, Refused};
use engine::ids::{ActorId, MandateId, PartyId, TenantId, WalletId};
use engine::recents::Window;
use engine::records::{Channel, Mode, PartyKind, Standing, TenantNo};
use engine::terms::{Country, Limits, Terms, Tier};
use engine::{
    Code, Command, Effect, Event, EventKind, Handles, Id, Op, Outcome, Position, Rejection, Replay,
    Spend, State, UtcMillis, apply, decide, decide_one, resolve, snapshot,
};
use ledger::{AccountClass, AssetNo, Source};
use money::{Asset, AssetCode, Atoms, Ppm};
use proptest::test_runner::{Config, RngSeed};
use std::collections::BTreeMap;

/// 2026-09-21T13:33:20Z, a Monday.
pub const T0: u64 = 1_790_000_000_000;
pub const MINUTE: u64 = 60_000;
pub const HOUR: u64 = 60 * MINUTE;
pub const DAY: u64 = 24 * HOUR;

pub const USD: AssetNo = AssetNo(0);
pub const EUR: AssetNo = AssetNo(1);
pub const KRW: AssetNo = AssetNo(2);
pub const TENANT: TenantNo = TenantNo(0);
pub const OTHER_TENANT: TenantNo = TenantNo(1);
pub const WINDOW: Window = Window {
    window_ms: DAY,
    entries_max: 100_000,
};

/// Everyone who lives here: wallet, party, country.
pub const PEOPLE: [(&str, &str, &[u8; 2]); 7] = [
    ("alice", "alice", b"DE"),
    ("alice2", "alice", b"DE"),
    ("bob", "bob", b"DE"),
    ("carol", "carol", b"FR"),
    ("shop", "shop", b"DE"),
    ("stall", "stall", b"DE"),
    ("robot", "robot", b"DE"),
];

#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Done(Box<Event>),
    Known(Position),
    Rejected(Rejection),
}

/// What a test expects of a command.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Expect {
    Kind(EventKind),
    Code(Code),
    Known,
}

impl From<EventKind> for Expect {
    fn from(kind: EventKind) -> Self {
        Expect::Kind(kind)
    }
}

impl From<Code> for Expect {
    fn from(code: Code) -> Self {
        Expect::Code(code)
    }
}

#[derive(Clone)]
pub struct Town {
    pub state: State,
    pub now: UtcMillis,
    pub rows: Vec<Vec<u8>>,
    /// The last event of each id, items of groups by their own.
    pub events: BTreeMap<Id, Event>,
    /// The key that asks.
    pub actor: ActorId,
    /// Whether the whole state is audited after each event.
    pub audits: bool,
    /// What is looked up ahead, and what the law's stage remembers.
    handles: Handles,
    made: u64,
}

/// The id of a name, the same in every run.
pub fn named(name: &str) -> Id {
    let hash = blake3::hash(name.as_bytes());
    let bytes: [u8; 16] = hash.as_bytes()[..16].try_into().unwrap();
    Id::timed(T0 - HOUR, u128::from_be_bytes(bytes))
}

pub fn wal(name: &str) -> WalletId {
    WalletId(named(&format!("wallet {name}")))
}

pub fn par(name: &str) -> PartyId {
    PartyId(named(&format!("party {name}")))
}

pub fn key(name: &str) -> ActorId {
    ActorId(named(&format!("key {name}")))
}

/// The same by a key of this agent's.
pub fn agents(command: Command, agent: &str) -> Command {
    besides(command, |besides| besides.agent = Some(par(agent)))
}

/// The same with something besides.
pub fn besides(mut command: Command, with: impl FnOnce(&mut Besides)) -> Command {
    let mut besides = command.besides.as_deref().cloned().unwrap_or_default();
    with(&mut besides);
    command.besides = Some(besides.into());
    command
}

pub fn ppm(parts: u32) -> Ppm {
    Ppm::new(parts).unwrap()
}

pub fn spend(payer: &str, amount: u64) -> Spend {
    Spend {
        payer: wal(payer),
        mandate: MandateId(Id::NONE),
        amount: Atoms(amount),
        asset: USD,
        risk: risk::Score(0),
        confirmed: false.into(),
        circumstances: Default::default(),
        tax: Default::default(),
        item: Default::default(),
    }
}

pub fn pay(payer: &str, payee: &str, amount: u64) -> Op {
    pay_with(spend(payer, amount), payee)
}

pub fn pay_with(spend: Spend, payee: &str) -> Op {
    let payee = wal(payee);
    Op::Pay { spend, payee }
}

pub fn transfer(payer: &str, payee: &str, amount: u64) -> Op {
    let (spend, payee) = (spend(payer, amount), wal(payee));
    Op::Transfer { spend, payee }
}

pub fn split(payer: &str, payees: &[(&str, u64)], amount: u64) -> Op {
    let share = |&(payee, weight): &(&str, u64)| Share {
        payee: wal(payee),
        weight,
    };
    let (spend, payees) = (spend(payer, amount), payees.iter().map(share).collect());
    Op::Split { spend, payees }
}

pub fn authorize(payer: &str, payee: &str, amount: u64, expires: UtcMillis) -> Op {
    let (spend, payee) = (spend(payer, amount), wal(payee));
    let expires = Some(expires);
    Op::Authorize {
        spend,
        payee,
        expires,
    }
}

pub fn capture(payment: Id, amount: u64) -> Op {
    let (amount, last) = (Atoms(amount), false);
    Op::Capture {
        payment,
        amount,
        asset: None,
        last,
    }
}

pub fn capture_last(payment: Id, amount: u64) -> Op {
    let (amount, last) = (Atoms(amount), true);
    Op::Capture {
        payment,
        amount,
        asset: None,
        last,
    }
}

pub fn void(payment: Id) -> Op {
    Op::Void { payment }
}

pub fn top_up(wallet: &str, source: Source, amount: u64) -> Op {
    top_up_in(wallet, USD, source, amount, true)
}

pub fn top_up_in(wallet: &str, asset: AssetNo, source: Source, amount: u64, spendable: bool) -> Op {
    Op::TopUp {
        wallet: wal(wallet),
        asset,
        amount: Atoms(amount),
        source,
        channel: Channel::MANUAL,
        spendable,
    }
}

pub fn withdraw(wallet: &str, amount: u64) -> Op {
    Op::Withdraw {
        wallet: wal(wallet),
        asset: USD,
        amount: Atoms(amount),
        channel: Channel::MANUAL,
    }
}

pub fn settle_earned(wallet: &str, origin: Source, amount: u64) -> Op {
    Op::SettleEarned {
        wallet: wal(wallet),
        asset: USD,
        origin,
        amount: Atoms(amount),
    }
}

pub fn stand(wallet: &str, standing: Standing) -> Op {
    let wallet = wal(wallet);
    Op::ChangeWallet { wallet, standing }
}

pub fn credit_line(wallet: &str, limit: u64) -> Op {
    Op::SetCredit {
        wallet: wal(wallet),
        asset: USD,
        limit: Atoms(limit),
    }
}

/// Limits of `per_payment`, `per_day` and `per_month` for every tier, in an asset.
pub fn limits(asset: AssetNo, numbers: [Option<u64>; 3]) -> Option<Limits> {
    let [per_payment, per_day, per_month] = numbers;
    let tier = policy::TierLimits {
        per_payment,
        per_day,
        per_month,
    };
    let tiers = [tier; 5];
    Some(Limits { asset, tiers })
}

pub fn tax_of(rates: &[(&[u8; 2], u32)]) -> tax::RateTable {
    tax::RateTable::new(rates.iter().map(|&(country, rate)| tax::CountryRate {
        country: *country,
        rate: ppm(rate),
    }))
}

impl Town {
    /// Before anything was done.
    pub fn wilderness() -> Town {
        Town {
            state: State::new(0x1234_5678_9abc_def0_1122_3344_5566_7788),
            now: UtcMillis(T0),
            rows: Vec::new(),
            events: BTreeMap::new(),
            actor: key("clerk"),
            audits: true,
            handles: Handles::default(),
            made: 0,
        }
    }

    /// Without fee, tax or limits.
    pub fn new() -> Town {
        Town::with(Terms::default())
    }

    pub fn with(terms: Terms) -> Town {
        Town::at(UtcMillis(T0), terms)
    }

    /// Opened at another time.
    pub fn at(now: UtcMillis, terms: Terms) -> Town {
        let mut town = Town::wilderness();
        town.now = now;
        town.run(Op::SetShard { window: WINDOW });
        let scarce = ["USD", "EUR", "KRW"];
        for code in scarce {
            let code: AssetCode = AssetCode::new(code).unwrap();
            let asset = Asset::known(code.as_str()).unwrap();
            town.run(Op::RegisterAsset { asset });
        }
        for name in ["here", "elsewhere"] {
            let (tenant, mode) = (TenantId(named(name)), Mode::Test);
            town.run(Op::OpenTenant { tenant, mode });
        }
        town.set_terms(terms);
        for (wallet, party, country) in PEOPLE {
            if town.state.party_no(TENANT, par(party)).is_none() {
                let kind = match party {
                    "robot" => PartyKind::Agent,
                    "shop" | "stall" => PartyKind::Business,
                    _ => PartyKind::Person,
                };
                town.run(Op::RegisterParty {
                    party: par(party),
                    kind,
                    country: Country(*country),
                    tier: Tier(1),
                    particulars: Default::default(),
                });
            }
            let (wallet, party) = (wal(wallet), par(party));
            town.run(Op::OpenWallet { wallet, party });
        }
        town
    }

    pub fn set_terms(&mut self, terms: Terms) {
        let terms = Box::new(terms);
        self.run(Op::SetTerms { terms });
    }

    /// Asks as the node itself does.
    pub fn by_node(&mut self, op: Op) {
        let command = Command {
            id: Id::NONE,
            actor: ActorId(Id::NONE),
            ..self.command(Id::NONE, op)
        };
        let answer = self.ask(&command);
        assert!(matches!(answer, Answer::Done(_)), "{answer:?}");
    }

    /// Counts what was before a law that waits for it, as the node does when one came into force.
    pub fn backfill(&mut self) {
        let Some(mut walk) = Backfill::new(&self.state, TENANT) else {
            return;
        };
        let (mut state, mut replay) = (State::new(7), Replay::default());
        for (seq, row) in (1u64..).zip(&self.rows) {
            let look = |before: &State, event: &Event| walk.event(before, event);
            replay
                .row_before(&mut state, seq, FORMAT, row, look)
                .unwrap();
        }
        let parts: Vec<Op> = walk.parts(&self.state).collect();
        parts.into_iter().for_each(|part| self.by_node(part));
        assert!(self.state.law(TENANT).unwrap().backfilling.is_none());
    }

    pub fn later(&mut self, ms: u64) {
        self.now = self.now.plus(ms);
    }

    pub fn new_id(&mut self) -> Id {
        self.made += 1;
        let hash = blake3::hash(&self.made.to_le_bytes());
        let bytes: [u8; 16] = hash.as_bytes()[..16].try_into().unwrap();
        Id::timed(self.now.0, u128::from_be_bytes(bytes))
    }

    pub fn command(&self, id: Id, op: Op) -> Command {
        Command {
            id,
            tenant: TENANT,
            actor: self.actor,
            op,
            besides: None,
        }
    }

    /// Asks the step, and makes an event that comes of it part of the town's history.
    pub fn ask(&mut self, command: &Command) -> Answer {
        let mut event = Event::empty();
        let before = self.audits.then(|| snapshot::digest(&self.state));
        let outcome = decide_one(&self.state, command, self.now, &mut event);
        self.ask_ahead(command, outcome, &event);
        if let Some(before) = before {
            assert_eq!(before, snapshot::digest(&self.state), "decide only reads");
        }
        match outcome {
            Outcome::Known(position) => Answer::Known(position),
            Outcome::Rejected(rejection) => {
                assert_eq!(rejection.code.class(), Class::Rejection, "{rejection:?}");
                Answer::Rejected(rejection)
            }
            Outcome::Event => {
                assert!(engine::is_balanced(&self.state, &event), "{event:?}");
                self.put(&event);
                Answer::Done(Box::new(event))
            }
        }
    }

    /// With all that is looked up ahead and remembered a command comes to the same.
    fn ask_ahead(&mut self, command: &Command, outcome: Outcome, event: &Event) {
        let commands = std::slice::from_ref(command);
        resolve(&self.state, commands, self.now, &mut self.handles);
        let mut ahead = Event::empty();
        let same = decide(&self.state, &self.handles, 0, command, self.now, &mut ahead);
        assert_eq!(same, outcome, "{command:?}");
        if outcome == Outcome::Event {
            assert_eq!(&ahead, event);
        }
    }

    /// Writes an event's row, reads it back and applies what was read.
    pub fn put(&mut self, event: &Event) {
        let mut writer = RowWriter::default();
        writer.begin(event.at);
        writer.push(event);
        let mut back = Event::empty();
        let mut reader = RowReader::new(FORMAT, writer.bytes()).unwrap();
        assert!(reader.next_event(&mut back).unwrap());
        assert_eq!(&back, event, "an event's bytes say the whole of it");
        assert!(!reader.next_event(&mut back.clone()).unwrap());
        let (seq, index) = (self.rows.len() as u64 + 1, 0);
        apply(&mut self.state, &back, Position { seq, index });
        self.rows.push(writer.bytes().to_vec());
        for part in back.parts() {
            self.events.insert(part.id, back.clone());
        }
        self.events.insert(back.id, back);
        if self.audits {
            self.audit();
        }
    }

    /// Asks under a new id.
    pub fn try_run(&mut self, op: Op) -> (Id, Answer) {
        let id = self.new_id();
        let command = self.command(id, op);
        (id, self.ask(&command))
    }

    /// Asks under a new id for what must be done.
    pub fn run(&mut self, op: Op) -> Event {
        let what = format!("{op:?}");
        match self.try_run(op).1 {
            Answer::Done(event) if !event.kind.is_refusal() => *event,
            other => panic!("{what}\ncame to {other:?}"),
        }
    }

    /// The same, returning the id.
    pub fn id_of(&mut self, op: Op) -> Id {
        self.run(op).id
    }

    /// Asks under a new id and compares with what is expected.
    #[track_caller]
    pub fn check(&mut self, op: Op, expected: impl Into<Expect>) -> Id {
        let id = self.new_id();
        let command = self.command(id, op);
        self.check_command(&command, expected);
        id
    }

    #[track_caller]
    pub fn check_as(&mut self, id: Id, op: Op, expected: impl Into<Expect>) {
        let command = self.command(id, op);
        self.check_command(&command, expected);
    }

    #[track_caller]
    pub fn check_command(&mut self, command: &Command, expected: impl Into<Expect>) {
        let expected = expected.into();
        let answer = self.ask(command);
        assert_eq!(
            outcome(&answer),
            expected,
            "{command:?}\ncame to {answer:?}"
        );
    }

    /// Lets everything due happen.
    pub fn run_timers(&mut self) -> usize {
        let due: Vec<_> = self.state.due(self.now, 1_000).copied().collect();
        for (_, kind, tenant, thing) in &due {
            let command = Command {
                id: Id::NONE,
                tenant: *tenant,
                actor: ActorId(Id::NONE),
                op: Op::Expire {
                    kind: *kind,
                    thing: *thing,
                },
                besides: None,
            };
            match self.ask(&command) {
                Answer::Done(_) => {}
                other => panic!("{command:?}\ncame to {other:?}"),
            }
        }
        due.len()
    }

    pub fn carried(&self, id: Id) -> Carried {
        self.events[&id].clone().into()
    }

    pub fn refund(&self, payment: Id, amount: u64) -> Op {
        let (amount, carried) = (Atoms(amount), self.carried(payment));
        Op::Refund {
            payment,
            amount,
            carried,
        }
    }

    pub fn dispute(&self, payment: Id, amount: u64) -> Op {
        let (amount, carried) = (Atoms(amount), self.carried(payment));
        Op::OpenDispute {
            payment,
            amount,
            carried,
        }
    }

    /// Reverses a top-up; a settled one is carried.
    pub fn reverse(&self, topup: Id, settled_by: Option<Id>, amount: u64) -> Op {
        Op::ReverseTopUp {
            topup,
            amount: Atoms(amount),
            carried: settled_by.map(|id| self.carried(id)),
        }
    }

    pub fn settle_top_up(&mut self, topup: Id) -> Id {
        self.id_of(Op::SettleTopUp { topup })
    }

    /// Money from a source that has settled.
    pub fn fund(&mut self, wallet: &str, source: Source, amount: u64) -> Id {
        let topup = self.id_of(top_up_in(wallet, USD, source, amount, false));
        self.settle_top_up(topup);
        topup
    }

    /// What has settled of a source and rests with holders who are not known one by one.
    pub fn pool(&self, source: Source) -> i128 {
        let rows = &self.state.tenants[0].settled;
        let row = rows.iter().find(|(a, s, _)| (*a, *s) == (USD, source));
        row.map_or(0, |(_, _, sum)| *sum)
    }

    pub fn paid(&self, id: Id) -> Paid {
        *self.events[&id].part(id).unwrap().paid().unwrap()
    }

    pub fn refusal(&self, id: Id) -> Refused {
        *self.events[&id].refusal().unwrap()
    }

    /// A wallet's accounts in an asset: source, what paid it, balance.
    pub fn balances_in(
        &self,
        wallet: &str,
        asset: AssetNo,
    ) -> BTreeMap<(Source, Option<Source>), i128> {
        let no = self.state.wallet_no(TENANT, wal(wallet)).unwrap();
        let accounts = self.state.accounts_of(no);
        accounts
            .filter(|(_, a)| a.asset == asset && a.balance != 0)
            .map(|(_, a)| ((a.source.unwrap(), a.origin), a.balance))
            .collect()
    }

    /// The balance of one source.
    pub fn balance(&self, wallet: &str, source: Source) -> i128 {
        self.balance_of(wallet, source, None)
    }

    /// Income that this source paid and that is not settled.
    pub fn earned(&self, wallet: &str, origin: Source) -> i128 {
        self.balance_of(wallet, Source::Earned, Some(origin))
    }

    pub fn balance_of(&self, wallet: &str, source: Source, origin: Option<Source>) -> i128 {
        let balances = self.balances_in(wallet, USD);
        balances.get(&(source, origin)).copied().unwrap_or(0)
    }

    /// All a wallet has.
    pub fn has(&self, wallet: &str) -> i128 {
        self.balances_in(wallet, USD).values().sum()
    }

    /// What is held in a wallet.
    pub fn held(&self, wallet: &str) -> u128 {
        let no = self.state.wallet_no(TENANT, wal(wallet)).unwrap();
        self.state.accounts_of(no).map(|(_, a)| a.held).sum()
    }

    /// What a party owes after reversals.
    pub fn owes(&self, party: &str) -> i128 {
        let no = self.state.party_no(TENANT, par(party)).unwrap();
        let first = self.state.party(no).receivable;
        let in_usd = self.state.chain(first).filter(|(_, a)| a.asset == USD);
        -in_usd.map(|(_, a)| a.balance).sum::<i128>()
    }

    /// The operator's balance of a class.
    pub fn operator(&self, class: AccountClass) -> i128 {
        let accounts = &self.state.tenants[0].accounts;
        let of_class = accounts
            .iter()
            .filter(|(k, _)| k.class() == class && k.asset() == USD);
        of_class
            .map(|(_, no)| self.state.book.account(*no).balance)
            .sum()
    }

    /// Every balance that is not zero, by what it is: what "back to where it was" compares.
    pub fn picture(&self) -> BTreeMap<String, i128> {
        let accounts = self.state.book.iter().filter(|(_, a)| a.balance != 0);
        accounts
            .map(|(no, a)| {
                let what = format!("{:?} {:?} {:?} {:?}", a.class, a.owner, a.source, a.origin);
                (format!("{no:?} {what}"), a.balance)
            })
            .collect()
    }

    /// What must hold after every event.
    pub fn audit(&self) {
        let state = &self.state;
        for (asset, sum) in state.trial_balance() {
            assert_eq!(sum, 0, "the trial balance of {asset:?}");
        }
        assert!(state.sums_agree(), "{:?}", state.sums);
        let mut held: BTreeMap<_, u128> = BTreeMap::new();
        for ((tenant, id), hold) in &state.holds {
            let legs: u64 = hold.legs.iter().map(|leg| leg.amount).sum();
            assert_eq!(legs, hold.authorized - hold.captured, "{tenant:?} {id:?}");
            for leg in &hold.legs {
                *held.entry(leg.account).or_default() += u128::from(leg.amount);
            }
            let timer = (hold.expires, engine::records::TimerKind::Hold, *tenant, *id);
            assert!(state.timers.contains(&timer), "a hold ends by itself");
        }
        for ((tenant, id), pending) in &state.pending {
            let kind = engine::records::TimerKind::StepUp;
            let timer = (pending.expires, kind, *tenant, *id);
            assert!(state.timers.contains(&timer), "a step-up ends by itself");
        }
        for ((tenant, id), correction) in &state.corrections {
            let kind = engine::records::TimerKind::Correction;
            let timer = (correction.expires, kind, *tenant, *id);
            assert!(state.timers.contains(&timer), "a proposal ends by itself");
        }
        let timed = |s: &&engine::plans::Subscription| s.due != engine::plans::Due::Nothing;
        for ((tenant, id), record) in state.subscriptions.iter().filter(|(_, r)| timed(r)) {
            let kind = engine::records::TimerKind::Subscription;
            let timer = (record.due_at, kind, *tenant, *id);
            assert!(
                state.timers.contains(&timer),
                "a subscription goes on by itself"
            );
        }
        let subscribed = state.subscriptions.values().filter(timed).count();
        let approved = state.proposals.values().filter(|p| p.effective.is_some());
        assert_eq!(
            state.timers.len(),
            state.holds.len()
                + state.pending.len()
                + state.corrections.len()
                + approved.count()
                + subscribed,
            "no timer is left behind"
        );
        for (no, account) in state.book.iter() {
            let expected = held.get(&no).copied().unwrap_or(0);
            assert_eq!(account.held, expected, "{no:?} holds what its holds say");
            let floor = -i128::from(account.credit_limit);
            let free = account.balance - i128::try_from(account.held).unwrap();
            if account.class.has_floor() {
                assert!(free >= floor, "{no:?} is below its floor: {account:?}");
            }
            if account.class == AccountClass::Receivable {
                assert!(
                    account.balance <= 0,
                    "nobody is owed by a debt: {account:?}"
                );
            }
        }
        self.audit_pools();
        let disputed: u128 = state.disputes.values().map(|d| u128::from(d.amount)).sum();
        let in_dispute = state
            .book
            .iter()
            .filter(|(_, a)| a.class == AccountClass::Dispute);
        let in_dispute: i128 = in_dispute.map(|(_, a)| a.balance).sum();
        assert_eq!(u128::try_from(in_dispute).unwrap(), disputed);
        for ((_, id), reversed) in &state.reversed {
            let Some(event) = self.events.get(id) else {
                continue;
            };
            if let Some(paid) = event.part(*id).and_then(|part| part.paid().copied()) {
                assert!(*reversed <= paid.gross, "{id:?} gave back more than it was");
            }
        }
    }
}

/// What rests on each source, by tenant, asset and source.
type Pools = BTreeMap<(u32, AssetNo, Source), i128>;

impl Town {
    /// What rests on a source is what is still to come from it and what has settled of it.
    fn audit_pools(&self) {
        let state = &self.state;
        let mut resting = Pools::new();
        let mut expected = Pools::new();
        for (_, a) in state.book.iter() {
            let tenant = match a.class {
                AccountClass::Wallet => state.wallets[a.owner as usize].tenant.0,
                AccountClass::Receivable => state.parties[a.owner as usize].tenant.0,
                _ => a.owner,
            };
            if let Some(origin) = a.origin {
                *resting.entry((tenant, a.asset, origin)).or_default() += a.balance;
            }
            if a.source == Some(Source::Credit) {
                let line = (tenant, a.asset, Source::Credit);
                *expected.entry(line).or_default() += (-a.balance).max(0);
            }
        }
        for ((tenant, id), topup) in state.topups.iter().filter(|(_, t)| t.spendable) {
            let left = topup.amount - state.reversed.get(&(*tenant, *id)).copied().unwrap_or(0);
            let key = (tenant.0, topup.asset, topup.source);
            *expected.entry(key).or_default() += i128::from(left);
        }
        for (no, tenant) in (0u32..).zip(&state.tenants) {
            for (asset, source, sum) in &tenant.settled {
                *expected.entry((no, *asset, *source)).or_default() += sum;
            }
        }
        resting.retain(|_, sum| *sum != 0);
        expected.retain(|_, sum| *sum != 0);
        assert_eq!(resting, expected);
    }
}

/// What an answer is, in a word.
pub fn outcome(answer: &Answer) -> Expect {
    match answer {
        Answer::Done(event) => match event.effects.first() {
            Some(Effect::Refused(refused)) if event.kind.is_refusal() => Expect::Code(refused.code),
            _ => Expect::Kind(event.kind),
        },
        Answer::Known(_) => Expect::Known,
        Answer::Rejected(rejection) => Expect::Code(rejection.code),
    }
}

/// How properties are tried: the same cases every time. `TIMES=50` tries fifty times as many, and
/// others.
pub fn cases(usual: u32) -> Config {
    let times = std::env::var("TIMES").ok().and_then(|t| t.parse().ok());
    let times: u32 = times.unwrap_or(1);
    Config {
        cases: usual * times,
        rng_seed: RngSeed::Fixed(20_260_920 + u64::from(times)),
        failure_persistence: None,
        ..Config::default()
    }
}

/// Replays rows from nothing.
pub fn replay(rows: &[Vec<u8>], random: u128) -> State {
    let mut state = State::new(random);
    let mut event = Event::empty();
    for (seq, row) in (1u64..).zip(rows) {
        let mut reader = RowReader::new(FORMAT, row).unwrap();
        let mut index = 0;
        while reader.next_event(&mut event).unwrap() {
            apply(&mut state, &event, Position { seq, index });
            index += 1;
        }
    }
    state
}
