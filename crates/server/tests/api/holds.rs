//! Payments in two steps: authorized and captured, asked for and confirmed.

use crate::town::{Town, eur, id, payment, text};
use identity::Scope;
use serde_json::json;

#[tokio::test]
async fn an_authorization_is_captured_refunded_and_voided() {
    let town = Town::new().await;
    let (payer, payee) = (town.wallet("10").await, town.wallet("0").await);
    let mut body = payment(&payer, &payee, "4");
    body["capture"] = json!("manual");
    let held = town.post("/v1/payments", body.clone()).await.is(201);
    assert_eq!(held["status"], "authorized");
    let path = format!("/v1/payments/{}", text(&held["id"]));
    let wallet = town.get(&format!("/v1/wallets/{payer}")).await.is(200);
    assert_eq!(wallet["balances"][0]["held"], "4");
    assert_eq!(wallet["balances"][0]["available"], "6");
    let part = town
        .post(
            &format!("{path}/capture"),
            json!({"amount": eur("1"), "last": false}),
        )
        .await
        .is(201);
    assert_eq!(part["amount"]["amount"], "1");
    assert_eq!(town.get(&path).await.is(200)["captured"]["amount"], "1");
    let key = [("idempotency-key", "the-rest")];
    let rest = town
        .ask(&town.admin, "POST", &format!("{path}/capture"), &key, None)
        .await;
    let rest = rest.is(201);
    assert_eq!(rest["amount"]["amount"], "3");
    let again = town
        .ask(&town.admin, "POST", &format!("{path}/capture"), &key, None)
        .await;
    assert_eq!(again.is(201), rest);
    assert!(again.replayed());
    assert_eq!(town.get(&path).await.is(200)["status"], "captured");
    town.post(&format!("{path}/refund"), json!({}))
        .await
        .problem(409, "not_that_payment");
    let refund = json!({"capture": rest["id"], "amount": eur("2"), "reference": "R-1"});
    let refund = town.post(&format!("{path}/refund"), refund).await.is(201);
    let shown = town
        .get(&format!("/v1/refunds/{}", text(&refund["id"])))
        .await
        .is(200);
    assert_eq!(shown, refund);
    assert_eq!(town.balance(&payee).await, "2");
    let more = json!({"capture": rest["id"], "amount": eur("2")});
    let more = town
        .post(&format!("{path}/refund"), more)
        .await
        .problem(409, "refund_exceeds_payment");
    assert_eq!((&more["limit"], &more["used"]), (&json!("3"), &json!("2")));
    let ended = town.post(&format!("{path}/capture"), json!({})).await;
    assert_eq!(
        ended.problem(409, "wrong_state")["detail"],
        "the authorization is captured"
    );

    let held = town.post("/v1/payments", body).await.is(201);
    let path = format!("/v1/payments/{}", text(&held["id"]));
    town.post(&format!("{path}/void"), json!({})).await.is(200);
    assert_eq!(town.get(&path).await.is(200)["status"], "voided");
}

/// Two factors, of this amount to this payee.
fn attested(amount: &str, payee: &str) -> serde_json::Value {
    json!({"factors": ["knowledge", "possession"], "amount": eur(amount), "payee": payee})
}

#[tokio::test]
async fn a_step_up_is_continued_by_its_id_and_a_key_that_may() {
    let town = Town::new().await;
    town.put("/v1/terms", json!({"risk": {"step_up_at": 500}}))
        .await
        .is(200);
    let (payer, payee) = (town.wallet("10").await, town.wallet("0").await);
    let mut body = payment(&payer, &payee, "4");
    body["risk_score"] = json!(600);
    let asked = town.post("/v1/payments", body.clone()).await.is(202);
    assert_eq!(asked["status"], "step_up");
    let confirm = text(&asked["step_up"]["confirm"]);
    let shop = town.key(&[Scope::PaymentsWrite]);
    let attested = attested("4", &payee);
    let refused = town
        .ask(&shop, "POST", &confirm, &[], Some(&attested.to_string()))
        .await;
    refused.problem(403, "scope_missing");
    let mut dearer = attested.clone();
    dearer["amount"] = eur("5");
    assert_eq!(
        town.post(&confirm, dearer).await.problem(422, "id_reused")["field"],
        "amount"
    );
    assert_eq!(
        town.post(&confirm, attested.clone()).await.is(201)["status"],
        "paid"
    );
    let again = town.post(&confirm, attested.clone()).await;
    assert_eq!(again.is(201)["status"], "paid");
    assert!(again.replayed());
    let unknown = format!("/v1/step-ups/{}/confirm", id(&town, "pay"));
    town.post(&unknown, attested)
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn a_capture_in_a_group_is_in_the_asset_of_its_authorization() {
    let town = Town::new().await;
    let (payer, payee) = (town.wallet("10").await, town.wallet("0").await);
    let mut body = payment(&payer, &payee, "4");
    body["capture"] = json!("manual");
    let held = town.post("/v1/payments", body).await.is(201);
    let capture = |asset: &str| {
        let amount = json!({"amount": "1", "asset": asset});
        json!({"items": [{"capture": {"payment": held["id"], "amount": amount}}]})
    };
    let other = town.post("/v1/groups", capture("JPY")).await;
    let other = other.problem(409, "not_that_payment");
    assert_eq!(
        (&other["item"], &other["field"]),
        (&json!(0), &json!("amount.asset"))
    );
    town.post("/v1/groups", capture("EUR")).await.is(201);
    assert_eq!(town.balance(&payee).await, "1");
}

#[tokio::test]
async fn a_step_up_that_was_too_late_is_refused_whenever_it_is_asked_again() {
    let town = Town::new().await;
    town.put(
        "/v1/terms",
        json!({"risk": {"step_up_at": 500}, "step_up_ms": 50}),
    )
    .await
    .is(200);
    let (payer, payee) = (town.wallet("10").await, town.wallet("0").await);
    let mut body = payment(&payer, &payee, "4");
    body["risk_score"] = json!(600);
    body["id"] = json!(id(&town, "pay"));
    body["reference"] = json!("R-1");
    let asked = town.post("/v1/payments", body.clone()).await.is(202);
    let waits = |state: &engine::State| !state.pending.is_empty();
    while town.node.query(waits).await.unwrap() {
        tokio::task::yield_now().await;
    }
    let attested = attested("4", &payee);
    let confirm = text(&asked["step_up"]["confirm"]);
    for (path, body) in [("/v1/payments", &body), (&confirm, &attested)] {
        let late = town.post(path, body.clone()).await;
        let refused = late.problem(409, "step_up_expired");
        assert!(confirm.contains(&text(&refused["id"])));
        assert_eq!(refused["remedy"]["action"], "new_id");
        assert!(late.replayed());
    }
    let mut dearer = body.clone();
    dearer["amount"] = eur("5");
    let other = town.post("/v1/payments", dearer).await;
    assert_eq!(other.problem(422, "id_reused")["field"], "amount");
    let shown = town
        .get(&format!("/v1/payments/{}", text(&body["id"])))
        .await;
    let shown = shown.is(200);
    assert_eq!(shown["status"], "expired");
    assert_eq!(shown["amount"], eur("4"));
    assert_eq!(
        (&shown["payer"], &shown["payee"]),
        (&json!(payer), &json!(payee))
    );
    assert_eq!(shown["trace"]["code"], "step_up_expired");
    assert_eq!(shown["reference"], "R-1");
}
