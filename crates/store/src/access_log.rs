//! What regulators' keys have read. A read is logged before it is answered,
//! so none can go unseen; rows are appended and never changed.
//!
//! `query` is kept in the clear and outlives an erasure: callers put ids and
//! dates into it and mask free text.

use rusqlite::params;

use crate::error::Error;
use crate::page::{Page, fetch_limit};
use crate::store::Store;

pub(crate) mod sql {
    pub const INSERT: &str = "INSERT INTO access_log (tenant, key_id, at, path, query)
        VALUES ($1, $2, $3, $4, $5) RETURNING seq";
    pub const LIST: &str = "SELECT seq, tenant, key_id, at, path, query FROM access_log
        WHERE tenant = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3";
    #[cfg(test)]
    pub const ALL: &[&str] = &[INSERT, LIST];
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    pub tenant: u128,
    pub key_id: u128,
    pub at_ms: i64,
    pub path: String,
    pub query: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedAccess {
    /// Counts up over all tenants and is never used twice.
    pub seq: i64,
    pub access: Access,
}

impl Store {
    /// Returns the row's `seq` once it is on disk.
    pub fn log_access(&self, access: &Access) -> Result<i64, Error> {
        // A transaction, for a lone statement that returns a row commits when it
        // is reset, where a failed sync would go unheard.
        let mut writer = self.db.writer();
        let tx = writer.transaction()?;
        let seq = tx.prepare_cached(sql::INSERT)?.query_row(
            params![
                access.tenant.to_be_bytes(),
                access.key_id.to_be_bytes(),
                access.at_ms,
                access.path,
                access.query
            ],
            |row| row.get(0),
        )?;
        tx.commit()?;
        Ok(seq)
    }

    /// A tenant's log, newest first; rows below `before`.
    pub fn accesses(
        &self,
        tenant: u128,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<LoggedAccess, i64>, Error> {
        let before = before.unwrap_or(i64::MAX);
        let reader = self.db.reader()?;
        let rows = reader
            .prepare_cached(sql::LIST)?
            .query_map(
                params![tenant.to_be_bytes(), before, fetch_limit(limit)],
                |row| {
                    Ok(LoggedAccess {
                        seq: row.get(0)?,
                        access: Access {
                            tenant: u128::from_be_bytes(row.get(1)?),
                            key_id: u128::from_be_bytes(row.get(2)?),
                            at_ms: row.get(3)?,
                            path: row.get(4)?,
                            query: row.get(5)?,
                        },
                    })
                },
            )?
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Page::cut(rows, limit, |row| row.seq))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_read_is_listed_newest_first_to_its_own_tenant() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), 0).unwrap();
        let access = |tenant, at_ms| Access {
            tenant,
            key_id: 9,
            at_ms,
            path: "/v1/reports/sar".into(),
            query: "from=2026-01-01".into(),
        };
        for at_ms in 0..5 {
            store.log_access(&access(1, at_ms)).unwrap();
            store.log_access(&access(2, at_ms)).unwrap();
        }
        let first = store.accesses(1, None, 3).unwrap();
        let rest = store.accesses(1, first.next, 3).unwrap();
        assert_eq!(rest.next, None);
        let listed: Vec<Access> = [first.items, rest.items]
            .concat()
            .into_iter()
            .map(|row| row.access)
            .collect();
        let expected: Vec<Access> = (0..5).rev().map(|at_ms| access(1, at_ms)).collect();
        assert_eq!(listed, expected);
    }
}
