//! A wallet's statement: every line that changed one of its accounts, newest first.

use rusqlite::{Row, params};

use super::about::kind_of;
use super::events::{find_wallet, range, runs};
use super::rows::NO_ACCOUNT;
use super::scan::{Fill, Place};
use super::value::{self, number, signed};
use super::{RUN, ReadModel};
use crate::error::Error;
use crate::page::Page;

pub(super) mod sql {
    pub const LINES: &str = "SELECT w.no, w.account, w.amount, w.balance, e.kind, e.id,
            a.asset, a.source, a.origin,
            (SELECT at FROM batch WHERE first_no <= w.no ORDER BY first_no DESC LIMIT 1),
            (SELECT id FROM wallet
                WHERE no = CASE WHEN e.payer = w.wallet THEN e.payee ELSE e.payer END), e.of
        FROM entry w CROSS JOIN event e ON e.no = w.no CROSS JOIN account a ON a.no = w.account
        WHERE w.run = $1 AND w.wallet = $2 AND w.no >= $3 AND w.no <= $4
            AND (w.no < $4 OR w.account < $5) AND a.tenant = $6
        ORDER BY w.no DESC, w.account DESC";
    #[cfg(test)]
    pub const ALL: &[&str] = &[LINES];
}

/// Which lines are wanted; what is not set does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatementFilter {
    /// In this asset.
    pub asset: Option<u16>,
    /// Of this source, as the API names it.
    pub source: Option<String>,
    /// Not before, milliseconds since 1970.
    pub from_ms: Option<u64>,
    /// Before, milliseconds since 1970.
    pub until_ms: Option<u64>,
}

/// One line of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementLine {
    /// The event's number in the read model.
    pub no: u64,
    /// When.
    pub at_ms: u64,
    /// What happened.
    pub kind: u16,
    /// Its id, if it has one.
    pub id: Option<u128>,
    /// The earlier payment it belongs to.
    pub of: Option<u128>,
    /// What that is.
    pub of_kind: Option<u16>,
    /// The account's number.
    pub account: u32,
    /// In what it is.
    pub asset: u16,
    /// Where its value came from.
    pub source: Option<String>,
    /// What paid it, if it was earned.
    pub origin: Option<String>,
    /// By how much the account changed, atoms.
    pub amount: i128,
    /// What was in it then, atoms.
    pub balance: i128,
    /// The other wallet, if there is one.
    pub counterparty: Option<u128>,
}

fn read(row: &Row<'_>, filter: &StatementFilter) -> Result<(Place, Option<StatementLine>), Error> {
    let line = StatementLine {
        no: number(row, 0)?,
        account: row.get(1)?,
        amount: value::sum(row, 2)?,
        balance: value::sum(row, 3)?,
        kind: row.get(4)?,
        id: value::optional_id(row, 5)?,
        asset: row.get(6)?,
        source: row.get(7)?,
        origin: row.get(8)?,
        at_ms: number(row, 9)?,
        counterparty: value::optional_id(row, 10)?,
        of: value::optional_id(row, 11)?,
        of_kind: None,
    };
    let place = Place {
        no: line.no,
        sub: u64::from(line.account),
    };
    let wanted = filter.asset.is_none_or(|asset| asset == line.asset)
        && (filter.source.is_none() || filter.source == line.source);
    Ok((place, wanted.then_some(line)))
}

impl ReadModel {
    /// A wallet's statement, newest first. A wallet of another tenant has none.
    ///
    /// Errors: [`Error::BadCursor`].
    pub fn statement(
        &self,
        tenant: u32,
        wallet: u128,
        filter: &StatementFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<StatementLine, String>, Error> {
        let below = Place::read(cursor)?;
        self.snapshot(|reader| {
            let mut page = Fill::new(limit);
            let Some((wallet, opened)) = find_wallet(reader, tenant, wallet)? else {
                return Ok(page.finish());
            };
            let next_no = super::write::applied(reader)?.next_no;
            // The lines of the cursor's own event that are before it belong to the page.
            let below = Place {
                no: below.no.min(next_no),
                sub: below.sub.min(u64::from(NO_ACCOUNT)),
            };
            let numbers = range(reader, filter.from_ms, filter.until_ms, below.no + 1)?;
            let numbers = numbers.start.max(opened)..numbers.end;
            let mut lines = reader.prepare_cached(sql::LINES)?;
            for run in runs(&numbers) {
                if page.is_done() {
                    break;
                }
                // Below the cursor's event, or ended by a time before it, whole events are meant.
                let last = Place {
                    no: numbers.end - 1,
                    sub: if numbers.end == below.no + 1 {
                        below.sub
                    } else {
                        u64::from(NO_ACCOUNT)
                    },
                };
                let params = params![
                    signed(run),
                    wallet,
                    signed(numbers.start),
                    signed(last.no),
                    signed(last.sub),
                    tenant
                ];
                page.read(&mut lines, params, |row| read(row, filter))?;
                page.exhausted(Place::of((run * RUN).max(numbers.start)), 1);
            }
            let mut page = page.finish();
            for line in &mut page.items {
                if let Some(of) = line.of {
                    line.of_kind = kind_of(reader, tenant, of)?.map(|(kind, _)| kind);
                }
            }
            Ok(page)
        })
    }
}
