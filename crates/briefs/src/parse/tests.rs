use super::*;
use proptest::prelude::*;

const BASE: &str = "https://supervisor.example/rss/feed.xml";

fn read(text: &str) -> Parsed {
    parse(text.as_bytes(), None, BASE).unwrap()
}

const RSS: &str = r#"<?xml version="1.0"?>
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:media="urn:m" xmlns:dc="urn:dc"><channel>
<title>News</title><link>https://supervisor.example/</link>
<item>
 <title>Rules on <![CDATA[e-money & <b>vouchers</b>]]></title>
 <media:title>a picture</media:title>
 <atom:link rel="self" href="https://supervisor.example/self"/>
 <link>/news/1?a=1&amp;b=2</link>
 <description>&lt;p&gt;From &amp;euro;1&lt;/p&gt;&lt;p&gt;a day&lt;/p&gt;</description>
 <guid isPermaLink="false">n-1</guid>
 <pubDate>Mon, 23 Nov 2026 10:00:00 +0900</pubDate>
</item>
<item><title>No link, no id</title><dc:date>2026-11-20</dc:date></item>
<item><guid>https://supervisor.example/news/3</guid><description>Only words</description></item>
<item><title>Twice</title><guid>n-1</guid></item>
<item/>
</channel></rss>"#;

#[test]
fn rss_2_is_read() {
    let items = read(RSS).items;
    assert_eq!(items.len(), 3);
    assert_eq!(
        items[0],
        Item {
            key: "n-1".into(),
            title: "Rules on e-money & vouchers".into(),
            link: Some("https://supervisor.example/news/1?a=1&b=2".into()),
            summary: "From €1 a day".into(),
            published_ms: Some(1_795_395_600_000),
        }
    );
    assert_eq!(items[1].key, "No link, no id\n2026-11-20");
    assert_eq!(items[1].link, None);
    assert_eq!(items[2].title, "Only words");
    let link = items[2].link.as_deref();
    assert_eq!(link, Some("https://supervisor.example/news/3"));
}

#[test]
fn atom_is_read() {
    let items = read(
        r#"<feed xmlns="http://www.w3.org/2005/Atom" xml:base="x"><title>All</title><entry>
        <id>urn:uuid:1</id><title type="html">A &lt;i&gt;circular&lt;/i&gt;</title>
        <link rel="enclosure" href="https://supervisor.example/file.pdf"/>
        <link href="../c/1"/>
        <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>One</p><p>two</p></div></content>
        <author><title>not this</title></author>
        <updated>2026-11-23T00:00:00Z</updated><published>2026-11-22T00:00:00Z</published>
        </entry></feed>"#,
    )
    .items;
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].title, "A circular");
    assert_eq!(items[0].summary, "One two");
    assert_eq!(items[0].key, "urn:uuid:1");
    let link = items[0].link.as_deref();
    assert_eq!(link, Some("https://supervisor.example/rss/../c/1"));
    assert_eq!(items[0].published_ms, Some(1_795_305_600_000));
}

#[test]
fn rss_1_is_read() {
    let items = read(
        r#"<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
        xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="x"><title>All</title>
        <items><rdf:Seq><rdf:li resource="a"/></rdf:Seq></items></channel>
        <item rdf:about="https://supervisor.example/a"><title>Eine Mitteilung</title>
        <link>https://supervisor.example/a</link><dc:date>2026-11-23T09:00:00+01:00</dc:date></item></rdf:RDF>"#,
    )
    .items;
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].key, "https://supervisor.example/a");
    assert_eq!(items[0].published_ms, Some(1_795_420_800_000));
}

#[test]
fn korean_in_euc_kr_is_read() {
    let text = r#"<?xml version="1.0" encoding="EUC-KR"?><rss><channel><item>
        <title>전자금융거래법 시행령 개정</title><link>http://supervisor.example/1</link></item></channel></rss>"#;
    let (bytes, _, _) = encoding_rs::EUC_KR.encode(text);
    let items = parse(&bytes, None, BASE).unwrap().items;
    assert_eq!(items[0].title, "전자금융거래법 시행령 개정");
}

#[test]
fn what_stands_before_the_break_is_kept_and_the_break_is_named() {
    let broken = "<rss><channel>\n<item><title>a</title></item>\n<item><title>b</tilte></item>";
    let parsed = read(broken);
    assert_eq!(parsed.items.len(), 1);
    assert!(
        matches!(parsed.broken, Some(FeedError::Xml { line: 3, .. })),
        "{parsed:?}"
    );
    let short = read("<rss><channel><item><title>a</title></item><item><title>b");
    assert_eq!(short.items.len(), 1);
    assert!(short.broken.is_some());
    let empty = read("<rss></rss>");
    assert_eq!(empty, Parsed::default());
}

#[test]
fn what_is_no_feed_is_said_to_be_none() {
    for text in [
        "",
        "hello",
        "<html><body/></html>",
        "{\"a\":1}",
        "<",
        "<?xml?>",
    ] {
        let found = parse(text.as_bytes(), None, BASE);
        assert_eq!(found, Err(FeedError::NotAFeed), "{text}");
    }
}

#[test]
fn nothing_is_expanded_and_nothing_without_bound_is_kept() {
    let bomb = r#"<!DOCTYPE rss [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>
        <rss><channel><item><title>x &b; y</title></item></channel></rss>"#;
    assert_eq!(read(bomb).items[0].title, "x &b; y");
    let many: String = (0..2_000)
        .map(|n| format!("<item><guid>{n}</guid><title>t</title></item>"))
        .collect();
    let parsed = read(&format!("<rss><channel>{many}</channel></rss>"));
    assert_eq!(parsed.items.len(), ITEMS_MAX);
    let long = "가".repeat(100_000);
    let parsed = read(&format!("<rss><item><title>{long}</title></item></rss>"));
    assert_eq!(parsed.items[0].title.chars().count(), TITLE_CHARS + 1);
    let deep = "<a>".repeat(100_000);
    assert!(read(&format!("<rss>{deep}")).broken.is_some());
    let scripted = "<rss><item><title>t</title><link>javascript:alert(1)</link></item></rss>";
    assert_eq!(read(scripted).items[0].link, None);
}

proptest! {
    #[test]
    fn any_bytes_are_a_feed_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&bytes, None, BASE);
    }

    #[test]
    fn any_mangled_feed_is_read_or_refused(at in 0usize..900, with in ".{0,6}") {
        let at = RSS.floor_char_boundary(at);
        let end = RSS.floor_char_boundary(at + 5);
        let mangled = format!("{}{with}{}", &RSS[..at], &RSS[end..]);
        if let Ok(parsed) = parse(mangled.as_bytes(), None, BASE) {
            for item in parsed.items {
                prop_assert!(!item.key.is_empty() && !item.title.is_empty());
            }
        }
    }
}
