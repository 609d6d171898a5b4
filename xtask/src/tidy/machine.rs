//! The project speaks only of itself: no paths of the machine it was written on, and no package
//! registries, which belong in the reader's own configuration.

use super::Finding;
use super::tree::Tree;

/// Taken apart, so that this file does not find itself.
const PATTERNS: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/fa", "rm/"),
    concat!("bash", "_jobs"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("registry.", "npmjs.org"),
    concat!("pypi.org/", "simple"),
    concat!("deb.", "debian.org"),
];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.files() {
        for (index, line) in text.lines().enumerate() {
            for pattern in PATTERNS.iter().filter(|pattern| is_in(line, pattern)) {
                findings.push(Finding::error(
                    path,
                    index + 1,
                    format!("names `{pattern}`"),
                ));
            }
        }
    }
    findings
}

/// An absolute path begins where no longer path or address goes on.
fn is_in(line: &str, pattern: &str) -> bool {
    line.match_indices(pattern).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !pattern.starts_with('/')
            || before.is_none_or(|c| !(c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '}')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_found() {
        for pattern in PATTERNS {
            for text in [
                format!("see {pattern}x"),
                format!("\"{pattern}\""),
                (*pattern).into(),
            ] {
                assert_eq!(check(&Tree::of(&[("a.md", &text)])).len(), 1, "{text}");
            }
        }
    }

    #[test]
    fn ordinary_links_and_paths_pass() {
        let text = "https://crates.io/crates/axum https://pypi.org/project/schemathesis\n\
                    crates/work/src https://example.org/work/a work/ /workshop";
        assert!(check(&Tree::of(&[("a.md", text)])).is_empty());
    }
}
