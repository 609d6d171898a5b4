//! How numbers stand in the tables.
//!
//! SQLite's integers are 64 bits and signed. Sequence numbers never reach their end; amounts may, and
//! become blobs, which SQLite orders after every integer.

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Row, ToSql};

use crate::error::Error;

const CORRUPT: Error = Error::Corrupt {
    what: "a number of the read model",
};

/// A sequence number, which is never beyond 63 bits.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The same back; a negative one, which is never written, is 0.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// An amount: an integer up to 2^63−1, above that its 8 bytes, most significant first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Amount(pub u64);

impl ToSql for Amount {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match i64::try_from(self.0) {
            Ok(small) => ToSqlOutput::Borrowed(ValueRef::Integer(small)),
            Err(_) => ToSqlOutput::Owned(Value::Blob(self.0.to_be_bytes().to_vec())),
        })
    }
}

/// A sum: an integer where it fits, else its 16 bytes, most significant first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sum(pub i128);

impl ToSql for Sum {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match i64::try_from(self.0) {
            Ok(small) => ToSqlOutput::Borrowed(ValueRef::Integer(small)),
            Err(_) => ToSqlOutput::Owned(Value::Blob(self.0.to_be_bytes().to_vec())),
        })
    }
}

pub(super) fn amount(row: &Row<'_>, column: usize) -> Result<u64, Error> {
    amount_of(row.get_ref(column)?)
}

pub(super) fn optional_amount(row: &Row<'_>, column: usize) -> Result<Option<u64>, Error> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        value => amount_of(value).map(Some),
    }
}

fn amount_of(value: ValueRef<'_>) -> Result<u64, Error> {
    match value {
        ValueRef::Integer(number) => u64::try_from(number).map_err(|_| CORRUPT),
        ValueRef::Blob(bytes) => Ok(u64::from_be_bytes(bytes.try_into().map_err(|_| CORRUPT)?)),
        _ => Err(CORRUPT),
    }
}

pub(super) fn sum(row: &Row<'_>, column: usize) -> Result<i128, Error> {
    match row.get_ref(column)? {
        ValueRef::Integer(number) => Ok(i128::from(number)),
        ValueRef::Blob(bytes) => Ok(i128::from_be_bytes(bytes.try_into().map_err(|_| CORRUPT)?)),
        _ => Err(CORRUPT),
    }
}

pub(super) fn number(row: &Row<'_>, column: usize) -> Result<u64, Error> {
    Ok(unsigned(row.get(column)?))
}

/// An id, or `None` for NULL.
pub(super) fn optional_id(row: &Row<'_>, column: usize) -> Result<Option<u128>, Error> {
    Ok(row
        .get::<_, Option<[u8; 16]>>(column)?
        .map(u128::from_be_bytes))
}

pub(super) fn id(row: &Row<'_>, column: usize) -> Result<u128, Error> {
    Ok(u128::from_be_bytes(row.get(column)?))
}

/// An id as it is written; zero, which is none, as NULL.
pub(super) fn id_or_null(id: u128) -> Option<[u8; 16]> {
    (id != 0).then(|| id.to_be_bytes())
}

/// The key of `thing`: an id's first 8 bytes.
pub(super) fn prefix(id: u128) -> i64 {
    ((id >> 64) as u64).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    #[test]
    fn amounts_and_sums_come_back_and_amounts_keep_their_order() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE t (a ANY NOT NULL) STRICT")
            .unwrap();
        let amounts = [u64::MAX, 0, 1 << 63, (1 << 63) - 1, 1, u64::MAX - 1];
        for amount in amounts {
            db.execute("INSERT INTO t VALUES ($1)", [Amount(amount)])
                .unwrap();
        }
        let mut select = db
            .prepare("SELECT a FROM t WHERE a >= $1 ORDER BY a")
            .unwrap();
        let back: Vec<u64> = select
            .query_map([Amount(1)], |row| Ok(amount(row, 0).unwrap()))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(back, [1, (1 << 63) - 1, 1 << 63, u64::MAX - 1, u64::MAX]);
        for value in [0, -1, i128::MIN, i128::MAX, i128::from(i64::MIN) - 1] {
            let back = db.query_row("SELECT $1", [Sum(value)], |row| Ok(sum(row, 0).unwrap()));
            assert_eq!(back.unwrap(), value);
        }
    }
}
