//! The steps of `cargo xtask test`, in the order they run: cheap ones first.
//!
//! To change what a step runs, change its row. A step that is one cargo command is only a row.

use std::path::PathBuf;

use crate::debian::Need;
use crate::workspace::Workspace;
use crate::{clients, deny, papers, schemathesis, tidy, trial_balance};

pub struct Step {
    pub name: &'static str,
    pub about: &'static str,
    pub needs: &'static [Need],
    pub run: Run,
}

pub enum Run {
    /// One cargo command: passes if it succeeds.
    Cargo(&'static [&'static str]),
    Own(fn(&Workspace) -> Outcome),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Pass(String),
    Fail(String),
    Skip(String),
}

impl From<Result<String, String>> for Outcome {
    fn from(result: Result<String, String>) -> Outcome {
        match result {
            Ok(words) => Outcome::Pass(words),
            Err(why) => Outcome::Fail(why),
        }
    }
}

pub const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        about: "the code is formatted",
        needs: &[],
        run: Run::Cargo(&["fmt", "--all", "--check"]),
    },
    Step {
        name: "clippy",
        about: "no lint fires anywhere",
        needs: &[Need::Linker],
        run: Run::Cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ]),
    },
    Step {
        name: "tidy",
        about: "house rules: edges between crates, banned names, file sizes, links, …",
        needs: &[Need::Git],
        run: Run::Own(|workspace| tidy::run(workspace).into()),
    },
    Step {
        name: "deny",
        about: "licences, duplicates and sources of dependencies",
        needs: &[],
        run: Run::Own(|workspace| deny::run(workspace).into()),
    },
    Step {
        name: "unit",
        about: "every unit, table, property and integration test",
        needs: &[Need::Linker],
        run: Run::Cargo(&["test", "--workspace", "--locked"]),
    },
    Step {
        name: "sim",
        about: "the node under injected faults against an oracle ledger, a million commands",
        needs: &[Need::Linker],
        run: Run::Cargo(&[
            "run",
            "--release",
            "--locked",
            "-p",
            "node",
            "--example",
            "simulate",
            "--",
            "--commands",
            "1000000",
            "--seed",
            "1795404409",
        ]),
    },
    Step {
        name: "crash",
        about: "kill -9 of the real binary under load",
        needs: &[Need::Linker],
        run: Run::Cargo(&[
            "test",
            "--release",
            "--locked",
            "-p",
            "farthing",
            "--test",
            "crash",
            "--",
            "--nocapture",
        ]),
    },
    Step {
        name: "api",
        about: "the HTTP API from outside",
        needs: &[Need::Linker],
        run: Run::Cargo(&[
            "test",
            "--release",
            "--locked",
            "-p",
            "farthing",
            "--test",
            "api",
        ]),
    },
    Step {
        name: "schemathesis",
        about: "the HTTP API against its own OpenAPI document",
        needs: &[Need::Linker, Need::Python],
        run: Run::Own(schemathesis::run),
    },
    Step {
        name: "clients",
        about: "the gate is paid by clients that nobody here wrote",
        needs: &[Need::Linker, Need::Node, Need::Python],
        run: Run::Own(clients::run),
    },
    Step {
        name: "papers",
        about: "invoices and credit notes against UBL's schemas, EN 16931's rules and Peppol's",
        needs: &[Need::Linker, Need::Python, Need::Maven],
        run: Run::Own(papers::run),
    },
    Step {
        name: "demo",
        about: "a small town pays through the API, and its books balance",
        needs: &[Need::Linker],
        run: Run::Own(|workspace| demo(workspace).into()),
    },
    Step {
        name: "replay",
        about: "a real site's log is replayed, then its journal verified",
        needs: &[Need::Linker],
        run: Run::Own(replay),
    },
];

const DEMO: &[&str] = &[
    "run",
    "--release",
    "--locked",
    "-p",
    "farthing",
    "--",
    "demo",
    "--exit",
    "--json",
];

fn demo(workspace: &Workspace) -> Result<String, String> {
    println!("$ cargo {}", DEMO.join(" "));
    let printed = workspace.output(workspace.cargo().args(DEMO))?;
    print!("{printed}");
    trial_balance::check(&printed)
}

/// Inputs too large, or not ours, to be part of the project.
fn data() -> PathBuf {
    std::env::var_os("FARTHING_SHARED_DATA").map_or_else(|| "../shared/data".into(), PathBuf::from)
}

fn replay(workspace: &Workspace) -> Outcome {
    let log = workspace.root.join(data()).join("access_log/access.log.gz");
    if !log.is_file() {
        return Outcome::Skip(format!(
            "no {} (set FARTHING_SHARED_DATA)",
            data().join("access_log/access.log.gz").display()
        ));
    }
    let replayed = || {
        workspace.build_farthing()?;
        let dir = workspace.scratch("replay")?;
        let farthing = || workspace.command(workspace.farthing());
        let visitors = log.with_file_name("visitors.csv");
        let prices = workspace.root.join("samples/prices.toml");
        let mut replay = farthing();
        replay.arg("replay").arg("--log").arg(&log);
        replay
            .arg("--visitors")
            .arg(visitors)
            .arg("--prices")
            .arg(prices);
        replay
            .args(["--start", "2026-01-05T00:00:00Z"])
            .arg("--data")
            .arg(&dir);
        workspace.run(&mut replay)?;
        workspace.run(farthing().arg("verify").arg("--data").arg(&dir))?;
        Ok("replayed and verified".to_owned())
    };
    replayed().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        for (index, step) in STEPS.iter().enumerate() {
            assert!(
                STEPS[..index]
                    .iter()
                    .all(|earlier| earlier.name != step.name)
            );
        }
    }

    #[test]
    fn cargo_steps_respect_the_lock_file() {
        for step in STEPS.iter().filter(|step| step.name != "fmt") {
            if let Run::Cargo(args) = step.run {
                assert!(args.contains(&"--locked"), "{}", step.name);
            }
        }
    }
}
