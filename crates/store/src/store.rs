//! The store: `store.db` and, beside it, the `keys.db` that makes it readable.

use std::path::Path;

use crate::db::Db;
use crate::error::Error;
use crate::keys::Keys;
use crate::migrate;

const STORE_FILE: &str = "store.db";
const KEYS_FILE: &str = "keys.db";

/// Shared by reference between threads; every method blocks until done.
pub struct Store {
    pub(crate) db: Db,
    pub(crate) keys: Keys,
}

impl Store {
    /// Opens or creates both files in a directory that exists.
    pub fn open(dir: &Path, now_ms: i64) -> Result<Self, Error> {
        Self::open_files(&dir.join(STORE_FILE), &dir.join(KEYS_FILE), now_ms)
    }

    /// The same with the key file elsewhere, such as on another volume.
    pub fn open_files(store: &Path, keys: &Path, now_ms: i64) -> Result<Self, Error> {
        Ok(Self {
            db: Db::open(store, migrate::STORE, now_ms)?,
            keys: Keys::open(keys, now_ms)?,
        })
    }

    /// The subject keys: erasure, and their own backup.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Destroys a person's key; see [`Keys::erase`].
    pub fn erase_subject(&self, tenant: u128, subject: u128, now_ms: i64) -> Result<bool, Error> {
        self.keys.erase(tenant, subject, now_ms)
    }

    /// Copies both files into `dst_dir`, while the store is in use. The keys
    /// are copied last, so no copied text lacks its key.
    pub fn backup(&self, dst_dir: &Path) -> Result<(), Error> {
        self.backup_store(dst_dir)?;
        self.keys.backup(dst_dir)?;
        Ok(())
    }

    /// Copies `store.db` alone: this copy may be kept for years. The keys'
    /// copy, [`Keys::backup`], should not.
    pub fn backup_store(&self, dst_dir: &Path) -> Result<(), Error> {
        self.db.backup(dst_dir).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::params_count_up;

    #[test]
    fn every_statement_fits_the_schema_and_numbers_its_parameters_in_order() {
        assert!(params_count_up("$1 $2 $1 $3"));
        assert!(!params_count_up("$2 $1"));
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), 0).unwrap();
        let of_store = [
            crate::details::sql::ALL,
            crate::api_keys::sql::ALL,
            crate::access_log::sql::ALL,
            crate::briefs::sql::ALL,
            crate::papers::sql::ALL,
        ]
        .concat();
        for (db, statements) in [
            (&store.db, of_store.as_slice()),
            (&store.keys.db, crate::keys::sql::ALL),
        ] {
            for sql in statements {
                db.writer().prepare(sql).unwrap();
                assert!(params_count_up(sql), "{sql}");
            }
        }
    }

    #[test]
    fn the_two_files_cannot_be_mistaken_for_each_other() {
        let dir = tempfile::tempdir().unwrap();
        drop(Store::open(dir.path(), 0).unwrap());
        let (store, keys) = (dir.path().join(STORE_FILE), dir.path().join(KEYS_FILE));
        let error = Store::open_files(&keys, &store, 0).err().unwrap();
        assert_eq!(error.code(), "migration_changed");
    }
}
