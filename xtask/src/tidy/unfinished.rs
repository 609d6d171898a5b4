//! What is not done is not left in the code as a note to self.

use super::Finding;
use super::rust::{Kind, Token, tokens};
use super::tree::Tree;

/// In comments.
const NOTES: &[&str] = &["TODO", "FIXME"];
const MACROS: &[&str] = &["todo", "unimplemented"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.rust() {
        let tokens = tokens(text);
        for (at, token) in tokens.iter().enumerate() {
            if token.kind == Kind::Comment {
                findings.extend(in_comment(path, token));
            }
            let is_macro = token.kind == Kind::Ident
                && MACROS.contains(&token.text)
                && tokens.get(at + 1).is_some_and(|next| next.is("!"));
            if is_macro {
                let words = format!("`{}!`", token.text);
                findings.push(Finding::error(path, token.line, words));
            }
        }
    }
    findings
}

fn in_comment(path: &str, comment: &Token<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (offset, line) in comment.text.lines().enumerate() {
        let mut words = line.split(|c: char| !c.is_alphanumeric());
        if let Some(word) = words.find(|word| NOTES.contains(word)) {
            findings.push(Finding::error(
                path,
                comment.line + offset,
                format!("`{word}`"),
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_code_is_found() {
        for bad in [
            "// TODO: this",
            "fn f() {} /* a\n FIXME */",
            "/// TODO",
            "fn f() { todo!() }",
            "fn f() { unimplemented!(\"later\") }",
        ] {
            assert_eq!(check(&Tree::of(&[("a.rs", bad)])).len(), 1, "{bad}");
        }
    }

    #[test]
    fn what_only_looks_like_it_passes() {
        let good = "// a todo list\nconst X: &str = \"TODO\"; fn todo() {}";
        assert!(check(&Tree::of(&[("a.rs", good)])).is_empty());
    }
}
