//! A small town that does everything once, and what the read model says of it.

mod town;

use super::*;
use engine::Code;
use engine::event::EventKind;
use journal::Journal;
use rusqlite::Connection;
use std::collections::BTreeMap;
use store::read::{EventFilter, PartyFilter, StatementFilter, ThingFilter, WalletFilter};
use town::{SECOND, Town, key, party, wallet};

/// Every table's every row, as text.
fn dump(dir: &Path) -> Vec<String> {
    let db = Connection::open(dir.join("read.db")).unwrap();
    let tables: Vec<String> = db
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'schema_migration' ORDER BY name")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert!(tables.len() > 20, "{tables:?}");
    let mut lines = Vec::new();
    for table in tables {
        let mut select = db.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = select.column_count();
        let mut rows = select.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let cells: Vec<String> = (0..columns)
                .map(|c| format!("{:?}", row.get_ref(c).unwrap()))
                .collect();
            lines.push(format!("{table}: {}", cells.join(" ")));
        }
    }
    lines
}

/// A reader whose second reading fails, after something was read.
struct Flaky(Box<dyn Reader + Send>, u64);

impl Reader for Flaky {
    fn shard(&self) -> u32 {
        self.0.shard()
    }
    fn read_from(
        &mut self,
        from: u64,
        rows_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<journal::Row>, JournalError> {
        self.1 += 1;
        if self.1 == 2 {
            let bytes = usize::MAX;
            return Err(JournalError::TooLarge { bytes, max: 0 });
        }
        self.0.read_from(from, rows_max, bytes_max)
    }
    fn row(&mut self, seq: u64) -> Result<Option<journal::Row>, JournalError> {
        self.0.row(seq)
    }
    fn head(&mut self) -> Result<journal::Head, JournalError> {
        self.0.head()
    }
}

#[test]
fn a_reading_that_fails_once_stops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut town = Town::new();
    town.live();
    let reader = Box::new(Flaky(Box::new(town.reader()), 0));
    let projection = Projection::spawn(dir.path(), reader, Town::quick()).unwrap();
    town.caught_up(&projection);
    town.assert_balances(projection.model());
    assert_eq!(projection.progress().failed, None);
}

