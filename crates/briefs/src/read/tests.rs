use super::*;
use crate::fetch::Limits;
use crate::testing::{Answer, Served};
use policy::{Certainty, Date};
use std::time::Duration;
use store::{BriefFilter, BriefStatus, NewDecision};

fn rss(items: &[(&str, &str)]) -> String {
    let items: String = items
        .iter()
        .map(|(guid, title)| format!("<item><guid>{guid}</guid><title>{title}</title></item>"))
        .collect();
    format!("<rss version=\"2.0\"><channel>{items}</channel></rss>")
}

struct Desk {
    _dir: tempfile::TempDir,
    served: Served,
    reading: Reading,
    fetcher: Fetcher,
}

impl Desk {
    fn new(paths: &[&str]) -> Desk {
        let dir = tempfile::tempdir().unwrap();
        let served = Served::start();
        let feeds = paths
            .iter()
            .map(|path| Feed {
                id: (*path).to_owned(),
                pack: "kr".into(),
                authority: "FSC".into(),
                title: "News".into(),
                url: served.url(&format!("/{path}")),
                language: "ko".into(),
                certainty: Certainty::Official,
                checked: Date(0),
            })
            .collect();
        let limits = Limits {
            private: true,
            total: Duration::from_secs(2),
            bytes_max: 100_000,
            ..Limits::default()
        };
        Desk {
            reading: Reading {
                store: Arc::new(Store::open(dir.path(), 0).unwrap()),
                tenant: 1,
                feeds,
                now_ms: 1_000,
            },
            _dir: dir,
            served,
            fetcher: Fetcher::new(limits),
        }
    }

    async fn read(&mut self) -> Vec<FeedReport> {
        self.reading.now_ms += 1_000;
        let mut seen = 0;
        let reports = read(&self.fetcher, &self.reading, |_| seen += 1).await;
        let reports = reports.unwrap();
        assert_eq!(seen, reports.len());
        reports
    }

    fn titles(&self) -> Vec<(String, BriefStatus)> {
        let filter = BriefFilter::default();
        let page = self.reading.store.briefs(1, &filter, None, 1_000).unwrap();
        let mut titles: Vec<_> = page
            .items
            .into_iter()
            .map(|brief| (brief.title, brief.status))
            .collect();
        titles.sort_by(|a, b| a.0.cmp(&b.0));
        titles
    }
}

