//! Every class of failure is a problem document that names what is wrong.

use crate::town::{Town, config, id, payment};
use axum::body::Body;
use axum::http::Request;
use identity::Scope;
use serde_json::json;
use server::Config;

#[tokio::test]
async fn who_may_not_is_told_so() {
    let town = Town::new().await;
    let ask = |key: String, path: &'static str| {
        let town = &town;
        async move { town.ask(&key, "GET", path, &[], None).await }
    };
    let missing = ask(String::new(), "/v1/wallets").await;
    missing.problem(401, "auth_missing");
    assert_eq!(missing.headers["www-authenticate"], "Bearer");
    ask("fk_test_short".into(), "/v1/wallets")
        .await
        .problem(401, "auth_malformed");
    let mut cut = town.admin.clone();
    cut.pop();
    ask(cut, "/v1/wallets").await.problem(401, "auth_malformed");
    let reader = town.key(&[Scope::PaymentsRead]);
    let refused = ask(reader.clone(), "/v1/wallets")
        .await
        .problem(403, "scope_missing");
    assert!(refused["detail"].as_str().unwrap().contains("wallets:read"));
    let keys = town.key(&[Scope::KeysWrite, Scope::KeysRead]);
    let greedy = json!({"scopes": ["payments:write"], "label": "x"}).to_string();
    let refused = town
        .ask(&keys, "POST", "/v1/keys", &[], Some(&greedy))
        .await;
    assert_eq!(
        refused.problem(403, "scope_not_grantable")["field"],
        "scopes"
    );
    town.ask(
        &town.other,
        "POST",
        "/v1/tenants",
        &[],
        Some(r#"{"mode":"test"}"#),
    )
    .await
    .problem(403, "operator_only");

    let made = town
        .post(
            "/v1/keys",
            json!({"scopes": ["wallets:read"], "label": "till"}),
        )
        .await
        .is(201);
    let secret = made["secret"].as_str().unwrap().to_owned();
    ask(secret.clone(), "/v1/wallets").await.is(200);
    let path = format!("/v1/keys/{}", made["key"]["id"].as_str().unwrap());
    assert!(!town.get(&path).await.text.contains(&secret));
    town.post(&format!("{path}/revoke"), json!({}))
        .await
        .is(200);
    ask(secret, "/v1/wallets")
        .await
        .problem(401, "auth_revoked");
    let listed = town.get("/v1/keys?limit=1").await.is(200);
    let next = listed["next"].as_str().unwrap();
    let rest = town.get(&format!("/v1/keys?cursor={next}")).await.is(200);
    assert!(
        rest["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|key| key["id"] != listed["items"][0]["id"])
    );
}

#[tokio::test]
async fn what_cannot_be_read_or_meant_is_named() {
    let town = Town::new().await;
    let (a, b) = (town.wallet("1").await, town.wallet("0").await);
    let unknown = id(&town, "wal");
    let with = |field: &str, value: serde_json::Value| {
        let mut body = payment(&a, &b, "1");
        body[field] = value;
        body
    };
    let rows = [
        (json!([]), 422, "malformed", ""),
        (with("amount", json!("1")), 422, "malformed", "amount"),
        (
            with("amount", json!({"amount": 1, "asset": "EUR"})),
            422,
            "malformed",
            "amount.amount",
        ),
        (
            with("amount", json!({"amount": "1", "asset": "ABC"})),
            404,
            "not_found",
            "amount.asset",
        ),
        (
            with("amount", json!({"amount": "0.12345678", "asset": "JPY"})),
            422,
            "amount_invalid",
            "amount.amount",
        ),
        (
            with("amount", json!({"amount": "99999999999", "asset": "EUR"})),
            422,
            "amount_invalid",
            "amount.amount",
        ),
        (
            with("amount", json!({"amount": "0", "asset": "EUR"})),
            422,
            "amount_zero",
            "amount",
        ),
        (with("payer", json!(unknown)), 404, "not_found", "payer"),
        (with("payee", json!(unknown)), 404, "not_found", "payee"),
        (with("payee", json!(a)), 422, "same_wallet", "payee"),
        (with("payee", json!(null)), 422, "malformed", "payee"),
        (with("payees", json!([])), 422, "malformed", "payees"),
        (
            with("expires_at", json!("2100-01-01T00:00:00Z")),
            422,
            "malformed",
            "expires_at",
        ),
        (
            with("risk_score", json!(1001)),
            422,
            "malformed",
            "risk_score",
        ),
        (with("reference", json!("")), 422, "malformed", "reference"),
        (
            with("metadata", json!({"": "x"})),
            422,
            "malformed",
            "metadata",
        ),
        (with("colour", json!("red")), 422, "malformed", "colour"),
        (with("id", json!("pay_1")), 422, "malformed", "id"),
        (
            with("id", json!("pay_00000000000070008000000000000001")),
            409,
            "id_expired",
            "id",
        ),
        (
            with("id", json!("pay_ffffffffffff70008000000000000001")),
            409,
            "id_in_future",
            "id",
        ),
    ];
    for (body, status, code, field) in rows {
        let problem = town
            .post("/v1/payments", body.clone())
            .await
            .problem(status, code);
        assert_eq!(
            problem["field"].as_str().unwrap_or(""),
            field,
            "{body}: {problem}"
        );
        assert!(problem.get("id").is_none(), "nothing is final: {problem}");
    }
    let broken = town
        .ask(
            &town.admin,
            "POST",
            "/v1/payments",
            &[],
            Some("{\n\"payer\":\n}"),
        )
        .await;
    assert_eq!(broken.problem(400, "bad_json")["line"], 3);
    let plain =
        Request::post("/v1/payments").header("authorization", format!("Bearer {}", town.admin));
    let plain = plain
        .header("content-type", "text/plain")
        .body(Body::from("{}"))
        .unwrap();
    town.send(plain)
        .await
        .problem(415, "unsupported_media_type");
    let long = format!("{{\"description\": \"{}\"}}", "x".repeat(1024 * 1024));
    town.ask(&town.admin, "POST", "/v1/payments", &[], Some(&long))
        .await
        .problem(413, "too_large");
    for (path, field) in [
        ("/v1/parties?limit=0", "limit"),
        ("/v1/parties?limit=1001", "limit"),
        ("/v1/parties?cursor=x", "cursor"),
        ("/v1/parties?colour=red", "colour"),
        ("/v1/events?kind=nothing", "kind"),
    ] {
        assert_eq!(
            town.get(path).await.problem(400, "bad_query")["field"],
            field,
            "{path}"
        );
    }
    assert_eq!(
        town.get("/v1/parties?min_seq=999999")
            .await
            .problem(404, "not_found")["field"],
        "min_seq"
    );
    town.get("/v1/nothing").await.problem(404, "no_such_path");
    let wrong = town
        .ask(&town.admin, "DELETE", "/v1/payments", &[], None)
        .await;
    wrong.problem(405, "method_not_allowed");
    let allow = wrong.headers["allow"].to_str().unwrap();
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
}

#[tokio::test]
async fn a_key_that_asks_too_often_waits_and_others_do_not() {
    let town = Town::with(Config {
        requests_per_second: 1,
        requests_burst: 3,
        ..config()
    })
    .await;
    let first = town.get("/v1/assets").await;
    assert_eq!(first.headers["ratelimit-policy"], "\"key\";q=3;w=3");
    assert!(
        first.headers["ratelimit"]
            .to_str()
            .unwrap()
            .starts_with("\"key\";r=2;t=")
    );
    town.get("/v1/assets").await.is(200);
    town.get("/v1/assets").await.is(200);
    let refused = town.get("/v1/assets").await;
    refused.problem(429, "rate_limited");
    assert_eq!(refused.headers["retry-after"], "1");
    town.ask(&town.other, "GET", "/v1/assets", &[], None)
        .await
        .is(200);
}

#[tokio::test]
async fn a_callers_request_id_is_kept_if_it_is_fit() {
    let town = Town::new().await;
    let given = town
        .ask("", "GET", "/health", &[("x-request-id", "abc-1")], None)
        .await;
    assert_eq!(given.headers["x-request-id"], "abc-1");
    let bad = town
        .ask("", "GET", "/health", &[("x-request-id", "a b")], None)
        .await;
    assert!(
        bad.headers["x-request-id"]
            .to_str()
            .unwrap()
            .starts_with("req_")
    );
}

#[tokio::test]
async fn a_node_that_has_failed_does_not_look_healthy() {
    let town = Town::new().await;
    town.ask("", "GET", "/health", &[], None).await.is(200);
    let asked = town.node.query(|_| -> () { panic!("on purpose") }).await;
    assert!(asked.is_err());
    let start = std::time::Instant::now();
    while !town.node.has_failed() {
        assert!(start.elapsed().as_secs() < 20);
        tokio::task::yield_now().await;
    }
    town.ask("", "GET", "/health", &[], None)
        .await
        .problem(503, "stopped");
    let body = json!({"kind": "person", "country": "DE"}).to_string();
    let asked = town
        .ask(&town.admin, "POST", "/v1/parties", &[], Some(&body))
        .await;
    assert_eq!(asked.status.as_u16(), 503, "{}", asked.text);
}
