//! Which gate keeps which session: the part of `gate.db` that outlives a crash.
//!
//! - A session is kept by one gate. Another may take it over only when that gate's lease has run
//!   out; whoever keeps a lease stops serving before it does.
//! - What is written here is who and where, and how much was set aside; what was captured of it is
//!   the ledger's to say. It is written before the ledger is asked, so that nothing that is set
//!   aside is unknown after a crash.

use crate::error::GateError;
use crate::registry::Registry;
use crate::sign::PublicKey;
use crate::voucher::SessionId;
use engine::Id;
use engine::ids::{TenantId, WalletId};
use money::Atoms;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

pub const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS gates (
        address TEXT PRIMARY KEY,
        epoch INTEGER NOT NULL,
        until_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS sessions (
        session BLOB PRIMARY KEY,
        tenant BLOB NOT NULL,
        gate TEXT NOT NULL,
        public_key BLOB NOT NULL,
        payer BLOB NOT NULL,
        opened_ms INTEGER NOT NULL,
        closes_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS session_parts (
        session BLOB NOT NULL,
        part INTEGER NOT NULL,
        payment BLOB NOT NULL,
        amount TEXT NOT NULL,
        PRIMARY KEY (session, part)
    ) STRICT, WITHOUT ROWID;
";

/// A taker waits for so long beyond a lease's end, so that whoever kept it has stopped.
const GRACE_MS: u64 = 2_000;

/// A session as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    pub session: SessionId,
    pub key: PublicKey,
    pub payer: WalletId,
    pub opened_ms: u64,
    pub closes_ms: u64,
    /// The authorizations, in the order they are drawn on.
    pub parts: Vec<(Id, Atoms)>,
}

/// Who keeps a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// Nobody: there is no such session.
    None,
    /// The gate that asked, by now.
    Own(Box<SessionRow>),
    /// A gate at this address, whose lease is good.
    Other(String),
}

impl Registry {
    /// Takes the lease of an address: a gate that had it before has lost it. Its epoch.
    ///
    /// # Errors
    /// `gate_store`.
    pub fn take_lease(&self, address: &str, until_ms: u64) -> Result<i64, GateError> {
        Ok(self.db().query_row(
            "INSERT INTO gates (address, epoch, until_ms) VALUES (?1, 1, ?2)
             ON CONFLICT DO UPDATE SET epoch = epoch + 1, until_ms = ?2 RETURNING epoch",
            params![address, signed(until_ms)],
            |row| row.get(0),
        )?)
    }

    /// Keeps a lease for longer. Whether it was still this gate's.
    ///
    /// # Errors
    /// `gate_store`.
    pub fn renew_lease(&self, address: &str, epoch: i64, until_ms: u64) -> Result<bool, GateError> {
        let changed = self.db().execute(
            "UPDATE gates SET until_ms = ?3 WHERE address = ?1 AND epoch = ?2",
            params![address, epoch, signed(until_ms)],
        )?;
        Ok(changed > 0)
    }

    /// Writes a session down. Whether it is new.
    ///
    /// # Errors
    /// `gate_store`.
    pub fn add_session(
        &self,
        tenant: TenantId,
        gate: &str,
        row: &SessionRow,
    ) -> Result<bool, GateError> {
        let mut db = self.db();
        let transaction = begin(&mut db)?;
        let added = transaction.execute(
            "INSERT INTO sessions (session, tenant, gate, public_key, payer, opened_ms, closes_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
            params![
                row.session.0,
                tenant.0.0.to_be_bytes(),
                gate,
                row.key.0,
                row.payer.0.0.to_be_bytes(),
                signed(row.opened_ms),
                signed(row.closes_ms),
            ],
        )?;
        if added == 0 {
            return Ok(false);
        }
        for (at, part) in row.parts.iter().enumerate() {
            insert_part(&transaction, row.session, at, *part)?;
        }
        transaction.commit()?;
        Ok(true)
    }

    /// Writes a further authorization of a session down.
    ///
    /// # Errors
    /// `gate_store`.
    pub fn add_part(
        &self,
        session: SessionId,
        at: usize,
        part: (Id, Atoms),
    ) -> Result<(), GateError> {
        insert_part(&self.db(), session, at, part)
    }

    /// Forgets an authorization that was refused.
    ///
    /// # Errors
    /// `gate_store`.
    pub fn drop_part(&self, session: SessionId, at: usize) -> Result<(), GateError> {
        self.db().execute(
            "DELETE FROM session_parts WHERE session = ?1 AND part = ?2",
            params![session.0, signed(at as u64)],
        )?;
        Ok(())
    }

