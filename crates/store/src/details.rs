//! Text about payments, top-ups, parties and other things: what must never be
//! in the journal.
//!
//! Written before the thing itself is decided, as one version among others:
//! what counts is the version that the journal's event names by its hash. What
//! was kept for a command that came to nothing is dropped, and shows nowhere
//! until it is. The hash is keyed by the text's subject, as the text is
//! encrypted: once that key is destroyed, neither says anything.
//!
//! Of a party there may be several versions that count, each a change of the
//! ones before it: [`Store::place_details`] notes where the journal has them.

use std::collections::BTreeMap;
use std::fmt;

use rusqlite::{OptionalExtension, Row, TransactionBehavior, params};
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
    pub const INSERT: &str = "INSERT INTO texts
            (tenant, kind, thing, hash, command, subject, body, put_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (tenant, kind, thing, hash) DO NOTHING";
    pub const FIND: &str = "SELECT subject, body, command FROM texts
        WHERE tenant = $1 AND kind = $2 AND thing = $3 AND hash = $4";
    pub const LIST: &str = "SELECT subject, body, command, hash, seq, idx FROM texts
        WHERE tenant = $1 AND kind = $2 AND thing = $3";
    pub const PLACE: &str = "UPDATE texts SET seq = $1, idx = $2
        WHERE tenant = $3 AND kind = $4 AND thing = $5 AND hash = $6";
    pub const DROP: &str = "DELETE FROM texts
        WHERE tenant = $1 AND kind = $2 AND thing = $3 AND hash = $4 AND seq IS NULL";
    #[cfg(test)]
    pub const ALL: &[&str] = &[INSERT, FIND, LIST, PLACE, DROP];
}

/// What a text is about. Ids of different kinds never meet. The numbers are
/// stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    Party = 1,
    Payment = 2,
    Transfer = 3,
    Refund = 4,
    TopUp = 5,
    Withdrawal = 6,
    Dispute = 7,
    Correction = 8,
}

/// One thing of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct About {
    pub tenant: u128,
    pub kind: Kind,
    pub thing: u128,
}

/// Names a version of a thing's text, without saying what it says.
pub type TextHash = [u8; 16];

/// Any of it may be about a person, so `Debug` shows which fields are set and
/// never what they say. In a party's change, an empty text takes the old one
/// away.
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<String, String>>,
    /// A party's, checked, as a buyer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_number: Option<String>,
}

impl Details {
    /// Nothing to put.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The first field in which another text differs.
    pub fn first_difference(&self, other: &Self) -> Option<&'static str> {
        let Self {
            reference,
            description,
            name,
            email,
            metadata,
            tax_number,
        } = self;
        [
            ("reference", *reference == other.reference),
            ("description", *description == other.description),
            ("name", *name == other.name),
            ("email", *email == other.email),
            ("metadata", *metadata == other.metadata),
            ("tax_number", *tax_number == other.tax_number),
        ]
        .into_iter()
        .find_map(|(field, same)| (!same).then_some(field))
    }

    /// With a change on top: what it does not say stays.
    #[must_use]
    pub fn changed_by(self, change: Self) -> Self {
        let text = |was: Option<String>, change: Option<String>| match change {
            None => was,
            Some(text) => Some(text).filter(|text| !text.is_empty()),
        };
        Self {
            reference: text(self.reference, change.reference),
            description: text(self.description, change.description),
            name: text(self.name, change.name),
            email: text(self.email, change.email),
            metadata: match change.metadata {
                None => self.metadata,
                Some(map) => Some(map).filter(|map| !map.is_empty()),
            },
            tax_number: text(self.tax_number, change.tax_number),
        }
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
            .field("metadata", &self.metadata.as_ref().map_or(0, BTreeMap::len))
            .field("tax_number", &self.tax_number.is_some())
            .finish()
    }
}

/// One record to put: for which command, and which party's erasure takes it
/// along.
#[derive(Clone, Copy, Debug)]
pub struct NewDetails<'a> {
    pub about: About,
    pub command: u128,
    pub subject: u128,
    pub details: &'a Details,
}

/// What became of one record of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Put {
    Stored(TextHash),
    /// The same text was already there for the same command.
    Known(TextHash),
    /// Its person is erased: nothing is stored about them any more.
    Erased,
}

/// What is known of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    Absent,
    Details(Details),
    Erased,
    /// The text was altered, or its key is lost.
    Unreadable,
}

/// Where the journal decided on a version: row and place in it.
pub type Place = (u64, u32);

/// One version of a thing's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub hash: TextHash,
    pub command: u128,
    /// `None` as long as nobody has noted it.
    pub place: Option<Place>,
    pub found: Found,
}

