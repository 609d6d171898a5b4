//! API keys as rows: ids, hashes and what they may do, as text. What a scope
//! means, and how a key is made and checked, `identity` knows.

use std::str::FromStr;

use rusqlite::{ErrorCode, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::page::{Page, fetch_limit};
use crate::store::Store;

pub(crate) mod sql {
    macro_rules! select {
        ($rest:literal) => {
            concat!(
                "SELECT id, tenant, mode, hash, scopes, label,
                    created_at, expires_at, revoked_at, last_used_at, line, agent FROM api_keys ",
                $rest
            )
        };
    }
    pub const INSERT: &str = "INSERT INTO api_keys (id, tenant, mode, hash, scopes, label,
            created_at, expires_at, revoked_at, last_used_at, line, agent)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    pub const FIND: &str = select!("WHERE id = $1");
    pub const FIND_OF_TENANT: &str = select!("WHERE tenant = $1 AND id = $2");
    pub const LIST: &str = select!("WHERE tenant = $1 AND id < $2 ORDER BY id DESC LIMIT $3");
    pub const TENANT_OF_MODE: &str =
        "SELECT tenant FROM api_keys WHERE mode = $1 ORDER BY id LIMIT 1";
    pub const REVOKE: &str = "UPDATE api_keys SET revoked_at = $1
        WHERE tenant = $2 AND id = $3 AND revoked_at IS NULL";
    pub const TOUCH: &str = "UPDATE api_keys SET last_used_at = $1
        WHERE id = $2 AND (last_used_at IS NULL OR last_used_at < $1)";
    #[cfg(test)]
    pub const ALL: &[&str] = &[
        INSERT,
        FIND,
        FIND_OF_TENANT,
        LIST,
        TENANT_OF_MODE,
        REVOKE,
        TOUCH,
    ];
}

/// Which money a key reaches: play or real.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    Test,
    Live,
}

impl Mode {
    pub const ALL: [Self; 2] = [Self::Test, Self::Live];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Live => "live",
        }
    }
}

impl FromStr for Mode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or(Error::Corrupt {
                what: "an API key's mode",
            })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    pub id: u128,
    pub tenant: u128,
    pub mode: Mode,
    pub hash: [u8; 32],
    pub scopes: String,
    pub label: String,
    pub created_at_ms: i64,
    pub expires_at_ms: Option<i64>,
    pub revoked_at_ms: Option<i64>,
    pub last_used_at_ms: Option<i64>,
    /// The key at the head of its line; `None` if that is itself.
    pub line: Option<u128>,
    /// The party whose agent it is.
    pub agent: Option<u128>,
}