#[test]
fn every_kind_of_event_is_folded_and_balances_agree() {
    let dir = tempfile::tempdir().unwrap();
    let mut town = Town::new();
    let ids = town.live();
    let never: Vec<_> = EventKind::ALL
        .iter()
        .map(|k| k.as_str())
        .filter(|k| !town.kinds.contains(k))
        .collect();
    assert!(never.is_empty(), "the town never did {never:?}");
    let projection = town.follow(dir.path());
    town.caught_up(&projection);
    let model = projection.model();
    town.assert_balances(model);
    assert_eq!(model.as_of().unwrap(), town.journal.head().seq);

    // Things as they are now.
    let all = ThingFilter::default();
    let hold = |name| model.hold(0, ids[name].0).unwrap().unwrap();
    assert_eq!(
        (hold("captured").state.as_str(), hold("captured").captured),
        ("captured", 3_000)
    );
    assert_eq!(hold("voided").state, "voided");
    assert_eq!(hold("expired").state, "expired");
    let topup = model.topup(0, ids["topup"].0).unwrap().unwrap();
    assert_eq!(
        (topup.state.as_str(), topup.settled, topup.reversed),
        ("settled", 5_000, 2_000)
    );
    let states = |lines: Vec<String>| lines.join(" ");
    let withdrawals = model.withdrawals(0, &all, None, 10).unwrap().items;
    assert_eq!(
        states(withdrawals.into_iter().map(|w| w.state).collect()),
        "returned settled"
    );
    let disputes = model.disputes(0, &all, None, 10).unwrap().items;
    assert_eq!(
        states(disputes.into_iter().map(|d| d.state).collect()),
        "lost won"
    );
    let mandate = model.mandate(0, ids["mandate"].0).unwrap().unwrap();
    assert_eq!(
        (mandate.state.as_str(), mandate.per_payment),
        ("revoked", Some(u64::MAX))
    );
    assert_eq!(mandate.payees, [wallet(1).0.0]);
    let corrections = model.corrections(0, &all, None, 10).unwrap().items;
    let states: Vec<_> = corrections.iter().map(|c| c.state.as_str()).collect();
    assert_eq!(states, ["made", "expired", "rejected"]);
    let subscriptions = model.subscriptions(1, &all, None, 10).unwrap().items;
    let states: Vec<_> = subscriptions.iter().map(|s| s.state.as_str()).collect();
    assert_eq!(states, ["paused", "ended"]);
    let record: engine::plans::Subscription =
        serde_json::from_str(&subscriptions[1].record).unwrap();
    assert_eq!((record.number, record.choice.tier), (2, 1));
    let correction = &corrections[0];
    assert_eq!(
        (correction.state.as_str(), correction.approver),
        ("made", Some(key(2).0.0))
    );
    let french = PartyFilter {
        country: Some("FR".to_owned()),
        ..PartyFilter::default()
    };
    let french = model.parties(0, &french, None, 10).unwrap().items;
    assert_eq!(
        (french.len(), french[0].tier, french[0].kind.as_str()),
        (1, 2, "agent")
    );
    let of = WalletFilter {
        party: Some(party(1).0.0),
        ..WalletFilter::default()
    };
    assert_eq!(
        model.wallets(0, &of, None, 10).unwrap().items[0].id,
        wallet(1).0.0
    );
    let terms = &model.terms(0, None, 10).unwrap().items;
    assert_eq!(terms.len(), 1);
    assert!(terms[0].terms.contains("fee_share"), "{}", terms[0].terms);
    assert_eq!(model.tenants(None, 10).unwrap().items.len(), 2);
    assert_eq!(model.assets().unwrap()[1].code, "EUR");

    // Where things stand and what happened to them.
    let kinds_about = |id: Id| -> Vec<EventKind> {
        let mut reader = town.disk.reader();
        let positions = model.events_about(0, id.0).unwrap();
        let kind = |p: store::read::Position| {
            let row = reader.row(p.seq).unwrap().unwrap();
            let row = engine::codec::RowReader::new(row.format, &row.events).unwrap();
            let event = row.event_at(p.index).unwrap().unwrap();
            event
                .parts()
                .nth((p.part as usize).saturating_sub(1))
                .map_or(event.kind, |part| part.kind)
        };
        positions.into_iter().map(kind).collect()
    };
    use EventKind::*;
    assert_eq!(
        kinds_about(ids["paid"]),
        [
            Paid,
            Refunded,
            DisputeOpened,
            DisputeWon,
            DisputeOpened,
            DisputeLost
        ]
    );
    assert_eq!(kinds_about(ids["asked"]), [StepUpAsked, Paid]);
    assert_eq!(kinds_about(ids["late"]), [StepUpAsked, StepUpExpired]);
    assert_eq!(
        kinds_about(ids["captured"]),
        [Authorized, Captured, Captured]
    );
    assert_eq!(
        kinds_about(ids["topup"]),
        [TopUpPending, TopUpReversed, TopUpSettled, TopUpReversed]
    );
    assert_eq!(kinds_about(ids["item"]), [Paid]);
    assert_eq!(
        model.position_of(0, ids["item"].0).unwrap().unwrap().part,
        2
    );
    assert_eq!(
        model.position_of(0, ids["group"].0).unwrap().unwrap().part,
        0
    );
    assert_eq!(
        model.position_of(1, ids["paid"].0).unwrap(),
        None,
        "another tenant's"
    );
    assert_eq!(
        model.settled_topup_position(0, ids["topup"].0).unwrap(),
        model.position_of(0, ids["settled"].0).unwrap()
    );
    let rounded = model.position_of(1, ids["rounded"].0).unwrap().unwrap();
    assert_eq!(
        model.events_about(1, ids["paper"].0).unwrap(),
        [rounded],
        "what rounding left is found by its paper"
    );
    let known = projection
        .known(TenantNo(0), ids["asked"])
        .unwrap()
        .unwrap();
    assert_eq!(
        Some(known.seq),
        model.position_of(0, ids["asked"].0).unwrap().map(|p| p.seq)
    );

    // Lists by what is asked.
    let count = |filter: EventFilter| model.events(0, &filter, None, 1_000).unwrap().items.len();
    let kinds = |kinds: &[EventKind]| EventFilter {
        kinds: kinds.iter().map(|k| *k as u16).collect(),
        ..EventFilter::default()
    };
    assert_eq!(count(kinds(&[Paid])), 5);
    assert_eq!(count(kinds(&[Voided, HoldExpired, StepUpExpired])), 3);
    let code = |code: Code| EventFilter {
        code: Some(code as u16),
        ..EventFilter::default()
    };
    assert_eq!(
        count(code(Code::InsufficientFunds)),
        3,
        "a payment and a transfer refused, some counted"
    );
    assert_eq!(count(kinds(&[TransferRefused])), 1);
    assert_eq!(count(code(Code::RiskDeclined)), 1);
    let large = EventFilter {
        amount_min: Some(5_000),
        amount_max: Some(10_000),
        ..kinds(&[Paid, Authorized])
    };
    assert_eq!(count(large), 2);
    let by_wallet = |n| EventFilter {
        wallet: Some(wallet(n).0.0),
        ..kinds(&[Voided, Refunded, Split])
    };
    assert_eq!(
        (
            count(by_wallet(0)),
            count(by_wallet(1)),
            count(by_wallet(2))
        ),
        (3, 3, 1)
    );
    let voided = model
        .events(0, &kinds(&[Voided]), None, 1)
        .unwrap()
        .items
        .remove(0);
    assert_eq!(
        (voided.payer, voided.payee),
        (Some(wallet(0).0.0), Some(wallet(1).0.0))
    );
    assert_eq!((voided.amount, voided.asset), (700, Some(0)));
    let since = EventFilter {
        from_ms: Some(voided.at_ms),
        until_ms: Some(voided.at_ms + 1),
        ..EventFilter::default()
    };
    assert_eq!(count(since), 1);

    // A statement adds up to the balances.
    for n in 0..3 {
        let lines = model
            .statement(0, wallet(n).0.0, &StatementFilter::default(), None, 1_000)
            .unwrap()
            .items;
        let mut balances: BTreeMap<u32, i128> = BTreeMap::new();
        for line in lines.iter().rev() {
            let balance = balances.entry(line.account).or_default();
            *balance += line.amount;
            assert_eq!(*balance, line.balance, "{line:?}");
        }
        for (account, balance) in balances {
            assert_eq!(
                town.state.book.account(ledger::AccountNo(account)).balance,
                balance
            );
        }
    }
    let tallies = model.tallies(0).unwrap();
    let paid = tallies.iter().find(|t| t.kind == Paid as u16).unwrap();
    assert_eq!(
        (paid.tally.count, paid.tally.amount),
        (5, 10_000 + 300 + 11 + 12 + 20)
    );
}

