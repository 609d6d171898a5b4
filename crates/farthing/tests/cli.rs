//! The real binary on its command line: whatever it is given, an answer in words; and the demo.

#![allow(clippy::unwrap_used)]

#[path = "common/dice.rs"]
mod dice;
#[path = "common/farthing.rs"]
mod farthing;
#[path = "common/http.rs"]
mod http;

use dice::Dice;
use farthing::{fails, path, run, run_well, text, verify};
use serde_json::Value;

const PRICES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/prices.toml");
const LINE: &str = "192.0.2.1 - - [17/May/2015:10:05:03 +0000] \"GET /blog/ HTTP/1.1\" 200 10 \
                    \"-\" \"Mozilla/5.0\"\n";

#[test]
fn a_wrong_command_line_is_exit_code_2() {
    for args in [
        &[][..],
        &["pay-me"],
        &["serve", "--no-such-flag"],
        &["demo", "--acts", "0"],
        &["demo", "--acts", "many"],
        &["demo", "--seed", "-1"],
        &["demo", "--visitors", "v.csv"],
        &["verify", "--shard", "x"],
        &["keys", "create", "--expires", "tomorrow"],
        &["explain"],
        &["packs", "show", "kr", "--on", "tomorrow"],
        &["packs", "show", "kr", "--tier", "king"],
        &["--log-level", "node=[", "verify"],
    ] {
        fails(args, 2, "");
    }
    for help in [
        &["--help"][..],
        &["bench", "engine", "--help"],
        &["keys", "create", "--help"],
        &["--version"],
    ] {
        run_well(help);
    }
}

#[test]
fn each_command_s_help_is_enough_by_itself() {
    let all = run_well(&["--help"]);
    for name in [
        "demo", "serve", "replay", "bench", "verify", "explain", "backup", "restore", "keys",
        "packs", "gate", "pay", "tax",
    ] {
        let listed = |line: &&str| line.trim_start().starts_with(&format!("{name} "));
        let line = all.lines().find(listed).unwrap();
        let words = line.trim_start()[name.len()..].trim();
        let help = run_well(&[name, "--help"]);
        assert!(help.starts_with(words), "{name}: {help}");
        let usage = help.find("Usage:").unwrap();
        assert!(usage > words.len() + 80, "{name} does not say what it does");
        let example = format!("Examples:\n  farthing {name} ");
        for part in [example.as_str(), "Exit codes: 0 ", "--log-level"] {
            assert!(help.contains(part), "{name}: no {part:?} in {help}");
        }
    }
}

