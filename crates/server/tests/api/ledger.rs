//! The ledger, the settings and the probes, as they are read.

use crate::town::{Town, eur, payment, text};
use serde_json::{Value, json};

#[tokio::test]
async fn the_ledger_settings_and_probes_can_be_read() {
    let town = Town::new().await;
    let (payer, payee) = (town.wallet("10").await, town.wallet("0").await);
    town.post("/v1/payments", payment(&payer, &payee, "1"))
        .await
        .is(201);
    let trial = town.get("/v1/ledger/trial-balance").await.is(200);
    assert_eq!(trial["assets"][0]["sum"], "0");
    let safe = town.get("/v1/ledger/safeguarding").await.is(200);
    assert_eq!(safe["assets"][0]["owed_to_users"], "10");
    assert_eq!(safe["assets"][0]["safeguarded"], "10");
    assert_eq!(safe["assets"][0]["difference"], "0");
    let export = town.get("/v1/ledger/export").await;
    assert_eq!(export.headers["content-type"], "application/x-ndjson");
    let kinds: Vec<String> = export
        .text
        .lines()
        .map(|l| serde_json::from_str::<Value>(l).unwrap())
        .filter_map(|line| Some(line["what"].as_str()?.to_owned()))
        .collect();
    assert!(kinds.contains(&"payment.paid".to_owned()), "{kinds:?}");
    assert_eq!(
        town.get(&town.caught_up("/v1/events?limit=1").await)
            .await
            .is(200)["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    let terms = json!({
        "fee": {"share": "0.025", "minimums": [eur("0.001")], "refundable": false},
        "tax": [{"country": "DE", "rate": "0.19"}],
        "limits": {"asset": "EUR", "tiers": [{"per_day": "10"}, {}, {}, {}, {}], "refund_restores_room": true},
        "reference_rates": [{"base": "JPY", "quote": "EUR", "rate": "0.0061"}],
        "time_zone": "Europe/Paris",
    });
    let set = town.put("/v1/terms", terms.clone()).await.is(200);
    assert_eq!(set["version"], 1);
    let shown = town.get("/v1/terms").await.is(200);
    for (name, value) in terms.as_object().unwrap() {
        assert_eq!(&shown["terms"][name], value, "{name}");
    }
    assert_eq!(
        town.put("/v1/terms", shown["terms"].clone()).await.is(200)["version"],
        2
    );
    let seq = town.get("/ready").await.is(200)["seq"].as_u64().unwrap();
    let versions = town
        .get(&format!("/v1/terms/versions?min_seq={seq}"))
        .await
        .is(200);
    assert_eq!(versions["items"].as_array().unwrap().len(), 2);
    assert_eq!(
        town.get("/v1/terms/versions/1").await.is(200)["terms"],
        shown["terms"]
    );
    assert_eq!(town.get("/v1/terms/versions/0").await.is(200)["version"], 0);
    town.get("/v1/terms/versions/9")
        .await
        .problem(404, "not_found");
    let zone = town
        .put("/v1/terms", json!({"time_zone": "Mars/Olympus"}))
        .await;
    assert_eq!(zone.problem(422, "time_zone_unknown")["field"], "time_zone");

    assert_eq!(
        town.get("/v1/assets").await.is(200)["items"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    town.post("/v1/assets", json!({"code": "USDC"}))
        .await
        .is(201);
    town.post("/v1/assets", json!({"code": "USDC"}))
        .await
        .problem(409, "already_exists");
    town.post("/v1/assets", json!({"code": "HOUSE", "scale": 2}))
        .await
        .is(201);
    let tenant = town
        .post("/v1/tenants", json!({"mode": "live"}))
        .await
        .is(201);
    let tenant_path = format!("/v1/tenants/{}", text(&tenant["id"]));
    assert_eq!(town.get(&tenant_path).await.is(200)["mode"], "live");
    assert_eq!(
        town.get("/v1/tenants").await.is(200)["items"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    let made = town.post(
        "/v1/keys",
        json!({"scopes": ["admin"], "label": "first", "tenant": tenant["id"]}),
    );
    let made = made.await.is(201);
    assert!(text(&made["secret"]).starts_with("fk_live_"));
    let mine = town
        .ask(&text(&made["secret"]), "GET", "/v1/tenants", &[], None)
        .await
        .is(200);
    assert_eq!(mine["items"].as_array().unwrap().len(), 1, "only its own");

    let parties = town
        .get(&format!("/v1/parties?min_seq={seq}&limit=1"))
        .await
        .is(200);
    let next = text(&parties["next"]);
    let rest = town
        .get(&format!("/v1/parties?cursor={next}"))
        .await
        .is(200);
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);
    let wallets = town
        .get(&format!(
            "/v1/wallets?party={}",
            text(&parties["items"][0]["id"])
        ))
        .await
        .is(200);
    assert_eq!(wallets["items"][0]["id"], json!(payee));
    let change = json!({"tier": 2, "standing": "frozen"});
    let path = format!("/v1/parties/{}", text(&parties["items"][0]["id"]));
    let changed = town.patch(&path, change).await.is(200);
    assert_eq!(
        (&changed["tier"], &changed["standing"]),
        (&json!(2), &json!("frozen"))
    );

    let metrics = town.get("/metrics").await;
    assert!(
        metrics
            .text
            .contains("farthing_payments_total{outcome=\"paid\"} 1"),
        "{}",
        metrics.text
    );
    assert!(
        metrics.text.contains("farthing_commit_seconds_bucket"),
        "{}",
        metrics.text
    );
    assert_eq!(
        town.ask("", "GET", "/health", &[], None).await.is(200)["status"],
        "ok"
    );
    let docs = town.ask("", "GET", "/docs", &[], None).await;
    assert!(docs.text.contains("/v1/payments/{id}/capture") && !docs.text.contains("<script"));
    let errors = town.ask("", "GET", "/docs/errors", &[], None).await;
    assert!(errors.text.contains("id=\"insufficient_funds\""));
}

#[tokio::test]
async fn terms_set_again_answer_with_the_version_they_made() {
    let town = Town::new().await;
    let (first, second) = (
        json!({"fee": {"share": "0.1"}}),
        json!({"fee": {"share": "0.2"}}),
    );
    for (key, terms, version) in [
        ("a", &first, 1),
        ("b", &second, 2),
        ("a", &first, 1),
        ("b", &second, 2),
    ] {
        let set = town.keyed("PUT", "/v1/terms", key, terms).await.is(200);
        assert_eq!(set["version"], version, "{key}");
        assert_eq!(set["terms"]["fee"]["share"], terms["fee"]["share"]);
    }
    assert_eq!(town.get("/v1/terms").await.is(200)["version"], 2);
}
