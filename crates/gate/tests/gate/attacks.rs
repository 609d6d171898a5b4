//! What must not work.

use crate::stage::{GIFT, PRICE, Stage, now};
use gate::Secret;
use gate::payer;
use serde_json::{Value, json};

#[tokio::test]
async fn a_payment_pays_for_nothing_else_and_not_twice() {
    let stage = Stage::set().await;
    let payer = stage.payer(1).await;
    let signature = stage.sign(&payer, "GET", "/articles/a?x=1").await;
    let headers = [("payment-signature", signature.as_str())];
    let other_host = [headers[0], ("host", "other.example")];
    for (method, path, headers) in [
        ("GET", "/articles/b?x=1", &headers[..]),
        ("GET", "/articles/a?x=2", &headers),
        ("GET", "/articles/a", &headers),
        ("GET", "/articles/a?x=1&", &headers),
        ("GET", "/articles/a/?x=1", &headers),
        ("GET", "/dear/a?x=1", &headers),
        ("POST", "/articles/a?x=1", &headers),
        ("HEAD", "/articles/a?x=1", &headers),
        ("GET", "/articles/a?x=1", &other_host),
    ] {
        let answer = stage.send(method, path, headers, "").await;
        assert_eq!(answer.status, 402, "{method} {path}");
        assert_eq!(
            answer.reason(),
            "invalid_exact_farthing_request_mismatch",
            "{method} {path}"
        );
    }
    stage.spent(&payer, 0).await;
    // Another spelling of the same path is the same.
    let paid = stage.get("/%61rticles/a?x=1", &headers).await;
    assert_eq!(paid.status, 200);
    for _ in 0..2 {
        let replayed = stage.get("/articles/a?x=1", &headers).await;
        assert_eq!(replayed.status, 402);
        assert_eq!(replayed.reason(), "invalid_exact_farthing_nonce_used");
    }
    stage.spent(&payer, PRICE).await;
}

#[tokio::test]
async fn the_same_payment_many_times_at_once_is_one_payment() {
    let stage = Stage::set().await;
    let payer = stage.payer(1).await;
    let signature = stage.sign(&payer, "GET", "/articles/a").await;
    let headers = [("payment-signature", signature.as_str())];
    let get = || stage.get("/articles/a", &headers);
    let (a, b, c, d) = tokio::join!(get(), get(), get(), get());
    let served = [a, b, c, d]
        .iter()
        .filter(|answer| answer.status == 200)
        .count();
    assert_eq!(served, 1);
    stage.spent(&payer, PRICE).await;
}

fn changed(header: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut value = payer::receipt(header).unwrap();
    change(&mut value);
    base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        value.to_string(),
    )
}

