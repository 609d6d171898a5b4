//! Papers: receipts, invoices, credit notes and statements.

use crate::town::{Reply, Town, eur, id, payment, text};
use identity::Scope;
use serde_json::{Value, json};

/// A seller and a buyer with names, and a few payments of fractions of a cent between them.
struct Shop {
    town: Town,
    seller: String,
    buyer: String,
    payments: Vec<String>,
}

const PRICES: [&str; 5] = ["0.0025", "0.003333333", "0.0107", "1.19", "0.000000007"];

impl Shop {
    async fn open() -> Shop {
        let town = Town::new().await;
        let terms = json!({"tax": [{"country": "FR", "rate": "0.2"}]});
        town.put("/v1/terms", terms).await.is(200);
        let (buyer, seller) = (town.wallet("10").await, town.wallet("0").await);
        for (wallet, name) in [(&buyer, "Ada & Söhne"), (&seller, "Éditions <Été>")] {
            let shown = town.get(&format!("/v1/wallets/{wallet}")).await.is(200);
            let party = text(&shown["party"]);
            let change = json!({
                "name": name,
                "metadata": {"tax_number": "FR40303265045", "street": "7 rue de la Paix", "city": "Paris"},
            });
            let path = format!("/v1/parties/{party}");
            town.patch(&path, change).await.is(200);
        }
        let mut payments = Vec::new();
        for price in PRICES {
            let paid = town.post("/v1/payments", payment(&buyer, &seller, price));
            payments.push(text(&paid.await.is(201)["id"]));
        }
        Shop {
            town,
            seller,
            buyer,
            payments,
        }
    }

    fn invoice(&self) -> Value {
        json!({
            "payer": self.buyer, "payee": self.seller, "asset": "EUR",
            "from": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z",
            "product": "Articles",
        })
    }

    async fn as_form(&self, path: &str, accept: &str) -> Reply {
        let accept = [("accept", accept)];
        self.town
            .ask(&self.town.admin, "GET", path, &accept, None)
            .await
    }
}

fn kind(reply: &Reply) -> &str {
    reply.headers["content-type"].to_str().unwrap()
}

#[tokio::test]
async fn a_receipt_shows_what_was_paid_to_the_atom() {
    let shop = Shop::open().await;
    let path = format!("/v1/payments/{}/receipt", shop.payments[1]);
    let receipt = shop.town.get(&path).await.is(200);
    assert_eq!(receipt["amount"], eur("0.003333333"));
    assert_eq!(receipt["tax"], eur("0.000555556"));
    assert_eq!(receipt["net"], eur("0.002777777"));
    assert_eq!(receipt["supplies"][0]["rate_percent"], "20");
    assert_eq!(receipt["supplies"][0]["treatment"], "taxed");
    assert_eq!(receipt["supplies"][0]["country"], "FR");
    assert_eq!(receipt["supplies"][0]["seller_name"], "Éditions <Été>");
    let html = shop.as_form(&format!("{path}?lang=de"), "text/html").await;
    assert_eq!(kind(&html), "text/html; charset=utf-8");
    assert!(html.text.contains("<h1>Quittung</h1>"), "{}", html.text);
    assert!(html.text.contains("Éditions &lt;Été&gt;") && html.text.contains("0,003333333"));
    let spoken = [
        ("accept", "text/html"),
        ("accept-language", "ja;q=0.9, en;q=0.1"),
    ];
    let html = shop
        .town
        .ask(&shop.town.admin, "GET", &path, &spoken, None)
        .await;
    assert!(html.text.contains("<h1>領収書</h1>"));
    let unspoken = shop.town.get(&format!("{path}?lang=xx")).await;
    assert_eq!(unspoken.problem(400, "bad_query")["field"], "lang");
}

#[tokio::test]
async fn a_receipt_says_what_was_given_back_and_what_was_not_taxed() {
    let shop = Shop::open().await;
    let refund = json!({"amount": eur("0.19")});
    let path = format!("/v1/payments/{}", shop.payments[3]);
    shop.town
        .post(&format!("{path}/refund"), refund)
        .await
        .is(201);
    let list = shop.town.caught_up("/v1/refunds").await;
    shop.town.get(&list).await.is(200);
    let receipt = shop.town.get(&format!("{path}/receipt")).await.is(200);
    assert_eq!(receipt["refunded"], eur("0.19"));
    shop.town.put("/v1/terms", json!({})).await.is(200);
    let paid = shop
        .town
        .post("/v1/payments", payment(&shop.buyer, &shop.seller, "1"));
    let path = format!("/v1/payments/{}/receipt", text(&paid.await.is(201)["id"]));
    let receipt = shop.town.get(&path).await.is(200);
    assert_eq!(receipt["supplies"][0]["treatment"], "out_of_scope");
    assert_eq!(receipt["tax"], eur("0"));
}