impl Store {
    /// Errors: [`Error::KeyExists`].
    pub fn insert_api_key(&self, key: &ApiKey) -> Result<(), Error> {
        let inserted = self
            .db
            .writer()
            .prepare_cached(sql::INSERT)?
            .execute(params![
                key.id.to_be_bytes(),
                key.tenant.to_be_bytes(),
                key.mode.as_str(),
                key.hash,
                key.scopes,
                key.label,
                key.created_at_ms,
                key.expires_at_ms,
                key.revoked_at_ms,
                key.last_used_at_ms,
                key.line.map(u128::to_be_bytes),
                key.agent.map(u128::to_be_bytes)
            ]);
        match inserted {
            Ok(_) => Ok(()),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                Err(Error::KeyExists)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Of any tenant: for authentication, which learns the tenant from it.
    pub fn api_key(&self, id: u128) -> Result<Option<ApiKey>, Error> {
        let reader = self.db.reader()?;
        let found = reader
            .prepare_cached(sql::FIND)?
            .query_row([id.to_be_bytes()], |row| Ok(read(row)))
            .optional()?;
        found.transpose()
    }

    pub fn api_key_of(&self, tenant: u128, id: u128) -> Result<Option<ApiKey>, Error> {
        let reader = self.db.reader()?;
        let found = reader
            .prepare_cached(sql::FIND_OF_TENANT)?
            .query_row(params![tenant.to_be_bytes(), id.to_be_bytes()], |row| {
                Ok(read(row))
            })
            .optional()?;
        found.transpose()
    }

    /// The tenant of the first key of a mode: the one the first start opened.
    pub fn tenant_of_mode(&self, mode: Mode) -> Result<Option<u128>, Error> {
        let reader = self.db.reader()?;
        let tenant = reader
            .prepare_cached(sql::TENANT_OF_MODE)?
            .query_row(params![mode.as_str()], |row| row.get::<_, [u8; 16]>(0))
            .optional()?;
        Ok(tenant.map(u128::from_be_bytes))
    }

    /// A tenant's keys by falling id, which for UUIDv7 is newest first; those
    /// below `before`.
    pub fn api_keys(
        &self,
        tenant: u128,
        before: Option<u128>,
        limit: usize,
    ) -> Result<Page<ApiKey, u128>, Error> {
        // No UUID of any version is all ones but the "max" one, which names nothing.
        let before = before.unwrap_or(u128::MAX);
        let reader = self.db.reader()?;
        let keys = reader
            .prepare_cached(sql::LIST)?
            .query_map(
                params![
                    tenant.to_be_bytes(),
                    before.to_be_bytes(),
                    fetch_limit(limit)
                ],
                |row| Ok(read(row)),
            )?
            .map(|row| row?)
            .collect::<Result<Vec<_>, Error>>()?;
        Ok(Page::cut(keys, limit, |key| key.id))
    }

    /// The key as it is then. The first revocation's time stays.
    ///
    /// Errors: [`Error::KeyUnknown`] when the tenant has no such key.
    pub fn revoke_api_key(&self, tenant: u128, id: u128, now_ms: i64) -> Result<ApiKey, Error> {
        self.db
            .writer()
            .prepare_cached(sql::REVOKE)?
            .execute(params![now_ms, tenant.to_be_bytes(), id.to_be_bytes()])?;
        self.api_key_of(tenant, id)?.ok_or(Error::KeyUnknown)
    }

    /// Notes when keys were last used, never moving a time back.
    pub fn touch_api_keys(&self, used: &[(u128, i64)]) -> Result<(), Error> {
        let mut writer = self.db.writer();
        let tx = writer.transaction()?;
        for (id, at_ms) in used {
            tx.prepare_cached(sql::TOUCH)?
                .execute(params![at_ms, id.to_be_bytes()])?;
        }
        Ok(tx.commit()?)
    }
}

fn read(row: &Row<'_>) -> Result<ApiKey, Error> {
    Ok(ApiKey {
        id: u128::from_be_bytes(row.get(0)?),
        tenant: u128::from_be_bytes(row.get(1)?),
        mode: row
            .get_ref(2)?
            .as_str()
            .map_err(rusqlite::Error::from)?
            .parse()?,
        hash: row.get(3)?,
        scopes: row.get(4)?,
        label: row.get(5)?,
        created_at_ms: row.get(6)?,
        expires_at_ms: row.get(7)?,
        revoked_at_ms: row.get(8)?,
        last_used_at_ms: row.get(9)?,
        line: row.get::<_, Option<[u8; 16]>>(10)?.map(u128::from_be_bytes),
        agent: row.get::<_, Option<[u8; 16]>>(11)?.map(u128::from_be_bytes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: u128, tenant: u128) -> ApiKey {
        ApiKey {
            id,
            tenant,
            mode: Mode::Test,
            hash: [7; 32],
            scopes: "payments:read".into(),
            label: "till".into(),
            created_at_ms: 100,
            expires_at_ms: Some(900),
            revoked_at_ms: None,
            last_used_at_ms: None,
            line: None,
            agent: None,
        }
    }

    #[test]
    fn a_key_is_kept_as_given_and_its_id_once() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), 0).unwrap();
        let live = ApiKey {
            mode: Mode::Live,
            expires_at_ms: None,
            line: Some(4),
            agent: Some(u128::MAX),
            ..key(5, 1)
        };
        store.insert_api_key(&live).unwrap();
        assert_eq!(store.api_key(5).unwrap(), Some(live.clone()));
        assert_eq!(store.api_key_of(1, 5).unwrap(), Some(live.clone()));
        assert_eq!(store.api_key_of(2, 5).unwrap(), None);
        assert_eq!(store.api_key(6).unwrap(), None);
        assert_eq!(
            store.insert_api_key(&live).unwrap_err().code(),
            "api_key_exists"
        );
    }

    #[test]
    fn pages_hold_each_key_of_the_tenant_once_newest_first() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), 0).unwrap();
        for id in 1..=7 {
            store.insert_api_key(&key(id, 1)).unwrap();
        }
        store.insert_api_key(&key(99, 2)).unwrap();
        for limit in [0, 1, 2, 3, 6, 7, 8, usize::MAX] {
            let mut ids = Vec::new();
            let mut before = None;
            loop {
                let page = store.api_keys(1, before, limit).unwrap();
                assert!(page.items.len() <= limit.max(1));
                ids.extend(page.items.iter().map(|key| key.id));
                before = page.next;
                if before.is_none() {
                    break;
                }
            }
            assert_eq!(ids, [7, 6, 5, 4, 3, 2, 1], "limit {limit}");
        }
    }

    #[test]
    fn the_first_revocation_stays_and_another_tenant_cannot() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), 0).unwrap();
        store.insert_api_key(&key(5, 1)).unwrap();
        let by_other = store.revoke_api_key(2, 5, 150).unwrap_err();
        assert_eq!(by_other.code(), "api_key_unknown");
        assert_eq!(store.api_key(5).unwrap().unwrap().revoked_at_ms, None);
        for now_ms in [200, 300] {
            let revoked = store.revoke_api_key(1, 5, now_ms).unwrap();
            assert_eq!(revoked.revoked_at_ms, Some(200));
        }
    }

    #[test]
    fn last_use_only_moves_forward() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), 0).unwrap();
        store.insert_api_key(&key(5, 1)).unwrap();
        for (at_ms, expected) in [(200, 200), (150, 200), (300, 300)] {
            store.touch_api_keys(&[(5, at_ms), (6, at_ms)]).unwrap();
            let found = store.api_key(5).unwrap().unwrap();
            assert_eq!(found.last_used_at_ms, Some(expected));
        }
    }
}
