//! Step-ups: what waits for its payer, and the word of whoever asked them.

use crate::laws::Two;
use crate::town::{Reply, Town, eur, id, payment, text};
use crate::under_law::{LAND, party_of, town};
use identity::Scope;
use serde_json::{Value, json};

#[tokio::test]
async fn a_step_up_is_bound_to_amount_and_payee_and_goes_through_once() {
    let town = town().await;
    let (payer, payee) = (town.wallet("500").await, town.wallet("0").await);
    let pay = id(&town, "pay");
    let mut body = payment(&payer, &payee, "60");
    body["id"] = json!(pay);
    body["circumstances"] = json!({"product": "game"});
    let asked = town.post("/v1/payments", body.clone()).await.is(202);
    assert_eq!(asked["step_up"]["kind"], "strong");
    let path = format!("/v1/step-ups/{pay}");
    let shown = town.get(&path).await.is(200);
    assert_eq!(
        (&shown["status"], &shown["kind"]),
        (&json!("waiting"), &json!("strong"))
    );
    assert_eq!(
        (&shown["amount"], &shown["payee"]),
        (&eur("60"), &json!(payee))
    );
    let confirm = format!("{path}/confirm");
    let attest = |amount: &str, payee: &str, factors: Value| json!({"factors": factors, "amount": eur(amount), "payee": payee});
    let two = json!(["knowledge", "possession"]);
    let right = attest("60", &payee, two.clone());
    let operator = town.key(&[Scope::StepUpsConfirm]);
    let ask = async |key: &str, body: &Value| -> Reply {
        town.ask(key, "POST", &confirm, &[], Some(&body.to_string()))
            .await
    };
    let shop = town.key(&[Scope::PaymentsWrite, Scope::PaymentsRead]);
    ask(&shop, &right).await.problem(403, "scope_missing");
    ask(&town.other, &right).await.problem(404, "not_found");
    for (body, code, field) in [
        (attest("61", &payee, two.clone()), "id_reused", "amount"),
        (attest("60", &payer, two.clone()), "id_reused", "payee"),
        (
            attest("60", &payee, json!(["knowledge"])),
            "malformed",
            "factors",
        ),
        (
            attest("60", &payee, json!(["knowledge", "knowledge"])),
            "malformed",
            "factors",
        ),
        (attest("60", &payee, json!([])), "malformed", "factors"),
    ] {
        assert_eq!(
            ask(&operator, &body).await.problem(422, code)["field"],
            field,
            "{body}"
        );
    }
    assert_eq!(town.balance(&payee).await, "0");
    let paid = ask(&operator, &right).await.is(201);
    assert_eq!(paid["status"], "paid");
    let again = ask(&operator, &right).await;
    assert_eq!(again.is(201)["seq"], paid["seq"], "once");
    let other = ask(&operator, &attest("61", &payee, two.clone())).await;
    assert_eq!(other.problem(422, "id_reused")["field"], "amount");
    assert_eq!(town.balance(&payee).await, "60");
    assert_eq!(town.get(&path).await.is(200)["status"], "confirmed");
    let none = format!("/v1/step-ups/{}", id(&town, "pay"));
    town.get(&none).await.problem(404, "not_found");
}

/// From now on large gifts are to be confirmed.
async fn confirm_gifts(town: &Town) {
    let large = LAND.replace("2026-01-01", "2026-03-03").replace(
        "id = \"large\"\ntitle = { en = \"Large payments are confirmed\", ko = \"고액 결제 확인\" }\nkind = \"limit\"\napplies = { payment = [\"spend\"] }",
        "id = \"large\"\ntitle = { en = \"Large payments are confirmed\", ko = \"고액 결제 확인\" }\nkind = \"limit\"\napplies = { payment = [\"gift\"] }",
    );
    Two::of(town)
        .enact(town, json!({"packs": [{"text": large}]}))
        .await;
}

