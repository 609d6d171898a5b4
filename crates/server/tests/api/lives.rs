//! What becomes of a payment after it was made, as somebody who supports its payer sees it.

use crate::town::{Town, eur, payment, text};
use serde_json::{Value, json};

impl Town {
    async fn authorized(&self, payer: &str, payee: &str, amount: &str) -> String {
        let mut body = payment(payer, payee, amount);
        body["capture"] = json!("manual");
        let held = self.post("/v1/payments", body).await.is(201);
        format!("/v1/payments/{}", text(&held["id"]))
    }

    async fn captured(&self, path: &str, amount: &str, last: bool) -> Value {
        let body = json!({"amount": eur(amount), "last": last});
        self.post(&format!("{path}/capture"), body).await.is(201)
    }
}

#[tokio::test]
async fn a_captured_payment_is_refunded_by_its_own_id_and_shows_what_became_of_it() {
    let town = Town::new().await;
    let terms = json!({"fee": {"share": "0.1"}});
    town.put("/v1/terms", terms).await.is(200);
    let (payer, payee) = (town.wallet("10").await, town.wallet("0").await);
    let path = town.authorized(&payer, &payee, "4").await;
    let early = town.post(&format!("{path}/refund"), json!({})).await;
    let early = early.problem(409, "not_that_payment");
    assert_eq!(early["detail"], "nothing was captured of this payment");
    let capture = town.captured(&path, "3", true).await;
    let shown = town.get(&path).await.is(200);
    assert_eq!(shown["status"], "captured");
    assert_eq!(shown["captured"], eur("3"));
    assert_eq!(shown["fee"], eur("0.3"));
    assert_eq!(shown["captures"][0]["id"], capture["id"]);
    assert_eq!(shown["captures"][0]["amount"], eur("3"));
    assert_eq!(shown["postings"].as_array().unwrap().len(), 3, "{shown}");

    let part = json!({"amount": eur("1")});
    let refund = town.post(&format!("{path}/refund"), part).await.is(201);
    assert_eq!(refund["of"], capture["id"]);
    assert_eq!(path, format!("/v1/payments/{}", text(&refund["payment"])));
    let again = town
        .get(&format!("/v1/refunds/{}", text(&refund["id"])))
        .await;
    assert_eq!(again.is(200), refund);
    let by_capture = format!("/v1/payments/{}/refund", text(&capture["id"]));
    town.post(&by_capture, json!({})).await.is(201);
    let shown = town.get(&path).await.is(200);
    assert_eq!(shown["status"], "refunded");
    assert_eq!(shown["refunded"], eur("3"));
    assert_eq!(shown["refunds"][0]["id"], refund["id"]);
    assert_eq!(shown["refunds"][1]["of"], capture["id"]);
    let more = town.post(&by_capture, json!({})).await;
    let more = more.problem(409, "refund_exceeds_payment");
    assert_eq!(more.get("asked"), None, "nobody asked for an atom");
}

#[tokio::test]
async fn of_several_captures_one_is_named() {
    let town = Town::new().await;
    let (payer, payee) = (town.wallet("10").await, town.wallet("0").await);
    let path = town.authorized(&payer, &payee, "4").await;
    let first = town.captured(&path, "1", false).await;
    town.captured(&path, "2", false).await;
    town.post(&format!("{path}/void"), json!({})).await.is(200);
    let shown = town.get(&path).await.is(200);
    assert_eq!(shown["status"], "captured", "money was taken");
    assert_eq!(shown["captured"], eur("3"));
    assert_eq!(shown["captures"].as_array().unwrap().len(), 2);
    let which = town.post(&format!("{path}/refund"), json!({})).await;
    let which = which.problem(409, "not_that_payment");
    assert!(text(&which["detail"]).contains("captured in 2 parts"));
    let dispute = json!({"payment": first["id"], "amount": eur("1")});
    let dispute = town.post("/v1/disputes", dispute).await.is(201);
    assert_eq!(dispute["capture"], first["id"]);
    assert_eq!(path, format!("/v1/payments/{}", text(&dispute["payment"])));
    let shown = town
        .get(&format!("/v1/disputes/{}", text(&dispute["id"])))
        .await;
    assert_eq!(shown.is(200)["capture"], first["id"]);
    let group = json!({"items": [{"refund": {"payment": first["id"], "amount": eur("1")}}]});
    let held = town.post("/v1/groups", group).await;
    held.problem(409, "refund_exceeds_payment");
}

