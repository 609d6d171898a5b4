//! A year of subscriptions on a real node and its journal, day by day: trials, renewals by timers, money
//! that runs out, restarts in between. It counts what was charged from the journal and compares it with
//! what the calendar says.
//!
//! cargo run --release -p node --example year -- [SUBSCRIPTIONS]   (10,000, three restarts)

use engine::codec::RowReader;
use engine::command::{Command, Op};
use engine::event::Event;
use engine::ids::{ActorId, MandateId, PartyId, PlanId, TenantId, WalletId};
use engine::plans::NewSubscription;
use engine::recents::Window;
use engine::records::{Channel, Mode, PartyKind, TenantNo};
use engine::terms::{Country, Tier};
use engine::{Id, State, UtcMillis};
use journal::Reader;
use journal::sqlite::SqliteReader;
use ledger::{AssetNo, Source};
use money::{Asset, Atoms};
use node::{Brief, Node, NodeOptions};
use pricing::{Dunning, Every, Plan, PlanTier, Then, Trial};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// 2027-01-31T10:00:00Z: the day that months are hardest on.
const BEGIN: u64 = 1_801_389_600_000;
const DAY: u64 = 86_400_000;
const DAYS: u64 = 365;
const TRIAL_DAYS: u64 = 14;
/// One in so many has money for its first period only.
const POOR: u64 = 10;
/// The tiers: what a period costs and is, and how many begin within the year after a trial.
const TIERS: [(u64, Every, u16, u32); 4] = [
    (5, Every::Day, 1, 352),
    (30, Every::Week, 1, 51),
    (100, Every::Month, 1, 12),
    (900, Every::Year, 1, 1),
];

/// What a year came to.
#[derive(Debug, Default)]
pub struct Year {
    /// Periods that were paid.
    pub paid: u64,
    /// Subscriptions that ended unpaid.
    pub ended: u64,
    /// How long it took, restarts included.
    pub took: Duration,
    /// How many events the journal has.
    pub events: u64,
}

struct Ids(u128);

impl Ids {
    fn next(&mut self) -> Id {
        self.0 += 1;
        Id::timed(BEGIN, (1 << 72) + self.0)
    }
}

fn wallet(n: u64) -> WalletId {
    WalletId(Id::timed(BEGIN, u128::from(n) + (1 << 70)))
}

fn party(n: u64) -> PartyId {
    PartyId(Id::timed(BEGIN, u128::from(n) + (1 << 71)))
}

/// The tier of a subscription: of a hundred, one is daily, nine are weekly, ten yearly, the others monthly.
fn tier_of(n: u64) -> usize {
    match n % 100 {
        0 => 0,
        1..=9 => 1,
        10..=89 => 2,
        _ => 3,
    }
}

fn tier_name(at: usize) -> String {
    format!("tier {at}")
}

fn is_poor(n: u64) -> bool {
    (n / 100).is_multiple_of(POOR)
}

fn run_all(node: &Node, ops: Vec<(Id, Op)>) {
    for ops in ops.chunks(4_000) {
        let command = |(id, op): &(Id, Op)| Command {
            id: *id,
            tenant: TenantNo(0),
            actor: ActorId(Id::NONE),
            op: op.clone(),
            besides: None,
        };
        let answers = node.submit_brief(ops.iter().map(command).collect());
        for answer in answers.expect("the node answers") {
            let is_done = matches!(answer, Brief::Done { code: None, .. });
            assert!(is_done, "{answer:?}");
        }
    }
}

fn plan() -> Plan {
    let tiers = TIERS.iter().enumerate().map(|(at, row)| PlanTier {
        name: tier_name(at),
        amount: Atoms(row.0),
        every: row.1,
        count: row.2,
    });
    Plan {
        product: 0,
        asset: Asset::known("EUR").expect("the euro is known").code,
        tax_included: None,
        tiers: tiers.collect(),
        trial: Some(Trial {
            days: TRIAL_DAYS as u16,
            converts: true,
            reminder_days: 3,
        }),
        dunning: Dunning {
            retry_days: Vec::new(),
            then: Then::End,
        },
        grace_days: 0,
        notice_days: 0,
    }
}