#[tokio::test]
async fn a_transfer_that_was_refused_when_it_was_confirmed_is_no_payment() {
    let town = town().await;
    let (payer, payee) = (town.wallet("75").await, town.wallet("0").await);
    confirm_gifts(&town).await;
    let gift = json!({"from": payer, "to": payee, "amount": eur("70"), "gift": true});
    let asked = town.post("/v1/transfers", gift).await.is(202);
    let path = text(&asked["step_up"]["confirm"]);
    let spent = payment(&payer, &payee, "10");
    town.post("/v1/payments", spent).await.is(201);
    let body = json!({"factors": ["knowledge", "inherence"], "amount": eur("70"), "payee": payee});
    for _ in 0..2 {
        let refused = town.post(&path, body.clone()).await;
        refused.problem(402, "insufficient_funds");
    }
    let own = format!("/v1/transfers/{}", text(&asked["id"]));
    assert_eq!(town.get(&own).await.is(200)["status"], "denied");
    let as_payment = path.replace("trf_", "pay_");
    let refused = town.post(&as_payment, body).await;
    refused.problem(404, "not_found");
}

#[tokio::test]
async fn a_transfer_that_waits_or_came_too_late_is_listed_with_transfers_not_payments() {
    let town = town().await;
    let (payer, payee) = (town.wallet("75").await, town.wallet("0").await);
    confirm_gifts(&town).await;
    town.patch("/v1/terms", json!({"step_up_ms": 50}))
        .await
        .is(200);
    let gift = json!({"from": payer, "to": payee, "amount": eur("70"), "gift": true});
    let asked = town.post("/v1/transfers", gift).await.is(202);
    let waits = |state: &engine::State| !state.pending.is_empty();
    while town.node.query(waits).await.unwrap() {
        tokio::task::yield_now().await;
    }
    let listed = async |path: &str| {
        let list = town.get(&town.caught_up(path).await).await.is(200);
        let items = list["items"].as_array().unwrap().iter();
        let items = items.map(|item| (item["id"].clone(), item["kind"].clone()));
        items.collect::<Vec<_>>()
    };
    let of = |kind: &str| (asked["id"].clone(), json!(kind));
    assert_eq!(
        listed("/v1/transfers").await,
        [of("transfer.step_up_expired"), of("transfer.step_up")]
    );
    assert_eq!(listed("/v1/payments").await, []);
    let id = text(&asked["id"]);
    let own = town.get(&format!("/v1/transfers/{id}")).await.is(200);
    assert_eq!(
        (&own["status"], &own["code"], &own["from"]),
        (&json!("expired"), &json!("step_up_expired"), &json!(payer))
    );
    let as_payment = format!("/v1/payments/{}", id.replace("trf_", "pay_"));
    town.get(&as_payment).await.problem(404, "not_found");
}