#[tokio::test]
async fn an_open_dispute_is_no_refund() {
    let town = Town::new().await;
    let (payer, payee) = (town.wallet("10").await, town.wallet("0").await);
    let paid = town
        .post("/v1/payments", payment(&payer, &payee, "2"))
        .await;
    let paid = paid.is(201);
    let path = format!("/v1/payments/{}", text(&paid["id"]));
    let dispute = json!({"payment": paid["id"], "amount": eur("1")});
    let dispute = town.post("/v1/disputes", dispute).await.is(201);
    let shown = town.get(&path).await.is(200);
    assert_eq!(shown.get("refunded"), None);
    assert_eq!(shown["disputed"], eur("1"));
    assert_eq!(shown["disputes"][0]["id"], dispute["id"]);
    assert_eq!(shown["status"], "paid");
    let resolve = format!("/v1/disputes/{}/resolve", text(&dispute["id"]));
    let wins = |who: &str| json!({ "verdict": who });
    town.post(&resolve, wins("payer_wins")).await.is(200);
    let shown = town.get(&path).await.is(200);
    assert_eq!(shown["refunded"], eur("1"));
    assert_eq!(shown.get("disputed"), None);
    let again = town.post(&resolve, wins("payee_wins")).await;
    assert_eq!(
        again.problem(409, "wrong_state")["detail"],
        "the dispute is lost"
    );
}

#[tokio::test]
async fn what_a_party_owes_is_shown_and_the_remedy_pays_it() {
    let town = Town::new().await;
    let (payer, payee) = (town.wallet("0").await, town.wallet("0").await);
    let top_up = |amount: &str| json!({"wallet": payer, "amount": eur(amount), "source": "card"});
    let first = town.post("/v1/topups", top_up("10")).await.is(201);
    let path = format!("/v1/topups/{}", text(&first["id"]));
    town.post(&format!("{path}/settle"), json!({}))
        .await
        .is(200);
    let twice = town.post(&format!("{path}/settle"), json!({})).await;
    assert_eq!(
        twice.problem(409, "wrong_state")["detail"],
        "the top-up is settled"
    );
    town.post("/v1/payments", payment(&payer, &payee, "8"))
        .await
        .is(201);
    town.post(&format!("{path}/reverse"), json!({}))
        .await
        .is(200);
    let wallet = town.get(&format!("/v1/wallets/{payer}")).await.is(200);
    assert_eq!(wallet["owed"], json!([eur("8")]));
    let party = format!("/v1/parties/{}", text(&wallet["party"]));
    assert_eq!(town.get(&party).await.is(200)["owed"], json!([eur("8")]));

    let poor = town
        .post("/v1/payments", payment(&payer, &payee, "1"))
        .await;
    let poor = poor.problem(402, "insufficient_funds");
    let wanted = json!({"action": "top_up", "amount": "9", "asset": "EUR"});
    assert_eq!(poor["remedy"], wanted);
    let words = "1 EUR was asked and 0 is there; 8 is owed and paid out of what comes in first";
    assert_eq!(poor["detail"], words);
    let more = town.post("/v1/topups", top_up("9")).await.is(201);
    let settle = format!("/v1/topups/{}/settle", text(&more["id"]));
    town.post(&settle, json!({})).await.is(200);
    town.post("/v1/payments", payment(&payer, &payee, "1"))
        .await
        .is(201);
    let wallet = town.get(&format!("/v1/wallets/{payer}")).await.is(200);
    assert_eq!(wallet.get("owed"), None);
}