#[tokio::test]
async fn a_month_of_payments_is_one_invoice_and_each_payment_stands_on_one() {
    let shop = Shop::open().await;
    let made = shop
        .town
        .keyed("POST", "/v1/invoices", "march", &shop.invoice())
        .await;
    let invoice = made.is(201);
    let number = text(&invoice["number"]);
    assert!(
        number.starts_with("INV-") && number.ends_with("-000001"),
        "{number}"
    );
    assert_eq!(invoice["lines"].as_array().unwrap().len(), 1);
    assert_eq!(invoice["lines"][0]["payments"], 5);
    // 1.206533340 was paid, of which 1.005444449 is without tax.
    for (field, amount) in [
        ("net", "1.01"),
        ("tax", "0.20"),
        ("gross", "1.21"),
        ("paid", "1.21"),
        ("rounding", "0.00"),
        ("due", "0.00"),
    ] {
        assert_eq!(invoice[field], amount, "{field}");
    }
    assert_eq!(invoice["remainder"]["gross"], "0.00346666");
    let posted = text(&invoice["remainder"]["taxes"][0]["posted"]);
    let adjustment = text(&invoice["remainder"]["taxes"][0]["adjustment"]);
    let eur = money::Asset::known("EUR").unwrap();
    let sum = [posted, adjustment].map(|text| eur.parse_signed(&text).unwrap());
    assert_eq!(sum.iter().sum::<i128>(), 200_000_000);

    let again = shop
        .town
        .keyed("POST", "/v1/invoices", "march", &shop.invoice())
        .await;
    assert!(again.replayed());
    assert_eq!(again.is(201), invoice);
    let mut other = shop.invoice();
    other["product"] = json!("Other articles");
    let other = shop
        .town
        .keyed("POST", "/v1/invoices", "march", &other)
        .await;
    other.problem(422, "id_reused");
    let rest = shop.town.post("/v1/invoices", shop.invoice()).await;
    rest.problem(422, "paper_empty");

    let paid = shop
        .town
        .post("/v1/payments", payment(&shop.buyer, &shop.seller, "1"));
    paid.await.is(201);
    let second = shop.town.post("/v1/invoices", shop.invoice()).await.is(201);
    assert!(text(&second["number"]).ends_with("-000002"));
    assert_eq!(second["lines"][0]["payments"], 1);
    let list = shop.town.get("/v1/invoices?limit=1").await.is(200);
    assert_eq!(list["items"][0]["number"], second["number"]);
    let next = format!("/v1/invoices?cursor={}", text(&list["next"]));
    assert_eq!(
        shop.town.get(&next).await.is(200)["items"][0]["number"],
        invoice["number"]
    );
}

