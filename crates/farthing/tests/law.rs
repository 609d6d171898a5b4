//! Laws from the command line: proposed, approved and activated over a running node's API, and
//! explained from the journal alone.
#![allow(clippy::unwrap_used)]

#[path = "common/farthing.rs"]
mod farthing;
#[path = "common/http.rs"]
mod http;

use farthing::{Farthing, fails, path, run_well};
use http::Http;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A country to test in, where the numbers are round.
const LAND: &str = r#"
[pack]
id = "tt"
title = { en = "Testland", ko = "시험국" }
version = "2026-01-01"
asset = "EUR"
checked = 2026-01-01
review_days = 30

[territories]
FR = "Europe/Paris"

[[rule]]
id = "day"
title = { en = "Paid in a day", ko = "1일 결제 한도" }
kind = "limit"
applies = { payment = ["spend"] }
most = "10 EUR"
window = "day"
gives_back = ["void", "refund"]
starts = "empty"
source = { act = "Payments Act", article = "s. 1" }
certainty = "official"

[[rule]]
id = "screening"
title = { en = "A match stops the payment", ko = "심사 일치 시 결제 중지" }
kind = "forbid"
applies = { screening = ["sanctions", "laundering"], reach = ["payer", "payee", "operator"] }
source = { act = "Payments Act", article = "s. 5" }
certainty = "official"
visible_to = ["compliance", "regulator"]
"#;

struct Scene {
    folder: TempDir,
    node: Farthing,
    url: String,
    first: String,
    second: String,
}

impl Scene {
    fn new() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let node = Farthing::start(&data, &folder.path().join("stderr.log"), &[]);
        let key = |scopes: &str| {
            let data = path(&data);
            let made = run_well(&[
                "keys", "--data", data, "--json", "create", "--scopes", scopes, "--label", "x",
            ]);
            let made: Value = serde_json::from_str(&made).unwrap();
            made["secret"].as_str().unwrap().to_owned()
        };
        let (first, second) = (key("laws:propose"), key("laws:approve"));
        let url = format!("http://{}", node.address);
        Scene {
            folder,
            node,
            url,
            first,
            second,
        }
    }

    fn file(&self, name: &str, text: &str) -> String {
        let file = self.folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        path(&file).to_owned()
    }

    /// A command of `packs` with a key.
    fn args<'a>(&'a self, words: &[&'a str], key: &'a str) -> Vec<&'a str> {
        let mut all = vec!["packs"];
        all.extend(words);
        all.extend(["--url", &self.url, "--key", key]);
        all
    }

    fn first(&self, words: &[&str]) -> String {
        run_well(&self.args(words, &self.first))
    }

    fn second(&self, words: &[&str]) -> String {
        run_well(&self.args(words, &self.second))
    }

    fn proposed(&self, words: &[&str]) -> String {
        let mut all = vec!["--json", "propose"];
        all.extend(words);
        let law: Value = serde_json::from_str(&self.first(&all)).unwrap();
        law["id"].as_str().unwrap().to_owned()
    }
}

fn wallet(http: &mut Http, name: &str, euros: &str) -> String {
    let mut made = |path: &str, body: Value| {
        let key = format!("{name}{path}").replace('/', "-");
        let reply = http.post(path, &key, &body).unwrap();
        reply.expect(201)["id"].as_str().unwrap().to_owned()
    };
    let party = made("/v1/parties", json!({"kind": "person", "country": "FR"}));
    let wallet = made("/v1/wallets", json!({"party": party}));
    if euros != "0" {
        let amount = json!({"amount": euros, "asset": "EUR"});
        let topup =
            json!({"wallet": wallet, "source": "card", "spendable": true, "amount": amount});
        made("/v1/topups", topup);
    }
    wallet
}

