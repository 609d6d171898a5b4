//! Papers of payments to several: each seller's share is a supply of its own. And what disputes that
//! were lost have given back.

use crate::platform_papers::Market;
use crate::town::{Town, eur, text};
use serde_json::{Value, json};

/// A French reader buys an e-book of an Irish seller in the one-stop shop (5.5 % in France) and of a
/// German one below the threshold (7 % at home), with one payment.
struct Bookstall {
    market: Market,
    reader: String,
    liffey: String,
    verlag: String,
    paid: String,
}

async fn split(town: &Town, payer: &str, shares: &[(&str, u32)], amount: &str) -> String {
    let payees = shares.iter();
    let payees: Vec<_> = payees
        .map(|(wallet, weight)| json!({"wallet": wallet, "weight": weight}))
        .collect();
    let body = json!({"payer": payer, "payees": payees, "amount": eur(amount),
        "tax": {"category": "e_book", "evidence": {"ip": "FR"}}});
    text(&town.post("/v1/payments", body).await.is(201)["id"])
}

impl Bookstall {
    async fn open() -> Bookstall {
        let market = Market::open(json!({"payment_only": true})).await;
        let town = &market.town;
        town.put("/v1/terms", json!({"fee": {"share": "0.08"}}))
            .await
            .is(200);
        let reader = town.wallet("100").await;
        let (liffey, of_liffey) = market.business("IE", "Liffey Ltd").await;
        let (verlag, of_verlag) = market.business("DE", "Verlag GmbH").await;
        let facts = json!({"seller": {
            "country": "IE", "registrations": [{"scheme": "oss_union", "country": "IE"}],
        }});
        town.put(&format!("/v1/tax/parties/{of_liffey}"), facts)
            .await
            .is(200);
        for (party, number) in [(&of_liffey, "IE6433435F"), (&of_verlag, "DE136695976")] {
            let change = json!({"metadata": {"tax_number": number, "city": "Somewhere"}});
            town.patch(&format!("/v1/parties/{party}"), change)
                .await
                .is(200);
        }
        let paid = split(town, &reader, &[(&liffey, 1055), (&verlag, 1070)], "21.25").await;
        Bookstall {
            market,
            reader,
            liffey,
            verlag,
            paid,
        }
    }

    fn sale(&self, payee: &str) -> Value {
        self.market
            .invoice(json!({"payer": self.reader, "payee": payee, "buyer": {"name": "Marie"}}))
    }

    fn fee(&self, payee: &str) -> Value {
        let issuer = &self.market.issuer;
        self.market
            .invoice(json!({"supply": "fee", "issuer": issuer, "payee": payee}))
    }

    async fn issue(&self, body: Value) -> Value {
        self.market.town.post("/v1/invoices", body).await.is(201)
    }

    async fn credit(&self, invoice: &Value) -> Value {
        let note = json!({"invoice": invoice["id"], "reason": "given back"});
        self.market
            .town
            .post("/v1/credit-notes", note)
            .await
            .is(201)
    }

    async fn credits_nothing(&self, invoice: &Value) {
        let note = json!({"invoice": invoice["id"], "reason": "given back"});
        let note = self.market.town.post("/v1/credit-notes", note).await;
        note.problem(422, "paper_empty");
    }
}

fn sums(paper: &Value) -> [String; 2] {
    [text(&paper["net"]), text(&paper["tax"])]
}

#[tokio::test]
async fn every_seller_of_a_split_finds_its_share_on_its_papers() {
    let stall = Bookstall::open().await;
    let (liffey, verlag) = (stall.liffey.clone(), stall.verlag.clone());
    let mut papers = Vec::new();
    for (payee, rate, tax) in [(&verlag, "7", "0.70"), (&liffey, "5.5", "0.55")] {
        let sale = stall.issue(stall.sale(payee)).await;
        assert_eq!(sums(&sale), ["10.00", tax], "{sale}");
        assert_eq!(sale["taxes"][0]["rate_percent"], rate);
        assert_eq!(sale["lines"][0]["payments"], 1);
        let again = stall
            .market
            .town
            .post("/v1/invoices", stall.sale(payee))
            .await;
        again.problem(422, "paper_empty");
        let fee = stall.issue(stall.fee(payee)).await;
        assert_eq!(fee["gross"], "0.85", "{fee}");
        papers.push((sale, fee));
    }
    // What is given back is credited to each by its own share.
    let refund = json!({"amount": eur("8.5")});
    let path = format!("/v1/payments/{}/refund", stall.paid);
    stall.market.town.post(&path, refund).await.is(201);
    for ((sale, fee), tax) in papers.iter().zip(["0.28", "0.22"]) {
        assert_eq!(sums(&stall.credit(sale).await), ["4.00", tax]);
        assert_eq!(stall.credit(fee).await["gross"], "0.34");
        stall.credits_nothing(sale).await;
        stall.credits_nothing(fee).await;
    }
    stall.market.returns().await;
}

