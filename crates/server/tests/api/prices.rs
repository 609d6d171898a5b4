//! Prices: set in versions, quoted, paid by, capped and archived.

use crate::town::{Town, eur, id};
use serde_json::{Value, json};

fn tokens() -> Value {
    json!({
        "asset": "EUR",
        "model": {"per_unit": {"units": [
            {"name": "input", "amount": "0.15", "per": 1_000_000},
            {"name": "output", "amount": "0.6", "per": 1_000_000},
        ]}},
    })
}

async fn set(town: &Town, definition: Value) -> String {
    let body = json!({"definition": definition});
    let price = town.post("/v1/prices", body).await.is(201);
    price["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_price_has_versions_and_is_shown_as_it_was_given() {
    let town = Town::new().await;
    let definition = json!({
        "product": "prd_01936b2f160070008000000000000016",
        "asset": "EUR",
        "tax": "exclusive",
        "period": "month",
        "free": 3,
        "base": "0.5",
        "model": {"graduated": {"bands": [
            {"up_to": 100, "amount": "0.01", "per": 1},
            {"amount": "0.5", "per": 100, "base": "0.25"},
        ]}},
        "variants": [{
            "name": "night",
            "when": {
                "from": "22:00", "until": "06:00", "weekdays": ["saturday", "sunday"],
                "countries": ["FR"], "tier_min": 1, "tier_max": 3, "kinds": ["person"],
            },
            "model": {"percentage": {"share": "0.025", "minimum": "0.01", "maximum": "1"}},
        }],
        "refund_restores_use": true,
    });
    let body = json!({"definition": definition});
    let made = town.keyed("POST", "/v1/prices", "catalogue-1", &body).await;
    let price = made.is(201);
    let again = town.keyed("POST", "/v1/prices", "catalogue-1", &body).await;
    assert!(again.replayed());
    assert_eq!(again.is(201)["id"], price["id"]);
    assert_eq!(price["versions"][0]["definition"], definition);
    assert_eq!(
        (&price["version"], &price["status"]),
        (&json!(1), &json!("active"))
    );

    let next = json!({
        "price": price["id"], "from": "2040-01-01T00:00:00Z",
        "definition": {"asset": "EUR", "model": {"package": {"size": 10, "amount": "1"}}},
    });
    let next = town.post("/v1/prices", next).await.is(201);
    assert_eq!((&next["id"], &next["version"]), (&price["id"], &json!(1)));
    assert_eq!(next["versions"][0]["version"], 2);
    assert_eq!(next["versions"][0]["from"], "2040-01-01T00:00:00.000Z");
    let path = format!("/v1/prices/{}", price["id"].as_str().unwrap());
    assert_eq!(town.get(&path).await.is(200), next);

    set(&town, tokens()).await;
    let page = town.get("/v1/prices?limit=1").await.is(200);
    assert_eq!(page["items"][0]["id"], price["id"]);
    assert_eq!(page["items"][0]["versions"][0]["version"], 1);
    let rest = format!("/v1/prices?cursor={}", page["next"].as_str().unwrap());
    let rest = town.get(&rest).await.is(200);
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);
    assert!(rest.get("next").is_none());

    let archived = town
        .post(&format!("{path}/archive"), json!({}))
        .await
        .is(200);
    assert_eq!(archived["status"], "archived");
    let again = town.post(&format!("{path}/archive"), json!({})).await;
    again.problem(409, "price_archived");
}

#[tokio::test]
async fn what_is_wrong_with_a_price_is_named() {
    let town = Town::new().await;
    let flat = |amount: &str| json!({"flat": {"amount": amount}});
    for (definition, field, words) in [
        (
            json!({"asset": "EUR", "model": flat("0.0000000001")}),
            None,
            "decimal",
        ),
        (
            json!({"asset": "EUR", "model": {"per_unit": {"units": [
                {"amount": "1", "per": 999_999_999_989_u64}, {"amount": "1", "per": 7},
            ]}}}),
            Some("definition"),
            "no common multiple",
        ),
        (
            json!({"asset": "EUR", "model": flat("1"), "base": "1"}),
            Some("definition"),
            "flat price with a base",
        ),
        (
            json!({"asset": "KRW", "model": flat("1.00000001")}),
            Some("definition.asset"),
            "",
        ),
        (
            json!({"asset": "EUR", "model": flat("1"), "variants": [
                {"name": "v", "when": {"from": "10:00"}, "model": flat("2")},
            ]}),
            Some("definition.variants[0].when.from"),
            "go together",
        ),
        (
            json!({"asset": "EUR", "model": flat("1"), "variants": [
                {"name": "v", "when": {"segments": ["students"]}, "model": flat("2")},
            ]}),
            Some("definition.variants[0].when.segments"),
            "no such segment",
        ),
    ] {
        let answer = town
            .post("/v1/prices", json!({"definition": definition}))
            .await;
        let problem = answer.json();
        assert!(problem["status"].as_u64().unwrap() >= 400, "{problem}");
        if let Some(field) = field {
            assert_eq!(problem["field"], field, "{problem}");
        }
        assert!(
            problem["detail"].as_str().unwrap().contains(words),
            "{problem}"
        );
    }
}

