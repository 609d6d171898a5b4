//! Laws: proposed by one person's key, approved by another's, in force at their instant, and back.

use crate::town::{Reply, Town, id, text};
use identity::Scope;
use serde_json::{Value, json};

/// Two people: one may propose, one may approve.
pub struct Two {
    pub first: String,
    pub second: String,
}

impl Two {
    pub fn of(town: &Town) -> Two {
        Two {
            first: town.key(&[Scope::LawsPropose]),
            second: town.key(&[Scope::LawsApprove]),
        }
    }

    pub async fn propose(&self, town: &Town, law: Value) -> Reply {
        let law = law.to_string();
        town.ask(&self.first, "POST", "/v1/laws", &[], Some(&law))
            .await
    }

    pub async fn approve(&self, town: &Town, law: &str, at: Value) -> Reply {
        let (path, body) = (format!("/v1/laws/{law}/approve"), at.to_string());
        town.ask(&self.second, "POST", &path, &[], Some(&body))
            .await
    }

    /// Puts a law into force at once.
    pub async fn enact(&self, town: &Town, law: Value) -> Value {
        let proposed = self.propose(town, law).await.is(201);
        let approved = self
            .approve(town, &text(&proposed["id"]), json!({}))
            .await
            .is(200);
        assert_eq!(approved["status"], "active", "{approved}");
        approved
    }
}

/// A pack of the program with changes, as an edition of its own.
pub async fn edited(town: &Town, id: &str, version: &str, edits: &[(&str, &str)]) -> String {
    let pack = town.get(&format!("/v1/packs/{id}")).await.is(200);
    let (mut whole, old) = (text(&pack["text"]), text(&pack["version"]));
    let line = format!("version = \"{old}\"");
    assert!(whole.contains(&line), "{line}");
    whole = whole.replacen(&line, &format!("version = \"{version}\""), 1);
    for (from, to) in edits {
        assert!(whole.contains(from), "{from}");
        whole = whole.replace(from, to);
    }
    whole
}

fn words(law: &Value) -> Vec<String> {
    let changes = law["changes"].as_array().unwrap();
    changes.iter().map(|c| text(&c["words"])).collect()
}

#[tokio::test]
async fn a_law_takes_two_people_and_says_what_it_changes() {
    let town = Town::new().await;
    let two = Two::of(&town);
    let settings = json!({"country": "KR", "status": ["prepaid_issuer"]});
    let law = json!({"packs": [{"id": "kr"}, {"id": "zz"}], "settings": settings});
    let law_id = id(&town, "law");
    let mut named = law.clone();
    named["id"] = json!(law_id);
    let proposed = two.propose(&town, named.clone()).await.is(201);
    assert_eq!(
        (&proposed["id"], &proposed["status"]),
        (&json!(law_id), &json!("proposed"))
    );
    let said = words(&proposed);
    assert!(
        said[0].starts_with("KR ") && said[0].contains("comes into force"),
        "{said:?}"
    );
    assert!(
        said.iter()
            .any(|w| w.starts_with("Operator's settings, country: \"ZZ\" → \"KR\"")),
        "{said:?}"
    );
    assert_eq!(proposed["settings"]["status"], json!(["prepaid_issuer"]));
    let again = two.propose(&town, named.clone()).await;
    assert!(again.replayed());
    assert_eq!(again.is(201)["id"], proposed["id"]);

    // Neither scope does the other's half, and nobody else's.
    let path = format!("/v1/laws/{law_id}/approve");
    town.ask(&two.first, "POST", &path, &[], None)
        .await
        .problem(403, "scope_missing");
    let body = law.to_string();
    let second = town
        .ask(&two.second, "POST", "/v1/laws", &[], Some(&body))
        .await;
    second.problem(403, "scope_missing");
    for scope in [
        Scope::SettingsWrite,
        Scope::PolicyRead,
        Scope::CorrectionsApprove,
    ] {
        let stranger = town.key(&[scope]);
        town.ask(&stranger, "POST", &path, &[], None)
            .await
            .problem(403, "scope_missing");
    }
    let both = json!({"scopes": ["laws:propose", "laws:approve"], "label": "x"});
    town.post("/v1/keys", both)
        .await
        .problem(403, "scopes_conflict");
    // One person with two hats is one person.
    let own = town.post("/v1/laws", law.clone()).await.is(201);
    let own = format!("/v1/laws/{}/approve", text(&own["id"]));
    town.post(&own, json!({})).await.problem(403, "same_key");
    // Another tenant knows of nothing.
    let other = town
        .ask(&town.other, "GET", &format!("/v1/laws/{law_id}"), &[], None)
        .await;
    other.problem(404, "not_found");
    let other = town.ask(&town.other, "POST", &path, &[], None).await;
    assert_eq!(other.problem(404, "not_found")["field"], "id");

    let approved = two.approve(&town, &law_id, json!({})).await.is(200);
    assert_eq!(
        (&approved["status"], &approved["version"]),
        (&json!("active"), &json!(1))
    );
    assert_ne!(approved["proposed_by"], approved["approved_by"]);
    assert!(approved.get("changes").is_none(), "it waits no more");
    two.approve(&town, &law_id, json!({}))
        .await
        .problem(404, "not_found");
    let packs = town.get("/v1/packs").await.is(200);
    for pack in packs["items"].as_array().unwrap() {
        let in_force = matches!(pack["id"].as_str().unwrap(), "kr" | "zz");
        assert_eq!(pack["in_force"], json!(in_force), "{pack}");
    }
}