#[tokio::test]
async fn every_change_to_a_payment_is_refused() {
    let stage = Stage::set().await;
    let payer = stage.payer(1).await;
    let stranger = Secret::new(&[9; 32]);
    let good = stage.sign(&payer, "GET", "/articles/a").await;
    let bad = "invalid_exact_farthing_signature";
    let wrong = "invalid_payment_requirements";
    type Change = fn(&mut Value);
    let changes: [(Change, &str); 16] = [
        (|v| v["accepted"]["amount"] = "1".into(), wrong),
        (|v| v["accepted"]["amount"] = "05000000".into(), wrong),
        (|v| v["accepted"]["asset"] = "KRW".into(), wrong),
        (|v| v["accepted"]["payTo"] = "wal_1".into(), wrong),
        (|v| v["accepted"]["maxTimeoutSeconds"] = 999.into(), wrong),
        (|v| v["accepted"]["extra"]["scale"] = 2.into(), wrong),
        (
            |v| v["accepted"]["network"] = "farthing:1".into(),
            "invalid_network",
        ),
        (
            |v| v["accepted"]["scheme"] = "upto".into(),
            "unsupported_scheme",
        ),
        (|v| v["x402Version"] = 1.into(), "invalid_x402_version"),
        (
            |v| v["payload"]["nonce"] = "AAAAAAAAAAAAAAAAAAAAAA".into(),
            bad,
        ),
        (
            |v| v["payload"]["created"] = (v["payload"]["created"].as_u64().unwrap() - 1).into(),
            bad,
        ),
        (
            |v| v["payload"]["expires"] = (v["payload"]["expires"].as_u64().unwrap() + 1).into(),
            bad,
        ),
        (
            |v| v["payload"]["publicKey"] = Secret::new(&[8; 32]).public().to_string().into(),
            bad,
        ),
        (
            |v| v["payload"]["expires"] = v["payload"]["created"].clone(),
            "invalid_exact_farthing_validity",
        ),
        (
            |v| v["payload"]["created"] = 99_999_999_999_u64.into(),
            "invalid_exact_farthing_created_in_future",
        ),
        (
            |v| v["payload"]["expires"] = 1.into(),
            "invalid_exact_farthing_expired",
        ),
    ];
    for (change, expected) in changes {
        let header = changed(&good, change);
        let answer = stage
            .get("/articles/a", &[("payment-signature", &header)])
            .await;
        let reason = answer.reason();
        let is_equal_times = expected == "invalid_exact_farthing_validity";
        let fits = reason == expected || (is_equal_times && !reason.is_empty());
        assert!(answer.status == 402 && fits, "{expected}: {reason}");
    }
    for (header, status) in [
        ("", 400),
        ("!!!", 400),
        ("e30=", 400),
        ("bm90IGpzb24=", 400),
        (&*changed(&good, |v| v["payload"] = json!({})), 400),
        (
            &*changed(&good, |v| v["payload"]["signature"] = "AAAA".into()),
            400,
        ),
        (
            &*changed(&good, |v| v["payload"]["nonce"] = "short".into()),
            400,
        ),
        (&*"A".repeat(20_000), 400),
    ] {
        let answer = stage
            .get("/articles/a", &[("payment-signature", header)])
            .await;
        assert_eq!(answer.status, status, "{header:.40}");
    }
    let twice = [("payment-signature", &*good), ("payment-signature", &*good)];
    assert_eq!(stage.get("/articles/a", &twice).await.status, 400);
    let both = [
        ("payment-signature", &*good),
        ("authorization", "Payment e30"),
    ];
    assert_eq!(stage.get("/articles/a", &both).await.status, 400);

    let unknown = stage.sign(&stranger, "GET", "/articles/a").await;
    let answer = stage
        .get("/articles/a", &[("payment-signature", &unknown)])
        .await;
    assert_eq!(answer.reason(), "invalid_exact_farthing_unknown_key");
    stage.spent(&payer, 0).await;
}

#[tokio::test]
async fn an_old_signature_and_a_revoked_key_pay_nothing() {
    let stage = Stage::set().await;
    let payer = stage.payer(1).await;
    let offer = stage.offer("GET", "/articles/a").await;
    let mut long_ago = now();
    long_ago.seconds -= 3600;
    let old = offer.pay(&payer, long_ago, None).unwrap();
    let answer = stage
        .get("/articles/a", &[("payment-signature", &old)])
        .await;
    assert_eq!(answer.reason(), "invalid_exact_farthing_expired");
    let wallet = stage.wallet(&payer);
    stage.revoke(&payer.public());
    let signature = offer.pay(&payer, now(), None).unwrap();
    let answer = stage
        .get("/articles/a", &[("payment-signature", &signature)])
        .await;
    assert_eq!(answer.reason(), "invalid_exact_farthing_unknown_key");
    assert_eq!(stage.funds(wallet).await, (GIFT, 0));
}

