//! How fast the read model follows payments of the common shape: a million wallets, 10,000 merchants,
//! everything on. `cargo run --release -p node --example projection_speed [payments] [events a row]`
use engine::codec::{FORMAT, RowWriter};
use engine::event::{Effect, Event, EventKind, Paid};
use engine::ids::{PartyId, TenantId, WalletId};
use engine::records::{Mode, PartyKind, PartyNo, TenantNo, WalletNo};
use engine::terms::{Country, Tier};
use engine::{Id, UtcMillis};
use journal::sqlite::{Options, SqliteJournal};
use journal::{Journal, SqliteReader, ZERO_HASH};
use ledger::{AccountClass, AccountNo, AssetNo, Posting, Source};
use node::projection::{Projection, ProjectionOptions};
use std::time::{Duration, Instant};

const WALLETS: u32 = 1_000_000;
const MERCHANTS: u32 = 10_000;
const START_MS: u64 = 1_790_000_000_000;

fn random(n: u64) -> u64 {
    let mut z = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn id(time: u64, n: u64) -> Id {
    Id::timed(
        time,
        u128::from(random(n)) << 64 | u128::from(random(n ^ u64::MAX)),
    )
}

fn account(no: u32, class: AccountClass, owner: u32, source: Option<Source>) -> Effect {
    let (no, asset) = (AccountNo(no), AssetNo(0));
    Effect::AccountOpened {
        no,
        class,
        owner,
        sub: 0,
        asset,
        source,
        origin: None,
    }
}

struct Town {
    journal: SqliteJournal,
    row: RowWriter,
    event: Event,
}

impl Town {
    fn push(&mut self, at: u64, kind: EventKind, id: Id, effects: &[Effect], postings: &[Posting]) {
        self.event.begin(UtcMillis(at), TenantNo(0), kind, id);
        self.event.effects.extend_from_slice(effects);
        self.event.postings.extend_from_slice(postings);
        self.row.push(&self.event);
    }

    fn commit(&mut self, next: u64) {
        self.journal
            .append(FORMAT, self.row.bytes(), ZERO_HASH)
            .expect("there is room");
        self.row.begin(UtcMillis(next));
    }
}

/// Processor time of this process, user and system, in seconds (Linux).
fn processor_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit(") ").next().unwrap_or("").to_owned();
    let ticks = |n: usize| {
        after
            .split(' ')
            .nth(n)
            .and_then(|t| t.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    (ticks(11) + ticks(12)) / 100.0
}

fn main() {
    let number = |n: usize, or: u64| {
        std::env::args()
            .nth(n)
            .and_then(|a| a.parse().ok())
            .unwrap_or(or)
    };
    let (payments, a_row) = (number(1, 3_000_000), number(2, 1_000));
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("journal.db");
    let journal = SqliteJournal::open(&path, 1, Options::default()).expect("a journal");
    let mut town = Town {
        journal,
        row: RowWriter::default(),
        event: Event::empty(),
    };
    town.row.begin(UtcMillis(START_MS));
    let opened = Effect::TenantOpened {
        tenant: TenantId(id(1, 1)),
        mode: Mode::Test,
    };
    town.push(START_MS, EventKind::TenantOpened, id(1, 2), &[opened], &[]);
    let asset = money::Asset::known("USD").expect("the dollar");
    let asset = Effect::AssetRegistered { asset };
    town.push(
        START_MS,
        EventKind::AssetRegistered,
        id(1, 3),
        &[asset],
        &[],
    );
    for w in 0..WALLETS {
        let (party, n) = (PartyId(id(2, u64::from(w))), u64::from(w) * 2 + 10);
        let (kind, country, tier) = (PartyKind::Person, Country(*b"DE"), Tier(1));
        let registered = Effect::PartyRegistered {
            party,
            kind,
            country,
            tier,
            particulars: Default::default(),
        };
        town.push(
            START_MS,
            EventKind::PartyRegistered,
            id(3, n),
            &[registered],
            &[],
        );
        let wallet = WalletId(id(4, u64::from(w)));
        let source = if w < MERCHANTS {
            Source::Earned
        } else {
            Source::Card
        };
        let effects = [
            Effect::WalletOpened {
                wallet,
                party: PartyNo(w),
            },
            account(w, AccountClass::Wallet, w, Some(source)),
        ];
        town.push(
            START_MS,
            EventKind::WalletOpened,
            id(3, n + 1),
            &effects,
            &[],
        );
        if w % 10_000 == 9_999 {
            town.commit(START_MS);
        }
    }
    let (tax, fee) = (WALLETS, WALLETS + 1);
    let effects = [
        account(tax, AccountClass::Tax, 0, None),
        account(fee, AccountClass::Fees, 0, None),
    ];
    town.push(START_MS, EventKind::Transferred, id(5, 1), &effects, &[]);
    town.commit(START_MS);
    let ready = town.journal.head().seq;

    let reader = || Box::new(SqliteReader::open(&path, 1).expect("a reader"));
    let start = Instant::now();
    let projection =
        Projection::spawn(dir.path(), reader(), ProjectionOptions::default()).expect("a thread");
    projection.wake(ready);
    assert!(projection.wait_for(ready, Duration::from_secs(600)));
    println!(
        "{WALLETS} parties, wallets and accounts: {:?}",
        start.elapsed()
    );
    projection.stop();
    drop(projection);
    let size = || {
        ["read.db"]
            .iter()
            .map(|f| std::fs::metadata(dir.path().join(f)).map_or(0, |m| m.len()))
            .sum::<u64>()
    };
    let before = size();

    for n in 0..payments {
        let at = START_MS + n / a_row * a_row * 1_000 / 200_000;
        let random = random(n + 7);
        let payer = MERCHANTS + (random >> 33) as u32 % (WALLETS - MERCHANTS);
        let payee = (random & 0xffff_ffff) as u32 % MERCHANTS;
        let (gross, tax_amount, fee_amount) = (2_500_000, 399_160, 50_000);
        let paid = Effect::Paid(Paid {
            payer: WalletNo(payer),
            payee: WalletNo(payee),
            asset: AssetNo(0),
            gross,
            tax: tax_amount,
            fee: fee_amount,
            terms: 1,
            of: Id::NONE,
            tier: Tier(1),
            law: 0,
            case: 0,
        });
        let leg = |account, amount| Posting {
            account: AccountNo(account),
            amount,
        };
        let net = i128::from(gross - tax_amount - fee_amount);
        let postings = [
            leg(payer, -i128::from(gross)),
            leg(tax, i128::from(tax_amount)),
            leg(fee, i128::from(fee_amount)),
            leg(payee, net),
        ];
        let measured = |measure| Effect::Measured {
            party: PartyNo(payer),
            measure,
            period: 20_000,
            delta: i128::from(gross),
            before: 0,
        };
        let effects = [paid, measured(0), measured(1)];
        if n % a_row == 0 {
            town.row.begin(UtcMillis(at));
        }
        town.push(
            at,
            EventKind::Paid,
            id(at, n + 1_000_000_000),
            &effects,
            &postings,
        );
        if n % a_row == a_row - 1 {
            town.commit(at);
        }
    }
    let head = town.journal.head().seq;
    let journal_bytes = std::fs::metadata(&path).map_or(0, |m| m.len());
    drop(town);
    let start = Instant::now();
    let projection =
        Projection::spawn(dir.path(), reader(), ProjectionOptions::default()).expect("a thread");
    println!("opened again in {:?}", start.elapsed());
    projection.wake(head);
    let (start, used) = (Instant::now(), processor_s());
    let mut last = (Instant::now(), 0);
    while !projection.wait_for(head, Duration::from_secs(2)) {
        let at = projection.progress().applied_seq;
        let rows = at.saturating_sub(last.1.max(ready));
        println!(
            "  {:.0} payments/s, {:?}",
            (rows * a_row) as f64 / last.0.elapsed().as_secs_f64(),
            projection.progress()
        );
        last = (Instant::now(), at);
    }
    let (took, used) = (start.elapsed().as_secs_f64(), processor_s() - used);
    let count = (head - ready) * a_row;
    println!(
        "{count} payments in {took:.1} s: {:.0}/s; {used:.1} s of processor: {:.0}/s a core",
        count as f64 / took,
        count as f64 / used
    );
    projection.stop();
    drop(projection);
    println!(
        "read.db: {} bytes a payment; journal.db {} MB",
        (size() - before) / count,
        journal_bytes >> 20
    );
}