#[tokio::test]
async fn a_split_is_in_every_payees_history_and_statement() {
    let stall = Bookstall::open().await;
    let town = &stall.market.town;
    for payee in [&stall.liffey, &stall.verlag] {
        let path = format!("/v1/payments?wallet={payee}");
        let found = town.get(&town.caught_up(&path).await).await.is(200);
        assert_eq!(found["items"][0]["id"], json!(stall.paid), "{found}");
        let path = format!(
            "/v1/statements?wallet={payee}&asset=EUR&from=2020-01-01T00:00:00Z&until=2100-01-01T00:00:00Z"
        );
        let statement = town.get(&path).await.is(200);
        assert_eq!(statement["movements"][0]["id"], json!(stall.paid));
        assert_eq!(statement["closing"], "9.15");
    }
}

#[tokio::test]
async fn a_share_that_a_debt_takes_whole_is_found_all_the_same() {
    let stall = Bookstall::open().await;
    let (town, verlag) = (&stall.market.town, &stall.verlag);
    // What it was paid is gone when it is to be given back.
    let away = json!({"from": verlag, "to": town.wallet("0").await, "amount": eur("9.15")});
    town.post("/v1/transfers", away).await.is(201);
    stall.market.refund(&stall.paid, Value::Null).await;
    let shares = [(&*stall.liffey, 1055), (&**verlag, 1070)];
    let paid = split(town, &stall.reader, &shares, "2.125").await;
    assert_eq!(town.balance(verlag).await, "0");
    let path = format!("/v1/payments?wallet={verlag}&kind=payment.split");
    let found = town.get(&town.caught_up(&path).await).await.is(200);
    assert_eq!(found["items"][0]["id"], json!(paid), "{found}");
    // The fees on its shares of both payments.
    let fee = stall.issue(stall.fee(verlag)).await;
    assert_eq!(fee["lines"][0]["payments"], 2, "{fee}");
    let sale = stall.issue(stall.sale(verlag)).await;
    assert_eq!(sums(&sale), ["11.00", "0.77"], "{sale}");
}

#[tokio::test]
async fn the_receipt_of_a_split_shows_each_share_at_its_own_rate() {
    let stall = Bookstall::open().await;
    let town = &stall.market.town;
    let of_verlag = text(
        &town
            .get(&format!("/v1/wallets/{}", stall.verlag))
            .await
            .is(200)["party"],
    );
    let known =
        json!({"metadata": {"tax_number": "DE136695976", "qualified_issuer": "T7000012050002"}});
    town.patch(&format!("/v1/parties/{of_verlag}"), known)
        .await
        .is(200);
    let path = format!("/v1/payments/{}/receipt", stall.paid);
    let receipt = town.get(&path).await.is(200);
    assert_eq!(
        (&receipt["net"], &receipt["tax"]),
        (&eur("20"), &eur("1.25"))
    );
    let shown = |at: usize| {
        let supply = &receipt["supplies"][at];
        let names = [
            "seller_name",
            "seller_tax_number",
            "rate_percent",
            "country",
        ];
        names.map(|name| text(&supply[name]))
    };
    assert_eq!(shown(0), ["Liffey Ltd", "IE6433435F", "5.5", "FR"]);
    assert_eq!(shown(1), ["Verlag GmbH", "DE136695976", "7", "DE"]);
    let supplies = receipt["supplies"].as_array().unwrap();
    let issuers = [&supplies[0], &supplies[1]].map(|one| one.get("qualified_issuer"));
    assert_eq!(issuers, [None, Some(&json!("T7000012050002"))]);
    let taxes: Vec<_> = supplies.iter().map(|one| &one["tax"]).collect();
    assert_eq!(taxes, [&eur("0.55"), &eur("0.7")]);
    let html = [("accept", "text/html")];
    let html = town.ask(&town.admin, "GET", &path, &html, None).await;
    for part in [
        "Liffey Ltd",
        "5.5%",
        "Verlag GmbH",
        "7%",
        "10.7\u{a0}EUR",
        "(Verlag GmbH): T7000012050002",
    ] {
        assert!(html.text.contains(part), "{part}: {}", html.text);
    }
}

