//! The real binary over HTTP and on its command line, as somebody new to it would use it.
#![allow(clippy::unwrap_used)]

#[path = "common/dice.rs"]
mod dice;
#[path = "common/farthing.rs"]
mod farthing;
#[path = "common/http.rs"]
mod http;
#[path = "common/wallets.rs"]
mod wallets;

use dice::Dice;
use farthing::{Farthing, path, run, run_well, text, verify};
use serde_json::{Value, json};
use std::path::PathBuf;
use tempfile::TempDir;
use wallets::{atoms, balance_of, open_wallet};

struct Scene {
    folder: TempDir,
    dice: Dice,
}

impl Scene {
    fn new() -> Scene {
        Scene {
            folder: tempfile::tempdir().unwrap(),
            dice: Dice::new(dice::seed()),
        }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn start(&self) -> Farthing {
        Farthing::start(&self.at("data"), &self.at("stderr.log"), &[])
    }

    fn id(&mut self) -> String {
        self.dice.uuid()
    }

    /// Two wallets, the first with 10 EUR.
    fn payer_and_payee(&mut self, farthing: &Farthing, key: &str) -> (String, String) {
        let mut http = farthing.http(key);
        let payer = open_wallet(&mut http, &mut self.dice);
        let payee = open_wallet(&mut http, &mut self.dice);
        let body = json!({
            "wallet": payer, "source": "card", "spendable": true, "amount": eur("10.00"),
        });
        http.post("/v1/topups", &self.id(), &body)
            .unwrap()
            .expect(201);
        (payer, payee)
    }
}

fn eur(amount: &str) -> Value {
    json!({ "amount": amount, "asset": "EUR" })
}

/// A problem document, with all that one promises.
#[track_caller]
fn problem(reply: &http::Reply, status: u16, code: &str) -> Value {
    assert_eq!(
        reply.header("content-type"),
        Some("application/problem+json")
    );
    let body = reply.expect(status);
    assert_eq!(body["code"], code, "{body}");
    assert_eq!(body["status"], status);
    for field in ["type", "title", "detail", "help"] {
        assert!(
            body[field].as_str().is_some_and(|words| !words.is_empty()),
            "{field}: {body}"
        );
    }
    body
}

#[test]
fn a_newcomer_pays_refunds_and_finds_it_all_after_a_restart() {
    let mut scene = Scene::new();
    let farthing = scene.start();
    let [test_key, live_key] = &farthing.keys[..] else {
        panic!("two keys are printed")
    };
    assert!(test_key.starts_with("fk_test_") && live_key.starts_with("fk_live_"));
    let key = test_key.clone();
    let (payer, payee) = scene.payer_and_payee(&farthing, &key);
    let mut http = farthing.http(&key);

    // Pay, and pay again with the same key.
    let body = json!({
        "payer": payer, "payee": payee, "amount": eur("0.0025"),
        "description": "an article", "reference": "A-1",
    });
    let id = scene.id();
    let first = http.post("/v1/payments", &id, &body).unwrap();
    let paid = first.expect(201);
    assert_eq!(
        (&paid["status"], &paid["amount"]),
        (&json!("paid"), &eur("0.0025"))
    );
    assert_eq!(paid["description"], "an article");
    let again = http.post("/v1/payments", &id, &body).unwrap();
    assert_eq!(again.expect(201), paid, "the same answer");
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(first.header("idempotent-replayed"), None);

    // The same key for something else is named as such.
    let other = json!({ "payer": payer, "payee": payee, "amount": eur("0.0026") });
    problem(
        &http.post("/v1/payments", &id, &other).unwrap(),
        422,
        "id_reused",
    );

    // An opaque key does as well.
    let body = json!({ "payer": payer, "payee": payee, "amount": eur("1") });
    let order = http.post("/v1/payments", "order #17", &body).unwrap();
    problem(&order, 400, "bad_header");
    let order = http
        .post("/v1/payments", "order-17", &body)
        .unwrap()
        .expect(201);
    assert_eq!(
        http.post("/v1/payments", "order-17", &body)
            .unwrap()
            .expect(201),
        order
    );

    // Refund in part, and no more than was paid.
    let refund = format!("/v1/payments/{}/refund", order["id"].as_str().unwrap());
    let given = http
        .post(&refund, &scene.id(), &json!({ "amount": eur("0.4") }))
        .unwrap();
    assert_eq!(given.expect(201)["amount"], eur("0.4"));
    let much = http
        .post(&refund, &scene.id(), &json!({ "amount": eur("0.7") }))
        .unwrap();
    problem(&much, 409, "refund_exceeds_payment");

    // Too little money is an answer, with what would help.
    let much = json!({ "payer": payer, "payee": payee, "amount": eur("1000") });
    let id = scene.id();
    let denied = problem(
        &http.post("/v1/payments", &id, &much).unwrap(),
        402,
        "insufficient_funds",
    );
    assert_eq!(denied["remedy"]["action"], "top_up");
    assert_eq!(
        problem(
            &http.post("/v1/payments", &id, &much).unwrap(),
            402,
            "insufficient_funds"
        ),
        denied
    );

    // What is there, and in history.
    let seen = balances(&mut http, &payer, &payee);
    assert_eq!(seen, (atoms("9.3975"), atoms("0.6025")));
    let one = http
        .get(&format!("/v1/payments/{}", paid["id"].as_str().unwrap()))
        .unwrap()
        .expect(200);
    assert_eq!(one["reference"], "A-1");
    let listed = history(&mut http);
    for payment in [&paid, &order] {
        let digits = payment["id"]
            .as_str()
            .unwrap()
            .strip_prefix("pay_")
            .unwrap();
        assert!(listed.contains(&json!(digits)), "{listed:?}");
    }

    // Stopped in good order, all of it is there again.
    assert_eq!(farthing.stop().code(), Some(0));
    let farthing = scene.start();
    assert!(farthing.keys.is_empty(), "keys are shown once");
    let mut http = farthing.http(&key);
    assert_eq!(balances(&mut http, &payer, &payee), seen);
    assert_eq!(history(&mut http), listed);
    assert_eq!(
        http.post("/v1/payments", "order-17", &body)
            .unwrap()
            .expect(201),
        order
    );
    assert_eq!(farthing.stop().code(), Some(0));
    verify(&scene.at("data"));

    // Why, from the journal alone.
    let id = paid["id"].as_str().unwrap();
    let words = run_well(&["explain", id, "--data", path(&scene.at("data"))]);
    assert!(words.contains("verdict   allow"), "{words}");
    let why = run_well(&["explain", id, "--json", "--data", path(&scene.at("data"))]);
    assert_eq!(
        serde_json::from_str::<Value>(&why).unwrap()["verdict"],
        "allow"
    );
}

fn balances(http: &mut http::Http, payer: &str, payee: &str) -> (i128, i128) {
    (balance_of(http, payer), balance_of(http, payee))
}

fn history(http: &mut http::Http) -> Vec<Value> {
    // At least as new as what was answered.
    let seq = http.get("/ready").unwrap().expect(200)["seq"].clone();
    let page = http
        .get(&format!("/v1/payments?min_seq={seq}"))
        .unwrap()
        .expect(200);
    let items = page["items"].as_array().unwrap();
    items.iter().map(|item| item["id"].clone()).collect()
}

#[test]
fn what_is_wrong_with_a_request_is_a_problem_document() {
    let mut scene = Scene::new();
    let farthing = scene.start();
    let key = farthing.keys[0].clone();
    let (payer, payee) = scene.payer_and_payee(&farthing, &key);
    let mut http = farthing.http(&key);
    let json_type = [("Content-Type", "application/json")];
    let pay =
        |amount: Value| json!({ "payer": payer, "payee": payee, "amount": amount }).to_string();
    let rows: Vec<(&str, &str, String, u16, &str, &str)> = vec![
        ("POST", "/v1/payments", "{".into(), 400, "bad_json", ""),
        ("POST", "/v1/payments", "{}".into(), 422, "malformed", ""),
        (
            "POST",
            "/v1/payments",
            pay(eur("-1")),
            422,
            "malformed",
            "amount.amount",
        ),
        (
            "POST",
            "/v1/payments",
            pay(json!(1)),
            422,
            "malformed",
            "amount",
        ),
        (
            "POST",
            "/v1/payments",
            pay(eur("1e3")),
            422,
            "malformed",
            "amount.amount",
        ),
        (
            "POST",
            "/v1/payments",
            pay(eur("0")),
            422,
            "amount_zero",
            "",
        ),
        (
            "POST",
            "/v1/payments",
            pay(eur("99999999999")),
            422,
            "amount_invalid",
            "amount.amount",
        ),
        (
            "POST",
            "/v1/payments",
            pay(json!({ "amount": "1", "asset": "NOSUCH" })),
            404,
            "not_found",
            "amount.asset",
        ),
        (
            "GET",
            "/v1/payments/pay_00",
            String::new(),
            404,
            "not_found",
            "id",
        ),
        (
            "GET",
            "/v1/payments/pay_01936b2f000070008000000000000001",
            String::new(),
            404,
            "not_found",
            "id",
        ),
        ("GET", "/v1/nothing", String::new(), 404, "no_such_path", ""),
        (
            "PUT",
            "/v1/payments",
            String::new(),
            405,
            "method_not_allowed",
            "",
        ),
    ];
    for (method, at, body, status, code, field) in rows {
        let reply = http.send(method, at, &json_type, body.as_bytes()).unwrap();
        let seen = problem(&reply, status, code);
        if !field.is_empty() {
            assert_eq!(seen["field"], field, "{seen}");
        }
    }
    let reply = http
        .send(
            "POST",
            "/v1/payments",
            &[("Content-Type", "text/plain")],
            b"{}",
        )
        .unwrap();
    problem(&reply, 415, "unsupported_media_type");
    let large = vec![b' '; 2 * 1024 * 1024];
    let reply = farthing
        .http(&key)
        .send("POST", "/v1/payments", &json_type, &large)
        .unwrap();
    problem(&reply, 413, "too_large");

    // Nothing is open but health and docs.
    let mut nobody = farthing.http("");
    for open in ["/health", "/ready", "/docs", "/openapi.json"] {
        assert_eq!(nobody.get(open).unwrap().status, 200, "{open}");
    }
    for closed in [
        "/v1/payments",
        "/v1/ledger/trial-balance",
        &format!("/v1/wallets/{payer}"),
    ] {
        problem(&nobody.get(closed).unwrap(), 401, "auth_missing");
    }
    let mut stranger = farthing.http("fk_test_nonsense");
    problem(
        &stranger.get("/v1/payments").unwrap(),
        401,
        "auth_malformed",
    );
    // Another tenant's key finds none of it.
    let mut live = farthing.http(&farthing.keys[1]);
    problem(
        &live.get(&format!("/v1/wallets/{payer}")).unwrap(),
        404,
        "not_found",
    );
}

#[test]
fn keys_are_made_and_revoked_while_it_serves() {
    let scene = Scene::new();
    let farthing = scene.start();
    let data = scene.at("data");
    let keys = |words: &[&str]| {
        let mut all = vec!["keys", "--data", path(&data)];
        all.extend(words);
        run_well(&all)
    };
    let made = keys(&[
        "--json",
        "create",
        "--scopes",
        "payments:read",
        "--label",
        "a reader",
    ]);
    let made: Value = serde_json::from_str(&made).unwrap();
    let secret = made["secret"].as_str().unwrap();
    let mut http = farthing.http(secret);
    http.get("/v1/payments").unwrap().expect(200);
    let refused = http.post(
        "/v1/parties",
        "a",
        &json!({ "kind": "person", "country": "DE", "tier": 0 }),
    );
    problem(&refused.unwrap(), 403, "scope_missing");

    let list = keys(&["list"]);
    assert!(
        list.contains("a reader") && list.contains("first key"),
        "{list}"
    );
    assert!(!list.contains(secret), "a secret is shown once");
    let id = made["id"].as_str().unwrap();
    assert!(keys(&["revoke", id]).contains("revoked"));
    // Within a second, by any process on the same store.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    let reply = loop {
        let reply = http.get("/v1/payments").unwrap();
        if reply.status != 200 {
            break reply;
        }
        assert!(
            std::time::Instant::now() < deadline,
            "a revoked key still opens"
        );
    };
    problem(&reply, 401, "auth_revoked");

