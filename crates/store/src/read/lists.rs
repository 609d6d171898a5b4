//! Tenants, assets, terms, parties, wallets and accounts, as they are now.

use rusqlite::{OptionalExtension, Row, params};

use super::ReadModel;
use super::about::{Position, read_position};
use super::scan::{Fill, Place};
use super::value::{self, number, signed};
use crate::error::Error;
use crate::page::Page;

pub(super) mod sql {
    pub const TENANTS: &str = "SELECT no, id, mode, at FROM tenant WHERE no < $1 ORDER BY no DESC";
    pub const ASSETS: &str = "SELECT no, code, scale FROM asset ORDER BY no";
    pub const TERMS: &str = "SELECT
            (SELECT seq FROM batch WHERE first_no <= e.no ORDER BY first_no DESC LIMIT 1),
            e.idx, e.part, t.version, t.at, t.terms
        FROM terms t JOIN event e ON e.no = t.no
        WHERE t.tenant = $1 AND t.version < $2 ORDER BY t.version DESC";
    macro_rules! party {
        ($rest:literal) => {
            concat!(
                "SELECT no, id, kind, country, tier, standing, at FROM party ",
                $rest
            )
        };
    }
    pub const PARTIES: &str = party!("WHERE tenant = $1 AND no < $2 ORDER BY no DESC");
    pub const PARTY: &str = party!("WHERE tenant = $1 AND id = $2");
    macro_rules! wallet {
        ($rest:literal) => {
            concat!(
                "SELECT w.no, w.id, p.id, w.standing, w.at
                FROM wallet w JOIN party p ON p.no = w.party ",
                $rest
            )
        };
    }
    pub const WALLETS: &str = wallet!("WHERE w.tenant = $1 AND w.no < $2 ORDER BY w.no DESC");
    pub const WALLETS_OF: &str =
        wallet!("WHERE w.party = $1 AND w.tenant = $2 AND w.no < $3 ORDER BY w.no DESC");
    pub const WALLET: &str = wallet!("WHERE w.tenant = $1 AND w.id = $2");
    macro_rules! account {
        ($rest:literal) => {
            concat!(
                "SELECT no, class, owner, sub, asset, source, origin, credit_limit FROM account ",
                $rest
            )
        };
    }
    pub const ACCOUNTS: &str = account!("WHERE no < $1 AND tenant = $2 ORDER BY no DESC");
    pub const ACCOUNTS_OF: &str =
        account!("WHERE class = $1 AND owner = $2 AND tenant = $3 AND no < $4 ORDER BY no DESC");
    #[cfg(test)]
    pub const ALL: &[&str] = &[
        TENANTS,
        ASSETS,
        TERMS,
        PARTIES,
        PARTY,
        WALLETS,
        WALLETS_OF,
        WALLET,
        ACCOUNTS,
        ACCOUNTS_OF,
    ];
}

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantLine {
    /// Its number.
    pub no: u32,
    /// Its id.
    pub id: u128,
    /// `test` or `live`.
    pub mode: String,
    /// Since when.
    pub at_ms: u64,
}

/// An asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetLine {
    /// Its number.
    pub no: u16,
    /// Its code.
    pub code: String,
    /// Its decimals.
    pub scale: u8,
}

/// A version of a tenant's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TermsLine {
    /// Counted from 1; before it the defaults were in force.
    pub version: u32,
    /// From when on.
    pub at_ms: u64,
    /// Where the journal says so.
    pub position: Position,
    /// The whole of them, as JSON.
    pub terms: String,
}

/// A party.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartyLine {
    /// Its number.
    pub no: u32,
    /// Its id.
    pub id: u128,
    /// `person`, `business` or `agent`.
    pub kind: String,
    /// Two letters.
    pub country: String,
    /// How far verified.
    pub tier: u8,
    /// `active`, `frozen` or `closed`.
    pub standing: String,
    /// Since when.
    pub at_ms: u64,
}

/// Which parties are wanted; what is not set does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct PartyFilter {
    pub kind: Option<String>,
    pub tier: Option<u8>,
    pub country: Option<String>,
    pub standing: Option<String>,
}

