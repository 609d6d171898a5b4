//! Who pays, when, and what for.

use crate::stage::{PRICE, Stage, now};
use gate::payer::{self, Ours, WillNot};

#[tokio::test]
async fn unpaid_is_asked_by_every_protocol_and_paid_is_served_once_for_its_price() {
    let stage = Stage::set().await;
    let payer = stage.payer(1).await;
    let asked = stage.get("/articles/a?x=1", &[]).await;
    assert_eq!(asked.status, 402);
    assert_eq!(asked.text("cache-control"), "no-store");
    assert_eq!(asked.text("content-type"), "application/problem+json");
    assert_eq!(
        asked.json()["type"],
        "https://paymentauth.org/problems/payment-required"
    );
    assert!(asked.text("www-authenticate").starts_with("Payment id="));
    assert_eq!(
        stage.site.asked.load(std::sync::atomic::Ordering::Relaxed),
        0
    );

    let signature = stage.sign(&payer, "GET", "/articles/a?x=1").await;
    let paid = stage
        .get("/articles/a?x=1", &[("payment-signature", &signature)])
        .await;
    assert_eq!((paid.status.as_u16(), &paid.body[..]), (200, &b"hello"[..]));
    assert_eq!(paid.text("cache-control"), "private, no-store");
    let receipt = payer::receipt(paid.text("payment-response")).unwrap();
    assert_eq!(receipt["success"], true);
    assert_eq!(receipt["amount"], "5000000");
    assert_eq!(receipt["payer"], stage.wallet(&payer).to_string());
    assert!(receipt["transaction"].as_str().unwrap().starts_with("pay_"));
    stage.spent(&payer, PRICE).await;
}

#[tokio::test]
async fn the_payment_scheme_pays_and_gets_a_receipt() {
    let stage = Stage::set().await;
    let payer = stage.payer(1).await;
    let asked = stage.get("/articles/a", &[]).await;
    let credential = payer::answer_challenge(asked.text("www-authenticate"), &payer).unwrap();
    let paid = stage
        .get("/articles/a", &[("authorization", &credential)])
        .await;
    assert_eq!(paid.status, 200);
    let receipt = payer::receipt(paid.text("payment-receipt")).unwrap();
    assert_eq!(
        (&receipt["status"], &receipt["method"]),
        (&"success".into(), &"farthing".into())
    );
    assert_eq!(paid.text("cache-control"), "private, no-store");
    stage.spent(&payer, PRICE).await;

    let again = stage
        .get("/articles/a", &[("authorization", &credential)])
        .await;
    assert_eq!(again.status, 402);
    assert_eq!(
        again.json()["type"],
        "https://paymentauth.org/problems/invalid-challenge"
    );
    assert!(!again.headers.contains_key("payment-receipt"));
    stage.spent(&payer, PRICE).await;
}

#[tokio::test]
async fn what_was_not_served_is_not_charged() {
    let stage = Stage::set().await;
    let payer = stage.payer(1).await;
    for (path, status) in [
        ("/articles/500", 500),
        ("/articles/301", 301),
        ("/articles/broken", 200),
    ] {
        let signature = stage.sign(&payer, "GET", path).await;
        let answer = stage.get(path, &[("payment-signature", &signature)]).await;
        assert_eq!(answer.status, status, "{path}");
        stage.spent(&payer, 0).await;
    }
    // A part is the page.
    let signature = stage.sign(&payer, "GET", "/articles/206").await;
    let answer = stage
        .get("/articles/206", &[("payment-signature", &signature)])
        .await;
    assert_eq!(answer.status, 206);
    stage.spent(&payer, PRICE).await;
}

#[tokio::test]
async fn a_client_that_goes_away_is_not_charged() {
    let stage = Stage::set().await;
    let payer = stage.payer(1).await;
    let signature = stage.sign(&payer, "GET", "/articles/slow").await;
    let headers = [("payment-signature", signature.as_str())];
    let asked = stage.get("/articles/slow", &headers);
    let wallet = stage.wallet(&payer);
    tokio::select! {
        _ = asked => panic!("the site does not answer"),
        () = async {
            while stage.funds(wallet).await.1 != PRICE.unsigned_abs() {
                tokio::task::yield_now().await;
            }
        } => {}
    }
    // The connection is dropped with the price held.
    stage.spent(&payer, 0).await;
}

#[tokio::test]
async fn a_slow_site_is_not_waited_for_and_not_paid() {
    let prices = "asset = \"USD\"\n[[price]]\npath = \"/articles/*\"\namount = \"0.005\"";
    let stage = Stage::set_with(prices, std::time::Duration::from_millis(50)).await;
    let payer = stage.payer(1).await;
    let signature = stage.sign(&payer, "GET", "/articles/slow").await;
    let answer = stage
        .get("/articles/slow", &[("payment-signature", &signature)])
        .await;
    assert_eq!(answer.status, 504);
    assert_eq!(answer.json()["code"], "upstream_too_late");
    stage.spent(&payer, 0).await;
}

