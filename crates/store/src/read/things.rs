//! Things with a life of several events, as they are now: top-ups, withdrawals, authorizations,
//! mandates, disputes, subscriptions, corrections.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::ReadModel;
use super::events::find_wallet;
use super::scan::{Fill, Place};
use super::value::{self, number, signed};
use crate::error::Error;
use crate::page::Page;

pub(super) mod sql {
    macro_rules! at {
        () => {
            "(SELECT at FROM batch WHERE first_no <= t.no ORDER BY first_no DESC LIMIT 1)"
        };
    }
    /// A tenant's, a wallet's, one.
    macro_rules! three {
        ($all:ident, $of:ident, $one:ident, $table:literal, $columns:literal) => {
            pub const $all: &str = concat!(
                "SELECT t.no, ",
                at!(),
                ", t.id, t.state, ",
                $columns,
                " FROM ",
                $table,
                " t
                WHERE t.tenant = $1 AND t.no < $2 ORDER BY t.no DESC"
            );
            pub const $of: &str = concat!(
                "SELECT t.no, ",
                at!(),
                ", t.id, t.state, ",
                $columns,
                " FROM ",
                $table,
                " t
                WHERE t.payer = $1 AND t.no < $2 ORDER BY t.no DESC"
            );
            pub const $one: &str = concat!(
                "SELECT t.no, ",
                at!(),
                ", t.id, t.state, ",
                $columns,
                " FROM ",
                $table,
                " t
                WHERE t.tenant = $1 AND t.id = $2"
            );
        };
    }
    three!(
        TOPUPS,
        TOPUPS_OF,
        TOPUP,
        "topup",
        "(SELECT id FROM wallet WHERE no = t.payer), t.asset, t.amount, t.settled, t.reversed,
         t.source, t.channel, t.spendable"
    );
    three!(
        WITHDRAWALS,
        WITHDRAWALS_OF,
        WITHDRAWAL,
        "withdrawal",
        "(SELECT id FROM wallet WHERE no = t.payer), t.asset, t.amount, t.channel"
    );
    three!(
        MANDATES,
        MANDATES_OF,
        MANDATE,
        "mandate",
        "(SELECT id FROM wallet WHERE no = t.payer), (SELECT id FROM party WHERE no = t.agent),
         t.asset, t.per_payment, t.per_day, t.payees, t.expires"
    );
    three!(
        DISPUTES,
        DISPUTES_OF,
        DISPUTE,
        "dispute",
        "t.payment, (SELECT id FROM wallet WHERE no = t.payer),
         (SELECT id FROM wallet WHERE no = t.payee), t.asset, t.amount"
    );
    three!(
        HOLDS,
        HOLDS_OF,
        HOLD,
        "hold",
        "(SELECT id FROM wallet WHERE no = t.payer), (SELECT id FROM wallet WHERE no = t.payee),
         t.asset, t.amount, t.captured, t.expires"
    );
    three!(
        SUBSCRIPTIONS,
        SUBSCRIPTIONS_OF,
        SUBSCRIPTION,
        "subscription",
        "t.record"
    );
    pub const CORRECTIONS: &str = concat!(
        "SELECT t.no, ",
        at!(),
        ", t.id, t.state, t.reason, t.proposer, t.approver
        FROM correction t WHERE t.tenant = $1 AND t.no < $2 ORDER BY t.no DESC"
    );
    pub const CORRECTION: &str = concat!(
        "SELECT t.no, ",
        at!(),
        ", t.id, t.state, t.reason, t.proposer, t.approver
        FROM correction t WHERE t.tenant = $1 AND t.id = $2"
    );
    pub const WALLET_ID: &str = "SELECT id FROM wallet WHERE no = $1";
    #[cfg(test)]
    pub const ALL: &[&str] = &[
        TOPUPS,
        TOPUPS_OF,
        TOPUP,
        WITHDRAWALS,
        WITHDRAWALS_OF,
        WITHDRAWAL,
        MANDATES,
        MANDATES_OF,
        MANDATE,
        DISPUTES,
        DISPUTES_OF,
        DISPUTE,
        HOLDS,
        HOLDS_OF,
        HOLD,
        SUBSCRIPTIONS,
        SUBSCRIPTIONS_OF,
        SUBSCRIPTION,
        CORRECTIONS,
        CORRECTION,
        WALLET_ID,
    ];
}

/// Which things are wanted; what is not set does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ThingFilter {
    /// Of this wallet: the owner of a top-up or withdrawal, the payer of anything else.
    pub wallet: Option<u128>,
    /// In this state.
    pub state: Option<String>,
}