#[tokio::test]
async fn a_law_waits_for_its_instant_and_can_be_rejected_until_then() {
    let town = Town::new().await;
    let two = Two::of(&town);
    let proposed = two
        .propose(&town, json!({"packs": [{"id": "zz"}]}))
        .await
        .is(201);
    let law = text(&proposed["id"]);
    let at = json!({"at": "2100-01-01T00:00:00Z"});
    let approved = two.approve(&town, &law, at.clone()).await.is(200);
    assert_eq!(approved["status"], "approved");
    assert_eq!(approved["effective_at"], "2100-01-01T00:00:00.000Z");
    two.approve(&town, &law, at)
        .await
        .problem(409, "wrong_state");
    assert_eq!(
        town.get("/v1/activations").await.is(200)["items"],
        json!([])
    );
    let path = format!("/v1/laws/{law}/reject");
    let rejected = town.ask(&two.first, "POST", &path, &[], None).await.is(200);
    assert_eq!(rejected["status"], "rejected");
    let listed = town
        .get(&town.caught_up("/v1/laws?status=rejected").await)
        .await
        .is(200);
    assert_eq!(listed["items"][0]["id"], json!(law));
    let active = town
        .get(&town.caught_up("/v1/laws?status=active").await)
        .await
        .is(200);
    assert_eq!(active["items"], json!([]));
}