#[tokio::test]
async fn one_that_is_broken_stops_no_other_and_says_why() {
    let mut desk = Desk::new(&[
        "good", "gone", "broken", "html", "huge", "slow", "korean", "atom", "rdf",
    ]);
    desk.served
        .feed("/good", "", rss(&[("1", "one"), ("1", "one again")]));
    desk.served.feed(
        "/broken",
        "",
        "<rss><item><title>half</title></item><item><titl",
    );
    desk.served
        .feed("/html", "", "<html><body>Maintenance</body></html>");
    desk.served.at("/huge", Answer::Endless);
    desk.served.at("/slow", Answer::Silence);
    let (korean, _, _) =
        encoding_rs::EUC_KR.encode("<rss><item><title>한도 개정</title></item></rss>");
    desk.served.feed(
        "/korean",
        "Content-Type: text/xml; charset=EUC-KR\r\n",
        &korean,
    );
    desk.served.feed(
        "/atom",
        "",
        "<feed><entry><id>a</id><title>atom</title></entry></feed>",
    );
    desk.served.feed(
        "/rdf",
        "",
        "<rdf:RDF><item rdf:about=\"x\"><title>rdf</title></item></rdf:RDF>",
    );
    let reports = desk.read().await;
    let seen: Vec<_> = reports
        .iter()
        .map(|r| {
            (
                r.feed.as_str(),
                r.kept.new,
                r.error.as_ref().map_or("", FeedError::code),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("good", 1, ""),
            ("gone", 0, "feed_status"),
            ("broken", 1, "feed_xml"),
            ("html", 0, "feed_not_a_feed"),
            ("huge", 0, "feed_too_large"),
            ("slow", 0, "feed_too_late"),
            ("korean", 1, ""),
            ("atom", 1, ""),
            ("rdf", 1, ""),
        ]
    );
    let titles: Vec<String> = desk.titles().into_iter().map(|(title, _)| title).collect();
    assert_eq!(titles, ["atom", "half", "one", "rdf", "한도 개정"]);
    let states = desk.reading.store.feeds(1).unwrap();
    let gone = states.iter().find(|state| state.feed == "gone").unwrap();
    let (code, words) = gone.failed.clone().unwrap();
    assert_eq!(code, "feed_status");
    assert_eq!(words, "the server answered 404");
    assert_eq!((gone.read_ms, gone.succeeded_ms), (2_000, None));
}

#[tokio::test]
async fn what_was_read_is_not_new_and_what_changed_is_open_again() {
    let mut desk = Desk::new(&["a"]);
    let path = "/a";
    desk.served.feed(
        path,
        "ETag: \"1\"\r\n",
        rss(&[("1", "draft"), ("2", "other")]),
    );
    assert_eq!(desk.read().await[0].kept.new, 2);
    let store = Arc::clone(&desk.reading.store);
    let first = store
        .briefs(1, &BriefFilter::default(), None, 10)
        .unwrap()
        .items;
    for brief in first {
        let decision = NewDecision {
            verdict: BriefStatus::Dismissed,
            by: "me".into(),
            why: "seen".into(),
            pack: None,
            version: None,
            proposal: None,
            rule: None,
        };
        store.decide_brief(1, brief.id, None, &decision, 5).unwrap();
    }
    desk.served.feed(
        path,
        "ETag: \"2\"\r\n",
        rss(&[("1", "final"), ("2", "other")]),
    );
    let report = &desk.read().await[0];
    assert_eq!(
        (report.kept.new, report.kept.changed, report.kept.known),
        (0, 1, 1)
    );
    let expected = [
        ("final".to_owned(), BriefStatus::Open),
        ("other".to_owned(), BriefStatus::Dismissed),
    ];
    assert_eq!(desk.titles(), expected);
    // The server remembers: nothing is new.
    desk.served.status(path, "304 Not Modified", "");
    let report = &desk.read().await[0];
    assert!(report.unchanged && report.error.is_none());
    let asked = desk.served.asked();
    assert!(
        asked[2].to_lowercase().contains("if-none-match: \"2\""),
        "{asked:?}"
    );
    // A feed that is empty for once takes nothing away.
    desk.served.feed(path, "", "<rss></rss>");
    assert_eq!(desk.read().await[0].error, None);
    assert_eq!(desk.titles(), expected);
    // At another address, what the first said of itself is not asked with.
    desk.reading.feeds[0].url = desk.served.url("/b");
    desk.served.feed("/b", "", rss(&[("2", "other")]));
    desk.read().await;
    let last = desk.served.asked().pop().unwrap().to_lowercase();
    assert!(!last.contains("if-none-match"), "{last}");
}

#[tokio::test]
async fn a_feed_that_failed_is_asked_for_whole() {
    let mut desk = Desk::new(&["a"]);
    desk.served
        .feed("/a", "ETag: \"1\"\r\n", rss(&[("1", "one")]));
    desk.read().await;
    desk.served
        .feed("/a", "ETag: \"2\"\r\n", "<rss><item><title>x");
    assert!(desk.read().await[0].error.is_some());
    let state = &desk.reading.store.feeds(1).unwrap()[0];
    assert_eq!((state.succeeded_ms, &state.etag), (Some(2_000), &None));
    desk.read().await;
    let last = desk.served.asked().pop().unwrap().to_lowercase();
    assert!(!last.contains("if-none-match"), "{last}");
}
