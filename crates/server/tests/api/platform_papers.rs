//! What the platform itself supplies: in its own name to payers, and its fee to sellers. And what
//! rounding papers leaves, in the ledger.

use crate::town::{Town, config, eur, payment, text};
use serde_json::{Value, json};

/// A town whose platform is a business of France, by tax rules.
pub(crate) struct Market {
    pub(crate) town: Town,
    /// The operator's own party.
    pub(crate) issuer: String,
}

const ALWAYS: &str = "2000-01-01..2200-01-01";

impl Market {
    pub(crate) async fn open(platform: Value) -> Market {
        let town = Town::new().await;
        town.put("/v1/terms", json!({"fee": {"share": "0.1"}}))
            .await
            .is(200);
        let rules = json!({"built_in": true, "operator": {"country": "FR"}, "platform": platform});
        town.put("/v1/tax/rules", rules).await.is(200);
        let issuer = json!({
            "kind": "business", "country": "FR", "name": "Le Marché SAS",
            "metadata": {"tax_number": "FR40303265045", "city": "Paris"},
        });
        let issuer = town.post("/v1/parties", issuer).await.is(201);
        let issuer = text(&issuer["id"]);
        Market { town, issuer }
    }

    /// A business's wallet, and its party.
    pub(crate) async fn business(&self, country: &str, name: &str) -> (String, String) {
        let party = json!({"kind": "business", "country": country, "name": name});
        let party = text(&self.town.post("/v1/parties", party).await.is(201)["id"]);
        let wallet = self.town.post("/v1/wallets", json!({"party": party})).await;
        (text(&wallet.is(201)["id"]), party)
    }

    pub(crate) async fn pay(&self, payer: &str, payee: &str, amount: &str) -> String {
        let paid = self
            .town
            .post("/v1/payments", payment(payer, payee, amount));
        text(&paid.await.is(201)["id"])
    }

    pub(crate) async fn refund(&self, payment: &str, amount: Value) {
        let path = format!("/v1/payments/{payment}/refund");
        let refund = json!({"amount": amount});
        self.town.post(&path, refund).await.is(201);
    }

    pub(crate) fn invoice(&self, more: Value) -> Value {
        let mut body = json!({
            "asset": "EUR", "product": "Reading",
            "from": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z",
        });
        let fields = more.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(fields);
        body
    }

    pub(crate) async fn returns(&self) -> Value {
        let path = format!("/v1/tax/returns?period={ALWAYS}&payments=true");
        let found = self.town.get(&path).await.is(200);
        assert_eq!(found["agrees_with_ledger"], true, "{found}");
        found
    }

    pub(crate) async fn class(&self, class: &str) -> Vec<String> {
        let path = self.town.caught_up("/v1/ledger/accounts").await;
        let joint = if path.contains('?') { '&' } else { '?' };
        let found = self.town.get(&format!("{path}{joint}class={class}")).await;
        let found = found.is(200);
        let items = found["items"].as_array().unwrap().iter();
        items.map(|account| text(&account["balance"])).collect()
    }
}

