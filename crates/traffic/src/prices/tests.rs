use proptest::prelude::*;

use super::*;

const SAMPLE: &str = include_str!("../../../../samples/prices.toml");

const PRICES: &str = r#"
asset = "USD"
default = "0.0001"
[types]
page = ["", "html"]
[free]
methods_other_than = ["GET"]
statuses_other_than = [200, "3xx"]
agents = ["*bot*", "-"]
paths = ["/", "/free/**"]
queries = ["*flav=rss*"]
types = ["css"]
[[price]]
path = "/articles/*"
types = ["page"]
amount = "0.005"
[[price]]
path = "/articles/secret/"
amount = "free"
[[price]]
types = ["pdf"]
amount = "0.01"
section = "downloads"
[[price]]
path = "/articles/**"
amount = "0.001"
section = "attachments"
"#;

fn visit(path: &str) -> Visit<'_> {
    Visit {
        method: "GET",
        path,
        query: None,
        status: Some(200),
        user_agent: Some("Firefox"),
    }
}

fn told(list: &PriceList, visit: Visit<'_>) -> String {
    match list.price_visit(visit) {
        Quote::Free(reason) => format!("free: {}", reason.code()),
        Quote::Charge {
            atoms,
            section,
            rule_index,
        } => {
            let rule = rule_index.map_or("default".to_owned(), |at| at.to_string());
            format!("{} {section} {rule}", list.asset().format(atoms))
        }
    }
}

#[test]
fn the_first_rule_that_matches_decides() {
    let list = PriceList::parse(PRICES, None).unwrap();
    for (path, expected) in [
        ("/articles/a", "0.005 articles 0"),
        ("/articles/a/", "0.005 articles 0"),
        ("/articles/a.HTML", "0.005 articles 0"),
        ("/articles/a/b", "0.001 attachments 3"),
        ("/articles/a.png", "0.001 attachments 3"),
        ("/articles/a.pdf", "0.01 downloads 2"),
        ("/articles/secret", "0.005 articles 0"),
        ("/x/y.PDF", "0.01 downloads 2"),
        ("/articles", "0.0001 articles default"),
        ("/articles/", "0.0001 articles default"),
        ("/x/y/z", "0.0001 x default"),
        ("/page.html", "0.0001 / default"),
        ("*", "0.0001 * default"),
        ("/", "free: path"),
        ("/free/a/b", "free: path"),
        ("/x/style.css", "free: type"),
    ] {
        assert_eq!(told(&list, visit(path)), expected, "{path}");
    }
}

#[test]
fn what_is_never_charged_comes_before_every_price() {
    let list = PriceList::parse(PRICES, None).unwrap();
    let base = visit("/articles/a");
    for (visit, expected) in [
        (
            Visit {
                method: "HEAD",
                ..base
            },
            "free: method",
        ),
        (
            Visit {
                status: Some(404),
                ..base
            },
            "free: status",
        ),
        (
            Visit {
                status: Some(206),
                ..base
            },
            "free: status",
        ),
        (
            Visit {
                status: Some(304),
                ..base
            },
            "0.005 articles 0",
        ),
        (
            Visit {
                status: None,
                ..base
            },
            "0.005 articles 0",
        ),
        (
            Visit {
                user_agent: Some("GoogleBot/2"),
                ..base
            },
            "free: agent",
        ),
        (
            Visit {
                user_agent: Some("a/bot/b"),
                ..base
            },
            "free: agent",
        ),
        (
            Visit {
                user_agent: None,
                ..base
            },
            "free: agent",
        ),
        (
            Visit {
                query: Some("x=1&flav=rss20"),
                ..base
            },
            "free: query",
        ),
        (
            Visit {
                query: Some("page=2"),
                ..base
            },
            "0.005 articles 0",
        ),
        (
            Visit {
                method: "POST",
                status: Some(500),
                ..base
            },
            "free: method",
        ),
    ] {
        assert_eq!(told(&list, visit), expected, "{visit:?}");
    }
    let rule = PriceList::parse("[[price]]\npath = \"/a\"\namount = \"free\"", None).unwrap();
    assert_eq!(told(&rule, visit("/a/")), "free: rule");
    assert_eq!(told(&rule, visit("/b")), "free: unlisted");
    let empty = PriceList::parse("", None).unwrap();
    assert_eq!(told(&empty, visit("/b")), "free: unlisted");
    assert_eq!(empty.asset().code.as_str(), "USD");
}

#[test]
fn a_section_is_the_folder() {
    for (path, depth, expected) in [
        ("/", 1, "/"),
        ("/a", 1, "a"),
        ("/a.txt", 1, "/"),
        ("/a/b/c", 1, "a"),
        ("/a/b/c", 2, "a/b"),
        ("/a/b.txt", 2, "a"),
        ("/a/", 2, "a"),
        ("//a//b", 2, "a"),
        ("", 1, "/"),
    ] {
        assert_eq!(section_of(path, depth), expected, "{path} {depth}");
    }
}

