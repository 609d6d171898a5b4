//! Sessions over the `Payment` scheme: who pays what, and what must not work.

use crate::stage::{Answered, GIFT, PRICE, Stage, Ways, now};
use gate::payer::{Made, OpenSession, SessionOffer};
use gate::{Secret, SessionOptions};
use serde_json::Value;
use std::time::{Duration, Instant};

const PRICE_U: u64 = PRICE as u64;
const DEPOSIT: u64 = 2 * PRICE_U;

fn challenges(answer: &Answered) -> Vec<&str> {
    let values = answer.headers.get_all("www-authenticate").iter();
    values.map(|value| value.to_str().unwrap()).collect()
}

/// A payer in a session, who believes receipts and refusals as a client would.
struct Visitor<'a> {
    stage: &'a Stage,
    secret: Secret,
    session: OpenSession,
}

impl Stage {
    async fn session_offer(&self, method: &str, path: &str) -> SessionOffer {
        let asked = self.send(method, path, &[], "").await;
        assert_eq!(asked.status, 402, "{method} {path}");
        let url = self.url(path);
        SessionOffer::read(challenges(&asked), made(method, &url)).unwrap()
    }

    async fn pay_by(&self, path: &str, header: &str) -> Answered {
        self.get(path, &[("authorization", header)]).await
    }

    /// A session with a deposit, one article read in it.
    async fn visitor(&self, seed: u8, deposit: u64) -> Visitor<'_> {
        let secret = self.payer(seed).await;
        let offer = self.session_offer("GET", "/articles/a").await;
        let (mut session, header) = offer.open(&secret, now(), deposit);
        let answer = self.pay_by("/articles/a", &header).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        session.receive(answer.text("payment-receipt"));
        assert_eq!(session.spent(), PRICE_U);
        Visitor {
            stage: self,
            secret,
            session,
        }
    }

    async fn settled(&self, payer: &Secret, spent: i128) {
        self.spent(payer, spent).await;
    }
}

fn made<'a>(method: &'a str, url: &'a str) -> Made<'a> {
    Made {
        method,
        url,
        digest: None,
    }
}