/// A wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletLine {
    /// Its number.
    pub no: u32,
    /// Its id.
    pub id: u128,
    /// Whose.
    pub party: u128,
    /// `active`, `frozen` or `closed`.
    pub standing: String,
    /// Since when.
    pub at_ms: u64,
}

/// Which wallets are wanted; what is not set does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct WalletFilter {
    pub party: Option<u128>,
    pub standing: Option<String>,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountLine {
    /// Its number.
    pub no: u32,
    /// What it is for, as the API names it.
    pub class: String,
    /// The number of the wallet, party or tenant, by class.
    pub owner: u32,
    /// The channel of a clearing account, the country of a tax account.
    pub sub: u16,
    /// In what.
    pub asset: u16,
    /// The source of a wallet account.
    pub source: Option<String>,
    /// What paid an `earned` account.
    pub origin: Option<String>,
    /// How far it may be overdrawn, atoms.
    pub credit_limit: u64,
}

/// Which accounts are wanted; what is not set does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountFilter {
    /// Of this class and, if given, this owner.
    pub class: Option<(String, Option<u32>)>,
    /// In this asset.
    pub asset: Option<u16>,
}

fn read_party(row: &Row<'_>) -> Result<PartyLine, Error> {
    Ok(PartyLine {
        no: row.get(0)?,
        id: value::id(row, 1)?,
        kind: row.get(2)?,
        country: row.get(3)?,
        tier: row.get(4)?,
        standing: row.get(5)?,
        at_ms: number(row, 6)?,
    })
}

fn read_wallet(row: &Row<'_>) -> Result<WalletLine, Error> {
    Ok(WalletLine {
        no: row.get(0)?,
        id: value::id(row, 1)?,
        party: value::id(row, 2)?,
        standing: row.get(3)?,
        at_ms: number(row, 4)?,
    })
}

fn read_account(row: &Row<'_>) -> Result<AccountLine, Error> {
    Ok(AccountLine {
        no: row.get(0)?,
        class: row.get(1)?,
        owner: row.get(2)?,
        sub: row.get(3)?,
        asset: row.get(4)?,
        source: row.get(5)?,
        origin: row.get(6)?,
        credit_limit: value::amount(row, 7)?,
    })
}

