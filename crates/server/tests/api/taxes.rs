//! Tax rules over the API: set, asked, paid under, shown, returned and corrected.

use crate::town::{Town, eur, payment, text};
use serde_json::{Value, json};

/// Rules in force for a French operator whose sellers supply in their own name.
async fn rules(town: &Town) -> Value {
    let rules = json!({
        "built_in": true,
        "operator": {"country": "FR"},
        "platform": {"payment_only": true},
    });
    town.put("/v1/tax/rules", rules).await.is(200)
}

async fn party_of(town: &Town, wallet: &str) -> String {
    let wallet = town.get(&format!("/v1/wallets/{wallet}")).await.is(200);
    text(&wallet["party"])
}

#[tokio::test]
async fn a_payment_is_taxed_where_its_payer_is_and_says_why() {
    let town = Town::new().await;
    assert_eq!(town.get("/v1/tax/rules").await.is(200)["in_force"], false);
    let set = rules(&town).await;
    assert_eq!(
        (&set["version"], &set["in_force"]),
        (&json!(1), &json!(true))
    );
    let (payer, payee) = (town.wallet("500").await, town.wallet("0").await);
    let seller = json!({"seller": {
        "country": "IE", "registrations": [{"scheme": "oss_union", "country": "IE"}],
    }});
    let path = format!("/v1/tax/parties/{}", party_of(&town, &payee).await);
    town.put(&path, seller.clone()).await.is(200);
    let known = town.get(&path).await.is(200);
    assert_eq!(
        known["seller"]["registrations"],
        seller["seller"]["registrations"]
    );

    let asked = json!({"payer": payer, "payee": payee, "amount": eur("105.5"),
        "tax": {"category": "e_book", "evidence": {"ip": "FR"}}});
    let preview = town.post("/v1/tax/preview", asked).await.is(200);
    assert_eq!(preview["tax"], eur("5.5"));
    assert_eq!(preview["decided"]["sale"]["percent"], "5.5");

    let mut body = payment(&payer, &payee, "120");
    body["tax"] = json!({"evidence": {"ip": "FR"}});
    let paid = town.post("/v1/payments", body.clone()).await.is(201);
    assert_eq!(paid["tax"], eur("20"));
    let sale = &paid["tax_decided"]["sale"];
    assert_eq!(
        (&sale["place"], &sale["percent"]),
        (&json!("FR"), &json!("20"))
    );
    assert_eq!(sale["supplier"], "seller");
    assert_eq!(sale["registration"], "oss_union:IE");
    assert!(text(&sale["act"]).contains("278"), "{sale}");
    let id = text(&paid["id"]);
    let shown = town.get(&format!("/v1/payments/{id}")).await.is(200);
    assert_eq!(shown["tax_decided"], paid["tax_decided"]);
    let why = town.get(&format!("/v1/explanations/{id}")).await.is(200);
    assert_eq!(why["tax"], paid["tax_decided"]);

    // Evidence that contradicts is kept, and wants a look.
    body["tax"] = json!({"evidence": {"ip": "DE", "bank": "FR"}});
    let odd = town.post("/v1/payments", body.clone()).await.is(201);
    assert_eq!(odd["tax_decided"]["conflict"], json!(["ip"]));
    assert_eq!(odd["tax_decided"]["evidence"]["ip"], "DE");
    body["tax"] = json!({"category": "no such thing"});
    let wrong = town.post("/v1/payments", body).await;
    assert_eq!(wrong.problem(422, "malformed")["field"], "tax.category");
}