fn settle(node: &Node, ids: &mut Ids, subscriptions: u64) {
    let window = Window {
        window_ms: 30 * DAY,
        entries_max: 8_000_000,
    };
    let asset = Asset::known("EUR").expect("the euro is known");
    let (tenant, mode) = (TenantId(ids.next()), Mode::Test);
    let first = [
        Op::SetShard { window },
        Op::RegisterAsset { asset },
        Op::OpenTenant { tenant, mode },
    ];
    let mut ops: Vec<(Id, Op)> = first.map(|op| (ids.next(), op)).into();
    let plan_id = PlanId(ids.next());
    let definition = Box::new(plan());
    ops.push((
        ids.next(),
        Op::SetPlan {
            plan: plan_id,
            from: None,
            definition,
        },
    ));
    for n in 0..=subscriptions {
        ops.push((
            ids.next(),
            Op::RegisterParty {
                party: party(n),
                kind: PartyKind::Person,
                country: Country(*b"DE"),
                tier: Tier(1),
                particulars: Default::default(),
            },
        ));
        let (wallet, party) = (wallet(n), party(n));
        ops.push((ids.next(), Op::OpenWallet { wallet, party }));
    }
    run_all(node, ops);
    let mut ops = Vec::new();
    for n in 1..=subscriptions {
        let price = TIERS[tier_of(n)].0;
        let topup = ids.next();
        ops.push((
            topup,
            Op::TopUp {
                wallet: wallet(n),
                asset: AssetNo(0),
                amount: Atoms(if is_poor(n) { price } else { 10_000 }),
                source: Source::Card,
                channel: Channel::MANUAL,
                spendable: true,
            },
        ));
        ops.push((ids.next(), Op::SettleTopUp { topup }));
        let new = NewSubscription {
            wallet: wallet(n),
            payer: wallet(n),
            payee: wallet(0),
            plan: plan_id,
            tier: Some(tier_name(tier_of(n))),
            skip_trial: false,
            limit: Atoms(0),
            coupon: None,
            periods: None,
            mandate: MandateId(Id::NONE),
            facts: Default::default(),
            circumstances: Default::default(),
            risk: risk::Score(0),
            confirmed: Default::default(),
        };
        ops.push((ids.next(), Op::Subscribe { new: Box::new(new) }));
    }
    run_all(node, ops);
}

/// Waits until nothing is due any more.
fn live_until(node: &Node, now: u64) {
    node.set_time(UtcMillis(now)).expect("the node runs");
    let is_due = move |state: &State| state.due(UtcMillis(now), 1).next().is_some();
    while node.query_blocking(is_due).expect("the node answers") {
        std::thread::yield_now();
    }
}

/// Lives a year, stopping the node and opening it again `restarts` times, once in the middle of a day's
/// timers; compares the journal with the calendar.
pub fn live(dir: &Path, subscriptions: u64, restarts: u64) -> Year {
    let options = || NodeOptions {
        projection: false,
        snapshot_every: 0,
        ..NodeOptions::default()
    };
    let began = Instant::now();
    let mut node = Node::open(dir, options()).expect("a journal in an empty folder");
    node.set_time(UtcMillis(BEGIN)).expect("the node runs");
    settle(&node, &mut Ids(0), subscriptions);
    for day in 1..=DAYS {
        let now = BEGIN + day * DAY;
        if restarts > 0 && day % (DAYS / restarts) == TRIAL_DAYS {
            // The day's first timers are under way when it stops.
            node.set_time(UtcMillis(now)).expect("the node runs");
            node.shutdown();
            drop(node);
            node = Node::open(dir, options()).expect("the journal is whole");
        }
        live_until(&node, now);
    }
    let sums = node.query_blocking(State::trial_balance);
    for (asset, sum) in sums.expect("the node answers") {
        assert_eq!(sum, 0, "the trial balance of {asset:?}");
    }
    let open = node.query_blocking(|state: &State| state.subscriptions.len() as u64);
    let open = open.expect("the node answers");
    node.shutdown();
    drop(node);
    let took = began.elapsed();
    let (charged, events) = read(dir);
    let mut paid = 0;
    for n in 1..=subscriptions {
        let (.., periods) = TIERS[tier_of(n)];
        let expected = if is_poor(n) { 1 } else { periods };
        let numbers = charged.get(&wallet(n)).cloned().unwrap_or_default();
        let each_once: Vec<u32> = (1..=expected).collect();
        assert_eq!(numbers, each_once, "subscription {n}");
        paid += u64::from(expected);
    }
    Year {
        paid,
        ended: subscriptions - open,
        took,
        events,
    }
}

/// The numbers of the periods that each wallet was charged for, in order, and how many events there are.
fn read(dir: &Path) -> (BTreeMap<WalletId, Vec<u32>>, u64) {
    let shard = NodeOptions::default().shard;
    let mut reader = SqliteReader::open(&dir.join("journal.db"), shard).expect("a journal");
    let head = reader.head().expect("a head").seq;
    let mut state = State::new(7);
    let (mut charged, mut events) = (BTreeMap::<_, Vec<u32>>::new(), 0);
    let mut event = Event::empty();
    for seq in 1..=head {
        let row = reader
            .row(seq)
            .expect("it can be read")
            .expect("it is there");
        let mut rows = RowReader::new(row.format, &row.events).expect("a row of events");
        let mut index = 0;
        while rows.next_event(&mut event).expect("an event") {
            engine::apply(&mut state, &event, engine::Position { seq, index });
            (index, events) = (index + 1, events + 1);
            let Some(part) = event.parts().next() else {
                continue;
            };
            if let (Some(set), Some(_)) = (part.subscription(), part.paid()) {
                let payer = state.wallet(set.record.payer).id;
                charged.entry(payer).or_default().push(set.record.number);
            }
        }
    }
    (charged, events)
}

fn main() {
    let asked = std::env::args().nth(1);
    let asked = asked.map(|count| count.parse().expect("how many subscriptions"));
    let subscriptions = asked.unwrap_or(10_000);
    let dir = tempfile::tempdir().expect("a folder");
    let year = live(dir.path(), subscriptions, 3);
    println!(
        "{subscriptions} subscriptions, a year, 3 restarts: {} periods paid, each once; {} ended unpaid; \
         {} events in {:.1} s; trial balance zero",
        year.paid,
        year.ended,
        year.events,
        year.took.as_secs_f64()
    );
}
