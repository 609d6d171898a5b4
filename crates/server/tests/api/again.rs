//! The same asked again: after a lost answer, or to go on.

use crate::town::{Town, id, payment};
use serde_json::{Value, json};

/// Until a default that is counted from now would be another.
async fn time_passes(town: &Town) {
    let then = town.node.now();
    while town.node.now() == then {
        town.wallet("0").await;
    }
}

#[tokio::test]
async fn an_authorization_without_an_end_is_the_same_when_asked_again() {
    let town = Town::new().await;
    let (payer, payee) = (town.wallet("5").await, town.wallet("0").await);
    let mut body = payment(&payer, &payee, "1");
    body["id"] = json!(id(&town, "pay"));
    body["capture"] = json!("manual");
    let first = town.post("/v1/payments", body.clone()).await.is(201);
    time_passes(&town).await;
    let again = town.post("/v1/payments", body.clone()).await;
    assert!(again.replayed());
    assert_eq!(again.is(201)["expires_at"], first["expires_at"]);
    // What is given is compared.
    body["expires_at"] = json!("2100-01-01T00:00:00Z");
    let other = town.post("/v1/payments", body).await;
    assert_eq!(other.problem(422, "id_reused")["field"], "expires_at");
}

#[tokio::test]
async fn a_stepped_up_authorization_without_an_end_can_be_confirmed() {
    let town = Town::new().await;
    town.put("/v1/terms", json!({"risk": {"step_up_at": 500}}))
        .await
        .is(200);
    let (payer, payee) = (town.wallet("5").await, town.wallet("0").await);
    let mut body = payment(&payer, &payee, "1");
    body["capture"] = json!("manual");
    body["risk_score"] = json!(600);
    let asked = town.post("/v1/payments", body).await.is(202);
    time_passes(&town).await;
    let confirm = asked["step_up"]["confirm"].as_str().unwrap();
    let attested = json!({
        "factors": ["knowledge", "possession"], "amount": asked["amount"], "payee": payee,
    });
    let confirmed = town.post(confirm, attested).await.is(201);
    assert_eq!(confirmed["status"], "authorized");
}

#[tokio::test]
async fn a_party_keeps_what_a_change_does_not_give() {
    let town = Town::new().await;
    let party = json!({"kind": "person", "country": "FR", "tier": 1});
    let party = town.post("/v1/parties", party).await.is(201);
    let path = format!("/v1/parties/{}", party["id"].as_str().unwrap());
    let verified = json!({"tier": 2}).to_string();
    let key = [("idempotency-key", "verified-1")];
    let verify = || town.ask(&town.admin, "PATCH", &path, &key, Some(&verified));
    let seen = |body: &Value| (body["tier"].clone(), body["standing"].clone());
    assert_eq!(seen(&verify().await.is(200)), (json!(2), json!("active")));
    town.patch(&path, json!({"standing": "frozen"}))
        .await
        .is(200);
    // The same change again is the same, whatever came between.
    let again = verify().await;
    assert!(again.replayed());
    assert_eq!(seen(&again.is(200)), (json!(2), json!("active")));
    let now = town.get(&path).await.is(200);
    assert_eq!(seen(&now), (json!(2), json!("frozen")));
    town.patch(&path, json!({"tier": 3})).await.is(200);
    let now = town
        .patch(&path, json!({"standing": "closed"}))
        .await
        .is(200);
    assert_eq!(seen(&now), (json!(3), json!("closed")));
    town.patch(&path, json!({"standing": "active"}))
        .await
        .problem(409, "party_closed");
}

#[tokio::test]
async fn a_rejected_correction_is_not_approved() {
    let town = Town::new().await;
    let (one, other) = (town.wallet("5").await, town.wallet("5").await);
    let accounts = town
        .get(&town.caught_up("/v1/ledger/accounts?class=wallet").await)
        .await
        .is(200);
    let account = |wallet: &str| {
        let items = accounts["items"].as_array().unwrap();
        items.iter().find(|a| a["wallet"] == wallet).unwrap()["no"].clone()
    };
    let postings = json!([
        {"account": account(&one), "amount": "-0.5"}, {"account": account(&other), "amount": "0.5"},
    ]);
    let correction = json!({"postings": postings, "reason": "case 12"});
    let correction = town.post("/v1/corrections", correction).await.is(201);
    let path = format!("/v1/corrections/{}", correction["id"].as_str().unwrap());
    town.post(&format!("{path}/reject"), json!({}))
        .await
        .is(200);
    assert_eq!(town.get(&path).await.is(200)["status"], "rejected");
    town.post(&format!("{path}/approve"), json!({}))
        .await
        .problem(409, "wrong_state");
    let path = town.caught_up("/v1/corrections?status=rejected").await;
    let list = town.get(&path).await.is(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(town.balance(&one).await, "5");
}