macro_rules! line {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty = $read:expr;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            /// The number of the event that began it.
            pub no: u64,
            /// When it began, milliseconds since 1970.
            pub at_ms: u64,
            /// Its id.
            pub id: u128,
            /// Where it stands now.
            pub state: String,
            $($(#[$field_doc])* pub $field: $ty,)*
        }

        impl Line for $name {
            fn read(row: &Row<'_>, reader: &Connection) -> Result<Self, Error> {
                Ok($name {
                    no: number(row, 0)?,
                    at_ms: number(row, 1)?,
                    id: value::id(row, 2)?,
                    state: row.get(3)?,
                    $($field: { let read: fn(&Row<'_>, &Connection) -> Result<$ty, Error> = $read; read(row, reader)? },)*
                })
            }
        }
    };
}

trait Line: Sized {
    fn read(row: &Row<'_>, reader: &Connection) -> Result<Self, Error>;
}

line! {
    /// Money in: `pending`, `settled`, or wholly `reversed`.
    TopUpLine {
        /// Whose.
        wallet: Option<u128> = |row, _| value::optional_id(row, 4);
        /// In what.
        asset: u16 = |row, _| Ok(row.get(5)?);
        /// How much, atoms.
        amount: u64 = |row, _| value::amount(row, 6);
        /// How much of it settled, atoms.
        settled: u64 = |row, _| value::amount(row, 7);
        /// How much of it was taken back, atoms.
        reversed: u64 = |row, _| value::amount(row, 8);
        /// By which source.
        source: String = |row, _| Ok(row.get(9)?);
        /// Over which rail.
        channel: u16 = |row, _| Ok(row.get(10)?);
        /// Whether it could be spent before it settled.
        spendable: bool = |row, _| Ok(row.get(11)?);
    }
}

line! {
    /// Money out: `requested`, `sent`, `settled` or `returned`.
    WithdrawalLine {
        /// Whose.
        wallet: Option<u128> = |row, _| value::optional_id(row, 4);
        /// In what.
        asset: u16 = |row, _| Ok(row.get(5)?);
        /// How much, atoms.
        amount: u64 = |row, _| value::amount(row, 6);
        /// Over which rail.
        channel: u16 = |row, _| Ok(row.get(7)?);
    }
}

line! {
    /// What a payer allows an agent: `granted` or `revoked`.
    MandateLine {
        /// Whose money.
        payer: Option<u128> = |row, _| value::optional_id(row, 4);
        /// Which party may spend it.
        agent: Option<u128> = |row, _| value::optional_id(row, 5);
        /// Of what.
        asset: u16 = |row, _| Ok(row.get(6)?);
        /// At most this a payment, atoms.
        per_payment: Option<u64> = |row, _| value::optional_amount(row, 7);
        /// At most this a civil day, atoms.
        per_day: Option<u64> = |row, _| value::optional_amount(row, 8);
        /// Only to these wallets; empty is anyone.
        payees: Vec<u128> = |row, reader| payees(row, reader);
        /// Until when.
        expires_ms: u64 = |row, _| number(row, 10);
    }
}

line! {
    /// A payment called into question: `open`, `won` (the payee keeps it) or `lost`.
    DisputeLine {
        /// Which payment or capture.
        payment: u128 = |row, _| value::id(row, 4);
        /// Who paid it.
        payer: Option<u128> = |row, _| value::optional_id(row, 5);
        /// Who was paid.
        payee: Option<u128> = |row, _| value::optional_id(row, 6);
        /// In what.
        asset: u16 = |row, _| Ok(row.get(7)?);
        /// How much, atoms.
        amount: u64 = |row, _| value::amount(row, 8);
    }
}

line! {
    /// An authorization: `authorized`, `captured` (nothing is left), `voided` or `expired`.
    HoldLine {
        /// Who pays.
        payer: Option<u128> = |row, _| value::optional_id(row, 4);
        /// Who is paid.
        payee: Option<u128> = |row, _| value::optional_id(row, 5);
        /// In what.
        asset: u16 = |row, _| Ok(row.get(6)?);
        /// Set aside at first, atoms.
        amount: u64 = |row, _| value::amount(row, 7);
        /// Captured so far, atoms.
        captured: u64 = |row, _| value::amount(row, 8);
        /// When it ends by itself.
        expires_ms: u64 = |row, _| number(row, 9);
    }
}

line! {
    /// What is paid again and again: its state is that of its record.
    SubscriptionLine {
        /// All of it, as JSON.
        record: String = |row, _| Ok(row.get(4)?);
    }
}

line! {
    /// An entry made by two keys: `proposed` or `made`.
    CorrectionLine {
        /// The hash of the reason.
        reason: [u8; 32] = |row, _| Ok(row.get(4)?);
        /// Which key proposed it.
        proposer: u128 = |row, _| value::id(row, 5);
        /// Which key approved it.
        approver: Option<u128> = |row, _| value::optional_id(row, 6);
    }
}

fn payees(row: &Row<'_>, reader: &Connection) -> Result<Vec<u128>, Error> {
    let numbers: String = row.get(9)?;
    let mut find = reader.prepare_cached(sql::WALLET_ID)?;
    let mut ids = Vec::new();
    for number in numbers.split_ascii_whitespace() {
        let number: u32 = number.parse().map_err(|_| Error::Corrupt {
            what: "a mandate's payees",
        })?;
        let id = find.query_row([number], |row| row.get(0)).optional()?;
        ids.extend(id.map(u128::from_be_bytes));
    }
    Ok(ids)
}

impl ReadModel {
    fn one<T: Line>(&self, sql: &str, tenant: u32, id: u128) -> Result<Option<T>, Error> {
        let reader = self.db.reader()?;
        let mut find = reader.prepare_cached(sql)?;
        let mut rows = find.query(params![tenant, id.to_be_bytes()])?;
        rows.next()?.map(|row| T::read(row, &reader)).transpose()
    }

    fn many<T: Line>(
        &self,
        (all, of_wallet): (&str, &str),
        state_of: fn(&T) -> &str,
        tenant: u32,
        filter: &ThingFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<T, String>, Error> {
        let below = Place::read(cursor)?;
        self.snapshot(|reader| {
            let mut page = Fill::new(limit);
            let (sql, owner) = match filter.wallet {
                None => (all, tenant),
                Some(wallet) => match find_wallet(reader, tenant, wallet)? {
                    Some((wallet, _)) => (of_wallet, wallet),
                    None => return Ok(page.finish()),
                },
            };
            let mut list = reader.prepare_cached(sql)?;
            page.read(&mut list, params![owner, signed(below.no)], |row| {
                let line = T::read(row, reader)?;
                let wanted = filter.state.as_ref().is_none_or(|s| s == state_of(&line));
                Ok((Place::of(number(row, 0)?), wanted.then_some(line)))
            })?;
            Ok(page.finish())
        })
    }
}

macro_rules! queries {
    ($($many:ident $one:ident: $line:ident, $all:ident $of:ident $by_id:ident;)*) => {
        impl ReadModel {$(
            /// A tenant's, or a wallet's, newest first. Errors: [`Error::BadCursor`].
            pub fn $many(
                &self,
                tenant: u32,
                filter: &ThingFilter,
                cursor: Option<&str>,
                limit: usize,
            ) -> Result<Page<$line, String>, Error> {
                let sql = (sql::$all, sql::$of);
                self.many(sql, |line: &$line| &line.state, tenant, filter, cursor, limit)
            }

            /// One, by its id.
            pub fn $one(&self, tenant: u32, id: u128) -> Result<Option<$line>, Error> {
                self.one(sql::$by_id, tenant, id)
            }
        )*}
    };
}

queries! {
    topups topup: TopUpLine, TOPUPS TOPUPS_OF TOPUP;
    withdrawals withdrawal: WithdrawalLine, WITHDRAWALS WITHDRAWALS_OF WITHDRAWAL;
    mandates mandate: MandateLine, MANDATES MANDATES_OF MANDATE;
    disputes dispute: DisputeLine, DISPUTES DISPUTES_OF DISPUTE;
    holds hold: HoldLine, HOLDS HOLDS_OF HOLD;
    subscriptions subscription: SubscriptionLine, SUBSCRIPTIONS SUBSCRIPTIONS_OF SUBSCRIPTION;
}

impl ReadModel {
    /// A tenant's corrections, newest first; of no wallet. Errors: [`Error::BadCursor`].
    pub fn corrections(
        &self,
        tenant: u32,
        filter: &ThingFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<CorrectionLine, String>, Error> {
        let filter = ThingFilter {
            wallet: None,
            state: filter.state.clone(),
        };
        let sql = (sql::CORRECTIONS, sql::CORRECTIONS);
        self.many(
            sql,
            |line: &CorrectionLine| &line.state,
            tenant,
            &filter,
            cursor,
            limit,
        )
    }

    /// One, by its id.
    pub fn correction(&self, tenant: u32, id: u128) -> Result<Option<CorrectionLine>, Error> {
        self.one(sql::CORRECTION, tenant, id)
    }
}
