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

fn about<'a>(thing: u128, subject: u128, details: &'a Details) -> NewDetails<'a> {
    NewDetails {
        tenant: TENANT,
        thing,
        subject,
        details,
    }
}

fn code<T>(result: Result<T, Error>) -> &'static str {
    result.map_or_else(|error| error.code(), |_| "ok")
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
        metadata: [("seat".into(), "4b".into())].into(),
    };
    {
        let store = Store::open(dir.path(), 0).unwrap();
        store.put_details(about(5, ADA, &full), 0, random).unwrap();
    }
    let store = Store::open(dir.path(), 1).unwrap();
    assert_eq!(store.get_details(TENANT, 5).unwrap(), Some(full));
    assert_eq!(store.get_details(TENANT, 6).unwrap(), None);
    assert_eq!(store.get_details(2, 5).unwrap(), None, "another tenant's");
}

#[test]
fn the_same_again_is_ok_and_other_text_is_a_conflict_that_names_the_field() {
    let base = Details {
        reference: Some("a".into()),
        metadata: [("k".into(), "v".into())].into(),
        ..Details::default()
    };
    let with = |change: fn(&mut Details)| {
        let mut details = base.clone();
        change(&mut details);
        details
    };
    let conflict = |field| Put::Conflict { field };
    let rows = [
        (ADA, base.clone(), Put::Known),
        (ADA, with(|d| d.reference = None), conflict("reference")),
        (
            ADA,
            with(|d| d.description = Some("b".into())),
            conflict("description"),
        ),
        (ADA, with(|d| d.name = Some("b".into())), conflict("name")),
        (ADA, with(|d| d.email = Some("b".into())), conflict("email")),
        (ADA, with(|d| d.metadata.clear()), conflict("metadata")),
        (BEN, base.clone(), conflict("subject")),
        (ADA, base.clone(), Put::Known),
    ];
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), 0).unwrap();
    let random = &mut Seeded::new(1);
    let first = store.put_many(&[about(5, ADA, &base)], 0, random).unwrap();
    assert_eq!(first, [Put::Stored]);
    for (row, (subject, details, expected)) in rows.iter().enumerate() {
        let put = store.put_many(&[about(5, *subject, details)], 0, random);
        assert_eq!(put.unwrap(), [*expected], "row {row}");
        assert_eq!(store.get_details(TENANT, 5).unwrap().as_ref(), Some(&base));
    }
    let other = text("other");
    let new = about(5, ADA, &other);
    assert_eq!(code(store.put_details(new, 0, random)), "details_conflict");
    store.replace_details(new, 0, random).unwrap();
    assert_eq!(store.get_details(TENANT, 5).unwrap(), Some(other));
}

#[test]
fn a_batch_answers_for_each_and_a_conflict_stops_no_neighbour() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), 0).unwrap();
    let random = &mut Seeded::new(1);
    let (a, b) = (text("a"), text("b"));
    store.erase_subject(TENANT, BEN, 0).unwrap();
    let put = store.put_many(
        &[
            about(1, ADA, &a),
            about(1, ADA, &a),
            about(1, ADA, &b),
            about(2, BEN, &b),
            about(3, ADA, &b),
        ],
        0,
        random,
    );
    let reference = Put::Conflict { field: "reference" };
    assert_eq!(
        put.unwrap(),
        [Put::Stored, Put::Known, reference, Put::Erased, Put::Stored]
    );
    assert_eq!(
        store.get_many(TENANT, &[3, 2, 1, 1]).unwrap(),
        [
            Found::Details(b),
            Found::Absent,
            Found::Details(a.clone()),
            Found::Details(a)
        ]
    );
    assert_eq!(store.put_many(&[], 0, random).unwrap(), []);
    assert_eq!(store.get_many(TENANT, &[]).unwrap(), []);
}

#[test]
fn too_much_text_is_refused_and_nothing_of_its_batch_stored() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), 0).unwrap();
    let random = &mut Seeded::new(1);
    let (small, large) = (text("a"), text(&"x".repeat(TEXT_BYTES_MAX)));
    let put = store.put_many(&[about(1, ADA, &small), about(2, ADA, &large)], 0, random);
    assert_eq!(code(put), "details_too_large");
    assert_eq!(store.get_details(TENANT, 1).unwrap(), None);
}

