//! The read model by itself, with plain rows.

use super::*;
use crate::testing::params_count_up;

fn event(no: u64, payer: u32, kind: u16) -> EventRow {
    EventRow {
        no,
        index: 0,
        part: 0,
        tenant: 0,
        kind,
        id: (u128::from(no) << 80) | 7,
        payer: Some(payer),
        payee: None,
        asset: Some(0),
        amount: u64::MAX - no,
        tax: 0,
        fee: 0,
        code: 0,
        of: 0,
    }
}

/// Rows of the journal with one event each; wallet `no % 5` pays, every thousandth is of kind 9.
fn rows(seqs: std::ops::RangeInclusive<u64>, no_of: impl Fn(u64) -> u64) -> Rows {
    let mut rows = Rows::default();
    for seq in seqs {
        let no = no_of(seq);
        let wallet = (no % 5) as u32;
        rows.batches.push(BatchRow {
            first_no: no,
            seq,
            at_ms: 1_000 + seq,
        });
        rows.events.push(event(
            no,
            wallet,
            if no.is_multiple_of(1_000) { 9 } else { 1 },
        ));
        let (account, amount, balance) = (wallet, i128::from(u64::MAX), i128::from(u64::MAX) * 2);
        rows.entries.push(EntryRow {
            wallet,
            no,
            account,
            amount,
            balance,
        });
        rows.applied = Applied {
            seq,
            hash: [1; 32],
            next_no: no + 1,
            balances_no: 1,
        };
    }
    rows
}

fn first() -> Rows {
    let mut first = rows(1..=1, |seq| seq);
    for no in 0..5 {
        let (tenant, id) = (0, u128::from(no) + 1);
        first.changes.push((
            1,
            Change::WalletOpened {
                no,
                tenant,
                id,
                party: 0,
            },
        ));
        let (class, owner, source) = ("wallet", no, Some("card"));
        let (sub, asset, origin) = (0, 0, None);
        let account = Change::AccountOpened {
            no,
            tenant,
            class,
            owner,
            sub,
            asset,
            source,
            origin,
        };
        first.changes.push((1, account));
    }
    first
}

#[test]
fn rows_written_twice_are_there_once_and_a_gap_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let model = ReadModel::open(dir.path(), 0).unwrap();
    let mut writer = model.writer();
    let (mut first, mut second) = (first(), rows(2..=500, |seq| seq));
    for rows in [&mut first, &mut second] {
        assert!(writer.write(rows).unwrap());
        assert!(!writer.write(rows).unwrap());
    }
    assert_eq!(model.as_of().unwrap(), 500);
    let all = model
        .events(0, &EventFilter::default(), None, 1_000)
        .unwrap();
    assert_eq!(all.items.len(), 500);
    assert_eq!(all.items[0].amount, u64::MAX - 500);
    let gap = writer.write(&mut rows(600..=601, |seq| seq)).unwrap_err();
    assert_eq!(gap.code(), "store_corrupt");
    assert_eq!(model.as_of().unwrap(), 500);
}

#[test]
fn a_full_disk_leaves_all_or_nothing_and_the_same_rows_can_be_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let model = ReadModel::open(dir.path(), 0).unwrap();
    let mut writer = model.writer();
    writer.write(&mut first()).unwrap();
    writer.limit_pages(1).unwrap();
    let mut more = rows(2..=20_000, |seq| seq);
    for _ in 0..2 {
        assert_eq!(writer.write(&mut more).unwrap_err().code(), "store_full");
        assert_eq!(model.as_of().unwrap(), 1);
    }
    writer.limit_pages(0).unwrap();
    assert!(writer.write(&mut more).unwrap());
    assert_eq!(model.as_of().unwrap(), 20_000);
}

