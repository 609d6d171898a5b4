//! Mandates, disputes, corrections.

use crate::town::{Town, eur, payment, text};
use identity::Scope;
use serde_json::json;

#[tokio::test]
async fn mandates_disputes_and_corrections() {
    let town = Town::new().await;
    let (payer, payee) = (town.wallet("10").await, town.wallet("0").await);
    let agent = town
        .post(
            "/v1/parties",
            json!({"kind": "agent", "country": "ZZ", "name": "Bot"}),
        )
        .await
        .is(201);
    let agent_path = format!("/v1/parties/{}", text(&agent["id"]));
    assert_eq!(town.get(&agent_path).await.is(200)["name"], "Bot");
    let mandate = json!({
        "payer": payer, "agent": agent["id"], "asset": "EUR", "per_payment": "1", "payees": [payee],
        "expires_at": "2100-01-01T00:00:00Z",
    });
    let mandate = town.post("/v1/mandates", mandate).await.is(201);
    let mut pay = payment(&payer, &payee, "1");
    pay["mandate"] = mandate["id"].clone();
    let paid = town.post("/v1/payments", pay.clone()).await.is(201);
    pay["amount"] = eur("2");
    town.post("/v1/payments", pay.clone())
        .await
        .problem(403, "mandate_per_payment");
    let path = format!("/v1/mandates/{}", text(&mandate["id"]));
    town.post(&format!("{path}/revoke"), json!({}))
        .await
        .is(200);
    assert_eq!(town.get(&path).await.is(200)["status"], "revoked");
    pay["amount"] = eur("1");
    town.post("/v1/payments", pay)
        .await
        .problem(403, "mandate_revoked");

    let dispute = town
        .post("/v1/disputes", json!({"payment": paid["id"]}))
        .await
        .is(201);
    assert_eq!(dispute["amount"]["amount"], "1");
    assert_eq!(town.balance(&payee).await, "0");
    let path = format!("/v1/disputes/{}", text(&dispute["id"]));
    town.post(&format!("{path}/resolve"), json!({"verdict": "payee_wins"}))
        .await
        .is(200);
    assert_eq!(town.get(&path).await.is(200)["status"], "won");
    assert_eq!(town.balance(&payee).await, "1");

    let accounts = town
        .get(&town.caught_up("/v1/ledger/accounts?class=wallet").await)
        .await
        .is(200);
    let account = |wallet: &str| {
        let items = accounts["items"].as_array().unwrap();
        items.iter().find(|a| a["wallet"] == wallet).unwrap()["no"].clone()
    };
    let postings = json!([
        {"account": account(&payer), "amount": "-0.5"}, {"account": account(&payee), "amount": "0.5"},
    ]);
    let correction = json!({"postings": postings, "reason": "case 12"});
    let correction = town.post("/v1/corrections", correction).await.is(201);
    let path = format!("/v1/corrections/{}", text(&correction["id"]));
    town.post(&format!("{path}/approve"), json!({}))
        .await
        .problem(403, "same_key");
    let second = town.key(&[Scope::CorrectionsApprove]);
    // Who approves sees what, and whose it is.
    let seen = town.ask(&second, "GET", &path, &[], None).await.is(200);
    assert_eq!(seen["postings"], correction["postings"]);
    assert_eq!(seen["proposer"], correction["proposer"]);
    let legs = seen["postings"].as_array().unwrap();
    let leg = |at: usize| (legs[at]["wallet"].clone(), legs[at]["amount"].clone());
    assert_eq!(leg(0), (json!(payer), json!("-0.5")));
    assert_eq!(leg(1), (json!(payee), json!("0.5")));
    assert_eq!(
        (&legs[0]["class"], &legs[0]["asset"]),
        (&json!("wallet"), &json!("EUR"))
    );
    let waiting = "/v1/corrections?status=proposed";
    town.ask(&second, "GET", waiting, &[], None).await.is(200);
    town.ask(&second, "GET", "/v1/ledger/accounts", &[], None)
        .await
        .problem(403, "scope_missing");
    town.ask(&second, "POST", &format!("{path}/approve"), &[], None)
        .await
        .is(200);
    let made = town.get(&path).await.is(200);
    assert_eq!(
        (&made["status"], &made["reason"]),
        (&json!("made"), &json!("case 12"))
    );
    let unbalanced = json!({"postings": [
        {"account": account(&payer), "amount": "-0.5"}, {"account": account(&payee), "amount": "0.4"},
    ], "reason": "x"});
    town.post("/v1/corrections", unbalanced)
        .await
        .problem(422, "unbalanced");
}
