//! The keys of people's text: a file of its own, so that its backups can be
//! kept for days where the store's are kept for years. Restoring an old store
//! then brings nobody back; only restoring an old *key* file could.
//!
//! * A key is durable before any text is written under it.
//! * A destroyed key is wiped from the file and from its log, and leaves a
//!   mark: no new key is ever made for that person.
//! * Keys are not cached between calls, so an erasure by any process holds for
//!   all at once. SQLite's page cache may hold a page until it is reused.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use crate::db::Db;
use crate::error::Error;
use crate::migrate;
use crate::random::Random;
use crate::seal::SubjectKey;

pub(crate) mod sql {
    pub const FIND: &str = "SELECT secret FROM subject_keys WHERE tenant = $1 AND subject = $2";
    pub const INSERT: &str = "INSERT INTO subject_keys (tenant, subject, secret, created_at)
        VALUES ($1, $2, $3, $4) ON CONFLICT (tenant, subject) DO NOTHING";
    pub const ERASE: &str =
        "INSERT INTO subject_keys (tenant, subject, secret, created_at, erased_at)
        VALUES ($1, $2, NULL, $3, $3)
        ON CONFLICT (tenant, subject) DO UPDATE SET secret = NULL, erased_at = excluded.erased_at
        WHERE subject_keys.secret IS NOT NULL";
    pub const ERASED_AT: &str =
        "SELECT erased_at FROM subject_keys WHERE tenant = $1 AND subject = $2";
    #[cfg(test)]
    pub const ALL: &[&str] = &[FIND, INSERT, ERASE, ERASED_AT];
}

pub struct Keys {
    pub(crate) db: Db,
}

/// A person, scoped by tenant as every id is.
pub(crate) type Subject = (u128, u128);

#[derive(Clone)]
pub(crate) enum KeyState {
    Absent,
    Live(SubjectKey),
    Erased,
}

impl Keys {
    /// Opens or creates the key file.
    pub fn open(path: &Path, now_ms: i64) -> Result<Self, Error> {
        let db = Db::open(path, migrate::KEYS, now_ms)?;
        Ok(Self { db })
    }

    /// Destroys a person's key: everything written under it is unreadable from
    /// now on, here and in every backup of the store. Says whether there was
    /// a key. Erasing again is harmless, and finishes an erasure that
    /// answered [`Error::EraseUnfinished`].
    ///
    /// What lies below the file system (old blocks of an SSD, snapshots of a
    /// volume) and backups of the key file are the operator's to age out.
    pub fn erase(&self, tenant: u128, subject: u128, now_ms: i64) -> Result<bool, Error> {
        let mut writer = self.db.writer();
        let tx = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let had_key = matches!(find(&tx, (tenant, subject))?, KeyState::Live(_));
        tx.prepare_cached(sql::ERASE)?.execute(params![
            tenant.to_be_bytes(),
            subject.to_be_bytes(),
            now_ms
        ])?;
        tx.commit()?;
        // The page's older version, with the key, is still in the log or (until
        // the log is written back) in the file.
        let busy: bool =
            writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy {
            return Err(Error::EraseUnfinished);
        }
        Ok(had_key)
    }

    /// When this person was first erased; `None` if never.
    pub fn erased_at(&self, tenant: u128, subject: u128) -> Result<Option<i64>, Error> {
        let reader = self.db.reader()?;
        let at = reader
            .prepare_cached(sql::ERASED_AT)?
            .query_row(
                params![tenant.to_be_bytes(), subject.to_be_bytes()],
                |row| row.get(0),
            )
            .optional()?;
        Ok(at.flatten())
    }

    /// A copy of the key file in `dst_dir`. Keep it shortly: a person erased
    /// after it was made is readable again to whoever restores it.
    pub fn backup(&self, dst_dir: &Path) -> Result<PathBuf, Error> {
        // Writers wait: a backup's long read would keep an erasure from wiping the log.
        self.db.backup_exclusive(dst_dir)
    }

    pub(crate) fn find_many(
        &self,
        subjects: impl Iterator<Item = Subject>,
    ) -> Result<HashMap<Subject, KeyState>, Error> {
        let reader = self.db.reader()?;
        let tx = reader.unchecked_transaction()?;
        let mut states = HashMap::new();
        for subject in subjects {
            if let Entry::Vacant(vacant) = states.entry(subject) {
                vacant.insert(find(&tx, subject)?);
            }
        }
        Ok(states)
    }

    /// The keys of these people, made where there is none. Never `Absent`.
    pub(crate) fn find_or_make_many(
        &self,
        subjects: impl Iterator<Item = Subject>,
        now_ms: i64,
        random: &mut dyn Random,
    ) -> Result<HashMap<Subject, KeyState>, Error> {
        let mut states = self.find_many(subjects)?;
        if !states
            .values()
            .any(|state| matches!(state, KeyState::Absent))
        {
            return Ok(states);
        }
        let mut writer = self.db.writer();
        let tx = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (subject, state) in &mut states {
            if matches!(state, KeyState::Absent) {
                tx.prepare_cached(sql::INSERT)?.execute(params![
                    subject.0.to_be_bytes(),
                    subject.1.to_be_bytes(),
                    SubjectKey::generate(random)?.as_slice(),
                    now_ms
                ])?;
                // Another caller may have been first; what is in the table counts.
                *state = find(&tx, *subject)?;
            }
        }
        tx.commit()?;
        Ok(states)
    }
}