#[tokio::test]
async fn a_paper_is_given_in_every_form_and_always_the_same() {
    let shop = Shop::open().await;
    let invoice = shop.town.post("/v1/invoices", shop.invoice()).await.is(201);
    let path = format!("/v1/invoices/{}", text(&invoice["id"]));
    assert_eq!(shop.town.get(&path).await.is(200), invoice);
    assert_eq!(
        shop.town.get(&format!("{path}.json")).await.is(200),
        invoice
    );
    for (ending, media, part) in [
        (
            "xml",
            "application/xml",
            "<cbc:PayableAmount currencyID=\"EUR\">0.00",
        ),
        ("html", "text/html; charset=utf-8", "Éditions &lt;Été&gt;"),
        ("pdf", "application/pdf", "%PDF-"),
    ] {
        let by_ending = shop.town.get(&format!("{path}.{ending}")).await;
        assert_eq!(kind(&by_ending), media);
        assert!(by_ending.text.contains(part), "{}", by_ending.text);
        let by_accept = shop.as_form(&path, media.split(';').next().unwrap()).await;
        assert_eq!(by_accept.text, by_ending.text);
        // Whatever becomes of the parties, what was issued stays.
        let shown = shop
            .town
            .get(&format!("/v1/wallets/{}", shop.seller))
            .await
            .is(200);
        let party = format!("/v1/parties/{}", text(&shown["party"]));
        shop.town
            .patch(&party, json!({"name": ending}))
            .await
            .is(200);
        assert_eq!(
            shop.town.get(&format!("{path}.{ending}")).await.text,
            by_ending.text
        );
    }
    for wrong in [
        format!("{path}.doc"),
        format!("{path}0"),
        path.replace("inv_", "crn_"),
    ] {
        shop.town.get(&wrong).await.problem(404, "not_found");
    }
    let other = shop
        .town
        .ask(&shop.town.other, "GET", &path, &[], None)
        .await;
    other.problem(404, "not_found");
    let payer = shop.town.key(&[Scope::PaymentsWrite, Scope::PaymentsRead]);
    let body = shop.invoice().to_string();
    let refused = shop
        .town
        .ask(&payer, "POST", "/v1/invoices", &[], Some(&body))
        .await;
    refused.problem(403, "scope_missing");
}

#[tokio::test]
async fn a_credit_note_names_the_invoice_and_takes_what_was_refunded_once() {
    let shop = Shop::open().await;
    let invoice = shop.town.post("/v1/invoices", shop.invoice()).await.is(201);
    let wanted = json!({"invoice": invoice["id"], "reason": "could not be opened"});
    let early = shop.town.post("/v1/credit-notes", wanted.clone()).await;
    early.problem(422, "paper_empty");
    for (payment, amount) in [(3, "0.595"), (2, "0.0107")] {
        let path = format!("/v1/payments/{}/refund", shop.payments[payment]);
        let refund = json!({"amount": eur(amount)});
        shop.town.post(&path, refund).await.is(201);
    }
    // Terms of today change nothing about tax of then.
    let terms = json!({"tax": [{"country": "FR", "rate": "0.055"}]});
    shop.town.put("/v1/terms", terms).await.is(200);
    let note = shop
        .town
        .post("/v1/credit-notes", wanted.clone())
        .await
        .is(201);
    assert_eq!(note["kind"], "credit_note");
    assert_eq!(note["corrects"], invoice["id"]);
    assert!(text(&note["number"]).starts_with("CRN-"));
    assert_eq!(note["taxes"][0]["rate_percent"], "20");
    // 0.6057 was given back, which is 0.50 and 0.10 in cents; the rounding closes the gap.
    for (field, amount) in [
        ("net", "0.50"),
        ("tax", "0.10"),
        ("paid", "0.61"),
        ("rounding", "0.01"),
    ] {
        assert_eq!(note[field], amount, "{field}");
    }
    let path = format!("/v1/credit-notes/{}", text(&note["id"]));
    let xml = shop.town.get(&format!("{path}.xml")).await.text;
    let reference = format!("<cbc:ID>{}</cbc:ID>", text(&invoice["number"]));
    assert!(
        xml.contains("<CreditNote ") && xml.contains(&reference),
        "{xml}"
    );
    let again = shop.town.post("/v1/credit-notes", wanted).await;
    again.problem(422, "paper_empty");
    let of_note = json!({"invoice": text(&note["id"]).replace("crn_", "inv_"), "reason": "x"});
    let of_note = shop.town.post("/v1/credit-notes", of_note).await;
    of_note.problem(404, "not_found");
    assert_eq!(
        shop.town.get("/v1/credit-notes").await.is(200)["items"][0]["id"],
        note["id"]
    );
}

#[tokio::test]
async fn what_is_outside_the_scope_of_tax_has_a_paper_of_its_own() {
    let shop = Shop::open().await;
    shop.town.put("/v1/terms", json!({})).await.is(200);
    let paid = payment(&shop.buyer, &shop.seller, "1");
    shop.town.post("/v1/payments", paid).await.is(201);
    let mixed = shop.town.post("/v1/invoices", shop.invoice()).await;
    mixed.problem(422, "out_of_scope_mixed");
    for (outside, treatment, payments) in [(true, "out_of_scope", 1), (false, "taxed", 5)] {
        let mut body = shop.invoice();
        body["out_of_scope"] = json!(outside);
        let made = shop.town.post("/v1/invoices", body).await.is(201);
        assert_eq!(made["taxes"][0]["treatment"], treatment);
        assert_eq!(made["lines"][0]["payments"], payments);
    }
}

