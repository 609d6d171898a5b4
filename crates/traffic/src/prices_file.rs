//! The prices file as it is written: its fields, and where in the text each stands.
//!
//! Knows the shape only; what the fields mean is in [`crate::prices`]. A field it does not know is an
//! error: a misspelt `agents` would otherwise charge every robot.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml::{Spanned, Value};

use crate::error::TrafficError;

pub(crate) type Text = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PricesFile {
    pub asset: Option<Text>,
    pub section_depth: Option<Spanned<i64>>,
    pub default: Option<Text>,
    pub default_section: Option<Text>,
    #[serde(default)]
    pub types: BTreeMap<String, Vec<Text>>,
    #[serde(default)]
    pub free: FreeTable,
    #[serde(default)]
    pub price: Vec<Spanned<PriceTable>>,
    /// For the gate, which reads it itself.
    #[serde(default, rename = "gate")]
    pub _gate: Option<toml::Table>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct FreeTable {
    pub methods_other_than: Option<Vec<Text>>,
    pub statuses_other_than: Option<Vec<Spanned<Value>>>,
    #[serde(default)]
    pub agents: Vec<Text>,
    #[serde(default)]
    pub paths: Vec<Text>,
    #[serde(default)]
    pub queries: Vec<Text>,
    #[serde(default)]
    pub types: Vec<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriceTable {
    pub path: Option<Text>,
    pub types: Option<Spanned<Vec<Text>>>,
    pub amount: Text,
    pub section: Option<Text>,
}

/// The text of a prices file, for saying where an error is.
pub(crate) struct Source<'a>(pub &'a str);

impl Source<'_> {
    pub fn read(&self) -> Result<PricesFile, TrafficError> {
        toml::from_str(self.0).map_err(|error| {
            let message = error.message().replace('\n', "; ");
            let span = error.span().unwrap_or(0..0);
            let (field, help) = explain(&message, self.line_at(span.start));
            self.error(&span, &field, message, help)
        })
    }

    /// Points at `span`, naming the field.
    pub fn error(
        &self,
        span: &Range<usize>,
        field: &str,
        problem: impl Into<String>,
        help: impl Into<String>,
    ) -> TrafficError {
        let (line, column) = self.position(span.start);
        TrafficError::Prices {
            line,
            column,
            field: field.to_owned(),
            problem: problem.into(),
            help: help.into(),
        }
    }

    /// Line and column (in characters), both from 1.
    fn position(&self, offset: usize) -> (usize, usize) {
        let mut offset = offset.min(self.0.len());
        while !self.0.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &self.0[..offset];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
        (line, before[line_start..].chars().count() + 1)
    }

    fn line_at(&self, offset: usize) -> &str {
        let (line, _) = self.position(offset);
        self.0.lines().nth(line - 1).unwrap_or("")
    }
}

/// The field an error of the TOML reader is about, and what to do.
fn explain(message: &str, line: &str) -> (String, &'static str) {
    let named = |after: &str| {
        let rest = message.split_once(after)?.1;
        Some(rest.split('`').next().unwrap_or(rest).to_owned())
    };
    if let Some(field) = named("unknown field `") {
        return (field, "Correct its spelling or take the line out");
    }
    if let Some(field) = named("missing field `") {
        return (field, "Add it; samples/prices.toml shows every field");
    }
    let key = line.split(['=', '#']).next().unwrap_or("").trim();
    let key = key.trim_matches(['[', ']', '"', '\'']).trim();
    let key: String = key
        .chars()
        .filter(|letter| !letter.is_control())
        .take(40)
        .collect();
    let field = if key.is_empty() {
        "file".to_owned()
    } else {
        key
    };
    let help = if message.contains("invalid type") {
        "Write amounts and globs as text in quotes, and lists in [brackets]"
    } else {
        "Correct the line; samples/prices.toml shows how every field is written"
    };
    (field, help)
}