#[test]
fn what_is_rare_is_found_among_many_and_over_runs() {
    let dir = tempfile::tempdir().unwrap();
    let model = ReadModel::open(dir.path(), 0).unwrap();
    let mut writer = model.writer();
    writer.write(&mut first()).unwrap();
    writer.write(&mut rows(2..=10_000, |seq| seq)).unwrap();
    // The numbers in between were never given: the runs before and after are what matters.
    let mut jump = rows(10_001..=10_001, |_| 10_001);
    jump.applied.next_no = 3 * RUN;
    writer.write(&mut jump).unwrap();
    writer
        .write(&mut rows(10_002..=12_001, |seq| 3 * RUN + seq - 10_002))
        .unwrap();

    let rare = EventFilter {
        kinds: vec![9],
        ..EventFilter::default()
    };
    let of_wallet = EventFilter {
        wallet: Some(1),
        ..EventFilter::default()
    };
    let statement = StatementFilter::default();
    for limit in [1, 7, 1_000] {
        for filter in [&rare, &of_wallet] {
            let (mut found, mut cursor) = (Vec::new(), None);
            loop {
                let page = model.events(0, filter, cursor.as_deref(), limit).unwrap();
                found.extend(page.items.into_iter().map(|line| line.no));
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            let numbers = (1..=10_001).chain(3 * RUN..3 * RUN + 2_000).rev();
            let wanted: Vec<u64> = match filter.wallet {
                None => numbers.filter(|no| no.is_multiple_of(1_000)).collect(),
                Some(_) => numbers.filter(|no| no.is_multiple_of(5)).collect(),
            };
            assert_eq!(found, wanted, "{filter:?} by {limit}");
        }
        let (mut lines, mut cursor) = (0, None);
        loop {
            let page = model
                .statement(0, 1, &statement, cursor.as_deref(), limit)
                .unwrap();
            lines += page.items.len();
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(lines, 2_400);
    }
    let (_, balances) = model.balances().unwrap();
    assert_eq!(balances[0].1, (u128::from(u64::MAX) * 2).to_string());
}

#[test]
fn one_that_is_damaged_or_of_another_version_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let model = ReadModel::open(dir.path(), 0).unwrap();
    model.writer().write(&mut first()).unwrap();
    drop(model);
    let db = rusqlite::Connection::open(dir.path().join(FILE)).unwrap();
    db.execute("UPDATE schema_migration SET checksum = 'other'", [])
        .unwrap();
    drop(db);
    assert_eq!(ReadModel::open(dir.path(), 0).unwrap().as_of().unwrap(), 0);
    fs::write(dir.path().join(FILE), vec![7; 20_000]).unwrap();
    assert_eq!(ReadModel::open(dir.path(), 0).unwrap().as_of().unwrap(), 0);
}

#[test]
fn a_law_is_listed_as_it_stands_and_a_pack_is_found_by_its_edition() {
    let dir = tempfile::tempdir().unwrap();
    let model = ReadModel::open(dir.path(), 0).unwrap();
    let mut writer = model.writer();
    let proposed = |id: u128, version: &str| Change::LawProposed {
        tenant: 0,
        id,
        proposer: 5,
        proposed: "{}".into(),
        packs: vec![("kr".into(), version.into())],
    };
    let approved = |id: u128| Change::LawApproved {
        tenant: 0,
        id,
        approver: 6,
        effective_ms: 2_000,
    };
    let activated = |id: u128, version: u32| Change::LawActivated {
        tenant: 0,
        id,
        version,
        packs: "[]".into(),
    };
    let mut lines = rows(1..=9, |seq| seq);
    let changes = [
        proposed(11, "a"),
        approved(11),
        activated(11, 1),
        proposed(12, "b"),
        approved(12),
        activated(12, 2),
        proposed(13, "c"),
        Change::LawRejected { tenant: 0, id: 13 },
        proposed(14, "b"),
    ];
    lines.changes = (1..).zip(changes).collect();
    writer.write(&mut lines).unwrap();
    let laws = model.laws(0, None, None, 10).unwrap().items;
    let states: Vec<(u128, &str)> = laws.iter().map(|l| (l.id, l.state.as_str())).collect();
    let expected = [
        (14, "proposed"),
        (13, "rejected"),
        (12, "active"),
        (11, "replaced"),
    ];
    assert_eq!(states, expected);
    let active = model.laws(0, Some("active"), None, 10).unwrap().items;
    assert_eq!(active, [laws[2].clone()]);
    assert_eq!(model.law(0, 12).unwrap(), Some(laws[2].clone()));
    assert_eq!(model.law(1, 12).unwrap(), None);
    assert_eq!(laws[2].effective_ms, Some(2_000));
    assert_eq!((laws[2].proposer, laws[2].approver), (5, Some(6)));
    assert_eq!(laws[2].activated_ms, Some(1_006));
    let first = model.activations(0, None, 1).unwrap();
    assert_eq!(first.items[0].version, Some(2));
    let second = model.activations(0, first.next.as_deref(), 1).unwrap();
    assert_eq!(second.items[0].version, Some(1));
    let seqs = |version: &str| -> Vec<u64> {
        let found = model.pack_proposed(0, "kr", version).unwrap();
        found.iter().map(|at| at.seq).collect()
    };
    assert_eq!(seqs("a"), [1]);
    assert_eq!(seqs("b"), [9, 4], "the last first");
    assert_eq!(seqs("d"), [0; 0]);
    assert_eq!(model.activation(0, 1).unwrap(), Some(laws[3].clone()));
    assert_eq!(model.activation(0, 3).unwrap(), None);
    assert_eq!(model.pack_proposed(1, "kr", "a").unwrap(), []);
}

#[test]
fn every_statement_fits_the_schema_and_numbers_its_parameters_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let model = ReadModel::open(dir.path(), 0).unwrap();
    let all = [
        about::sql::ALL,
        change::sql::ALL,
        events::sql::ALL,
        laws::sql::ALL,
        lists::sql::ALL,
        statement::sql::ALL,
        things::sql::ALL,
        totals::sql::ALL,
        write::sql::ALL,
        &[sql::AS_OF, about::SINCE],
    ];
    for sql in all.concat() {
        model.db.writer().prepare(sql).unwrap();
        assert!(params_count_up(sql), "{sql}");
    }
}

#[test]
fn no_list_sorts_or_reads_a_whole_table() {
    let dir = tempfile::tempdir().unwrap();
    let model = ReadModel::open(dir.path(), 0).unwrap();
    let db = model.db.writer();
    let lists = [
        about::sql::NEWEST,
        events::sql::OF_BLOCK,
        events::sql::OF_WALLET,
        events::sql::LINE,
        events::sql::BLOCK_BEFORE,
        statement::sql::LINES,
        laws::sql::LAWS,
        laws::sql::ACTIVATIONS,
        laws::sql::PACK,
        lists::sql::PARTIES,
        lists::sql::WALLETS,
        lists::sql::WALLETS_OF,
        things::sql::TOPUPS,
        things::sql::TOPUPS_OF,
        totals::sql::LATER,
    ];
    for sql in lists {
        let mut explain = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let count = explain.parameter_count();
        let nulls = vec![rusqlite::types::Null; count];
        let plan: Vec<String> = explain
            .query_map(rusqlite::params_from_iter(nulls), |row| row.get(3))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert!(
            !plan.iter().any(|step| step.contains("TEMP B-TREE")),
            "{sql}: {plan:?}"
        );
        assert!(
            !plan.iter().any(|step| step.starts_with("SCAN")),
            "{sql}: {plan:?}"
        );
    }
}
