//! Simulations over the API: run in the background, by a regulator too, each tenant its own.

use crate::town::{Town, payment, text};
use identity::Scope;
use serde_json::{Value, json};

/// At most 2 EUR a payment, and 3 a day.
const DRAFT: &str = r#"
[pack]
id = "zz"
title = { en = "Strict", ko = "엄격" }
version = "2026-12-01"
asset = "EUR"
rest_of_world = true
checked = 2026-11-20
review_days = 180

[territories]
ZZ = "Europe/Paris"

[[rule]]
id = "each"
title = { en = "Each", ko = "건별" }
kind = "limit"
applies = { payment = ["spend"] }
most = "2 EUR"
terms = { whose = { en = "the operator", ko = "운영자" } }
certainty = "official"

[[rule]]
id = "day"
title = { en = "A day", ko = "1일" }
kind = "limit"
applies = { payment = ["spend"] }
most = "3 EUR"
window = "day"
gives_back = ["void"]
starts = "empty"
terms = { whose = { en = "the operator", ko = "운영자" } }
certainty = "official"
"#;

async fn done(town: &Town, key: &str, id: &str) -> Value {
    let path = format!("/v1/simulations/{id}");
    for _ in 0..2_000 {
        let found = town.ask(key, "GET", &path, &[], None).await.is(200);
        if found["status"] != "running" {
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("it still runs");
}

#[tokio::test]
async fn a_draft_is_run_over_what_happened_and_changes_nothing() {
    let town = Town::new().await;
    let (a, b) = (town.wallet("100").await, town.wallet("0").await);
    let mut ids = Vec::new();
    for amount in ["1", "2.01", "1.5", "0.6", "0.5"] {
        let paid = town.post("/v1/payments", payment(&a, &b, amount)).await;
        ids.push(text(&paid.is(201)["id"]));
    }
    let balance = town.get(&format!("/v1/wallets/{a}")).await.is(200);
    let regulator = town.key(&[Scope::RegulatorRead]);
    let body = json!({"packs": [{"text": DRAFT}]}).to_string();
    for key in [&town.admin, &regulator] {
        let path = "/v1/simulations";
        let begun = town.ask(key, "POST", path, &[], Some(&body)).await.is(201);
        let found = done(&town, key, &text(&begun["id"])).await;
        assert_eq!(found["status"], "done", "{found}");
        assert_eq!(found["rows_done"], found["rows"]);
        let outcome = &found["outcome"];
        let changed: Vec<&Value> = outcome["changed"].as_array().unwrap().iter().collect();
        let seen: Vec<(&str, &str)> = changed
            .iter()
            .map(|one| (one["id"].as_str().unwrap(), one["rule"].as_str().unwrap()))
            .collect();
        assert_eq!(seen, [(ids[1].as_str(), "each"), (ids[3].as_str(), "day")]);
        assert_eq!(outcome["changes"]["payments"], 2);
        assert_eq!(outcome["changes"]["payers"], 1);
        assert_eq!(
            outcome["changes"]["volume"][0],
            json!({"amount": "2.61", "asset": "EUR"})
        );
        let kind = json!({"was": "allowed", "becomes": "denied", "payments": 2});
        assert_eq!(outcome["changes"]["kinds"], json!([kind]));
    }
    let after = town.get(&format!("/v1/wallets/{a}")).await.is(200);
    assert_eq!(balance, after);
    // What a regulator asks for is on record.
    let read = town.store.accesses(town.tenants[0], None, 100).unwrap();
    let paths: Vec<&str> = read
        .items
        .iter()
        .map(|row| row.access.path.as_str())
        .collect();
    assert!(paths.contains(&"/v1/simulations"), "{paths:?}");
}

#[tokio::test]
async fn what_is_wrong_in_a_draft_is_said_and_nobody_sees_another_tenant_s() {
    let town = Town::new().await;
    let post = async |body: Value| town.post("/v1/simulations", body).await;
    post(json!({})).await.problem(422, "malformed");
    let broken = DRAFT.replace("2 EUR", "two euros");
    let wrong = post(json!({"packs": [{"text": DRAFT}, {"text": broken}]})).await;
    let wrong = wrong.problem(422, "pack_invalid");
    assert_eq!(wrong["field"], "packs[1]");
    let nowhere = DRAFT.replace("Europe/Paris", "Europe/Atlantis");
    let nowhere = post(json!({"packs": [{"text": nowhere}]})).await;
    nowhere.problem(422, "pack_invalid");
    let status = json!({"packs": [{"text": DRAFT}], "settings": {"status": ["king"]}});
    let status = post(status).await.problem(422, "malformed");
    assert_eq!(status["field"], "settings.status[0]");
    let begun = post(
        json!({"packs": [{"text": DRAFT}], "settings": {"country": "FR", "status": ["e_money"]}}),
    );
    let id = text(&begun.await.is(201)["id"]);
    let path = format!("/v1/simulations/{id}");
    let other = town.ask(&town.other, "GET", &path, &[], None).await;
    other.problem(404, "not_found");
    let stop = town
        .ask(&town.other, "POST", &format!("{path}/stop"), &[], None)
        .await;
    stop.problem(404, "not_found");
    done(&town, &town.admin, &id).await;
    let payer = town.key(&[Scope::PaymentsWrite]);
    let asked = town.ask(&payer, "GET", &path, &[], None).await;
    asked.problem(403, "scope_missing");
}

#[tokio::test]
async fn a_simulation_repeated_under_its_key_is_the_same() {
    let town = Town::new().await;
    let body = json!({"packs": [{"text": DRAFT}]});
    let first = town
        .keyed("POST", "/v1/simulations", "draft-1", &body)
        .await;
    let again = town
        .keyed("POST", "/v1/simulations", "draft-1", &body)
        .await;
    assert_eq!(first.is(201)["id"], again.is(201)["id"]);
    assert!(again.replayed());
}