#[tokio::test]
async fn whatever_waits_is_confirmed_with_amount_and_payee_alone() {
    let town = town().await;
    let (payer, payee) = (town.wallet("900").await, town.wallet("0").await);
    let second = town.wallet("0").await;
    let party = party_of(&town, &payer).await;
    town.patch(&format!("/v1/parties/{party}"), json!({"tier": 2}))
        .await
        .is(200);
    town.put("/v1/terms", json!({"risk": {"step_up_at": 500}}))
        .await
        .is(200);
    let bot = json!({"kind": "agent", "country": "FR"});
    let bot = town.post("/v1/parties", bot).await.is(201)["id"].clone();
    let mandate =
        json!({"payer": payer, "agent": bot, "asset": "EUR", "expires_at": "2100-01-01T00:00:00Z"});
    let mandate = town.post("/v1/mandates", mandate).await.is(201)["id"].clone();
    let bots = json!({"scopes": ["payments:write"], "label": "bot", "agent": bot});
    let bots = text(&town.post("/v1/keys", bots).await.is(201)["secret"]);
    let (mut plain, mut held, mut shared) = (
        payment(&payer, &payee, "60"),
        payment(&payer, &payee, "60"),
        payment(&payer, &payee, "60"),
    );
    plain["reference"] = json!("R-1");
    held["capture"] = json!("manual");
    let end = town.node.now().plus(86_400_000);
    let end = jiff::Timestamp::from_millisecond(i64::try_from(end.0).unwrap()).unwrap();
    held["expires_at"] = json!(format!("{end:.3}"));
    held["circumstances"] = json!({"product": "game", "payee_hours": 5});
    shared.as_object_mut().unwrap().remove("payee");
    shared["payees"] = json!([{"wallet": payee, "weight": 1}, {"wallet": second, "weight": 2}]);
    let mut agents = payment(&payer, &payee, "60");
    agents["mandate"] = mandate;
    let rows = [
        (&town.admin, plain, "paid"),
        (&bots, agents, "paid"),
        (&town.admin, held.clone(), "authorized"),
        (&town.admin, shared, "paid"),
    ];
    let operator = town.key(&[Scope::StepUpsConfirm]);
    let mut last = Value::Null;
    for (key, body, status) in rows {
        let asked = body.to_string();
        let asked = town.ask(key, "POST", "/v1/payments", &[], Some(&asked));
        let asked = asked.await.is(202);
        let path = text(&asked["step_up"]["confirm"]);
        let confirm = json!({
            "factors": ["knowledge", "inherence"], "amount": asked["amount"], "payee": asked["payee"],
        });
        let confirm = confirm.to_string();
        let made = town
            .ask(&operator, "POST", &path, &[], Some(&confirm))
            .await;
        let made = made.is(201);
        assert_eq!(
            (&made["status"], &made["id"]),
            (&json!(status), &asked["id"])
        );
        assert_eq!(made.get("reference"), body.get("reference"));
        if status == "authorized" {
            assert_eq!(made["expires_at"], held["expires_at"]);
        }
        let again = town
            .ask(&operator, "POST", &path, &[], Some(&confirm))
            .await;
        assert!(again.replayed());
        assert_eq!(again.is(201)["seq"], made["seq"]);
        last = made;
    }
    assert_eq!(
        (town.balance(&payee).await, town.balance(&second).await),
        ("140".into(), "40".into())
    );
    // A transfer waits too, and is shown while it does.
    let gift = json!({"from": payer, "to": second, "amount": eur("70"), "gift": true});
    confirm_gifts(&town).await;
    let asked = town.post("/v1/transfers", gift).await.is(202);
    let own = format!("/v1/transfers/{}", text(&asked["id"]));
    let shown = town.get(&own).await.is(200);
    assert_eq!(
        (&shown["status"], &shown["from"]),
        (&json!("step_up"), &json!(payer))
    );
    assert_eq!(shown["step_up"], asked["step_up"]);
    let path = text(&asked["step_up"]["confirm"]);
    assert!(path.starts_with("/v1/step-ups/trf_"), "{path}");
    let as_payment = path.replace("trf_", "pay_");
    let body = json!({"factors": ["knowledge", "inherence"], "amount": eur("70"), "payee": second});
    town.post(&as_payment, body.clone())
        .await
        .problem(404, "not_found");
    let made = town.post(&path, body.clone()).await.is(201);
    assert_eq!(
        (&made["status"], &made["to"]),
        (&json!("made"), &json!(second))
    );
    assert_eq!(town.post(&path, body).await.is(201)["seq"], made["seq"]);
    assert_eq!(town.balance(&second).await, "110");
    assert_eq!(town.get(&own).await.is(200)["status"], "made");
    // What never asked is not confirmed.
    let never = payment(&payer, &payee, "1");
    let never = town.post("/v1/payments", never).await.is(201);
    let never = format!("/v1/step-ups/{}/confirm", text(&never["id"]));
    let body = json!({"factors": [], "amount": last["amount"], "payee": payee});
    town.post(&never, body).await.problem(404, "not_found");
}