#[tokio::test]
async fn ids_in_lists_are_what_get_takes() {
    let town = Town::new().await;
    let (payer, payee) = (town.wallet("10").await, town.wallet("0").await);
    let path = town.authorized(&payer, &payee, "4").await;
    let capture = town.captured(&path, "3", true).await;
    let refund = town
        .post(&format!("{path}/refund"), json!({}))
        .await
        .is(201);
    let seq = refund["seq"].as_u64().unwrap();
    let list = town
        .get(&format!("/v1/payments?min_seq={seq}"))
        .await
        .is(200);
    let ids: Vec<&Value> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| &i["id"])
        .collect();
    assert_eq!(ids[0], &refund["id"]);
    assert_eq!(ids[1], &capture["id"]);
    assert_eq!(path, format!("/v1/payments/{}", text(ids[2])));
    assert_eq!(list["items"][0]["of"], capture["id"]);
    assert_eq!(list["items"][1]["of"], *ids[2]);
    let refunds = town.get("/v1/refunds").await.is(200);
    assert_eq!(refunds["items"].as_array().unwrap().len(), 1);
    assert_eq!(refunds["items"][0]["id"], refund["id"]);
    assert_eq!(town.get("/v1/transfers").await.is(200)["items"], json!([]));
    let transfer = json!({"from": payer, "to": payee, "amount": eur("1")});
    let group = json!({"items": [{"transfer": transfer}]});
    let group = town.post("/v1/groups", group).await.is(201);
    let shown = town
        .get(&format!("/v1/groups/{}", text(&group["id"])))
        .await;
    assert_eq!(shown.is(200), group);
    assert!(text(&group["items"][0]["id"]).starts_with("trf_"));
    let lines = town
        .get(&format!("/v1/wallets/{payer}/statement"))
        .await
        .is(200);
    let lines = lines["items"].as_array().unwrap();
    let line = lines
        .iter()
        .find(|line| line["id"] == refund["id"])
        .unwrap();
    assert_eq!(line["of"], capture["id"]);
}

#[tokio::test]
async fn a_payment_to_several_shows_them_all() {
    let town = Town::new().await;
    let payer = town.wallet("10").await;
    let (one, two) = (town.wallet("0").await, town.wallet("0").await);
    let body = json!({
        "payer": payer, "amount": eur("3"),
        "payees": [{"wallet": one, "weight": 1}, {"wallet": two, "weight": 2}],
    });
    let paid = town.post("/v1/payments", body).await.is(201);
    let shown = town
        .get(&format!("/v1/payments/{}", text(&paid["id"])))
        .await;
    let shares = json!([
        {"wallet": one, "amount": eur("1")},
        {"wallet": two, "amount": eur("2")},
    ]);
    assert_eq!(shown.is(200)["payees"], shares);
}

#[tokio::test]
async fn a_cursor_is_of_one_list() {
    let town = Town::new().await;
    town.wallet("1").await;
    town.wallet("1").await;
    let path = town.caught_up("/v1/wallets?limit=1").await;
    let page = town.get(&path).await.is(200);
    let next = text(&page["next"]);
    town.get(&format!("/v1/wallets?limit=1&cursor={next}"))
        .await
        .is(200);
    town.get(&format!("/v1/parties?cursor={next}"))
        .await
        .problem(400, "bad_cursor");
}

