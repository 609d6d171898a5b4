//! A file is a room: over 800 lines it is two ideas.

use super::Finding;
use super::tree::Tree;

const LINES_MAX: usize = 800;
const LINES_WARN: usize = 500;
const KINDS: &[&str] = &[".rs", ".sql", ".sh", ".py", ".js", ".ts", ".css", ".html"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let ours = |path: &str| {
        KINDS.iter().any(|kind| path.ends_with(kind))
            && !path.split('/').any(|part| part == "vendor")
            && !path.ends_with(".min.js")
    };
    for (path, text) in tree.files().filter(|(path, _)| ours(path)) {
        let lines = text.lines().count();
        if lines > LINES_MAX {
            let words = format!("{lines} lines: more than {LINES_MAX} is two ideas");
            findings.push(Finding::error(path, None, words));
        } else if lines > LINES_WARN {
            let words = format!("{lines} lines: rarely over {LINES_WARN}");
            findings.push(Finding::warning(path, None, words));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::Level;

    fn level(path: &str, lines: usize) -> Option<Level> {
        check(&Tree::of(&[(path, &"\n".repeat(lines))]))
            .first()
            .map(|finding| finding.level)
    }

    #[test]
    fn long_files_are_found() {
        assert_eq!(level("a.rs", 500), None);
        assert_eq!(level("a.rs", 501), Some(Level::Warning));
        assert_eq!(level("a.rs", 801), Some(Level::Error));
    }

    #[test]
    fn what_others_wrote_or_tools_generate_may_be_long() {
        assert_eq!(level("assets/vendor/htmx.js", 5000), None);
        assert_eq!(level("Cargo.lock", 5000), None);
    }
}
