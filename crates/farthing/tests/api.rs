//! The real binary over HTTP, as somebody new to it would use it.
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
use farthing::{Farthing, fails, path, run_well, verify};
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
        assert!(listed.contains(&payment["id"]), "{listed:?}");
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
fn the_test_key_of_a_fresh_folder_reaches_nothing_live() {
    let scene = Scene::new();
    let farthing = scene.start();
    let (mut test, mut live) = (
        farthing.http(&farthing.keys[0]),
        farthing.http(&farthing.keys[1]),
    );
    let all = live.get("/v1/tenants").unwrap().expect(200);
    let modes: Vec<_> = all["items"].as_array().unwrap().iter().collect();
    assert_eq!(
        (modes.len(), &modes[0]["mode"], &modes[1]["mode"]),
        (2, &json!("live"), &json!("test")),
        "the operator's own tenant is the first, and live"
    );
    let own = test.get("/v1/tenants").unwrap().expect(200);
    assert_eq!(own["items"], json!([modes[1]]));
    let key = json!({ "tenant": modes[0]["id"], "scopes": ["admin"], "label": "x" });
    let asset = json!({ "code": "HOUSE", "scale": 2 });
    for (path, body) in [("/v1/keys", &key), ("/v1/assets", &asset)] {
        let refused = test.post(path, "a", body).unwrap();
        problem(&refused, 403, "operator_only");
        live.post(path, "b", body).unwrap().expect(201);
    }
}

#[test]
fn an_older_backup_brings_no_erased_person_back() {
    let mut scene = Scene::new();
    let farthing = scene.start();
    let key = farthing.keys[0].clone();
    let (payer, payee) = scene.payer_and_payee(&farthing, &key);
    let mut http = farthing.http(&key);
    let wallet = http
        .get(&format!("/v1/wallets/{payer}"))
        .unwrap()
        .expect(200);
    let party = format!("/v1/parties/{}", wallet["party"].as_str().unwrap());
    let json_type = [("Content-Type", "application/json")];
    http.send("PATCH", &party, &json_type, br#"{"name": "Ada"}"#)
        .unwrap()
        .expect(200);
    let pay = |payer: &str, payee: &str| json!({ "payer": payer, "payee": payee, "amount": eur("1"), "reference": "A-1" });
    let ids = [scene.id(), scene.id()];
    let topup = json!({
        "wallet": payee, "source": "card", "spendable": true, "amount": eur("10.00"),
    });
    http.post("/v1/topups", &scene.id(), &topup)
        .unwrap()
        .expect(201);
    let of_ada = http
        .post("/v1/payments", &ids[0], &pay(&payer, &payee))
        .unwrap();
    let of_other = http
        .post("/v1/payments", &ids[1], &pay(&payee, &payer))
        .unwrap();
    let paths = [of_ada, of_other]
        .map(|reply| format!("/v1/payments/{}", reply.expect(201)["id"].as_str().unwrap()));
    let (data, backup) = (scene.at("data"), scene.at("backup"));
    run_well(&[
        "backup",
        "--without-keys",
        "--data",
        path(&data),
        "--to",
        path(&backup),
    ]);
    http.delete(&format!("{party}/personal-data"))
        .unwrap()
        .expect(200);
    assert_eq!(farthing.stop().code(), Some(0));

    let restored = scene.at("restored");
    let keys = data.join("keys.db");
    run_well(&[
        "restore",
        "--from",
        path(&backup),
        "--data",
        path(&restored),
        "--keys",
        path(&keys),
    ]);
    let farthing = Farthing::start(&restored, &scene.at("stderr.log"), &[]);
    let mut http = farthing.http(&key);
    let shown = http.get(&party).unwrap().expect(200);
    assert_eq!(
        (&shown["text_erased"], shown.get("name")),
        (&json!(true), None)
    );
    let [of_ada, of_other] = paths.map(|path| http.get(&path).unwrap().expect(200));
    assert_eq!(
        (&of_ada["text_erased"], of_ada.get("reference")),
        (&json!(true), None)
    );
    assert_eq!(of_other["reference"], "A-1", "nobody else's is gone");
    assert_eq!(farthing.stop().code(), Some(0));
    verify(&restored);
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

    // A further tenant's key, by the tenant's id.
    let mut live = farthing.http(&farthing.keys[1]);
    let tenant = live.post("/v1/tenants", "t", &json!({ "mode": "test" }));
    let tenant = tenant.unwrap().expect(201)["id"].clone();
    let further = keys(&[
        "--json",
        "create",
        "--scopes",
        "admin",
        "--tenant",
        tenant.as_str().unwrap(),
    ]);
    let further: Value = serde_json::from_str(&further).unwrap();
    let mut further = farthing.http(further["secret"].as_str().unwrap());
    let seen = further.get("/v1/tenants").unwrap().expect(200);
    assert_eq!(
        seen["items"],
        json!([{ "id": tenant, "mode": "test", "terms_version": 0 }])
    );

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
        &[
            "create",
            "--scopes",
            "corrections:propose,corrections:approve",
        ],
        &["create", "--scopes", "admin", "--tenant", "nonsense"],
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
