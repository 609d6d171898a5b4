//! Laws as they are now: proposed, approved, in force, replaced or rejected; and which proposal has
//! the text of an edition of a pack.

use rusqlite::{OptionalExtension, Row, params};

use super::ReadModel;
use super::about::{Position, read_position};
use super::scan::{Fill, Place};
use super::value::{self, number, signed};
use crate::error::Error;
use crate::page::Page;

pub(super) mod sql {
    macro_rules! law {
        ($rest:literal) => {
            concat!(
                "SELECT
                    (SELECT seq FROM batch WHERE first_no <= t.no ORDER BY first_no DESC LIMIT 1),
                    e.idx, e.part, t.no,
                    (SELECT at FROM batch WHERE first_no <= t.no ORDER BY first_no DESC LIMIT 1),
                    t.id, t.state, t.proposed, t.proposer, t.approver, t.effective, t.version,
                    t.activated, t.packs
                FROM law t JOIN event e ON e.no = t.no ",
                $rest
            )
        };
    }
    pub const LAWS: &str = law!("WHERE t.tenant = $1 AND t.no < $2 ORDER BY t.no DESC");
    pub const LAW: &str = law!("WHERE t.tenant = $1 AND t.id = $2");
    pub const ACTIVATIONS: &str =
        law!("WHERE t.tenant = $1 AND t.version < $2 ORDER BY t.version DESC");
    pub const ACTIVATION: &str = law!("WHERE t.tenant = $1 AND t.version = $2");
    pub const PACK: &str = "SELECT
            (SELECT seq FROM batch WHERE first_no <= p.no ORDER BY first_no DESC LIMIT 1),
            e.idx, e.part
        FROM law_pack p JOIN event e ON e.no = p.no
        WHERE p.tenant = $1 AND p.pack = $2 AND p.version = $3 ORDER BY p.no DESC LIMIT 100";
    #[cfg(test)]
    pub const ALL: &[&str] = &[LAWS, LAW, ACTIVATIONS, ACTIVATION, PACK];
}

/// A law: `proposed`, `approved`, `active`, `replaced` or `rejected`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LawLine {
    /// The number of the event that proposed it.
    pub no: u64,
    /// Where that is.
    pub position: Position,
    /// When that was, milliseconds since 1970.
    pub at_ms: u64,
    /// Its id.
    pub id: u128,
    /// Where it stands now.
    pub state: String,
    /// What it proposes, in brief: JSON.
    pub proposed: String,
    /// Which key proposed it.
    pub proposer: u128,
    /// Which key approved it.
    pub approver: Option<u128>,
    /// When it takes effect.
    pub effective_ms: Option<u64>,
    /// Of one that came into force: which version of the law it is.
    pub version: Option<u32>,
    /// When it did.
    pub activated_ms: Option<u64>,
    /// The packs then in force: JSON.
    pub packs: Option<String>,
}

fn read(row: &Row<'_>) -> Result<LawLine, Error> {
    let time = |at: usize| -> Result<Option<u64>, Error> {
        let ms: Option<i64> = row.get(at)?;
        Ok(ms.map(value::unsigned))
    };
    Ok(LawLine {
        position: read_position(row, 0)?,
        no: number(row, 3)?,
        at_ms: number(row, 4)?,
        id: value::id(row, 5)?,
        state: row.get(6)?,
        proposed: row.get(7)?,
        proposer: value::id(row, 8)?,
        approver: value::optional_id(row, 9)?,
        effective_ms: time(10)?,
        version: row.get(11)?,
        activated_ms: time(12)?,
        packs: row.get(13)?,
    })
}

impl ReadModel {
    /// A tenant's laws, newest first; only those in a state, if given. Errors: [`Error::BadCursor`].
    pub fn laws(
        &self,
        tenant: u32,
        state: Option<&str>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<LawLine, String>, Error> {
        let below = Place::read(cursor)?;
        let reader = self.db.reader()?;
        let mut page = Fill::new(limit);
        let mut laws = reader.prepare_cached(sql::LAWS)?;
        page.read(&mut laws, params![tenant, signed(below.no)], |row| {
            let line = read(row)?;
            let wanted = state.is_none_or(|state| state == line.state);
            Ok((Place::of(line.no), wanted.then_some(line)))
        })?;
        Ok(page.finish())
    }

    /// One, by its id.
    pub fn law(&self, tenant: u32, id: u128) -> Result<Option<LawLine>, Error> {
        let reader = self.db.reader()?;
        let found = reader
            .prepare_cached(sql::LAW)?
            .query_row(params![tenant, id.to_be_bytes()], |row| Ok(read(row)))
            .optional()?;
        found.transpose()
    }

    /// Those that came into force, the last first. Errors: [`Error::BadCursor`].
    pub fn activations(
        &self,
        tenant: u32,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<LawLine, String>, Error> {
        let below = Place::read(cursor)?;
        let reader = self.db.reader()?;
        let mut page = Fill::new(limit);
        let mut laws = reader.prepare_cached(sql::ACTIVATIONS)?;
        page.read(&mut laws, params![tenant, signed(below.no)], |row| {
            let line = read(row)?;
            let version = u64::from(line.version.unwrap_or(0));
            Ok((Place::of(version), Some(line)))
        })?;
        Ok(page.finish())
    }

    /// The one that was the version of the law with this number.
    pub fn activation(&self, tenant: u32, version: u64) -> Result<Option<LawLine>, Error> {
        let reader = self.db.reader()?;
        let found = reader
            .prepare_cached(sql::ACTIVATION)?
            .query_row(params![tenant, signed(version)], |row| Ok(read(row)))
            .optional()?;
        found.transpose()
    }

    /// The proposals that have a text of an edition of a pack, the last first, at most 100.
    pub fn pack_proposed(
        &self,
        tenant: u32,
        pack: &str,
        version: &str,
    ) -> Result<Vec<Position>, Error> {
        let reader = self.db.reader()?;
        let mut packs = reader.prepare_cached(sql::PACK)?;
        packs
            .query_map(params![tenant, pack, version], |row| {
                Ok(read_position(row, 0))
            })?
            .map(|row| row?)
            .collect()
    }
}
