//! The manual's commands, run as they stand against a real node, and compared with the outcomes it
//! shows.
//!
//! `sh` blocks are one script a page. A `json` block after one must be contained in the last line that
//! it printed, each line of a `text` block in its output. Needs `bash` and `curl`.
#![allow(clippy::unwrap_used)]

#[path = "common/farthing.rs"]
mod farthing;
#[path = "common/http.rs"]
mod http;

use farthing::{Farthing, run_well};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Where the manual's node listens.
const ADDRESS: &str = "127.0.0.1:8402";
const MARK: &str = "@@ block";

struct Block {
    kind: String,
    text: String,
    line: usize,
}

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs")
        .join(name);
    std::fs::read_to_string(path).unwrap()
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_open = false;
    for (line, text) in (1..).zip(page.lines()) {
        match text.strip_prefix("```") {
            Some(_) if is_open => is_open = false,
            Some(kind) => {
                is_open = true;
                let (kind, text) = (kind.to_owned(), String::new());
                blocks.push(Block { kind, text, line });
            }
            None if is_open => {
                let block = blocks.last_mut().unwrap();
                block.text += text;
                block.text.push('\n');
            }
            None => {}
        }
    }
    assert!(!is_open, "a block is not closed");
    blocks
}

/// Whether a value has all that another says.
fn contains(there: &Value, said: &Value) -> bool {
    match (there, said) {
        (Value::Object(there), Value::Object(said)) => said
            .iter()
            .all(|(name, said)| there.get(name).is_some_and(|there| contains(there, said))),
        (Value::Array(there), Value::Array(said)) => {
            there.len() == said.len() && there.iter().zip(said).all(|(t, s)| contains(t, s))
        }
        (there, said) => there == said,
    }
}

fn is_installed(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

fn run_page(name: &str) {
    if !["bash", "curl"].into_iter().all(is_installed) {
        eprintln!("not run: {name} needs bash and curl");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("farthing-data");
    let node = Farthing::start(&data, &folder.path().join("stderr.log"), &[]);
    let blocks = blocks(&page(name));
    let mut script = String::from("set -euo pipefail\n");
    for (at, block) in blocks
        .iter()
        .enumerate()
        .filter(|(_, block)| block.kind == "sh")
    {
        script += &format!("echo; echo '{MARK} {at}'\n{}", block.text);
    }
    let binary = Path::new(env!("CARGO_BIN_EXE_farthing"));
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("bash")
        .args(["-c", &script.replace(ADDRESS, &node.address)])
        .current_dir(folder.path())
        .env("KEY", &node.keys[0])
        .env(
            "PATH",
            format!("{}:{path}", binary.parent().unwrap().display()),
        )
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{name}: {}\n{out}\n{err}",
        output.status
    );
    let printed = |block: usize| {
        let from = out.find(&format!("{MARK} {block}\n")).unwrap();
        let text = &out[from..];
        text[1..].find(MARK).map_or(text, |end| &text[..=end])
    };
    let mut compared = 0;
    for (at, shown) in blocks.iter().enumerate() {
        let (is_json, is_text) = (shown.kind == "json", shown.kind == "text");
        if !is_json && !is_text {
            continue;
        }
        compared += 1;
        let place = format!("docs/{name}:{}", shown.line);
        assert!(
            at > 0 && blocks[at - 1].kind == "sh",
            "{place} follows no commands"
        );
        let printed = printed(at - 1);
        if is_text {
            let printed = printed.to_lowercase();
            for line in shown.text.lines() {
                assert!(
                    printed.contains(&line.to_lowercase()),
                    "{place}: {line}\n{printed}"
                );
            }
        } else {
            let said: Value = serde_json::from_str(&shown.text).unwrap();
            let last = printed.lines().rev().find(|line| line.starts_with('{'));
            let there: Value = serde_json::from_str(last.unwrap_or("null")).unwrap();
            assert!(
                contains(&there, &said),
                "{place} says {said}\nbut there is {there}"
            );
        }
    }
    assert!(compared >= 5, "{name}: only {compared} outcomes are shown");
    let trial = node
        .http(&node.keys[0])
        .get("/v1/ledger/trial-balance")
        .unwrap();
    for asset in trial.expect(200)["assets"].as_array().unwrap() {
        assert_eq!(asset["sum"], "0");
    }
}

#[test]
fn getting_started_works_as_it_stands() {
    run_page("getting-started.md");
}

#[test]
fn the_terms_work_as_they_stand() {
    run_page("terms.md");
}

#[test]
fn the_recipes_work_as_they_stand() {
    run_page("recipes.md");
}

#[test]
fn prices_work_as_they_stand() {
    run_page("pricing.md");
}

#[test]
fn subscriptions_work_as_they_stand() {
    run_page("subscriptions.md");
}

/// The commands that are not run are at least there, with their options.
#[test]
fn the_manual_names_commands_and_options_that_exist() {
    let pages = [
        "getting-started.md",
        "recipes.md",
        "operating.md",
        "terms.md",
        "benchmarks.md",
    ];
    let mut seen = 0;
    for text in pages.map(page) {
        let spans = text.split('`').skip(1).step_by(2);
        for span in spans.flat_map(str::lines) {
            let span = span.trim();
            let command = span
                .strip_prefix("cargo run --release -- ")
                .or_else(|| span.strip_prefix("farthing "));
            let Some(command) = command else { continue };
            let mut words = command.split_whitespace().take_while(|word| *word != "#");
            let mut path: Vec<&str> = words.next().into_iter().collect();
            let rest: Vec<&str> = words.collect();
            if ["keys", "bench", "packs"].contains(&path[0]) {
                path.extend(rest.first().filter(|word| !word.starts_with('-')));
            }
            let options = rest.iter().filter(|word| word.starts_with("--"));
            path.push("--help");
            let help = run_well(&path);
            for option in options {
                assert!(help.contains(option), "{command}: no {option}\n{help}");
            }
            seen += 1;
        }
    }
    assert!(seen > 8, "only {seen} commands");
}
