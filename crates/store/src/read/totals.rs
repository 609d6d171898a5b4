//! Sums: what `verify` compares with the replayed state, and what the writer starts from.

use rusqlite::params;

use super::rows::{Applied, Tally};
use super::value::{self, signed};
use super::write::{applied, read_tally};
use super::{RUN, ReadModel};
use crate::error::Error;

pub(super) mod sql {
    pub const ACCOUNTS: &str =
        "SELECT no, CASE WHEN class = 'wallet' THEN owner END, balance FROM account ORDER BY no";
    /// Within an account the newest line is last, for it belongs to one wallet.
    pub const LATER: &str = "SELECT account, balance FROM entry
        WHERE run = $1 AND no >= $2 AND account >= 0 ORDER BY wallet, no, account";
    pub const COUNTS: &str = "SELECT (SELECT count(*) FROM tenant), (SELECT count(*) FROM asset),
        coalesce((SELECT max(no) + 1 FROM party), 0), coalesce((SELECT max(no) + 1 FROM wallet), 0)";
    pub const TALLIES: &str = "SELECT kind, asset, count, amount, tax, fee FROM tally
        WHERE tenant = $1 ORDER BY kind, asset";
    #[cfg(test)]
    pub const ALL: &[&str] = &[ACCOUNTS, LATER, COUNTS, TALLIES];
}

/// What a writer that starts again must know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// How far the journal was followed.
    pub applied: Applied,
    /// The wallet of each account by number, `None` for the operator's and parties'.
    pub wallet_of: Vec<Option<u32>>,
    /// The balance of each account by number, as of `applied`.
    pub balances: Vec<i128>,
    /// How many tenants there are.
    pub tenants: u32,
    /// How many assets.
    pub assets: u16,
    /// How many parties.
    pub parties: u32,
    /// How many wallets.
    pub wallets: u32,
}

/// The sum over a tenant's events of a kind in an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TallyLine {
    /// What happened.
    pub kind: u16,
    /// In what; `None` for what has no asset of its own.
    pub asset: Option<u16>,
    /// How often, and the sums.
    pub tally: Tally,
}

impl ReadModel {
    /// Everything a writer must know to go on.
    pub fn load(&self) -> Result<Loaded, Error> {
        self.snapshot(|reader| {
            let mut loaded = Loaded {
                applied: applied(reader)?,
                ..Loaded::default()
            };
            let mut accounts = reader.prepare_cached(sql::ACCOUNTS)?;
            let mut rows = accounts.query([])?;
            while let Some(row) = rows.next()? {
                if row.get::<_, i64>(0)? != loaded.balances.len() as i64 {
                    return Err(Error::Corrupt {
                        what: "the read model's accounts, which are numbered without gaps",
                    });
                }
                loaded.wallet_of.push(row.get(1)?);
                loaded.balances.push(value::sum(row, 2)?);
            }
            let Applied {
                next_no,
                balances_no,
                ..
            } = loaded.applied;
            let mut later = reader.prepare_cached(sql::LATER)?;
            for run in balances_no / RUN..=next_no / RUN {
                let mut rows = later.query(params![signed(run), signed(balances_no)])?;
                while let Some(row) = rows.next()? {
                    let account = row.get::<_, u32>(0)? as usize;
                    let balance = loaded.balances.get_mut(account).ok_or(Error::Corrupt {
                        what: "an account of the read model's lines",
                    })?;
                    *balance = value::sum(row, 1)?;
                }
            }
            drop(rows);
            let mut counts = reader.prepare_cached(sql::COUNTS)?;
            (
                loaded.tenants,
                loaded.assets,
                loaded.parties,
                loaded.wallets,
            ) = counts.query_row([], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })?;
            Ok(loaded)
        })
    }

    /// Every account's balance as decimal text of atoms, by number, and the journal's row they are of.
    pub fn balances(&self) -> Result<(u64, Vec<(u32, String)>), Error> {
        let loaded = self.load()?;
        let balances = (0u32..).zip(&loaded.balances);
        let balances = balances.map(|(no, balance)| (no, balance.to_string()));
        Ok((loaded.applied.seq, balances.collect()))
    }

    /// How many events of each kind a tenant has, and what they come to.
    pub fn tallies(&self, tenant: u32) -> Result<Vec<TallyLine>, Error> {
        let reader = self.db.reader()?;
        let mut tallies = reader.prepare_cached(sql::TALLIES)?;
        let mut rows = tallies.query([tenant])?;
        let mut lines = Vec::new();
        while let Some(row) = rows.next()? {
            lines.push(TallyLine {
                kind: row.get(0)?,
                asset: u16::try_from(row.get::<_, i64>(1)?).ok(),
                tally: read_tally(row, 2)?,
            });
        }
        Ok(lines)
    }
}