    for wrong in [
        &["create", "--scopes", "everything"][..],
        &["revoke", "nonsense"],
    ] {
        let mut all = vec!["keys", "--data", path(&data)];
        all.extend(wrong);
        fails(&all, 1, "");
    }
}

#[test]
fn a_backup_of_a_serving_node_is_restored_whole() {
    let mut scene = Scene::new();
    let farthing = scene.start();
    let key = farthing.keys[0].clone();
    let (payer, payee) = scene.payer_and_payee(&farthing, &key);
    let mut http = farthing.http(&key);
    for _ in 0..20 {
        let body = json!({ "payer": payer, "payee": payee, "amount": eur("0.01") });
        http.post("/v1/payments", &scene.id(), &body)
            .unwrap()
            .expect(201);
    }
    let (data, backup, restored) = (scene.at("data"), scene.at("backup"), scene.at("restored"));
    run_well(&["backup", "--data", path(&data), "--to", path(&backup)]);
    // What comes later is not in it.
    let body = json!({ "payer": payer, "payee": payee, "amount": eur("5") });
    http.post("/v1/payments", &scene.id(), &body)
        .unwrap()
        .expect(201);
    assert_eq!(farthing.stop().code(), Some(0));

    run_well(&[
        "restore",
        "--from",
        path(&backup),
        "--data",
        path(&restored),
    ]);
    verify(&restored);
    let farthing = Farthing::start(&restored, &scene.at("restored.log"), &[]);
    let mut http = farthing.http(&key);
    assert_eq!(
        balances(&mut http, &payer, &payee),
        (atoms("9.8"), atoms("0.2"))
    );
    assert_eq!(history(&mut http).len(), 20);
    assert_eq!(farthing.stop().code(), Some(0));

    // Neither is ever overwritten, and a damaged one is seen.
    fails(
        &["backup", "--data", path(&data), "--to", path(&backup)],
        1,
        "exists already",
    );
    fails(
        &[
            "restore",
            "--from",
            path(&backup),
            "--data",
            path(&restored),
        ],
        1,
        "already has a journal",
    );
    let journal = backup.join("journal.db");
    let mut bytes = std::fs::read(&journal).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    std::fs::write(&journal, bytes).unwrap();
    let fresh = scene.at("fresh");
    fails(
        &["restore", "--from", path(&backup), "--data", path(&fresh)],
        3,
        "damaged",
    );
}