#[tokio::test]
async fn the_platform_invoices_what_it_supplies_over_all_sellers() {
    let market = Market::open(json!({"authorises_charge": true})).await;
    let town = &market.town;
    let (buyer, _) = market.business("FR", "Lectrice SARL").await;
    let topup = json!({"wallet": buyer, "amount": eur("50"), "source": "card"});
    let topup = town.post("/v1/topups", topup).await.is(201);
    let settle = format!("/v1/topups/{}/settle", text(&topup["id"]));
    town.post(&settle, json!({})).await.is(200);
    let (first, second) = (town.wallet("0").await, town.wallet("0").await);
    let paid = market.pay(&buyer, &first, "1.20").await;
    market.pay(&buyer, &second, "2.40").await;

    // Who was paid has sold nothing to the buyer.
    let own = market.invoice(json!({"payer": buyer, "payee": first}));
    let own = town.post("/v1/invoices", own).await;
    assert_eq!(own.problem(409, "wrong_state")["field"], "supply");
    for (body, status, code, field) in [
        (json!({"payer": buyer}), 422, "malformed", "issuer"),
        (json!({"issuer": market.issuer}), 422, "malformed", "payer"),
        (
            json!({"payer": buyer, "issuer": "par_01936b2f140070008000000000000013"}),
            404,
            "not_found",
            "issuer",
        ),
    ] {
        let mut body = market.invoice(body);
        body["supply"] = json!("platform");
        let refused = town.post("/v1/invoices", body).await;
        assert_eq!(refused.problem(status, code)["field"], field);
    }
    let (_, foreign) = market.business("DE", "Somebody else").await;
    let body = json!({"supply": "platform", "payer": buyer, "issuer": foreign});
    let refused = town.post("/v1/invoices", market.invoice(body)).await;
    assert_eq!(refused.problem(409, "wrong_state")["field"], "issuer");

    let body = json!({"supply": "platform", "payer": buyer, "issuer": market.issuer});
    let made = town
        .post("/v1/invoices", market.invoice(body))
        .await
        .is(201);
    assert_eq!(made["seller"], json!(market.issuer));
    assert_eq!(
        (&made["seller_name"], &made["buyer_name"]),
        (&json!("Le Marché SAS"), &json!("Lectrice SARL"))
    );
    assert!(text(&made["number"]).ends_with("-000001"), "{made}");
    assert_eq!(
        (&made["lines"][0]["payments"], &made["net"], &made["tax"]),
        (&json!(2), &json!("3.00"), &json!("0.60"))
    );
    let path = format!("/v1/invoices/{}.xml", text(&made["id"]));
    let xml = town.get(&path).await.text;
    assert!(
        xml.contains("<cbc:CompanyID>FR40303265045</cbc:CompanyID>"),
        "{xml}"
    );
    // What was given back is credited by the platform, too.
    market.refund(&paid, eur("1.20")).await;
    let note = json!({"invoice": made["id"], "reason": "could not be opened"});
    let note = town.post("/v1/credit-notes", note).await.is(201);
    assert_eq!(note["seller"], json!(market.issuer));
    assert_eq!(
        (&note["net"], &note["tax"]),
        (&json!("1.00"), &json!("0.20"))
    );
}

#[tokio::test]
async fn the_fee_is_invoiced_to_the_seller_with_its_own_treatment() {
    let market = Market::open(json!({"payment_only": true})).await;
    let town = &market.town;
    let payer = town.wallet("500").await;
    let (abroad, german) = market.business("DE", "Verlag GmbH").await;
    let (home, _) = market.business("FR", "Éditions SARL").await;
    let number = json!({"buyer": {"number": "DE 136 695 976", "confirmed": true}});
    town.put(&format!("/v1/tax/parties/{german}"), number)
        .await
        .is(200);
    let paid = market.pay(&payer, &abroad, "12").await;
    market.pay(&payer, &abroad, "24").await;
    market.pay(&payer, &home, "12").await;

    let fee = |payee: &str| {
        let mut body = market.invoice(json!({"supply": "fee", "issuer": market.issuer}));
        (body["payee"], body["product"]) = (json!(payee), json!("Fee"));
        body
    };
    let mut wrong = fee(&abroad);
    wrong["payer"] = json!(payer);
    let wrong = town.post("/v1/invoices", wrong).await;
    assert_eq!(wrong.problem(422, "malformed")["field"], "payer");
    // Whose number was confirmed accounts for the tax of the fee; the number stands on it.
    let made = town.post("/v1/invoices", fee(&abroad)).await.is(201);
    assert_eq!(made["taxes"][0]["treatment"], "reverse_charge");
    assert_eq!(
        (&made["lines"][0]["payments"], &made["net"], &made["tax"]),
        (&json!(2), &json!("3.60"), &json!("0.00"))
    );
    let path = format!("/v1/invoices/{}.xml", text(&made["id"]));
    let xml = town.get(&path).await.text;
    assert!(
        xml.contains("<cbc:CompanyID>DE136695976</cbc:CompanyID>"),
        "{xml}"
    );
    assert!(xml.contains("<cbc:ID>AE</cbc:ID>"), "{xml}");
    // At home it bears tax, within what the terms take.
    let made = town.post("/v1/invoices", fee(&home)).await.is(201);
    assert!(
        text(&made["number"]).ends_with("-000002"),
        "one series: {made}"
    );
    assert_eq!(
        (&made["net"], &made["tax"], &made["gross"]),
        (&json!("1.00"), &json!("0.20"), &json!("1.20"))
    );
    let again = town.post("/v1/invoices", fee(&home)).await;
    again.problem(422, "paper_empty");
    // The sales of the same payments stand on invoices of their own.
    let sale = json!({"payer": payer, "payee": home, "buyer": {"name": "Ada"},
        "seller": {"tax_number": "FR40303265045"}});
    let sale = town
        .post("/v1/invoices", market.invoice(sale))
        .await
        .is(201);
    assert_eq!(sale["gross"], "12.00");
    // A fee that was given back with its payment is credited.
    let german_invoice = town.get("/v1/invoices?limit=100").await.is(200);
    let items = german_invoice["items"].as_array().unwrap();
    let first = items.last().unwrap()["id"].clone();
    market.refund(&paid, eur("6")).await;
    let note = json!({"invoice": first, "reason": "given back"});
    let note = town.post("/v1/credit-notes", note).await.is(201);
    assert_eq!(
        (&note["net"], &note["tax"]),
        (&json!("0.60"), &json!("0.00"))
    );
    assert_eq!(note["taxes"][0]["treatment"], "reverse_charge");
}