impl Store {
    /// Keeps many records in one transaction and one sync: an outcome for
    /// each, in order. An `Err` means that none was stored.
    ///
    /// Errors: [`Error::TooLarge`].
    pub fn put_many(
        &self,
        batch: &[NewDetails<'_>],
        now_ms: i64,
        random: &mut dyn Random,
    ) -> Result<Vec<Put>, Error> {
        self.put_and_drop(batch, &[], now_ms, random)
    }

    /// The same, after dropping versions that nothing has decided on.
    pub fn put_and_drop(
        &self,
        batch: &[NewDetails<'_>],
        drops: &[(About, TextHash)],
        now_ms: i64,
        random: &mut dyn Random,
    ) -> Result<Vec<Put>, Error> {
        let texts = batch
            .iter()
            .map(|new| new.details.encode())
            .collect::<Result<Vec<_>, _>>()?;
        let subjects = batch.iter().map(|new| (new.about.tenant, new.subject));
        let keys = self.keys.find_or_make_many(subjects, now_ms, random)?;

        // Encrypted before the writer is taken: others need not wait for it.
        let mut sealed = Vec::with_capacity(batch.len());
        for (new, text) in batch.iter().zip(&texts) {
            sealed.push(match keys.get(&(new.about.tenant, new.subject)) {
                Some(KeyState::Live(key)) => {
                    let ids = ids(new.about, new.command);
                    let hash = key.hash(&ids, text);
                    Some((hash, key.seal(&ids, hash, text, random)?))
                }
                Some(KeyState::Erased | KeyState::Absent) | None => None,
            });
        }

        let mut writer = self.db.writer();
        let tx = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (about, hash) in drops {
            tx.prepare_cached(sql::DROP)?.execute(params![
                about.tenant.to_be_bytes(),
                about.kind as u8,
                about.thing.to_be_bytes(),
                hash
            ])?;
        }
        let mut outcomes = Vec::with_capacity(batch.len());
        for (new, sealed) in batch.iter().zip(&sealed) {
            let Some((hash, body)) = sealed else {
                outcomes.push(Put::Erased);
                continue;
            };
            let written = tx.prepare_cached(sql::INSERT)?.execute(params![
                new.about.tenant.to_be_bytes(),
                new.about.kind as u8,
                new.about.thing.to_be_bytes(),
                hash,
                new.command.to_be_bytes(),
                new.subject.to_be_bytes(),
                body,
                now_ms
            ])?;
            outcomes.push(if written == 1 {
                Put::Stored(*hash)
            } else {
                Put::Known(*hash)
            });
        }
        tx.commit()?;
        Ok(outcomes)
    }

    /// One version of a thing's text.
    pub fn details(&self, about: About, hash: TextHash) -> Result<Found, Error> {
        let row = {
            let reader = self.db.reader()?;
            reader
                .prepare_cached(sql::FIND)?
                .query_row(
                    params![
                        about.tenant.to_be_bytes(),
                        about.kind as u8,
                        about.thing.to_be_bytes(),
                        hash
                    ],
                    sealed,
                )
                .optional()?
        };
        let Some(row) = row else {
            return Ok(Found::Absent);
        };
        Ok(self.opened(about, vec![(row, hash)])?.remove(0))
    }

    /// All versions of a thing's text: those not placed first, then in the
    /// order of the journal.
    pub fn versions(&self, about: About) -> Result<Vec<Version>, Error> {
        let (mut rows, mut versions) = (Vec::new(), Vec::new());
        {
            let reader = self.db.reader()?;
            let mut list = reader.prepare_cached(sql::LIST)?;
            let mut found = list.query(params![
                about.tenant.to_be_bytes(),
                about.kind as u8,
                about.thing.to_be_bytes()
            ])?;
            while let Some(row) = found.next()? {
                let (text, hash) = (sealed(row)?, row.get(3)?);
                let (seq, index): (Option<i64>, Option<u32>) = (row.get(4)?, row.get(5)?);
                versions.push(Version {
                    hash,
                    command: text.command,
                    place: seq.and_then(|seq| u64::try_from(seq).ok()).zip(index),
                    found: Found::Absent,
                });
                rows.push((text, hash));
            }
        }
        let found = self.opened(about, rows)?;
        for (version, found) in versions.iter_mut().zip(found) {
            version.found = found;
        }
        versions.sort_by_key(|version| version.place);
        Ok(versions)
    }

    /// Notes where the journal decided on a version.
    pub fn place_details(&self, about: About, hash: TextHash, place: Place) -> Result<(), Error> {
        // Rows are counted from 1, one a batch: far below 2^63.
        let seq = i64::try_from(place.0).unwrap_or(i64::MAX);
        self.db
            .writer()
            .prepare_cached(sql::PLACE)?
            .execute(params![
                seq,
                place.1,
                about.tenant.to_be_bytes(),
                about.kind as u8,
                about.thing.to_be_bytes(),
                hash
            ])?;
        Ok(())
    }

    fn opened(&self, about: About, rows: Vec<(Sealed, TextHash)>) -> Result<Vec<Found>, Error> {
        let subjects = rows.iter().map(|(row, _)| (about.tenant, row.subject));
        let keys = self.keys.find_many(subjects)?;
        let found =
            rows.into_iter()
                .map(|(row, hash)| match keys.get(&(about.tenant, row.subject)) {
                    Some(KeyState::Erased) => Found::Erased,
                    Some(KeyState::Live(key)) => {
                        decrypt(key, about, hash, &row).map_or(Found::Unreadable, Found::Details)
                    }
                    Some(KeyState::Absent) | None => Found::Unreadable,
                });
        Ok(found.collect())
    }
}

struct Sealed {
    subject: u128,
    command: u128,
    body: Vec<u8>,
}

fn sealed(row: &Row<'_>) -> rusqlite::Result<Sealed> {
    Ok(Sealed {
        subject: u128::from_be_bytes(row.get(0)?),
        body: row.get(1)?,
        command: u128::from_be_bytes(row.get(2)?),
    })
}

/// What a text is bound to: it opens in no other row, and its hash is no other's.
fn ids(about: About, command: u128) -> [u8; 49] {
    let mut ids = [0; 49];
    ids[..16].copy_from_slice(&about.tenant.to_be_bytes());
    ids[16] = about.kind as u8;
    ids[17..33].copy_from_slice(&about.thing.to_be_bytes());
    ids[33..].copy_from_slice(&command.to_be_bytes());
    ids
}

fn decrypt(key: &SubjectKey, about: About, hash: TextHash, row: &Sealed) -> Result<Details, Error> {
    let text = key.open(&ids(about, row.command), hash, &row.body)?;
    serde_json::from_slice(&text).map_err(|_| Error::Unreadable)
}

#[cfg(test)]
mod tests;