#[test]
fn errors_say_where_and_what_to_do() {
    for (text, line, column, field) in [
        ("\nagents = []", 2, 1, "agents"),
        ("[free]\nagent = [\"x\"]", 2, 1, "agent"),
        ("[[price]]\npath = \"/a\"", 1, 1, "amount"),
        ("[[price]]\npath = \"/a\"\namount = 0.002", 3, 10, "amount"),
        (
            "[[price]]\npath = \"/a\"\namount = \"0.0000000001\"",
            3,
            10,
            "amount",
        ),
        ("[[price]]\npath = \"/a\"\namount = \"-1\"", 3, 10, "amount"),
        ("[[price]]\npath = \"/a\"\namount = \"0\"", 3, 10, "amount"),
        ("[[price]]\namount = \"1\"", 1, 1, "price"),
        ("[[price]]\ntypes = []\namount = \"1\"", 2, 9, "types"),
        (
            "[[price]]\ntypes = [\"p.f\"]\namount = \"1\"",
            2,
            10,
            "types",
        ),
        ("[[price]]\npath = \"/[a\"\namount = \"1\"", 2, 8, "path"),
        ("[[price]]\npath = \"a/*\"\namount = \"1\"", 2, 8, "path"),
        (
            "[[price]]\npath = \"/a\"\namount = \"1\"\nsection = \" \"",
            4,
            11,
            "section",
        ),
        (
            "[free]\nstatuses_other_than = [\"200\", 20]",
            2,
            31,
            "statuses_other_than",
        ),
        ("[free]\nagents = [\"\"]", 2, 11, "agents"),
        ("asset = \"XYZ\"", 1, 9, "asset"),
        ("section_depth = 0", 1, 17, "section_depth"),
        ("default = \"cheap\"", 1, 11, "default"),
        ("é = é", 1, 1, "é"),
    ] {
        let error = PriceList::parse(text, None).unwrap_err();
        assert_eq!(error.code(), "prices_invalid");
        let TrafficError::Prices {
            line: l,
            column: c,
            field: f,
            help,
            ..
        } = &error
        else {
            panic!("{error}")
        };
        assert_eq!(
            (*l, *c, f.as_str()),
            (line, column, field),
            "{text}: {error}"
        );
        assert!(!help.is_empty(), "{error}");
    }
}

#[test]
fn the_asset_asked_for_must_be_the_files() {
    let code = |text: &str, told: Option<&str>| {
        PriceList::parse(text, told)
            .map(|list| list.asset().code.to_string())
            .map_err(|error| error.code())
    };
    assert_eq!(code("", Some("EUR")), Ok("EUR".to_owned()));
    assert_eq!(code("asset = \"EUR\"", None), Ok("EUR".to_owned()));
    assert_eq!(code("asset = \"EUR\"", Some("EUR")), Ok("EUR".to_owned()));
    assert_eq!(code("asset = \"EUR\"", Some("USD")), Err("prices_invalid"));
    assert!(PriceList::parse_bytes(b"asset = \"\xff\"", None).is_err());
}

#[test]
fn the_sample_prices_what_it_says() {
    let list = PriceList::parse(SAMPLE, None).unwrap();
    for (path, expected) in [
        ("/articles/anything", "0.005 articles 0"),
        ("/articles/dynamic-dns-with-dhcp/", "0.005 articles 0"),
        ("/articles/ppp-over-ssh/pppoverssh.png", "0.0005 articles 1"),
        ("/blog/geekery/ssl-latency.html", "0.002 blog 3"),
        ("/blog/tags/puppet", "0.0005 blog 2"),
        ("/images/logstash_OSCON.pdf", "0.01 downloads 6"),
        ("/images/jordan-80.png", "free: path"),
        ("/robots.txt", "free: path"),
        ("/favicon.ico", "free: type"),
        ("/about/", "free: unlisted"),
    ] {
        assert_eq!(told(&list, visit(path)), expected, "{path}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = PriceList::parse_bytes(&bytes, None);
    }

    #[test]
    fn any_text_in_any_field_is_read_without_panic(
        text in ".{0,40}", glob in "[/*?{}\\[\\]!,a\\\\^é-]{0,24}", path in ".{0,30}"
    ) {
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        for file in [
            format!("default = {}", quoted(&text)),
            format!("asset = {}", quoted(&text)),
            format!("[free]\nagents = [{}]", quoted(&text)),
            format!("[free]\npaths = [{}]", quoted(&glob)),
            format!("[types]\na = [{}]", quoted(&text)),
            format!("[[price]]\npath = {}\namount = \"1\"", quoted(&glob)),
            text.clone(),
        ] {
            if let Ok(list) = PriceList::parse(&file, None) {
                let _ = list.price_visit(visit(&path));
                let _ = list.price_visit(Visit { user_agent: Some(&text), ..visit(&glob) });
            }
        }
    }

    #[test]
    fn any_cut_of_the_sample_is_read_without_panic(cut in 0..SAMPLE.len()) {
        let _ = PriceList::parse_bytes(&SAMPLE.as_bytes()[..cut], None);
        let _ = PriceList::parse_bytes(&SAMPLE.as_bytes()[cut..], None);
    }
}
