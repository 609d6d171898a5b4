//! `farthing invoice` and `farthing statement` against the real server, and across a kill -9.
#![allow(clippy::unwrap_used)]

#[path = "common/farthing.rs"]
mod farthing;
#[path = "common/http.rs"]
mod http;

use farthing::{Farthing, command, path, text};
use serde_json::{Value, json};
use std::path::Path;

struct Shop {
    farthing: Farthing,
    key: String,
}

impl Shop {
    fn open(data: &Path, log: &Path) -> Shop {
        let farthing = Farthing::start(data, log, &[]);
        let key = farthing.keys.first().cloned().unwrap_or_default();
        Shop { farthing, key }
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut http = self.farthing.http(&self.key);
        let reply = http.post(path, &format!("papers-{number}"), body).unwrap();
        reply.json()
    }

    fn wallet(&self, name: &str) -> String {
        let party = json!({"kind": "business", "country": "DE", "name": name});
        let party = self.post("/v1/parties", &party);
        let wallet = self.post("/v1/wallets", &json!({"party": party["id"]}));
        wallet["id"].as_str().unwrap().to_owned()
    }

    /// Runs the command with the server's address and key.
    fn run(&self, args: &[&str]) -> Vec<u8> {
        let server = format!("http://{}", self.farthing.address);
        let output = command(args)
            .args(["--server", &server])
            .env("FARTHING_API_KEY", &self.key)
            .output()
            .unwrap();
        let errors = text(&output.stderr);
        assert!(output.status.success(), "{args:?}: {errors}");
        output.stdout
    }
}

#[test]
fn papers_are_issued_fetched_and_outlive_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let (data, log) = (folder.path().join("data"), folder.path().join("log"));
    let shop = Shop::open(&data, &log);
    let (buyer, seller) = (shop.wallet("Ada GmbH"), shop.wallet("Blatt AG"));
    let amount = |amount: &str| json!({"amount": amount, "asset": "EUR"});
    let topup = json!({"wallet": buyer, "amount": amount("5"), "source": "bank"});
    let topup = shop.post("/v1/topups", &topup);
    let settle = format!("/v1/topups/{}/settle", topup["id"].as_str().unwrap());
    shop.post(&settle, &json!({}));
    let pay = |shop: &Shop, price: &str| {
        let payment = json!({"payer": buyer, "payee": seller, "amount": amount(price)});
        assert_eq!(shop.post("/v1/payments", &payment)["status"], "paid");
    };
    for price in ["0.0025", "0.49", "1"] {
        pay(&shop, price);
    }
    let new = |once: &'static str| {
        let mut args = vec!["invoice", "new", "--payer", &buyer, "--payee", &seller];
        args.extend(["--asset", "EUR", "--product", "Artikel", "--language", "de"]);
        args.extend([
            "--from",
            "2020-01-01T00:00:00Z",
            "--until",
            "2100-01-01T00:00:00Z",
        ]);
        args.extend(["--once", once]);
        args
    };
    let invoice: Value = serde_json::from_slice(&shop.run(&new("first"))).unwrap();
    let again: Value = serde_json::from_slice(&shop.run(&new("first"))).unwrap();
    assert_eq!(again, invoice);
    assert_eq!(invoice["gross"], "1.49");
    assert_eq!(invoice["lines"][0]["payments"], 3);
    let id = invoice["id"].as_str().unwrap().to_owned();
    let get = |shop: &Shop, form: &str| shop.run(&["invoice", "get", &id, "--form", form]);
    let before: Vec<_> = ["xml", "html", "pdf"].map(|form| get(&shop, form)).into();
    assert!(text(&before[1]).contains("<h1>Rechnung</h1>"));
    assert!(before[2].starts_with(b"%PDF-"));
    let statement = folder.path().join("statement.csv");
    shop.run(&[
        "statement",
        &buyer,
        "--asset",
        "EUR",
        "--from",
        "2020-01-01T00:00:00Z",
        "--until",
        "2100-01-01T00:00:00Z",
        "--out",
        path(&statement),
    ]);
    let statement = std::fs::read_to_string(statement).unwrap();
    assert!(
        statement.trim_end().ends_with(",-1,3.5075,EUR"),
        "{statement}"
    );

    let key = shop.key.clone();
    shop.farthing.kill();
    let shop = Shop {
        key,
        ..Shop::open(&data, &log)
    };
    let after: Vec<_> = ["xml", "html", "pdf"].map(|form| get(&shop, form)).into();
    assert_eq!(after, before);
    pay(&shop, "0.0001");
    let second: Value = serde_json::from_slice(&shop.run(&new("second"))).unwrap();
    assert!(
        second["number"].as_str().unwrap().ends_with("-000002"),
        "{second}"
    );
    let list: Value = serde_json::from_slice(&shop.run(&["invoice", "list"])).unwrap();
    assert_eq!(list["items"][0]["id"], second["id"]);
}

#[test]
fn what_the_server_refuses_is_said_in_its_words() {
    let folder = tempfile::tempdir().unwrap();
    let shop = Shop::open(&folder.path().join("data"), &folder.path().join("log"));
    let server = format!("http://{}", shop.farthing.address);
    let id = "inv_01936b2f130070008000000000000013";
    let output = command(&["invoice", "get", id, "--server", &server])
        .env("FARTHING_API_KEY", &shop.key)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("404 not_found"),
        "{}",
        text(&output.stderr)
    );
    let nameless = command(&["invoice", "list", "--server", &server])
        .output()
        .unwrap();
    assert!(text(&nameless.stderr).contains("FARTHING_API_KEY"));
}