    /// Forgets a session that is over.
    ///
    /// # Errors
    /// `gate_store`.
    pub fn drop_session(&self, session: SessionId) -> Result<(), GateError> {
        let mut db = self.db();
        let transaction = begin(&mut db)?;
        for table in ["session_parts", "sessions"] {
            transaction.execute(
                &format!("DELETE FROM {table} WHERE session = ?1"),
                params![session.0],
            )?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Forgets the sessions that nobody came back for: their authorizations ended by themselves.
    ///
    /// # Errors
    /// `gate_store`.
    pub fn drop_sessions_before(&self, closed_ms: u64) -> Result<(), GateError> {
        let mut db = self.db();
        let transaction = begin(&mut db)?;
        transaction.execute(
            "DELETE FROM session_parts WHERE session IN
             (SELECT session FROM sessions WHERE closes_ms < ?1)",
            params![signed(closed_ms)],
        )?;
        transaction.execute(
            "DELETE FROM sessions WHERE closes_ms < ?1",
            params![signed(closed_ms)],
        )?;
        transaction.commit()?;
        Ok(())
    }

    /// The sessions that a gate kept before it stopped.
    ///
    /// # Errors
    /// `gate_store`.
    pub fn sessions_of(&self, tenant: TenantId, gate: &str) -> Result<Vec<SessionRow>, GateError> {
        let db = self.db();
        let mut list = db.prepare(
            "SELECT session FROM sessions WHERE tenant = ?1 AND gate = ?2 ORDER BY opened_ms",
        )?;
        let tenant = tenant.0.0.to_be_bytes();
        let names = list.query_map(params![tenant, gate], |row| row.get(0))?;
        let names: Vec<[u8; 32]> = names.collect::<Result<_, _>>()?;
        let rows = names.into_iter().map(|name| read(&db, SessionId(name)));
        rows.filter_map(Result::transpose).collect()
    }

    /// Who keeps a session; the gate that asks takes it over if whoever had it has no lease.
    ///
    /// # Errors
    /// `gate_store`.
    pub fn keeper(
        &self,
        tenant: TenantId,
        session: SessionId,
        gate: &str,
        now_ms: u64,
    ) -> Result<Keeper, GateError> {
        let mut db = self.db();
        let holder = match holder(&db, tenant, session)? {
            None => return Ok(Keeper::None),
            Some((holder, _)) if holder == gate => holder,
            Some((holder, until_ms)) if signed(now_ms) <= until_ms + signed(GRACE_MS) => {
                return Ok(Keeper::Other(holder));
            }
            Some((holder, _)) => holder,
        };
        if holder != gate {
            // Only one of those who saw the lease run out changes anything.
            let transaction = begin(&mut db)?;
            let taken = transaction.execute(
                "UPDATE sessions SET gate = ?3 WHERE session = ?1 AND gate = ?2",
                params![session.0, holder, gate],
            )?;
            if taken == 0 {
                return Ok(Keeper::Other(holder));
            }
            // Should it wake up, it learns that it is not what it was.
            transaction.execute(
                "UPDATE gates SET epoch = epoch + 1 WHERE address = ?1 AND until_ms < ?2",
                params![holder, signed(now_ms)],
            )?;
            transaction.commit()?;
        }
        Ok(read(&db, session)?.map_or(Keeper::None, |row| Keeper::Own(Box::new(row))))
    }
}

/// Who keeps a session, and until when its lease is good.
fn holder(
    db: &Connection,
    tenant: TenantId,
    session: SessionId,
) -> Result<Option<(String, i64)>, GateError> {
    let mut find = db.prepare_cached(
        "SELECT gate, coalesce(until_ms, 0) FROM sessions LEFT JOIN gates ON address = gate
         WHERE session = ?1 AND tenant = ?2",
    )?;
    let tenant = tenant.0.0.to_be_bytes();
    let found = find.query_row(params![session.0, tenant], |row| {
        Ok((row.get(0)?, row.get(1)?))
    });
    Ok(found.optional()?)
}

fn begin(db: &mut Connection) -> Result<Transaction<'_>, GateError> {
    Ok(db.transaction_with_behavior(TransactionBehavior::Immediate)?)
}

fn insert_part(
    db: &Connection,
    session: SessionId,
    at: usize,
    (payment, amount): (Id, Atoms),
) -> Result<(), GateError> {
    db.execute(
        "INSERT INTO session_parts (session, part, payment, amount) VALUES (?1, ?2, ?3, ?4)",
        params![
            session.0,
            signed(at as u64),
            payment.0.to_be_bytes(),
            amount.0.to_string()
        ],
    )?;
    Ok(())
}

fn read(db: &Connection, session: SessionId) -> Result<Option<SessionRow>, GateError> {
    let row = db
        .query_row(
            "SELECT public_key, payer, opened_ms, closes_ms FROM sessions WHERE session = ?1",
            params![session.0],
            |row| {
                Ok(SessionRow {
                    session,
                    key: PublicKey(row.get(0)?),
                    payer: WalletId(Id(u128::from_be_bytes(row.get(1)?))),
                    opened_ms: unsigned(row.get(2)?),
                    closes_ms: unsigned(row.get(3)?),
                    parts: Vec::new(),
                })
            },
        )
        .optional()?;
    let Some(mut row) = row else { return Ok(None) };
    let mut list = db.prepare_cached(
        "SELECT payment, amount FROM session_parts WHERE session = ?1 ORDER BY part",
    )?;
    let parts = list.query_map(params![session.0], |row| {
        let amount: String = row.get(1)?;
        let payment = Id(u128::from_be_bytes(row.get(0)?));
        Ok((payment, Atoms(amount.parse().unwrap_or(0))))
    })?;
    row.parts = parts.collect::<Result<_, _>>()?;
    Ok(Some(row))
}

/// SQLite has no unsigned integers; times are far below where it matters.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: TenantId = TenantId(Id(1));
    const SESSION: SessionId = SessionId([9; 32]);

