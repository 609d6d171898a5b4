//! Policy as a service: checks of payments kept elsewhere, packs and tiers.

use crate::town::{Reply, Town, text};
use identity::Scope;
use serde_json::{Value, json};

const DE: &str = "Regulation (EU) 2018/389";

fn krw(amount: &str) -> Value {
    json!({"amount": amount, "asset": "KRW"})
}

/// Korea: paid on the telephone bill.
fn carrier(amount: &str) -> Value {
    let party = json!({"country": "KR", "tier": "identified", "age": "adult"});
    json!({
        "packs": [{"id": "kr"}], "operator": {"country": "KR", "status": ["telecom"]},
        "at": "2026-11-23T03:00:00Z", "payment": "spend", "amount": krw(amount), "funds": "carrier",
        "channel": "carrier", "payer": party, "payee": {"country": "KR", "tier": "business", "kind": "business"},
    })
}

async fn check(town: &Town, question: &Value) -> Value {
    town.post("/v1/policy/check", question.clone())
        .await
        .is(200)
}

/// Pays until refused: what each answer says to count is given back with the next question.
async fn until_refused(town: &Town, mut question: Value, most: usize) -> (usize, Value) {
    let mut used: Vec<Value> = Vec::new();
    for paid in 0..most {
        question["used"] = json!(used);
        let answer = check(town, &question).await;
        if answer["verdict"] != "allow" {
            return (paid, answer);
        }
        for count in answer["count"].as_array().unwrap() {
            used.push(json!({
                "measure": count["measure"], "period": count["period"], "sum": count["add"],
            }));
        }
    }
    panic!("never refused");
}

#[tokio::test]
async fn a_month_on_the_telephone_bill_ends_where_the_terms_say() {
    let town = Town::new().await;
    let (paid, answer) = until_refused(&town, carrier("100000"), 30).await;
    assert_eq!(paid, 10);
    assert_eq!(answer["reason"], "limit_per_month");
    assert_eq!(answer["rule"], "kr/carrier.monthly-spend");
    let words = text(&answer["text"]);
    assert!(
        words.contains("₩1,000,000") && words.contains("not law"),
        "{words}"
    );
    assert_eq!(answer["count"], json!([]), "what is refused is not counted");
    let trace = answer["trace"].as_array().unwrap();
    let line = trace
        .iter()
        .find(|l| l["rule"] == "kr/carrier.monthly-spend")
        .unwrap();
    assert_eq!(
        (&line["outcome"], &line["left"]),
        (&json!("denied"), &json!("₩0"))
    );
    assert_eq!(
        (&line["is_terms"], &line["number"]),
        (&json!(true), &json!("₩1,000,000"))
    );
    // The next month begins at midnight in Seoul.
    let wait = answer["remedies"]
        .as_array()
        .unwrap()
        .iter()
        .find(|r| r["action"] == "wait");
    assert_eq!(wait.unwrap()["until"], "2026-12-01");
}

#[tokio::test]
async fn an_answer_speaks_english_and_korean() {
    let town = Town::new().await;
    let body = carrier("1000001").to_string();
    let ask = async |path: &str, header: &str| -> Reply {
        let headers = [("accept-language", header)];
        town.ask(&town.admin, "POST", path, &headers, Some(&body))
            .await
    };
    let english = ask("/v1/policy/check", "en").await.is(200);
    let korean = ask("/v1/policy/check", "ko-KR,ko;q=0.9,en;q=0.8")
        .await
        .is(200);
    assert_eq!(
        (&english["lang"], &korean["lang"]),
        (&json!("en"), &json!("ko"))
    );
    assert!(text(&korean["text"]).contains("월 ₩1,000,000"), "{korean}");
    assert_eq!(english["reason"], korean["reason"]);
    let asked = ask("/v1/policy/check?lang=ko", "en").await.is(200);
    assert_eq!(asked, korean, "what the path says goes before");
    let other = ask("/v1/policy/check?lang=fr", "en").await;
    assert_eq!(other.problem(400, "bad_query")["field"], "lang");
}