#[tokio::test]
async fn a_buyers_number_is_kept_with_its_check_and_leaves_with_it() {
    let market = Market::open(json!({"payment_only": true})).await;
    let town = &market.town;
    let (wallet, party) = market.business("DE", "Käufer GmbH").await;
    let path = format!("/v1/tax/parties/{party}");
    let number = json!({"buyer": {"number": "de136695976", "confirmed": true}});
    let set = town.put(&path, number.clone()).await.is(200);
    assert_eq!(set["buyer"]["number"], "DE136695976");
    assert_eq!(town.get(&path).await.is(200), set);
    // The journal has its country and nothing else of it.
    let journal = std::fs::read(town.dir().join("journal.db")).unwrap();
    let store = std::fs::read(town.dir().join("store.db")).unwrap();
    for bytes in [journal, store] {
        assert!(!bytes.windows(9).any(|part| part == b"136695976"));
    }
    let taken = town.put(&path, json!({})).await.is(200);
    assert_eq!(
        (&taken, town.get(&path).await.is(200)),
        (&json!({}), json!({}))
    );
    town.put(&path, number.clone()).await.is(200);
    let data = format!("/v1/parties/{party}/personal-data");
    town.ask(&town.admin, "DELETE", &data, &[], None)
        .await
        .is(200);
    let known = town.get(&path).await.is(200);
    assert_eq!(known["buyer"], json!({"country": "DE", "confirmed": true}));
    let again = town.put(&path, number).await;
    assert_eq!(again.status, 409, "{}", again.text);
    town.put(&path, json!({})).await.is(200);
    assert!(!wallet.is_empty());
}

#[tokio::test]
async fn what_rounding_a_paper_leaves_is_posted_once_and_given_back() {
    let market = Market::open(json!({"payment_only": true})).await;
    let town = &market.town;
    let (buyer, seller) = (town.wallet("10").await, town.wallet("0").await);
    let mut payments = Vec::new();
    for price in ["0.0025", "0.003333333", "0.0107"] {
        payments.push(market.pay(&buyer, &seller, price).await);
    }
    let bare = market.returns().await;
    let sale = |found: &Value| {
        let lines = found["lines"].as_array().unwrap();
        lines
            .iter()
            .find(|line| line["supply"] == "sale")
            .unwrap()
            .clone()
    };
    assert_eq!(sale(&bare)["tax"], "0.002755556");
    let body = market.invoice(
        json!({"payer": buyer, "payee": seller, "buyer": {"name": "Ada"},
        "seller": {"name": "Shop", "tax_number": "FR40303265045"}}),
    );
    let made = town
        .keyed("POST", "/v1/invoices", "march", &body)
        .await
        .is(201);
    // 0.013777777 without tax is a cent, and a fifth of that is nothing.
    assert_eq!(made["tax"], "0.00");
    assert_eq!(made["remainder"]["is_posted"], true);
    assert_eq!(made["remainder"]["taxes"][0]["adjustment"], "-0.002755556");
    let stated = market.returns().await;
    assert_eq!(sale(&stated)["tax"], "0");
    assert_eq!(sale(&stated)["events"], 4);
    assert_eq!(market.class("seller_rounding").await, ["0.002755556"]);
    let again = town.keyed("POST", "/v1/invoices", "march", &body).await;
    assert!(again.replayed());
    assert_eq!(again.is(201), made);
    assert_eq!(market.returns().await, stated);
    // Credited in two notes, everything is as it was before there was anything.
    let note = json!({"invoice": made["id"], "reason": "given back"});
    for payments in [&payments[..1], &payments[1..]] {
        for payment in payments {
            market.refund(payment, Value::Null).await;
        }
        town.post("/v1/credit-notes", note.clone()).await.is(201);
    }
    assert_eq!(sale(&market.returns().await)["tax"], "0");
    assert_eq!(market.class("seller_rounding").await, ["0"]);
    assert_eq!(market.class("seller_tax").await, ["0"]);
}

