//! The page of errors, made from the table of codes; `docs/reference/errors.md` is a copy of it.
//!
//! `UPDATE=1 cargo test -p server --lib errors_page` writes the copy anew.

use crate::codes::{self, Known};
use engine::Code;
use engine::code::Class;
use std::fmt::Write;

/// The rule the statuses follow.
pub const RULE: &str = "\
Every failure is a problem document (RFC 9457) with a `code` that never changes its meaning.\n\n\
400 cannot be read and 422 cannot mean anything: correct the request. 402 is too little money, 403 is \
not allowed, 404 is not there, 409 is there and not in a state for this. 429 and 503 ask for the same \
again later, with the same id.\n\n\
A denial is an answer: it is journaled, carries the `id` it is final for, and is given again when the \
request is repeated. All else leaves no trace, and the same id may be used again.";

/// One code on the page.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The stable word.
    pub code: &'static str,
    /// Its status, if the API answers with it.
    pub status: Option<u16>,
    /// What it means and what to do.
    pub help: &'static str,
}

impl From<Known> for Row {
    fn from(known: Known) -> Row {
        Row {
            code: known.code,
            status: Some(known.status),
            help: known.help,
        }
    }
}

/// The page's tables.
#[must_use]
pub fn sections() -> Vec<(&'static str, Vec<Row>)> {
    let of_class = |class: Class| -> Vec<Row> {
        Code::ALL
            .iter()
            .filter(|code| code.class() == class)
            .map(|code| codes::of(*code).into())
            .collect()
    };
    vec![
        ("Denials", of_class(Class::Denial)),
        ("Rejections", of_class(Class::Rejection)),
        (
            "Of the API",
            codes::OWN.iter().map(|known| Row::from(*known)).collect(),
        ),
    ]
}

/// The page in Markdown.
#[must_use]
pub fn markdown() -> String {
    let mut page = format!(
        "# Errors\n\n<!-- Made by `UPDATE=1 cargo test -p server --lib errors_page`. -->\n\n{RULE}\n"
    );
    for (title, rows) in sections() {
        let _ = write!(
            page,
            "\n## {title}\n\n| code | status | what it means and what to do |\n|---|---|---|\n"
        );
        for row in rows {
            let status = row
                .status
                .map(|status| status.to_string())
                .unwrap_or_default();
            let _ = writeln!(page, "| `{}` | {status} | {} |", row.code, row.help);
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copy_in_the_docs_is_current() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../docs/reference/errors.md"
        );
        if std::env::var_os("UPDATE").is_some() {
            std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference"))
                .unwrap();
            std::fs::write(path, markdown()).unwrap();
        }
        let copy = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(
            copy,
            markdown(),
            "write it anew: UPDATE=1 cargo test -p server --lib errors_page"
        );
    }
}
