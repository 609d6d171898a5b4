//! Writing: one transaction for some rows of the journal, all of what they come to or nothing.
//!
//! What is many is sorted by its key first, so that a page of a tree is visited once a transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{Applied, NO_ACCOUNT, Rows, Tally};
use super::value::{self, Amount, Sum};
use super::{BLOCK, RUN, change};
use crate::db::Db;
use crate::error::Error;

/// From here on a span's mark is a refusal's code.
pub(super) const MARK_CODE: i64 = 1_000;

pub(super) mod sql {
    pub const APPLIED: &str = "SELECT seq, hash, next_no, balances_no FROM progress WHERE one = 1";
    pub const SET_APPLIED: &str =
        "INSERT INTO progress (one, seq, hash, next_no, balances_no) VALUES (1, $1, $2, $3, $4)
        ON CONFLICT (one) DO UPDATE SET seq = excluded.seq, hash = excluded.hash,
            next_no = excluded.next_no, balances_no = excluded.balances_no";
    pub const BATCH: &str = "INSERT INTO batch (first_no, seq, at) VALUES ($1, $2, $3)";
    pub const EVENT: &str = "INSERT INTO event (no, idx, part, tenant, kind, id, payer, payee,
            asset, amount, tax, fee, code, of)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    pub const THING: &str = "INSERT INTO thing (tenant, prefix, no) VALUES ($1, $2, $3)";
    pub const ENTRY: &str = "INSERT INTO entry (run, wallet, no, account, amount, balance)
        VALUES ($1, $2, $3, $4, $5, $6)";
    /// For a wallet that may have the line already.
    pub const ENTRY_ONCE: &str = "INSERT INTO entry (run, wallet, no, account, amount, balance)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
    pub const ABOUT: &str = "INSERT INTO about (tenant, thing, no) VALUES ($1, $2, $3)
        ON CONFLICT DO NOTHING";
    pub const SPAN: &str = "INSERT INTO span (tenant, mark, block) VALUES ($1, $2, $3)
        ON CONFLICT DO NOTHING";
    pub const BALANCE: &str = "UPDATE account SET balance = $1 WHERE no = $2";
    pub const TALLY: &str = "SELECT count, amount, tax, fee FROM tally
        WHERE tenant = $1 AND kind = $2 AND asset = $3";
    pub const SET_TALLY: &str = "INSERT INTO tally (tenant, kind, asset, count, amount, tax, fee)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (tenant, kind, asset) DO UPDATE SET count = excluded.count,
            amount = excluded.amount, tax = excluded.tax, fee = excluded.fee";
    #[cfg(test)]
    pub const ALL: &[&str] = &[
        APPLIED,
        SET_APPLIED,
        BATCH,
        EVENT,
        THING,
        ENTRY,
        ENTRY_ONCE,
        ABOUT,
        SPAN,
        BALANCE,
        TALLY,
        SET_TALLY,
    ];
}

/// Writes the read model.
pub struct ReadWriter {
    db: Arc<Db>,
    things: Vec<(u32, i64, u64)>,
}

impl ReadWriter {
    pub(super) fn new(db: Arc<Db>) -> Self {
        Self {
            db,
            things: Vec::new(),
        }
    }

    /// Where the model stands.
    pub fn applied(&self) -> Result<Applied, Error> {
        applied(&self.db.writer())
    }

    /// Bounds the file's size for as long as it is open, in pages of 8 KiB; 0 lifts the bound.
    /// Beyond it a write fails as on a full disk.
    pub fn limit_pages(&self, pages_max: u32) -> Result<(), Error> {
        let pages_max = if pages_max == 0 {
            u32::MAX - 1
        } else {
            pages_max
        };
        self.db
            .writer()
            .pragma_update_and_check(None, "max_page_count", pages_max, |_| Ok(()))?;
        Ok(())
    }

    /// Writes the rows; sorts those whose order says nothing. Rows already there change nothing:
    /// `false`. After an error nothing was written and the same rows may be tried again.
    pub fn write(&mut self, rows: &mut Rows) -> Result<bool, Error> {
        let mut connection = self.db.writer();
        let tx = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let before = applied(&tx)?;
        if before.seq >= rows.applied.seq {
            return Ok(false);
        }
        let starts_at = rows.events.first().map_or(rows.applied.next_no, |e| e.no);
        if before.next_no != starts_at {
            return Err(Error::Corrupt {
                what: "the read model's next number",
            });
        }
        append(&tx, rows)?;
        write_things(&tx, rows, &mut self.things)?;
        write_entries(&tx, rows)?;
        write_abouts(&tx, rows)?;
        for (no, change) in &rows.changes {
            change::apply(&tx, *no, change)?;
        }
        write_spans(&tx, rows)?;
        write_balances(&tx, rows)?;
        write_tallies(&tx, rows)?;
        let Applied {
            seq,
            hash,
            next_no,
            balances_no,
        } = rows.applied;
        tx.prepare_cached(sql::SET_APPLIED)?.execute(params![
            value::signed(seq),
            hash,
            value::signed(next_no),
            value::signed(balances_no)
        ])?;
        tx.commit()?;
        Ok(true)
    }
}

pub(super) fn applied(connection: &Connection) -> Result<Applied, Error> {
    let found = connection
        .prepare_cached(sql::APPLIED)?
        .query_row([], |row| {
            Ok(Applied {
                seq: value::unsigned(row.get(0)?),
                hash: row.get(1)?,
                next_no: value::unsigned(row.get(2)?),
                balances_no: value::unsigned(row.get(3)?),
            })
        })
        .optional()?;
    Ok(found.unwrap_or_default())
}

