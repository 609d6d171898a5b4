//! The read model, `read.db`: lists, histories and searches of what the journal says.
//!
//! What it promises:
//! * it is made from the journal alone: thrown away, it is made again, row for row the same;
//! * what a row of the journal says is there whole or not at all, together with that row's number
//!   ([`ReadModel::as_of`]), so that nothing is written twice and nothing is skipped;
//! * every query is of one tenant, and what it shows is of one instant;
//! * a page asked for with the cursor of the page before neither repeats nor leaves out a line,
//!   whatever was written in between.
//!
//! What it must not know: events. What they come to arrives as plain [`Rows`], made by `node`; kinds
//! and codes are numbers here.
//!
//! What happened is numbered from 1 (`no`). Three things keep it fast. Lines are appended in that
//! order. Wallets' lines ([`EntryRow`]) are clustered by wallet within runs of `RUN` numbers, so that
//! a million wallets' lines fall into few pages at a time, and a wallet's history is one range of each
//! run. Kinds and tenants have no index, but a note of the blocks of `BLOCK` numbers that have any
//! (`span`): a rare kind is found without reading the rest.

mod about;
mod change;
mod events;
mod laws;
mod lists;
mod rows;
mod scan;
mod statement;
mod things;
mod totals;
mod value;
mod write;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rusqlite::OptionalExtension;

use crate::db::{Db, Reader};
use crate::error::Error;
use crate::migrate;

pub use about::{LaterLine, Position};
pub use events::{EventFilter, EventLine};
pub use laws::LawLine;
pub use lists::{
    AccountFilter, AccountLine, AssetLine, PartyFilter, PartyLine, TenantLine, TermsLine,
    WalletFilter, WalletLine,
};
pub use rows::{
    Applied, BatchRow, Change, EntryRow, EventRow, NO_ACCOUNT, Rows, Tally, Thing, TopUpChange,
};
pub use statement::{StatementFilter, StatementLine};
pub use things::{
    CorrectionLine, DisputeLine, HoldLine, MandateLine, SubscriptionLine, ThingFilter, TopUpLine,
    WithdrawalLine,
};
pub use totals::{Loaded, TallyLine};
pub use write::ReadWriter;

const FILE: &str = "read.db";

/// How many numbers a run of wallets' lines spans.
pub(crate) const RUN: u64 = 1 << 19;
/// How many numbers a block spans.
pub(crate) const BLOCK: u64 = 1 << 10;

mod sql {
    pub const AS_OF: &str = "SELECT seq FROM progress WHERE one = 1";
}

/// The read model of a shard; clones are the same. Every call blocks until done.
#[derive(Clone)]
pub struct ReadModel {
    pub(crate) db: Arc<Db>,
}

impl ReadModel {
    /// Opens or creates `read.db` in a directory that exists. One of another version, or a damaged
    /// one, is thrown away: it says nothing that the journal does not.
    pub fn open(dir: &Path, now_ms: i64) -> Result<Self, Error> {
        let open = || Db::open_rebuildable(&dir.join(FILE), migrate::READ, now_ms);
        let db = match open() {
            Err(error) if is_useless(&error) => {
                Self::remove(dir)?;
                open()?
            }
            other => other?,
        };
        Ok(Self { db: Arc::new(db) })
    }

    /// Throws `read.db` away; the next to follow the journal makes it again. Nobody may have it open.
    pub fn remove(dir: &Path) -> Result<(), Error> {
        for end in ["", "-wal", "-shm"] {
            match fs::remove_file(dir.join(format!("{FILE}{end}"))) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    /// What writes it. There should be one at a time.
    pub fn writer(&self) -> ReadWriter {
        ReadWriter::new(Arc::clone(&self.db))
    }

    /// The journal row up to which everything is here.
    pub fn as_of(&self) -> Result<u64, Error> {
        let reader = self.db.reader()?;
        let seq: Option<i64> = reader
            .prepare_cached(sql::AS_OF)?
            .query_row([], |row| row.get(0))
            .optional()?;
        Ok(seq.map_or(0, value::unsigned))
    }

    /// Runs a query of several statements on one instant's data.
    pub(crate) fn snapshot<T>(
        &self,
        query: impl FnOnce(&Reader<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let reader = self.db.reader()?;
        reader.execute_batch("BEGIN")?;
        let result = query(&reader);
        let ended = reader.execute_batch("COMMIT");
        let result = result?;
        ended?;
        Ok(result)
    }
}

fn is_useless(error: &Error) -> bool {
    matches!(
        error.code(),
        "migration_changed" | "migration_unknown" | "store_corrupt" | "store_wrong_file"
    )
}

#[cfg(test)]
mod tests;