#[test]
fn a_journal_that_was_changed_does_not_verify() {
    let mut scene = Scene::new();
    let farthing = scene.start();
    let key = farthing.keys[0].clone();
    scene.payer_and_payee(&farthing, &key);
    assert_eq!(farthing.stop().code(), Some(0));
    let data = scene.at("data");
    verify(&data);
    let words = run_well(&["verify", "--data", path(&data)]);
    assert!(words.contains("hash chain   intact"), "{words}");

    // A backup is one file; the node's own keeps its newest rows in a log beside it.
    let backup = scene.at("backup");
    run_well(&["backup", "--data", path(&data), "--to", path(&backup)]);
    let journal = backup.join("journal.db");
    let mut bytes = std::fs::read(&journal).unwrap();
    // A party's country, as it was registered: a change that SQLite does not see.
    let at = bytes.windows(2).rposition(|two| two == b"DE");
    let at = at.expect("a registration is journaled");
    bytes[at..at + 2].copy_from_slice(b"FR");
    std::fs::write(&journal, bytes).unwrap();
    fails(&["verify", "--data", path(&backup)], 3, "");
}

/// It must fail with this exit code, in words, and not by a panic.
#[track_caller]
fn fails(args: &[&str], code: i32, words: &str) {
    let output = run(args);
    let err = text(&output.stderr);
    assert_eq!(
        output.status.code(),
        Some(code),
        "{args:?}: {err}{}",
        text(&output.stdout)
    );
    assert!(
        err.contains(words) && !err.trim().is_empty(),
        "{args:?}: {err}"
    );
    assert!(!err.contains("panicked"), "{args:?}: {err}");
}

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
        &["--log-level", "node=[", "verify"],
    ] {
        fails(args, 2, "");
    }
    for help in [
        &["--help"][..],
        &["serve", "--help"],
        &["demo", "--help"],
        &["--version"],
    ] {
        run_well(help);
    }
}

