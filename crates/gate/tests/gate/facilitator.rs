//! Other sellers of the ledger have payments verified and settled.

use crate::stage::{GIFT, PRICE, Stage, now};
use base64::{Engine, prelude::BASE64_STANDARD};
use gate::Secret;
use gate::payer::{Made, Ours};
use serde_json::{Value, json};

const URL: &str = "https://other.example/a";

/// What another seller asks for its page.
async fn asked(stage: &Stage, amount: i128, pay_to: &str) -> Value {
    let ours = stage.get("/articles/a", &[]).await;
    let required = BASE64_STANDARD.decode(ours.text("payment-required"));
    let required: Value = serde_json::from_slice(&required.unwrap()).unwrap();
    let mut asked = required["accepts"][0].clone();
    asked["amount"] = amount.to_string().into();
    asked["payTo"] = pay_to.into();
    asked["extra"]["request"] = gate::request_hash("GET", URL, None).into();
    asked
}

/// What a payer sends that seller for it.
fn paid(asked: &Value, payer: &Secret) -> Value {
    let required = json!({ "x402Version": 2, "resource": { "url": URL }, "accepts": [asked] });
    let made = Made {
        method: "GET",
        url: URL,
        digest: None,
    };
    let offer = Ours::read(&BASE64_STANDARD.encode(required.to_string()), made).unwrap();
    let payload = offer.pay(payer, now(), None).unwrap();
    serde_json::from_slice(&BASE64_STANDARD.decode(payload).unwrap()).unwrap()
}

async fn ask(stage: &Stage, what: &str, payment: &Value, asked: &Value) -> Value {
    let body = json!({ "x402Version": 2, "paymentPayload": payment, "paymentRequirements": asked });
    let path = format!("/.well-known/farthing/{what}");
    let answer = stage.send("POST", &path, &[], &body.to_string()).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    answer.json()
}

async fn refusals(stage: &Stage, payment: &Value, asked: &Value) -> [Value; 2] {
    let verified = ask(stage, "verify", payment, asked).await;
    assert_eq!(verified["isValid"], false, "{verified}");
    let settled = ask(stage, "settle", payment, asked).await;
    assert_eq!(settled["success"], false, "{settled}");
    [
        verified["invalidReason"].clone(),
        settled["errorReason"].clone(),
    ]
}

#[tokio::test]
async fn a_payment_to_another_seller_is_verified_and_made_once() {
    let stage = Stage::set().await;
    let (payer, other) = (stage.payer(1).await, stage.payer(2).await);
    let other = stage.wallet(&other);
    let asked = asked(&stage, PRICE, &other.to_string()).await;
    let payment = paid(&asked, &payer);
    for _ in 0..2 {
        let verified = ask(&stage, "verify", &payment, &asked).await;
        let wallet = stage.wallet(&payer).to_string();
        assert_eq!(verified, json!({ "isValid": true, "payer": wallet }));
    }
    let settled = ask(&stage, "settle", &payment, &asked).await;
    assert_eq!(settled["success"], true, "{settled}");
    assert_eq!(settled["amount"], PRICE.to_string());
    assert!(settled["transaction"].as_str().unwrap().starts_with("pay_"));
    let used = "invalid_exact_farthing_nonce_used";
    assert_eq!(refusals(&stage, &payment, &asked).await, [used, used]);
    assert_eq!(stage.funds(stage.wallet(&payer)).await, (GIFT - PRICE, 0));
    assert_eq!(stage.funds(other).await, (GIFT + PRICE, 0));
}

#[tokio::test]
async fn a_seller_that_lost_the_answer_gets_it_again_under_its_key() {
    let stage = Stage::set().await;
    let payer = stage.payer(1).await;
    let seller = stage.teller.seller().to_string();
    let asked = asked(&stage, PRICE, &seller).await;
    let settle = async |payment: &Value, key: &str| {
        let body =
            json!({ "x402Version": 2, "paymentPayload": payment, "paymentRequirements": asked });
        let (path, body) = ("/.well-known/farthing/settle", body.to_string());
        let headers = [("idempotency-key", key)];
        stage.send("POST", path, &headers, &body).await
    };
    let payment = paid(&asked, &payer);
    let first = settle(&payment, "one").await;
    assert_eq!(first.json()["success"], true);
    let again = settle(&payment, "one").await;
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(again.text("content-type"), first.text("content-type"));
    let used = "invalid_exact_farthing_nonce_used";
    let replayed = settle(&payment, "two").await;
    assert_eq!(replayed.json()["errorReason"], used);
    // A key is for one payment, and is a word.
    let another = paid(&asked, &payer);
    assert_eq!(settle(&another, "one").await.status, 409);
    assert_eq!(settle(&another, "").await.status, 400);
    stage.spent(&payer, PRICE).await;
}

#[tokio::test]
async fn what_its_payer_did_not_sign_is_not_settled() {
    let stage = Stage::set().await;
    let payer = stage.payer(1).await;
    let seller = stage.teller.seller().to_string();
    let asked = asked(&stage, PRICE, &seller).await;
    let payment = paid(&asked, &payer);
    let other = stage.wallet(&stage.payer(2).await).to_string();
    // What is changed, to what, and why that is refused when the requirements alone say it, and
    // when what the payer is said to have accepted says it too.
    let requirements = "invalid_payment_requirements";
    let signature = "invalid_exact_farthing_signature";
    let network = "farthing:00000000000000000000000000000001";
    let request = json!({ "version": "1", "scale": 9, "request": "another-page" });
    let rows: [(&str, Value, &str, &str); 8] = [
        ("amount", "1".into(), requirements, signature),
        ("amount", "0".into(), requirements, requirements),
        ("amount", "05000000".into(), requirements, requirements),
        ("payTo", other.into(), requirements, signature),
        ("asset", "EUR".into(), requirements, requirements),
        (
            "network",
            network.into(),
            "invalid_network",
            "invalid_network",
        ),
        (
            "scheme",
            "upto".into(),
            "unsupported_scheme",
            "unsupported_scheme",
        ),
        (
            "extra",
            request,
            "invalid_exact_farthing_request_mismatch",
            signature,
        ),
    ];
    for (field, to, alone, both) in rows {
        let (mut asked, mut payment) = (asked.clone(), payment.clone());
        asked[field] = to;
        assert_eq!(refusals(&stage, &payment, &asked).await, [alone, alone]);
        payment["accepted"] = asked.clone();
        assert_eq!(refusals(&stage, &payment, &asked).await, [both, both]);
    }
    let none = refusals(&stage, &json!({}), &asked).await;
    assert_eq!(none, ["invalid_payload", "invalid_payload"]);

    let dear = self::asked(&stage, GIFT + 1, &seller).await;
    let funds = refusals(&stage, &paid(&dear, &payer), &dear).await;
    assert_eq!(funds, ["insufficient_funds", "insufficient_funds"]);
    let key = "invalid_exact_farthing_unknown_key";
    let unknown = paid(&asked, &Secret::new(&[9; 32]));
    assert_eq!(refusals(&stage, &unknown, &asked).await, [key, key]);
    stage.spent(&payer, 0).await;
}