#[tokio::test]
async fn a_simplified_invoice_has_no_electronic_form_and_ends_at_a_threshold() {
    let shop = Shop::open().await;
    let mut body = shop.invoice();
    body["kind"] = json!("simplified_invoice");
    body["language"] = json!("fr");
    let invoice = shop.town.post("/v1/invoices", body.clone()).await.is(201);
    assert!(text(&invoice["number"]).starts_with("SIM-"));
    let path = format!("/v1/invoices/{}", text(&invoice["id"]));
    let html = shop.town.get(&format!("{path}.html")).await.text;
    assert!(html.contains("Facture simplifiée"), "{html}");
    let xml = shop.town.get(&format!("{path}.xml")).await;
    xml.problem(409, "no_electronic_form");
    let rich = shop.town.wallet("500").await;
    let paid = shop
        .town
        .post("/v1/payments", payment(&rich, &shop.seller, "100.01"));
    paid.await.is(201);
    body["payer"] = json!(rich);
    let refused = shop.town.post("/v1/invoices", body.clone()).await;
    refused.problem(409, "full_invoice_needed");
    body["kind"] = json!("invoice");
    let nameless = shop.town.post("/v1/invoices", body.clone()).await;
    nameless.problem(422, "party_incomplete");
    body["buyer"] = json!({"name": "Rich", "tax_number": "FR40303265045"});
    let named = shop.town.post("/v1/invoices", body).await.is(201);
    // The refusals before it took no number.
    assert!(text(&named["number"]).ends_with("-000001"));
    assert_eq!(named["buyer_name"], "Rich");
}

#[tokio::test]
async fn a_statement_runs_from_opening_to_closing() {
    let shop = Shop::open().await;
    let of = |from: &str, until: &str| {
        let wallet = &shop.buyer;
        format!("/v1/statements?wallet={wallet}&asset=EUR&from={from}&until={until}")
    };
    let all = of("2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z");
    let statement = shop.town.get(&all).await.is(200);
    assert_eq!(statement["opening"], "0");
    assert_eq!(
        statement["closing"],
        json!(shop.town.balance(&shop.buyer).await)
    );
    let movements = statement["movements"].as_array().unwrap();
    assert_eq!(movements.last().unwrap()["amount"], "-0.000000007");
    let from = text(&movements[2]["at"]);
    let later = shop
        .town
        .get(&of(&from, "2100-01-01T00:00:00Z"))
        .await
        .is(200);
    let eur = money::Asset::known("EUR").unwrap();
    let sum = |statement: &Value| {
        let movements = statement["movements"].as_array().unwrap();
        let amounts = movements.iter().map(|one| text(&one["amount"]));
        amounts
            .map(|text| eur.parse_signed(&text).unwrap())
            .sum::<i128>()
    };
    let opening = eur.parse_signed(&text(&later["opening"])).unwrap();
    assert_eq!(
        eur.format_signed(opening + sum(&later)),
        text(&later["closing"])
    );
    assert_eq!(later["closing"], statement["closing"]);
    let past = shop
        .town
        .get(&of("2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"))
        .await
        .is(200);
    assert_eq!(
        (&past["opening"], &past["closing"]),
        (&json!("0"), &json!("0"))
    );
    let csv = shop.as_form(&all, "text/csv").await;
    assert_eq!(kind(&csv), "text/csv; charset=utf-8");
    assert_eq!(csv.text.lines().count(), 2 + movements.len());
    let html = shop.as_form(&format!("{all}&lang=ko"), "text/html").await;
    assert!(html.text.contains("거래내역서") && html.text.contains("Ada &amp; Söhne"));
    let nobody = id(&shop.town, "wal");
    let nobody = all.replace(&shop.buyer, &nobody);
    shop.town.get(&nobody).await.problem(404, "not_found");
}

