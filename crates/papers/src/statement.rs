//! A statement: what moved in a wallet over a period, with the balance after each.

use money::Asset;
use serde::Serialize;

use crate::facts::Party;
use crate::{Date, Language, PaperError};

/// A wallet's period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Which wallet.
    pub wallet: String,
    /// Whose it is.
    pub party: Party,
    /// Language of the labels.
    pub language: Language,
    /// What the amounts count.
    pub asset: Asset,
    /// The first and the last day.
    pub period: (Date, Date),
    /// Atoms before the first movement.
    pub opening: i128,
    /// What moved, in order.
    pub movements: Vec<Movement>,
}

/// One movement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// When, RFC 3339.
    pub at: String,
    /// What it belongs to: a payment, a top-up, …
    pub id: String,
    /// Its kind (`paid`, `refunded`, `topped_up`, …).
    pub kind: String,
    /// Words about it.
    pub text: String,
    /// Atoms: above zero in, below zero out.
    pub amount: i128,
}

/// A line of the table, in every form of the statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// When, RFC 3339.
    pub at: String,
    /// What it belongs to.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// Words about it.
    pub text: String,
    /// Units of the asset; below zero is out.
    pub amount: String,
    /// Units of the asset, after it.
    pub balance: String,
}

impl Statement {
    /// The movements with the balance after each.
    ///
    /// # Errors
    /// [`PaperError::TooLarge`] if a balance does not fit.
    pub fn rows(&self) -> Result<Vec<Row>, PaperError> {
        let mut balance = self.opening;
        let rows = self.movements.iter().map(|movement| {
            balance = balance
                .checked_add(movement.amount)
                .ok_or(PaperError::TooLarge)?;
            Ok(Row {
                at: movement.at.clone(),
                id: movement.id.clone(),
                kind: movement.kind.clone(),
                text: movement.text.clone(),
                amount: self.asset.format_signed(movement.amount),
                balance: self.asset.format_signed(balance),
            })
        });
        rows.collect()
    }

    /// Atoms after the last movement.
    ///
    /// # Errors
    /// As [`Statement::rows`].
    pub fn closing(&self) -> Result<i128, PaperError> {
        let mut amounts = self.movements.iter().map(|movement| movement.amount);
        let sum = amounts.try_fold(self.opening, i128::checked_add);
        sum.ok_or(PaperError::TooLarge)
    }

    /// As comma-separated values (RFC 4180), the opening balance in the first row.
    ///
    /// # Errors
    /// As [`Statement::rows`].
    pub fn csv(&self) -> Result<String, PaperError> {
        let mut text = String::from("at,id,kind,text,amount,balance,asset\r\n");
        let asset = self.asset.code.as_str();
        let opening = self.asset.format_signed(self.opening);
        let first = self.period.0.to_string();
        let mut write = |fields: [&str; 7]| {
            let fields: Vec<String> = fields.into_iter().map(field).collect();
            text.push_str(&fields.join(","));
            text.push_str("\r\n");
        };
        write([&first, "", "opening", "", "", &opening, asset]);
        for row in self.rows()? {
            write([
                &row.at,
                &row.id,
                &row.kind,
                &row.text,
                &row.amount,
                &row.balance,
                asset,
            ]);
        }
        Ok(text)
    }
}

/// A field that a spreadsheet takes as text and no formula: what begins with one of its signs, and
/// is no number, gets an apostrophe before it.
fn field(text: &str) -> String {
    let is_number = text.parse::<crate::Minor>().is_ok();
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number;
    let text = if is_formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn movement(text: &str, amount: i128) -> Movement {
        Movement {
            at: "2026-03-01T10:00:00Z".to_owned(),
            id: "pay_1".to_owned(),
            kind: "paid".to_owned(),
            text: text.to_owned(),
            amount,
        }
    }

    #[test]
    fn balances_run_from_opening_to_closing() {
        let statement = Statement {
            wallet: "wal_1".to_owned(),
            party: Party::default(),
            language: Language::En,
            asset: Asset::known("EUR").unwrap(),
            period: ("2026-03-01".parse().unwrap(), "2026-03-31".parse().unwrap()),
            opening: 1_000_000_000,
            movements: vec![
                movement("a \"quoted\", thing", -2_500_000),
                movement("=SUM(A1)", 500_000_000),
            ],
        };
        let balances: Vec<_> = statement.rows().unwrap();
        let balances: Vec<_> = balances.iter().map(|row| row.balance.as_str()).collect();
        assert_eq!(balances, ["0.9975", "1.4975"]);
        assert_eq!(statement.closing(), Ok(1_497_500_000));
        assert_eq!(
            statement.csv().unwrap(),
            "at,id,kind,text,amount,balance,asset\r\n\
             2026-03-01,,opening,,,1,EUR\r\n\
             2026-03-01T10:00:00Z,pay_1,paid,\"a \"\"quoted\"\", thing\",-0.0025,0.9975,EUR\r\n\
             2026-03-01T10:00:00Z,pay_1,paid,'=SUM(A1),0.5,1.4975,EUR\r\n"
        );
    }
}
