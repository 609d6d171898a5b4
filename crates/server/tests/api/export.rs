//! The export says whether it is whole, and no reader, however slow, keeps others waiting.

use crate::town::{Town, config, payment, text};
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use server::Config;
use std::time::Duration;
use tower::ServiceExt;

fn read(body: &str) -> Vec<Value> {
    body.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn an_export_ends_with_a_line_that_says_so() {
    let town = Town::new().await;
    let (a, b) = (town.wallet("10").await, town.wallet("0").await);
    let mut seq = 0;
    for _ in 0..3 {
        let paid = town
            .post("/v1/payments", payment(&a, &b, "1"))
            .await
            .is(201);
        seq = paid["seq"].as_u64().unwrap();
    }
    for (query, from) in [
        (String::new(), 1),
        (format!("?from_seq={seq}"), seq),
        (format!("?from_seq={}", seq + 9), seq + 9),
    ] {
        let export = town.get(&format!("/v1/ledger/export{query}")).await;
        let mut lines = read(&export.text);
        let end = lines.pop().unwrap();
        let expected = json!({"end": true, "from_seq": from, "to_seq": seq, "events": lines.len()});
        assert_eq!(end, expected, "{query}");
        assert!(lines.iter().all(|line| line.get("end").is_none()));
        assert_eq!(lines.is_empty(), from > seq);
    }
}

#[tokio::test]
async fn an_export_that_fails_says_where() {
    let town = Town::new().await;
    let (a, b) = (town.wallet("10").await, town.wallet("0").await);
    let paid = town
        .post("/v1/payments", payment(&a, &b, "1"))
        .await
        .is(201);
    town.post("/v1/payments", payment(&a, &b, "1"))
        .await
        .is(201);
    let seq = paid["seq"].as_u64().unwrap();
    let journal = rusqlite::Connection::open(town.dir().join("journal.db")).unwrap();
    let changed = journal.execute(
        "UPDATE journal SET events = substr(events, 1, length(events) - 1) WHERE seq = ?1",
        [i64::try_from(seq).unwrap()],
    );
    assert_eq!(changed.unwrap(), 1);
    let export = town.get("/v1/ledger/export").await;
    let last = read(&export.text).pop().unwrap();
    let expected = json!({"end": false, "error": "journal_row_unreadable", "seq": seq});
    assert_eq!(last, expected);
}

#[tokio::test]
async fn a_slow_reader_is_cut_off_and_others_come_next() {
    let town = Town::with(Config {
        exports_max: 1,
        export_wait: Duration::from_millis(300),
        ..config()
    })
    .await;
    let (a, b) = (town.wallet("10").await, town.wallet("0").await);
    // More than what waits on the way to a reader.
    let line = payment(&a, &b, "0.000001").to_string();
    let lines = vec![line; 2_000].join("\n");
    let request = Request::post("/v1/payments/batch")
        .header("authorization", format!("Bearer {}", town.admin))
        .header("content-type", "application/x-ndjson");
    town.send(request.body(lines.into()).unwrap()).await;

    let request = Request::get("/v1/ledger/export")
        .header("authorization", format!("Bearer {}", town.admin))
        .body(Body::empty());
    let slow = town.router.clone().oneshot(request.unwrap()).await.unwrap();
    let refused = town.get("/v1/ledger/export").await;
    refused.problem(503, "exports_busy");
    assert_eq!(refused.headers["retry-after"], "5");
    let mut asked = 0;
    let whole = loop {
        let reply = town.get("/v1/ledger/export").await;
        if reply.status.as_u16() == 200 {
            break reply;
        }
        asked += 1;
        assert!(asked < 1_000, "the slow reader still has the place");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(read(&whole.text).pop().unwrap()["end"], true);
    // The blocking threads were free all along: text is written and read by them.
    let party = json!({"kind": "person", "country": "FR", "name": "Ada"});
    let party = town.post("/v1/parties", party).await.is(201);
    town.get(&format!("/v1/parties/{}", text(&party["id"])))
        .await
        .is(200);
    let body = slow.into_body().collect().await.unwrap().to_bytes();
    let cut = String::from_utf8(body.to_vec()).unwrap();
    assert!(cut.len() < whole.text.len());
    assert!(
        read(&cut).iter().all(|line| line.get("end").is_none()),
        "it is not whole"
    );
}
