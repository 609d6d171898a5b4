//! Whose key it is: two keys of one line are one person, and an agent's key pays as its agent may.

use crate::town::{Town, eur, payment, text};
use identity::Scope;
use serde_json::{Value, json};

/// A key made over the API with another.
async fn made_with(town: &Town, key: &str, scopes: &[&str]) -> String {
    let body = json!({"scopes": scopes, "label": "x"}).to_string();
    let made = town.ask(key, "POST", "/v1/keys", &[], Some(&body)).await;
    text(&made.is(201)["secret"])
}

/// A correction of a cent between two wallets.
async fn correction(town: &Town) -> Value {
    let (a, b) = (town.wallet("1").await, town.wallet("1").await);
    let path = town.caught_up("/v1/ledger/accounts?class=wallet").await;
    let accounts = town.get(&path).await.is(200);
    let no = |wallet: &str| {
        let items = accounts["items"].as_array().unwrap();
        items.iter().find(|a| a["wallet"] == wallet).unwrap()["no"].clone()
    };
    let postings =
        json!([{"account": no(&a), "amount": "-0.01"}, {"account": no(&b), "amount": "0.01"}]);
    json!({"postings": postings, "reason": "case 12"})
}

#[tokio::test]
async fn keys_of_one_line_are_one_person() {
    let town = Town::new().await;
    let body = correction(&town).await.to_string();
    let proposer = made_with(&town, &town.admin, &["corrections:propose", "keys:write"]).await;
    let approver = made_with(&town, &town.admin, &["corrections:approve"]).await;
    let grandchild = made_with(&town, &proposer, &["corrections:propose"]).await;
    let other = town.key(&[Scope::CorrectionsApprove]);
    let other_line = town.key(&[Scope::Admin]);
    let others = made_with(&town, &other_line, &["corrections:approve"]).await;
    for (proposes, approves, may) in [
        (&town.admin, &town.admin, false),
        (&town.admin, &approver, false),
        (&proposer, &approver, false),
        (&grandchild, &approver, false),
        (&grandchild, &town.admin, false),
        (&proposer, &other, true),
        (&grandchild, &others, true),
        (&town.admin, &other_line, true),
    ] {
        let proposed = town.ask(proposes, "POST", "/v1/corrections", &[], Some(&body));
        let id = text(&proposed.await.is(201)["id"]);
        let path = format!("/v1/corrections/{id}/approve");
        let approved = town.ask(approves, "POST", &path, &[], None).await;
        if may {
            approved.is(200);
        } else {
            approved.problem(403, "same_key");
        }
    }
}

