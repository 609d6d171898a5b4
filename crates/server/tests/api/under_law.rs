//! Payments under a law: previews, step-ups, limits, explanations, and what may not be told.

use crate::laws::Two;
use crate::town::{Reply, Town, eur, id, payment, text};
use identity::Scope;
use serde_json::{Value, json};
use std::sync::Arc;

/// A country to test in, where the numbers are round.
pub const LAND: &str = r#"
[pack]
id = "tt"
title = { en = "Testland", ko = "시험국" }
version = "2026-01-01"
asset = "EUR"
checked = 2026-11-20
review_days = 36500

[territories]
FR = "Europe/Paris"

[[rule]]
id = "day.low"
title = { en = "Paid in a day", ko = "1일 결제 한도" }
kind = "limit"
applies = { payment = ["spend"], tier = ["anonymous", "phone"] }
most = "100 EUR"
window = "day"
gives_back = ["void", "refund"]
starts = "empty"
then = "verify"
needs = "identified"
source = { act = "Payments Act", article = "s. 1" }
certainty = "official"

[[rule]]
id = "day.high"
title = { en = "Paid in a day", ko = "1일 결제 한도" }
kind = "limit"
applies = { payment = ["spend"], tier = ["identified", "strong", "business"] }
most = "1000 EUR"
window = "day"
gives_back = ["void", "refund"]
starts = "empty"
source = { act = "Payments Act", article = "s. 2" }
certainty = "official"

[[rule]]
id = "large"
title = { en = "Large payments are confirmed", ko = "고액 결제 확인" }
kind = "limit"
applies = { payment = ["spend"] }
most = "50 EUR"
then = "step_up"
step_up = "strong"
source = { act = "Payments Act", article = "s. 3" }
certainty = "official"

[[rule]]
id = "gambling"
title = { en = "No gambling", ko = "사행성 금지" }
kind = "forbid"
applies = { product = ["gambling"] }
source = { act = "Payments Act", article = "s. 4" }
certainty = "official"

[[rule]]
id = "refund.cash"
title = { en = "No refund in cash", ko = "현금 환불 금지" }
kind = "forbid"
applies = { payment = ["refund"], flag = ["in_cash"] }
source = { act = "Payments Act", article = "s. 7" }
certainty = "official"

[[rule]]
id = "out"
title = { en = "Large withdrawals are confirmed", ko = "고액 출금 확인" }
kind = "limit"
applies = { payment = ["withdrawal", "redemption"] }
most = "5 EUR"
then = "step_up"
step_up = "code"
source = { act = "Payments Act", article = "s. 6" }
certainty = "official"

[[rule]]
id = "segment.gold"
title = { en = "A day of gold members", ko = "골드 회원 1일" }
kind = "limit"
applies = { payment = ["spend"], segment = ["gold"] }
count = 3
window = "day"
gives_back = []
starts = "empty"
terms = { whose = { en = "the house", ko = "운영자" } }
certainty = "official"

[[rule]]
id = "screening"
title = { en = "A match stops the payment", ko = "심사 일치 시 결제 중지" }
kind = "forbid"
applies = { screening = ["sanctions", "laundering"], reach = ["payer", "payee", "operator"] }
source = { act = "Payments Act", article = "s. 5" }
certainty = "official"
visible_to = ["compliance", "regulator"]
"#;

/// A town where [`LAND`] is law.
pub async fn town() -> Town {
    let town = Town::new().await;
    let settings = json!({"country": "FR", "status": ["e_money"], "segments": ["gold"]});
    let law = json!({"packs": [{"text": LAND}], "settings": settings});
    Two::of(&town).enact(&town, law).await;
    town
}

pub async fn party_of(town: &Town, wallet: &str) -> String {
    text(&town.get(&format!("/v1/wallets/{wallet}")).await.is(200)["party"])
}

async fn preview(town: &Town, body: &Value) -> Value {
    town.post("/v1/payments/preview", body.clone())
        .await
        .is(200)
}