#[test]
fn erasing_a_person_takes_their_text_and_no_one_elses() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), 0).unwrap();
    let random = &mut Seeded::new(1);
    let (a, b) = (text("a"), text("b"));
    store.put_details(about(1, ADA, &a), 0, random).unwrap();
    store.put_details(about(2, BEN, &b), 0, random).unwrap();
    assert!(store.erase_subject(TENANT, ADA, 1).unwrap());

    assert_eq!(code(store.get_details(TENANT, 1)), "details_erased");
    assert_eq!(store.get_details(TENANT, 2).unwrap(), Some(b.clone()));
    for thing in [1, 3] {
        let again = about(thing, ADA, &a);
        assert_eq!(code(store.put_details(again, 2, random)), "details_erased");
        assert_eq!(
            code(store.replace_details(again, 2, random)),
            "details_erased"
        );
    }
    let found = store.get_many(TENANT, &[1, 2]).unwrap();
    assert_eq!(found, [Found::Erased, Found::Details(b)]);
}

#[test]
fn restoring_an_old_store_does_not_bring_an_erased_person_back() {
    let dir = tempfile::tempdir().unwrap();
    let backup = dir.path().join("backup");
    let random = &mut Seeded::new(1);
    let (a, b) = (text("a"), text("b"));
    {
        let store = Store::open(dir.path(), 0).unwrap();
        store.put_details(about(1, ADA, &a), 0, random).unwrap();
        store.put_details(about(2, BEN, &b), 0, random).unwrap();
        store.backup_store(&backup).unwrap();
        store.erase_subject(TENANT, ADA, 1).unwrap();
    }
    fs::copy(backup.join("store.db"), dir.path().join("store.db")).unwrap();
    let store = Store::open(dir.path(), 2).unwrap();
    assert_eq!(code(store.get_details(TENANT, 1)), "details_erased");
    assert_eq!(store.get_details(TENANT, 2).unwrap(), Some(b));
}

#[test]
fn a_backup_of_both_files_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let backup = dir.path().join("backup");
    let store = Store::open(dir.path(), 0).unwrap();
    let random = &mut Seeded::new(1);
    let a = text("a");
    store.put_details(about(1, ADA, &a), 0, random).unwrap();
    store.backup(&backup).unwrap();
    store.erase_subject(TENANT, ADA, 1).unwrap();
    let restored = Store::open(&backup, 2).unwrap();
    assert_eq!(restored.get_details(TENANT, 1).unwrap(), Some(a));
}

#[test]
fn a_body_altered_moved_or_without_its_key_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), 0).unwrap();
    let random = &mut Seeded::new(1);
    let (a, b) = (text("a"), text("b"));
    for (thing, subject) in [(1, ADA), (2, ADA), (3, BEN)] {
        store
            .put_details(about(thing, subject, &a), 0, random)
            .unwrap();
    }
    store
        .db
        .writer()
        .execute(
            "UPDATE details SET body = (SELECT body FROM details WHERE thing = $1)",
            [1_u128.to_be_bytes()],
        )
        .unwrap();
    assert_eq!(store.get_details(TENANT, 1).unwrap(), Some(a.clone()));
    assert_eq!(code(store.get_details(TENANT, 2)), "details_unreadable");
    assert_eq!(
        code(store.put_details(about(2, ADA, &b), 0, random)),
        "details_unreadable"
    );
    store.replace_details(about(2, ADA, &b), 0, random).unwrap();
    assert_eq!(store.get_details(TENANT, 2).unwrap(), Some(b));
    store
        .keys
        .db
        .writer()
        .execute("DELETE FROM subject_keys", [])
        .unwrap();
    let found = store.get_many(TENANT, &[1, 4]).unwrap();
    assert_eq!(found, [Found::Unreadable, Found::Absent]);
}

#[test]
fn text_is_in_no_file_and_in_no_debug_output() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), 0).unwrap();
    let secret = Details {
        name: Some("Ada Lovelace".into()),
        metadata: [("Ada Lovelace".into(), "Ada Lovelace".into())].into(),
        ..Details::default()
    };
    let new = about(1, ADA, &secret);
    store.put_details(new, 0, &mut Seeded::new(1)).unwrap();
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
                    let put = store.put_details(about(writer * 100 + n, ADA, &details), 0, random);
                    assert!(["ok", "details_erased"].contains(&code(put)));
                }
            });
        }
        store.erase_subject(TENANT, ADA, 1).unwrap();
    });
    let things: Vec<u128> = (0..300).collect();
    let found = store.get_many(TENANT, &things).unwrap();
    assert!(
        found
            .iter()
            .all(|f| matches!(f, Found::Absent | Found::Erased))
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_text_comes_back_as_it_went(
        reference in proptest::option::of(".*"),
        metadata in proptest::collection::btree_map(".*", ".*", 0..4),
    ) {
        let details = Details { reference, metadata, ..Details::default() };
        let text = details.encode().unwrap();
        prop_assert_eq!(serde_json::from_slice::<Details>(&text).unwrap(), details);
    }
}