fn append(tx: &Connection, rows: &Rows) -> Result<(), Error> {
    let mut insert = tx.prepare_cached(sql::BATCH)?;
    for batch in &rows.batches {
        insert.execute(params![
            value::signed(batch.first_no),
            value::signed(batch.seq),
            value::signed(batch.at_ms)
        ])?;
    }
    let mut insert = tx.prepare_cached(sql::EVENT)?;
    for e in &rows.events {
        insert.execute(params![
            value::signed(e.no),
            e.index,
            e.part,
            e.tenant,
            e.kind,
            value::id_or_null(e.id),
            e.payer,
            e.payee,
            e.asset,
            Amount(e.amount),
            Amount(e.tax),
            Amount(e.fee),
            (e.code != 0).then_some(e.code),
            value::id_or_null(e.of)
        ])?;
    }
    Ok(())
}

fn write_things(
    tx: &Connection,
    rows: &Rows,
    things: &mut Vec<(u32, i64, u64)>,
) -> Result<(), Error> {
    things.clear();
    let named = rows.events.iter().filter(|e| e.id != 0);
    things.extend(named.map(|e| (e.tenant, value::prefix(e.id), e.no)));
    things.sort_unstable();
    let mut insert = tx.prepare_cached(sql::THING)?;
    for (tenant, prefix, no) in things.iter() {
        insert.execute(params![tenant, prefix, value::signed(*no)])?;
    }
    Ok(())
}

fn write_entries(tx: &Connection, rows: &mut Rows) -> Result<(), Error> {
    rows.entries
        .sort_unstable_by_key(|e| (e.no / RUN, e.wallet, e.no, e.account));
    let mut insert = tx.prepare_cached(sql::ENTRY)?;
    for e in &rows.entries {
        insert.execute(params![
            value::signed(e.no / RUN),
            e.wallet,
            value::signed(e.no),
            account_column(e.account),
            Sum(e.amount),
            Sum(e.balance)
        ])?;
    }
    Ok(())
}

/// How an entry's account is written: −1 for none.
pub(super) fn account_column(account: u32) -> i64 {
    if account == NO_ACCOUNT {
        -1
    } else {
        i64::from(account)
    }
}

fn write_abouts(tx: &Connection, rows: &mut Rows) -> Result<(), Error> {
    rows.abouts.sort_unstable();
    let mut insert = tx.prepare_cached(sql::ABOUT)?;
    for (tenant, thing, no) in &rows.abouts {
        insert.execute(params![tenant, thing.to_be_bytes(), value::signed(*no)])?;
    }
    Ok(())
}

fn write_spans(tx: &Connection, rows: &Rows) -> Result<(), Error> {
    let mut spans = BTreeSet::new();
    let mut last = None;
    for e in &rows.events {
        let span = (e.tenant, e.kind, e.code, e.no / BLOCK);
        if last != Some(span) {
            last = Some(span);
            spans.insert(span);
        }
    }
    let mut insert = tx.prepare_cached(sql::SPAN)?;
    for (tenant, kind, code, block) in spans {
        insert.execute(params![tenant, kind, value::signed(block)])?;
        if code != 0 {
            insert.execute(params![
                tenant,
                MARK_CODE + i64::from(code),
                value::signed(block)
            ])?;
        }
    }
    Ok(())
}

fn write_balances(tx: &Connection, rows: &mut Rows) -> Result<(), Error> {
    rows.balances.sort_unstable();
    let mut update = tx.prepare_cached(sql::BALANCE)?;
    for (account, balance) in &rows.balances {
        update.execute(params![Sum(*balance), account])?;
    }
    Ok(())
}

fn write_tallies(tx: &Connection, rows: &Rows) -> Result<(), Error> {
    let mut sums: BTreeMap<(u32, u16, i32), Tally> = BTreeMap::new();
    let mut run: Option<((u32, u16, i32), Tally)> = None;
    for e in &rows.events {
        let key = (e.tenant, e.kind, e.asset.map_or(-1, i32::from));
        let one = Tally {
            count: 1,
            amount: i128::from(e.amount),
            tax: i128::from(e.tax),
            fee: i128::from(e.fee),
        };
        match &mut run {
            Some((of, sum)) if *of == key => sum.add(&one),
            _ => {
                if let Some((of, sum)) = run.replace((key, one)) {
                    sums.entry(of).or_default().add(&sum);
                }
            }
        }
    }
    if let Some((of, sum)) = run {
        sums.entry(of).or_default().add(&sum);
    }
    for ((tenant, kind, asset), mut sum) in sums {
        let before = tx
            .prepare_cached(sql::TALLY)?
            .query_row(params![tenant, kind, asset], |row| Ok(read_tally(row, 0)))
            .optional()?;
        if let Some(before) = before {
            sum.add(&before?);
        }
        tx.prepare_cached(sql::SET_TALLY)?.execute(params![
            tenant,
            kind,
            asset,
            value::signed(sum.count),
            Sum(sum.amount),
            Sum(sum.tax),
            Sum(sum.fee)
        ])?;
    }
    Ok(())
}

pub(super) fn read_tally(row: &rusqlite::Row<'_>, from: usize) -> Result<Tally, Error> {
    Ok(Tally {
        count: value::number(row, from)?,
        amount: value::sum(row, from + 1)?,
        tax: value::sum(row, from + 2)?,
        fee: value::sum(row, from + 3)?,
    })
}

impl Tally {
    /// Adds another. Sums of 64-bit amounts do not leave 128 bits.
    pub fn add(&mut self, other: &Tally) {
        self.count += other.count;
        self.amount += other.amount;
        self.tax += other.tax;
        self.fee += other.fee;
    }
}
