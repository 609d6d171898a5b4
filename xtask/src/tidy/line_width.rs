//! Lines that the formatter could not keep short: long strings and comments.

use super::Finding;
use super::tree::Tree;

const WIDTH_MAX: usize = 120;

pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust()
        .filter_map(|(path, text)| check_file(path, text))
        .collect()
}

/// One finding a file: a table of words has many long lines for one reason.
fn check_file(path: &str, text: &str) -> Option<Finding> {
    let is_long = |line: &str| line.chars().count() > WIDTH_MAX && !line.contains("https://");
    let mut long = text.lines().enumerate().filter(|(_, line)| is_long(line));
    let (index, _) = long.next()?;
    let words = format!("{} lines over {WIDTH_MAX} characters", 1 + long.count());
    Some(Finding::warning(path, index + 1, words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_found() {
        let long = "x".repeat(121);
        let findings = check(&Tree::of(&[("a.rs", &format!("a\n{long}\nb\n{long}"))]));
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].words, "2 lines over 120 characters");
        assert_eq!(findings[0].line, Some(2));
    }

    #[test]
    fn characters_are_counted_not_bytes() {
        assert!(check(&Tree::of(&[("a.rs", &"é".repeat(120))])).is_empty());
    }
}