impl ReadModel {
    /// The shard's tenants, newest first: for the operator of the machine.
    pub fn tenants(
        &self,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<TenantLine, String>, Error> {
        let below = Place::read(cursor)?;
        let reader = self.db.reader()?;
        let mut page = Fill::new(limit);
        let mut tenants = reader.prepare_cached(sql::TENANTS)?;
        page.read(&mut tenants, [signed(below.no)], |row| {
            let line = TenantLine {
                no: row.get(0)?,
                id: value::id(row, 1)?,
                mode: row.get(2)?,
                at_ms: number(row, 3)?,
            };
            Ok((Place::of(u64::from(line.no)), Some(line)))
        })?;
        Ok(page.finish())
    }

    /// The shard's assets, by number.
    pub fn assets(&self) -> Result<Vec<AssetLine>, Error> {
        let reader = self.db.reader()?;
        let mut assets = reader.prepare_cached(sql::ASSETS)?;
        let lines = assets.query_map([], |row| {
            Ok(AssetLine {
                no: row.get(0)?,
                code: row.get(1)?,
                scale: row.get(2)?,
            })
        })?;
        Ok(lines.collect::<Result<_, _>>()?)
    }

    /// The versions of a tenant's terms, newest first.
    pub fn terms(
        &self,
        tenant: u32,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<TermsLine, String>, Error> {
        let below = Place::read(cursor)?;
        let reader = self.db.reader()?;
        let mut page = Fill::new(limit);
        let mut terms = reader.prepare_cached(sql::TERMS)?;
        page.read(&mut terms, params![tenant, signed(below.no)], |row| {
            let line = TermsLine {
                position: read_position(row, 0)?,
                version: row.get(3)?,
                at_ms: number(row, 4)?,
                terms: row.get(5)?,
            };
            Ok((Place::of(u64::from(line.version)), Some(line)))
        })?;
        Ok(page.finish())
    }

    /// A tenant's parties, newest first.
    pub fn parties(
        &self,
        tenant: u32,
        filter: &PartyFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<PartyLine, String>, Error> {
        let below = Place::read(cursor)?;
        let reader = self.db.reader()?;
        let mut page = Fill::new(limit);
        let mut parties = reader.prepare_cached(sql::PARTIES)?;
        page.read(&mut parties, params![tenant, signed(below.no)], |row| {
            let line = read_party(row)?;
            let wanted = filter.kind.as_ref().is_none_or(|kind| *kind == line.kind)
                && filter.tier.is_none_or(|tier| tier == line.tier)
                && filter.country.as_ref().is_none_or(|c| *c == line.country)
                && filter.standing.as_ref().is_none_or(|s| *s == line.standing);
            Ok((Place::of(u64::from(line.no)), wanted.then_some(line)))
        })?;
        Ok(page.finish())
    }

    /// One party.
    pub fn party(&self, tenant: u32, id: u128) -> Result<Option<PartyLine>, Error> {
        let reader = self.db.reader()?;
        let found = reader
            .prepare_cached(sql::PARTY)?
            .query_row(params![tenant, id.to_be_bytes()], |row| Ok(read_party(row)))
            .optional()?;
        found.transpose()
    }

    /// A tenant's wallets, or a party's, newest first.
    pub fn wallets(
        &self,
        tenant: u32,
        filter: &WalletFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<WalletLine, String>, Error> {
        let below = Place::read(cursor)?;
        self.snapshot(|reader| {
            let mut page = Fill::new(limit);
            let read = |row: &Row<'_>| {
                let line = read_wallet(row)?;
                let wanted = filter.standing.as_ref().is_none_or(|s| *s == line.standing);
                Ok((Place::of(u64::from(line.no)), wanted.then_some(line)))
            };
            let below = signed(below.no);
            match filter.party {
                None => {
                    let mut wallets = reader.prepare_cached(sql::WALLETS)?;
                    page.read(&mut wallets, params![tenant, below], read)?;
                }
                Some(party) => {
                    let party: Option<u32> = reader
                        .prepare_cached(sql::PARTY)?
                        .query_row(params![tenant, party.to_be_bytes()], |row| row.get(0))
                        .optional()?;
                    let mut wallets = reader.prepare_cached(sql::WALLETS_OF)?;
                    page.read(&mut wallets, params![party, tenant, below], read)?;
                }
            }
            Ok(page.finish())
        })
    }

    /// One wallet.
    pub fn wallet(&self, tenant: u32, id: u128) -> Result<Option<WalletLine>, Error> {
        let reader = self.db.reader()?;
        let found = reader
            .prepare_cached(sql::WALLET)?
            .query_row(params![tenant, id.to_be_bytes()], |row| {
                Ok(read_wallet(row))
            })
            .optional()?;
        found.transpose()
    }

    /// A tenant's accounts, newest first. Their balances are the node's to say: see
    /// [`ReadModel::balances`] for those the read model comes to.
    pub fn accounts(
        &self,
        tenant: u32,
        filter: &AccountFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<AccountLine, String>, Error> {
        let below = Place::read(cursor)?;
        let reader = self.db.reader()?;
        let mut page = Fill::new(limit);
        let read = |row: &Row<'_>| {
            let line = read_account(row)?;
            let class = filter.class.as_ref().map(|(class, _)| class);
            let wanted = filter.asset.is_none_or(|asset| asset == line.asset)
                && class.is_none_or(|class| *class == line.class);
            Ok((Place::of(u64::from(line.no)), wanted.then_some(line)))
        };
        let below = signed(below.no);
        match &filter.class {
            Some((class, Some(owner))) => {
                let mut accounts = reader.prepare_cached(sql::ACCOUNTS_OF)?;
                page.read(&mut accounts, params![class, owner, tenant, below], read)?;
            }
            _ => {
                let mut accounts = reader.prepare_cached(sql::ACCOUNTS)?;
                page.read(&mut accounts, params![below, tenant], read)?;
            }
        }
        Ok(page.finish())
    }
}