    fn row() -> SessionRow {
        SessionRow {
            session: SESSION,
            key: PublicKey([1; 32]),
            payer: WalletId(Id(7)),
            opened_ms: 1_000,
            closes_ms: 2_000,
            parts: vec![(Id(5), Atoms(u64::MAX))],
        }
    }

    #[test]
    fn a_session_is_kept_by_one_gate_until_its_lease_has_run_out() {
        let dir = tempfile::tempdir().unwrap();
        let registry = Registry::open(dir.path()).unwrap();
        let keeper = |gate: &str, now| registry.keeper(TENANT, SESSION, gate, now).unwrap();
        assert_eq!(keeper("a", 0), Keeper::None);
        registry.take_lease("a", 10_000).unwrap();
        assert!(registry.add_session(TENANT, "a", &row()).unwrap());
        assert!(!registry.add_session(TENANT, "b", &row()).unwrap());
        let other = TenantId(Id(2));
        assert_eq!(
            registry.keeper(other, SESSION, "a", 0).unwrap(),
            Keeper::None
        );

        let own = Keeper::Own(Box::new(row()));
        for (gate, now_ms, expected) in [
            ("a", 0, own.clone()),
            ("b", 10_000, Keeper::Other("a".into())),
            ("b", 10_000 + GRACE_MS, Keeper::Other("a".into())),
            ("b", 10_001 + GRACE_MS, own.clone()),
            // It is the other's now, who has no lease: it may be taken back.
            ("a", 10_001 + GRACE_MS, own),
        ] {
            assert_eq!(keeper(gate, now_ms), expected, "{gate} at {now_ms}");
        }
        assert_eq!(registry.sessions_of(TENANT, "a").unwrap(), [row()]);
        assert_eq!(registry.sessions_of(TENANT, "b").unwrap(), []);
    }

    #[test]
    fn a_lease_that_another_took_is_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let registry = Registry::open(dir.path()).unwrap();
        let first = registry.take_lease("a", 10).unwrap();
        assert!(registry.renew_lease("a", first, 20).unwrap());
        let second = registry.take_lease("a", 30).unwrap();
        assert!(!registry.renew_lease("a", first, 40).unwrap());
        assert!(registry.renew_lease("a", second, 40).unwrap());
        // Nor one of which a session was taken over.
        registry.add_session(TENANT, "a", &row()).unwrap();
        let late = 41 + GRACE_MS;
        registry.keeper(TENANT, SESSION, "b", late).unwrap();
        assert!(!registry.renew_lease("a", second, late + 10).unwrap());
    }

    #[test]
    fn what_is_set_aside_is_listed_in_its_order_until_it_is_over() {
        let dir = tempfile::tempdir().unwrap();
        let registry = Registry::open(dir.path()).unwrap();
        registry.add_session(TENANT, "a", &row()).unwrap();
        registry.add_part(SESSION, 1, (Id(6), Atoms(3))).unwrap();
        registry.add_part(SESSION, 2, (Id(7), Atoms(4))).unwrap();
        registry.drop_part(SESSION, 2).unwrap();
        let rows = registry.sessions_of(TENANT, "a").unwrap();
        assert_eq!(rows[0].parts, [(Id(5), Atoms(u64::MAX)), (Id(6), Atoms(3))]);
        registry.drop_sessions_before(2_000).unwrap();
        assert_eq!(registry.sessions_of(TENANT, "a").unwrap().len(), 1);
        registry.drop_sessions_before(2_001).unwrap();
        assert_eq!(registry.sessions_of(TENANT, "a").unwrap(), []);
        assert!(registry.add_session(TENANT, "a", &row()).unwrap());
        registry.drop_session(SESSION).unwrap();
        assert!(registry.add_session(TENANT, "a", &row()).unwrap());
    }
}