#[tokio::test]
async fn a_japanese_invoice_owes_what_it_states() {
    let town = Town::new().await;
    let rules = json!({
        "built_in": true, "operator": {"country": "JP", "registrations":
            [{"scheme": "national", "country": "JP"}]},
        "platform": {"payment_only": true},
    });
    town.put("/v1/tax/rules", rules).await.is(200);
    let party = |name: &str, kind: &str| json!({"kind": kind, "country": "JP", "name": name});
    let mut wallets = Vec::new();
    for (name, kind) in [("Reader", "person"), ("Shop", "business")] {
        let made = town.post("/v1/parties", party(name, kind)).await.is(201);
        let wallet = town.post("/v1/wallets", json!({"party": made["id"]})).await;
        wallets.push((text(&wallet.is(201)["id"]), text(&made["id"])));
    }
    let [(reader, _), (shop, shops)] = <[_; 2]>::try_from(wallets).unwrap();
    let facts = json!({"seller": {"country": "JP",
        "registrations": [{"scheme": "national", "country": "JP"}]}});
    town.put(&format!("/v1/tax/parties/{shops}"), facts)
        .await
        .is(200);
    let yen = |amount: &str| json!({"amount": amount, "asset": "JPY"});
    let topup = json!({"wallet": reader, "amount": yen("5000"), "source": "card"});
    let topup = town.post("/v1/topups", topup).await.is(201);
    let settle = format!("/v1/topups/{}/settle", text(&topup["id"]));
    town.post(&settle, json!({})).await.is(200);
    for _ in 0..9 {
        let paid = json!({"payer": reader, "payee": shop, "amount": yen("1.05")});
        town.post("/v1/payments", paid).await.is(201);
    }
    let returns = || async {
        let found = town.get(&format!("/v1/tax/returns?period={ALWAYS}")).await;
        let found = found.is(200);
        assert_eq!(found["agrees_with_ledger"], true, "{found}");
        text(&found["lines"][0]["tax"])
    };
    // An eleventh of 1.05 yen each, to the atom; an invoice over nine yen states the 0.82 as nothing.
    let posted = returns().await;
    assert!(posted.starts_with("0.859"), "{posted}");
    let invoice = json!({
        "payer": reader, "payee": shop, "asset": "JPY", "product": "記事",
        "from": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z",
        "seller": {"tax_number": "T1234567890123"},
    });
    let made = town.post("/v1/invoices", invoice).await.is(201);
    assert_eq!(made["tax"], "0");
    assert_eq!(returns().await, "0");
}

#[tokio::test]
async fn what_a_crash_left_to_post_is_posted_by_the_next_server() {
    let market = Market::open(json!({"payment_only": true})).await;
    let town = &market.town;
    let (buyer, seller) = (town.wallet("10").await, town.wallet("0").await);
    market.pay(&buyer, &seller, "1.2").await;
    let party = town.get(&format!("/v1/wallets/{seller}")).await.is(200);
    let party = engine::Id::parse("par", &text(&party["party"])).unwrap();
    let to_post = serde_json::to_vec(&[engine::command::TaxRounding {
        case: 1,
        seller: engine::ids::PartyId(party),
        is_fee: false,
        country: engine::terms::Country::UNKNOWN,
        asset: ledger::AssetNo(0),
        amount: -7,
    }]);
    let to_post = to_post.unwrap();
    let new = store::NewPaper {
        tenant: town.tenants[0],
        id: 77,
        seller: 5,
        kind: "invoice",
        supply: store::PaperSupply::Sale,
        year: 2026,
        asked: [0; 32],
        original: None,
        covers: &[],
    };
    let issued = town
        .store
        .issue_paper(&new, 5, &mut identity::OsRandom, |_| {
            Ok::<_, ()>(store::Made {
                label: "INV-2026-000001".to_owned(),
                forms: Vec::new(),
                to_post: Some(to_post),
            })
        });
    assert!(matches!(issued, Ok(store::Issue::Issued(paper)) if !paper.is_posted));
    let left = || town.store.papers_to_post(9).unwrap();
    assert_eq!(left().len(), 1);
    for _ in 0..2 {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (node, store) = (town.node.clone(), town.store.clone());
        let app = server::App::new(node, store, town.keys.clone(), config());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let serving = tokio::spawn(server::serve(listener, app, async {
            let _ = stopped.await;
        }));
        let begun = std::time::Instant::now();
        while !left().is_empty() {
            assert!(begun.elapsed().as_secs() < 60, "it is not posted");
            tokio::task::yield_now().await;
        }
        drop(stop);
        serving.await.unwrap();
        assert_eq!(market.class("seller_rounding").await, ["0.000000007"]);
    }
}

