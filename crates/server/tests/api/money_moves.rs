//! Every resource's happy path, and the repeats and denials that belong to it.

use crate::town::{Town, eur, id, payment};
use identity::Scope;
use serde_json::{Value, json};

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

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
    town.post(&format!("{path}/capture"), json!({}))
        .await
        .problem(404, "not_found");

    let held = town.post("/v1/payments", body).await.is(201);
    let path = format!("/v1/payments/{}", text(&held["id"]));
    town.post(&format!("{path}/void"), json!({})).await.is(200);
    assert_eq!(town.get(&path).await.is(200)["status"], "voided");
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
    let refused = town
        .ask(&shop, "POST", &confirm, &[], Some(&body.to_string()))
        .await;
    refused.problem(403, "scope_missing");
    let mut dearer = body.clone();
    dearer["amount"] = eur("5");
    assert_eq!(
        town.post(&confirm, dearer).await.problem(422, "id_reused")["field"],
        "amount"
    );
    assert_eq!(
        town.post(&confirm, body.clone()).await.is(201)["status"],
        "paid"
    );
    let again = town.post(&confirm, body.clone()).await;
    assert_eq!(again.is(201)["status"], "paid");
    assert!(again.replayed());
    let unknown = format!("/v1/payments/{}/confirm", id(&town, "pay"));
    town.post(&unknown, body).await.problem(404, "not_found");
}

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
async fn money_in_and_out_and_back() {
    let town = Town::new().await;
    let wallet = town.wallet("10").await;
    let topups = town
        .get(&town.caught_up(&format!("/v1/topups?wallet={wallet}")).await)
        .await
        .is(200);
    assert_eq!(topups["items"][0]["status"], "settled");
    let topup = town
        .post(
            "/v1/topups",
            json!({"wallet": wallet, "amount": eur("2"), "source": "bank"}),
        )
        .await
        .is(201);
    let path = format!("/v1/topups/{}", text(&topup["id"]));
    assert_eq!(town.get(&path).await.is(200)["status"], "pending");
    town.post(&format!("{path}/settle"), json!({}))
        .await
        .is(200);
    assert_eq!(town.get(&path).await.is(200)["status"], "settled");
    town.post(&format!("{path}/reverse"), json!({"amount": eur("0.5")}))
        .await
        .is(200);
    town.post(&format!("{path}/reverse"), json!({"amount": eur("5")}))
        .await
        .problem(409, "reversal_exceeds_topup");
    town.post(&format!("{path}/reverse"), json!({}))
        .await
        .is(200);
    assert_eq!(town.get(&path).await.is(200)["status"], "reversed");
    assert_eq!(town.balance(&wallet).await, "10");

    let out = town
        .post(
            "/v1/withdrawals",
            json!({"wallet": wallet, "amount": eur("3")}),
        )
        .await
        .is(201);
    let path = format!("/v1/withdrawals/{}", text(&out["id"]));
    town.post(&format!("{path}/settle"), json!({}))
        .await
        .problem(409, "wrong_state");
    town.post(&format!("{path}/send"), json!({})).await.is(200);
    town.post(&format!("{path}/settle"), json!({}))
        .await
        .is(200);
    assert_eq!(town.get(&path).await.is(200)["status"], "settled");
    let out = town
        .post(
            "/v1/withdrawals",
            json!({"wallet": wallet, "amount": eur("3")}),
        )
        .await
        .is(201);
    town.post(
        &format!("/v1/withdrawals/{}/return", text(&out["id"])),
        json!({}),
    )
    .await
    .is(200);
    assert_eq!(town.balance(&wallet).await, "7");
    let list = town
        .get(&format!("/v1/withdrawals?wallet={wallet}&status=settled"))
        .await;
    assert_eq!(list.is(200)["items"].as_array().unwrap().len(), 1);

    // Paid from what has not settled, income may be spent, not withdrawn.
    let (early, payee) = (town.wallet("0").await, town.wallet("0").await);
    let topup = json!({"wallet": early, "amount": eur("2"), "source": "card", "spendable": true});
    let topup = town.post("/v1/topups", topup).await.is(201);
    town.post("/v1/payments", payment(&early, &payee, "2"))
        .await
        .is(201);
    let shown = town.get(&format!("/v1/wallets/{payee}")).await.is(200);
    assert_eq!(shown["balances"][0]["sources"][0]["origin"], "card");
    town.post(
        "/v1/withdrawals",
        json!({"wallet": payee, "amount": eur("1")}),
    )
    .await
    .problem(403, "source_not_settled");
    let path = format!("/v1/topups/{}/settle", text(&topup["id"]));
    town.post(&path, json!({})).await.is(200);
    let earned = json!({"origin": "card", "amount": eur("2")});
    town.post(&format!("/v1/wallets/{payee}/earned/settle"), earned)
        .await
        .is(200);
    town.post(
        "/v1/withdrawals",
        json!({"wallet": payee, "amount": eur("1")}),
    )
    .await
    .is(201);
    let credit = json!({"limit": eur("5")});
    town.put(&format!("/v1/wallets/{payee}/credit"), credit)
        .await
        .is(200);
    let shown = town.get(&format!("/v1/wallets/{payee}")).await.is(200);
    assert_eq!(shown["balances"][0]["available"], "6");
}

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
        .map(|l| text(&serde_json::from_str::<Value>(l).unwrap()["what"]))
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