#[tokio::test]
async fn head_is_priced_like_get_and_never_settles() {
    let stage = Stage::set().await;
    let payer = stage.payer(1).await;
    let signature = stage.sign(&payer, "HEAD", "/articles/a").await;
    let headers = [("payment-signature", signature.as_str())];
    for _ in 0..2 {
        let answer = stage.send("HEAD", "/articles/a", &headers, "").await;
        assert_eq!(answer.status, 200);
        assert!(!answer.headers.contains_key("payment-response"));
    }
    // Nor does it pay for the page.
    assert_eq!(stage.get("/articles/a", &headers).await.status, 402);
    stage.spent(&payer, 0).await;
}

#[tokio::test]
async fn a_body_is_part_of_what_is_paid_for() {
    let stage = Stage::set().await;
    let payer = stage.payer(1).await;
    let asked = stage.send("POST", "/articles/echo", &[], "one").await;
    assert_eq!(asked.status, 402);
    assert!(
        asked
            .text("www-authenticate")
            .contains("digest=\"sha-256=:")
    );
    let digest = payer::content_digest(b"one");
    let url = stage.url("/articles/echo");
    let made = payer::Made {
        method: "POST",
        url: &url,
        digest: digest.as_deref(),
    };
    let offer = Ours::read(asked.text("payment-required"), made).unwrap();
    let signature = offer.pay(&payer, now(), None).unwrap();
    let headers = [("payment-signature", signature.as_str())];
    let other = stage.send("POST", "/articles/echo", &headers, "two").await;
    assert_eq!(other.reason(), "invalid_exact_farthing_request_mismatch");
    let paid = stage.send("POST", "/articles/echo", &headers, "one").await;
    assert_eq!((paid.status.as_u16(), &paid.body[..]), (200, &b"one"[..]));
    stage.spent(&payer, PRICE).await;
}

#[tokio::test]
async fn a_payment_identifier_gives_the_first_answer_again() {
    let stage = Stage::set().await;
    let payer = stage.payer(1).await;
    let offer = stage.offer("GET", "/articles/a").await;
    let id = Some("order_0123456789abcdef");
    let first = offer.pay(&payer, now(), id).unwrap();
    let headers = [("payment-signature", first.as_str())];
    let paid = stage.get("/articles/a", &headers).await;
    let again = stage.get("/articles/a", &headers).await;
    assert_eq!(
        (paid.status, again.status),
        (hyper::StatusCode::OK, hyper::StatusCode::OK)
    );
    assert_eq!(paid.body, again.body);
    assert_eq!(
        paid.text("payment-response"),
        again.text("payment-response")
    );
    let other = offer.pay(&payer, now(), id).unwrap();
    let conflict = stage
        .get("/articles/a", &[("payment-signature", &other)])
        .await;
    assert_eq!(conflict.status, 409);
    stage.spent(&payer, PRICE).await;
}

#[tokio::test]
async fn too_little_money_is_said_in_the_ledgers_words() {
    let stage = Stage::set().await;
    let payer = stage.payer(1).await;
    let signature = stage.sign(&payer, "GET", "/dear/a").await;
    let answer = stage
        .get("/dear/a", &[("payment-signature", &signature)])
        .await;
    assert_eq!(answer.status, 402);
    assert_eq!(answer.reason(), "insufficient_funds");
    assert!(answer.headers.contains_key("payment-required"));
    stage.spent(&payer, 0).await;
}

#[tokio::test]
async fn a_payer_signs_only_for_the_request_it_made() {
    let stage = Stage::set().await;
    let asked = stage.get("/articles/a", &[]).await;
    let url = stage.url("/articles/b");
    let made = payer::Made {
        method: "GET",
        url: &url,
        digest: None,
    };
    let read = Ours::read(asked.text("payment-required"), made);
    assert_eq!(read.err(), Some(WillNot::OtherRequest));
}

#[tokio::test]
async fn a_person_is_shown_a_page_that_needs_nothing_from_elsewhere() {
    let stage = Stage::set().await;
    let html = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    let page = stage.get("/articles/a?q=%27%3Cscript%3E", &html).await;
    assert_eq!(page.status, 402);
    assert_eq!(page.text("content-type"), "text/html; charset=utf-8");
    assert!(
        page.text("content-security-policy")
            .starts_with("default-src 'none'")
    );
    assert!(page.headers.contains_key("payment-required"));
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(text.contains("<h1>0.005 USD</h1>"), "{text}");
    assert!(!text.contains("<script") && !text.contains("src=") && !text.contains("<link"));
    let quoted = stage.get("/articles/a?q='&b", &html).await;
    let text = String::from_utf8(quoted.body.to_vec()).unwrap();
    assert!(text.contains("/articles/a?q=%27&amp;b'"), "{text}");
}
