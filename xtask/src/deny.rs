//! `cargo xtask deny`: what may come into the build, by `deny.toml`: licences, crates that must
//! exist once, crates that must not exist, and where crates may come from.
//!
//! Looks at every package of `Cargo.lock`, for all platforms and features.

mod spdx;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use toml::Table;

use crate::workspace::Workspace;

/// Prints each finding; says how many packages were looked at, or how many findings there are.
pub fn run(workspace: &Workspace) -> Result<String, String> {
    let path = workspace.root.join("deny.toml");
    let text = std::fs::read_to_string(&path).map_err(|e| format!("deny.toml: {e}"))?;
    let rules = Rules::parse(&text)?;
    let metadata = workspace.output(workspace.cargo().args([
        "metadata",
        "--locked",
        "--format-version",
        "1",
    ]))?;
    let packages = packages(&metadata)?;
    let findings = rules.check(&packages);
    findings
        .iter()
        .for_each(|finding| println!("error: {finding}"));
    match findings.len() {
        0 => Ok(format!("{} packages", packages.len())),
        count => Err(format!("{count} findings (rules: deny.toml)")),
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Package {
    name: String,
    version: String,
    licence: Option<String>,
    /// `None` for our own.
    source: Option<String>,
}

fn packages(metadata: &str) -> Result<Vec<Package>, String> {
    let metadata: Value =
        serde_json::from_str(metadata).map_err(|e| format!("cargo metadata: {e}"))?;
    let list = metadata["packages"]
        .as_array()
        .ok_or("cargo metadata: no packages")?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    list.iter()
        .map(|package| {
            Some(Package {
                name: text(&package["name"])?,
                version: text(&package["version"])?,
                licence: text(&package["license"]),
                source: text(&package["source"]),
            })
        })
        .collect::<Option<_>>()
        .ok_or_else(|| "cargo metadata: a package without name or version".into())
}

#[derive(Debug, Default)]
struct Rules {
    licences: BTreeSet<String>,
    /// Licences allowed for one crate only.
    exceptions: BTreeMap<String, BTreeSet<String>>,
    /// The licence of a crate that states none, found by reading it.
    clarified: BTreeMap<String, String>,
    single: BTreeSet<String>,
    duplicated: BTreeSet<String>,
    banned: BTreeMap<String, String>,
    sources: BTreeSet<String>,
}

impl Rules {
    fn parse(text: &str) -> Result<Rules, String> {
        let file: Table = text.parse().map_err(|e| format!("deny.toml: {e}"))?;
        let mut rules = Rules::default();
        for (name, section) in &file {
            let section = section
                .as_table()
                .ok_or(format!("deny.toml: `{name}` is no table"))?;
            for (key, value) in section {
                let at = format!("{name}.{key}");
                match at.as_str() {
                    "licenses.allow" => rules.licences = strings(&at, value)?,
                    "licenses.exceptions" => {
                        for entry in entries(&at, value)? {
                            let allowed = entry.get("allow").ok_or(format!("{at}: no `allow`"))?;
                            let allowed = strings(&at, allowed)?;
                            rules
                                .exceptions
                                .insert(field(&at, entry, "crate")?, allowed);
                        }
                    }
                    "licenses.clarify" => {
                        for entry in entries(&at, value)? {
                            let licence = field(&at, entry, "expression")?;
                            rules.clarified.insert(field(&at, entry, "crate")?, licence);
                        }
                    }
                    "bans.single" => rules.single = strings(&at, value)?,
                    "bans.duplicated" => {
                        for entry in entries(&at, value)? {
                            rules.duplicated.insert(field(&at, entry, "crate")?);
                        }
                    }
                    "bans.deny" => {
                        for entry in entries(&at, value)? {
                            let reason = field(&at, entry, "reason")?;
                            rules.banned.insert(field(&at, entry, "crate")?, reason);
                        }
                    }
                    "sources.allow" => rules.sources = strings(&at, value)?,
                    _ => return Err(format!("deny.toml: unknown key `{at}`")),
                }
            }
        }
        Ok(rules)
    }

    fn check(&self, packages: &[Package]) -> Vec<String> {
        let mut findings = Vec::new();
        let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for package in packages {
            findings.extend(self.check_one(package));
            versions
                .entry(&package.name)
                .or_default()
                .insert(&package.version);
        }
        for (name, versions) in &versions {
            let is_many = versions.len() > 1;
            if is_many && self.single.contains(*name) && !self.duplicated.contains(*name) {
                let list: Vec<_> = versions.iter().copied().collect();
                findings.push(format!(
                    "{name}: {} versions: {}",
                    list.len(),
                    list.join(", ")
                ));
            }
            if !is_many && self.duplicated.contains(*name) {
                findings.push(format!(
                    "{name}: listed in bans.duplicated, but there is one"
                ));
            }
        }
        let named = self
            .exceptions
            .keys()
            .chain(self.clarified.keys())
            .chain(&self.duplicated);
        for name in named.filter(|name| !versions.contains_key(name.as_str())) {
            findings.push(format!(
                "{name}: named in deny.toml, but no longer a dependency"
            ));
        }
        findings
    }

    fn check_one(&self, package: &Package) -> Vec<String> {
        let mut findings = Vec::new();
        let label = format!("{} {}", package.name, package.version);
        if let Some(reason) = self.banned.get(&package.name) {
            findings.push(format!("{label}: banned: {reason}"));
        }
        if let Some(source) = &package.source
            && !self.sources.contains(source)
        {
            findings.push(format!("{label}: comes from {source}"));
        }
        match self
            .clarified
            .get(&package.name)
            .or(package.licence.as_ref())
        {
            None => findings.push(format!("{label}: states no licence (licenses.clarify)")),
            Some(licence) => {
                let extra = self.exceptions.get(&package.name);
                let is_allowed = |id: &str| {
                    self.licences.contains(id) || extra.is_some_and(|ids| ids.contains(id))
                };
                match spdx::is_satisfied(licence, &is_allowed) {
                    Ok(true) => {}
                    Ok(false) => findings.push(format!("{label}: licence `{licence}`")),
                    Err(why) => findings.push(format!("{label}: licence `{licence}`: {why}")),
                }
            }
        }
        findings
    }
}

fn strings(at: &str, value: &toml::Value) -> Result<BTreeSet<String>, String> {
    value
        .as_array()
        .and_then(|list| {
            list.iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect()
        })
        .ok_or(format!("deny.toml: `{at}` is no list of strings"))
}

/// Tables, each with the reason that every exception needs.
fn entries<'a>(at: &str, value: &'a toml::Value) -> Result<Vec<&'a Table>, String> {
    let list: Option<Vec<_>> = value
        .as_array()
        .and_then(|list| list.iter().map(toml::Value::as_table).collect());
    let list = list.ok_or(format!("deny.toml: `{at}` is no list of tables"))?;
    for entry in &list {
        field(at, entry, "reason")?;
    }
    Ok(list)
}

