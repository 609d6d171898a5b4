//! Which crate may use which of ours, and what stays below the line between the pure crates and
//! the shell. The table is the architecture: a new edge is argued there before it is added here.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::Finding;
use super::tree::Tree;

enum May {
    Use(&'static [&'static str]),
    UseAll,
}

const EDGES: &[(&str, May)] = &[
    ("money", May::Use(&[])),
    ("ledger", May::Use(&["money"])),
    ("policy", May::Use(&["money"])),
    ("pricing", May::Use(&["money"])),
    ("tax", May::Use(&["money"])),
    ("risk", May::Use(&["money"])),
    (
        "engine",
        May::Use(&["money", "ledger", "policy", "pricing", "tax", "risk"]),
    ),
    // The line: pure above, I/O below.
    ("journal", May::Use(&[])),
    ("store", May::Use(&[])),
    ("traffic", May::Use(&["money"])),
    // Does no I/O, but the geometry of a page is in floats.
    ("papers", May::Use(&["money"])),
    (
        "node",
        May::Use(&["engine", "journal", "store", "money", "ledger"]),
    ),
    ("identity", May::Use(&["store"])),
    ("channels", May::Use(&["node", "store"])),
    // Prices come from the owner's prices file, which `traffic` reads; a payment is a command.
    (
        "gate",
        May::Use(&["node", "engine", "ledger", "money", "risk", "traffic"]),
    ),
    // What supervisors publish, beside the rules it is about.
    ("briefs", May::Use(&["store", "policy"])),
    ("reports", May::Use(&["store"])),
    (
        "server",
        May::Use(&[
            "node", "store", "identity", "channels", "gate", "briefs", "reports", "papers",
            "engine", "money", "ledger", "policy", "pricing", "tax", "risk",
        ]),
    ),
    ("farthing", May::UseAll),
    // For tests only: it must know nothing of what it judges.
    ("oracle", May::Use(&[])),
    ("xtask", May::Use(&[])),
];

/// What any crate's tests may use besides: the pure rules that a command is made of, and the naive
/// ledger to compare with.
const TESTS_MAY: &[&str] = &["policy", "pricing", "tax", "risk", "oracle"];

/// The crates above the line.
pub const PURE: &[&str] = &[
    "money", "ledger", "policy", "pricing", "tax", "risk", "engine",
];

/// Crates that bring I/O, time, threads or randomness: not above the line, tests aside.
const IMPURE: &[&str] = &[
    "axum",
    "chrono",
    "crossbeam",
    "getrandom",
    "hyper",
    "log",
    "mio",
    "rand",
    "rayon",
    "reqwest",
    "rusqlite",
    "socket2",
    "tempfile",
    "time",
    "tokio",
    "tracing",
    "uuid",
];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut manifests: BTreeMap<String, (String, Table)> = BTreeMap::new();
    for (dir, text) in tree.packages() {
        let path = format!("{dir}/Cargo.toml");
        match text.parse::<Table>() {
            Ok(manifest) => {
                let name = manifest.get("package").and_then(|p| p.get("name"));
                if let Some(name) = name.and_then(Value::as_str) {
                    manifests.insert(name.to_owned(), (path, manifest));
                }
            }
            Err(why) => findings.push(Finding::error(&path, None, why.to_string())),
        }
    }
    for (name, (path, manifest)) in &manifests {
        let Some((_, may)) = EDGES.iter().find(|(known, _)| known == name) else {
            let words = format!("crate `{name}` has no row in the table of edges");
            findings.push(Finding::error(path, None, words));
            continue;
        };
        for dependency in dependencies(manifest) {
            let other = dependency.name.as_str();
            let is_ours = manifests.contains_key(other);
            let for_tests_only = dependency.is_for_tests && TESTS_MAY.contains(&other);
            let is_allowed = match may {
                May::UseAll => other != "xtask",
                May::Use(list) => list.contains(&other) || other == name || for_tests_only,
            };
            if is_ours && !is_allowed {
                findings.push(Finding::error(
                    path,
                    None,
                    format!("{name} may not use {other}"),
                ));
            }
            let is_pure = PURE.contains(&name.as_str());
            if is_pure && !dependency.is_for_tests && IMPURE.contains(&other) {
                let words = format!("{name} is pure: no clock, I/O or randomness by {other}");
                findings.push(Finding::error(path, None, words));
            }
        }
    }
    findings
}

struct Dependency {
    name: String,
    is_for_tests: bool,
}

fn dependencies(manifest: &Table) -> Vec<Dependency> {
    let targets = manifest.get("target").and_then(Value::as_table);
    let per_target = targets
        .into_iter()
        .flatten()
        .filter_map(|(_, table)| table.as_table());
    let mut found = Vec::new();
    for table in std::iter::once(manifest).chain(per_target) {
        for kind in ["dependencies", "build-dependencies", "dev-dependencies"] {
            let list = table.get(kind).and_then(Value::as_table);
            for (key, value) in list.into_iter().flatten() {
                let renamed = value.get("package").and_then(Value::as_str);
                found.push(Dependency {
                    name: renamed.unwrap_or(key).to_owned(),
                    is_for_tests: kind == "dev-dependencies",
                });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(name: &str, rest: &str) -> String {
        format!("[package]\nname = \"{name}\"\n{rest}")
    }

    fn findings(name: &str, rest: &str) -> Vec<String> {
        let tree = Tree::of(&[
            ("crates/it/Cargo.toml", &manifest(name, rest)),
            ("crates/node/Cargo.toml", &manifest("node", "")),
            ("crates/money/Cargo.toml", &manifest("money", "")),
        ]);
        check(&tree)
            .into_iter()
            .map(|finding| finding.words)
            .collect()
    }

    #[test]
    fn allowed_edges_pass() {
        assert!(findings("ledger", "[dependencies]\nmoney.workspace = true").is_empty());
        assert!(findings("farthing", "[dependencies]\nnode.workspace = true").is_empty());
        assert!(findings("engine", "[dev-dependencies]\ntempfile = \"3\"").is_empty());
    }

    #[test]
    fn forbidden_edges_are_found() {
        for bad in [
            "[dependencies]\nnode.workspace = true",
            "[dev-dependencies]\nnode.workspace = true",
            "[build-dependencies]\nnode = { path = \"../node\" }",
            "[dependencies]\nother = { package = \"node\", path = \"../node\" }",
            "[target.'cfg(unix)'.dependencies]\nnode.workspace = true",
        ] {
            assert_eq!(
                findings("ledger", bad),
                ["ledger may not use node"],
                "{bad}"
            );
        }
    }

    #[test]
    fn impure_dependency_of_a_pure_crate_is_found() {
        assert_eq!(findings("engine", "[dependencies]\ntokio = \"1\"").len(), 1);
        assert!(findings("journal", "[dependencies]\nrusqlite = \"0\"").is_empty());
    }

    #[test]
    fn crate_without_a_row_is_found() {
        assert_eq!(findings("novelty", "").len(), 1);
    }

    #[test]
    fn table_agrees_with_itself() {
        for (name, may) in EDGES {
            if let May::Use(list) = may {
                for other in *list {
                    assert!(
                        EDGES.iter().any(|(known, _)| known == other),
                        "{name}: {other}"
                    );
                }
                let is_pure = PURE.contains(name);
                assert!(
                    !is_pure || list.iter().all(|other| PURE.contains(other)),
                    "{name}"
                );
            }
        }
    }
}
