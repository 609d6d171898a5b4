//! Plans and subscriptions over the API, on a clock that is moved.

use crate::town::{Town, config, eur, text};
use node::{Clock, SystemClock};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The machine's, moved on as a whole: no jump.
#[derive(Default)]
struct Moved(SystemClock, AtomicU64);

impl Moved {
    fn days(&self, days: u64) {
        self.1.fetch_add(days * 86_400_000, Ordering::SeqCst);
    }
}

impl Clock for Moved {
    fn wall_ms(&self) -> u64 {
        self.0.wall_ms() + self.1.load(Ordering::SeqCst)
    }
    fn monotonic_ms(&self) -> u64 {
        self.0.monotonic_ms() + self.1.load(Ordering::SeqCst)
    }
}

fn definition() -> Value {
    json!({
        "asset": "EUR",
        "tax": "inclusive",
        "tiers": [
            {"name": "basic", "amount": "5", "every": "day", "count": 30},
            {"name": "pro", "amount": "10", "every": "day", "count": 30},
        ],
        "dunning": {"retry_days": [2], "then": "end"},
        "grace_days": 1,
        "notice_days": 3,
    })
}

struct Shop {
    town: Town,
    clock: Arc<Moved>,
    payer: String,
    payee: String,
    plan: String,
}

impl Shop {
    async fn selling(definition: Value, money: &str) -> Shop {
        let clock = Arc::new(Moved::default());
        let town = Town::on(config(), clock.clone()).await;
        let (payer, payee) = (town.wallet(money).await, town.wallet("0").await);
        let plan = town
            .post("/v1/plans", json!({"definition": definition}))
            .await
            .is(201);
        Shop {
            plan: text(&plan["id"]),
            town,
            clock,
            payer,
            payee,
        }
    }

    fn asked(&self, more: Value) -> Value {
        let mut body = json!({"wallet": self.payer, "payee": self.payee, "plan": self.plan});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    }

    async fn subscribe(&self, more: Value) -> Value {
        self.town
            .post("/v1/subscriptions", self.asked(more))
            .await
            .is(201)
    }

    async fn change(&self, subscription: &Value, what: &str, body: Value) -> Value {
        let path = format!("/v1/subscriptions/{}/{what}", text(&subscription["id"]));
        self.town.post(&path, body).await.is(200)
    }

    async fn get(&self, subscription: &Value) -> Value {
        let path = format!("/v1/subscriptions/{}", text(&subscription["id"]));
        self.town.get(&path).await.is(200)
    }