#[test]
fn stopped_anywhere_and_rebuilt_it_is_row_for_row_the_same() {
    let (whole, pieces) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut town = Town::new();
    let projection = town.follow(pieces.path());
    town.caught_up(&projection);
    projection.stop();
    drop(projection);
    town.live();
    for _ in 0..3 {
        let projection = town.follow(pieces.path());
        town.pay(1, 0);
        town.caught_up(&projection);
        projection.stop();
    }
    let projection = town.follow(whole.path());
    town.caught_up(&projection);
    town.assert_balances(projection.model());
    projection.stop();
    drop(projection);
    let expected = dump(whole.path());
    assert_eq!(dump(pieces.path()), expected);

    Projection::reset(pieces.path()).unwrap();
    let projection = town.follow(pieces.path());
    town.caught_up(&projection);
    projection.stop();
    assert_eq!(dump(pieces.path()), expected);
}

#[test]
fn a_model_of_another_journal_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut other = Town::new();
    other.live();
    let projection = other.follow(dir.path());
    other.caught_up(&projection);
    drop(projection);
    let town = Town::new();
    let projection = town.follow(dir.path());
    town.caught_up(&projection);
    town.assert_balances(projection.model());
}

#[test]
fn a_failing_disk_is_told_and_made_good() {
    let dir = tempfile::tempdir().unwrap();
    let mut town = Town::new();
    let projection = town.follow(dir.path());
    town.caught_up(&projection);
    let before = town.journal.head().seq;
    let disk = Connection::open(dir.path().join("read.db")).unwrap();
    disk.busy_timeout(SECOND).unwrap();
    disk.execute_batch(
        "CREATE TRIGGER full BEFORE INSERT ON tally BEGIN SELECT RAISE(ABORT, 'disk full'); END",
    )
    .unwrap();
    let paid = town.pay(5, 0);
    projection.wake(town.journal.head().seq);
    let start = std::time::Instant::now();
    while projection.progress().failed.is_none() {
        assert!(start.elapsed() < SECOND, "{:?}", projection.progress());
        thread::yield_now();
    }
    let progress = projection.progress();
    assert!(progress.failed.unwrap().contains("disk full"));
    assert_eq!((progress.applied_seq, progress.lag_rows), (before, 1));
    assert_eq!(
        projection.model().position_of(0, paid.0).unwrap(),
        None,
        "all or nothing"
    );
    disk.execute_batch("DROP TRIGGER full").unwrap();
    town.live();
    town.caught_up(&projection);
    assert_eq!(projection.progress().failed, None);
    assert_eq!(projection.progress().lag_ms, 0);
    town.assert_balances(projection.model());
}