#[tokio::test]
async fn papers_of_the_api_are_valid_by_the_published_rules() {
    let market = Market::open(json!({"payment_only": true})).await;
    let town = &market.town;
    let payer = town.wallet("500").await;
    let (seller, party) = market.business("DE", "Verlag GmbH").await;
    for (party, peppol) in [
        (&market.issuer, "0009:73282932000074"),
        (&party, "9930:DE136695976"),
    ] {
        let kept = town.get(&format!("/v1/parties/{party}")).await.is(200);
        let mut metadata = kept.get("metadata").cloned().unwrap_or(json!({}));
        metadata["peppol"] = json!(peppol);
        let change = json!({"metadata": metadata});
        town.patch(&format!("/v1/parties/{party}"), change)
            .await
            .is(200);
    }
    let number = json!({"buyer": {"number": "DE136695976", "confirmed": true}});
    town.put(&format!("/v1/tax/parties/{party}"), number)
        .await
        .is(200);
    let paid = market.pay(&payer, &seller, "12.345678901").await;
    let ours = json!({"supply": "fee", "issuer": market.issuer, "payee": seller,
        "buyer_reference": "cost centre 7"});
    let fee = town
        .post("/v1/invoices", market.invoice(ours))
        .await
        .is(201);
    let sale = json!({"payer": payer, "payee": seller, "buyer": {"name": "Ada"}});
    let sale = town
        .post("/v1/invoices", market.invoice(sale))
        .await
        .is(201);
    market.refund(&paid, eur("3.333333333")).await;
    let mut papers = vec![("invoices", fee.clone()), ("invoices", sale.clone())];
    for invoice in [fee, sale] {
        let note = json!({"invoice": invoice["id"], "reason": "given back"});
        papers.push((
            "credit-notes",
            town.post("/v1/credit-notes", note).await.is(201),
        ));
    }
    let rules = json!({"built_in": true, "operator": {"country": "FR"}});
    town.put("/v1/tax/rules", rules).await.is(200);
    let (buyer, _) = market.business("FR", "Lectrice SARL").await;
    let topup = json!({"wallet": buyer, "amount": eur("50"), "source": "card"});
    let topup = town.post("/v1/topups", topup).await.is(201);
    let settle = format!("/v1/topups/{}/settle", text(&topup["id"]));
    town.post(&settle, json!({})).await.is(200);
    market.pay(&buyer, &seller, "0.0025").await;
    let ours = json!({"supply": "platform", "issuer": market.issuer, "payer": buyer});
    papers.push((
        "invoices",
        town.post("/v1/invoices", market.invoice(ours))
            .await
            .is(201),
    ));

    let folder = tempfile::tempdir().unwrap();
    for (list, paper) in &papers {
        let id = text(&paper["id"]);
        let xml = town.get(&format!("/v1/{list}/{id}.xml")).await;
        assert_eq!(xml.status, 200, "{}", xml.text);
        std::fs::write(folder.path().join(format!("{id}.xml")), xml.text).unwrap();
    }
    let [python, rules] = ["FARTHING_PAPERS_PYTHON", "FARTHING_PAPERS_RULES"].map(std::env::var_os);
    let (Some(python), Some(rules)) = (python, rules) else {
        println!("skipped: no Python and no rules are named; `cargo xtask test papers` names them");
        return;
    };
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = script.join("../papers/tests/validate.py");
    let mut validate = std::process::Command::new(python);
    let output = validate.arg(script).arg(rules).arg(folder.path()).output();
    let output = output.unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}{errors}");
}