#[test]
fn whatever_a_file_holds_the_error_says_which() {
    let scene = Scene::new();
    let mut dice = Dice::new(7);
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/prices.toml");
    let log = scene.at("good.log");
    let line =
        r#"192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 10 "-" "Mozilla""#;
    std::fs::write(&log, format!("{line}\n")).unwrap();
    let noise: Vec<u8> = (0..4_096).map(|_| dice.below(256) as u8).collect();
    let garbage = [
        &b""[..],
        b"\0",
        b"= = =",
        b"\xff\xfe",
        b"[[[[",
        &noise,
        b"\x1f\x8b\x08\x00broken",
    ];
    for (at, bytes) in garbage.iter().enumerate() {
        let file = scene.at(&format!("garbage-{at}"));
        std::fs::write(&file, bytes).unwrap();
        let (name, data) = (path(&file), scene.at(&format!("data-{at}")));
        let data = path(&data);
        // An empty file sets no option and prices nothing; both are right.
        if !bytes.is_empty() {
            fails(&["serve", "--config", name, "--data", data], 1, name);
            fails(&["replay", "--log", path(&log), "--prices", name], 1, "");
        }
        // A log of garbage has unreadable lines; it is never fatal, unless it says it is gzip.
        let output = run(&["replay", "--json", "--log", name, "--prices", sample]);
        let err = text(&output.stderr);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{at}: {err}");
        assert!(!err.contains("panicked"), "{at}: {err}");
        // Visitors of garbage: named lines, or an error.
        let args = [
            "replay",
            "--log",
            path(&log),
            "--prices",
            sample,
            "--visitors",
            name,
        ];
        let output = run(&args);
        let err = text(&output.stderr);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{at}: {err}");
        assert!(!err.contains("panicked"), "{at}: {err}");
        // A data folder that is none.
        let folder = scene.at(&format!("folder-{at}"));
        std::fs::create_dir(&folder).unwrap();
        for db in ["journal.db", "store.db", "keys.db", "read.db"] {
            std::fs::write(folder.join(db), bytes).unwrap();
        }
        for command in ["verify", "serve", "keys"] {
            // SQLite takes these two for databases that are still to be filled.
            if bytes.is_empty() || *bytes == b"\0" {
                continue;
            }
            let mut args = vec![command, "--data", path(&folder)];
            args.extend((command == "keys").then_some("list"));
            args.extend((command == "serve").then_some("--listen=127.0.0.1:0"));
            let output = run(&args);
            let err = text(&output.stderr);
            assert!(
                matches!(output.status.code(), Some(1 | 3)),
                "{args:?} {at}: {err}"
            );
            assert!(
                !err.contains("panicked") && !err.is_empty(),
                "{args:?} {at}: {err}"
            );
        }
        let manifest = scene.at(&format!("backup-{at}"));
        std::fs::create_dir(&manifest).unwrap();
        std::fs::write(manifest.join("manifest.json"), bytes).unwrap();
        fails(
            &["restore", "--from", path(&manifest), "--data", data],
            1,
            "manifest.json",
        );
    }
    let nowhere = path(&scene.at("nowhere")).to_owned();
    fails(&["verify", "--data", &nowhere], 1, "nowhere");
    fails(
        &[
            "explain",
            "pay_01936b2f000070008000000000000001",
            "--data",
            &nowhere,
        ],
        1,
        "nowhere",
    );
    fails(&["explain", "nonsense", "--data", &nowhere], 1, "nonsense");
    fails(&["keys", "list", "--data", &nowhere], 1, "nowhere");
    fails(&["backup", "--data", &nowhere, "--to", "x"], 1, "nowhere");
    fails(
        &["restore", "--from", &nowhere, "--data", "x"],
        1,
        "nowhere",
    );
    fails(
        &["replay", "--log", &nowhere, "--prices", sample],
        1,
        "nowhere",
    );
    fails(
        &[
            "serve",
            "--data",
            path(&scene.at("d")),
            "--listen",
            "nonsense",
        ],
        1,
        "nonsense",
    );
}

