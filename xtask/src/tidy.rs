//! `cargo xtask tidy`: house rules that neither compiler nor formatter checks.
//!
//! One file a check; each takes the tree of files and returns what it found, and has a test that
//! shows it failing. Adding a check touches its file and the list below.

mod edges;
mod error_codes;
mod lib_doc;
mod line_width;
mod links;
mod machine;
mod names;
mod rust;
mod size;
mod tree;
mod unfinished;
mod unsafety;
mod without_mod_rs;

use crate::workspace::Workspace;
use tree::Tree;

type Check = fn(&Tree) -> Vec<Finding>;

const CHECKS: &[(&str, Check)] = &[
    ("edges", edges::check),
    ("names", names::check),
    ("size", size::check),
    ("without_mod_rs", without_mod_rs::check),
    ("unsafety", unsafety::check),
    ("links", links::check),
    ("machine", machine::check),
    ("unfinished", unfinished::check),
    ("line_width", line_width::check),
    ("lib_doc", lib_doc::check),
    ("error_codes", error_codes::check),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Error,
    Warning,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    level: Level,
    path: String,
    line: Option<usize>,
    words: String,
}

impl Finding {
    fn error(path: &str, line: impl Into<Option<usize>>, words: impl Into<String>) -> Finding {
        let (path, line, words) = (path.to_owned(), line.into(), words.into());
        Finding {
            level: Level::Error,
            path,
            line,
            words,
        }
    }

    fn warning(path: &str, line: impl Into<Option<usize>>, words: impl Into<String>) -> Finding {
        Finding {
            level: Level::Warning,
            ..Finding::error(path, line, words)
        }
    }

    fn show(&self, check: &str) -> String {
        let level = match self.level {
            Level::Error => "error",
            Level::Warning => "warning",
        };
        let line = self.line.map(|line| format!(":{line}")).unwrap_or_default();
        format!("{level}[{check}]: {}{line}: {}", self.path, self.words)
    }
}

/// Prints each finding; says how many files were looked at, or how many errors there are.
pub fn run(workspace: &Workspace) -> Result<String, String> {
    let tree = Tree::read(workspace)?;
    let (mut errors, mut warnings) = (0, 0);
    for (name, check) in CHECKS {
        for finding in check(&tree) {
            println!("{}", finding.show(name));
            match finding.level {
                Level::Error => errors += 1,
                Level::Warning => warnings += 1,
            }
        }
    }
    let words = format!(
        "{} files, {} checks, {warnings} warnings",
        tree.files().count(),
        CHECKS.len()
    );
    if errors == 0 {
        Ok(words)
    } else {
        Err(format!("{errors} errors; {words}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finding_is_shown_with_its_place() {
        let finding = Finding::error("a/b.rs", 7, "words");
        assert_eq!(finding.show("size"), "error[size]: a/b.rs:7: words");
        let finding = Finding::warning("a/b.rs", None, "words");
        assert_eq!(finding.show("size"), "warning[size]: a/b.rs: words");
    }
}