#[tokio::test]
async fn a_challenge_of_the_payment_scheme_is_for_its_request_alone() {
    let stage = Stage::set().await;
    let payer = stage.payer(1).await;
    let asked = stage.get("/articles/a", &[]).await;
    let header = asked.text("www-authenticate");
    let good = payer::answer_challenge(header, &payer).unwrap();
    let type_of = |answer: &crate::stage::Answered| {
        answer.json()["type"]
            .as_str()
            .unwrap()
            .rsplit('/')
            .next()
            .unwrap()
            .to_owned()
    };
    for path in ["/articles/b", "/dear/a", "/articles/a?x"] {
        let answer = stage.get(path, &[("authorization", &good)]).await;
        assert_eq!(
            (answer.status.as_u16(), &*type_of(&answer)),
            (402, "invalid-challenge")
        );
        assert!(answer.headers.contains_key("www-authenticate"));
    }
    // A challenge of the client's own making.
    let forged = header.replace("expires=\"20", "expires=\"21");
    let forged = payer::answer_challenge(&forged, &payer).unwrap();
    let answer = stage
        .get("/articles/a", &[("authorization", &forged)])
        .await;
    assert_eq!(type_of(&answer), "invalid-challenge");
    // Signed by another than it says.
    let decoded = payer::receipt(&good["Payment ".len()..]).unwrap();
    let mut other = decoded.clone();
    other["payload"]["publicKey"] = Secret::new(&[8; 32]).public().to_string().into();
    let other = base64::Engine::encode(
        &base64::engine::general_purpose::URL_SAFE_NO_PAD,
        other.to_string(),
    );
    for (credential, kind) in [
        (&*format!("Payment {other}"), "verification-failed"),
        ("Payment e30", "malformed-credential"),
        ("Payment ", "malformed-credential"),
        ("payment !!", "malformed-credential"),
    ] {
        let answer = stage
            .get("/articles/a", &[("authorization", credential)])
            .await;
        assert_eq!(type_of(&answer), kind, "{credential:.30}");
    }
    stage.spent(&payer, 0).await;
}

#[tokio::test]
async fn a_path_that_can_be_read_in_two_ways_reaches_nobody() {
    let stage = Stage::set().await;
    for path in [
        "/free/../articles/a",
        "/free/%2e%2e/articles/a",
        "/free//articles/a",
        "//articles/a",
        "/articles%2fa",
        "/articles%5ca",
        "/articles;v=1/a",
        "/%252e/articles/a",
        "/articles/a%00",
    ] {
        let answer = stage.get(path, &[]).await;
        assert_eq!(answer.status, 400, "{path}");
        assert_eq!(answer.json()["code"], "path_ambiguous");
    }
    assert_eq!(stage.get("/%61%72ticles/a", &[]).await.status, 402);
    assert_eq!(
        stage.site.asked.load(std::sync::atomic::Ordering::Relaxed),
        0
    );
    let hosts = [("host", "a.example"), ("host", "b.example")];
    assert_eq!(stage.get("/free/a", &hosts).await.status, 400);
    assert_eq!(stage.get("/free/a", &[("host", "a/b")]).await.status, 400);
    let absolute = stage
        .get("http://other.example/free/a", &[("host", "a.example")])
        .await;
    assert_eq!(absolute.status, 400);
}

#[tokio::test]
async fn registration_needs_the_key() {
    let stage = Stage::set().await;
    let secret = Secret::new(&[3; 32]);
    let network = stage.teller.network();
    let path = "/.well-known/farthing/wallets";
    let good = |seconds| payer::registration(&network, &stage.url(""), &secret, seconds);
    let elsewhere = payer::registration(&network, "http://evil.example", &secret, now().seconds);
    let mut stolen: Value = serde_json::from_str(&good(now().seconds)).unwrap();
    stolen["publicKey"] = Secret::new(&[4; 32]).public().to_string().into();
    for body in [
        String::new(),
        "{}".to_owned(),
        "x".repeat(10_000),
        good(now().seconds - 3600),
        good(now().seconds + 3600),
        elsewhere,
        stolen.to_string(),
    ] {
        let answer = stage.send("POST", path, &[], &body).await;
        assert_eq!(answer.status, 400, "{body:.60}");
    }
    let body = good(now().seconds);
    let first = stage.send("POST", path, &[], &body).await;
    let again = stage.send("POST", path, &[], &body).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 200));
    assert_eq!(first.json()["wallet"], again.json()["wallet"]);
    assert_eq!(stage.funds(stage.wallet(&secret)).await, (GIFT, 0));
}