fn find(connection: &Connection, (tenant, subject): Subject) -> Result<KeyState, Error> {
    let found = connection
        .prepare_cached(sql::FIND)?
        .query_row(
            params![tenant.to_be_bytes(), subject.to_be_bytes()],
            |row| {
                Ok(row
                    .get_ref(0)?
                    .as_blob_or_null()?
                    .map(SubjectKey::from_slice))
            },
        )
        .optional()?;
    match found {
        None => Ok(KeyState::Absent),
        Some(None) => Ok(KeyState::Erased),
        Some(Some(Some(key))) => Ok(KeyState::Live(key)),
        Some(Some(None)) => Err(Error::Corrupt {
            what: "a subject key's length",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Seeded;

    const ADA: Subject = (1, 10);
    const BEN: Subject = (1, 11);

    fn key_of(states: &HashMap<Subject, KeyState>, subject: Subject) -> Option<&SubjectKey> {
        match &states[&subject] {
            KeyState::Live(key) => Some(key),
            KeyState::Absent | KeyState::Erased => None,
        }
    }

    #[test]
    fn a_key_is_made_once_and_each_tenant_has_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::open(&dir.path().join("keys.db"), 0).unwrap();
        let random = &mut Seeded::new(1);
        let same_id_elsewhere = (2, ADA.1);
        let first = keys
            .find_or_make_many([ADA, ADA, same_id_elsewhere].into_iter(), 0, random)
            .unwrap();
        let again = keys
            .find_or_make_many([ADA].into_iter(), 1, random)
            .unwrap();
        let ada = key_of(&first, ADA).unwrap().as_slice();
        assert_eq!(ada, key_of(&again, ADA).unwrap().as_slice());
        assert_ne!(ada, key_of(&first, same_id_elsewhere).unwrap().as_slice());
        assert!(
            keys.erase(same_id_elsewhere.0, same_id_elsewhere.1, 2)
                .unwrap()
        );
        let after = keys.find_many([ADA].into_iter()).unwrap();
        assert!(key_of(&after, ADA).is_some());
    }

    #[test]
    fn an_erased_key_is_on_no_page_of_the_file_or_its_log() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys.db");
        let keys = Keys::open(&path, 0).unwrap();
        // Enough to fill and split pages, in an order that moves rows about.
        let subjects: Vec<Subject> = (0..500_u128).map(|n| (1, n * 7_919 % 500)).collect();
        let states = keys
            .find_or_make_many(subjects.iter().copied(), 0, &mut Seeded::new(1))
            .unwrap();
        let on_disk = |subject: Subject| {
            let secret = key_of(&states, subject).unwrap().as_slice();
            ["keys.db", "keys.db-wal"].iter().any(|name| {
                let bytes = std::fs::read(dir.path().join(name)).unwrap_or_default();
                // Any quarter of it: part of a key left behind is too much.
                bytes
                    .windows(8)
                    .any(|window| secret.chunks(8).any(|part| part == window))
            })
        };
        let (erased, kept) = subjects.split_at(20);
        assert!(
            erased.iter().all(|&subject| on_disk(subject)),
            "or this test sees nothing"
        );
        for &(tenant, subject) in erased {
            assert!(keys.erase(tenant, subject, 1).unwrap());
        }
        assert!(!erased.iter().any(|&subject| on_disk(subject)));
        assert!(kept[..5].iter().all(|&subject| on_disk(subject)));
    }

    #[test]
    fn an_erased_person_never_gets_a_new_key() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::open(&dir.path().join("keys.db"), 0).unwrap();
        let random = &mut Seeded::new(1);
        keys.find_or_make_many([ADA].into_iter(), 0, random)
            .unwrap();
        assert_eq!(keys.erased_at(ADA.0, ADA.1).unwrap(), None);
        assert!(keys.erase(ADA.0, ADA.1, 1).unwrap());
        assert!(
            !keys.erase(ADA.0, ADA.1, 2).unwrap(),
            "nothing left to erase"
        );
        assert!(!keys.erase(BEN.0, BEN.1, 2).unwrap(), "never had a key");
        for subject in [ADA, BEN] {
            let states = keys
                .find_or_make_many([subject].into_iter(), 3, random)
                .unwrap();
            assert!(matches!(states[&subject], KeyState::Erased));
            let first = if subject == ADA { 1 } else { 2 };
            assert_eq!(keys.erased_at(subject.0, subject.1).unwrap(), Some(first));
        }
    }

    #[test]
    fn a_reader_that_holds_the_log_makes_erase_say_so() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::open(&dir.path().join("keys.db"), 0).unwrap();
        let random = &mut Seeded::new(1);
        keys.find_or_make_many([ADA].into_iter(), 0, random)
            .unwrap();
        keys.db
            .writer()
            .busy_timeout(std::time::Duration::ZERO)
            .unwrap();
        let reader = keys.db.reader().unwrap();
        let held = reader.unchecked_transaction().unwrap();
        find(&held, ADA).unwrap();
        let error = keys.erase(ADA.0, ADA.1, 1).unwrap_err();
        assert_eq!(error.code(), "erase_unfinished");
        assert_eq!(keys.erased_at(ADA.0, ADA.1).unwrap(), Some(1));
        drop(held);
        assert!(!keys.erase(ADA.0, ADA.1, 2).unwrap());
    }
}
