//! Payments and everything else that happened, newest first, by whatever is asked.

use std::ops::Range;

use rusqlite::{Connection, Row, params};

use super::about::{Position, first_since, kind_of, read_position};
use super::scan::{Fill, Place};
use super::value::{self, number, signed, unsigned};
use super::write::MARK_CODE;
use super::{BLOCK, RUN, ReadModel};
use crate::error::Error;
use crate::page::Page;

pub(super) mod sql {
    /// What a filter looks at.
    macro_rules! scan {
        ($from:literal) => {
            concat!("SELECT e.no, e.kind, e.asset, e.amount, e.code ", $from)
        };
    }
    pub const OF_BLOCK: &str =
        scan!("FROM event e WHERE e.no >= $1 AND e.no < $2 AND e.tenant = $3 ORDER BY e.no DESC");
    pub const OF_WALLET: &str = scan!(
        "FROM entry w CROSS JOIN event e ON e.no = w.no
        WHERE w.run = $1 AND w.wallet = $2 AND w.no >= $3 AND w.no < $4 AND e.tenant = $5
        ORDER BY w.no DESC"
    );
    pub const LINE: &str = "SELECT b.seq, e.idx, e.part, e.no, b.at, e.kind, e.id,
            (SELECT id FROM wallet WHERE no = e.payer), (SELECT id FROM wallet WHERE no = e.payee),
            e.asset, e.amount, e.tax, e.fee, e.code, e.of
        FROM event e JOIN batch b
            ON b.first_no = (SELECT max(first_no) FROM batch WHERE first_no <= $1)
        WHERE e.no = $1 AND e.tenant = $2";
    pub const BLOCK_BEFORE: &str =
        "SELECT max(block) FROM span WHERE tenant = $1 AND mark = $2 AND block <= $3";
    pub const MARKS: &str = "SELECT DISTINCT kind FROM tally WHERE tenant = $1 ORDER BY kind";
    pub const WALLET: &str = "SELECT no, opened FROM wallet WHERE tenant = $1 AND id = $2";
    #[cfg(test)]
    pub const ALL: &[&str] = &[OF_BLOCK, OF_WALLET, LINE, BLOCK_BEFORE, MARKS, WALLET];
}

/// Which events are wanted; what is not set does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Any of these kinds; empty is all.
    pub kinds: Vec<u16>,
    /// Paid by, paid to, or about this wallet.
    pub wallet: Option<u128>,
    /// Refused for this code.
    pub code: Option<u16>,
    /// In this asset.
    pub asset: Option<u16>,
    /// At least so much, atoms.
    pub amount_min: Option<u64>,
    /// At most so much, atoms.
    pub amount_max: Option<u64>,
    /// Not before, milliseconds since 1970.
    pub from_ms: Option<u64>,
    /// Before, milliseconds since 1970.
    pub until_ms: Option<u64>,
}

/// One event, or item of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventLine {
    /// Its number in the read model.
    pub no: u64,
    /// Where in the journal it stands.
    pub position: Position,
    /// When.
    pub at_ms: u64,
    /// What.
    pub kind: u16,
    /// Its id, if it has one.
    pub id: Option<u128>,
    /// The wallet that pays, or the only one concerned.
    pub payer: Option<u128>,
    /// The wallet paid.
    pub payee: Option<u128>,
    /// In what the amounts are.
    pub asset: Option<u16>,
    /// How much, atoms.
    pub amount: u64,
    /// The tax in it, atoms.
    pub tax: u64,
    /// The fee in it, atoms.
    pub fee: u64,
    /// Why it was refused.
    pub code: Option<u16>,
    /// The earlier payment it belongs to.
    pub of: Option<u128>,
    /// What that is.
    pub of_kind: Option<u16>,
}

fn read_line(row: &Row<'_>) -> Result<EventLine, Error> {
    Ok(EventLine {
        position: read_position(row, 0)?,
        no: number(row, 3)?,
        at_ms: number(row, 4)?,
        kind: row.get(5)?,
        id: value::optional_id(row, 6)?,
        payer: value::optional_id(row, 7)?,
        payee: value::optional_id(row, 8)?,
        asset: row.get(9)?,
        amount: value::amount(row, 10)?,
        tax: value::amount(row, 11)?,
        fee: value::amount(row, 12)?,
        code: row.get(13)?,
        of: value::optional_id(row, 14)?,
        of_kind: None,
    })
}

impl EventFilter {
    fn wants(&self, row: &Row<'_>) -> Result<bool, Error> {
        let (kind, asset): (u16, Option<u16>) = (row.get(1)?, row.get(2)?);
        let (amount, code): (u64, Option<u16>) = (value::amount(row, 3)?, row.get(4)?);
        Ok((self.kinds.is_empty() || self.kinds.contains(&kind))
            && (self.asset.is_none() || asset == self.asset)
            && (self.code.is_none() || code == self.code)
            && self.amount_min.is_none_or(|min| amount >= min)
            && self.amount_max.is_none_or(|max| amount <= max))
    }

    /// The number, if it is wanted.
    fn read(&self, row: &Row<'_>) -> Result<(Place, Option<u64>), Error> {
        let no = number(row, 0)?;
        Ok((Place::of(no), self.wants(row)?.then_some(no)))
    }
}