    /// Waits until what has ended by itself is in the history.
    async fn ended(&self) -> Vec<Value> {
        let path = self.town.caught_up("/v1/subscriptions?status=ended").await;
        let page = self.town.get(&path).await.is(200);
        page["items"].as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn a_plan_has_versions_and_is_shown_as_it_was_given() {
    let mut given = definition();
    given["trial"] = json!({"days": 14, "converts": false, "reminder_days": 3});
    given["product"] = json!("prd_01936b2f160070008000000000000016");
    let shop = Shop::selling(given.clone(), "0").await;
    let path = format!("/v1/plans/{}", shop.plan);
    let plan = shop.town.get(&path).await.is(200);
    given["tiers"][0]["count"] = json!(30);
    assert_eq!(plan["versions"][0]["definition"], given);
    assert_eq!(
        (&plan["version"], &plan["status"]),
        (&json!(1), &json!("active"))
    );

    let mut next = definition();
    next["tiers"][0] = json!({"name": "basic", "amount": "6", "every": "quarter"});
    let body = json!({"plan": shop.plan, "definition": next, "from": "2100-01-01T00:00:00Z"});
    let plan = shop.town.post("/v1/plans", body).await.is(201);
    assert_eq!(
        (&plan["version"], &plan["versions"][0]["version"]),
        (&json!(1), &json!(2))
    );
    let tier = &plan["versions"][0]["definition"]["tiers"][0];
    assert_eq!(
        (&tier["every"], &tier["count"]),
        (&json!("month"), &json!(3))
    );
    let page = shop.town.get("/v1/plans").await.is(200);
    assert_eq!(page["items"][0]["versions"].as_array().unwrap().len(), 1);

    let mut wrong = definition();
    wrong["grace_days"] = json!(30);
    let body = json!({"definition": wrong});
    let problem = shop.town.post("/v1/plans", body).await;
    let problem = problem.problem(422, "plan_invalid");
    assert!(
        text(&problem["detail"]).contains("not shorter than a period"),
        "{problem}"
    );
    let archive = format!("{path}/archive");
    let archived = shop.town.post(&archive, json!({})).await.is(200);
    assert_eq!(archived["status"], "archived");
    let new = shop.asked(json!({}));
    let problem = shop.town.post("/v1/subscriptions", new).await;
    problem.problem(409, "plan_archived");
}

#[tokio::test]
async fn a_subscription_is_charged_by_itself_and_ends() {
    let shop = Shop::selling(definition(), "12").await;
    let first = shop.subscribe(json!({"amount": eur("5")})).await;
    assert_eq!(
        (&first["status"], &first["tier"]),
        (&json!("active"), &json!("basic"))
    );
    assert_eq!(first["period"]["price"], eur("5"));
    assert_eq!(shop.town.balance(&shop.payer).await, "7");
    let id = text(&first["id"]);
    let payment = format!("/v1/payments/{}", id.replace("sub_", "pay_"));
    assert_eq!(shop.town.get(&payment).await.is(200)["amount"], eur("5"));

    shop.clock.days(28);
    let told = shop.get(&first).await;
    assert!(told["noticed_at"].is_string(), "{told}");
    shop.clock.days(2);
    let second = shop.get(&first).await;
    assert_eq!(second["period"]["number"], 2);
    assert_eq!(shop.town.balance(&shop.payer).await, "2");
    let events = shop.town.caught_up("/v1/events?kind=payment.paid").await;
    let events = shop.town.get(&events).await.is(200);
    assert_eq!(events["items"].as_array().unwrap().len(), 2);
    // The renewal can be read by its id, and nobody can pay under it.
    let payments = shop.town.caught_up("/v1/payments").await;
    let payments = shop.town.get(&payments).await.is(200);
    let renewal = &payments["items"][0]["id"];
    let path = format!("/v1/payments/{}", text(renewal));
    assert_eq!(shop.town.get(&path).await.is(200)["amount"], eur("5"));
    let mut taken = crate::town::payment(&shop.payer, &shop.payee, "1");
    taken["id"] = renewal.clone();
    let refused = shop.town.post("/v1/payments", taken).await;
    assert_eq!(refused.problem(422, "malformed")["field"], "id");

    // Too little for the third.
    shop.clock.days(30);
    let due = shop.get(&first).await;
    assert_eq!(due["status"], "past_due");
    assert_eq!(due["past_due"]["code"], "insufficient_funds");
    assert!(due["past_due"]["retries_at"].is_string());
    let pay = format!("/v1/subscriptions/{id}/pay");
    let problem = shop.town.post(&pay, json!({})).await;
    problem.problem(402, "insufficient_funds");
    let path = shop
        .town
        .caught_up("/v1/subscriptions?status=past_due")
        .await;
    let page = shop.town.get(&path).await.is(200);
    assert_eq!(page["items"][0]["id"], first["id"]);
    shop.clock.days(2);
    assert_eq!(shop.ended().await[0]["id"], first["id"]);
    let ended = shop.get(&first).await;
    assert_eq!(
        (&ended["status"], &ended["unused"]),
        (&json!("ended"), &eur("0"))
    );
    let cancel = format!("/v1/subscriptions/{id}/cancel");
    shop.town
        .post(&cancel, json!({}))
        .await
        .problem(404, "not_found");
    assert_eq!(shop.town.balance(&shop.payee).await, "10");
}

#[tokio::test]
async fn it_is_paused_moved_discounted_and_cancelled() {
    let shop = Shop::selling(definition(), "100").await;
    let sub = shop.subscribe(json!({})).await;
    shop.clock.days(15);
    let paused = shop.change(&sub, "pause", json!({})).await;
    assert_eq!(
        (&paused["days_left"], &paused["unused"]),
        (&json!(15), &eur("2.5"))
    );
    shop.clock.days(100);
    let resumed = shop.change(&sub, "resume", json!({})).await;
    assert_eq!(
        (&resumed["status"], &resumed["unused"]),
        (&json!("active"), &eur("2.5"))
    );
    let more = json!({"tier": "pro", "at": "now", "amount": eur("2")});
    let path = format!("/v1/subscriptions/{}/move", text(&sub["id"]));
    let dear = shop.town.post(&path, more).await;
    dear.problem(403, "price_above_limit");
    let moved = shop
        .change(&sub, "move", json!({"tier": "pro", "at": "now"}))
        .await;
    assert_eq!(
        (&moved["tier"], &moved["unused"]),
        (&json!("pro"), &eur("5"))
    );
    assert_eq!(shop.town.balance(&shop.payee).await, "7.5");
    let back = shop.change(&sub, "move", json!({"tier": "basic"})).await;
    assert_eq!(
        (&back["tier"], &back["next"]["tier"]),
        (&json!("pro"), &json!("basic"))
    );
    let coupon = json!({"off": {"share": "0.5"}, "periods": 1});
    let cheaper = shop
        .change(&sub, "discount", json!({"coupon": coupon}))
        .await;
    assert_eq!(cheaper["coupon"], coupon);
    shop.clock.days(15);
    assert_eq!(shop.get(&sub).await["period"]["price"], eur("2.5"));
    assert_eq!(shop.town.balance(&shop.payee).await, "10");

    let key = "cancel-it";
    let path = format!("/v1/subscriptions/{}/cancel", text(&sub["id"]));
    let canceled = shop.town.keyed("POST", &path, key, &json!({})).await;
    let canceled = canceled.is(200);
    assert_eq!(canceled["status"], "canceling");
    let again = shop.town.keyed("POST", &path, key, &json!({})).await;
    assert!(again.replayed());
    let other = json!({"at": "now"});
    let other = shop.town.keyed("POST", &path, key, &other).await;
    other.problem(422, "id_reused");
    shop.town
        .post(&path, json!({}))
        .await
        .problem(409, "wrong_state");
    let at_once = shop.change(&sub, "cancel", json!({"at": "now"})).await;
    assert_eq!(
        (&at_once["status"], &at_once["unused"]),
        (&json!("ended"), &canceled["unused"])
    );
}

#[tokio::test]
async fn what_is_asked_again_gets_its_first_answer_whatever_came_after() {
    let shop = Shop::selling(definition(), "100").await;
    let new = shop.asked(json!({"tier": "basic", "coupon": {"off": {"amount": "1"}}}));
    let post = "/v1/subscriptions";
    let first = shop.town.keyed("POST", post, "new", &new).await.is(201);
    let path = format!("{post}/{}", text(&first["id"]));
    let (to, off) = (
        json!({"tier": "pro", "at": "now", "amount": eur("20")}),
        json!({"coupon": {"off": {"amount": "2"}}}),
    );
    let asked = [
        (format!("{path}/move"), "to", to),
        (format!("{path}/discount"), "off", off),
        (format!("{path}/cancel"), "stop", json!({"at": "now"})),
    ];
    let mut before = Vec::new();
    for (path, key, body) in &asked {
        before.push(shop.town.keyed("POST", path, key, body).await.is(200));
    }
    // Another version, without the tiers that were named.
    let mut next = definition();
    next["tiers"] = json!([{"name": "other", "amount": "6", "every": "day", "count": 30}]);
    let body = json!({"plan": shop.plan, "definition": next});
    shop.town.post("/v1/plans", body).await.is(201);
    shop.town.caught_up(post).await;
    let again = shop.town.keyed("POST", post, "new", &new).await;
    assert!(again.replayed());
    assert_eq!(again.is(201)["id"], first["id"]);
    for ((path, key, body), before) in asked.iter().zip(before) {
        let again = shop.town.keyed("POST", path, key, body).await;
        assert!(again.replayed(), "{path}");
        assert_eq!(again.is(200)["status"], before["status"]);
    }
    let gone = shop
        .town
        .post(post, shop.asked(json!({"tier": "basic"})))
        .await;
    assert_eq!(gone.problem(404, "not_found")["field"], "tier");
}

#[tokio::test]
async fn trials_gifts_and_what_is_not_there() {
    let mut plan = definition();
    plan["trial"] = json!({"days": 7, "converts": false, "reminder_days": 2});
    let shop = Shop::selling(plan, "100").await;
    let trial = shop.subscribe(json!({"tier": "pro"})).await;
    assert_eq!(
        (&trial["status"], &trial["converts"]),
        (&json!("trialing"), &json!(false))
    );
    assert!(trial.get("charges_at").is_none());
    let agreed = shop.change(&trial, "convert", json!({})).await;
    assert!(agreed["charges_at"].is_string());
    let new = shop.asked(json!({}));
    let problem = shop.town.post("/v1/subscriptions", new).await;
    problem.problem(409, "trial_used");
    shop.clock.days(7);
    assert_eq!(shop.get(&trial).await["status"], "active");

    let friend = shop.town.wallet("0").await;
    let gift = json!({
        "wallet": friend, "payer": shop.payer, "periods": 1, "skip_trial": true,
        "coupon": {"off": {"amount": "1"}},
    });
    let gift = shop.subscribe(gift).await;
    assert_eq!(
        (&gift["period"]["price"], &gift["periods_left"]),
        (&eur("4"), &json!(0))
    );
    assert_eq!(gift["payer"], json!(shop.payer));
    shop.clock.days(30);
    assert_eq!(shop.ended().await[0]["id"], gift["id"]);

    for (more, status, code, field) in [
        (json!({"tier": "none"}), 404, "not_found", "tier"),
        (
            json!({"plan": shop.plan.replace("pln_0", "pln_1")}),
            404,
            "not_found",
            "plan",
        ),
        (json!({"payee": shop.payer}), 422, "same_wallet", "payee"),
        (
            json!({"amount": {"amount": "1", "asset": "USD"}}),
            404,
            "not_found",
            "amount.asset",
        ),
        (json!({"amount": eur("0")}), 422, "amount_zero", "amount"),
        (
            json!({"factors": ["knowledge"], "wallet": "wal_00000000000000000000000000000001"}),
            404,
            "not_found",
            "wallet",
        ),
    ] {
        let answer = shop.town.post("/v1/subscriptions", shop.asked(more)).await;
        assert_eq!(answer.problem(status, code)["field"], field);
    }
    let nobodys = "/v1/subscriptions/sub_00000000000000000000000000000001";
    shop.town.get(nobodys).await.problem(404, "not_found");
    let path = format!("/v1/subscriptions?wallet={}&limit=1", shop.payer);
    let path = shop.town.caught_up(&path).await;
    let page = shop.town.get(&path).await.is(200);
    assert_eq!(page["items"][0]["id"], gift["id"]);
    let next = text(&page["next"]);
    let rest = format!("/v1/subscriptions?wallet={}&cursor={next}", shop.payer);
    let rest = shop.town.get(&rest).await.is(200);
    assert_eq!(rest["items"][0]["id"], trial["id"]);
}
