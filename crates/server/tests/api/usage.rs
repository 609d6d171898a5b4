//! Usage: events of either form, one or many, charged once.

use crate::town::{Reply, Town, config, text};
use axum::body::{Body, Bytes};
use axum::http::Request;
use http_body::Frame;
use serde_json::{Value, json};
use server::Config;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Notify;

const LINES: &str = "application/x-ndjson";

struct Shop {
    town: Town,
    payer: String,
    payee: String,
    price: String,
}

impl Shop {
    /// A price of 0.002 for each input and 0.003 for each output.
    async fn new() -> Shop {
        Shop::of(Town::new().await).await
    }

    async fn of(town: Town) -> Shop {
        let definition = json!({"asset": "EUR", "model": {"per_unit": {"units": [
            {"name": "input", "amount": "0.002", "per": 1},
            {"name": "output", "amount": "0.003", "per": 1},
        ]}}});
        let price = town.post("/v1/prices", json!({"definition": definition}));
        let price = text(&price.await.is(201)["id"]);
        let (payer, payee) = (town.wallet("1").await, town.wallet("0").await);
        Shop {
            town,
            payer,
            payee,
            price,
        }
    }

    fn event(&self, id: &str, quantity: u64) -> Value {
        json!({"id": id, "source": "gateway-1", "payer": self.payer, "payee": self.payee,
            "price": self.price, "unit": "input", "quantity": quantity})
    }

    fn cloud(&self, id: &str, quantity: u64) -> Value {
        json!({"specversion": "1.0", "type": "tokens.used", "id": id, "source": "gateway-1",
            "subject": self.payer, "time": "2026-01-01T00:00:00Z", "region": "eu",
            "data": {"payee": self.payee, "price": self.price, "unit": "output",
                "quantity": quantity}})
    }

    async fn send(&self, headers: &[(&str, &str)], body: String) -> Reply {
        let mut request = Request::post("/v1/usage")
            .header("authorization", format!("Bearer {}", self.town.admin));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.town.send(request.body(body.into()).unwrap()).await
    }

    /// Sends lines; the results and the summary.
    async fn lines(&self, lines: &[String]) -> (Vec<Value>, Value) {
        let reply = self
            .send(&[("content-type", LINES)], lines.join("\n"))
            .await;
        assert_eq!(reply.headers["content-type"], LINES);
        let mut lines: Vec<Value> = reply
            .text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let summary = lines.pop().unwrap()["summary"].clone();
        (lines, summary)
    }
}

#[tokio::test]
async fn each_event_of_many_stands_alone_and_is_charged_once() {
    let shop = Shop::new().await;
    let mut other = shop.event("a", 6);
    let mut elsewhere = shop.event("a", 6);
    elsewhere["source"] = json!("gateway-2");
    let lines: Vec<String> = [
        shop.event("a", 5),
        shop.cloud("b", 2),
        shop.event("a", 5),
        other.clone(),
        elsewhere,
        shop.event("too much", 1_000),
    ]
    .iter()
    .map(Value::to_string)
    .chain(["".to_owned(), "{\"id\": \"c\"".to_owned()])
    .collect();
    let (results, summary) = shop.lines(&lines).await;
    let statuses: Vec<_> = results.iter().map(|one| one["status"].clone()).collect();
    assert_eq!(statuses, [201, 201, 200, 422, 201, 402, 400]);
    let places: Vec<_> = results.iter().map(|one| one["line"].clone()).collect();
    assert_eq!(places, [1, 2, 3, 4, 5, 6, 8]);
    assert_eq!(
        results[0]["amount"],
        json!({"amount": "0.01", "asset": "EUR"})
    );
    assert_eq!(results[1]["amount"]["amount"], "0.006");
    assert_eq!(results[2]["amount"], results[0]["amount"]);
    assert_eq!(results[2]["payment"], results[0]["payment"]);
    assert_eq!(
        (&results[3]["code"], &results[3]["field"]),
        (&json!("id_reused"), &json!("price"))
    );
    assert_eq!(results[5]["code"], "insufficient_funds");
    assert_eq!(results[6]["code"], "bad_json");
    assert_eq!(
        summary,
        json!({"events": 7, "charged": 3, "duplicates": 1, "waiting": 0, "refused": 1, "failed": 2,
            "unanswered": 0, "amounts": [{"amount": "0.028", "asset": "EUR"}]})
    );
    assert_eq!(shop.town.balance(&shop.payer).await, "0.972");

    // All of it again: nothing moves, and what was refused stays so.
    let (again, summary) = shop.lines(&lines).await;
    let statuses: Vec<_> = again.iter().map(|one| one["status"].clone()).collect();
    assert_eq!(statuses, [200, 200, 200, 422, 200, 402, 400]);
    assert_eq!(
        (&summary["charged"], &summary["duplicates"]),
        (&json!(0), &json!(4))
    );
    assert_eq!(shop.town.balance(&shop.payer).await, "0.972");

    // The charge is a payment like any other.
    let path = format!("/v1/payments/{}", text(&results[1]["payment"]));
    let payment = shop.town.get(&path).await.is(200);
    assert_eq!(payment["priced"]["unit"], "output");
    assert_eq!(payment["amount"]["amount"], "0.006");

    // One of the same ids alone.
    let one = shop.town.post("/v1/usage", shop.event("a", 5)).await;
    assert!(one.replayed());
    assert_eq!(one.is(200)["amount"]["amount"], "0.01");
    other["unit"] = json!("output");
    let other = shop.town.post("/v1/usage", other).await;
    assert_eq!(other.problem(422, "id_reused")["field"], "price");
}

