//! Text about payments, top-ups, parties and other things: what must never be
//! in the journal.
//!
//! Written before the thing itself is. If the thing is then refused, the text
//! stays behind, encrypted and unreferenced. Putting the same text for the
//! same id again is the same call; other text is a conflict.

use std::collections::BTreeMap;
use std::fmt;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::keys::KeyState;
use crate::random::Random;
use crate::seal::SubjectKey;
use crate::store::Store;

/// Of one record's text, encoded. The API's own limits are narrower.
const TEXT_BYTES_MAX: usize = 64 * 1024;

pub(crate) mod sql {
    pub const INSERT: &str = "INSERT INTO details (tenant, thing, subject, body, put_at)
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant, thing) DO NOTHING";
    pub const REPLACE: &str = "INSERT INTO details (tenant, thing, subject, body, put_at)
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant, thing) DO UPDATE
        SET subject = excluded.subject, body = excluded.body, put_at = excluded.put_at";
    pub const FIND: &str = "SELECT subject, body FROM details WHERE tenant = $1 AND thing = $2";
    #[cfg(test)]
    pub const ALL: &[&str] = &[INSERT, REPLACE, FIND];
}

/// Any of it may be about a person, so `Debug` shows which fields are set and
/// never what they say.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// A party's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A party's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

impl Details {
    /// Nothing to put.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn first_difference(&self, other: &Self) -> Option<&'static str> {
        let Self {
            reference,
            description,
            name,
            email,
            metadata,
        } = self;
        [
            ("reference", *reference == other.reference),
            ("description", *description == other.description),
            ("name", *name == other.name),
            ("email", *email == other.email),
            ("metadata", *metadata == other.metadata),
        ]
        .into_iter()
        .find_map(|(field, same)| (!same).then_some(field))
    }

    fn encode(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        // Strings and a map of strings: serialising them to memory cannot fail.
        let text = serde_json::to_vec(self).map_err(|_| Error::Corrupt {
            what: "details to encode",
        })?;
        let text = Zeroizing::new(text);
        if text.len() > TEXT_BYTES_MAX {
            return Err(Error::TooLarge {
                bytes: text.len(),
                max: TEXT_BYTES_MAX,
            });
        }
        Ok(text)
    }
}

impl fmt::Debug for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Details")
            .field("reference", &self.reference.is_some())
            .field("description", &self.description.is_some())
            .field("name", &self.name.is_some())
            .field("email", &self.email.is_some())
            .field("metadata", &self.metadata.len())
            .finish()
    }
}

/// One record to put. `subject` is the party whose erasure takes it along.
#[derive(Clone, Copy, Debug)]
pub struct NewDetails<'a> {
    pub tenant: u128,
    pub thing: u128,
    pub subject: u128,
    pub details: &'a Details,
}

/// What became of one record of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Put {
    Stored,
    /// The same text was already there.
    Known,
    /// Other text is there and stays; the first field that differs.
    Conflict {
        field: &'static str,
    },
    /// Its person is erased: nothing is stored about them any more.
    Erased,
    /// Text is there that cannot be decrypted, so it cannot be compared.
    Unreadable,
}

/// What is known of one id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    Absent,
    Details(Details),
    Erased,
    /// The text was altered, or its key is lost.
    Unreadable,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum IfThere {
    Compare,
    Replace,
}

impl Store {
    /// Keeps the text of one thing. The same again is `Ok`.
    ///
    /// Errors: [`Error::Conflict`] when the id has other text,
    /// [`Error::Erased`] when its person is erased, [`Error::TooLarge`].
    pub fn put_details(
        &self,
        new: NewDetails<'_>,
        now_ms: i64,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        self.put_one(new, IfThere::Compare, now_ms, random)
    }

    /// The same, over whatever text the id had.
    pub fn replace_details(
        &self,
        new: NewDetails<'_>,
        now_ms: i64,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        self.put_one(new, IfThere::Replace, now_ms, random)
    }

