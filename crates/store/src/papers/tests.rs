use super::*;
use crate::testing::Seeded;

const TENANT: u128 = 1;
const SELLER: u128 = 7;
const FIFTY: Covered = Covered::whole(50);
const FIFTY_ONE: Covered = Covered::whole(51);
const FIFTY_TWO: Covered = Covered::whole(52);

fn open(dir: &tempfile::TempDir) -> Store {
    Store::open(dir.path(), 0).unwrap()
}

fn new(id: u128, covers: &[Covered]) -> NewPaper<'_> {
    NewPaper {
        tenant: TENANT,
        id,
        seller: SELLER,
        kind: "invoice",
        supply: PaperSupply::Sale,
        year: 2026,
        asked: [0; 32],
        original: None,
        covers,
    }
}

fn made(number: u64) -> Result<Made, &'static str> {
    Ok(Made {
        label: format!("2026-{number}"),
        forms: vec![("json", format!("paper {number}").into_bytes())],
        to_post: None,
    })
}

fn issue(store: &Store, new: &NewPaper<'_>) -> Issue<&'static str> {
    let seed = new.id as u64;
    store
        .issue_paper(new, 5, &mut Seeded::new(seed), made)
        .unwrap()
}

fn number(issue: &Issue<&'static str>) -> u64 {
    match issue {
        Issue::Issued(paper) => paper.number,
        other => panic!("not issued: {other:?}"),
    }
}

#[test]
fn each_series_counts_from_one_without_gaps() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    assert_eq!(number(&issue(&store, &new(1, &[]))), 1);
    let failed = store.issue_paper(&new(2, &[FIFTY]), 5, &mut Seeded::new(2), |_| {
        Err("no buyer")
    });
    assert_eq!(failed.unwrap(), Issue::Failed("no buyer"));
    assert_eq!(number(&issue(&store, &new(3, &[FIFTY]))), 2);
    let others = [
        NewPaper {
            year: 2027,
            ..new(4, &[])
        },
        NewPaper {
            seller: 8,
            ..new(5, &[])
        },
        NewPaper {
            kind: "credit_note",
            ..new(6, &[])
        },
        NewPaper {
            tenant: 2,
            ..new(1, &[])
        },
    ];
    for other in &others {
        assert_eq!(number(&issue(&store, other)), 1, "{other:?}");
    }
    assert_eq!(number(&issue(&store, &new(7, &[]))), 3);
}

#[test]
fn the_same_asked_again_is_the_same_and_anything_else_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    assert_eq!(number(&issue(&store, &new(1, &[FIFTY, FIFTY_ONE]))), 1);
    assert!(
        matches!(issue(&store, &new(1, &[FIFTY, FIFTY_ONE])), Issue::Known(paper) if paper.number == 1)
    );
    let other = NewPaper {
        asked: [1; 32],
        ..new(1, &[FIFTY])
    };
    assert!(matches!(issue(&store, &other), Issue::Other(_)));
    let again = issue(&store, &new(2, &[FIFTY_TWO, FIFTY_ONE]));
    assert_eq!(
        again,
        Issue::Covered {
            thing: 51,
            paper: 1
        }
    );
    // What was tried covers nothing.
    assert_eq!(
        store
            .paper_of(TENANT, FIFTY_TWO, PaperSupply::Sale)
            .unwrap(),
        None
    );
    assert_eq!(number(&issue(&store, &new(3, &[FIFTY_TWO]))), 2);
    assert_eq!(store.paper_covers(TENANT, 1).unwrap(), [FIFTY, FIFTY_ONE]);
}

#[test]
fn a_form_stays_as_it_was_first_written_and_is_not_on_disk_in_the_clear() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let _ = issue(&store, &new(1, &[]));
    let form = |name: &str| store.paper_form(TENANT, 1, name).unwrap();
    assert_eq!(form("json").as_deref(), Some(b"paper 1".as_slice()));
    assert_eq!(form("pdf"), None);
    for (bytes, kept) in [(b"first", b"first"), (b"later", b"first")] {
        let random = &mut Seeded::new(9);
        let found = store.keep_paper_form(TENANT, 1, "pdf", bytes, 6, random);
        assert_eq!(found.unwrap(), kept);
    }
    assert_eq!(store.paper_form(2, 1, "json").unwrap(), None);
    drop(store);
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(7).any(|part| part == b"paper 1"));
    }
}

#[test]
fn erasing_a_person_leaves_the_papers() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let _ = issue(&store, &new(1, &[]));
    let _ = store.erase_subject(TENANT, SELLER, 9).unwrap();
    assert!(store.paper_form(TENANT, 1, "json").unwrap().is_some());
}

#[test]
fn many_at_once_in_two_programs_get_each_number_once() {
    const EACH: u128 = 25;
    let dir = tempfile::tempdir().unwrap();
    // Two stores on one file, as two programs would have, and four threads on each.
    let stores = [open(&dir), open(&dir)];
    let mut numbers = std::thread::scope(|scope| {
        let start = |at: u128| {
            let store = &stores[(at % 2) as usize];
            scope.spawn(move || {
                let ids = (0..EACH).map(|n| at * EACH + n + 1);
                ids.map(|id| number(&issue(store, &new(id, &[]))))
                    .collect::<Vec<_>>()
            })
        };
        let threads: Vec<_> = (0..8).map(start).collect();
        let numbers = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap());
        numbers.collect::<Vec<_>>()
    });
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=8 * EACH as u64).collect::<Vec<_>>());
}

