//! What is the operator's, and what a test key never reaches.

use crate::town::{Reply, Town, clock, config, id, text};
use engine::Id;
use engine::records::Mode;
use identity::Scope;
use serde_json::{Value, json};

fn tenant(town: &Town, at: usize) -> String {
    Id(town.tenants[at]).with_prefix("ten")
}

/// Every operation that only the operator's own keys have, on a live and on a test tenant.
async fn ask_all(town: &Town, key: &str, live: &str, test: &str) -> Vec<(&'static str, Reply)> {
    let key_of = |tenant: &str| json!({"scopes": ["admin"], "label": "x", "tenant": tenant});
    let rows: Vec<(&str, &str, String, Option<Value>)> = vec![
        (
            "register an asset",
            "POST",
            "/v1/assets".into(),
            Some(json!({"code": "HOUSE", "scale": 2})),
        ),
        (
            "open live",
            "POST",
            "/v1/tenants".into(),
            Some(json!({"mode": "live"})),
        ),
        (
            "open test",
            "POST",
            "/v1/tenants".into(),
            Some(json!({"mode": "test"})),
        ),
        ("key of live", "POST", "/v1/keys".into(), Some(key_of(live))),
        ("key of test", "POST", "/v1/keys".into(), Some(key_of(test))),
        ("read the clock", "GET", "/v1/clock".into(), None),
        (
            "confirm the clock",
            "POST",
            "/v1/clock/confirm".into(),
            None,
        ),
        ("read live", "GET", format!("/v1/tenants/{live}"), None),
        ("read test", "GET", format!("/v1/tenants/{test}"), None),
    ];
    let mut replies = Vec::new();
    for (name, method, path, body) in rows {
        let body = body.map(|body| body.to_string());
        let reply = town.ask(key, method, &path, &[], body.as_deref()).await;
        replies.push((name, reply));
    }
    replies
}

fn brief(replies: &[(&'static str, Reply)]) -> Vec<(&'static str, u16, String)> {
    let code = |reply: &Reply| match reply.status.is_success() {
        true => String::new(),
        false => text(&reply.json()["code"]),
    };
    replies
        .iter()
        .map(|(name, reply)| (*name, reply.status.as_u16(), code(reply)))
        .collect()
}

fn rows(rows: &[(&'static str, u16, &str)]) -> Vec<(&'static str, u16, String)> {
    rows.iter()
        .map(|(name, status, code)| (*name, *status, (*code).to_owned()))
        .collect()
}

#[tokio::test]
async fn a_live_operator_key_reaches_all() {
    let town = Town::of(config(), [Mode::Live, Mode::Test], clock()).await;
    let made = town
        .post("/v1/tenants", json!({"mode": "live"}))
        .await
        .is(201);
    let replies = ask_all(&town, &town.admin, &text(&made["id"]), &tenant(&town, 1)).await;
    assert_eq!(
        brief(&replies),
        rows(&[
            ("register an asset", 201, ""),
            ("open live", 201, ""),
            ("open test", 201, ""),
            ("key of live", 201, ""),
            ("key of test", 201, ""),
            ("read the clock", 200, ""),
            ("confirm the clock", 200, ""),
            ("read live", 200, ""),
            ("read test", 200, ""),
        ])
    );
    for (name, prefix) in [("key of live", "fk_live_"), ("key of test", "fk_test_")] {
        let (_, reply) = replies.iter().find(|(n, _)| *n == name).unwrap();
        let secret = text(&reply.json()["secret"]);
        assert!(secret.starts_with(prefix));
        let mine = town
            .ask(&secret, "GET", "/v1/tenants", &[], None)
            .await
            .is(200);
        assert_eq!(mine["items"].as_array().unwrap().len(), 1, "only its own");
    }
}

/// As in a folder whose first tenant was opened for tests.
#[tokio::test]
async fn a_test_operator_key_reaches_nothing_live() {
    let town = Town::of(config(), [Mode::Test, Mode::Live], clock()).await;
    let test = town
        .post("/v1/tenants", json!({"mode": "test"}))
        .await
        .is(201);
    let replies = ask_all(&town, &town.admin, &tenant(&town, 1), &text(&test["id"])).await;
    assert_eq!(
        brief(&replies),
        rows(&[
            ("register an asset", 403, "live_key_needed"),
            ("open live", 403, "live_key_needed"),
            ("open test", 201, ""),
            ("key of live", 403, "live_key_needed"),
            ("key of test", 201, ""),
            ("read the clock", 403, "live_key_needed"),
            ("confirm the clock", 403, "live_key_needed"),
            ("read live", 404, "not_found"),
            ("read test", 200, ""),
        ])
    );
    let seen = town.get("/v1/tenants").await.is(200);
    for tenant in seen["items"].as_array().unwrap() {
        assert_eq!(tenant["mode"], "test");
    }
}

#[tokio::test]
async fn a_key_of_another_tenant_reaches_only_its_own_whatever_its_mode() {
    for modes in [[Mode::Live, Mode::Test], [Mode::Test, Mode::Live]] {
        let town = Town::of(config(), modes, clock()).await;
        let unknown = id(&town, "ten");
        let replies = ask_all(&town, &town.other, &tenant(&town, 0), &unknown).await;
        assert_eq!(
            brief(&replies),
            rows(&[
                ("register an asset", 403, "operator_only"),
                ("open live", 403, "operator_only"),
                ("open test", 403, "operator_only"),
                ("key of live", 403, "operator_only"),
                ("key of test", 403, "operator_only"),
                ("read the clock", 403, "operator_only"),
                ("confirm the clock", 403, "operator_only"),
                ("read live", 404, "not_found"),
                ("read test", 404, "not_found"),
            ])
        );
    }
}

#[tokio::test]
async fn the_operators_keys_need_the_scope_too() {
    let town = Town::new().await;
    let clerk = town.key(&[Scope::KeysWrite, Scope::SettingsWrite]);
    let body = json!({"scopes": ["keys:write"], "label": "x", "tenant": tenant(&town, 1)});
    let rows = [
        ("/v1/keys", body),
        ("/v1/tenants", json!({"mode": "test"})),
        ("/v1/assets", json!({"code": "HOUSE", "scale": 2})),
    ];
    for (path, body) in rows {
        let reply = town
            .ask(&clerk, "POST", path, &[], Some(&body.to_string()))
            .await;
        reply.problem(403, "scope_missing");
    }
}