#[tokio::test]
async fn a_cloud_event_is_read_in_each_of_its_modes() {
    let shop = Shop::new().await;
    let structured = [(
        "content-type",
        "application/cloudevents+json; charset=utf-8",
    )];
    let one = shop.send(&structured, shop.cloud("1", 1).to_string()).await;
    assert_eq!(one.is(201)["amount"]["amount"], "0.003");

    let batch = [
        ("content-type", "application/cloudevents-batch+json"),
        ("accept", "application/json"),
    ];
    let events = json!([
        shop.cloud("1", 1),
        7,
        [shop.cloud("2", 1)],
        shop.cloud("3", 2)
    ]);
    let many = shop.send(&batch, format!(" {events} ")).await.is(200);
    let events = many["events"].as_array().unwrap().iter();
    let statuses: Vec<_> = events.map(|one| one["status"].clone()).collect();
    assert_eq!(statuses, [200, 422, 422, 201]);
    assert_eq!(many["summary"]["failed"], 2);

    let data = shop.cloud("", 4)["data"].to_string();
    let binary = |id| {
        [
            ("content-type", "application/json"),
            ("ce-specversion", "1.0"),
            ("ce-type", "tokens.used"),
            ("ce-source", "gateway%2D1"),
            ("ce-id", id),
            ("ce-subject", shop.payer.as_str()),
        ]
    };
    let four = shop.send(&binary("4"), data.clone()).await;
    assert_eq!(four.is(201)["amount"]["amount"], "0.012");
    // The same event, whatever its mode.
    let known = shop.send(&structured, shop.cloud("4", 4).to_string()).await;
    known.is(200);
    let known = shop.send(&binary("1"), data).await;
    assert_eq!(known.problem(422, "id_reused")["field"], "price");
}

