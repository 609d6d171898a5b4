//! Returns and reassessments of a server, out of their period's rows, beside those of a walk over the
//! whole journal: the same, whatever happened and whichever zone days went by.

use crate::town::{Town, config, eur, payment, text};
use node::Clock;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

const DAY_MS: u64 = 86_400_000;

/// A clock moved by hand, from the last hour of August 2026 in UTC on.
struct ByHand(AtomicU64);

impl Clock for ByHand {
    fn wall_ms(&self) -> u64 {
        self.0.load(SeqCst)
    }
    fn monotonic_ms(&self) -> u64 {
        self.0.load(SeqCst)
    }
}

#[tokio::test]
async fn a_return_of_a_period_is_that_of_the_whole_journal() {
    let clock = Arc::new(ByHand(AtomicU64::new(1_788_218_000_000)));
    let town = Town::on(config(), clock.clone()).await;
    let rules = json!({"built_in": true, "operator": {"country": "FR"},
        "platform": {"payment_only": true}});
    let terms = |zone: &str| {
        let tax = json!([{"country": "FR", "rate": "0.2"}]);
        json!({"fee": {"share": "0.1"}, "tax": tax, "time_zone": zone})
    };
    town.put("/v1/terms", terms("Europe/Paris")).await.is(200);
    let (payer, payee) = (town.wallet("5000").await, town.wallet("0").await);
    // Before there were rules, by the terms' rate.
    let pay = |amount: &'static str| {
        let mut body = payment(&payer, &payee, amount);
        body["tax"] = json!({"evidence": {"bank": "FR"}});
        let town = &town;
        async move { text(&town.post("/v1/payments", body).await.is(201)["id"]) }
    };
    pay("3").await;
    town.put("/v1/tax/rules", rules.clone()).await.is(200);
    let mut payments = Vec::new();
    let invoice = json!({"payer": payer, "payee": payee, "asset": "EUR", "product": "Reading",
        "from": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z",
        "buyer": {"name": "Ada"}, "seller": {"name": "Shop", "tax_number": "FR40303265045"}});
    for step in 0..24_u64 {
        payments.push(pay(["12.003333333", "0.0107", "7"][(step % 3) as usize]).await);
        // What is long past is found in the history.
        let list = town.caught_up("/v1/refunds").await;
        town.get(&list).await.is(200);
        if step % 4 == 3 {
            let of = &payments[(step / 2) as usize];
            let refund = json!({"amount": eur("0.001")});
            let path = format!("/v1/payments/{of}/refund");
            town.post(&path, refund).await.is(201);
        }
        if step % 7 == 6 {
            town.post("/v1/invoices", invoice.clone()).await.is(201);
        }
        if step == 9 {
            let dispute = json!({"payment": payments[6], "amount": eur("6")});
            town.post("/v1/disputes", dispute).await.is(201);
        }
        if step == 12 {
            // From here on, days are those of the other side of the world.
            town.put("/v1/terms", terms("Pacific/Auckland"))
                .await
                .is(200);
        }
        clock.0.fetch_add(3 * DAY_MS + 5 * 3_600_000, SeqCst);
    }
    // Another rate for another look.
    let france = "country = \"FR\"\n[facts]\nname = \"France\"\ntax = \"TVA\"\ncurrency = \"EUR\"\n\
        [[rate]]\ncategory = [\"standard\"]\n\
        source = { act = \"An act\", link = \"https://example.org\", \
        certainty = \"official\", checked = 2026-11-23 }\n\
        steps = [{ from = 2016-01-01, percent = \"10\" }]\n";
    let others = json!({"rules": {"countries": [france]}, "operator": {"country": "FR"},
        "platform": {"payment_only": true}});
    town.put("/v1/tax/rules", others).await.is(200);
    let mut reassessed = 0;
    for period in [
        "2026-08",
        "2026-09",
        "2026-10",
        "2026-11",
        "2026-Q3",
        "2026",
        "2027",
        "2026-09-10..2026-09-11",
        "1960-01-01..2500-01-01",
    ] {
        let path = format!("/v1/tax/returns?period={period}&payments=true");
        let found = town.get(&path).await.is(200);
        let wanted = server::taxes::Wanted {
            tenant: engine::records::TenantNo(0),
            days: server::taxes::period(period).unwrap(),
            registration: None,
            payments: true,
        };
        let node = town.node.clone();
        let walked = tokio::task::spawn_blocking(move || {
            node.with_reader(|reader| {
                let returns = server::taxes::returns(reader, &wanted, |_| ())?;
                Ok((returns, server::taxes::reassess(reader, &wanted, |_| ())?))
            })
        });
        let (walked, again) = walked.await.unwrap().unwrap();
        let path = format!("/v1/tax/reassessment?period={period}");
        let assessed = town.get(&path).await.is(200);
        assert_eq!(assessed, serde_json::to_value(&again).unwrap(), "{period}");
        reassessed += again.payments.len();
        assert_eq!(found, serde_json::to_value(&walked).unwrap(), "{period}");
        assert_eq!(found["agrees_with_ledger"], true, "{period}");
        // The last hour of August in UTC is September in Paris.
        let is_bare = ["2026-08", "2027"].contains(&period);
        assert_eq!(
            found["lines"] == Value::Array(Vec::new()),
            is_bare,
            "{period}"
        );
    }
    assert!(reassessed > 24, "{reassessed}");
}