#[tokio::test]
async fn terms_are_changed_in_part_and_by_the_version_that_was_read() {
    let town = Town::new().await;
    let tax = json!([{"country": "DE", "rate": "0.19"}]);
    let all = json!({"fee": {"share": "0.1"}, "tax": tax});
    town.put("/v1/terms", all).await.is(200);
    let risk = json!({"risk": {"step_up_at": 500}});
    let changed = town.patch("/v1/terms", risk).await.is(200);
    assert_eq!(changed["version"], 2);
    assert_eq!(changed["terms"]["tax"][0]["country"], "DE");
    assert_eq!(changed["terms"]["risk"]["step_up_at"], 500);
    let body = json!({"risk": null}).to_string();
    let stale = [("if-match", "1")];
    let late = town
        .ask(&town.admin, "PATCH", "/v1/terms", &stale, Some(&body))
        .await;
    assert_eq!(late.problem(409, "wrong_state")["field"], "If-Match");
    let read = [("if-match", "\"2\""), ("idempotency-key", "no-risk")];
    let done = town
        .ask(&town.admin, "PATCH", "/v1/terms", &read, Some(&body))
        .await;
    assert_eq!(done.is(200)["terms"]["risk"].get("step_up_at"), None);
    let again = town
        .ask(&town.admin, "PATCH", "/v1/terms", &read, Some(&body))
        .await;
    assert_eq!(again.is(200)["version"], 3);
    assert!(again.replayed());
    let twice =
        json!({"tax": [{"country": "DE", "rate": "0.1"}, {"country": "DE", "rate": "0.2"}]});
    let twice = town
        .patch("/v1/terms", twice)
        .await
        .problem(422, "malformed");
    assert_eq!(twice["field"], "tax[1].country");
}

#[tokio::test]
async fn an_agent_reads_its_own_mandate_and_what_it_leaves() {
    let town = Town::new().await;
    let (payer, payee) = (town.wallet("10").await, town.wallet("0").await);
    let mut keys = Vec::new();
    let mut mandates = Vec::new();
    for _ in 0..2 {
        let bot = json!({"kind": "agent", "country": "ZZ"});
        let bot = town.post("/v1/parties", bot).await.is(201);
        let mandate = json!({
            "payer": payer, "agent": bot["id"], "asset": "EUR", "per_day": "5",
            "expires_at": "2100-01-01T00:00:00Z",
        });
        mandates.push(town.post("/v1/mandates", mandate).await.is(201));
        let key = json!({"agent": bot["id"], "scopes": ["payments:write"], "label": "bot"});
        let key = town.post("/v1/keys", key).await.is(201);
        keys.push(text(&key["secret"]));
    }
    let mut body = payment(&payer, &payee, "2");
    body["mandate"] = mandates[0]["id"].clone();
    town.ask(
        &keys[0],
        "POST",
        "/v1/payments",
        &[],
        Some(&body.to_string()),
    )
    .await
    .is(201);
    let path = format!("/v1/mandates/{}", text(&mandates[0]["id"]));
    let seen = town.ask(&keys[0], "GET", &path, &[], None).await.is(200);
    assert_eq!((&seen["used"], &seen["remaining"]), (&eur("2"), &eur("3")));
    town.ask(&keys[1], "GET", &path, &[], None)
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn metrics_are_what_prometheus_reads() {
    let town = Town::new().await;
    let plain = town.get("/metrics").await;
    assert_eq!(
        plain.headers["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    for name in ["farthing_commit_seconds", "farthing_http_request_seconds"] {
        let whole = format!("{name}_bucket{{le=\"+Inf\"}}");
        assert!(plain.text.contains(&whole), "{}", plain.text);
    }
    assert!(plain.text.contains("farthing_build_info{version="));
    let open = [("accept", "application/openmetrics-text; version=1.0.0")];
    let open = town.ask(&town.admin, "GET", "/metrics", &open, None).await;
    assert!(
        open.headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
}

#[tokio::test]
async fn the_docs_are_found_and_read_as_words() {
    let town = Town::new().await;
    let root = town.ask("", "GET", "/", &[], None).await;
    assert_eq!(
        (root.status.as_u16(), &root.headers["location"]),
        (307, &"/docs".parse().unwrap())
    );
    let docs = town.ask("", "GET", "/docs", &[], None).await;
    assert!(!docs.text.contains('`'), "raw markup in the docs");
    assert!(docs.text.contains("<pre>curl -X POST"));
}
