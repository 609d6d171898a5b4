//! One tenant never sees another's things, and a regulator's every read is written down.

use crate::town::{Town, eur, payment, text};
use identity::Scope;
use serde_json::{Value, json};

#[tokio::test]
async fn nothing_of_one_tenant_can_be_reached_by_another() {
    let town = Town::new().await;
    let (a, b) = (town.wallet("10").await, town.wallet("1").await);
    let party = town.get(&format!("/v1/wallets/{a}")).await.is(200)["party"].clone();
    let mut held = payment(&a, &b, "1");
    held["capture"] = json!("manual");
    let held = text(&town.post("/v1/payments", held).await.is(201)["id"]);
    let paid = text(
        &town
            .post("/v1/payments", payment(&a, &b, "1"))
            .await
            .is(201)["id"],
    );
    let topup = json!({"wallet": a, "amount": eur("1"), "source": "card"});
    let topup = text(&town.post("/v1/topups", topup).await.is(201)["id"]);
    let out = text(
        &town
            .post("/v1/withdrawals", json!({"wallet": a, "amount": eur("1")}))
            .await
            .is(201)["id"],
    );
    let moved = json!({"from": a, "to": b, "amount": eur("1")});
    let moved = text(&town.post("/v1/transfers", moved).await.is(201)["id"]);
    let mandate =
        json!({"payer": a, "agent": party, "asset": "EUR", "expires_at": "2100-01-01T00:00:00Z"});
    let mandate = text(&town.post("/v1/mandates", mandate).await.is(201)["id"]);
    let refund = text(
        &town
            .post(
                &format!("/v1/payments/{paid}/refund"),
                json!({"amount": eur("0.1")}),
            )
            .await
            .is(201)["id"],
    );
    let dispute = json!({"payment": paid, "amount": eur("0.1")});
    let dispute = text(&town.post("/v1/disputes", dispute).await.is(201)["id"]);
    let accounts = town
        .get(&town.caught_up("/v1/ledger/accounts?class=wallet").await)
        .await
        .is(200);
    let no = |at: usize| accounts["items"][at]["no"].clone();
    let postings =
        json!([{"account": no(0), "amount": "-0.1"}, {"account": no(1), "amount": "0.1"}]);
    let correction = json!({"postings": postings, "reason": "x"});
    let correction = text(
        &town
            .post("/v1/corrections", correction.clone())
            .await
            .is(201)["id"],
    );
    let key = town
        .post("/v1/keys", json!({"scopes": ["keys:read"], "label": "k"}))
        .await
        .is(201);
    let key = text(&key["key"]["id"]);
    let party = text(&party);
    let pay = payment(&a, &b, "1");
    let rows: Vec<(&str, String, Option<Value>)> = vec![
        ("GET", format!("/v1/parties/{party}"), None),
        (
            "PATCH",
            format!("/v1/parties/{party}"),
            Some(json!({"tier": 1})),
        ),
        ("GET", format!("/v1/wallets/{a}"), None),
        (
            "PATCH",
            format!("/v1/wallets/{a}"),
            Some(json!({"standing": "frozen"})),
        ),
        (
            "PUT",
            format!("/v1/wallets/{a}/credit"),
            Some(json!({"limit": eur("1")})),
        ),
        ("GET", format!("/v1/wallets/{a}/statement"), None),
        (
            "POST",
            format!("/v1/wallets/{a}/earned/settle"),
            Some(json!({"origin": "card", "amount": eur("1")})),
        ),
        ("GET", format!("/v1/payments/{paid}"), None),
        ("POST", "/v1/payments".into(), Some(pay.clone())),
        (
            "POST",
            format!("/v1/payments/{held}/capture"),
            Some(json!({})),
        ),
        (
            "POST",
            format!("/v1/payments/{held}/capture"),
            Some(json!({"amount": eur("1")})),
        ),
        ("POST", format!("/v1/payments/{held}/void"), None),
        (
            "POST",
            format!("/v1/step-ups/{held}/confirm"),
            Some(json!({"factors": [], "amount": eur("1"), "payee": b})),
        ),
        (
            "POST",
            format!("/v1/payments/{paid}/refund"),
            Some(json!({})),
        ),
        ("GET", format!("/v1/refunds/{refund}"), None),
        (
            "POST",
            "/v1/transfers".into(),
            Some(json!({"from": a, "to": b, "amount": eur("1")})),
        ),
        ("GET", format!("/v1/transfers/{moved}"), None),
        (
            "POST",
            "/v1/groups".into(),
            Some(json!({"items": [{"payment": pay}]})),
        ),
        (
            "POST",
            "/v1/topups".into(),
            Some(json!({"wallet": a, "amount": eur("1"), "source": "card"})),
        ),
        ("GET", format!("/v1/topups/{topup}"), None),
        ("POST", format!("/v1/topups/{topup}/settle"), None),
        (
            "POST",
            format!("/v1/topups/{topup}/reverse"),
            Some(json!({})),
        ),
        (
            "POST",
            "/v1/withdrawals".into(),
            Some(json!({"wallet": a, "amount": eur("1")})),
        ),
        ("GET", format!("/v1/withdrawals/{out}"), None),
        ("POST", format!("/v1/withdrawals/{out}/send"), None),
        ("POST", format!("/v1/withdrawals/{out}/settle"), None),
        ("POST", format!("/v1/withdrawals/{out}/return"), None),
        (
            "POST",
            "/v1/mandates".into(),
            Some(
                json!({"payer": a, "agent": party, "asset": "EUR", "expires_at": "2100-01-01T00:00:00Z"}),
            ),
        ),
        ("GET", format!("/v1/mandates/{mandate}"), None),
        ("POST", format!("/v1/mandates/{mandate}/revoke"), None),
        (
            "POST",
            "/v1/disputes".into(),
            Some(json!({"payment": paid})),
        ),
        ("GET", format!("/v1/disputes/{dispute}"), None),
        (
            "POST",
            format!("/v1/disputes/{dispute}/resolve"),
            Some(json!({"verdict": "payer_wins"})),
        ),
        (
            "POST",
            "/v1/corrections".into(),
            Some(json!({"postings": postings, "reason": "x"})),
        ),
        ("GET", format!("/v1/corrections/{correction}"), None),
        (
            "POST",
            format!("/v1/corrections/{correction}/approve"),
            None,
        ),
        ("GET", format!("/v1/keys/{key}"), None),
        ("POST", format!("/v1/keys/{key}/revoke"), None),
        (
            "GET",
            format!("/v1/tenants/ten_{:032x}", town.tenants[0]),
            None,
        ),
        ("POST", "/v1/wallets".into(), Some(json!({"party": party}))),
    ];
    for (method, path, body) in rows {
        let body = body.map(|body| body.to_string());
        let reply = town
            .ask(&town.other, method, &path, &[], body.as_deref())
            .await;
        assert_eq!(
            reply.status.as_u16(),
            404,
            "{method} {path}: {}",
            reply.text
        );
        reply.problem(404, "not_found");
    }
    for path in [
        "/v1/parties",
        "/v1/wallets",
        "/v1/payments",
        "/v1/topups",
        "/v1/withdrawals",
        "/v1/mandates",
        "/v1/disputes",
        "/v1/corrections",
        "/v1/refusals",
        "/v1/ledger/accounts",
        "/v1/ledger/access-log",
    ] {
        let seq = town.get("/ready").await.is(200)["seq"].as_u64().unwrap();
        let path = if path.ends_with("log") {
            path.to_owned()
        } else {
            format!("{path}?min_seq={seq}")
        };
        let list = town.ask(&town.other, "GET", &path, &[], None).await.is(200);
        assert_eq!(list["items"], json!([]), "{path}");
    }
    let trial = town
        .ask(&town.other, "GET", "/v1/ledger/trial-balance", &[], None)
        .await
        .is(200);
    assert_eq!(trial["assets"], json!([]));
    let export = town
        .ask(&town.other, "GET", "/v1/ledger/export", &[], None)
        .await;
    assert!(!export.text.contains("payment"), "{}", export.text);
}

