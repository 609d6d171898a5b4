//! `gate.db`: which key may spend which wallet, and the gate's few own facts; sessions are in
//! `leases`.
//!
//! - A key belongs to one wallet of one tenant; a wallet may have several. A revoked key stays
//!   listed and never comes back.
//! - The file may be written by the command while the gate runs: every question is asked of it.
//! - No balances and no names are in it.

use crate::crawl;
use crate::error::GateError;
use crate::leases;
use crate::sign::PublicKey;
use engine::Id;
use engine::ids::{TenantId, WalletId};
use rusqlite::{Connection, OptionalExtension, params};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const FILE: &str = "gate.db";
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS wallet_keys (
        tenant BLOB NOT NULL,
        public_key BLOB NOT NULL,
        wallet BLOB NOT NULL,
        label TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        revoked_ms INTEGER,
        PRIMARY KEY (tenant, public_key)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS key_thumbprints (
        thumbprint BLOB PRIMARY KEY,
        public_key BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS facts (
        name TEXT PRIMARY KEY,
        value BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
";

/// Makes the file, for its owner only, if it is not there; opening it says what is wrong otherwise.
fn private(path: &Path) {
    let mut options = std::fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let _ = options.write(true).create_new(true).open(path);
}

/// A key and what it may spend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    pub key: PublicKey,
    pub wallet: WalletId,
    pub label: String,
    pub created_ms: i64,
    pub revoked_ms: Option<i64>,
}

/// Blocks for microseconds; shared by reference.
pub struct Registry(Mutex<Connection>);

impl Registry {
    /// Opens or creates the file in a folder that exists.
    ///
    /// # Errors
    /// `gate_store`.
    pub fn open(dir: &Path) -> Result<Registry, GateError> {
        let path = dir.join(FILE);
        private(&path);
        let db = Connection::open(path)?;
        db.busy_timeout(Duration::from_secs(5))?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        db.execute_batch(SCHEMA)?;
        db.execute_batch(leases::SCHEMA)?;
        let keys: Vec<[u8; 32]> = db
            .prepare(
                "SELECT public_key FROM wallet_keys
                 WHERE public_key NOT IN (SELECT public_key FROM key_thumbprints)",
            )?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for key in keys {
            keep_thumbprint(&db, &PublicKey(key))?;
        }
        Ok(Registry(Mutex::new(db)))
    }

    pub(crate) fn db(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The wallet a key may spend now.
    ///
    /// # Errors
    /// `gate_store`.
    pub fn wallet_of(
        &self,
        tenant: TenantId,
        key: &PublicKey,
    ) -> Result<Option<WalletId>, GateError> {
        let found = self.find(tenant, key)?;
        Ok(found
            .filter(|record| record.revoked_ms.is_none())
            .map(|record| record.wallet))
    }

    /// A key, revoked or not.
    ///
    /// # Errors
    /// `gate_store`.
    pub fn find(&self, tenant: TenantId, key: &PublicKey) -> Result<Option<KeyRecord>, GateError> {
        let db = self.db();
        let mut find = db.prepare_cached(
            "SELECT public_key, wallet, label, created_ms, revoked_ms FROM wallet_keys
             WHERE tenant = ?1 AND public_key = ?2",
        )?;
        let tenant = tenant.0.0.to_be_bytes();
        Ok(find.query_row(params![tenant, key.0], record).optional()?)
    }

    /// The key of a thumbprint, of whomever it is.
    ///
    /// # Errors
    /// `gate_store`.
    pub fn key_of(&self, thumbprint: &[u8; 32]) -> Result<Option<PublicKey>, GateError> {
        let db = self.db();
        let mut find =
            db.prepare_cached("SELECT public_key FROM key_thumbprints WHERE thumbprint = ?1")?;
        let key = find.query_row([thumbprint], |row| row.get(0)).optional()?;
        Ok(key.map(PublicKey))
    }

    /// Binds a key to a wallet, unless it is bound already.
    ///
    /// # Errors
    /// `key_taken` if it is bound to another wallet or revoked.
    pub fn add(&self, tenant: TenantId, new: &KeyRecord) -> Result<(), GateError> {
        let db = self.db();
        keep_thumbprint(&db, &new.key)?;
        db.execute(
            "INSERT INTO wallet_keys (tenant, public_key, wallet, label, created_ms)
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
            params![
                tenant.0.0.to_be_bytes(),
                new.key.0,
                new.wallet.0.0.to_be_bytes(),
                new.label,
                new.created_ms
            ],
        )?;
        drop(db);
        match self.wallet_of(tenant, &new.key)? {
            Some(wallet) if wallet == new.wallet => Ok(()),
            _ => Err(GateError::KeyTaken),
        }
    }

    /// Takes a key's right away at once. Whether it was there.
    ///
    /// # Errors
    /// `gate_store`.
    pub fn revoke(
        &self,
        tenant: TenantId,
        key: &PublicKey,
        now_ms: i64,
    ) -> Result<bool, GateError> {
        let changed = self.db().execute(
            "UPDATE wallet_keys SET revoked_ms = coalesce(revoked_ms, ?3)
             WHERE tenant = ?1 AND public_key = ?2",
            params![tenant.0.0.to_be_bytes(), key.0, now_ms],
        )?;
        Ok(changed > 0)
    }

    /// Every key of a tenant, oldest first.
    ///
    /// # Errors
    /// `gate_store`.
    pub fn list(&self, tenant: TenantId) -> Result<Vec<KeyRecord>, GateError> {
        let db = self.db();
        let mut list = db.prepare_cached(
            "SELECT public_key, wallet, label, created_ms, revoked_ms FROM wallet_keys
             WHERE tenant = ?1 ORDER BY created_ms, public_key",
        )?;
        let rows = list.query_map(params![tenant.0.0.to_be_bytes()], record)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// A fact kept under a name; made by `make` if there is none.
    ///
    /// # Errors
    /// `gate_store`, or what `make` says.
    pub fn fact<const N: usize>(
        &self,
        name: &str,
        make: impl FnOnce() -> Result<[u8; N], GateError>,
    ) -> Result<[u8; N], GateError> {
        let find = |db: &Connection| {
            db.query_row("SELECT value FROM facts WHERE name = ?1", [name], |row| {
                row.get::<_, [u8; N]>(0)
            })
            .optional()
        };
        if let Some(value) = find(&self.db())? {
            return Ok(value);
        }
        let made = make()?;
        let db = self.db();
        db.execute(
            "INSERT INTO facts (name, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            params![name, made],
        )?;
        Ok(find(&db)?.unwrap_or(made))
    }
}

fn keep_thumbprint(db: &Connection, key: &PublicKey) -> rusqlite::Result<usize> {
    db.execute(
        "INSERT INTO key_thumbprints (thumbprint, public_key) VALUES (?1, ?2)
         ON CONFLICT DO NOTHING",
        params![crawl::thumbprint(key), key.0],
    )
}

fn record(row: &rusqlite::Row<'_>) -> rusqlite::Result<KeyRecord> {
    Ok(KeyRecord {
        key: PublicKey(row.get(0)?),
        wallet: WalletId(Id(u128::from_be_bytes(row.get(1)?))),
        label: row.get(2)?,
        created_ms: row.get(3)?,
        revoked_ms: row.get(4)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: TenantId = TenantId(Id(1));

    fn record(key: u8, wallet: u128) -> KeyRecord {
        KeyRecord {
            key: PublicKey([key; 32]),
            wallet: WalletId(Id(wallet)),
            label: String::new(),
            created_ms: 1,
            revoked_ms: None,
        }
    }

    #[test]
    fn a_key_spends_one_wallet_until_it_is_revoked_for_good() {
        let dir = tempfile::tempdir().unwrap();
        let registry = Registry::open(dir.path()).unwrap();
        let key = PublicKey([1; 32]);
        assert_eq!(registry.wallet_of(TENANT, &key).unwrap(), None);
        registry.add(TENANT, &record(1, 7)).unwrap();
        registry.add(TENANT, &record(1, 7)).unwrap();
        let other = registry.add(TENANT, &record(1, 8)).unwrap_err();
        assert_eq!(other.code(), "key_taken");
        registry.add(TENANT, &record(2, 7)).unwrap();
        assert_eq!(
            registry.wallet_of(TENANT, &key).unwrap(),
            Some(WalletId(Id(7)))
        );
        assert_eq!(registry.wallet_of(TenantId(Id(2)), &key).unwrap(), None);

        // Another process may revoke it.
        let command = Registry::open(dir.path()).unwrap();
        assert!(command.revoke(TENANT, &key, 5).unwrap());
        assert!(!command.revoke(TENANT, &PublicKey([9; 32]), 5).unwrap());
        assert_eq!(registry.wallet_of(TENANT, &key).unwrap(), None);
        assert!(registry.add(TENANT, &record(1, 7)).is_err());
        assert_eq!(registry.list(TENANT).unwrap().len(), 2);
    }

    #[test]
    fn a_fact_is_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let registry = Registry::open(dir.path()).unwrap();
        assert_eq!(registry.fact("a", || Ok([1])).unwrap(), [1]);
        assert_eq!(registry.fact("a", || Ok([2])).unwrap(), [1]);
        assert_eq!(registry.fact("b", || Ok([2])).unwrap(), [2]);
    }
}