#[tokio::test]
async fn a_preview_says_what_then_happens_and_keeps_nothing() {
    let town = town().await;
    let (payer, payee) = (town.wallet("500").await, town.wallet("0").await);
    let mut gambling = payment(&payer, &payee, "1");
    gambling["circumstances"] = json!({"product": "gambling"});
    let mut held = payment(&payer, &payee, "5");
    held["capture"] = json!("manual");
    let poor = town.wallet("1").await;
    let rows = [
        (payment(&payer, &payee, "40"), "allow", "paid", 201),
        (payment(&payer, &payee, "51"), "step_up", "step_up", 202),
        (held, "allow", "authorized", 201),
        (gambling, "deny", "denied", 403),
        (payment(&payer, &payee, "50"), "allow", "paid", 201),
        (payment(&payer, &payee, "50"), "deny", "denied", 403),
        (payment(&poor, &payee, "2"), "deny", "denied", 402),
    ];
    for (mut body, verdict, status, code) in rows {
        body["id"] = json!(id(&town, "pay"));
        let seq = town.get("/ready").await.is(200)["seq"].clone();
        let seen = preview(&town, &body).await;
        assert_eq!(
            (&seen["verdict"], &seen["status"]),
            (&json!(verdict), &json!(status)),
            "{body}"
        );
        assert_eq!(
            town.get("/ready").await.is(200)["seq"],
            seq,
            "nothing was written"
        );
        let made = town.post("/v1/payments", body.clone()).await;
        let then = made.is(code);
        if verdict == "deny" {
            for field in [
                "code", "detail", "status", "rule", "limit", "used", "remedy", "help",
            ] {
                assert_eq!(
                    seen["problem"][field], then[field],
                    "{field}: {seen} {then}"
                );
            }
        } else {
            for field in ["status", "payer", "payee", "amount", "tax", "fee"] {
                assert_eq!(seen[field], then[field], "{field}");
            }
        }
        let shown = town
            .get(&format!("/v1/payments/{}", text(&body["id"])))
            .await
            .is(200);
        for field in ["verdict", "code", "remedy"] {
            assert_eq!(
                seen["trace"][field], shown["trace"][field],
                "{field}: {seen} {shown}"
            );
        }
    }
    let stranger = town.key(&[Scope::PaymentsRead]);
    let body = payment(&payer, &payee, "1").to_string();
    let reply = town
        .ask(&stranger, "POST", "/v1/payments/preview", &[], Some(&body))
        .await;
    reply.problem(403, "scope_missing");
    let other = town
        .ask(
            &town.other,
            "POST",
            "/v1/payments/preview",
            &[],
            Some(&body),
        )
        .await;
    other.problem(404, "not_found");
}

