//! No unsafe code, outside a list of files that each say why they need it.

use super::Finding;
use super::rust::{Token, tokens};
use super::tree::Tree;

/// Path and reason.
const ALLOWED: &[(&str, &str)] = &[];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.rust() {
        if ALLOWED.iter().any(|(allowed, _)| *allowed == path) {
            continue;
        }
        let tokens = tokens(text);
        for (at, token) in tokens.iter().enumerate() {
            if token.is("unsafe") {
                findings.push(Finding::error(path, token.line, "unsafe code"));
            }
            if token.is("unsafe_code") && !is_refused(&tokens[..at]) {
                findings.push(Finding::error(path, token.line, "allows unsafe code"));
            }
        }
    }
    findings
}

/// Whether the lint that comes next is named to refuse it, as in `#![forbid(…)]`.
fn is_refused(before: &[Token<'_>]) -> bool {
    let open = before.iter().rposition(|token| token.is("("));
    let level = open
        .and_then(|open| open.checked_sub(1))
        .map(|at| before[at]);
    level.is_some_and(|level| level.is("forbid") || level.is("deny"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_code_is_found() {
        for bad in [
            "fn f() { unsafe { g() } }",
            "unsafe fn f() {}",
            "#![allow(unsafe_code)]",
        ] {
            assert_eq!(check(&Tree::of(&[("a.rs", bad)])).len(), 1, "{bad}");
        }
    }

    #[test]
    fn the_word_alone_is_not() {
        let good =
            "#![forbid(unsafe_code)] // unsafe\nconst X: &str = \"unsafe\"; fn is_unsafe() {}";
        assert!(check(&Tree::of(&[("a.rs", good)])).is_empty());
    }
}
