use super::*;
use crate::testing::{Answer, Served};
use std::io::Write;

fn limits() -> Limits {
    Limits {
        private: true,
        ..Limits::default()
    }
}

async fn get(url: &str) -> Result<Fetched, FeedError> {
    let fetcher = Fetcher::new(limits());
    fetcher.fetch(url, &Validators::default()).await
}

fn bytes(fetched: Result<Fetched, FeedError>) -> Vec<u8> {
    match fetched.unwrap() {
        Fetched::Body { bytes, .. } => bytes,
        Fetched::Unchanged => panic!("unchanged"),
    }
}

#[tokio::test]
async fn a_feed_is_got_and_not_got_again_when_nothing_is_new() {
    let served = Served::start();
    let head = "Content-Type: text/xml; charset=\"euc-kr\"\r\nETag: \"7\"\r\n\
                Last-Modified: Mon, 23 Nov 2026 00:00:00 GMT\r\n";
    served.feed("/a?b=1", head, "<rss/>");
    let fetched = get(&served.url("/a?b=1#c")).await.unwrap();
    let Fetched::Body {
        bytes,
        charset,
        validators,
        ..
    } = fetched
    else {
        panic!("unchanged")
    };
    assert_eq!(bytes, b"<rss/>");
    assert_eq!(charset.as_deref(), Some("\"euc-kr\""));
    served.status("/a?b=1", "304 Not Modified", "");
    let (fetcher, url) = (Fetcher::new(limits()), served.url("/a?b=1"));
    let again = fetcher.fetch(&url, &validators).await;
    assert_eq!(again, Ok(Fetched::Unchanged));
    let asked = served.asked()[1].to_lowercase();
    assert!(asked.contains("if-none-match: \"7\""), "{asked}");
    assert!(
        asked.contains("if-modified-since: mon, 23 nov 2026"),
        "{asked}"
    );
    // Nobody asked whether it changed: then this is no answer.
    assert_eq!(
        get(&served.url("/a?b=1")).await,
        Err(FeedError::Status(304))
    );
}

#[tokio::test]
async fn what_is_too_large_or_too_slow_is_let_go() {
    let served = Served::start();
    served.at("/endless", Answer::Endless);
    served.at("/silence", Answer::Silence);
    served.feed("/large", "", vec![b' '; 2_000]);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(&[b' '; 100_000]).unwrap();
    let packed = packed.finish().unwrap();
    assert!(packed.len() < 1_000);
    served.feed("/bomb", "Content-Encoding: gzip\r\n", &packed);
    let fetcher = Fetcher::new(Limits {
        bytes_max: 1_000,
        total: Duration::from_millis(400),
        ..limits()
    });
    let rows = [
        ("/endless", FeedError::TooLarge(1_000)),
        ("/large", FeedError::TooLarge(1_000)),
        ("/bomb", FeedError::TooLarge(1_000)),
        ("/silence", FeedError::TooLate(0)),
        ("/none", FeedError::Status(404)),
    ];
    for (path, expected) in rows {
        let url = served.url(path);
        let fetched = fetcher.fetch(&url, &Validators::default()).await;
        assert_eq!(fetched, Err(expected), "{path}");
    }
    // What fits is unpacked, though it was not asked for.
    assert_eq!(bytes(get(&served.url("/bomb")).await).len(), 100_000);
}

#[tokio::test]
async fn a_redirect_is_followed_to_the_same_host_and_nowhere_less_safe() {
    let served = Served::start();
    let elsewhere = Served::start();
    elsewhere.feed("/a", "", "<rss/>");
    served.feed("/here", "", "<rss>1</rss>");
    served.status("/to-here", "301 Moved", "Location: here\r\n");
    let away = format!("Location: {}\r\n", elsewhere.url("/a"));
    served.status("/away", "302 Found", &away);
    served.status("/round", "307 Temporary", "Location: /round\r\n");
    served.status("/nowhere", "302 Found", "");
    served.status("/file", "302 Found", "Location: file:///etc/passwd\r\n");
    assert_eq!(bytes(get(&served.url("/to-here")).await), b"<rss>1</rss>");
    let code = async |path: &str| get(&served.url(path)).await.unwrap_err();
    assert_eq!(
        code("/away").await,
        FeedError::Redirect(elsewhere.url("/a"))
    );
    assert_eq!(code("/round").await, FeedError::Redirects(5));
    assert_eq!(code("/file").await.code(), "feed_redirect");
    // To the same path, which is a circle.
    assert_eq!(code("/nowhere").await, FeedError::Redirects(5));
    assert!(elsewhere.asked().is_empty());

    let uri = |text: &str| url::absolute(text).unwrap();
    let rows = [
        ("https://a.example/", "http://a.example/", false),
        ("https://a.example/", "https://b.example/", true),
        ("http://a.example/", "https://b.example/", true),
        ("http://a.example/", "http://a.example/x", true),
        ("http://a.example/", "http://a.example:81/x", false),
    ];
    for (from, to, followed) in rows {
        assert_eq!(led_to(&uri(from), to).is_ok(), followed, "{from} {to}");
    }
}

#[tokio::test]
async fn the_private_network_is_not_asked() {
    let served = Served::start();
    served.feed("/a", "", "<rss/>");
    let fetcher = Fetcher::new(Limits::default());
    let port = served.address.port();
    for host in [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "0.0.0.0",
    ] {
        let url = format!("http://{host}:{port}/a");
        let fetched = fetcher.fetch(&url, &Validators::default()).await;
        assert_eq!(fetched, Err(FeedError::Private(host.into())), "{host}");
    }
    assert!(served.asked().is_empty());
}

#[tokio::test]
async fn what_is_not_there_or_no_http_is_said() {
    let served = Served::start();
    served.at("/ssh", Answer::Raw(b"SSH-2.0-OpenSSH\r\n".to_vec()));
    served.at(
        "/cut",
        Answer::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<rss".to_vec()),
    );
    assert_eq!(get(&served.url("/ssh")).await, Err(FeedError::Broken));
    assert_eq!(get(&served.url("/cut")).await, Err(FeedError::Broken));
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = closed.local_addr().unwrap();
    drop(closed);
    let error = get(&format!("http://{gone}/")).await.unwrap_err();
    assert_eq!(error.code(), "feed_unreachable");
    assert_eq!(
        get("ftp://a.example/").await.unwrap_err().code(),
        "feed_url"
    );
}

#[tokio::test]
async fn a_certificate_must_be_for_the_host_and_of_a_known_authority() {
    let (served, roots) = Served::start_tls();
    served.feed("/a", "", "<rss/>");
    let port = served.address.port();
    let fetcher = Fetcher::trusting(limits(), roots);
    let fetch = async |fetcher: &Fetcher, host: &str| {
        let url = format!("https://{host}:{port}/a");
        fetcher.fetch(&url, &Validators::default()).await
    };
    assert_eq!(bytes(fetch(&fetcher, "localhost").await), b"<rss/>");
    let other = fetch(&fetcher, "127.0.0.1").await;
    assert_eq!(other, Err(FeedError::Insecure("127.0.0.1".into())));
    let stranger = fetch(&Fetcher::new(limits()), "localhost").await;
    assert_eq!(stranger, Err(FeedError::Insecure("localhost".into())));
}