#[tokio::test]
async fn a_refusal_names_its_rule_its_numbers_and_the_way_out_in_both_languages() {
    let town = town().await;
    let (payer, payee) = (town.wallet("500").await, town.wallet("0").await);
    town.post("/v1/payments", payment(&payer, &payee, "45"))
        .await
        .is(201);
    town.post("/v1/payments", payment(&payer, &payee, "45"))
        .await
        .is(201);
    let mut body = payment(&payer, &payee, "11");
    let pay = id(&town, "pay");
    body["id"] = json!(pay);
    let denied = town
        .post("/v1/payments", body)
        .await
        .problem(403, "verification_needed");
    assert_eq!(
        (&denied["id"], &denied["rule"]),
        (&json!(pay), &json!("tt/day.low"))
    );
    assert_eq!(
        (&denied["limit"], &denied["used"]),
        (&json!("€100"), &json!("€90"))
    );
    assert_eq!(denied["remedy"], json!({"action": "verify", "tier": 2}));
    let why = town.get(&format!("/v1/explanations/{pay}")).await.is(200);
    assert_eq!(
        (&why["verdict"], &why["code"]),
        (&json!("deny"), &json!("verification_needed"))
    );
    let law = &why["law"];
    assert_eq!(
        (&law["version"], &law["rule"]),
        (&json!(1), &json!("tt/day.low"))
    );
    let words = text(&law["text"]);
    assert!(
        words.contains("€90 used before, €11 asked") && words.contains("Payments Act, s. 1"),
        "{words}"
    );
    let said = text(&law["remedies"][0]["text"]);
    assert_eq!(
        said,
        "Verify to raise your limit from €100 a day to €1,000 a day (identified)."
    );
    let korean = town
        .get(&format!("/v1/explanations/{pay}?lang=ko"))
        .await
        .is(200);
    assert!(
        text(&korean["law"]["text"]).contains("1일 €100"),
        "{korean}"
    );
    assert_eq!(korean["lang"], "ko");
    assert_eq!(
        korean["law"]["trace"][0]["number"],
        law["trace"][0]["number"]
    );
    // A payment that was made says what it counted.
    let body = payment(&payer, &payee, "10");
    let paid = town.post("/v1/payments", body).await.is(201);
    let why = town
        .get(&format!("/v1/explanations/{}", text(&paid["id"])))
        .await
        .is(200);
    let line = &why["law"]["trace"][0];
    assert_eq!(
        (&line["rule"], &line["outcome"]),
        (&json!("tt/day.low"), &json!("within"))
    );
    assert_eq!(
        (&line["used"], &line["left"]),
        (&json!("€90"), &json!("€10"))
    );
    // And what else was looked at and counts nothing.
    let looked_at: Vec<String> = why["law"]["trace"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| text(&line["rule"]))
        .collect();
    assert_eq!(looked_at, ["tt/day.low", "tt/large"]);
    town.get("/v1/explanations/pay_00000000000070008000000000000001")
        .await
        .problem(404, "not_found");
    let other = town
        .ask(
            &town.other,
            "GET",
            &format!("/v1/explanations/{pay}"),
            &[],
            None,
        )
        .await;
    other.problem(404, "not_found");
    // Under a later law it still says what was said.
    let later = LAND
        .replace("2026-01-01", "2026-02-02")
        .replace("\"100 EUR\"", "\"7 EUR\"");
    Two::of(&town)
        .enact(&town, json!({"packs": [{"text": later}]}))
        .await;
    let then = town.get(&format!("/v1/explanations/{pay}")).await.is(200);
    assert_eq!(then["law"], *law);
}

#[tokio::test]
async fn a_capture_is_explained_by_the_law_it_was_captured_under() {
    let town = Town::new().await;
    let (payer, payee) = (town.wallet("50").await, town.wallet("0").await);
    let mut held = payment(&payer, &payee, "20");
    held["capture"] = json!("manual");
    let held = text(&town.post("/v1/payments", held).await.is(201)["id"]);
    let rule = "id = \"purse\"\ntitle = { en = \"Held\", ko = \"보유\" }\nkind = \"balance\"\n\
        most = \"30 EUR\"\nper = \"party\"\nthen = \"deny\"\n\
        source = { act = \"Payments Act\", article = \"s. 8\" }\ncertainty = \"official\"\n";
    let (head, _) = LAND.split_once("[[rule]]").unwrap();
    let law = json!({"packs": [{"text": format!("{head}[[rule]]\n{rule}")}],
        "settings": {"country": "FR", "status": ["e_money"]}});
    Two::of(&town).enact(&town, law).await;
    let capture = json!({"amount": eur("20")});
    let path = format!("/v1/payments/{held}/capture");
    let captured = town.post(&path, capture).await.is(201);
    let capture = text(&captured["id"]);
    let path = format!("/v1/explanations/{capture}");
    let why = town.get(&path).await.is(200);
    assert_eq!(why["law"]["trace"][0]["rule"], "tt/purse", "{why}");
    // What it was set aside under was no law.
    let path = format!("/v1/explanations/{held}");
    let why = town.get(&path).await.is(200);
    assert_eq!(why["law"], json!(null), "{why}");
}