#[tokio::test]
async fn versions_follow_each_other_and_going_back_is_going_on() {
    let town = Town::new().await;
    let two = Two::of(&town);
    two.enact(
        &town,
        json!({"packs": [{"id": "kr"}], "settings": {"country": "KR"}}),
    )
    .await;
    let stricter = edited(
        &town,
        "kr",
        "2099-01-01",
        &[("\"1000000 KRW\"", "\"600000 KRW\"")],
    )
    .await;
    let law =
        json!({"packs": [{"text": stricter}], "settings": {"country": "KR", "segments": ["gold"]}});
    let proposed = two.propose(&town, law).await.is(201);
    let said = words(&proposed);
    assert!(
        said.iter()
            .any(|w| w.contains("carrier monthly limit ₩1,000,000 → ₩600,000")),
        "{said:?}"
    );
    assert!(
        said.iter().any(|w| w.contains("segments: [] → [\"gold\"]")),
        "{said:?}"
    );
    let korean = town
        .get(&format!("/v1/laws/{}?lang=ko", text(&proposed["id"])))
        .await
        .is(200);
    assert!(
        words(&korean)
            .iter()
            .any(|w| w.contains("월 한도 ₩1,000,000 → ₩600,000")),
        "{korean}"
    );
    two.approve(&town, &text(&proposed["id"]), json!({}))
        .await
        .is(200);
    let pack = town.get("/v1/packs/kr").await.is(200);
    assert_eq!(
        (&pack["version"], &pack["in_force"]),
        (&json!("2099-01-01"), &json!(true))
    );
    assert_eq!(pack["text"], json!(stricter));

    let back = two.enact(&town, json!({"back_to": 1})).await;
    assert_eq!(back["version"], 3);
    let list = town
        .get(&town.caught_up("/v1/activations").await)
        .await
        .is(200);
    let versions: Vec<&Value> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| &a["version"])
        .collect();
    assert_eq!(versions, [3, 2, 1]);
    assert_eq!(list["items"][0]["packs"], list["items"][2]["packs"]);
    assert_eq!(
        (&list["items"][0]["in_force"], &list["items"][1]["in_force"]),
        (&json!(true), &json!(false))
    );
    let second = town.get("/v1/activations/2").await.is(200);
    assert_eq!(second["settings"]["segments"], json!(["gold"]));
    assert_eq!(second["packs"][0]["version"], "2099-01-01");
    town.get("/v1/activations/4")
        .await
        .problem(404, "not_found");
    let states = town.get(&town.caught_up("/v1/laws").await).await.is(200);
    let states: Vec<String> = states["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| text(&l["status"]))
        .collect();
    assert_eq!(states, ["active", "replaced", "replaced"]);

    // The edition that is in force no more is still known, and may be proposed by its name.
    let old = town.get("/v1/packs/kr/versions/2099-01-01").await.is(200);
    assert_eq!(
        (&old["text"], &old["in_force"]),
        (&json!(stricter), &json!(false))
    );
    let again = two
        .enact(
            &town,
            json!({"packs": [{"id": "kr", "version": "2099-01-01"}]}),
        )
        .await;
    assert_eq!(
        (&again["version"], &again["packs"][0]["version"]),
        (&json!(4), &json!("2099-01-01"))
    );
    two.propose(&town, json!({"back_to": 9}))
        .await
        .problem(404, "not_found");
    let none = two
        .propose(&town, json!({"back_to": 1, "remove": ["kr"]}))
        .await;
    assert_eq!(none.problem(422, "malformed")["field"], "back_to");
}

#[tokio::test]
async fn what_cannot_be_meant_is_not_proposed_and_is_named() {
    let town = Town::new().await;
    let two = Two::of(&town);
    let broken = edited(
        &town,
        "kr",
        "2099-01-01",
        &[("kind = \"balance\"", "kind = \"ballance\"")],
    )
    .await;
    let problem = two
        .propose(&town, json!({"packs": [{"text": broken}]}))
        .await
        .problem(422, "pack_invalid");
    assert_eq!(problem["field"], "packs[0]");
    let found = &problem["findings"][0];
    assert_eq!(
        (&found["level"], &found["line"]),
        (&json!("error"), &problem["line"])
    );
    assert!(problem["line"].as_u64().unwrap() > 1);
    // No source for a number.
    let start = text(&town.get("/v1/packs/zz").await.is(200)["text"]);
    let at = start
        .find("\nsource = ")
        .or_else(|| start.find("\nterms = "))
        .unwrap()
        + 1;
    let end = at + start[at..].find('\n').unwrap();
    let line = start[at..end].to_owned();
    let unsourced = edited(&town, "zz", "2099-01-01", &[(&line, "")]).await;
    let problem = two
        .propose(&town, json!({"packs": [{"text": unsourced}]}))
        .await
        .problem(422, "pack_invalid");
    assert!(
        text(&problem["findings"][0]["words"]).contains("source"),
        "{problem}"
    );
    // An edition has one text for good.
    let kr = town.get("/v1/packs/kr").await.is(200);
    let same = edited(
        &town,
        "kr",
        &text(&kr["version"]),
        &[("\"1000000 KRW\"", "\"2 KRW\"")],
    )
    .await;
    let problem = two
        .propose(&town, json!({"packs": [{"text": same}]}))
        .await
        .problem(422, "pack_invalid");
    assert!(
        text(&problem["detail"]).contains("another text"),
        "{problem}"
    );
    let twice = edited(&town, "kr", "2099-01-01", &[("id = \"kr\"", "id = \"kp\"")]).await;
    let rows = [
        (json!({}), 422, "malformed", "packs"),
        (
            json!({"packs": [{"id": "kr"}, {"text": twice}]}),
            422,
            "pack_invalid",
            "packs",
        ),
        (
            json!({"packs": [{"id": "kr"}, {"id": "kr"}]}),
            422,
            "malformed",
            "packs[1]",
        ),
        (json!({"remove": ["kr"]}), 404, "not_found", "remove[0]"),
        (
            json!({"packs": [{"id": "eu"}], "settings": {"counters": {"eu/nothing": "count"}}}),
            422,
            "pack_invalid",
            "settings",
        ),
        (
            json!({"settings": {"status": ["king"]}}),
            422,
            "malformed",
            "settings.status[0]",
        ),
        (
            json!({"settings": {"pilot": {"volume_max": {"amount": "1", "asset": "XQZ"}}}}),
            404,
            "not_found",
            "settings.pilot.volume_max.asset",
        ),
        (
            json!({"settings": {"rewards": {"tiers": {"gold": "0.1"}}}}),
            422,
            "malformed",
            "settings.rewards.tiers.gold",
        ),
        (
            json!({"settings": {"segments": ["a", "a"]}}),
            422,
            "malformed",
            "segments",
        ),
    ];
    for (law, status, code, field) in rows {
        let problem = two.propose(&town, law.clone()).await.problem(status, code);
        assert_eq!(problem["field"], field, "{law} {problem}");
    }
    let large = two
        .propose(&town, json!({"packs": [{"text": "x".repeat(262_145)}]}))
        .await;
    assert_eq!(large.problem(422, "malformed")["field"], "packs[0].text");
    let laws = town.get(&town.caught_up("/v1/laws").await).await.is(200);
    assert_eq!(laws["items"], json!([]), "nothing of it was proposed");
}