#[tokio::test]
async fn a_return_agrees_with_the_ledger_and_names_the_payments() {
    let town = Town::new().await;
    rules(&town).await;
    let (payer, payee) = (town.wallet("500").await, town.wallet("0").await);
    let mut body = payment(&payer, &payee, "120");
    body["tax"] = json!({"evidence": {"bank": "FR"}});
    let paid = town.post("/v1/payments", body).await.is(201);
    let path = format!("/v1/payments/{}/refund", text(&paid["id"]));
    town.post(&path, json!({"amount": eur("60")})).await.is(201);
    let period = "2000-01-01..2200-01-01";
    let path = format!("/v1/tax/returns?period={period}");
    let found = town.get(&format!("{path}&payments=true")).await.is(200);
    assert_eq!(found["agrees_with_ledger"], true);
    let lines = found["lines"].as_array().unwrap();
    assert_eq!(lines.len(), 1, "{found}");
    let line = &lines[0];
    assert_eq!((&line["net"], &line["tax"]), (&json!("50"), &json!("10")));
    assert_eq!(line["registration"], "national:FR");
    assert_eq!(line["behind"].as_array().unwrap().len(), 2);
    let none = town.get(&format!("{path}&registration=CH")).await.is(200);
    assert_eq!(none["lines"], json!([]));
    let csv = town.get(&format!("{path}&format=csv")).await;
    assert!(csv.text.starts_with("seller,registration,"), "{}", csv.text);
    assert!(
        csv.text.contains(",FR,sale,standard,taxed,20,EUR,50,10,2"),
        "{}",
        csv.text
    );
    let page = town.get(&format!("{path}&format=html")).await;
    assert!(page.text.contains("agree with the ledger"), "{}", page.text);
    let period = town.get("/v1/tax/returns?period=soon").await;
    assert_eq!(period.problem(400, "bad_query")["field"], "period");

    // A rate that was wrong: what is corrected balances, and a second key would approve it.
    let france = "country = \"FR\"\n[facts]\nname = \"France\"\ntax = \"TVA\"\ncurrency = \"EUR\"\n\
        [[rate]]\ncategory = [\"standard\"]\n\
        source = { act = \"A corrected act\", link = \"https://example.org\", \
        certainty = \"official\", checked = 2026-11-23 }\n\
        steps = [{ from = 2016-01-01, percent = \"10\" }]\n";
    let other = json!({
        "rules": {"countries": [france]},
        "operator": {"country": "FR"},
        "platform": {"payment_only": true},
    });
    town.put("/v1/tax/rules", other).await.is(200);
    let path = "/v1/tax/reassessment?period=2000-01-01..2200-01-01";
    let found = town.get(path).await.is(200);
    assert_eq!(found["payments"][0]["was"], "taxed FR 20");
    assert_eq!(found["payments"][0]["is"], "taxed FR 10");
    assert_eq!(found["payments"][0]["act"], "A corrected act");
    assert_eq!(found["corrections"][0]["amount"], "-4.545454545");
    let postings = found["postings"].as_array().unwrap().iter();
    let postings: Vec<Value> = postings
        .map(|p| json!({"account": p["account"], "amount": p["amount"]}))
        .collect();
    let correction = json!({"postings": postings, "reason": found["reason"]});
    town.post("/v1/corrections", correction).await.is(201);
}

#[tokio::test]
async fn a_business_with_a_confirmed_number_accounts_for_the_tax() {
    let town = Town::new().await;
    rules(&town).await;
    let checked = town.get("/v1/tax/numbers/DE136695976").await.is(200);
    assert_eq!(
        (&checked["valid"], &checked["country"]),
        (&json!(true), &json!("DE"))
    );
    let broken = town.get("/v1/tax/numbers/DE136695977").await.is(200);
    assert_eq!(broken["code"], "tax_number_check_digit");
    let party = json!({"kind": "business", "country": "DE"});
    let party = town.post("/v1/parties", party).await.is(201);
    let wallet = town
        .post("/v1/wallets", json!({"party": party["id"]}))
        .await;
    let wallet = text(&wallet.is(201)["id"]);
    let path = format!("/v1/tax/parties/{}", text(&party["id"]));
    let number = |number: &str| json!({"buyer": {"number": number, "confirmed": true}});
    let wrong = town.put(&path, number("DE136695977")).await;
    assert_eq!(wrong.problem(422, "malformed")["field"], "buyer.number");
    town.put(&path, number("DE136695976")).await.is(200);
    let payee = town.wallet("0").await;
    let asked = json!({"payer": wallet, "payee": payee, "amount": eur("100")});
    let preview = town.post("/v1/tax/preview", asked).await.is(200);
    assert_eq!(preview["tax"], eur("0"));
    assert_eq!(preview["decided"]["sale"]["treatment"], "reverse_charge");
    let rates = town.get("/v1/tax/rates?country=DE").await.is(200);
    let acts = rates["items"].as_array().unwrap().iter();
    assert!(
        acts.map(|rate| text(&rate["act"]))
            .any(|act| act.contains("UStG"))
    );
}
