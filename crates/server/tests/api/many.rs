//! Several at once: splits, transfers, groups, batches.

use crate::town::{Town, eur, id, payment, text};
use serde_json::{Value, json};

#[tokio::test]
async fn splits_transfers_and_groups() {
    let town = Town::new().await;
    let (payer, a, b) = (
        town.wallet("10").await,
        town.wallet("0").await,
        town.wallet("0").await,
    );
    let payees = json!([{"wallet": a, "weight": 2}, {"wallet": b, "weight": 1}]);
    let split = json!({"payer": payer, "payees": payees, "amount": eur("1")});
    town.post("/v1/payments", split).await.is(201);
    assert_eq!(town.balance(&a).await, "0.666666667");
    assert_eq!(town.balance(&b).await, "0.333333333");
    let moved = town
        .post(
            "/v1/transfers",
            json!({"from": payer, "to": a, "amount": eur("1")}),
        )
        .await
        .is(201);
    let shown = town
        .get(&format!("/v1/transfers/{}", text(&moved["id"])))
        .await
        .is(200);
    assert_eq!(shown, moved);
    let same = json!({"from": payer, "to": payer, "amount": eur("1")});
    assert_eq!(
        town.post("/v1/transfers", same)
            .await
            .problem(422, "same_wallet")["field"],
        "to"
    );

    let items = json!([
        {"payment": payment(&payer, &a, "1")},
        {"transfer": {"from": a, "to": b, "amount": eur("0.5")}},
    ]);
    let group = json!({ "items": items }).to_string();
    let key = [("idempotency-key", "both")];
    let done = town
        .ask(&town.admin, "POST", "/v1/groups", &key, Some(&group))
        .await
        .is(201);
    assert_eq!(done["items"][1]["kind"], "transfer.made");
    let again = town
        .ask(&town.admin, "POST", "/v1/groups", &key, Some(&group))
        .await;
    assert_eq!(again.is(201), done);
    assert!(again.replayed());
    let items =
        json!([{"payment": payment(&payer, &a, "1")}, {"payment": payment(&payer, &a, "100")}]);
    let before = town.balance(&payer).await;
    let refused = town
        .post("/v1/groups", json!({"items": items}))
        .await
        .problem(402, "insufficient_funds");
    assert_eq!(refused["item"], 1);
    assert_eq!(town.balance(&payer).await, before, "all or nothing");
}

#[tokio::test]
async fn a_batch_answers_line_by_line() {
    let town = Town::new().await;
    let (payer, payee) = (town.wallet("10").await, town.wallet("0").await);
    let good = payment(&payer, &payee, "1").to_string();
    let lines = [
        good.as_str(),
        "{",
        "",
        &payment(&payer, &payee, "100").to_string(),
        r#"{"payer":1}"#,
        &good,
    ]
    .join("\n");
    let headers = [
        ("content-type", "application/x-ndjson"),
        ("idempotency-key", "batch-1"),
    ];
    let send = || {
        let request = axum::http::Request::post("/v1/payments/batch")
            .header("authorization", format!("Bearer {}", town.admin))
            .header(headers[0].0, headers[0].1)
            .header(headers[1].0, headers[1].1);
        town.send(request.body(lines.clone().into()).unwrap())
    };
    let reply = send().await;
    let read = |text: &str| -> Vec<Value> {
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let results = read(&reply.text);
    let brief: Vec<_> = results
        .iter()
        .map(|r| (r["line"].as_u64().unwrap(), r["status"].as_u64().unwrap()))
        .collect();
    assert_eq!(brief, [(1, 201), (2, 400), (4, 402), (5, 422), (6, 201)]);
    assert_eq!(results[1]["problem"]["line"], 2);
    assert_eq!(results[3]["problem"]["field"], "payer");
    assert_eq!(town.balance(&payee).await, "2");
    assert_eq!(
        read(&send().await.text)[0]["payment"],
        results[0]["payment"]
    );
    assert_eq!(
        town.balance(&payee).await,
        "2",
        "a batch repeated pays nothing twice"
    );
    let wrong = town
        .ask(&town.admin, "POST", "/v1/payments/batch", &[], Some("{}"))
        .await;
    wrong.problem(415, "unsupported_media_type");
}

#[tokio::test]
async fn a_transfer_that_was_refused_is_listed_with_transfers_and_refusals_not_payments() {
    let town = Town::new().await;
    let (from, to) = (town.wallet("1").await, town.wallet("0").await);
    let made = json!({"from": from, "to": to, "amount": eur("1")});
    let made = town.post("/v1/transfers", made).await.is(201)["id"].clone();
    let refused = id(&town, "trf");
    let too_much = json!({"id": refused, "from": from, "to": to, "amount": eur("2")});
    let denied = || town.post("/v1/transfers", too_much.clone());
    denied().await.problem(402, "insufficient_funds");
    denied().await.problem(402, "insufficient_funds");
    let pays = town.post("/v1/payments", payment(&from, &to, "3")).await;
    let not_paid = pays.problem(402, "insufficient_funds")["id"].clone();
    let listed = async |path: &str| {
        let list = town.get(&town.caught_up(path).await).await.is(200);
        let items = list["items"].as_array().unwrap().iter();
        let items = items.map(|item| (item["id"].clone(), item["kind"].clone()));
        items.collect::<Vec<_>>()
    };
    let of = |id: &Value, kind: &str| (id.clone(), json!(kind));
    let refused = json!(refused);
    let not_moved = of(&refused, "transfer.refused");
    assert_eq!(
        listed("/v1/transfers").await,
        [not_moved.clone(), of(&made, "transfer.made")]
    );
    assert_eq!(
        listed("/v1/transfers?kind=transfer.refused").await,
        std::slice::from_ref(&not_moved)
    );
    assert_eq!(
        listed("/v1/refusals").await,
        [of(&not_paid, "refused"), not_moved.clone()]
    );
    assert_eq!(listed("/v1/payments").await, [of(&not_paid, "refused")]);
    let own = format!("/v1/transfers/{}", text(&refused));
    let shown = town.get(&own).await.is(200);
    assert_eq!(
        (&shown["status"], &shown["code"], &shown["amount"]),
        (&json!("denied"), &json!("insufficient_funds"), &eur("2"))
    );
    assert_eq!((&shown["from"], &shown["to"]), (&json!(from), &json!(to)));
}