#[test]
fn a_law_is_driven_from_the_command_line_and_explained_under_its_own_packs() {
    let scene = Scene::new();
    let pack = scene.file("tt.toml", LAND);
    let settings = json!({"country": "FR", "status": ["e_money"]}).to_string();
    let settings = scene.file("settings.json", &settings);
    assert!(scene.first(&["status"]).contains("No law is in force"));

    let said = scene.first(&["propose", &pack, "--settings", &settings]);
    assert!(
        said.contains("proposed") && said.contains("TT Testland: comes into force, 2 rules"),
        "{said}"
    );
    assert!(said.contains("farthing packs approve law_"), "{said}");
    let law = said.split_whitespace().next().unwrap().to_owned();
    fails(
        &scene.args(&["approve", &law], &scene.first),
        1,
        "scope_missing",
    );
    let at = "2099-01-01T00:00:00+09:00";
    let approved = scene.second(&["approve", &law, "--at", at]);
    assert!(
        approved.contains("approved  from 2098-12-31T15:00:00.000Z"),
        "{approved}"
    );
    fails(
        &scene.args(&["activate", &law], &scene.second),
        1,
        "takes effect by itself",
    );
    assert!(scene.first(&["status"]).contains(&law));
    assert!(scene.second(&["reject", &law]).contains("rejected"));

    let law = scene.proposed(&[&pack, "--settings", &settings]);
    let active = scene.second(&["activate", &law]);
    assert!(active.contains("active  version 1"), "{active}");
    let status = scene.first(&["status"]);
    assert!(
        status.contains("Version 1 is in force") && status.contains("tt    2026-01-01"),
        "{status}"
    );

    let broken = scene.file(
        "broken.toml",
        &LAND.replace("kind = \"forbid\"", "kind = \"forbit\""),
    );
    let known = scene.args(&["propose", "zz", &broken], &scene.first);
    fails(&known, 3, "broken.toml:");
    let nobody = [
        "packs",
        "status",
        "--url",
        "http://127.0.0.1:1",
        "--key",
        "fk_test_x",
    ];
    fails(&nobody, 1, "is the node running?");

    let mut http = scene.node.http(&scene.node.keys[0]);
    let (payer, payee) = (wallet(&mut http, "a", "50"), wallet(&mut http, "b", "0"));
    let mut pay = |key: &str, euros: &str, circumstances: Value| {
        let amount = json!({"amount": euros, "asset": "EUR"});
        let body = json!({
            "payer": payer, "payee": payee, "amount": amount, "circumstances": circumstances,
        });
        http.post("/v1/payments", key, &body).unwrap()
    };
    let paid = pay("p-1", "6", json!({})).expect(201)["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let denied = pay("p-2", "5", json!({})).expect(403);
    assert_eq!(denied["code"], "limit_per_day", "{denied}");
    let stopped = pay("p-3", "1", json!({"screening": "sanctions"})).expect(403);

    // Two more versions come; what was decided stays as it was.
    let later = LAND
        .replace("2026-01-01", "2026-02-02")
        .replace("\"10 EUR\"", "\"7 EUR\"");
    let later = scene.file("later.toml", &later);
    let said = scene.first(&["--lang", "ko", "propose", &later]);
    assert!(said.contains("1일 결제 한도 €10 → €7"), "{said}");
    let law = said.split_whitespace().next().unwrap().to_owned();
    scene.second(&["activate", &law]);
    let back = scene.proposed(&["--back-to", "1"]);
    assert!(scene.second(&["activate", &back]).contains("version 3"));
    assert_eq!(scene.node.stop().code(), Some(0));

    let data = scene.folder.path().join("data");
    let explain = |id: &str, more: &[&str]| -> String {
        let mut all = vec!["explain", id, "--data", path(&data)];
        all.extend(more);
        run_well(&all)
    };
    let id = |problem: &Value| problem["id"].as_str().unwrap().to_owned();
    let words = explain(&id(&denied), &[]);
    for part in [
        "law       version 1",
        "verdict   deny",
        "€6 used before, €5 asked",
        "Payments Act, s. 1",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    let korean = explain(&id(&denied), &["--lang", "ko", "--audience", "payer"]);
    assert!(
        korean.contains("1일 €10") && korean.contains("종전 사용 €6"),
        "{korean}"
    );
    let whole: Value = serde_json::from_str(&explain(&paid, &["--json"])).unwrap();
    assert_eq!(
        (&whole["law"]["version"], &whole["law"]["verdict"]),
        (&json!(1), &json!("allow"))
    );
    assert_eq!(whole["law"]["trace"][0]["rule"], "tt/day");
    // The history of this very tenant, against a draft of it.
    let simulate = |more: &[&str]| -> Value {
        let args = [
            "simulate",
            "--pack",
            &later,
            "--data",
            path(&data),
            "--json",
        ];
        serde_json::from_str(&run_well(&[&args[..], more].concat())).unwrap()
    };
    assert_eq!(simulate(&[])["payments"], 0, "the operator's own has none");
    let of_test = simulate(&["--mode", "test"]);
    assert!(of_test["payments"].as_u64().unwrap() >= 3, "{of_test}");
    // The rules that are due are those in force, and not those of the packs that come along.
    let briefs = |more: &[&str]| -> Vec<(String, String)> {
        let args = ["briefs", "--data", path(&data), "--json", "list"];
        let listed = run_well(&[&args[..], more].concat());
        let lines = listed
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        lines
            .map(|brief: Value| {
                let text = |field: &str| brief[field].as_str().unwrap_or_default().to_owned();
                (text("pack"), text("rule"))
            })
            .collect()
    };
    let due = briefs(&["--mode", "test"]);
    assert!(due.contains(&("tt".into(), "day".into())), "{due:?}");
    assert!(due.iter().all(|(pack, _)| pack == "tt"), "{due:?}");
    assert!(briefs(&[]).iter().all(|(pack, _)| pack != "tt"));
    // What payers are not told of, they are not told here.
    let told = explain(&id(&stopped), &["--audience", "payer"]);
    assert!(
        told.contains("reason    declined")
            && !told.contains("screening")
            && !told.contains("law "),
        "{told}"
    );
    let known = explain(&id(&stopped), &["--audience", "regulator"]);
    assert!(
        known.contains("tt/screening") && known.contains("Payments Act, s. 5"),
        "{known}"
    );
}
