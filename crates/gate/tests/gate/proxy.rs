//! What passes through.

use crate::stage::Stage;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_free_request_goes_through_and_keeps_its_caching() {
    let stage = Stage::set().await;
    let answer = stage.get("/free/a", &[]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text("cache-control"), "public, max-age=60");
    let large = "x".repeat(1 << 20);
    let echoed = stage.send("PUT", "/free/echo", &[], &large).await;
    assert_eq!(echoed.body.len(), large.len());
    let missing = stage.get("/.well-known/farthing/x", &[]).await;
    assert_eq!(missing.status, 404);
}

#[tokio::test]
async fn the_site_sees_the_plain_path_and_who_asked_and_no_payment() {
    let stage = Stage::set().await;
    let headers = [
        ("payment-signature", "x"),
        ("authorization", "Payment x"),
        ("x-forwarded-for", "6.6.6.6"),
        ("x-http-method-override", "DELETE"),
        ("cookie", "a=b"),
    ];
    let seen = stage.get("/free/%61/head?q=%61", &headers).await.json();
    assert_eq!(seen["target"], "/free/a/head?q=%61");
    let seen = &seen["headers"];
    assert_eq!(seen["x-forwarded-for"], "127.0.0.1");
    assert_eq!(seen["x-forwarded-host"], stage.gate.to_string());
    assert_eq!(seen["x-forwarded-proto"], "http");
    assert_eq!(seen["cookie"], "a=b");
    for gone in [
        "payment-signature",
        "authorization",
        "x-http-method-override",
    ] {
        assert!(seen.get(gone).is_none(), "{gone}");
    }
}

#[tokio::test]
async fn http_2_is_spoken_too() {
    let stage = Stage::set().await;
    let stream = TokioIo::new(TcpStream::connect(stage.gate).await.unwrap());
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream)
            .await
            .unwrap();
    tokio::spawn(connection);
    for (path, status) in [("/free/a", 200), ("/articles/a", 402)] {
        let request = Request::get(stage.url(path))
            .body(Empty::<Bytes>::new())
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), status);
        response.into_body().collect().await.unwrap();
    }
}

#[tokio::test]
async fn a_connection_may_become_another_protocol() {
    let stage = Stage::set().await;
    let mut stream = TcpStream::connect(stage.gate).await.unwrap();
    let head = format!(
        "GET /free/socket HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: mirror\r\n\r\n",
        stage.gate
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        seen.push(stream.read_u8().await.unwrap());
    }
    let seen = String::from_utf8(seen).unwrap().to_lowercase();
    assert!(seen.starts_with("http/1.1 101"), "{seen}");
    assert!(seen.contains("upgrade: mirror"), "{seen}");
    stream.write_all(b"ping").await.unwrap();
    let mut back = [0; 4];
    stream.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"ping");
}

#[tokio::test]
async fn the_gate_says_how_it_is_and_what_it_takes() {
    let stage = Stage::set().await;
    let health = stage.get("/.well-known/farthing/health", &[]).await;
    assert_eq!(health.status, 200);
    assert_eq!(health.json()["upstream"], true);
    let supported = stage
        .get("/.well-known/farthing/supported", &[])
        .await
        .json();
    assert_eq!(supported["kinds"][0]["network"], stage.teller.network());
}