#[tokio::test]
async fn a_payment_by_a_price_is_quoted_previewed_paid_and_shown() {
    let town = Town::new().await;
    let (payer, payee) = (town.wallet("10").await, town.wallet("0").await);
    let mut definition = tokens();
    (definition["period"], definition["free"]) = (json!("ever"), json!(1_000));
    let price = set(&town, definition).await;
    let quote = |quantity: u64, unit: &str| {
        let path =
            format!("/v1/prices/{price}/quote?quantity={quantity}&unit={unit}&payer={payer}");
        let town = &town;
        async move { town.get(&path).await.is(200) }
    };
    let first = quote(3_001, "output").await;
    assert_eq!(first["amount"], eur("0.0012006"));
    assert_eq!(
        (&first["free"], &first["unit"]),
        (&json!(1_000), &json!("output"))
    );

    let body = json!({
        "payer": payer, "payee": payee, "price": price, "unit": "output", "quantity": 3_001,
        "amount": eur("0.01"),
    });
    let preview = town
        .post("/v1/payments/preview", body.clone())
        .await
        .is(200);
    assert_eq!(preview["amount"], eur("0.0012006"));
    assert_eq!(preview["priced"]["free"], 1_000);
    let paid = town.keyed("POST", "/v1/payments", "call-1", &body).await;
    let paid = paid.is(201);
    assert_eq!(paid["amount"], eur("0.0012006"));
    let expected = json!({
        "price": price, "version": 1, "unit": "output", "quantity": 3_001, "free": 1_000,
        "limit": eur("0.01"),
    });
    assert_eq!(paid["priced"], expected);
    assert_eq!(town.balance(&payee).await, "0.0012006");
    let path = format!("/v1/payments/{}", paid["id"].as_str().unwrap());
    let shown = town.get(&path).await.is(200);
    assert_eq!(shown["priced"], expected);
    let rules = shown["trace"]["rules"].as_array().unwrap();
    assert!(
        rules.iter().any(|rule| rule["stage"] == "price"),
        "{rules:?}"
    );
    // The quota is used up, and a repeat uses nothing.
    let again = town.keyed("POST", "/v1/payments", "call-1", &body).await;
    assert!(again.replayed());
    assert_eq!(quote(1_000_000, "input").await["amount"], eur("0.15"));
    let mut other = body.clone();
    other["quantity"] = json!(3_002);
    let other = town.keyed("POST", "/v1/payments", "call-1", &other).await;
    assert_eq!(other.problem(422, "id_reused")["field"], "price");

    // A cap refuses before anything is taken.
    let mut dear = body.clone();
    dear["quantity"] = json!(1_000_000);
    let denied = town.post("/v1/payments", dear).await;
    let denied = denied.problem(403, "price_above_limit");
    assert_eq!(denied["remedy"]["action"], "pay_less");
    assert_eq!(town.balance(&payee).await, "0.0012006");

    // Without a price there is an amount, and nothing that belongs to one.
    let plain = json!({"payer": payer, "payee": payee});
    let problem = town.post("/v1/payments", plain).await;
    assert_eq!(problem.problem(422, "malformed")["field"], "amount");
    let plain = json!({"payer": payer, "payee": payee, "amount": eur("1"), "quantity": 3});
    let problem = town.post("/v1/payments", plain).await;
    assert_eq!(problem.problem(422, "malformed")["field"], "quantity");
    let unknown = json!({"payer": payer, "payee": payee, "price": price, "unit": "words"});
    let problem = town.post("/v1/payments", unknown).await;
    assert_eq!(problem.problem(404, "not_found")["field"], "unit");
    let none = json!({"payer": payer, "payee": payee, "price": id(&town, "pri")});
    let problem = town.post("/v1/payments", none).await;
    assert_eq!(problem.problem(404, "not_found")["field"], "price");
}