#[tokio::test]
async fn under_tax_rules_papers_say_what_was_decided() {
    let town = Town::new().await;
    let rules = json!({
        "built_in": true, "operator": {"country": "FR"}, "platform": {"payment_only": true},
    });
    town.put("/v1/tax/rules", rules).await.is(200);
    let consumer = town.wallet("50").await;
    let business = json!({"kind": "business", "country": "FR"});
    let business = town.post("/v1/parties", business).await.is(201);
    let business = json!({"party": business["id"]});
    let business = text(&town.post("/v1/wallets", business).await.is(201)["id"]);
    let topup = json!({"wallet": business, "amount": eur("50"), "source": "card"});
    let topup = town.post("/v1/topups", topup).await.is(201);
    let settle = format!("/v1/topups/{}/settle", text(&topup["id"]));
    town.post(&settle, json!({})).await.is(200);
    let seller = town.wallet("0").await;
    let party = |wallet: &str| {
        let (town, path) = (&town, format!("/v1/wallets/{wallet}"));
        async move { text(&town.get(&path).await.is(200)["party"]) }
    };
    let facts = json!({"seller": {
        "country": "IE", "registrations": [{"scheme": "oss_union", "country": "IE"}],
    }});
    let path = format!("/v1/tax/parties/{}", party(&seller).await);
    town.put(&path, facts).await.is(200);
    let number = json!({"buyer": {"number": "FR40303265045", "confirmed": true}});
    let path = format!("/v1/tax/parties/{}", party(&business).await);
    town.put(&path, number).await.is(200);
    let mut book = payment(&consumer, &seller, "10.55");
    book["tax"] = json!({"category": "e_book", "evidence": {"ip": "FR"}});
    let book = town.post("/v1/payments", book).await.is(201);
    let calls = town
        .post("/v1/payments", payment(&business, &seller, "10"))
        .await
        .is(201);
    let receipt = |paid: &Value| {
        let (town, id) = (&town, text(&paid["id"]));
        async move {
            town.get(&format!("/v1/payments/{id}/receipt"))
                .await
                .is(200)
        }
    };
    let shown = receipt(&book).await;
    assert_eq!(
        (
            &shown["supplies"][0]["treatment"],
            &shown["supplies"][0]["rate_percent"]
        ),
        (&json!("taxed"), &json!("5.5"))
    );
    assert_eq!(shown["tax"], eur("0.55"));
    let shown = receipt(&calls).await;
    assert_eq!(shown["supplies"][0]["treatment"], "reverse_charge");
    assert!(
        text(&shown["supplies"][0]["reason"]).contains("196"),
        "{shown}"
    );
    let invoice = |payer: &str, buyer: Value| {
        json!({
            "payer": payer, "payee": seller, "asset": "EUR", "product": "Reading",
            "from": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z", "buyer": buyer,
            "seller": {"name": "Liffey Ltd", "country": "IE", "tax_number": "IE6433435F"},
        })
    };
    // The number that was checked stands on it.
    let reverse = town
        .post("/v1/invoices", invoice(&business, json!({"name": "B"})))
        .await
        .is(201);
    let xml = format!("/v1/invoices/{}.xml", text(&reverse["id"]));
    let xml = town.get(&xml).await.text;
    assert!(xml.contains("<cbc:CompanyID>FR40303265045<"), "{xml}");
    assert_eq!(reverse["taxes"][0]["treatment"], "reverse_charge");
    let reason = text(&reverse["taxes"][0]["reason"]);
    assert!(
        reason.contains("196") && !reason.contains("evidence"),
        "{reason}"
    );
    assert_eq!(
        (&reverse["tax"], &reverse["gross"]),
        (&json!("0.00"), &json!("10.00"))
    );
    let sold = town
        .post("/v1/invoices", invoice(&consumer, json!({"name": "A"})))
        .await;
    let sold = sold.is(201);
    assert_eq!(
        (&sold["net"], &sold["tax"]),
        (&json!("10.00"), &json!("0.55"))
    );
    // Where the platform supplies, the payee has sold nothing to the payer.
    let rules = json!({"built_in": true, "operator": {"country": "FR"}});
    town.put("/v1/tax/rules", rules).await.is(200);
    let paid = town
        .post("/v1/payments", payment(&consumer, &seller, "1"))
        .await
        .is(201);
    assert_eq!(paid["tax_decided"]["sale"]["supplier"], "operator");
    let refused = town
        .post("/v1/invoices", invoice(&consumer, json!({"name": "A"})))
        .await;
    refused.problem(409, "wrong_state");
}