#[test]
fn pages_have_no_gaps_or_repeats_while_rows_arrive() {
    let dir = tempfile::tempdir().unwrap();
    let mut town = Town::new();
    town.live();
    let projection = town.follow(dir.path());
    town.caught_up(&projection);
    let model = projection.model();
    let filters = [
        EventFilter::default(),
        EventFilter {
            wallet: Some(wallet(1).0.0),
            ..EventFilter::default()
        },
        EventFilter {
            kinds: vec![EventKind::Paid as u16],
            ..EventFilter::default()
        },
    ];
    for filter in filters {
        let all = model.events(0, &filter, None, 1_000).unwrap();
        assert_eq!(all.next, None);
        let (mut paged, mut cursor) = (Vec::new(), None);
        loop {
            let page = model.events(0, &filter, cursor.as_deref(), 3).unwrap();
            assert!(page.items.len() <= 3);
            paged.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
            town.pay(1, 0);
            town.caught_up(&projection);
        }
        assert_eq!(paged, all.items);
    }
    let all = StatementFilter::default();
    let lines = model
        .statement(0, wallet(0).0.0, &all, None, 1_000)
        .unwrap()
        .items;
    let (mut paged, mut cursor) = (Vec::new(), None);
    loop {
        let page = model
            .statement(0, wallet(0).0.0, &all, cursor.as_deref(), 1)
            .unwrap();
        paged.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(paged, lines);
}

#[test]
fn a_tenant_sees_nothing_of_another() {
    let dir = tempfile::tempdir().unwrap();
    let mut town = Town::new();
    town.live();
    let projection = town.follow(dir.path());
    town.caught_up(&projection);
    let model = projection.model();
    let mine = model
        .events(1, &EventFilter::default(), None, 1_000)
        .unwrap()
        .items;
    assert_eq!(
        mine.len(),
        40,
        "terms, three parties and wallets, a top-up and its settlement, two settings of tax, a payment, \
         its refund, the rounding of its paper, a price set and archived, a wallet opened \
         and closed, six that were refused, asked or too late, a plan and what two subscriptions \
         to it came to"
    );
    // Both tenants use the same wallet ids.
    let lines = |tenant| {
        model.statement(
            tenant,
            wallet(0).0.0,
            &StatementFilter::default(),
            None,
            1_000,
        )
    };
    let settled = "credited, moved when it settled, paid and given back, paid by subscription";
    assert_eq!(lines(1).unwrap().items.len(), 6, "{settled}");
    assert!(lines(0).unwrap().items.len() > 10);
    assert_eq!(
        model
            .holds(1, &ThingFilter::default(), None, 10)
            .unwrap()
            .items,
        []
    );
    assert_eq!(lines(2).unwrap().items, []);
}

#[test]
fn paused_it_waits_and_an_opaque_id_cannot_be_checked_when_it_is_far_behind() {
    let dir = tempfile::tempdir().unwrap();
    let mut town = Town::new();
    let mut projection = town.follow(dir.path());
    town.caught_up(&projection);
    projection.pause();
    // What it may be doing now it finishes; the pause holds from its next look on.
    town.pay(1, 0);
    let head = town.journal.head().seq;
    let there = projection.wait_for(head, Duration::from_millis(50));
    projection.wake(head);
    assert!(!there && projection.progress().paused);
    assert_eq!(projection.progress().lag_rows, 1);
    projection.behind_max = Duration::ZERO;
    assert_eq!(
        projection.known(TenantNo(0), Id(1)),
        Err(Unavailable::ReadModelBehind)
    );
    projection.resume();
    town.caught_up(&projection);
    assert_eq!(projection.known(TenantNo(0), Id(1)), Ok(None));
}

#[test]
fn a_read_model_that_never_caught_up_says_how_old_what_is_missing_is() {
    let dir = tempfile::tempdir().unwrap();
    let mut town = Town::new();
    town.live();
    let options = ProjectionOptions {
        paused: true,
        behind_max: Duration::MAX,
        ..ProjectionOptions::default()
    };
    let projection = Projection::spawn(dir.path(), Box::new(town.disk.reader()), options).unwrap();
    let progress = projection.progress();
    assert!(progress.lag_rows > 0 && !progress.caught_up);
    // The town's clock began at a time before this machine's.
    let first = 1_790_000_000_000_u64;
    let now = u64::try_from(wall_ms()).unwrap();
    assert!(
        progress.lag_ms >= now.saturating_sub(first + 10_000),
        "{progress:?}"
    );
    assert_eq!(
        projection.known(TenantNo(0), Id(1)),
        Err(Unavailable::ReadModelBehind),
        "however far behind is allowed"
    );
    projection.resume();
    town.caught_up(&projection);
    let progress = projection.progress();
    assert!(progress.caught_up && progress.lag_ms == 0);
    assert_eq!(projection.known(TenantNo(0), Id(1)), Ok(None));
    drop(projection);
    // One that is whole is so at once.
    let projection = town.follow(dir.path());
    assert!(projection.progress().caught_up);
}