#[tokio::test]
async fn a_payment_tried_again_is_answered_as_before_whatever_its_price_is_now() {
    let town = Town::new().await;
    let (payer, payee) = (town.wallet("10").await, town.wallet("0").await);
    let price = set(&town, tokens()).await;
    let body = json!({
        "payer": payer, "payee": payee, "price": price, "unit": "output", "quantity": 2_000_000,
    });
    let item = json!({"items": [{"payment": body.clone()}]});
    let pay = |key: &'static str| town.keyed("POST", "/v1/payments", key, &body);
    let cart = || town.keyed("POST", "/v1/groups", "cart-1", &item);
    let first = pay("call-1").await.is(201);
    assert_eq!(first["amount"], eur("1.2"));
    cart().await.is(201);

    // In another order the same name would be another's number.
    let mut swapped = tokens();
    swapped["model"]["per_unit"]["units"]
        .as_array_mut()
        .unwrap()
        .reverse();
    let swapped = json!({"price": price, "definition": swapped});
    let problem = town.post("/v1/prices", swapped).await;
    assert_eq!(problem.problem(422, "price_invalid")["field"], "definition");

    let flat = json!({"price": price, "definition": {
        "asset": "EUR", "model": {"flat": {"amount": "0.05"}},
    }});
    town.post("/v1/prices", flat).await.is(201);
    for archived in [false, true] {
        if archived {
            let path = format!("/v1/prices/{price}/archive");
            town.post(&path, json!({})).await.is(200);
        }
        let again = pay("call-1").await;
        assert!(again.replayed());
        assert_eq!(again.is(201)["priced"], first["priced"]);
        assert!(cart().await.replayed());
        let new = pay(if archived { "call-3" } else { "call-2" }).await;
        assert_eq!(new.problem(404, "not_found")["field"], "unit");
    }
    assert_eq!(town.balance(&payee).await, "2.4");
}

#[tokio::test]
async fn what_is_asked_of_a_price_that_is_none_is_refused_by_its_field() {
    let town = Town::new().await;
    let payer = town.wallet("10").await;
    let price = set(&town, tokens()).await;
    let none = id(&town, "pri");
    let next = json!({"price": none, "definition": tokens()});
    let problem = town.post("/v1/prices", next).await;
    assert_eq!(problem.problem(404, "not_found")["field"], "price");
    let quote = |price: &str, rest: &str| {
        let path = format!("/v1/prices/{price}/quote?payer={payer}&{rest}");
        let town = &town;
        async move { town.get(&path).await }
    };
    for unit in ["", "&unit=input"] {
        let problem = quote(&none, &format!("quantity=1{unit}")).await;
        assert_eq!(problem.problem(404, "not_found")["field"], "id");
    }
    let dear =
        json!({"asset": "EUR", "model": {"per_unit": {"units": [{"amount": "1000000000"}]}}});
    let dear = set(&town, dear).await;
    let problem = quote(&dear, "quantity=1000000000000000").await;
    assert_eq!(problem.problem(422, "malformed")["field"], "quantity");
    quote(&price, "quantity=1").await.is(200);
    let archive = format!("/v1/prices/{price}/archive");
    town.post(&archive, json!({})).await.is(200);
    let problem = quote(&price, "quantity=1").await;
    problem.problem(409, "price_archived");
}

#[tokio::test]
async fn a_dollar_is_never_exceeded_by_calls_at_the_same_time() {
    let town = Town::new().await;
    let (payer, payee) = (town.wallet("10").await, town.wallet("0").await);
    let price = set(&town, tokens()).await;
    let agent = json!({"kind": "agent", "country": "DE"});
    let agent = town.post("/v1/parties", agent).await.is(201);
    let mandate = json!({
        "payer": payer, "agent": agent["id"], "asset": "EUR", "per_day": "1",
        "expires_at": "2100-01-01T00:00:00Z",
    });
    let mandate = town.post("/v1/mandates", mandate).await.is(201);
    // Each is a little more than a hundredth of it.
    let call = |n: u64| {
        let (unit, quantity) = match n % 2 {
            0 => ("input", 67_001 + n),
            _ => ("output", 16_901 + n),
        };
        let body = json!({
            "payer": payer, "payee": payee, "price": price, "unit": unit, "quantity": quantity,
            "mandate": mandate["id"],
        });
        let town = &town;
        async move { town.post("/v1/payments", body).await.json() }
    };
    let answers = at_once((0..150).map(call).collect()).await;
    let paid = answers.iter().filter(|answer| answer["status"] == "paid");
    let codes = answers.iter().filter_map(|answer| answer["code"].as_str());
    let denied = codes.filter(|code| ["mandate_per_day", "throttled"].contains(code));
    let (paid, denied) = (paid.count(), denied.count());
    assert_eq!(paid + denied, 150);
    assert!((95..=99).contains(&paid), "{paid}");
    let earned = town.balance(&payee).await;
    assert!(
        ("0.98".to_owned().."1".to_owned()).contains(&earned),
        "{earned}"
    );
}

/// All at the same time.
async fn at_once<F: Future>(all: Vec<F>) -> Vec<F::Output> {
    let mut all: Vec<_> = all.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = all.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, done) in all.iter_mut().zip(&mut done) {
            if done.is_none()
                && let std::task::Poll::Ready(output) = future.as_mut().poll(context)
            {
                *done = Some(output);
            }
        }
        match done.iter().all(Option::is_some) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    done.into_iter().flatten().collect()
}
