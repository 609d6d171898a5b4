//! What putting, getting and erasing text promise.

use std::fs;

use proptest::prelude::*;

use super::*;
use crate::testing::Seeded;

const TENANT: u128 = 1;
const ADA: u128 = 10;
const BEN: u128 = 11;

fn text(reference: &str) -> Details {
    Details {
        reference: Some(reference.into()),
        ..Details::default()
    }
}

fn payment(thing: u128) -> About {
    About {
        tenant: TENANT,
        kind: Kind::Payment,
        thing,
    }
}

fn about(thing: u128, subject: u128, details: &Details) -> NewDetails<'_> {
    NewDetails {
        about: payment(thing),
        command: thing,
        subject,
        details,
    }
}

/// Puts one and says under which hash.
fn put(store: &Store, new: NewDetails<'_>, random: &mut Seeded) -> Option<TextHash> {
    match store.put_many(&[new], 0, random).unwrap()[..] {
        [Put::Stored(hash) | Put::Known(hash)] => Some(hash),
        _ => None,
    }
}

fn texts_count(store: &Store) -> i64 {
    let count = |row: &Row<'_>| row.get(0);
    let writer = store.db.writer();
    writer
        .query_row("SELECT count(*) FROM texts", [], count)
        .unwrap()
}

#[test]
fn text_put_is_text_got_after_reopening_too() {
    let dir = tempfile::tempdir().unwrap();
    let random = &mut Seeded::new(1);
    let full = Details {
        reference: Some("INV-7".into()),
        description: Some("tea & biscuits".into()),
        name: Some("Ada".into()),
        email: Some("ada@example.org".into()),
        metadata: Some([("seat".into(), "4b".into())].into()),
        tax_number: None,
    };
    let hash = {
        let store = Store::open(dir.path(), 0).unwrap();
        put(&store, about(5, ADA, &full), random).unwrap()
    };
    let store = Store::open(dir.path(), 1).unwrap();
    let found = |about, hash| store.details(about, hash).unwrap();
    assert_eq!(found(payment(5), hash), Found::Details(full));
    for other in [
        payment(6),
        About {
            tenant: 2,
            ..payment(5)
        },
        About {
            kind: Kind::Refund,
            ..payment(5)
        },
    ] {
        assert_eq!(found(other, hash), Found::Absent);
    }
    assert_eq!(found(payment(5), [0; 16]), Found::Absent);
}

#[test]
fn versions_stand_beside_each_other_until_one_is_dropped_or_placed() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), 0).unwrap();
    let random = &mut Seeded::new(1);
    let (a, b) = (text("a"), text("b"));
    let batch = [
        about(1, ADA, &a),
        about(1, ADA, &a),
        about(1, ADA, &b),
        about(1, BEN, &a),
        NewDetails {
            command: 9,
            ..about(1, ADA, &a)
        },
    ];
    let put = store.put_many(&batch, 0, random).unwrap();
    let hashes: Vec<TextHash> = put
        .iter()
        .map(|put| match put {
            Put::Stored(hash) | Put::Known(hash) => *hash,
            Put::Erased => panic!("nobody is erased"),
        })
        .collect();
    assert_eq!(put[1], Put::Known(hashes[0]));
    assert!(
        put.iter()
            .filter(|put| matches!(put, Put::Stored(_)))
            .count()
            == 4
    );
    assert_eq!(texts_count(&store), 4);
    store.place_details(payment(1), hashes[2], (7, 1)).unwrap();
    store.place_details(payment(1), hashes[4], (6, 2)).unwrap();
    let drops: Vec<_> = hashes.iter().map(|hash| (payment(1), *hash)).collect();
    assert_eq!(store.put_and_drop(&[], &drops, 0, random).unwrap(), []);
    let versions = store.versions(payment(1)).unwrap();
    let brief: Vec<_> = versions
        .into_iter()
        .map(|v| (v.hash, v.command, v.place, v.found))
        .collect();
    assert_eq!(
        brief,
        [
            (hashes[4], 9, Some((6, 2)), Found::Details(a)),
            (hashes[2], 1, Some((7, 1)), Found::Details(b)),
        ],
        "what is placed is not dropped"
    );
}

#[test]
fn a_batch_answers_for_each() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), 0).unwrap();
    let random = &mut Seeded::new(1);
    let a = text("a");
    store.erase_subject(TENANT, BEN, 0).unwrap();
    let batch = [about(1, ADA, &a), about(2, BEN, &a), about(3, ADA, &a)];
    let put = store.put_many(&batch, 0, random).unwrap();
    assert!(matches!(
        put[..],
        [Put::Stored(_), Put::Erased, Put::Stored(_)]
    ));
    assert_eq!(store.put_many(&[], 0, random).unwrap(), []);
}

#[test]
fn too_much_text_is_refused_and_nothing_of_its_batch_stored() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), 0).unwrap();
    let random = &mut Seeded::new(1);
    let (small, large) = (text("a"), text(&"x".repeat(TEXT_BYTES_MAX)));
    let put = store.put_many(&[about(1, ADA, &small), about(2, ADA, &large)], 0, random);
    assert_eq!(put.unwrap_err().code(), "details_too_large");
    assert_eq!(texts_count(&store), 0);
}

