//! Whatever is sent, the answer is never a failure of ours.

use crate::town::{Town, eur, payment};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|n| json!(n)),
        "\\PC{0,20}".prop_map(Value::from),
        "[0-9]{1,25}(\\.[0-9]{0,12})?".prop_map(Value::from),
        "(pay|wal|par)_[0-9a-f]{32}".prop_map(Value::from),
        "20[0-9]{2}-0[1-9]-1[0-9]T0[0-9]:00:00Z".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec(("[a-z_]{1,10}", inner), 0..4)
                .prop_map(|pairs| Value::Object(Map::from_iter(pairs))),
        ]
    })
}

#[tokio::test]
async fn arbitrary_bodies_are_never_our_failure() {
    let town = Town::new().await;
    let (a, b) = (town.wallet("10").await, town.wallet("0").await);
    let bases = [
        ("POST", "/v1/payments", payment(&a, &b, "0.001")),
        (
            "POST",
            "/v1/transfers",
            json!({"from": a, "to": b, "amount": eur("0.001")}),
        ),
        (
            "POST",
            "/v1/topups",
            json!({"wallet": a, "amount": eur("1"), "source": "card"}),
        ),
        (
            "POST",
            "/v1/withdrawals",
            json!({"wallet": a, "amount": eur("0.001")}),
        ),
        (
            "POST",
            "/v1/parties",
            json!({"kind": "person", "country": "FR"}),
        ),
        (
            "POST",
            "/v1/mandates",
            json!({"payer": a, "agent": a, "asset": "EUR", "expires_at": "2100-01-01T00:00:00Z"}),
        ),
        (
            "POST",
            "/v1/groups",
            json!({"items": [{"payment": payment(&a, &b, "0.001")}]}),
        ),
        (
            "POST",
            "/v1/corrections",
            json!({"postings": [{"account": 0, "amount": "1"}], "reason": "x"}),
        ),
        (
            "POST",
            "/v1/keys",
            json!({"scopes": ["metrics:read"], "label": "x"}),
        ),
        ("POST", "/v1/assets", json!({"code": "AB", "scale": 2})),
        ("PUT", "/v1/terms", json!({"fee": {"share": "0.1"}})),
        ("POST", "/v1/payments/preview", payment(&a, &b, "0.001")),
        (
            "POST",
            "/v1/policy/check",
            json!({
                "packs": [{"id": "zz"}], "payment": "spend", "amount": eur("1"), "funds": "card",
                "payer": {"country": "FR"}, "operator": {}, "used": [], "held": [], "rates": [],
            }),
        ),
        (
            "POST",
            "/v1/packs/diff",
            json!({"old": {"id": "kr"}, "new": {"id": "zz"}}),
        ),
        (
            "POST",
            "/v1/laws",
            json!({"packs": [{"id": "zz"}], "remove": [], "settings": {}, "back_to": null}),
        ),
        (
            "POST",
            "/v1/step-ups/pay_01900000000070008000000000000001/confirm",
            json!({"factors": ["knowledge"], "amount": eur("1"), "payee": a}),
        ),
    ];
    let mut runner = TestRunner::deterministic();
    let strategy = any_json();
    for (method, path, base) in &bases {
        for round in 0..40 {
            let value = strategy.new_tree(&mut runner).unwrap().current();
            let mut body = base.clone();
            let names: Vec<String> = body.as_object().unwrap().keys().cloned().collect();
            match round % 3 {
                0 => body = value,
                1 => body[&names[round / 3 % names.len()]] = value,
                _ => body["metadata"] = value,
            }
            let reply = town
                .ask(&town.admin, method, path, &[], Some(&body.to_string()))
                .await;
            assert!(
                reply.status.as_u16() < 500,
                "{method} {path} {body}: {}",
                reply.text
            );
            if !reply.status.is_success() {
                assert_eq!(reply.headers["content-type"], "application/problem+json");
            }
        }
    }
    for bytes in [
        &b"\xff\xfe"[..],
        b"\x00",
        b"{\"a\":\"\\ud800\"}",
        b"[[[[[[[[[[[[[[[[",
        b"1e999",
    ] {
        let request = axum::http::Request::post("/v1/payments")
            .header("authorization", format!("Bearer {}", town.admin))
            .header("content-type", "application/json")
            .body(axum::body::Body::from(bytes.to_vec()));
        let reply = town.send(request.unwrap()).await;
        assert!(
            matches!(reply.status.as_u16(), 400 | 422),
            "{bytes:?}: {}",
            reply.text
        );
    }
    let trial = town.get("/v1/ledger/trial-balance").await.is(200);
    for asset in trial["assets"].as_array().unwrap() {
        assert_eq!(asset["sum"], "0");
    }
}