fn field(at: &str, entry: &Table, name: &str) -> Result<String, String> {
    entry
        .get(name)
        .and_then(toml::Value::as_str)
        .filter(|text| !text.trim().is_empty())
        .map(str::to_owned)
        .ok_or(format!("deny.toml: an entry of `{at}` has no `{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTRY: &str = "registry+https://example.org/index";

    fn package(name: &str, version: &str, licence: &str) -> Package {
        Package {
            name: name.into(),
            version: version.into(),
            licence: (!licence.is_empty()).then(|| licence.into()),
            source: Some(REGISTRY.into()),
        }
    }

    fn findings(rules: &str, packages: &[Package]) -> Vec<String> {
        let rules = format!("{rules}\n[sources]\nallow = [\"{REGISTRY}\"]");
        Rules::parse(&rules).unwrap().check(packages)
    }

    #[test]
    fn licence_outside_the_list_is_found() {
        let rules = "[licenses]\nallow = [\"MIT\"]";
        assert!(findings(rules, &[package("a", "1.0.0", "MIT OR GPL-3.0")]).is_empty());
        for bad in ["GPL-3.0", "MIT AND GPL-3.0", "", "MIT OR"] {
            assert_eq!(
                findings(rules, &[package("a", "1.0.0", bad)]).len(),
                1,
                "{bad:?}"
            );
        }
    }

    #[test]
    fn exception_holds_for_its_crate_only() {
        let rules = "[licenses]\nallow = []\n[[licenses.exceptions]]\ncrate = \"a\"\n\
                     allow = [\"OpenSSL\"]\nreason = \"why\"";
        let packages = [
            package("a", "1.0.0", "OpenSSL"),
            package("b", "1.0.0", "OpenSSL"),
        ];
        assert_eq!(findings(rules, &packages), ["b 1.0.0: licence `OpenSSL`"]);
    }

    #[test]
    fn clarified_licence_stands_in_for_a_missing_one() {
        let rules = "[licenses]\nallow = [\"MIT\"]\n[[licenses.clarify]]\ncrate = \"a\"\n\
                     expression = \"MIT\"\nreason = \"its LICENSE file\"";
        assert!(findings(rules, &[package("a", "1.0.0", "")]).is_empty());
        assert_eq!(findings(rules, &[]).len(), 1, "a stale entry is found");
    }

    #[test]
    fn duplicate_of_a_single_crate_is_found() {
        let twice = [package("a", "1.0.0", "MIT"), package("a", "2.0.0", "MIT")];
        let rules = "[licenses]\nallow = [\"MIT\"]\n[bans]\nsingle = [\"a\"]";
        assert_eq!(findings(rules, &twice), ["a: 2 versions: 1.0.0, 2.0.0"]);
        assert!(findings(rules, &twice[..1]).is_empty());
        let excepted =
            format!("{rules}\n[[bans.duplicated]]\ncrate = \"a\"\nreason = \"b needs the old\"");
        assert!(findings(&excepted, &twice).is_empty());
        assert_eq!(
            findings(&excepted, &twice[..1]).len(),
            1,
            "a stale entry is found"
        );
    }

    #[test]
    fn banned_crate_and_foreign_source_are_found() {
        let rules = "[licenses]\nallow = [\"MIT\"]\n[[bans.deny]]\ncrate = \"a\"\n\
                     reason = \"too large\"";
        assert_eq!(findings(rules, &[package("a", "1.0.0", "MIT")]).len(), 1);
        let mut foreign = package("b", "1.0.0", "MIT");
        foreign.source = Some("git+https://example.org/b".into());
        assert_eq!(findings(rules, &[foreign]).len(), 1);
    }

    #[test]
    fn mistakes_in_the_rules_are_refused() {
        for bad in [
            "[licences]\nallow = []",
            "[bans]\nsingle = \"a\"",
            "[[bans.duplicated]]\ncrate = \"a\"",
            "[[bans.deny]]\ncrate = \"a\"\nreason = \"\"",
        ] {
            assert!(Rules::parse(bad).is_err(), "{bad}");
        }
    }
}