#[tokio::test]
async fn settings_are_shown_as_they_were_given() {
    let town = Town::new().await;
    let two = Two::of(&town);
    let settings = json!({
        "country": "FR", "status": ["e_money"], "segments": ["gold", "staff"],
        "counters": {"eu/sca.low-value": "count"}, "numbers": {},
        "pilot": {"countries": ["FR", "DE"], "channels": ["wallet"], "tiers": ["phone", "identified"],
            "payers_max": 100, "volume_max": {"amount": "5000", "asset": "EUR"}},
        "rewards": {"tiers": {"strong": "0.25"}, "strong": "0.1"},
    });
    let law = json!({"packs": [{"id": "eu"}, {"id": "zz"}], "settings": settings});
    let enacted = two.enact(&town, law).await;
    assert_eq!(enacted["settings"], settings);
    assert_eq!(
        town.get("/v1/activations/1").await.is(200)["settings"],
        settings
    );
    // What is not named stays.
    let removed = two.enact(&town, json!({"remove": ["zz"]})).await;
    assert_eq!(removed["removed"], json!(["zz"]));
    let second = town.get("/v1/activations/2").await.is(200);
    assert_eq!(second["settings"], settings);
    assert_eq!(second["packs"].as_array().unwrap().len(), 1);
}

/// A limit of ten a day, which begins with what was paid before.
const TEN_A_DAY: &str = r#"
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
id = "day"
title = { en = "Paid in a day", ko = "1일 결제 한도" }
kind = "limit"
applies = { payment = ["spend"] }
most = "10 EUR"
window = "rolling 2 days"
gives_back = ["void", "refund"]
starts = "STARTS"
source = { act = "Payments Act", article = "s. 1" }
certainty = "official"
"#;

#[tokio::test]
async fn a_backfilled_counter_begins_with_what_was_paid_before() {
    for (starts, counts) in [("backfilled", true), ("empty", false)] {
        let town = Town::new().await;
        let (payer, payee) = (town.wallet("500").await, town.wallet("0").await);
        let pay = async |amount: &str| {
            let body = crate::town::payment(&payer, &payee, amount);
            town.post("/v1/payments", body).await
        };
        pay("9").await.is(201);
        let two = Two::of(&town);
        let text = TEN_A_DAY.replace("STARTS", starts);
        let settings = json!({"country": "FR", "status": ["e_money"]});
        let law = json!({"packs": [{"text": text}], "settings": settings});
        let proposed = two.propose(&town, law).await.is(201);
        let said = proposed["backfill"]["measures"].as_array();
        assert_eq!(said.map(Vec::len), counts.then_some(1), "{proposed}");
        let approved = two
            .approve(&town, &crate::town::text(&proposed["id"]), json!({}))
            .await
            .is(200);
        assert_eq!(approved["status"], "active");
        if counts {
            pay("1.01").await.problem(403, "limit_rolling");
        }
        pay("1").await.is(201);
    }
}