#[tokio::test]
async fn limits_say_what_is_used_left_and_until_when() {
    let town = town().await;
    let (payer, payee) = (town.wallet("500").await, town.wallet("0").await);
    let party = party_of(&town, &payer).await;
    town.post("/v1/payments", payment(&payer, &payee, "40"))
        .await
        .is(201);
    let path = format!("/v1/parties/{party}/limits");
    let limits = town.get(&path).await.is(200);
    assert_eq!((&limits["law"], &limits["house"]), (&json!(1), &json!([])));
    let items = limits["items"].as_array().unwrap();
    assert_eq!(
        items.len(),
        1,
        "only what binds this tier and is counted: {items:?}"
    );
    let day = &items[0];
    assert_eq!(
        (&day["rule"], &day["side"]),
        (&json!("tt/day.low"), &json!("payer"))
    );
    assert_eq!(
        (&day["number"], &day["used"], &day["left"]),
        (&json!("€100"), &json!("€40"), &json!("€60"))
    );
    assert!(text(&day["until"]).starts_with("20") && text(&day["says"]).contains("€100 a day"));
    assert_eq!(
        day["raise"],
        "Verify to raise your limit from €100 a day to €1,000 a day (identified)."
    );
    // A refund gives room back, a higher tier has another number, a segment its own.
    let paid = town
        .post("/v1/payments", payment(&payer, &payee, "20"))
        .await
        .is(201);
    let refund = format!("/v1/payments/{}/refund", text(&paid["id"]));
    town.post(&refund, json!({})).await.is(201);
    assert_eq!(town.get(&path).await.is(200)["items"][0]["used"], "€40");
    let change = json!({"tier": 2, "segment": "gold", "age": "adult"});
    let changed = town
        .patch(&format!("/v1/parties/{party}"), change)
        .await
        .is(200);
    assert_eq!(
        (&changed["segment"], &changed["age"]),
        (&json!("gold"), &json!("adult"))
    );
    let limits = town.get(&path).await.is(200);
    let seen: Vec<(String, String)> = limits["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (text(&item["rule"]), text(&item["left"])))
        .collect();
    assert_eq!(seen[0], ("tt/day.high".into(), "€960".into()));
    assert_eq!(seen[1].0, "tt/segment.gold");
    assert!(
        limits["items"][0].get("raise").is_none(),
        "no tier has more"
    );
    let none = town
        .patch(&format!("/v1/parties/{party}"), json!({"segment": null}))
        .await
        .is(200);
    assert!(
        none.get("segment").is_none() && none["age"] == "adult",
        "{none}"
    );
    let wrong = town
        .patch(&format!("/v1/parties/{party}"), json!({"segment": "tin"}))
        .await;
    assert_eq!(wrong.problem(404, "not_found")["field"], "segment");
    let house = json!({"limits": {"asset": "EUR", "tiers": [{}, {}, {"per_day": "300"}, {}, {}]}});
    town.put("/v1/terms", house).await.is(200);
    town.post("/v1/payments", payment(&payer, &payee, "10"))
        .await
        .is(201);
    let limits = town.get(&path).await.is(200);
    let per_day = &limits["house"][0];
    assert_eq!(
        (&per_day["limit"], &per_day["number"]),
        (&json!("per_day"), &json!("300"))
    );
    assert_eq!(
        (&per_day["used"], &per_day["left"]),
        (&json!("10"), &json!("290"))
    );
    town.ask(&town.other, "GET", &path, &[], None)
        .await
        .problem(404, "not_found");
}

/// Without what is of this very answer: its id, its time and its place.
fn bare(mut answer: Value) -> Value {
    match &mut answer {
        Value::Object(fields) => {
            for name in ["id", "at", "seq", "index", "as_of", "next"] {
                fields.remove(name);
            }
            for value in fields.values_mut() {
                *value = bare(value.take());
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = bare(item.take())),
        _ => {}
    }
    answer
}

#[tokio::test]
async fn a_stop_by_screening_looks_word_for_word_like_any_neutral_refusal() {
    let town = town().await;
    town.put("/v1/terms", json!({"risk": {"deny_at": 900}}))
        .await
        .is(200);
    let (payer, payee) = (town.wallet("500").await, town.wallet("0").await);
    let party = party_of(&town, &payer).await;
    let shop = town.key(&[
        Scope::PaymentsWrite,
        Scope::PaymentsRead,
        Scope::PartiesRead,
    ]);
    let ask = async |method: &str, path: &str, body: Option<&Value>| -> Reply {
        let body = body.map(Value::to_string);
        town.ask(&shop, method, path, &[], body.as_deref()).await
    };
    let mut risky = payment(&payer, &payee, "3");
    risky["risk_score"] = json!(950);
    let mut sanctioned = payment(&payer, &payee, "3");
    sanctioned["circumstances"] = json!({"screening": "sanctions"});
    let mut laundering = payment(&payer, &payee, "3");
    laundering["circumstances"] = json!({"screening": "laundering"});
    let of_party = payment(&payer, &payee, "3");
    let mut seen = Vec::new();
    for (at, mut body) in [risky, sanctioned, laundering, of_party]
        .into_iter()
        .enumerate()
    {
        if at == 3 {
            let found = json!({"screening": "sanctions"});
            town.patch(&format!("/v1/parties/{party}"), found)
                .await
                .is(200);
        }
        let pay = id(&town, "pay");
        body["id"] = json!(pay);
        let preview = ask("POST", "/v1/payments/preview", Some(&body))
            .await
            .is(200);
        let answer = ask("POST", "/v1/payments", Some(&body))
            .await
            .problem(403, "declined");
        let shown = ask("GET", &format!("/v1/payments/{pay}"), None)
            .await
            .is(200);
        let why = ask("GET", &format!("/v1/explanations/{pay}"), None)
            .await
            .is(200);
        let list = town.caught_up("/v1/payments?limit=1").await;
        let list = ask("GET", &list, None).await.is(200);
        assert!(pay.ends_with(&text(&list["items"][0]["id"])), "{list}");
        let limits = ask("GET", &format!("/v1/parties/{party}/limits"), None)
            .await
            .is(200);
        let who = ask("GET", &format!("/v1/parties/{party}"), None)
            .await
            .is(200);
        seen.push([preview, answer, shown, why, list, limits, who].map(bare));
        // Who may know, knows.
        let staff = town.get(&format!("/v1/explanations/{pay}")).await.is(200);
        let regulator = town.key(&[Scope::RegulatorRead]);
        let path = format!("/v1/explanations/{pay}");
        let regulator = town.ask(&regulator, "GET", &path, &[], None).await.is(200);
        if at > 0 {
            assert_eq!(staff["law"]["rule"], "tt/screening", "{staff}");
            assert_eq!(regulator["law"]["rule"], "tt/screening", "{regulator}");
            assert_eq!(staff["code"], "law_declined");
        }
    }
    for other in &seen[1..] {
        for (first, other) in seen[0].iter().zip(other) {
            assert_eq!(first, other);
        }
    }
    for word in ["sanction", "launder", "screening", "law_declined"] {
        assert!(!format!("{seen:?}").contains(word), "{word}");
    }
}

#[tokio::test]
async fn a_start_can_be_small() {
    let town = Town::new().await;
    let pilot = json!({"countries": ["FR"], "payers_max": 1, "volume_max": eur("30")});
    let law = json!({"packs": [{"text": LAND}], "settings": {"country": "FR", "segments": ["gold"], "pilot": pilot}});
    let two = Two::of(&town);
    two.enact(&town, law).await;
    let (a, b, shop) = (
        town.wallet("50").await,
        town.wallet("50").await,
        town.wallet("0").await,
    );
    town.post("/v1/payments", payment(&a, &shop, "20"))
        .await
        .is(201);
    town.post("/v1/payments", payment(&b, &shop, "1"))
        .await
        .problem(403, "outside_payers");
    town.post("/v1/payments", payment(&a, &shop, "11"))
        .await
        .problem(403, "outside_volume");
    let party = party_of(&town, &a).await;
    town.patch(&format!("/v1/parties/{party}"), json!({"country": "DE"}))
        .await
        .is(200);
    let denied = town.post("/v1/payments", payment(&a, &shop, "1")).await;
    denied.problem(403, "outside_countries");
    // Opening is another law.
    two.enact(
        &town,
        json!({"settings": {"country": "FR", "segments": ["gold"]}}),
    )
    .await;
    town.post("/v1/payments", payment(&b, &shop, "11"))
        .await
        .is(201);
}

/// Many clients of one payer at once: how many were paid how much, and the refusals.
async fn race(
    town: Arc<Town>,
    payer: &str,
    payee: &str,
    amounts: Vec<Vec<u64>>,
) -> (u64, Vec<String>) {
    let clients = amounts.into_iter().map(|amounts| {
        let (town, payer, payee) = (town.clone(), payer.to_owned(), payee.to_owned());
        tokio::spawn(async move {
            let (mut cents, mut refused) = (0, Vec::new());
            for amount in amounts {
                let euros = format!("{}.{:02}", amount / 100, amount % 100);
                let euros = euros.trim_end_matches('0').trim_end_matches('.').to_owned();
                let reply = town
                    .post("/v1/payments", payment(&payer, &payee, &euros))
                    .await;
                match reply.status.as_u16() {
                    201 => cents += amount,
                    _ => refused.push(text(&reply.problem(403, "verification_needed")["id"])),
                }
            }
            (cents, refused)
        })
    });
    let (mut cents, mut refused) = (0, Vec::new());
    for client in clients.collect::<Vec<_>>() {
        let (paid, denied) = client.await.unwrap();
        cents += paid;
        refused.extend(denied);
    }
    (cents, refused)
}

/// Cents of a text such as `€12.34`.
fn cents(text: &Value) -> u64 {
    let text = text
        .as_str()
        .unwrap()
        .trim_start_matches('€')
        .replace(',', "");
    let (whole, part) = text.split_once('.').unwrap_or((&text, "0"));
    whole.parse::<u64>().unwrap() * 100 + format!("{part:0<2}").parse::<u64>().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_race_never_pass_a_limit_and_equal_amounts_reach_it() {
    let town = Arc::new(town().await);
    town.put("/v1/terms", json!({"refusals_per_second": 1_000_000}))
        .await
        .is(200);
    let payee = town.wallet("0").await;
    let payer = town.wallet("400").await;
    let (paid, refused) = race(town.clone(), &payer, &payee, vec![vec![125; 3]; 64]).await;
    assert_eq!(paid, 10_000, "exactly the limit");
    assert_eq!(refused.len(), 192 - 80);

    let payer = town.wallet("4000").await;
    let mut seed = 7_u64;
    let mut random = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        1 + (seed >> 33) % 2_000
    };
    let amounts: Vec<Vec<u64>> = (0..64)
        .map(|_| (0..3).map(|_| random()).collect())
        .collect();
    let (paid, refused) = race(town.clone(), &payer, &payee, amounts).await;
    assert!(paid <= 10_000, "{paid}");
    assert!(!refused.is_empty());
    for id in refused {
        let why = town.get(&format!("/v1/explanations/{id}")).await.is(200);
        let line = &why["law"]["trace"][0];
        let shown = town.get(&format!("/v1/payments/{id}")).await.is(200);
        let asked = format!("€{}", text(&shown["amount"]["amount"]));
        assert!(
            cents(&line["used"]) + cents(&json!(asked)) > 10_000,
            "{why}"
        );
    }
    let party = party_of(&town, &payer).await;
    let limits = town
        .get(&format!("/v1/parties/{party}/limits"))
        .await
        .is(200);
    assert_eq!(
        cents(&limits["items"][0]["used"]),
        paid,
        "what was paid was counted"
    );
}

#[tokio::test]
async fn an_agents_key_does_not_vouch_for_its_own_payment() {
    let town = town().await;
    let (payer, payee) = (town.wallet("10").await, town.wallet("0").await);
    let bot = json!({"kind": "agent", "country": "FR"});
    let bot = town.post("/v1/parties", bot).await.is(201)["id"].clone();
    let mandate =
        json!({"payer": payer, "agent": bot, "asset": "EUR", "expires_at": "2100-01-01T00:00:00Z"});
    let mandate = town.post("/v1/mandates", mandate).await.is(201)["id"].clone();
    let key = json!({"scopes": ["payments:write"], "label": "bot", "agent": bot});
    let key = text(&town.post("/v1/keys", key).await.is(201)["secret"]);
    let mut body = payment(&payer, &payee, "1");
    body["mandate"] = mandate;
    for (given, field) in [
        (json!({"flags": ["trusted_payee"]}), "circumstances.flags"),
        (json!({"notice_hours": 48}), "circumstances.notice_hours"),
        (
            json!({"presence": "unattended", "product": "transport"}),
            "circumstances.presence",
        ),
    ] {
        body["circumstances"] = given;
        let asked = body.to_string();
        for path in ["/v1/payments", "/v1/payments/preview"] {
            let reply = town.ask(&key, "POST", path, &[], Some(&asked)).await;
            assert_eq!(reply.problem(403, "agent_may_not")["field"], field);
        }
    }
    body["circumstances"] = json!({"product": "digital"});
    let paid = town
        .ask(&key, "POST", "/v1/payments", &[], Some(&body.to_string()))
        .await;
    paid.is(201);
}

#[tokio::test]
async fn what_a_withdrawal_needs_confirmed_comes_with_it() {
    let town = town().await;
    let wallet = town.wallet("50").await;
    let mut body = json!({"wallet": wallet, "amount": eur("6")});
    let denied = town.post("/v1/withdrawals", body.clone()).await;
    let denied = denied.problem(409, "step_up_needed").clone();
    assert_eq!(denied["rule"], "tt/out");
    let refused = town.get(&town.caught_up("/v1/refusals").await).await;
    let refused = refused.is(200)["items"][0].clone();
    assert_eq!(
        (&refused["id"], &refused["kind"]),
        (&denied["id"], &json!("withdrawal.refused"))
    );
    body["factors"] = json!(["possession"]);
    let clerk = town.key(&[Scope::WithdrawalsWrite]);
    let asked = body.to_string();
    let refused = town
        .ask(&clerk, "POST", "/v1/withdrawals", &[], Some(&asked))
        .await;
    assert_eq!(refused.problem(403, "scope_missing")["field"], "factors");
    let vouches = town.key(&[Scope::WithdrawalsWrite, Scope::StepUpsConfirm]);
    let made = town
        .ask(&vouches, "POST", "/v1/withdrawals", &[], Some(&asked))
        .await;
    made.is(201);
    let small = json!({"wallet": wallet, "amount": eur("5")});
    town.post("/v1/withdrawals", small).await.is(201);
}

#[tokio::test]
async fn a_refund_says_what_the_law_asks_of_it() {
    let town = town().await;
    let (payer, payee) = (town.wallet("50").await, town.wallet("0").await);
    let body = payment(&payer, &payee, "10");
    let paid = town.post("/v1/payments", body).await.is(201);
    let path = format!("/v1/payments/{}/refund", text(&paid["id"]));
    let cash = json!({"amount": eur("1"), "circumstances": {"flags": ["in_cash"]}});
    let denied = town.post(&path, cash).await;
    let denied = denied.problem(403, "not_allowed")["id"].clone();
    let listed = town.get(&town.caught_up("/v1/payments").await).await;
    let listed = listed.is(200)["items"][0].clone();
    assert_eq!(
        (&listed["id"], &listed["kind"]),
        (&denied, &json!("refund.refused"))
    );
    let back = json!({"amount": eur("1")});
    town.post(&path, back).await.is(201);
}
