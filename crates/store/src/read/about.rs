//! Where in the journal a thing stands: by its id, and all that later happened to it.

use rusqlite::{OptionalExtension, Row, params};

use super::ReadModel;
use super::value::{number, optional_id, prefix, unsigned};
use crate::error::Error;

pub(super) mod sql {
    macro_rules! position {
        ($rest:literal) => {
            concat!(
                "SELECT (SELECT seq FROM batch WHERE first_no <= e.no ORDER BY first_no DESC LIMIT 1),
                    e.idx, e.part, e.no ",
                $rest
            )
        };
    }
    pub const NEWEST: &str = position!(
        "FROM thing t JOIN event e ON e.no = t.no
        WHERE t.tenant = $1 AND t.prefix = $2 AND e.id = $3 ORDER BY t.no DESC LIMIT 1"
    );
    pub const LIFE: &str = position!(
        "FROM event e WHERE e.no IN (
            SELECT t.no FROM thing t JOIN event o ON o.no = t.no
                WHERE t.tenant = $1 AND t.prefix = $2 AND o.id = $3
            UNION SELECT no FROM about WHERE tenant = $1 AND thing = $3)
        ORDER BY e.no LIMIT $4"
    );
    pub const LATER: &str = "SELECT b.seq, e.idx, e.part, e.kind, e.id, b.at
        FROM about a JOIN event e ON e.no = a.no JOIN batch b
            ON b.first_no = (SELECT max(first_no) FROM batch WHERE first_no <= a.no)
        WHERE a.tenant = $1 AND a.thing = $2 ORDER BY a.no LIMIT $3";
    pub const TOPUP: &str = position!(
        "FROM topup t JOIN event e ON e.no = t.closed_no WHERE t.tenant = $1 AND t.id = $2"
    );
    pub const KIND: &str = "SELECT e.kind, e.of FROM thing t JOIN event e ON e.no = t.no
        WHERE t.tenant = $1 AND t.prefix = $2 AND e.id = $3 ORDER BY t.no DESC LIMIT 1";
    #[cfg(test)]
    pub const ALL: &[&str] = &[NEWEST, LIFE, LATER, TOPUP, KIND];
}

/// The most events of one thing's life that are shown.
const LIFE_MAX: i64 = 10_000;

/// Where something stands in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The journal's row.
    pub seq: u64,
    /// Its place in that row, from 0.
    pub index: u32,
    /// 0 for the whole event, n for the n-th item of a group.
    pub part: u32,
}

/// Something that concerned an earlier thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaterLine {
    /// Where it stands.
    pub position: Position,
    /// What.
    pub kind: u16,
    /// Its id, if it has one.
    pub id: Option<u128>,
    /// When, milliseconds since 1970.
    pub at_ms: u64,
}

pub(super) fn read_position(row: &Row<'_>, from: usize) -> Result<Position, Error> {
    Ok(Position {
        seq: unsigned(row.get::<_, Option<i64>>(from)?.unwrap_or(0)),
        index: row.get(from + 1)?,
        part: row.get(from + 2)?,
    })
}

impl ReadModel {
    /// The newest event that answers an id: of a payment that was confirmed later, the payment.
    pub fn position_of(&self, tenant: u32, id: u128) -> Result<Option<Position>, Error> {
        let reader = self.db.reader()?;
        let found = reader
            .prepare_cached(sql::NEWEST)?
            .query_row(params![tenant, prefix(id), id.to_be_bytes()], |row| {
                Ok(read_position(row, 0))
            })
            .optional()?;
        found.transpose()
    }

    /// The kind of the newest event that answers an id, and the earlier payment that one belongs to.
    pub fn kind_of(&self, tenant: u32, id: u128) -> Result<Option<(u16, Option<u128>)>, Error> {
        kind_of(&*self.db.reader()?, tenant, id)
    }

    /// The life of a thing: the events that answer its id, and those that concern it (captured,
    /// refunded, settled, disputed …), in order, the first 10,000.
    pub fn events_about(&self, tenant: u32, id: u128) -> Result<Vec<Position>, Error> {
        let reader = self.db.reader()?;
        let mut life = reader.prepare_cached(sql::LIFE)?;
        let params = params![tenant, prefix(id), id.to_be_bytes(), LIFE_MAX];
        life.query_map(params, |row| Ok(read_position(row, 0)))?
            .map(|row| row?)
            .collect()
    }

    /// What concerned a thing later, in order, the first 10,000.
    pub fn later(&self, tenant: u32, thing: u128) -> Result<Vec<LaterLine>, Error> {
        let reader = self.db.reader()?;
        let mut later = reader.prepare_cached(sql::LATER)?;
        let read = |row: &Row<'_>| {
            Ok(LaterLine {
                position: read_position(row, 0)?,
                kind: row.get(3)?,
                id: optional_id(row, 4)?,
                at_ms: number(row, 5)?,
            })
        };
        later
            .query_map(params![tenant, thing.to_be_bytes(), LIFE_MAX], |row| {
                Ok(read(row))
            })?
            .map(|row| row?)
            .collect()
    }

    /// The event in which a settled or wholly reversed top-up's record stands.
    pub fn settled_topup_position(
        &self,
        tenant: u32,
        topup: u128,
    ) -> Result<Option<Position>, Error> {
        let reader = self.db.reader()?;
        let found = reader
            .prepare_cached(sql::TOPUP)?
            .query_row(params![tenant, topup.to_be_bytes()], |row| {
                Ok(read_position(row, 0))
            })
            .optional()?;
        found.transpose()
    }
}

/// See [`ReadModel::kind_of`].
pub(super) fn kind_of(
    reader: &rusqlite::Connection,
    tenant: u32,
    id: u128,
) -> Result<Option<(u16, Option<u128>)>, Error> {
    let mut find = reader.prepare_cached(sql::KIND)?;
    let mut rows = find.query(params![tenant, prefix(id), id.to_be_bytes()])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    Ok(Some((row.get(0)?, optional_id(row, 1)?)))
}

/// The number of the first event at or after a time; `None` if there is none yet.
pub(super) fn first_since(reader: &rusqlite::Connection, at_ms: u64) -> Result<Option<u64>, Error> {
    let found = reader
        .prepare_cached(SINCE)?
        .query_row([super::value::signed(at_ms)], |row| Ok(number(row, 0)))
        .optional()?;
    found.transpose()
}

pub(super) const SINCE: &str =
    "SELECT first_no FROM batch WHERE at >= $1 ORDER BY at, first_no LIMIT 1";
