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
        "demo",
        "serve",
        "replay",
        "bench",
        "verify",
        "explain",
        "backup",
        "restore",
        "keys",
        "packs",
        "briefs",
        "simulate",
        "gate",
        "pay",
        "tax",
        "invoice",
        "statement",
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
        fails(&["packs", "check", &bad], 3, "1 error in packs");
    }
    fails(&["packs", "show", "xx"], 1, "neither a file nor a pack");
    fails(&["packs", "show", "kr", "--rule", "zzz"], 1, "zzz");
    fails(
        &["packs", "show", &write("bad.toml", "pack = 1")],
        1,
        "bad.toml:1: `pack`",
    );
}

/// A pack that allows two cents a payment.
const STRICT: &str = r#"
[pack]
id = "zz"
title = { en = "Strict", ko = "엄격" }
version = "2026-12-01"
asset = "USD"
rest_of_world = true
checked = 2026-11-20
review_days = 180

[territories]
ZZ = "UTC"

[[rule]]
id = "each"
title = { en = "Each", ko = "건별" }
kind = "limit"
applies = { payment = ["spend"] }
most = "MOST USD"
terms = { whose = { en = "the operator", ko = "운영자" } }
certainty = "official"
"#;

#[test]
fn a_draft_is_simulated_over_a_replayed_site_and_over_made_up_payments() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = dir.path().join(name);
        std::fs::write(&file, text).unwrap();
        path(&file).to_owned()
    };
    let log = write("a.log", &LINE.repeat(10));
    let ledger = dir.path().join("ledger");
    let data = path(&ledger);
    let prices = write("prices.toml", "asset = \"USD\"\ndefault = \"0.0005\"\n");
    let start = ["--start", "2026-01-01T00:00:00Z", "--data", data];
    run_well(&[&["replay", "--log", &log, "--prices", &prices][..], &start].concat());
    let strict = write("strict.toml", &STRICT.replace("MOST", "0.000001"));
    let lax = write("lax.toml", &STRICT.replace("MOST", "100"));
    let simulate = |more: &[&str]| -> Value {
        let args = [&["simulate", "--data", data, "--json"][..], more].concat();
        serde_json::from_str(&run_well(&args)).unwrap()
    };
    let none = simulate(&["--pack", &lax]);
    let compared = none["payments"].as_u64().unwrap();
    assert_eq!(none["changes"]["payments"], 0);
    assert!(compared >= 11, "{none}");
    let all = simulate(&["--pack", &strict, "--list", "3"]);
    let changed = all["changes"]["payments"].as_u64().unwrap();
    assert_eq!((changed, all["changes"]["payers"].as_u64()), (10, Some(1)));
    assert_eq!(all["rules"][0]["rule"], "each");
    assert_eq!(all["changed"].as_array().unwrap().len(), 3);
    assert_eq!(all["not_listed"], 7);
    let later = simulate(&["--pack", &strict, "--from", "2026-02-01"]);
    assert_eq!(later["payments"], 0);
    let words = run_well(&["simulate", "--data", data, "--pack", &strict]);
    assert!(words.contains("allowed → denied"), "{words}");
    verify(&ledger);

    let made_up = |seed: &str| -> Value {
        let args = ["simulate", "--pack", "kr", "--generate", "3000", "--json"];
        let said = run_well(&[&args[..], &["--seed", seed]].concat());
        serde_json::from_str(&said).unwrap()
    };
    let once = made_up("5");
    assert_eq!(once["payments"], 3_000);
    assert!(once["changes"]["payments"].as_u64().unwrap() > 0, "{once}");
    assert_eq!(once["changes"], made_up("5")["changes"]);
    assert_ne!(once["changes"], made_up("6")["changes"]);

    fails(&["simulate", "--data", data], 1, "name a draft");
    fails(&["simulate", "--pack", &log], 1, "a.log");
    fails(
        &["simulate", "--pack", &lax, "--data", "nowhere"],
        1,
        "nowhere",
    );
    fails(
        &["simulate", "--pack", &lax, "--from", "today"],
        2,
        "a time is",
    );
    let operator = write("operator.toml", "status = [\"king\"]");
    let wrong = ["simulate", "--pack", &lax, "--settings", &operator];
    fails(&wrong, 1, "status = [\"king\"]");
}

#[test]
fn briefs_are_read_listed_and_decided_on_the_data_folder() {
    use std::io::{BufRead, BufReader, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let _ = lines
                .map_while(Result::ok)
                .take_while(|l| !l.is_empty())
                .count();
            let body = "<rss><item><guid>1</guid><title>A decree</title></item></rss>";
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}"
            );
        }
    });
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    fails(
        &["briefs", "list", "--data", path(&data)],
        1,
        "has no store",
    );
    let log = dir.path().join("log");
    farthing::Farthing::start(&data, &log, &[]).stop();
    let feeds = dir.path().join("feeds.toml");
    let entry = format!(
        "[[feed]]\nid = \"here\"\npack = \"kr\"\nauthority = \"FSC\"\ntitle = \"News\"\n\
         url = \"http://{address}/\"\nlanguage = \"ko\"\ncertainty = \"unverified\"\nchecked = 2026-11-23\n"
    );
    std::fs::write(&feeds, entry).unwrap();
    let data = path(&data);
    let briefs = |args: &[&str]| run_well(&[&["briefs", "--data", data][..], args].concat());
    let read = briefs(&["read", "--feeds", path(&feeds)]);
    assert!(read.contains("is not a public address"), "{read}");
    let read = briefs(&["read", "--feeds", path(&feeds), "--private", "--json"]);
    let read: Value = serde_json::from_str(&read).unwrap();
    assert_eq!(read["new"], 1);
    let listed = briefs(&["list", "--status", "open", "--limit", "1000", "--json"]);
    let all: Vec<Value> = listed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let found = all.iter().find(|brief| brief["feed"] == "here").unwrap();
    assert_eq!(found["title"], "A decree");
    let id = found["id"].as_str().unwrap();
    let done = briefs(&[
        "link",
        id,
        "--by",
        "kim",
        "--pack",
        "kr",
        "--rule",
        "carrier.monthly",
    ]);
    assert!(done.contains("linked"), "{done}");
    let no_link = [
        "briefs", "--data", data, "link", id, "--by", "kim", "--pack", "kr",
    ];
    fails(&no_link, 2, "--rule");
    let done = briefs(&[
        "dismiss",
        id,
        "--by",
        "lee",
        "--why",
        "superseded",
        "--revision",
        "1",
    ]);
    assert!(done.contains("dismissed"), "{done}");
    let stale = [
        "briefs", "--data", data, "dismiss", id, "--by", "lee", "--why", "x",
    ];
    fails(
        &[&stale[..], &["--revision", "2"]].concat(),
        1,
        "has changed",
    );
    fails(
        &[
            "briefs", "--data", data, "dismiss", "x", "--by", "l", "--why", "x",
        ],
        1,
        "is not a brief",
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