#[tokio::test]
async fn no_key_has_both_halves_of_a_correction() {
    let town = Town::new().await;
    let both = json!({"scopes": ["corrections:propose", "corrections:approve"], "label": "x"});
    town.post("/v1/keys", both)
        .await
        .problem(403, "scopes_conflict");
    let body = correction(&town).await.to_string();
    // An admin's key made with another has neither half, and cannot give one.
    let admin = made_with(&town, &town.admin, &["admin"]).await;
    town.ask(&admin, "POST", "/v1/corrections", &[], Some(&body))
        .await
        .problem(403, "scope_missing");
    for half in ["corrections:propose", "corrections:approve"] {
        let key = json!({"scopes": [half], "label": "x"}).to_string();
        town.ask(&admin, "POST", "/v1/keys", &[], Some(&key))
            .await
            .problem(403, "scope_not_grantable");
    }
    let half = made_with(&town, &town.admin, &["admin", "corrections:propose"]).await;
    let id = town
        .ask(&half, "POST", "/v1/corrections", &[], Some(&body))
        .await
        .is(201);
    let path = format!("/v1/corrections/{}/approve", text(&id["id"]));
    town.ask(&half, "POST", &path, &[], None)
        .await
        .problem(403, "scope_missing");
    // Whose line it is can be seen.
    let line = town.get("/v1/keys").await.is(200);
    let lines: std::collections::BTreeSet<_> = line["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| text(&key["line"]))
        .collect();
    assert_eq!(lines.len(), 1, "all were made with the first");
}

struct Agent {
    payer: String,
    payee: String,
    party: Value,
    key: String,
    mandate: Value,
}

async fn agent(town: &Town) -> Agent {
    let (payer, payee) = (town.wallet("10").await, town.wallet("1").await);
    let new = json!({"kind": "agent", "country": "ZZ"});
    let party = town.post("/v1/parties", new).await.is(201)["id"].clone();
    let mandate = json!({
        "payer": payer, "agent": party, "asset": "EUR", "per_payment": "1", "per_day": "5",
        "expires_at": "2100-01-01T00:00:00Z",
    });
    let mandate = town.post("/v1/mandates", mandate).await.is(201)["id"].clone();
    let scopes = ["payments:write"];
    let key = json!({"scopes": scopes, "label": "bot", "agent": party});
    let made = town.post("/v1/keys", key).await.is(201);
    assert_eq!(made["key"]["agent"], party);
    let key = text(&made["secret"]);
    Agent {
        payer,
        payee,
        party,
        key,
        mandate,
    }
}

#[tokio::test]
async fn an_agents_key_pays_under_its_mandate_only() {
    let town = Town::new().await;
    let agent = agent(&town).await;
    let other = self::agent(&town).await;
    let ask = async |path: &str, body: &Value| {
        town.ask(&agent.key, "POST", path, &[], Some(&body.to_string()))
            .await
    };
    let mut held = payment(&agent.payer, &agent.payee, "0.5");
    held["capture"] = json!("manual");
    let payees = json!([{"wallet": agent.payee, "weight": 1}]);
    let transfer = json!({"from": agent.payer, "to": agent.payee, "amount": eur("0.5")});
    let ways = [
        ("/v1/payments", payment(&agent.payer, &agent.payee, "0.5")),
        ("/v1/payments", held),
        (
            "/v1/payments",
            json!({"payer": agent.payer, "payees": payees, "amount": eur("0.5")}),
        ),
        ("/v1/transfers", transfer),
    ];
    for (path, body) in &ways {
        let with = |mandate: &Value| {
            let mut body = body.clone();
            body["mandate"] = mandate.clone();
            body
        };
        ask(path, body).await.problem(403, "mandate_required");
        let theirs = json!({"payer": other.payer, "payee": agent.payee, "amount": eur("0.5"), "mandate": other.mandate});
        ask("/v1/payments", &theirs)
            .await
            .problem(403, "mandate_agent");
        ask(path, &with(&agent.mandate)).await.is(201);
        let item = if *path == "/v1/transfers" {
            "transfer"
        } else {
            "payment"
        };
        let group = |body: Value| json!({"items": [{item: body}]});
        ask("/v1/groups", &group(body.clone()))
            .await
            .problem(403, "mandate_required");
        ask("/v1/groups", &group(with(&agent.mandate)))
            .await
            .is(201);
    }
    // 4 of the 5 a day are used; a transfer counts like a payment.
    let much = json!({"from": agent.payer, "to": agent.payee, "amount": eur("2"), "mandate": agent.mandate});
    ask("/v1/transfers", &much)
        .await
        .problem(403, "mandate_per_payment");
    for expected in [201, 403] {
        let one = json!({"from": agent.payer, "to": agent.payee, "amount": eur("1"), "mandate": agent.mandate});
        ask("/v1/transfers", &one).await.is(expected);
    }
    // A line of a batch is no way around it.
    let request = axum::http::Request::post("/v1/payments/batch")
        .header("authorization", format!("Bearer {}", agent.key))
        .header("content-type", "application/x-ndjson")
        .body(
            payment(&agent.payer, &agent.payee, "0.5")
                .to_string()
                .into(),
        );
    let reply = town.send(request.unwrap()).await;
    let line: Value = serde_json::from_str(&reply.text).unwrap();
    assert_eq!(line["problem"]["code"], "mandate_required");
}

#[tokio::test]
async fn an_agents_key_does_nothing_else() {
    let town = Town::new().await;
    let agent = agent(&town).await;
    let mut held = payment(&agent.payer, &agent.payee, "0.5");
    held["capture"] = json!("manual");
    let held = town.post("/v1/payments", held).await.is(201);
    let path = format!("/v1/payments/{}", text(&held["id"]));
    let ask = async |path: &str, body: Value| {
        town.ask(&agent.key, "POST", path, &[], Some(&body.to_string()))
            .await
    };
    for what in ["capture", "void"] {
        ask(&format!("{path}/{what}"), json!({}))
            .await
            .problem(403, "agent_may_not");
    }
    let void = json!({"items": [{"void": {"payment": held["id"]}}]});
    ask("/v1/groups", void).await.problem(403, "agent_may_not");
    for (path, body) in [
        (
            "/v1/topups",
            json!({"wallet": agent.payer, "amount": eur("1"), "source": "card"}),
        ),
        (
            "/v1/withdrawals",
            json!({"wallet": agent.payer, "amount": eur("1")}),
        ),
        (
            "/v1/keys",
            json!({"scopes": ["payments:write"], "label": "x"}),
        ),
    ] {
        ask(path, body).await.problem(403, "scope_missing");
    }
    town.ask(&agent.key, "GET", &path, &[], None)
        .await
        .problem(403, "scope_missing");
}

#[tokio::test]
async fn a_key_is_bound_to_an_agent_that_is_there_with_scopes_for_paying() {
    let town = Town::new().await;
    let agent = agent(&town).await;
    let person = town
        .get(&format!("/v1/wallets/{}", agent.payer))
        .await
        .is(200)["party"]
        .clone();
    let rows = [
        (&agent.party, "payments:write", 201, ""),
        (&agent.party, "admin", 403, "scope_not_for_agents"),
        (&agent.party, "refunds:write", 403, "scope_not_for_agents"),
        (
            &agent.party,
            "step_ups:confirm",
            403,
            "scope_not_for_agents",
        ),
        (&person, "payments:write", 404, "not_found"),
    ];
    for (party, scope, status, code) in rows {
        let key = json!({"scopes": [scope], "label": "x", "agent": party});
        let reply = town.post("/v1/keys", key).await;
        if code.is_empty() {
            reply.is(status);
        } else {
            reply.problem(status, code);
        }
    }
}

#[tokio::test]
async fn an_agents_key_neither_reads_payments_nor_sets_its_own_risk() {
    let town = Town::new().await;
    let agent = agent(&town).await;
    let scopes = ["payments:write", "payments:read"];
    let both = json!({"scopes": scopes, "label": "bot", "agent": agent.party});
    town.post("/v1/keys", both)
        .await
        .problem(403, "scope_not_for_agents");
    let terms = json!({"risk": {"step_up_at": 500, "agent_floor": 500}});
    town.put("/v1/terms", terms).await.is(200);
    let shown = town.get("/v1/terms").await.is(200);
    assert_eq!(shown["terms"]["risk"]["agent_floor"], 500);
    let mut body = payment(&agent.payer, &agent.payee, "0.5");
    body["mandate"] = agent.mandate.clone();
    for (path, body) in [
        ("/v1/payments", body.clone()),
        (
            "/v1/transfers",
            json!({"from": agent.payer, "to": agent.payee, "amount": eur("0.5"), "mandate": agent.mandate}),
        ),
    ] {
        let body = body.to_string();
        let asked = town.ask(&agent.key, "POST", path, &[], Some(&body)).await;
        assert_eq!(asked.is(202)["status"], "step_up");
    }
    let paid = town.post("/v1/payments", body).await.is(201);
    assert_eq!(paid["status"], "paid");
}

#[tokio::test]
async fn no_key_outlives_the_one_it_was_made_with() {
    let town = Town::new().await;
    let (soon, later) = ("2100-01-01T00:00:00Z", "2100-01-02T00:00:00Z");
    let body = json!({"scopes": ["keys:write"], "label": "x", "expires_at": soon});
    let maker = text(&town.post("/v1/keys", body).await.is(201)["secret"]);
    let make = async |expires: Value| {
        let mut body = json!({"scopes": ["keys:write"], "label": "x"});
        if !expires.is_null() {
            body["expires_at"] = expires;
        }
        let body = body.to_string();
        town.ask(&maker, "POST", "/v1/keys", &[], Some(&body)).await
    };
    let refused = make(json!(later)).await;
    let refused = refused.problem(422, "expires_too_late");
    assert_eq!(refused["field"], "expires_at");
    let first = make(Value::Null).await.is(201)["key"]["expires_at"].clone();
    assert_eq!(first, make(json!(soon)).await.is(201)["key"]["expires_at"]);
    assert_eq!(&text(&first)[..10], "2100-01-01");
    make(json!("2099-01-01T00:00:00Z")).await.is(201);
}