#[tokio::test]
async fn a_regulator_reads_and_every_read_is_written_down() {
    let town = Town::new().await;
    let (a, b) = (town.wallet("10").await, town.wallet("0").await);
    let paid = text(
        &town
            .post("/v1/payments", payment(&a, &b, "1"))
            .await
            .is(201)["id"],
    );
    let regulator = town.key(&[Scope::RegulatorRead]);
    let paths = [
        format!("/v1/payments/{paid}"),
        "/v1/ledger/trial-balance".to_owned(),
        "/v1/refusals?limit=5".to_owned(),
        "/v1/ledger/export".to_owned(),
    ];
    for path in &paths {
        let reply = town.ask(&regulator, "GET", path, &[], None).await;
        assert_eq!(reply.status.as_u16(), 200, "{path}: {}", reply.text);
    }
    let pay = payment(&a, &b, "1").to_string();
    town.ask(&regulator, "POST", "/v1/payments", &[], Some(&pay))
        .await
        .problem(403, "scope_missing");
    let log = town.get("/v1/ledger/access-log").await.is(200);
    let logged: Vec<String> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|row| text(&row["path"]))
        .collect();
    let expected: Vec<String> = paths
        .iter()
        .map(|p| p.split('?').next().unwrap().to_owned())
        .collect();
    assert_eq!(logged, expected);
    assert_eq!(log["items"][1]["query"], "limit=5");
}

#[tokio::test]
async fn another_tenants_account_is_not_there_whatever_the_amount() {
    let town = Town::new().await;
    let wallet = town.wallet("0").await;
    let amount = json!({"amount": "1", "asset": "JPY"});
    let topup = json!({"wallet": wallet, "amount": amount, "source": "bank", "spendable": true});
    town.post("/v1/topups", topup).await.is(201);
    let accounts = town
        .get(&town.caught_up("/v1/ledger/accounts?class=wallet").await)
        .await
        .is(200);
    let no = accounts["items"][0]["no"].as_u64().unwrap();
    let mut answers = Vec::new();
    for account in [no, 1_000_000] {
        let leg = |amount: &str| json!({"account": account, "amount": amount});
        let postings = json!([leg("0.000000001"), leg("-1")]);
        let body = json!({"postings": postings, "reason": "x"}).to_string();
        let asked = town.ask(&town.other, "POST", "/v1/corrections", &[], Some(&body));
        let problem = asked.await.problem(404, "not_found");
        answers.push((problem["detail"].clone(), problem["field"].clone()));
    }
    assert_eq!(answers[0], answers[1]);
}
