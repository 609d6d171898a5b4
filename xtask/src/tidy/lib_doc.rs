//! Each crate says on its first line what it is.

use super::Finding;
use super::tree::Tree;

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (dir, _) in tree.packages() {
        for root in ["src/lib.rs", "src/main.rs"] {
            let path = format!("{dir}/{root}");
            let Some(text) = tree.text(&path) else {
                continue;
            };
            let first = text
                .lines()
                .next()
                .and_then(|line| line.strip_prefix("//!"));
            match first.map(|words| words.split_whitespace().count()) {
                None => findings.push(Finding::error(&path, 1, "does not begin with `//!`")),
                Some(0 | 1) => {
                    findings.push(Finding::error(
                        &path,
                        1,
                        "its first line says no more than a name",
                    ));
                }
                Some(_) => {}
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(source: &str) -> usize {
        check(&Tree::of(&[
            ("crates/a/Cargo.toml", ""),
            ("crates/a/src/lib.rs", source),
        ]))
        .len()
    }

    #[test]
    fn crate_without_words_is_found() {
        assert_eq!(count("//! Amounts that never lose an atom.\n"), 0);
        for bad in [
            "",
            "fn main() {}",
            "//!",
            "//! money\n",
            "\n//! Amounts of money.\n",
        ] {
            assert_eq!(count(bad), 1, "{bad:?}");
        }
    }
}