impl Visitor<'_> {
    async fn read(&mut self, path: &str) -> Answered {
        let header = self.sign(path);
        let answer = self.stage.pay_by(path, &header).await;
        self.session.receive(answer.text("payment-receipt"));
        answer
    }

    /// The header for the next article at this path.
    fn sign(&mut self, path: &str) -> String {
        let url = self.stage.url(path);
        let session = &mut self.session;
        session.pay(&self.secret, made("GET", &url), PRICE_U)
    }

    async fn close(&self) -> Answered {
        let header = self.session.close(&self.secret);
        self.stage.pay_by("/articles/a", &header).await
    }

    /// What its wallet has and what of it is held.
    async fn funds(&self) -> (i128, u128) {
        self.stage.funds(self.stage.wallet(&self.secret)).await
    }

    async fn held(&self, expected: u128) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.funds().await.1 != expected {
            assert!(Instant::now() < deadline, "held {}", self.funds().await.1);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn code(answer: &Answered) -> String {
    answer.json()["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_session_is_opened_paid_in_topped_up_and_closed() {
    let stage = Stage::set().await;
    let mut visitor = stage.visitor(1, DEPOSIT).await;
    // The rest of the deposit is set aside, and nobody else's.
    visitor.held(u128::from(DEPOSIT) - PRICE as u128).await;
    let second = visitor.read("/articles/b").await;
    assert_eq!(
        (second.status.as_u16(), &second.body[..]),
        (200, &b"hello"[..])
    );
    assert_eq!(second.text("cache-control"), "private, no-store");

    let beyond = visitor.read("/articles/c").await;
    assert_eq!(
        (beyond.status.as_u16(), code(&beyond)),
        (402, "voucher_above_deposit".to_owned())
    );
    let more = visitor.session.top_up(&visitor.secret, 2 * DEPOSIT);
    for _ in 0..2 {
        // The second time it is as it was: a top-up says how much in all.
        let topped_up = stage.pay_by("/articles/c", &more).await;
        assert_eq!(topped_up.status, 204, "{:?}", topped_up.body);
        visitor.session.receive(topped_up.text("payment-receipt"));
        assert_eq!(visitor.session.deposit(), 2 * DEPOSIT);
        assert_eq!(visitor.session.spent(), DEPOSIT);
    }
    visitor.held(u128::from(DEPOSIT)).await;
    assert_eq!(visitor.read("/articles/c").await.status, 200);

    let closed = visitor.close().await;
    assert_eq!(closed.status, 204, "{:?}", closed.body);
    let receipt = gate::payer::receipt(closed.text("payment-receipt")).unwrap();
    assert_eq!(receipt["spent"], (3 * PRICE_U).to_string());
    assert!(receipt["reference"].as_str().unwrap().starts_with("pay_"));
    stage.settled(&visitor.secret, 3 * PRICE).await;
    let after = visitor.read("/articles/d").await;
    assert_eq!(
        (after.status.as_u16(), code(&after)),
        (410, "session_not_found".to_owned())
    );
    assert!(!challenges(&after).is_empty());
    stage.settled(&visitor.secret, 3 * PRICE).await;
}

#[tokio::test]
async fn what_was_served_is_reported_within_a_second() {
    let stage = Stage::set().await;
    // So large that one article is far below a per cent.
    let visitor = stage.visitor(1, GIFT as u64).await;
    let begun = Instant::now();
    visitor.held((GIFT - PRICE) as u128).await;
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn what_was_not_served_is_not_charged_and_its_voucher_pays_for_the_next() {
    let stage = Stage::set().await;
    let mut visitor = stage.visitor(1, GIFT as u64).await;
    for (path, status) in [
        ("/articles/500", 500),
        ("/articles/301", 301),
        ("/articles/broken", 200),
    ] {
        assert_eq!(visitor.read(path).await.status, status, "{path}");
    }
    assert_eq!(
        visitor.session.signed(),
        2 * PRICE_U,
        "one voucher's worth for all three"
    );
    assert_eq!(visitor.read("/articles/a").await.status, 200);
    assert_eq!(visitor.session.spent(), 2 * PRICE_U);
    visitor.close().await;
    stage.settled(&visitor.secret, 2 * PRICE).await;
}

#[tokio::test]
async fn a_client_that_goes_away_is_not_charged_in_a_session() {
    let stage = Stage::set().await;
    let mut visitor = stage.visitor(1, GIFT as u64).await;
    let header = visitor.sign("/articles/slow");
    let asked = stage.site.asked.load(std::sync::atomic::Ordering::Relaxed);
    let get = stage.pay_by("/articles/slow", &header);
    tokio::select! {
        _ = get => panic!("the site does not answer"),
        () = async {
            while stage.site.asked.load(std::sync::atomic::Ordering::Relaxed) == asked {
                tokio::task::yield_now().await;
            }
        } => {}
    }
    // The same cumulative amount pays for the next, once the gate has seen that nobody is there.
    let deadline = Instant::now() + Duration::from_secs(20);
    while visitor.read("/articles/b").await.status != 200 {
        assert!(Instant::now() < deadline);
    }
    assert_eq!(visitor.session.signed(), 2 * PRICE_U);
    visitor.close().await;
    stage.settled(&visitor.secret, 2 * PRICE).await;
}

#[tokio::test]
async fn head_is_checked_and_takes_nothing() {
    let stage = Stage::set().await;
    let mut visitor = stage.visitor(1, GIFT as u64).await;
    let url = stage.url("/articles/b");
    let header = visitor
        .session
        .pay(&visitor.secret, made("HEAD", &url), PRICE_U);
    let headers = [("authorization", header.as_str())];
    for _ in 0..2 {
        assert_eq!(
            stage.send("HEAD", "/articles/b", &headers, "").await.status,
            200
        );
    }
    assert_eq!(
        stage.send("GET", "/articles/b", &headers, "").await.status,
        402
    );
    assert_eq!(visitor.close().await.status, 204);
    stage.settled(&visitor.secret, PRICE).await;
}

/// Decodes a credential, changes it, and encodes it again.
fn changed(header: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut credential = gate::payer::receipt(header.strip_prefix("Payment ").unwrap()).unwrap();
    change(&mut credential);
    let text = credential.to_string();
    let token = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, text);
    format!("Payment {token}")
}

#[tokio::test]
async fn what_must_not_work() {
    let stage = Stage::set().await;
    let mut visitor = stage.visitor(1, GIFT as u64).await;
    let mut other = stage.visitor(2, GIFT as u64).await;
    let first = visitor.sign("/articles/b");
    assert_eq!(stage.pay_by("/articles/b", &first).await.status, 200);
    visitor.session.receive("");
    let opened = stage.session_offer("GET", "/articles/a").await;
    let mut behind = visitor.session.clone();
    // Signs what was signed before, for another article.
    let lower = behind.pay(&visitor.secret, made("GET", &stage.url("/articles/c")), 0);
    let third = {
        let mut ahead = visitor.session.clone();
        let _ = ahead.pay(
            &visitor.secret,
            made("GET", &stage.url("/articles/c")),
            2 * PRICE_U,
        );
        ahead.pay(
            &visitor.secret,
            made("GET", &stage.url("/articles/c")),
            2 * PRICE_U,
        )
    };
    let stranger = Secret::new(&[9; 32]);
    let forged = visitor.session.clone().pay(
        &stranger,
        made("GET", &stage.url("/articles/c")),
        2 * PRICE_U,
    );
    let above = visitor.session.clone().pay(
        &visitor.secret,
        made("GET", &stage.url("/articles/c")),
        GIFT as u64,
    );
    let elsewhere = other.sign("/articles/c");
    let other_id = other.session.id().to_string();
    let unknown = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let (_, unregistered) = opened.open(&stranger, now(), DEPOSIT);
    let late = {
        let mut then = now();
        then.seconds -= 3600;
        opened.open(&visitor.secret, then, DEPOSIT).1
    };
    let early = {
        let mut then = now();
        then.seconds += 3600;
        opened.open(&visitor.secret, then, DEPOSIT).1
    };
    let too_small = opened.open(&visitor.secret, now(), PRICE_U - 1).1;
    let too_dear = opened.open(&visitor.secret, now(), 2 * GIFT as u64).1;
    let invalid = "session_signature_invalid";
    let set = |field: &'static str, value: &str| {
        let value = value.to_owned();
        move |c: &mut Value| c["payload"][field] = value.into()
    };
    for (what, path, header, status, expected) in [
        (
            "a replayed voucher",
            "/articles/b",
            first.clone(),
            402,
            "voucher_too_small",
        ),
        (
            "a voucher for another path",
            "/articles/c",
            first.clone(),
            402,
            invalid,
        ),
        (
            "a voucher for another query",
            "/articles/b?x",
            first.clone(),
            402,
            invalid,
        ),
        (
            "a voucher that adds nothing",
            "/articles/c",
            lower,
            402,
            "voucher_too_small",
        ),
        (
            "a voucher above the deposit",
            "/articles/c",
            above,
            402,
            "voucher_above_deposit",
        ),
        (
            "a voucher by a wrong key",
            "/articles/c",
            forged,
            402,
            invalid,
        ),
        (
            "a voucher of another session",
            "/articles/c",
            changed(&third, set("sessionId", &other_id)),
            402,
            invalid,
        ),
        (
            "a session that is not",
            "/articles/c",
            changed(&third, set("sessionId", unknown)),
            410,
            "session_not_found",
        ),
        (
            "an amount that was raised",
            "/articles/c",
            changed(&third, set("cumulativeAmount", "19000000")),
            402,
            invalid,
        ),
        (
            "an amount in a second form",
            "/articles/c",
            changed(&third, set("cumulativeAmount", "015000000")),
            402,
            "payment_not_valid",
        ),
        (
            "a voucher to close with",
            "/articles/c",
            changed(&third, set("action", "close")),
            402,
            invalid,
        ),
        (
            "an action that is none",
            "/articles/c",
            changed(&third, set("action", "steal")),
            402,
            "payment_not_valid",
        ),
        (
            "a challenge of the client's own",
            "/articles/c",
            changed(&third, |c| c["challenge"]["realm"] = "evil.example".into()),
            402,
            "payment_not_valid",
        ),
        (
            "a charge as a session",
            "/articles/c",
            changed(&third, |c| c["challenge"]["intent"] = "charge".into()),
            402,
            "payment_not_valid",
        ),
        (
            "a deposit that was raised",
            "/articles/c",
            changed(
                &visitor.session.top_up(&visitor.secret, GIFT as u64),
                set("deposit", "30000000"),
            ),
            402,
            invalid,
        ),
        (
            "an opening signed long ago",
            "/articles/a",
            late,
            402,
            "session_opening_expired",
        ),
        (
            "an opening of the future",
            "/articles/a",
            early,
            402,
            "session_opening_in_future",
        ),
        (
            "an opening for more",
            "/articles/a",
            changed(&too_small, set("deposit", "10000000")),
            402,
            invalid,
        ),
        (
            "a deposit below the price",
            "/articles/a",
            too_small,
            402,
            "voucher_above_deposit",
        ),
        (
            "a deposit beyond the funds",
            "/articles/a",
            too_dear,
            402,
            "insufficient_funds",
        ),
        (
            "a key without a wallet",
            "/articles/a",
            unregistered,
            402,
            "invalid_exact_farthing_unknown_key",
        ),
    ] {
        let answer = stage.pay_by(path, &header).await;
        assert_eq!(
            (answer.status.as_u16(), &*code(&answer)),
            (status, expected),
            "{what}"
        );
        assert!(!answer.headers.contains_key("payment-receipt"), "{what}");
        if status == 402 {
            assert!(!challenges(&answer).is_empty(), "{what}");
        }
    }
    // What is lower than what was accepted is refused even if it would do.
    assert_eq!(stage.pay_by("/articles/c", &third).await.status, 200);
    let answer = stage.pay_by("/articles/b", &first).await;
    assert_eq!(code(&answer), "voucher_lower");
    assert_eq!(stage.pay_by("/articles/c", &elsewhere).await.status, 200);

    // Of an opening that is sent again only the first is one, and its answer is not given twice.
    let again = stage.session_offer("GET", "/articles/a").await;
    assert_eq!(
        visitor.close().await.status,
        402,
        "with less than was spent"
    );
    visitor.session.receive("");
    let snapshot = stage.pay_by("/articles/c", &third).await;
    let url = stage.url("/articles/c");
    let told = SessionOffer::read(challenges(&snapshot), made("GET", &url)).unwrap();
    assert!(visitor.session.correct(&told));
    let _ = visitor
        .session
        .pay(&visitor.secret, made("GET", &url), 2 * PRICE_U);
    assert_eq!(visitor.close().await.status, 204);
    assert_eq!(other.close().await.status, 204);
    stage.held_nothing(&visitor.secret).await;
    let (mut session, opening) = again.open(&visitor.secret, now(), PRICE_U);
    let served = stage.pay_by("/articles/a", &opening).await;
    assert_eq!(served.status, 200);
    session.receive(served.text("payment-receipt"));
    assert_eq!(
        code(&stage.pay_by("/articles/a", &opening).await),
        "voucher_too_small"
    );
    let closed = session.close(&visitor.secret);
    assert_eq!(stage.pay_by("/articles/a", &closed).await.status, 204);
    let replayed = stage.pay_by("/articles/a", &opening).await;
    assert_eq!(code(&replayed), "invalid_exact_farthing_nonce_used");
}

impl Stage {
    async fn held_nothing(&self, payer: &Secret) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.funds(self.wallet(payer)).await.1 != 0 {
            assert!(Instant::now() < deadline);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn a_session_is_kept_by_one_gate() {
    let mut stage = Stage::set().await;
    let secret = stage.payer(1).await;
    let offer = stage.session_offer("GET", "/articles/a").await;
    let (session, header) = offer.open(&secret, now(), GIFT as u64);
    assert_eq!(stage.pay_by("/articles/a", &header).await.status, 200);
    let second = Ways {
        name: "http://second.example",
        ..Ways::default()
    };
    let first = stage.gate;
    stage.open_another(second).await;
    // Its voucher is for the first gate's site; both are the same site behind one name.
    let host = first.to_string();
    let mut session = session;
    let url = format!("http://{host}/articles/b");
    let voucher = session.pay(&secret, made("GET", &url), PRICE_U);
    let headers = [("host", host.as_str()), ("authorization", voucher.as_str())];
    let answer = stage.get("/articles/b", &headers).await;
    assert_eq!(
        (answer.status.as_u16(), &*code(&answer)),
        (409, "session_elsewhere")
    );
    assert_eq!(answer.json()["gate"], "http://first.example");
    stage
        .spent_and_held(&secret, PRICE, (GIFT - PRICE) as u128)
        .await;
}

impl Stage {
    async fn spent_and_held(&self, payer: &Secret, spent: i128, held: u128) {
        let deadline = Instant::now() + Duration::from_secs(20);
        let wallet = self.wallet(payer);
        loop {
            let found = self.funds(wallet).await;
            if found == (GIFT - spent, held) {
                return;
            }
            assert!(Instant::now() < deadline, "{found:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn a_session_ends_when_its_time_is_over_or_nobody_comes() {
    for (lasts_s, idle_s) in [(2, 600), (600, 1)] {
        let stage = Stage::set_in(Ways {
            sessions: SessionOptions {
                lasts: Duration::from_secs(lasts_s),
                idle: Duration::from_secs(idle_s),
            },
            ..Ways::default()
        })
        .await;
        let mut visitor = stage.visitor(1, GIFT as u64).await;
        stage.settled(&visitor.secret, PRICE).await;
        let answer = visitor.read("/articles/b").await;
        assert_eq!(
            (answer.status.as_u16(), &*code(&answer)),
            (410, "session_not_found")
        );
    }
}

#[tokio::test]
async fn a_revoked_key_is_served_no_longer_than_a_report() {
    let stage = Stage::set().await;
    let mut visitor = stage.visitor(1, GIFT as u64).await;
    stage.revoke(&visitor.secret.public());
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut served = 1;
    while visitor.read("/articles/500").await.status != 410 {
        assert!(Instant::now() < deadline);
        if served == 1 {
            assert_eq!(visitor.read("/articles/b").await.status, 200);
            served = 2;
        }
    }
    assert_eq!(served, 2);
}

#[tokio::test]
async fn one_voucher_pays_for_as_many_requests_at_once_as_it_covers() {
    let stage = Stage::set().await;
    let visitor = stage.visitor(1, GIFT as u64).await;
    let sign = |path: &str| {
        // For three more than the one it has read.
        let url = stage.url(path);
        let mut session = visitor.session.clone();
        session.pay(&visitor.secret, made("GET", &url), 3 * PRICE_U)
    };
    let paths = ["/articles/b", "/articles/c", "/articles/d", "/articles/e"];
    let headers = paths.map(sign);
    let get = |at: usize| stage.pay_by(paths[at], &headers[at]);
    let answers = tokio::join!(get(0), get(1), get(2), get(3));
    let answers = [answers.0, answers.1, answers.2, answers.3];
    let served = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(served, 3);
    let refused = answers.iter().find(|answer| answer.status != 200).unwrap();
    assert_eq!(code(refused), "voucher_too_small");
    let mut session = visitor.session.clone();
    let _ = session.pay(&visitor.secret, made("GET", ""), 3 * PRICE_U);
    let close = session.close(&visitor.secret);
    let deadline = Instant::now() + Duration::from_secs(20);
    // The last answers may still be on their way.
    while stage.pay_by("/articles/a", &close).await.status != 204 {
        assert!(Instant::now() < deadline);
    }
    stage.settled(&visitor.secret, 4 * PRICE).await;
}

/// The same as x402's `batch-settlement` carries it, for the request that was asked.
async fn by_x402(stage: &Stage, path: &str, header: &str) -> String {
    let asked = stage.get(path, &[]).await;
    let required = gate::payer::receipt(asked.text("payment-required")).unwrap();
    let credential = gate::payer::receipt(header.strip_prefix("Payment ").unwrap()).unwrap();
    let mut payload = credential["payload"].clone();
    if payload["action"] == "open" {
        payload["nonce"] = credential["challenge"]["id"].clone();
    }
    let payment = serde_json::json!({
        "x402Version": 2,
        "accepted": required["accepts"][1],
        "payload": payload,
    });
    let engine = &base64::engine::general_purpose::STANDARD;
    base64::Engine::encode(engine, payment.to_string())
}

#[tokio::test]
async fn a_session_is_the_same_by_either_protocol() {
    let stage = Stage::set().await;
    let secret = stage.payer(1).await;
    let supported = stage.get("/.well-known/farthing/supported", &[]).await;
    assert_eq!(supported.json()["kinds"][1]["scheme"], "batch-settlement");
    let offer = stage.session_offer("GET", "/articles/a").await;
    let (mut session, header) = offer.open(&secret, now(), DEPOSIT);
    let opening = by_x402(&stage, "/articles/a", &header).await;
    let x402 = |path: &'static str, payment: String| {
        let stage = &stage;
        async move { stage.get(path, &[("payment-signature", &payment)]).await }
    };
    let opened = x402("/articles/a", opening).await;
    assert_eq!(opened.status, 200, "{:?}", opened.body);
    let receipt = gate::payer::receipt(opened.text("payment-response")).unwrap();
    assert_eq!(
        (&receipt["success"], &receipt["amount"]),
        (&true.into(), &"5000000".into())
    );
    assert_eq!(receipt["extra"]["session"]["spent"], "5000000");
    assert_eq!(receipt["payer"], stage.wallet(&secret).to_string());
    assert!(receipt["transaction"].as_str().unwrap().starts_with("pay_"));

    let url = stage.url("/articles/b");
    let mpp = session.pay(&secret, made("GET", &url), 2 * PRICE_U);
    let voucher = by_x402(&stage, "/articles/b", &mpp).await;
    assert_eq!(stage.pay_by("/articles/b", &mpp).await.status, 200);
    let prefix = "invalid_batch_settlement_farthing_";
    let elsewhere = x402("/articles/c", voucher.clone()).await;
    assert_eq!(elsewhere.reason(), format!("{prefix}request_mismatch"));
    let again = x402("/articles/b", voucher).await;
    assert_eq!(
        (again.status.as_u16(), again.reason()),
        (402, format!("{prefix}voucher_too_small"))
    );
    let required = gate::payer::receipt(again.text("payment-required")).unwrap();
    let told = &required["accepts"][1]["extra"]["session"];
    assert_eq!(
        (&told["spent"], &told["requiredCumulative"]),
        (&"10000000".into(), &"15000000".into())
    );
    let close = by_x402(&stage, "/articles/a", &session.close(&secret)).await;
    assert_eq!(x402("/articles/a", close.clone()).await.status, 204);
    let gone = x402("/articles/a", close).await;
    assert_eq!(
        (gone.status.as_u16(), gone.reason()),
        (402, format!("{prefix}session_not_found"))
    );
    stage.settled(&secret, 2 * PRICE).await;
}

#[tokio::test]
async fn a_session_is_closed_even_by_a_visitor_who_would_be_given_something_for_free() {
    let prices = "asset = \"USD\"\n[[price]]\npath = \"/articles/**\"\namount = \"0.005\"\n\
                  [gate]\nfree_requests_per_day = 2";
    let mut stage = Stage::set_in(Ways {
        prices,
        ..Ways::default()
    })
    .await;
    for expected in [200, 200, 402] {
        assert_eq!(stage.get("/articles/a", &[]).await.status, expected);
    }
    let mut visitor = stage.visitor(1, GIFT as u64).await;
    assert_eq!(visitor.read("/articles/b").await.status, 200);

    // Another gate has counted nothing of it yet.
    let (secret, session) = (visitor.secret, visitor.session);
    let host = stage.gate.to_string();
    stage.kill();
    stage
        .open_another(Ways {
            prices,
            ..Ways::default()
        })
        .await;
    let close = session.close(&secret);
    let headers = [("host", host.as_str()), ("authorization", close.as_str())];
    let closed = stage.get("/articles/a", &headers).await;
    assert_eq!(closed.status, 204, "{:?}", closed.body);
    stage.held_nothing(&secret).await;
}