/// The numbers from a time until another, below a cursor.
pub(super) fn range(
    reader: &Connection,
    from_ms: Option<u64>,
    until_ms: Option<u64>,
    below: u64,
) -> Result<Range<u64>, Error> {
    let start = match from_ms {
        Some(at) => first_since(reader, at)?.unwrap_or(below),
        None => 0,
    };
    let end = match until_ms {
        Some(at) => first_since(reader, at)?.unwrap_or(below).min(below),
        None => below,
    };
    Ok(start..end)
}

/// A wallet's number, and the number of the event that opened it.
pub(super) fn find_wallet(
    reader: &Connection,
    tenant: u32,
    wallet: u128,
) -> Result<Option<(u32, u64)>, Error> {
    use rusqlite::OptionalExtension;
    let found = reader
        .prepare_cached(sql::WALLET)?
        .query_row(params![tenant, wallet.to_be_bytes()], |row| {
            Ok((row.get(0)?, unsigned(row.get(1)?)))
        })
        .optional()?;
    Ok(found)
}

impl ReadModel {
    /// A tenant's events, newest first. `cursor` is the one the page before came with.
    ///
    /// Errors: [`Error::BadCursor`].
    pub fn events(
        &self,
        tenant: u32,
        filter: &EventFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<EventLine, String>, Error> {
        let below = Place::read(cursor)?;
        self.snapshot(|reader| {
            let mut page = Fill::new(limit);
            let next_no = super::write::applied(reader)?.next_no;
            let numbers = range(
                reader,
                filter.from_ms,
                filter.until_ms,
                below.no.min(next_no),
            )?;
            match filter.wallet {
                Some(wallet) => {
                    if let Some((wallet, opened)) = find_wallet(reader, tenant, wallet)? {
                        let numbers = numbers.start.max(opened)..numbers.end;
                        of_wallet(reader, tenant, filter, wallet, numbers, &mut page)?;
                    }
                }
                None => of_tenant(reader, tenant, filter, numbers, &mut page)?,
            }
            let page = page.finish();
            let line = |no| find_line(reader, tenant, no).transpose();
            Ok(Page {
                items: page
                    .items
                    .into_iter()
                    .filter_map(line)
                    .collect::<Result<_, _>>()?,
                next: page.next,
            })
        })
    }
}

fn find_line(reader: &Connection, tenant: u32, no: u64) -> Result<Option<EventLine>, Error> {
    let mut find = reader.prepare_cached(sql::LINE)?;
    let mut rows = find.query(params![signed(no), tenant])?;
    let Some(mut line) = rows.next()?.map(read_line).transpose()? else {
        return Ok(None);
    };
    if let Some(of) = line.of {
        line.of_kind = kind_of(reader, tenant, of)?.map(|(kind, _)| kind);
    }
    Ok(Some(line))
}

/// Block by block, only those that have what is wanted.
fn of_tenant(
    reader: &Connection,
    tenant: u32,
    filter: &EventFilter,
    numbers: Range<u64>,
    page: &mut Fill<u64>,
) -> Result<(), Error> {
    let marks: Vec<i64> = match filter.code {
        Some(code) => vec![MARK_CODE + i64::from(code)],
        None if filter.kinds.is_empty() => reader
            .prepare_cached(sql::MARKS)?
            .query_map([tenant], |row| row.get(0))?
            .collect::<Result<_, _>>()?,
        None => filter.kinds.iter().map(|kind| i64::from(*kind)).collect(),
    };
    let mut before = reader.prepare_cached(sql::BLOCK_BEFORE)?;
    let mut lines = reader.prepare_cached(sql::OF_BLOCK)?;
    let mut end = numbers.end;
    while end > numbers.start && !page.is_done() {
        let block_max = signed((end - 1) / BLOCK);
        let mut found: Option<i64> = None;
        for mark in &marks {
            let block: Option<i64> =
                before.query_row(params![tenant, mark, block_max], |row| row.get(0))?;
            found = found.max(block);
        }
        let Some(block) = found.map(unsigned) else {
            break;
        };
        let first = (block * BLOCK).max(numbers.start);
        let last = ((block + 1) * BLOCK).min(end);
        if first >= last {
            break;
        }
        let params = params![signed(first), signed(last), tenant];
        page.read(&mut lines, params, |row| filter.read(row))?;
        end = first;
        page.exhausted(Place::of(end), marks.len());
    }
    Ok(())
}

/// Run by run; a wallet with several lines in an event shows it once.
fn of_wallet(
    reader: &Connection,
    tenant: u32,
    filter: &EventFilter,
    wallet: u32,
    numbers: Range<u64>,
    page: &mut Fill<u64>,
) -> Result<(), Error> {
    let mut lines = reader.prepare_cached(sql::OF_WALLET)?;
    let mut shown = None;
    for run in runs(&numbers) {
        if page.is_done() {
            break;
        }
        let (start, end) = (signed(numbers.start), signed(numbers.end));
        let params = params![signed(run), wallet, start, end, tenant];
        page.read(&mut lines, params, |row| {
            let (place, line) = filter.read(row)?;
            let again = shown.replace(place) == Some(place);
            Ok((place, line.filter(|_| !again)))
        })?;
        page.exhausted(Place::of((run * RUN).max(numbers.start)), 1);
    }
    Ok(())
}

/// The runs of some numbers, newest first.
pub(super) fn runs(numbers: &Range<u64>) -> impl Iterator<Item = u64> {
    let last = numbers.end.checked_sub(1).filter(|_| !numbers.is_empty());
    let runs = last.map(|last| numbers.start / RUN..last / RUN + 1);
    runs.into_iter().flatten().rev()
}