#[test]
fn one_folder_has_one_server_and_an_address_one_listener() {
    let scene = Scene::new();
    let farthing = scene.start();
    let data = scene.at("data");
    fails(
        &["serve", "--data", path(&data), "--listen", "127.0.0.1:0"],
        1,
        "",
    );
    let other = scene.at("other");
    fails(
        &[
            "serve",
            "--data",
            path(&other),
            "--listen",
            &farthing.address,
        ],
        1,
        &farthing.address,
    );
    // The first has not noticed.
    farthing.http("").get("/ready").unwrap().expect(200);
    assert_eq!(farthing.stop().code(), Some(0));
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
    let scene = Scene::new();
    let kept = scene.at("kept");
    let out = run_well(&["demo", "--exit", "--acts", "50", "--data", path(&kept)]);
    assert!(out.contains("simulated"), "{out}");
    verify(&kept);
    fails(
        &["demo", "--exit", "--data", path(&kept)],
        1,
        "already has a journal",
    );

    let log = scene.at("access.log");
    let line = r#"192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /blog/ HTTP/1.1" 200 10 "-" "Mozilla/5.0""#;
    std::fs::write(&log, format!("{line}\n{line}\n")).unwrap();
    let out = run_well(&["demo", "--exit", "--json", "--log", path(&log)]);
    let out: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(out["requests"], 2);
}
