//! Text follows the decision: it shows where its command was decided, and nowhere else.

use crate::town::{Town, eur, id, payment, text};
use serde_json::{Value, json};
use store::{About, Kind};

fn digits(id: &str) -> &str {
    id.split_once('_').unwrap().1
}

async fn party_of(town: &Town, wallet: &str) -> String {
    text(&town.get(&format!("/v1/wallets/{wallet}")).await.is(200)["party"])
}

/// How many versions of a thing's text the store has, once those to be dropped are.
async fn kept(town: &Town, kind: Kind, id: &str, expected: usize) {
    let about = About {
        tenant: town.tenants[0],
        kind,
        thing: u128::from_str_radix(digits(id), 16).unwrap(),
    };
    for _ in 0..1_000 {
        if town.store.versions(about).unwrap().len() == expected {
            return;
        }
        tokio::task::yield_now().await;
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    panic!("{:?}", town.store.versions(about).unwrap());
}

#[tokio::test]
async fn text_of_a_command_whose_id_was_used_shows_nowhere() {
    let town = Town::new().await;
    let (a, b, c) = (
        town.wallet("10").await,
        town.wallet("10").await,
        town.wallet("0").await,
    );
    let paid = town
        .post("/v1/payments", payment(&a, &c, "1"))
        .await
        .is(201);
    let pay = text(&paid["id"]);
    let path = format!("/v1/payments/{pay}");
    let with = |field: &str, value: Value| {
        let mut body = payment(&a, &c, "1");
        body["id"] = json!(pay);
        body["description"] = json!("mine now");
        if !field.is_empty() {
            body[field] = value;
        }
        body
    };
    for (field, body) in [
        ("payer", with("payer", json!(b))),
        ("amount", with("amount", eur("2"))),
        ("description", with("", json!(null))),
    ] {
        let refused = town.post("/v1/payments", body).await;
        assert_eq!(refused.problem(422, "id_reused")["field"], field);
        let shown = town.get(&path).await.is(200);
        assert!(shown.get("description").is_none(), "{shown}");
    }
    kept(&town, Kind::Payment, &pay, 0).await;
    // Nor does it stand in the way of anybody.
    let mut again = payment(&a, &c, "1");
    again["id"] = json!(pay);
    assert!(town.post("/v1/payments", again).await.replayed());
}

#[tokio::test]
async fn the_same_digits_of_another_kind_name_another_thing() {
    let town = Town::new().await;
    let (a, b) = (town.wallet("10").await, town.wallet("0").await);
    let paid = town
        .post("/v1/payments", payment(&a, &b, "1"))
        .await
        .is(201);
    let pay = text(&paid["id"]);
    let party = party_of(&town, &a).await;
    let same = |prefix: &str, id: &str| json!(format!("{prefix}_{}", digits(id)));
    let words = "not yours";
    let rows = [
        (
            "/v1/topups",
            json!({"id": same("top", &pay), "wallet": a, "amount": eur("1"), "source": "card", "description": words}),
        ),
        (
            "/v1/withdrawals",
            json!({"id": same("wdr", &pay), "wallet": a, "amount": eur("1"), "reference": words}),
        ),
        (
            "/v1/transfers",
            json!({"id": same("trf", &pay), "from": a, "to": b, "amount": eur("1"), "reference": words}),
        ),
        (
            "/v1/payments",
            json!({"id": same("pay", &party), "payer": a, "payee": b, "amount": eur("1"), "reference": words}),
        ),
        (
            "/v1/parties",
            json!({"id": same("par", &pay), "kind": "person", "country": "FR", "name": words}),
        ),
        (
            "/v1/parties",
            json!({"id": party, "kind": "business", "country": "FR", "name": words}),
        ),
    ];
    for (path, body) in rows {
        let refused = town.post(path, body.clone()).await;
        refused.problem(422, "id_reused");
        for path in [
            format!("/v1/payments/{pay}"),
            format!("/v1/parties/{party}"),
        ] {
            let shown = town.get(&path).await;
            shown.is(200);
            assert!(!shown.text.contains(words), "{body}: {}", shown.text);
        }
    }
}

#[tokio::test]
async fn what_is_rejected_leaves_no_text_and_bars_no_correction() {
    let town = Town::new().await;
    let (a, b) = (town.wallet("10").await, town.wallet("0").await);
    let pay = id(&town, "pay");
    let mut body = payment(&a, &id(&town, "wal"), "1");
    body["id"] = json!(pay);
    body["description"] = json!("with a mistake");
    town.post("/v1/payments", body.clone())
        .await
        .problem(404, "not_found");
    kept(&town, Kind::Payment, &pay, 0).await;
    body["payee"] = json!(b);
    body["description"] = json!("corrected");
    town.post("/v1/payments", body).await.is(201);
    let shown = town.get(&format!("/v1/payments/{pay}")).await.is(200);
    assert_eq!(shown["description"], "corrected");
    kept(&town, Kind::Payment, &pay, 1).await;
    // A denial is an answer, and has its text.
    let mut much = payment(&a, &b, "1000");
    (much["id"], much["reference"]) = (json!(id(&town, "pay")), json!("A-9"));
    town.post("/v1/payments", much.clone())
        .await
        .problem(402, "insufficient_funds");
    let path = format!("/v1/payments/{}", text(&much["id"]));
    assert_eq!(town.get(&path).await.is(200)["reference"], "A-9");
    much["reference"] = json!("A-10");
    let refused = town
        .post("/v1/payments", much)
        .await
        .problem(422, "id_reused");
    assert_eq!(refused["field"], "reference");
}

#[tokio::test]
async fn a_repeat_that_leaves_text_out_is_another_command() {
    let town = Town::new().await;
    let (a, b) = (town.wallet("10").await, town.wallet("0").await);
    let mut body = payment(&a, &b, "1");
    body["id"] = json!(id(&town, "pay"));
    (body["reference"], body["metadata"]) = (json!("A-1"), json!({"k": "v"}));
    town.post("/v1/payments", body.clone()).await.is(201);
    for (field, value) in [
        ("reference", json!(null)),
        ("metadata", json!({})),
        ("description", json!("x")),
    ] {
        let mut other = body.clone();
        other[field] = value;
        let refused = town.post("/v1/payments", other).await;
        assert_eq!(refused.problem(422, "id_reused")["field"], field);
    }
    assert!(town.post("/v1/payments", body).await.replayed());
}

#[tokio::test]
async fn requests_alike_at_once_are_one_and_keep_their_text() {
    let town = Town::new().await;
    let (a, b) = (town.wallet("10").await, town.wallet("0").await);
    for round in 0..20 {
        let mut body = payment(&a, &b, "0.01");
        let pay = id(&town, "pay");
        (body["id"], body["reference"]) = (json!(pay), json!(format!("R-{round}")));
        let mut other = body.clone();
        other["reference"] = json!("other");
        let (x, y, z) = tokio::join!(
            town.post("/v1/payments", body.clone()),
            town.post("/v1/payments", body.clone()),
            town.post("/v1/payments", other),
        );
        let done = [&x, &y, &z].map(|reply| reply.status.as_u16());
        assert!(
            done == [201, 201, 422] || done == [422, 422, 201],
            "{done:?}"
        );
        let expected = if z.status.is_success() {
            "other".to_owned()
        } else {
            format!("R-{round}")
        };
        let shown = town.get(&format!("/v1/payments/{pay}")).await.is(200);
        assert_eq!(shown["reference"], json!(expected));
        kept(&town, Kind::Payment, &pay, 1).await;
    }
}

#[tokio::test]
async fn every_thing_shows_its_text() {
    let town = Town::new().await;
    let (a, b) = (town.wallet("10").await, town.wallet("0").await);
    let paid = town
        .post("/v1/payments", payment(&a, &b, "1"))
        .await
        .is(201);
    let words = json!({"reference": "A-1", "description": "for people", "metadata": {"k": "v"}});
    let refund = format!("/v1/payments/{}/refund", text(&paid["id"]));
    let rows = [
        (
            "/v1/topups",
            "/v1/topups",
            json!({"wallet": a, "amount": eur("1"), "source": "card"}),
        ),
        (
            "/v1/withdrawals",
            "/v1/withdrawals",
            json!({"wallet": a, "amount": eur("1")}),
        ),
        (
            "/v1/transfers",
            "/v1/transfers",
            json!({"from": a, "to": b, "amount": eur("1")}),
        ),
        (&refund, "/v1/refunds", json!({"amount": eur("0.1")})),
        (
            "/v1/disputes",
            "/v1/disputes",
            json!({"payment": paid["id"], "amount": eur("0.1")}),
        ),
        ("/v1/payments", "/v1/payments", payment(&a, &b, "1")),
    ];
    for (post, get, mut body) in rows {
        for (field, value) in words.as_object().unwrap() {
            body[field] = value.clone();
        }
        let made = town.keyed("POST", post, post, &body).await.is(201);
        let shown = town
            .get(&format!("{get}/{}", text(&made["id"])))
            .await
            .is(200);
        for (field, value) in words.as_object().unwrap() {
            assert_eq!((&made[field], &shown[field]), (value, value), "{post}");
        }
        let again = town.keyed("POST", post, post, &body).await;
        assert!(again.replayed(), "{post}: {}", again.text);
        body["reference"] = json!("A-2");
        let other = town.keyed("POST", post, post, &body).await;
        assert_eq!(
            other.problem(422, "id_reused")["field"],
            "reference",
            "{post}"
        );
    }
}

#[tokio::test]
async fn groups_and_batches_keep_the_text_of_each() {
    let town = Town::new().await;
    let (a, b) = (town.wallet("10").await, town.wallet("0").await);
    let with = |reference: &str, amount: &str| {
        let mut body = payment(&a, &b, amount);
        (body["id"], body["reference"]) = (json!(id(&town, "pay")), json!(reference));
        body
    };
    let shown = async |body: &Value| {
        town.get(&format!("/v1/payments/{}", text(&body["id"])))
            .await
    };
    let (x, y) = (with("X", "1"), with("Y", "1"));
    let group = |x: &Value, y: &Value| json!({"items": [{"payment": x}, {"payment": y}]});
    town.keyed("POST", "/v1/groups", "both", &group(&x, &y))
        .await
        .is(201);
    assert_eq!(shown(&x).await.is(200)["reference"], "X");
    assert_eq!(shown(&y).await.is(200)["reference"], "Y");
    assert!(
        town.keyed("POST", "/v1/groups", "both", &group(&x, &y))
            .await
            .replayed()
    );
    let mut other = y.clone();
    other["reference"] = json!("Z");
    town.keyed("POST", "/v1/groups", "both", &group(&x, &other))
        .await
        .problem(422, "id_reused");
    // Refused, none of it is kept.
    let (x, y) = (with("X", "1"), with("Y", "1000"));
    town.post("/v1/groups", group(&x, &y))
        .await
        .problem(402, "insufficient_funds");
    kept(&town, Kind::Payment, &text(&x["id"]), 0).await;
    kept(&town, Kind::Payment, &text(&y["id"]), 0).await;

    let mut lines: Vec<Value> = (0..300).map(|n| with(&format!("L-{n}"), "0.001")).collect();
    lines[7]["payee"] = json!(id(&town, "wal"));
    let body: Vec<String> = lines.iter().map(Value::to_string).collect();
    let request = axum::http::Request::post("/v1/payments/batch")
        .header("authorization", format!("Bearer {}", town.admin))
        .header("content-type", "application/x-ndjson");
    let reply = town
        .send(request.body(body.join("\n").into()).unwrap())
        .await;
    let results: Vec<Value> = reply
        .text
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    for (at, result) in results.iter().enumerate() {
        if at == 7 {
            assert_eq!(
                (&result["status"], &result["problem"]["field"]),
                (&json!(404), &json!("payee"))
            );
        } else {
            assert_eq!(
                result["payment"]["reference"],
                json!(format!("L-{at}")),
                "{result}"
            );
        }
    }
    assert_eq!(results.len(), 300);
    assert_eq!(shown(&lines[299]).await.is(200)["reference"], "L-299");
    kept(&town, Kind::Payment, &text(&lines[7]["id"]), 0).await;
}

#[tokio::test]
async fn a_confirmation_keeps_the_text_it_was_asked_with() {
    let town = Town::new().await;
    town.put("/v1/terms", json!({"risk": {"step_up_at": 500}}))
        .await
        .is(200);
    let (a, b) = (town.wallet("10").await, town.wallet("0").await);
    let mut body = payment(&a, &b, "1");
    (body["risk_score"], body["reference"]) = (json!(600), json!("A-1"));
    let asked = town.post("/v1/payments", body.clone()).await.is(202);
    let path = format!("/v1/payments/{}", text(&asked["id"]));
    assert_eq!(town.get(&path).await.is(200)["reference"], "A-1");
    let confirm = text(&asked["step_up"]["confirm"]);
    let attested = json!({
        "factors": ["possession", "inherence"], "amount": asked["amount"], "payee": b,
    });
    for _ in 0..2 {
        let paid = town.post(&confirm, attested.clone()).await.is(201);
        assert_eq!(
            (&paid["status"], &paid["reference"]),
            (&json!("paid"), &json!("A-1"))
        );
    }
    assert_eq!(town.get(&path).await.is(200)["reference"], "A-1");
    body["id"] = asked["id"].clone();
    assert!(town.post("/v1/payments", body.clone()).await.replayed());
    body["reference"] = json!("A-2");
    let refused = town.post("/v1/payments", body).await;
    assert_eq!(refused.problem(422, "id_reused")["field"], "reference");
}

#[tokio::test]
async fn a_partys_text_changes_in_the_order_it_was_decided() {
    let town = Town::new().await;
    let new = json!({
        "kind": "person", "country": "FR", "name": "Ada", "email": "ada@example.org", "metadata": {"k": "v"},
    });
    let party = town.post("/v1/parties", new).await.is(201);
    let path = format!("/v1/parties/{}", text(&party["id"]));
    let name = json!({"name": "Ada L.", "tier": 1});
    let changed = town.keyed("PATCH", &path, "first", &name).await.is(200);
    assert_eq!(
        (&changed["name"], &changed["tier"]),
        (&json!("Ada L."), &json!(1))
    );
    assert_eq!(
        changed["email"], "ada@example.org",
        "what is not said stays"
    );
    let second = json!({"name": "Countess", "email": null});
    let changed = town.keyed("PATCH", &path, "second", &second).await.is(200);
    assert_eq!(
        (&changed["name"], changed.get("email")),
        (&json!("Countess"), None)
    );
    assert!(
        town.keyed("PATCH", &path, "second", &second)
            .await
            .replayed()
    );
    let other = json!({"name": "Baroness", "email": null});
    let refused = town.keyed("PATCH", &path, "second", &other).await;
    assert_eq!(refused.problem(422, "id_reused")["field"], "name");
    let shown = town.get(&path).await.is(200);
    assert_eq!(
        (&shown["name"], &shown["metadata"]),
        (&json!("Countess"), &json!({"k": "v"}))
    );
    // As after a process that ended between the decision and its note of it.
    let store = rusqlite::Connection::open(town.dir().join("store.db")).unwrap();
    let forgotten = store.execute("UPDATE texts SET seq = NULL, idx = NULL", []);
    assert_eq!(forgotten.unwrap(), 3);
    assert_eq!(town.get(&path).await.is(200), shown);
    town.patch(&path, json!({"name": "", "tier": 1}))
        .await
        .problem(422, "malformed");
    town.patch(
        &format!("/v1/parties/{}", id(&town, "par")),
        json!({"name": "x"}),
    )
    .await
    .problem(404, "not_found");
    assert_eq!(town.get(&path).await.is(200)["name"], "Countess");
}

#[tokio::test]
async fn an_erased_persons_text_is_gone_and_the_ledger_whole() {
    let town = Town::new().await;
    let (a, b) = (town.wallet("10").await, town.wallet("10").await);
    let (ada, ben) = (party_of(&town, &a).await, party_of(&town, &b).await);
    for party in [&ada, &ben] {
        let named = json!({"name": "somebody"});
        town.patch(&format!("/v1/parties/{party}"), named)
            .await
            .is(200);
    }
    let with = |payer: &str, payee: &str| {
        let mut body = payment(payer, payee, "1");
        (body["id"], body["reference"]) = (json!(id(&town, "pay")), json!("A-1"));
        body
    };
    let (of_ada, of_ben) = (with(&a, &b), with(&b, &a));
    for body in [&of_ada, &of_ben] {
        town.post("/v1/payments", body.clone()).await.is(201);
    }
    // Somebody else's command under the same id must not have taken the text to their own key.
    let mut theirs = of_ada.clone();
    theirs["payer"] = json!(b);
    theirs["payee"] = json!(a);
    town.post("/v1/payments", theirs)
        .await
        .problem(422, "id_reused");

    let path = format!("/v1/parties/{ada}/personal-data");
    let reader = town.key(&[identity::Scope::PartiesRead]);
    town.ask(&reader, "DELETE", &path, &[], None)
        .await
        .problem(403, "scope_missing");
    town.ask(&town.other, "DELETE", &path, &[], None)
        .await
        .problem(404, "not_found");
    let erased = town
        .ask(&town.admin, "DELETE", &path, &[], None)
        .await
        .is(200);
    let again = town
        .ask(&town.admin, "DELETE", &path, &[], None)
        .await
        .is(200);
    assert_eq!(again, erased);
    assert_eq!(erased["id"], json!(ada));

    let pay = |body: &Value| format!("/v1/payments/{}", text(&body["id"]));
    for (path, field, is_erased) in [
        (pay(&of_ada), "reference", true),
        (format!("/v1/parties/{ada}"), "name", true),
        (pay(&of_ben), "reference", false),
        (format!("/v1/parties/{ben}"), "name", false),
    ] {
        let shown = town.get(&path).await.is(200);
        assert_eq!(shown.get("text_erased").is_some(), is_erased, "{shown}");
        assert_eq!(shown.get(field).is_none(), is_erased, "{shown}");
    }
    assert_eq!(
        town.get("/v1/ledger/trial-balance").await.is(200)["assets"][0]["sum"],
        "0"
    );
    assert_eq!(town.balance(&a).await, "10");
    // What was paid is paid, said again; new text about them is not taken.
    assert!(town.post("/v1/payments", of_ada).await.replayed());
    town.post("/v1/payments", with(&a, &b))
        .await
        .problem(409, "details_erased");
    town.patch(&format!("/v1/parties/{ada}"), json!({"name": "Ada"}))
        .await
        .problem(409, "details_erased");
    town.post("/v1/payments", payment(&a, &b, "1"))
        .await
        .is(201);
}