#[tokio::test]
async fn without_tax_rules_shares_bear_tax_and_fee_by_what_each_was_paid() {
    let town = Town::new().await;
    let terms = json!({"tax": [{"country": "FR", "rate": "0.2"}], "fee": {"share": "0.1"}});
    town.put("/v1/terms", terms).await.is(200);
    let payer = town.wallet("50").await;
    let (one, two) = (town.wallet("0").await, town.wallet("0").await);
    let payees = json!([{"wallet": one, "weight": 1}, {"wallet": two, "weight": 2}]);
    let paid = json!({"payer": payer, "payees": payees, "amount": eur("36")});
    let paid = text(&town.post("/v1/payments", paid).await.is(201)["id"]);
    let receipt = town.get(&format!("/v1/payments/{paid}/receipt")).await;
    let receipt = receipt.is(200);
    let supplies = receipt["supplies"].as_array().unwrap();
    let shown: Vec<_> = supplies.iter().map(|s| (&s["net"], &s["tax"])).collect();
    let amounts = ["10", "2", "20", "4"].map(eur);
    assert_eq!(
        shown,
        [(&amounts[0], &amounts[1]), (&amounts[2], &amounts[3])]
    );
    let invoice = |payee: &str| {
        json!({
            "payer": payer, "payee": payee, "asset": "EUR", "product": "Reading",
            "from": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z",
            "buyer": {"name": "Ada"}, "seller": {"name": "S", "tax_number": "FR40303265045"},
        })
    };
    let mut papers = Vec::new();
    for (payee, expected) in [(&two, ["20.00", "4.00"]), (&one, ["10.00", "2.00"])] {
        let made = town.post("/v1/invoices", invoice(payee)).await.is(201);
        assert_eq!(sums(&made), expected);
        papers.push(made);
    }
    // By a refund and a dispute, all of it comes back.
    let path = format!("/v1/payments/{paid}/refund");
    town.post(&path, json!({"amount": eur("9")})).await.is(201);
    let dispute = town.post("/v1/disputes", json!({"payment": paid})).await;
    let path = format!("/v1/disputes/{}/resolve", text(&dispute.is(201)["id"]));
    let lost = json!({"verdict": "payer_wins"});
    town.post(&path, lost).await.is(200);
    for (paper, expected) in papers.iter().zip([["20.00", "4.00"], ["10.00", "2.00"]]) {
        let note = json!({"invoice": paper["id"], "reason": "given back"});
        let note = town.post("/v1/credit-notes", note).await.is(201);
        assert_eq!(sums(&note), expected);
    }
}

/// Calls a payment into question.
async fn dispute(town: &Town, payment: &str, amount: Option<&str>) -> String {
    let mut body = json!({"payment": payment});
    if let Some(amount) = amount {
        body["amount"] = eur(amount);
    }
    text(&town.post("/v1/disputes", body).await.is(201)["id"])
}

async fn resolve(town: &Town, dispute: &str, verdict: &str) {
    let path = format!("/v1/disputes/{dispute}/resolve");
    town.post(&path, json!({"verdict": verdict})).await.is(200);
}

#[tokio::test]
async fn a_dispute_that_was_lost_is_credited_as_a_refund_is() {
    for verdict in ["payer_wins", "channel_took"] {
        let stall = Bookstall::open().await;
        let town = &stall.market.town;
        let mut papers = Vec::new();
        for payee in [&stall.verlag, &stall.liffey] {
            papers.push(stall.issue(stall.sale(payee)).await);
            papers.push(stall.issue(stall.fee(payee)).await);
        }
        let won = dispute(town, &stall.paid, Some("4.25")).await;
        resolve(town, &won, "payee_wins").await;
        let held = dispute(town, &stall.paid, Some("8.5")).await;
        // Nobody has it back yet, or ever.
        for paper in &papers {
            stall.credits_nothing(paper).await;
        }
        resolve(town, &held, verdict).await;
        let gross = ["4.28", "0.34", "4.22", "0.34"];
        for (paper, gross) in papers.iter().zip(gross) {
            let note = stall.credit(paper).await;
            assert_eq!(note["gross"], gross, "{note}");
            stall.credits_nothing(paper).await;
        }
        // With the rest refunded, everything is back.
        let path = format!("/v1/payments/{}", stall.paid);
        town.post(&format!("{path}/refund"), json!({}))
            .await
            .is(201);
        for (paper, gross) in papers.iter().zip(["6.42", "0.51", "6.33", "0.51"]) {
            assert_eq!(stall.credit(paper).await["gross"], gross);
        }
        for class in ["seller_tax", "seller_rounding", "tax", "rounding"] {
            let left = stall.market.class(class).await;
            assert!(
                left.iter().all(|balance| balance == "0"),
                "{class}: {left:?}"
            );
        }
        stall.market.returns().await;
        let receipt = town.get(&format!("{path}/receipt")).await.is(200);
        assert_eq!(receipt["refunded"], eur("21.25"));
    }
}