#[tokio::test]
async fn what_is_wrong_with_an_event_is_named() {
    let shop = Shop::new().await;
    let with = |form: &dyn Fn(&str, u64) -> Value, field: &str, value: Value| {
        let mut event = form("x", 1);
        match field.split_once('.') {
            None => event[field] = value,
            Some((outer, inner)) => event[outer][inner] = value,
        }
        event.to_string()
    };
    let own: &dyn Fn(&str, u64) -> Value = &|id, quantity| shop.event(id, quantity);
    let cloud: &dyn Fn(&str, u64) -> Value = &|id, quantity| shop.cloud(id, quantity);
    let nobody = "wal_01936b2f000070008000000000000001";
    let no_price = "pri_01936b2f000070008000000000000001";
    for (line, status, code, field) in [
        (with(own, "id", json!("")), 422, "malformed", "id"),
        (
            with(own, "quantity", json!(0)),
            422,
            "malformed",
            "quantity",
        ),
        (
            with(own, "quantity", json!(1.5)),
            422,
            "malformed",
            "quantity",
        ),
        (with(own, "amount", json!(1)), 422, "malformed", "amount"),
        (with(own, "payer", json!("ada")), 422, "malformed", "payer"),
        (with(own, "payer", json!(nobody)), 404, "not_found", "payer"),
        (
            with(own, "price", json!(no_price)),
            404,
            "not_found",
            "price",
        ),
        (with(own, "unit", json!("images")), 404, "not_found", "unit"),
        (
            with(own, "time", json!("yesterday")),
            422,
            "malformed",
            "time",
        ),
        (
            with(own, "time", json!("2999-01-01T00:00:00Z")),
            422,
            "malformed",
            "time",
        ),
        (
            with(cloud, "specversion", json!("0.3")),
            422,
            "malformed",
            "specversion",
        ),
        (with(cloud, "source", json!("")), 422, "malformed", "source"),
        (
            with(cloud, "datacontenttype", json!("text/xml")),
            422,
            "malformed",
            "datacontenttype",
        ),
        (
            with(cloud, "data.payee", json!("bob")),
            422,
            "malformed",
            "data.payee",
        ),
        (
            with(cloud, "data.units", json!(1)),
            422,
            "malformed",
            "data.units",
        ),
        (
            with(cloud, "subject", json!(null)),
            422,
            "malformed",
            "subject",
        ),
    ] {
        let (results, summary) = shop.lines(std::slice::from_ref(&line)).await;
        let found = (
            &results[0]["status"],
            &results[0]["code"],
            &results[0]["field"],
        );
        assert_eq!(
            found,
            (&json!(status), &json!(code), &json!(field)),
            "{line}"
        );
        assert_eq!(summary["failed"], 1, "{line}");
    }
    let of = |kind: &'static str, body: String| {
        let shop = &shop;
        async move { shop.send(&[("content-type", kind)], body).await }
    };
    let many = vec![shop.event("x", 1).to_string(); 8_001].join("\n");
    let refused = of(LINES, many).await.problem(422, "too_many");
    assert!(text(&refused["detail"]).contains("8001"));
    of(LINES, " ".repeat(5 << 20))
        .await
        .problem(413, "too_large");
    let other = of("text/csv", String::new()).await;
    other.problem(415, "unsupported_media_type");
    of("application/cloudevents-batch+json", "{}".into())
        .await
        .problem(422, "malformed");
    assert_eq!(shop.town.balance(&shop.payer).await, "1");
}

/// A body of which nothing comes; it says when it is waited for.
struct Stuck(Arc<Notify>);

impl http_body::Body for Stuck {
    type Data = Bytes;
    type Error = Infallible;
    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.notify_one();
        Poll::Pending
    }
}

#[tokio::test]
async fn usage_that_does_not_come_in_makes_room_for_other() {
    let slow = Config {
        usage_max: 1,
        usage_wait: Duration::from_secs(2),
        ..config()
    };
    let shop = Shop::of(Town::with(slow).await).await;
    let asked = Arc::new(Notify::new());
    let stuck = Request::post("/v1/usage")
        .header("authorization", format!("Bearer {}", shop.town.admin))
        .header("content-type", LINES)
        .body(Body::new(Stuck(Arc::clone(&asked))));
    let stuck = shop.town.send(stuck.unwrap());
    let line = shop.event("a", 1).to_string();
    let other = async {
        asked.notified().await;
        let refused = shop.send(&[("content-type", LINES)], line.clone()).await;
        refused.problem(503, "busy");
        assert_eq!(refused.headers["retry-after"], "1");
        // One alone needs no room.
        shop.town
            .post("/v1/usage", shop.event("b", 1))
            .await
            .is(201);
    };
    let (stuck, ()) = tokio::join!(stuck, other);
    stuck.problem(400, "bad_body");
    let (results, _) = shop.lines(&[line]).await;
    assert_eq!(results[0]["status"], 201);
}