#[test]
fn a_change_leaves_what_it_does_not_say_and_takes_away_what_it_empties() {
    let base = Details {
        name: Some("Ada".into()),
        email: Some("ada@example.org".into()),
        metadata: Some([("k".into(), "v".into())].into()),
        ..Details::default()
    };
    let change = Details {
        name: Some("Ada L.".into()),
        email: Some(String::new()),
        ..Details::default()
    };
    let changed = base.clone().changed_by(change);
    assert_eq!(
        changed,
        Details {
            name: Some("Ada L.".into()),
            email: None,
            ..base.clone()
        }
    );
    let emptied = changed.changed_by(Details {
        metadata: Some(BTreeMap::new()),
        ..Details::default()
    });
    assert_eq!(emptied.metadata, None);
    assert_eq!(base.clone().changed_by(Details::default()), base);
    assert_eq!(base.first_difference(&emptied), Some("name"));
}

#[test]
fn erasing_a_person_takes_their_text_and_no_one_elses() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), 0).unwrap();
    let random = &mut Seeded::new(1);
    let (a, b) = (text("a"), text("b"));
    let of_ada = put(&store, about(1, ADA, &a), random).unwrap();
    let of_ben = put(&store, about(2, BEN, &b), random).unwrap();
    assert!(store.erase_subject(TENANT, ADA, 1).unwrap());
    assert_eq!(store.details(payment(1), of_ada).unwrap(), Found::Erased);
    assert_eq!(
        store.details(payment(2), of_ben).unwrap(),
        Found::Details(b)
    );
    for thing in [1, 3] {
        assert_eq!(put(&store, about(thing, ADA, &a), random), None);
    }
}

#[test]
fn restoring_an_old_store_does_not_bring_an_erased_person_back() {
    let dir = tempfile::tempdir().unwrap();
    let backup = dir.path().join("backup");
    let random = &mut Seeded::new(1);
    let (a, b) = (text("a"), text("b"));
    let (of_ada, of_ben) = {
        let store = Store::open(dir.path(), 0).unwrap();
        let hashes = (
            put(&store, about(1, ADA, &a), random).unwrap(),
            put(&store, about(2, BEN, &b), random).unwrap(),
        );
        store.backup_store(&backup).unwrap();
        store.erase_subject(TENANT, ADA, 1).unwrap();
        hashes
    };
    fs::copy(backup.join("store.db"), dir.path().join("store.db")).unwrap();
    let store = Store::open(dir.path(), 2).unwrap();
    assert_eq!(store.details(payment(1), of_ada).unwrap(), Found::Erased);
    assert_eq!(
        store.details(payment(2), of_ben).unwrap(),
        Found::Details(b)
    );
}

#[test]
fn a_backup_of_both_files_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let backup = dir.path().join("backup");
    let store = Store::open(dir.path(), 0).unwrap();
    let random = &mut Seeded::new(1);
    let a = text("a");
    let hash = put(&store, about(1, ADA, &a), random).unwrap();
    store.backup(&backup).unwrap();
    store.erase_subject(TENANT, ADA, 1).unwrap();
    let restored = Store::open(&backup, 2).unwrap();
    assert_eq!(
        restored.details(payment(1), hash).unwrap(),
        Found::Details(a)
    );
}

#[test]
fn a_body_moved_or_without_its_key_is_unreadable() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), 0).unwrap();
    let random = &mut Seeded::new(1);
    let a = text("a");
    let hashes = [(1, ADA), (2, ADA), (3, BEN)]
        .map(|(thing, subject)| put(&store, about(thing, subject, &a), random).unwrap());
    let run = |db: &crate::db::Db, sql: &str| db.writer().execute(sql, []).unwrap();
    run(
        &store.db,
        "UPDATE texts SET body = (SELECT body FROM texts ORDER BY thing LIMIT 1)",
    );
    let found = |thing: u128| {
        let hash = hashes[thing as usize - 1];
        store.details(payment(thing), hash).unwrap()
    };
    assert_eq!(found(1), Found::Details(a));
    assert_eq!((found(2), found(3)), (Found::Unreadable, Found::Unreadable));
    run(&store.keys.db, "DELETE FROM subject_keys");
    assert_eq!(found(1), Found::Unreadable);
}

#[test]
fn text_is_in_no_file_and_in_no_debug_output() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), 0).unwrap();
    let secret = Details {
        name: Some("Ada Lovelace".into()),
        metadata: Some([("Ada Lovelace".into(), "Ada Lovelace".into())].into()),
        ..Details::default()
    };
    let new = about(1, ADA, &secret);
    put(&store, new, &mut Seeded::new(1)).unwrap();
    for entry in fs::read_dir(dir.path()).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(12).any(|window| window == b"Ada Lovelace"));
    }
    let shown = format!("{new:?} {:?}", Found::Details(secret.clone()));
    assert!(!shown.contains("Lovelace"), "{shown}");
    assert!(
        shown.contains("name: true, email: false, metadata: 1"),
        "{shown}"
    );
}

#[test]
fn writers_and_an_eraser_together_leave_nothing_readable() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), 0).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..3_u128 {
            let store = &store;
            scope.spawn(move || {
                let random = &mut Seeded::new(writer as u64);
                for n in 0..20 {
                    let details = text("a");
                    put(store, about(writer * 100 + n, ADA, &details), random);
                }
            });
        }
        store.erase_subject(TENANT, ADA, 1).unwrap();
    });
    for thing in 0..300 {
        for version in store.versions(payment(thing)).unwrap() {
            assert_eq!(version.found, Found::Erased);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_text_comes_back_as_it_went(
        reference in proptest::option::of(".*"),
        metadata in proptest::option::of(proptest::collection::btree_map(".*", ".*", 0..4)),
    ) {
        let details = Details { reference, metadata, ..Details::default() };
        let text = details.encode().unwrap();
        prop_assert_eq!(serde_json::from_slice::<Details>(&text).unwrap(), details);
    }
}