#[tokio::test]
async fn small_payments_in_europe_need_no_authentication_until_they_do() {
    let town = Town::new().await;
    let mut question = json!({
        "packs": [{"id": "eu"}],
        "operator": {"country": "DE", "status": ["e_money"], "counters": {"eu/sca.low-value": "count"}},
        "at": "2026-11-23T12:00:00Z", "payment": "spend", "funds": "bank",
        "amount": {"amount": "1", "asset": "EUR"},
        "payer": {"country": "DE", "tier": "identified"},
        "payee": {"country": "DE", "tier": "business", "kind": "business"},
    });
    let (paid, answer) = until_refused(&town, question.clone(), 10).await;
    assert_eq!((paid, &answer["verdict"]), (5, &json!("step_up")));
    let remedies = answer["remedies"].as_array().unwrap();
    assert_eq!(
        (&remedies[0]["action"], &remedies[0]["step_up"]),
        (&json!("confirm"), &json!("strong"))
    );
    let trace = answer["trace"].as_array().unwrap();
    assert!(
        trace.iter().any(|l| text(&l["source"]).starts_with(DE)),
        "{trace:?}"
    );
    question["operator"]["counters"] = json!({"eu/sca.low-value": "amount"});
    question["amount"]["amount"] = json!("10");
    assert_eq!(until_refused(&town, question, 20).await.0, 10);
}

#[tokio::test]
async fn what_may_not_be_told_looks_like_any_neutral_refusal() {
    let town = Town::new().await;
    let shop = town.key(&[Scope::PolicyRead]);
    let mut bodies = Vec::new();
    for screening in ["sanctions", "laundering"] {
        let mut question = carrier("1000");
        question["screening"] = json!(screening);
        let asked = question.to_string();
        let shops = town
            .ask(&shop, "POST", "/v1/policy/check", &[], Some(&asked))
            .await
            .is(200);
        assert_eq!(
            (&shops["verdict"], &shops["reason"]),
            (&json!("deny"), &json!("declined"))
        );
        assert!(shops.get("rule").is_none());
        let staff = check(&town, &question).await;
        assert_eq!(staff["reason"], "not_allowed");
        assert!(staff.get("rule").is_some(), "{staff}");
        // The staff sees what the shop would.
        question["audience"] = json!("payer");
        assert_eq!(check(&town, &question).await, shops);
        bodies.push(shops);
    }
    assert_eq!(bodies[0], bodies[1], "word for word");
    let mut more = carrier("1000");
    more["audience"] = json!("compliance");
    let more = town
        .ask(
            &shop,
            "POST",
            "/v1/policy/check",
            &[],
            Some(&more.to_string()),
        )
        .await;
    more.problem(403, "scope_missing");
}

#[tokio::test]
async fn a_pack_with_a_fault_is_named_by_file_line_and_key() {
    let town = Town::new().await;
    let kr = text(&town.get("/v1/packs/kr").await.is(200)["text"]);
    let mut question = carrier("1000");
    question["packs"] =
        json!([{"id": "eu"}, {"text": kr.replacen("kind = \"limit\"", "kind = \"limmit\"", 1)}]);
    let problem = town
        .post("/v1/policy/check", question.clone())
        .await
        .problem(422, "pack_invalid");
    assert_eq!(problem["field"], "packs[1]");
    let line = kr.lines().position(|l| l == "kind = \"limit\"").unwrap() + 1;
    let found = &problem["findings"][0];
    assert_eq!(
        (&found["level"], &found["file"]),
        (&json!("error"), &json!("packs[1]"))
    );
    assert!(
        found["line"].as_u64().unwrap().abs_diff(line as u64) < 12,
        "{found} {line}"
    );
    assert_eq!(problem["line"], found["line"]);
    question["packs"] = json!([{"id": "kr"}, {"text": kr}]);
    let twice = town
        .post("/v1/policy/check", question.clone())
        .await
        .problem(422, "pack_invalid");
    assert!(text(&twice["detail"]).contains("both"), "{twice}");
    for (given, status, code, field) in [
        (json!([]), 422, "malformed", "packs"),
        (json!([{"id": "xx"}]), 404, "not_found", "packs[0].id"),
        (
            json!([{"id": "kr", "version": "1999-01-01"}]),
            404,
            "not_found",
            "packs[0].version",
        ),
        (json!([{}]), 422, "malformed", "packs[0].id"),
        (
            json!([{"id": "kr", "text": "x"}]),
            422,
            "malformed",
            "packs[0].text",
        ),
        (
            json!([{"version": "1"}]),
            422,
            "malformed",
            "packs[0].version",
        ),
    ] {
        question["packs"] = given;
        let problem = town
            .post("/v1/policy/check", question.clone())
            .await
            .problem(status, code);
        assert_eq!(problem["field"], field);
    }
    for (field, value, named) in [
        (
            "amount",
            json!({"amount": "1", "asset": "XQZ"}),
            "amount.asset",
        ),
        (
            "amount",
            json!({"amount": "0.000000001", "asset": "KRW"}),
            "amount.amount",
        ),
        ("payment", json!("lend"), "payment"),
        (
            "parts",
            json!([{"funds": "card", "amount": krw("1")}]),
            "parts",
        ),
        (
            "used",
            json!([{"measure": "kr.payer.krw.month.0", "period": 1, "sum": "x"}]),
            "used[0].sum",
        ),
        (
            "payer",
            json!({"country": "KR", "segment": "gold"}),
            "payer.segment",
        ),
    ] {
        let mut question = carrier("1000");
        question[field] = value;
        let problem = town.post("/v1/policy/check", question).await.is_refused();
        assert_eq!(problem["field"], named, "{problem}");
    }
}

