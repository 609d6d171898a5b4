//! Every stable error code is in the generated page of errors, once there is one, or in the page of
//! those that only logs and the command line show.
//!
//! A code is a snake-case string in the body of a function named `code`, or the one that follows
//! the number in a row of a `codes! { … }` table.

use std::collections::BTreeSet;

use super::Finding;
use super::rust::{self, Kind, Token, group, is_test_path};
use super::tree::Tree;

const PAGE: &str = "docs/reference/errors.md";
const OTHERS: &str = "docs/reference/log-codes.md";

pub fn check(tree: &Tree) -> Vec<Finding> {
    let Some(page) = tree.text(PAGE) else {
        return Vec::new();
    };
    let others = tree.text(OTHERS).unwrap_or_default();
    let documented: BTreeSet<&str> = page.split('`').chain(others.split('`')).collect();
    let mut findings = Vec::new();
    for (path, text) in tree.rust() {
        if !path.starts_with("crates/") || is_test_path(path) {
            continue;
        }
        for (code, line) in codes(&rust::code(text)) {
            if !documented.contains(code) {
                findings.push(Finding::error(
                    path,
                    line,
                    format!("`{code}` is neither in {PAGE} nor in {OTHERS}"),
                ));
            }
        }
    }
    findings
}

fn codes<'a>(code: &[Token<'a>]) -> Vec<(&'a str, usize)> {
    let mut found = Vec::new();
    for at in 1..code.len() {
        let after = &code[at..];
        let is_function = code[at - 1].is("fn") && after[0].is("code");
        let is_table = after[0].is("codes") && after.get(1).is_some_and(|next| next.is("!"));
        if !(is_function || is_table) {
            continue;
        }
        let Some(open) = after
            .iter()
            .position(|token| token.is("{") || token.is(";"))
        else {
            continue;
        };
        // A function without a body is declared in a trait.
        let body = if after[open].is("{") {
            &after[open..]
        } else {
            &[]
        };
        let body = &body[..group(body)];
        for (at, token) in body
            .iter()
            .enumerate()
            .filter(|(_, token)| token.kind == Kind::Text)
        {
            let is_first = at >= 2 && body[at - 1].is(",") && body[at - 2].kind == Kind::Number;
            let text = token.text.trim_matches('"');
            if is_code(text) && (is_function || is_first) {
                found.push((text, token.line));
            }
        }
    }
    found
}

fn is_code(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "impl E { pub fn code(&self) -> &'static str { match self {\n\
                          E::A => \"id_expired\",\nE::B => \"over_limit\", } } }\n\
                          fn other() { let _ = \"no_code\"; }";

    fn findings(page: &[(&str, &str)]) -> Vec<String> {
        let files = [&[("crates/a/src/error.rs", SOURCE)], page].concat();
        check(&Tree::of(&files))
            .into_iter()
            .map(|finding| finding.words)
            .collect()
    }

    #[test]
    fn undocumented_code_is_found() {
        let page = "| `id_expired` | … |";
        assert_eq!(
            findings(&[(PAGE, page)]),
            [format!("`over_limit` is neither in {PAGE} nor in {OTHERS}")]
        );
    }

    #[test]
    fn documented_codes_pass() {
        assert!(findings(&[(PAGE, "`over_limit` and `id_expired`")]).is_empty());
    }

    #[test]
    fn table_of_codes_is_read() {
        let source = "macro_rules! codes { ($n:literal) => {} }\n\
                      codes! { A = 1, \"malformed\", Denial, \"help\";\nB = 2, \"not_found\", D, \"x\"; }";
        let tree = Tree::of(&[("crates/a/src/code.rs", source), (PAGE, "`malformed`")]);
        let findings = check(&tree);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(findings[0].line, Some(3));
    }

    #[test]
    fn without_a_page_nothing_is_asked() {
        assert!(findings(&[]).is_empty());
    }
}