#[test]
fn packs_are_checked_listed_shown_and_compared() {
    assert!(run_well(&["packs", "check"]).contains("12 packs"));
    assert!(run_well(&["packs", "check"]).contains("0 errors"));
    let listed: Value = serde_json::from_str(&run_well(&["packs", "list", "--json"])).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 12);
    let shown = run_well(&[
        "packs",
        "show",
        "ng",
        "--tier",
        "phone",
        "--on",
        "2026-11-23",
    ]);
    assert!(shown.contains("₦50,000 a day → ₦200,000 a day"), "{shown}");
    let shown = run_well(&["packs", "show", "kr", "--lang", "ko", "--json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["rules"][0]["most"], Value::Null);
    assert_eq!(shown["rules"][0]["kind"]["balance"]["most"], "500000 KRW");

    let dir = tempfile::tempdir().unwrap();
    let packs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packs");
    let text = std::fs::read_to_string(format!("{packs}/kr.toml")).unwrap();
    let write = |name: &str, text: &str| {
        let file = dir.path().join(name);
        std::fs::write(&file, text).unwrap();
        path(&file).to_owned()
    };
    let old = write("old.toml", &text.replace("1000000 KRW", "600000 KRW"));
    let said = run_well(&["packs", "diff", &old, "kr"]);
    assert!(
        said.contains("KR carrier monthly limit ₩600,000 → ₩1,000,000 from 2020-06-01"),
        "{said}"
    );
    assert_eq!(
        run_well(&["packs", "diff", "kr", "kr"]),
        "No rule changes.\n"
    );
    for (from, to) in [
        ("most = ", "mots = "),
        ("Asia/Seoul", "Asia/Nowhere"),
        ("terms = {", "# {"),
    ] {
        let bad = write("bad.toml", &text.replacen(from, to, 1));
        fails(&["packs", "check", &bad], 3, "1 errors in packs");
    }
    fails(&["packs", "show", "xx"], 1, "neither a file nor a pack");
    fails(&["packs", "show", "kr", "--rule", "zzz"], 1, "zzz");
    fails(
        &["packs", "show", &write("bad.toml", "pack = 1")],
        1,
        "bad.toml:1: `pack`",
    );
}

/// It ends with one of these exit codes, not by a panic, and a failure has words.
#[track_caller]
fn ends(args: &[&str], codes: &[i32]) {
    let output = run(args);
    let err = text(&output.stderr);
    let code = output.status.code();
    assert!(
        code.is_some_and(|code| codes.contains(&code)),
        "{args:?}: {code:?} {err}"
    );
    assert!(!err.contains("panicked"), "{args:?}: {err}");
    assert!(code == Some(0) || !err.trim().is_empty(), "{args:?}");
}

#[test]
fn whatever_a_file_holds_the_error_says_which() {
    let mut dice = Dice::new(7);
    let noise: Vec<u8> = (0..4_096).map(|_| dice.roll() as u8).collect();
    let all = [
        &b"= = ="[..],
        b"\xff\xfe",
        b"[[[[",
        &noise,
        b"\x1f\x8b\x08\x00broken",
    ];
    for garbage in all {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (good, bad, data) = (at("good.log"), at("bad"), at("data"));
        std::fs::write(&good, LINE).unwrap();
        std::fs::write(&bad, garbage).unwrap();
        let (good, bad, data) = (path(&good), path(&bad), path(&data));

        fails(&["serve", "--config", bad, "--data", data], 1, bad);
        fails(&["replay", "--log", good, "--prices", bad], 1, "");
        // Lines that cannot be read are counted; a gzip that is none is an error.
        ends(
            &["replay", "--json", "--log", bad, "--prices", PRICES],
            &[0, 1],
        );
        let replay = [
            "replay",
            "--json",
            "--log",
            good,
            "--prices",
            PRICES,
            "--visitors",
            bad,
        ];
        ends(&replay, &[0, 1]);

        let (databases, backup) = (at("databases"), at("backup"));
        std::fs::create_dir(&databases).unwrap();
        for name in ["journal.db", "store.db", "keys.db", "read.db"] {
            std::fs::write(databases.join(name), garbage).unwrap();
        }
        ends(&["verify", "--data", path(&databases)], &[1, 3]);
        ends(&["keys", "list", "--data", path(&databases)], &[1]);
        ends(
            &[
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--data",
                path(&databases),
            ],
            &[1],
        );
        std::fs::create_dir(&backup).unwrap();
        std::fs::write(backup.join("manifest.json"), garbage).unwrap();
        fails(
            &["restore", "--from", path(&backup), "--data", data],
            1,
            "manifest.json",
        );
    }
}

#[test]
fn what_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    let nowhere = path(&nowhere);
    let id = "pay_01936b2f000070008000000000000001";
    fails(&["verify", "--data", nowhere], 1, "nowhere");
    fails(&["explain", id, "--data", nowhere], 1, "nowhere");
    fails(&["explain", "nonsense", "--data", nowhere], 1, "nonsense");
    fails(&["keys", "list", "--data", nowhere], 1, "nowhere");
    fails(&["backup", "--data", nowhere, "--to", "x"], 1, "nowhere");
    fails(&["restore", "--from", nowhere, "--data", "x"], 1, "nowhere");
    fails(
        &["replay", "--log", nowhere, "--prices", PRICES],
        1,
        "nowhere",
    );
    fails(
        &["replay", "--log", PRICES, "--prices", nowhere],
        1,
        "nowhere",
    );
    fails(&["serve", "--config", nowhere], 1, "nowhere");
    fails(&["demo", "--log", nowhere], 1, "nowhere");
    let data = folder.path().join("data");
    fails(
        &["serve", "--data", path(&data), "--listen", "nonsense"],
        1,
        "nonsense",
    );
}

#[test]
fn the_demo_of_a_seed_is_the_same_each_time_and_its_books_balance() {
    let demo = |seed: &str| -> Value {
        let out = run_well(&["demo", "--exit", "--json", "--acts", "300", "--seed", seed]);
        serde_json::from_str(&out).unwrap()
    };
    let (first, again, other) = (demo("5"), demo("5"), demo("6"));
    for field in [
        "requests",
        "unreadable",
        "payments",
        "gross",
        "fees",
        "tax",
        "net",
        "refunds",
        "top_ups",
    ] {
        assert_eq!(first[field], again[field], "{field}");
    }
    assert_ne!(first["gross"], other["gross"]);
    assert_eq!(first["simulated"], true);
    assert!(
        first["payments"]["accepted"].as_u64().unwrap() > 250,
        "{first}"
    );
    assert!(
        first["payments"]["refused"].as_u64().unwrap() > 0,
        "{first}"
    );
    for (asset, sum) in first["trial_balance"].as_object().unwrap() {
        assert_eq!(sum, "0", "{asset}");
    }
}

#[test]
fn the_demo_keeps_its_folder_where_one_is_named_and_replays_a_log() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    let out = run_well(&["demo", "--exit", "--acts", "50", "--data", path(&kept)]);
    assert!(out.contains("simulated"), "{out}");
    verify(&kept);
    fails(
        &["demo", "--exit", "--data", path(&kept)],
        1,
        "already has a journal",
    );

    let log = folder.path().join("access.log");
    std::fs::write(&log, LINE.repeat(2)).unwrap();
    let out = run_well(&["demo", "--exit", "--json", "--log", path(&log)]);
    let out: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(out["requests"], 2);
}