trait Refused {
    fn is_refused(&self) -> Value;
}

impl Refused for Reply {
    /// Any fault of the request.
    fn is_refused(&self) -> Value {
        assert!(
            matches!(self.status.as_u16(), 400 | 404 | 422),
            "{}",
            self.text
        );
        self.json()
    }
}

#[tokio::test]
async fn packs_are_listed_shown_and_compared() {
    let town = Town::new().await;
    let list = town.get("/v1/packs").await.is(200);
    let items = list["items"].as_array().unwrap();
    let ids: Vec<String> = items.iter().map(|p| text(&p["id"])).collect();
    assert_eq!(
        ids,
        [
            "br", "eu", "id", "in", "jp", "ke", "kr", "ng", "sg", "uk", "us", "zz"
        ]
    );
    for pack in items {
        assert_eq!(pack["in_force"], false, "nothing was activated");
        let sum = ["official", "secondary", "unverified"].map(|c| pack[c].as_u64().unwrap());
        assert_eq!(sum.iter().sum::<u64>(), pack["rules"].as_u64().unwrap());
    }
    let kr = town.get("/v1/packs/kr?lang=ko").await.is(200);
    assert_eq!(kr["lang"], "ko");
    let rules = kr["items"].as_array().unwrap();
    assert_eq!(
        rules.len() as u64,
        kr["rules"].as_u64().unwrap(),
        "an admin sees all"
    );
    let monthly = rules
        .iter()
        .find(|r| r["id"] == "carrier.monthly" && r.get("until").is_none());
    let monthly = monthly.unwrap();
    assert_eq!(monthly["numbers"][0]["value"], "1000000 KRW");
    assert_eq!(monthly["is_terms"], true);
    let version = text(&kr["version"]);
    let path = format!("/v1/packs/kr/versions/{version}?lang=ko");
    assert_eq!(town.get(&path).await.is(200), kr);
    let missing = town.get("/v1/packs/kr/versions/1999-01-01").await;
    assert_eq!(missing.problem(404, "not_found")["field"], "version");
    town.get("/v1/packs/xx").await.problem(404, "not_found");

    let old = text(&kr["text"]).replace("1000000 KRW", "600000 KRW");
    let two = json!({"old": {"text": old}, "new": {"id": "kr"}});
    let compared = town.post("/v1/packs/diff", two).await.is(200);
    let words: Vec<String> = compared["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| text(&c["words"]))
        .collect();
    let said = "KR carrier monthly limit ₩600,000 → ₩1,000,000 from 2020-06-01";
    assert!(words.iter().any(|w| w == said), "{words:?}");

    // A shop's key sees no rule that payers may not.
    let shop = town.key(&[Scope::PolicyRead]);
    let shops = town
        .ask(&shop, "GET", "/v1/packs/kr", &[], None)
        .await
        .is(200);
    assert!(shops["items"].as_array().unwrap().len() < rules.len());
    for rule in shops["items"].as_array().unwrap() {
        assert!(
            rule["visible_to"]
                .as_array()
                .unwrap()
                .contains(&json!("payer")),
            "{rule}"
        );
    }
    let stranger = town.key(&[Scope::PaymentsWrite]);
    for (method, path) in [
        ("GET", "/v1/packs"),
        ("GET", "/v1/packs/kr"),
        ("POST", "/v1/policy/check"),
    ] {
        let body = (method == "POST").then_some("{}");
        let reply = town.ask(&stranger, method, path, &[], body).await;
        reply.problem(403, "scope_missing");
    }
}

#[tokio::test]
async fn tiers_say_what_they_need_permit_and_gain() {
    let town = Town::new().await;
    let tiers = town.get("/v1/tiers?country=NG&on=2026-11-23").await.is(200);
    assert_eq!(tiers["pack"]["id"], "ng");
    let all = tiers["tiers"].as_array().unwrap();
    let words: Vec<String> = all.iter().map(|t| text(&t["tier"])).collect();
    assert_eq!(words, ["anonymous", "phone", "identified", "strong"]);
    let phone = &all[1];
    assert!(!phone["needs"].as_array().unwrap().is_empty());
    let said: Vec<String> = phone["gains"]
        .as_array()
        .unwrap()
        .iter()
        .map(|g| text(&g["text"]))
        .collect();
    assert!(
        said.iter()
            .any(|s| s
                .starts_with("Verify to raise your limit from ₦50,000 a day to ₦200,000 a day")),
        "{said:?}"
    );
    let permits: Vec<String> = phone["permits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| text(&r["says"]))
        .collect();
    assert!(
        permits.iter().any(|s| s.contains("₦50,000 a day")),
        "{permits:?}"
    );
    let korean = town
        .get("/v1/tiers?country=NG&kind=business&lang=ko")
        .await
        .is(200);
    assert_eq!(korean["tiers"].as_array().unwrap().len(), 5);
    // The house has limits and rewards of its own.
    let terms = json!({"limits": {"asset": "EUR", "tiers": [
        {"per_payment": "1"}, {"per_payment": "2", "per_day": "20"}, {}, {}, {},
    ]}});
    town.put("/v1/terms", terms).await.is(200);
    let settings =
        json!({"country": "NG", "rewards": {"tiers": {"strong": "0.25"}, "strong": "0.1"}});
    crate::laws::Two::of(&town)
        .enact(
            &town,
            json!({"packs": [{"id": "ng"}, {"id": "zz"}], "settings": settings}),
        )
        .await;
    let tiers = town.get("/v1/tiers?country=NG").await.is(200);
    let of_house = |n: usize| tiers["tiers"][n]["house"].clone();
    assert_eq!(
        of_house(0),
        json!({"per_payment": {"amount": "1", "asset": "EUR"}})
    );
    assert_eq!(of_house(1)["per_day"]["amount"], "20");
    assert_eq!(of_house(2), json!({}));
    assert_eq!(tiers["tiers"][3]["reward"], "0.25");
    assert!(tiers["tiers"][1].get("reward").is_none());
    assert_eq!(tiers["reward_strong"], "0.1");
    // Which is what one gains by verifying, too.
    let gains = tiers["tiers"][1]["gains"].as_array().unwrap();
    let gain = gains.last().unwrap();
    assert_eq!(
        (&gain["rule"], &gain["tier"], &gain["to"]),
        (&json!("settings/rewards"), &json!("strong"), &json!("25%"))
    );
    assert!(text(&gain["text"]).contains("25% taken off the platform's fee"));
    let highest = tiers["tiers"][3]["gains"].as_array().unwrap();
    assert!(
        highest
            .iter()
            .all(|gain| gain["rule"] != "settings/rewards")
    );
    // A country without a pack of its own.
    let elsewhere = town.get("/v1/tiers?country=CH").await.is(200);
    assert_eq!(elsewhere["pack"]["id"], "zz");
    town.get("/v1/tiers").await.problem(400, "bad_query");
    let bad = town.get("/v1/tiers?country=NG&on=soon").await;
    bad.problem(400, "bad_query");
    let shop = town.key(&[Scope::PaymentsRead]);
    let shops = town
        .ask(&shop, "GET", "/v1/tiers?country=KR", &[], None)
        .await
        .is(200);
    assert!(!shops.to_string().contains("sanction"), "{shops}");
}
