use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;

const PLAIN: &str =
    r#"1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET /a?b=c HTTP/1.1" 200 12 "-" "Firefox""#;

fn read(bytes: &[u8]) -> Vec<Line> {
    LogReader::new(bytes)
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_whole_line_is_read() {
    let line = r#"::1 - frank smith [17/May/2015:10:05:03 +0130] "GET /a/../b%20c?x=1?y HTTP/1.0" 206 - "http://e/\"q\"\\" "M\x41\t\q" 0.003 extra"#;
    assert_eq!(
        parse_line(line.as_bytes()).unwrap(),
        Request {
            ip: "::1".to_owned(),
            user: Some("frank smith".to_owned()),
            at_ms: 1_431_851_703_000,
            method: "GET".to_owned(),
            path: "/a/../b%20c".to_owned(),
            query: Some("x=1?y".to_owned()),
            protocol: "HTTP/1.0".to_owned(),
            status: 206,
            bytes: None,
            referer: Some("http://e/\"q\"\\".to_owned()),
            user_agent: Some("MA\t\\q".to_owned()),
        }
    );
}

#[test]
fn times_become_utc() {
    for (time, expected) in [
        ("17/May/2015:10:05:03 +0000", Some(1_431_857_103_000)),
        ("17/May/2015:10:05:03 -0700", Some(1_431_882_303_000)),
        ("01/Jan/1970:00:00:00 +0000", Some(0)),
        ("30/Jun/2015:23:59:60 +0000", Some(1_435_708_799_000)),
        ("29/Feb/2016:00:00:00 +0000", Some(1_456_704_000_000)),
        ("29/Feb/2015:00:00:00 +0000", None),
        ("17/Mai/2015:10:05:03 +0000", None),
        ("17/May/2015:24:05:03 +0000", None),
        ("17/May/2015:10:05:03 +9900", None),
        ("17/May/2015:10:05:03", None),
        ("2015-05-17T10:05:03+00:00", None),
    ] {
        let line = PLAIN.replace("17/May/2015:10:05:03 +0000", time);
        let got = parse_line(line.as_bytes());
        match expected {
            Some(at_ms) => assert_eq!(got.unwrap().at_ms, at_ms, "{time}"),
            None => assert_eq!(got, Err(Oddity::BadTime), "{time}"),
        }
    }
}

#[test]
fn requests_are_taken_apart() {
    for (request, expected) in [
        ("GET / HTTP/1.1", Ok(("GET", "/", "HTTP/1.1"))),
        ("GET /old", Ok(("GET", "/old", ""))),
        ("GET /a b c HTTP/1.1", Ok(("GET", "/a b c", "HTTP/1.1"))),
        (
            "GET http://e.org/x?y HTTP/1.1",
            Ok(("GET", "/x", "HTTP/1.1")),
        ),
        ("GET https://e.org HTTP/1.1", Ok(("GET", "/", "HTTP/1.1"))),
        (
            "GET /go/http://e.org HTTP/1.1",
            Ok(("GET", "/go/http://e.org", "HTTP/1.1")),
        ),
        ("OPTIONS * HTTP/1.1", Ok(("OPTIONS", "*", "HTTP/1.1"))),
        (
            "CONNECT e.org:443 HTTP/1.1",
            Ok(("CONNECT", "e.org:443", "HTTP/1.1")),
        ),
        ("GET x HTTP/1.1", Err(Oddity::NoPath)),
        ("-", Err(Oddity::NoMethod)),
        ("", Err(Oddity::NoMethod)),
        (r"\x16\x03\x01 /", Err(Oddity::NoMethod)),
    ] {
        let line = PLAIN.replace("GET /a?b=c HTTP/1.1", request);
        let got = parse_line(line.as_bytes());
        let got = got.as_ref().map(|request| {
            let Request {
                method,
                path,
                protocol,
                ..
            } = request;
            (method.as_str(), path.as_str(), protocol.as_str())
        });
        assert_eq!(got, expected.as_ref().map(|&parts| parts), "{request}");
    }
}

#[test]
fn odd_lines_say_why() {
    for (line, expected) in [
        ("", Oddity::Empty),
        (" \t", Oddity::Empty),
        ("hello", Oddity::NoClient),
        ("- - ", Oddity::NoTime),
        ("1.2.3.4 - - ", Oddity::NoTime),
        ("1.2.3.4 - - [17/May/2015:10:05:03 +0000", Oddity::NoTime),
        ("[17/May/2015:10:05:03 +0000] \"GET /", Oddity::NoClient),
        (
            "1.2.3.4 - - [17/May/2015:10:05:03 +0000]",
            Oddity::NoRequest,
        ),
        (
            "1.2.3.4 - - [17/May/2015:10:05:03 +0000] -",
            Oddity::NoRequest,
        ),
        (
            "1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET / HTT",
            Oddity::RequestUnclosed,
        ),
        (
            "1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET /\"x 200 1",
            Oddity::Untidy,
        ),
        (
            "1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET /\"",
            Oddity::BadStatus,
        ),
        (
            "1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET /\" 200",
            Oddity::BadBytes,
        ),
        (
            "1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET /\" 20 1",
            Oddity::BadStatus,
        ),
        (
            "1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET /\" 099 1",
            Oddity::BadStatus,
        ),
        (
            "1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET /\" 200 1k",
            Oddity::BadBytes,
        ),
        (
            "1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET /\" 200 99999999999999999999",
            Oddity::BadBytes,
        ),
        (
            "1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET /\" 200 1 \"r",
            Oddity::RefererUnclosed,
        ),
        (
            "1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET /\" 200 1 \"r\"",
            Oddity::AgentMissing,
        ),
        (
            "1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET /\" 200 1 \"r\" \"a\\\"",
            Oddity::AgentUnclosed,
        ),
    ] {
        assert_eq!(parse_line(line.as_bytes()), Err(expected), "{line}");
    }
}

#[test]
fn common_log_format_is_read_too() {
    let line = r#"1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5"#;
    let request = parse_line(line.as_bytes()).unwrap();
    assert_eq!(
        (request.bytes, request.referer, request.user_agent),
        (Some(5), None, None)
    );
}

#[test]
fn lines_are_numbered_whatever_they_hold() {
    let mut log = Vec::new();
    log.extend_from_slice("\u{feff}".as_bytes());
    log.extend_from_slice(PLAIN.as_bytes());
    log.extend_from_slice(b"\r\n\n");
    log.extend_from_slice(PLAIN.replace("Firefox", "F\u{e9}").as_bytes());
    log.extend_from_slice(b"\n");
    log.extend_from_slice(&[b'a'; LINE_MAX_BYTES + 1]);
    log.extend_from_slice(b"\n\xff\xfe\n");
    log.extend_from_slice(
        PLAIN
            .replace("/a", "/caf\u{1}")
            .as_bytes()
            .to_vec()
            .as_slice(),
    );
    let reasons: Vec<(u64, Option<Oddity>)> = read(&log)
        .into_iter()
        .map(|line| (line.number, line.result.err().map(|bad| bad.reason)))
        .collect();
    assert_eq!(
        reasons,
        [
            (1, None),
            (2, Some(Oddity::Empty)),
            (3, None),
            (4, Some(Oddity::TooLong)),
            (5, Some(Oddity::NoClient)),
            (6, None),
        ]
    );
    assert!(read(b"").is_empty());
    let mut latin = PLAIN.as_bytes().to_vec();
    let at = latin.len() - 2;
    latin[at] = 0xe9;
    let agent = read(&latin)[0].result.as_ref().unwrap().user_agent.clone();
    assert_eq!(agent.as_deref(), Some("Firefo\u{fffd}"));
}

#[test]
fn gzip_is_told_by_its_bytes_and_may_have_several_members() {
    let mut log = gzip(format!("{PLAIN}\n").as_bytes());
    log.extend(gzip(PLAIN.as_bytes()));
    let reader = LogReader::new(log.as_slice()).unwrap();
    assert!(reader.is_compressed());
    assert_eq!(
        reader
            .map(Result::unwrap)
            .filter(|line| line.result.is_ok())
            .count(),
        2
    );
}

#[test]
fn damaged_gzip_keeps_what_was_read_and_says_where_it_broke() {
    let text: String = (0..5_000)
        .map(|n| PLAIN.replace("/a", &format!("/{n}")) + "\n")
        .collect();
    let whole = gzip(text.as_bytes());
    let cut = &whole[..whole.len() / 2];
    let mut bad_sum = whole.clone();
    let at = bad_sum.len() - 6;
    bad_sum[at] ^= 0xff;
    for (bytes, all) in [
        (cut, false),
        (bad_sum.as_slice(), true),
        (&whole[..11], false),
    ] {
        let mut lines = 0;
        let mut errors = Vec::new();
        for line in LogReader::new(bytes).unwrap() {
            match line {
                Ok(line) => {
                    lines += 1;
                    assert!(line.result.is_ok());
                }
                Err(error) => errors.push(error),
            }
        }
        assert_eq!(lines == 5_000, all);
        match errors.as_slice() {
            [error @ TrafficError::LogDamaged { line, .. }] => {
                assert_eq!(*line, lines);
                assert_eq!(error.code(), "log_damaged");
            }
            other => panic!("{other:?}"),
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = parse_line(&bytes);
        if let Ok(reader) = LogReader::new(bytes.as_slice()) {
            let _ = reader.count();
        }
        let mut packed = gzip(&bytes);
        let _ = LogReader::new(packed.as_slice()).map(Iterator::count);
        packed.extend_from_slice(&bytes);
        let _ = LogReader::new(packed.as_slice()).map(Iterator::count);
    }

    #[test]
    fn a_line_with_any_change_is_read_without_panic(
        at in 0..PLAIN.len(), byte in any::<u8>(), cut in 0..PLAIN.len()
    ) {
        let mut line = PLAIN.as_bytes().to_vec();
        line[at] = byte;
        let _ = parse_line(&line);
        let _ = parse_line(&line[..cut]);
        let _ = parse_line(&line[cut..]);
    }

    #[test]
    fn every_line_is_yielded_once(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assume!(!bytes.starts_with(&[0x1f, 0x8b]));
        let ends = bytes.iter().filter(|&&byte| byte == b'\n').count();
        let rest = usize::from(!bytes.is_empty() && !bytes.ends_with(b"\n"));
        prop_assert_eq!(read(&bytes).len(), ends + rest);
    }
}