    /// Many records in one transaction and one sync: an outcome for each, in
    /// order. One record's conflict is not its neighbours' concern; an `Err`
    /// means that none was stored.
    pub fn put_many(
        &self,
        batch: &[NewDetails<'_>],
        now_ms: i64,
        random: &mut dyn Random,
    ) -> Result<Vec<Put>, Error> {
        self.put(batch, IfThere::Compare, now_ms, random)
    }

    /// The text of one thing; `None` if there never was any.
    ///
    /// Errors: [`Error::Erased`], [`Error::Unreadable`].
    pub fn get_details(&self, tenant: u128, thing: u128) -> Result<Option<Details>, Error> {
        match self.get_many(tenant, &[thing])?.pop() {
            Some(Found::Details(details)) => Ok(Some(details)),
            Some(Found::Erased) => Err(Error::Erased),
            Some(Found::Unreadable) => Err(Error::Unreadable),
            Some(Found::Absent) | None => Ok(None),
        }
    }

    /// The text of many things of a tenant, in the order asked.
    pub fn get_many(&self, tenant: u128, things: &[u128]) -> Result<Vec<Found>, Error> {
        let rows = {
            let reader = self.db.reader()?;
            let tx = reader.unchecked_transaction()?;
            things
                .iter()
                .map(|&thing| find(&tx, tenant, thing))
                .collect::<Result<Vec<_>, _>>()?
        };
        let subjects = rows.iter().flatten().map(|row| (tenant, row.subject));
        let keys = self.keys.find_many(subjects)?;
        let found = things.iter().zip(rows).map(|(&thing, row)| {
            let Some(row) = row else {
                return Found::Absent;
            };
            match keys.get(&(tenant, row.subject)) {
                Some(KeyState::Erased) => Found::Erased,
                Some(KeyState::Live(key)) => {
                    decrypt(key, tenant, thing, &row.body).map_or(Found::Unreadable, Found::Details)
                }
                Some(KeyState::Absent) | None => Found::Unreadable,
            }
        });
        Ok(found.collect())
    }

    fn put_one(
        &self,
        new: NewDetails<'_>,
        if_there: IfThere,
        now_ms: i64,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        match self.put(&[new], if_there, now_ms, random)?.pop() {
            Some(Put::Stored | Put::Known) | None => Ok(()),
            Some(Put::Conflict { field }) => Err(Error::Conflict { field }),
            Some(Put::Erased) => Err(Error::Erased),
            Some(Put::Unreadable) => Err(Error::Unreadable),
        }
    }

    fn put(
        &self,
        batch: &[NewDetails<'_>],
        if_there: IfThere,
        now_ms: i64,
        random: &mut dyn Random,
    ) -> Result<Vec<Put>, Error> {
        let texts = batch
            .iter()
            .map(|new| new.details.encode())
            .collect::<Result<Vec<_>, _>>()?;
        let subjects = batch.iter().map(|new| (new.tenant, new.subject));
        let keys = self.keys.find_or_make_many(subjects, now_ms, random)?;

        // Encrypted before the writer is taken: others need not wait for it.
        let mut sealed = Vec::with_capacity(batch.len());
        for (new, text) in batch.iter().zip(&texts) {
            sealed.push(match keys.get(&(new.tenant, new.subject)) {
                Some(KeyState::Live(key)) => {
                    let body = key.seal(new.tenant, new.thing, text, random)?;
                    Some((key, body))
                }
                Some(KeyState::Erased | KeyState::Absent) | None => None,
            });
        }

        let mut writer = self.db.writer();
        let tx = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut outcomes = Vec::with_capacity(batch.len());
        for (new, sealed) in batch.iter().zip(&sealed) {
            outcomes.push(match sealed {
                Some((key, body)) => put_row(&tx, new, key, body, if_there, now_ms)?,
                None => Put::Erased,
            });
        }
        tx.commit()?;
        Ok(outcomes)
    }
}

fn put_row(
    connection: &Connection,
    new: &NewDetails<'_>,
    key: &SubjectKey,
    body: &[u8],
    if_there: IfThere,
    now_ms: i64,
) -> Result<Put, Error> {
    let statement = match if_there {
        IfThere::Compare => sql::INSERT,
        IfThere::Replace => sql::REPLACE,
    };
    let written = connection.prepare_cached(statement)?.execute(params![
        new.tenant.to_be_bytes(),
        new.thing.to_be_bytes(),
        new.subject.to_be_bytes(),
        body,
        now_ms
    ])?;
    if written == 1 {
        return Ok(Put::Stored);
    }
    let row = find(connection, new.tenant, new.thing)?.ok_or(Error::Corrupt {
        what: "a row that was in the way is not there",
    })?;
    if row.subject != new.subject {
        return Ok(Put::Conflict { field: "subject" });
    }
    let Ok(there) = decrypt(key, new.tenant, new.thing, &row.body) else {
        return Ok(Put::Unreadable);
    };
    Ok(match new.details.first_difference(&there) {
        None => Put::Known,
        Some(field) => Put::Conflict { field },
    })
}

struct Row {
    subject: u128,
    body: Vec<u8>,
}

fn find(connection: &Connection, tenant: u128, thing: u128) -> Result<Option<Row>, Error> {
    let row = connection
        .prepare_cached(sql::FIND)?
        .query_row(params![tenant.to_be_bytes(), thing.to_be_bytes()], |row| {
            Ok(Row {
                subject: u128::from_be_bytes(row.get(0)?),
                body: row.get(1)?,
            })
        })
        .optional()?;
    Ok(row)
}

fn decrypt(key: &SubjectKey, tenant: u128, thing: u128, body: &[u8]) -> Result<Details, Error> {
    let text = key.open(tenant, thing, body)?;
    serde_json::from_slice(&text).map_err(|_| Error::Unreadable)
}

#[cfg(test)]
mod tests;