#[test]
fn a_crash_before_the_commit_takes_the_number_back() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let crashed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let panics = |_| -> Result<Made, &'static str> { panic!("the machine stops here") };
        let _ = store.issue_paper(&new(1, &[FIFTY]), 5, &mut Seeded::new(1), panics);
    }));
    assert!(crashed.is_err());
    drop(store);
    let store = open(&dir);
    assert_eq!(
        store.paper_of(TENANT, FIFTY, PaperSupply::Sale).unwrap(),
        None
    );
    assert_eq!(number(&issue(&store, &new(2, &[FIFTY]))), 1);
}

#[test]
fn papers_are_listed_by_kind_and_seller_newest_first() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    // The order of issue counts, not that of ids.
    for id in [4, 2, 3] {
        let _ = issue(&store, &new(id, &[]));
    }
    let _ = issue(
        &store,
        &NewPaper {
            seller: 8,
            ..new(1, &[])
        },
    );
    let _ = issue(
        &store,
        &NewPaper {
            kind: "credit_note",
            original: Some(4),
            ..new(5, &[])
        },
    );
    let ids = |is_credit_note, seller, before, limit| {
        let page = store
            .papers(TENANT, is_credit_note, seller, before, limit)
            .unwrap();
        (
            page.items.iter().map(|paper| paper.id).collect::<Vec<_>>(),
            page.next,
        )
    };
    assert_eq!(ids(false, None, None, 2), (vec![1, 3], Some(3)));
    assert_eq!(ids(false, None, Some(3), 2), (vec![2, 4], None));
    assert_eq!(ids(false, Some(SELLER), None, 10), (vec![3, 2, 4], None));
    assert_eq!(ids(true, None, None, 10), (vec![5], None));
    assert_eq!(store.paper(TENANT, 5).unwrap().unwrap().original, Some(4));
}

#[test]
fn a_payment_stands_on_a_paper_once_as_a_sale_and_once_as_a_fee() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let as_fee = |id| NewPaper {
        supply: PaperSupply::Fee,
        ..new(id, &[FIFTY])
    };
    assert_eq!(number(&issue(&store, &new(1, &[FIFTY]))), 1);
    assert_eq!(number(&issue(&store, &as_fee(2))), 2);
    let again = issue(&store, &as_fee(3));
    let (thing, paper) = (50, 2);
    assert_eq!(again, Issue::Covered { thing, paper });
    let of = |supply| store.paper_of(TENANT, FIFTY, supply).unwrap();
    assert_eq!(
        (of(PaperSupply::Sale), of(PaperSupply::Fee)),
        (Some(1), Some(2))
    );
    assert_eq!(
        store.paper(TENANT, 2).unwrap().unwrap().supply,
        PaperSupply::Fee
    );
}

#[test]
fn each_share_of_a_payment_stands_on_a_paper_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let share = |seller, case| Covered {
        thing: 50,
        seller,
        case,
    };
    let (first, second) = ([share(7, 1), FIFTY_ONE], [share(7, 2), share(8, 1)]);
    assert_eq!(number(&issue(&store, &new(1, &first))), 1);
    assert_eq!(number(&issue(&store, &new(2, &second))), 2);
    let again = issue(&store, &new(3, &second));
    let (thing, paper) = (50, 2);
    assert_eq!(again, Issue::Covered { thing, paper });
    let of = |covered| store.paper_of(TENANT, covered, PaperSupply::Sale).unwrap();
    let found = [(7, 1), (7, 2), (8, 1), (8, 2)].map(|(seller, case)| of(share(seller, case)));
    assert_eq!(found, [Some(1), Some(2), Some(2), None]);
    assert_eq!(store.paper_covers(TENANT, 1).unwrap(), first);
}

#[test]
fn what_stood_on_papers_before_stands_there_whole() {
    use crate::migrate::STORE;
    let file = rusqlite::Connection::open_in_memory().unwrap();
    let run = |steps: &[crate::migrate::Migration]| {
        for step in steps {
            file.execute_batch(step.sql).unwrap();
        }
    };
    run(&STORE[..8]);
    let insert =
        "INSERT INTO paper_covers (tenant, thing, supply, paper) VALUES ($1, $2, 'fee', $3)";
    let bytes = [TENANT, 50, 1].map(u128::to_be_bytes);
    file.execute(insert, bytes).unwrap();
    run(&STORE[8..]);
    let read = |row: &Row<'_>| {
        let ids = [row.get(0)?, row.get(1)?].map(u128::from_be_bytes);
        Ok((ids, row.get::<_, u32>(2)?))
    };
    let found = file.query_row(sql::COVERS, [bytes[0], bytes[2]], read);
    assert_eq!(found.unwrap(), ([50, 0], 0));
}

#[test]
fn what_is_to_be_posted_waits_over_a_restart_until_it_is_noted() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    for (id, to_post) in [(1, Some(&b"seven"[..])), (2, None), (3, Some(b"three"))] {
        let issued = store.issue_paper(&new(id, &[]), 5, &mut Seeded::new(9), |number| {
            let to_post = to_post.map(<[u8]>::to_vec);
            made(number).map(|made| Made { to_post, ..made })
        });
        assert!(matches!(issued, Ok(Issue::Issued(paper)) if paper.is_posted == to_post.is_none()));
    }
    drop(store);
    let store = open(&dir);
    assert_eq!(store.papers_to_post(9).unwrap(), [(TENANT, 1), (TENANT, 3)]);
    let seven = store.paper_to_post(TENANT, 1).unwrap();
    assert_eq!(seven.as_deref(), Some(&b"seven"[..]));
    store.paper_posted(TENANT, 1).unwrap();
    assert_eq!(store.papers_to_post(9).unwrap(), [(TENANT, 3)]);
    assert!(store.paper(TENANT, 1).unwrap().unwrap().is_posted);
}
