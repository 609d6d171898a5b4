//! Modules stand beside their folder: `decide.rs` and `decide/`, never `decide/mod.rs`.

use super::Finding;
use super::tree::Tree;

pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust()
        .filter_map(|(path, _)| {
            let dir = path.strip_suffix("/mod.rs")?;
            Some(Finding::error(path, None, format!("name it {dir}.rs")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mod_rs_is_found() {
        let tree = Tree::of(&[("crates/a/src/b/mod.rs", ""), ("crates/a/src/c_mod.rs", "")]);
        let findings = check(&tree);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].words, "name it crates/a/src/b.rs");
    }
}
