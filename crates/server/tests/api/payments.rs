//! A payment: made once, shown with its reasons, denied for good.

use crate::town::{Town, eur, id, payment};
use identity::Scope;
use serde_json::json;

#[tokio::test]
async fn a_payment_is_made_once_and_shown_with_its_reasons() {
    let town = Town::new().await;
    let terms = json!({"fee": {"share": "0.1"}, "tax": [{"country": "FR", "rate": "0.2"}]});
    town.put("/v1/terms", terms).await.is(200);
    let (payer, payee) = (town.wallet("10").await, town.wallet("0").await);
    let pay = id(&town, "pay");
    let mut body = payment(&payer, &payee, "1.2");
    body["id"] = json!(pay);
    body["reference"] = json!("A-1");
    body["metadata"] = json!({"order": "17"});
    let first = town.post("/v1/payments", body.clone()).await;
    let paid = first.is(201);
    assert!(!first.replayed());
    assert_eq!(paid["status"], "paid");
    assert_eq!(paid["tax"]["amount"], "0.2");
    assert_eq!(paid["fee"]["amount"], "0.12");
    assert_eq!(paid["payer"], json!(payer));
    assert_eq!(town.balance(&payee).await, "0.88");

    let again = town.post("/v1/payments", body.clone()).await;
    assert_eq!(again.is(201), paid);
    assert!(again.replayed());
    body["amount"] = eur("1.3");
    assert_eq!(
        town.post("/v1/payments", body.clone())
            .await
            .problem(422, "id_reused")["field"],
        "amount"
    );
    body["amount"] = eur("1.2");
    body["reference"] = json!("A-2");
    assert_eq!(
        town.post("/v1/payments", body)
            .await
            .problem(422, "id_reused")["field"],
        "reference"
    );

    let shown = town.get(&format!("/v1/payments/{pay}")).await.is(200);
    assert_eq!(shown["reference"], "A-1");
    assert_eq!(shown["metadata"]["order"], "17");
    assert_eq!(shown["trace"]["verdict"], "allow");
    assert!(shown["postings"].as_array().unwrap().len() >= 4);
    let seller = town.key(&[Scope::PaymentsRead]);
    let seen = town
        .ask(&seller, "GET", &format!("/v1/payments/{pay}"), &[], None)
        .await
        .is(200);
    assert!(seen.get("postings").is_none(), "entries are for staff");
    assert_eq!(seen["trace"]["rules"], json!([]));

    let seq = paid["seq"].as_u64().unwrap();
    let list = town
        .get(&format!("/v1/payments?min_seq={seq}"))
        .await
        .is(200);
    assert!(list["as_of"].as_u64().unwrap() >= seq);
    assert_eq!(list["items"][0]["kind"], "payment.paid");
    let lines = town
        .get(&format!("/v1/wallets/{payee}/statement?min_seq={seq}"))
        .await
        .is(200);
    assert_eq!(lines["items"][0]["amount"], "0.88");
}

#[tokio::test]
async fn a_key_is_an_id_and_both_must_agree() {
    let town = Town::new().await;
    let (payer, payee) = (town.wallet("10").await, town.wallet("0").await);
    let body = payment(&payer, &payee, "1").to_string();
    let pay = |key: String| {
        let (town, body) = (&town, &body);
        async move {
            let headers = [("idempotency-key", key.as_str())];
            town.ask(&town.admin, "POST", "/v1/payments", &headers, Some(body))
                .await
        }
    };
    let first = pay("order 17".replace(' ', "-")).await;
    let made = first.is(201);
    let again = pay("order-17".into()).await;
    assert_eq!(again.is(201), made);
    assert!(again.replayed() && !first.replayed());
    let uuid = id(&town, "pay");
    assert_eq!(pay(uuid.clone()).await.is(201)["id"], json!(uuid));
    assert_eq!(town.balance(&payee).await, "2");
    pay("not ok".into()).await.problem(400, "bad_header");
    let mut both = payment(&payer, &payee, "1");
    both["id"] = json!(id(&town, "pay"));
    let headers = [("idempotency-key", uuid.as_str())];
    let reply = town
        .ask(
            &town.admin,
            "POST",
            "/v1/payments",
            &headers,
            Some(&both.to_string()),
        )
        .await;
    assert_eq!(reply.problem(409, "id_mismatch")["field"], "id");
}

#[tokio::test]
async fn a_denial_is_final_and_says_what_would_help() {
    let town = Town::new().await;
    let (payer, payee) = (town.wallet("1").await, town.wallet("0").await);
    let mut body = payment(&payer, &payee, "3");
    let pay = id(&town, "pay");
    body["id"] = json!(pay);
    let denied = town
        .post("/v1/payments", body.clone())
        .await
        .problem(402, "insufficient_funds");
    assert_eq!(denied["id"], json!(pay));
    assert_eq!(
        (&denied["asked"], &denied["limit"]),
        (&json!("3"), &json!("1"))
    );
    assert_eq!(
        denied["remedy"],
        json!({"action": "top_up", "amount": "2", "asset": "EUR"})
    );
    let topup = json!({"wallet": payer, "amount": eur("5"), "source": "card", "spendable": true});
    town.post("/v1/topups", topup).await.is(201);
    let again = town.post("/v1/payments", body).await;
    again.problem(402, "insufficient_funds");
    assert!(again.replayed(), "denied is denied for that id");
    let shown = town.get(&format!("/v1/payments/{pay}")).await.is(200);
    assert_eq!(
        (&shown["status"], &shown["trace"]["code"]),
        (&json!("denied"), &json!("insufficient_funds"))
    );
    let refused = town
        .get(&format!("/v1/refusals?min_seq={}", shown["seq"]))
        .await
        .is(200);
    assert_eq!(refused["items"][0]["code"], "insufficient_funds");

    let limits = json!({"asset": "EUR", "tiers": [
        {"per_payment": "1"}, {}, {"per_payment": "100"}, {}, {}
    ]});
    town.put(
        "/v1/terms",
        json!({"limits": limits, "risk": {"deny_at": 900}}),
    )
    .await
    .is(200);
    let denied = town
        .post("/v1/payments", payment(&payer, &payee, "2"))
        .await
        .problem(403, "limit_per_payment");
    assert_eq!(denied["remedy"], json!({"action": "verify", "tier": 1}));
    let mut risky = payment(&payer, &payee, "1");
    risky["risk_score"] = json!(950);
    town.post("/v1/payments", risky.clone())
        .await
        .problem(403, "risk_declined");
    let seller = town.key(&[Scope::PaymentsWrite]);
    let neutral = town
        .ask(
            &seller,
            "POST",
            "/v1/payments",
            &[],
            Some(&risky.to_string()),
        )
        .await;
    assert!(
        neutral.problem(403, "declined").get("limit").is_none(),
        "fraud rules are not told to sellers"
    );
    town.patch(
        &format!("/v1/wallets/{payer}"),
        json!({"standing": "frozen"}),
    )
    .await
    .is(200);
    town.post("/v1/payments", payment(&payer, &payee, "1"))
        .await
        .problem(403, "wallet_frozen");
}
