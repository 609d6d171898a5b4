use super::*;

fn open(dir: &tempfile::TempDir) -> Store {
    Store::open(dir.path(), 0).unwrap()
}

fn found(feed: &str, key: &str, title: &str) -> NewBrief {
    NewBrief {
        feed: feed.into(),
        key: key.into(),
        pack: "kr".into(),
        authority: "FSC".into(),
        title: title.into(),
        language: "ko".into(),
        ..NewBrief::default()
    }
}

fn decision(verdict: BriefStatus, by: &str) -> NewDecision {
    NewDecision {
        verdict,
        by: by.into(),
        why: "not about us".into(),
        pack: None,
        version: None,
        proposal: None,
        rule: None,
    }
}

fn list(store: &Store, tenant: u128, status: Option<BriefStatus>) -> Vec<Brief> {
    let filter = BriefFilter {
        status,
        pack: String::new(),
    };
    store.briefs(tenant, &filter, None, 1_000).unwrap().items
}

#[test]
fn the_same_read_twice_is_one_and_each_tenant_has_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let briefs = [
        found("a", "1", "one"),
        found("a", "2", "two"),
        found("b", "1", "three"),
    ];
    let kept = store.keep_briefs(1, &briefs, 100).unwrap();
    assert_eq!((kept.new, kept.changed, kept.known), (3, 0, 0));
    let kept = store.keep_briefs(1, &briefs, 200).unwrap();
    assert_eq!((kept.new, kept.changed, kept.known), (0, 0, 3));
    assert_eq!(list(&store, 2, None), []);
    store.keep_briefs(2, &briefs, 300).unwrap();
    let (ours, theirs) = (list(&store, 1, None), list(&store, 2, None));
    assert_eq!((ours.len(), theirs.len()), (3, 3));
    assert!(
        ours.iter()
            .all(|one| theirs.iter().all(|two| one.id != two.id))
    );
    assert_eq!(store.brief(2, ours[0].id).unwrap(), None);
    let error = store.decide_brief(
        2,
        ours[0].id,
        None,
        &decision(BriefStatus::Dismissed, "x"),
        1,
    );
    assert_eq!(error.unwrap_err().code(), "brief_unknown");
}

#[test]
fn one_that_changes_is_open_again_and_a_decision_is_about_what_was_seen() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    store
        .keep_briefs(1, &[found("a", "1", "draft")], 100)
        .unwrap();
    let id = list(&store, 1, None)[0].id;
    let dismissed = decision(BriefStatus::Dismissed, "key_1");
    let done = store.decide_brief(1, id, Some(1), &dismissed, 150).unwrap();
    assert_eq!(done.status, BriefStatus::Dismissed);
    // Again by the same person: nothing more is on record.
    store.decide_brief(1, id, Some(1), &dismissed, 160).unwrap();
    assert_eq!(store.brief_decisions(1, id).unwrap().len(), 1);

    let kept = store
        .keep_briefs(1, &[found("a", "1", "final")], 200)
        .unwrap();
    assert_eq!(kept.changed, 1);
    let brief = store.brief(1, id).unwrap().unwrap();
    assert_eq!((brief.status, brief.revision), (BriefStatus::Open, 2));
    assert_eq!(
        (brief.title.as_str(), brief.changed_ms),
        ("final", Some(200))
    );
    assert_eq!(brief.found_ms, 100);
    let late = store
        .decide_brief(1, id, Some(1), &dismissed, 250)
        .unwrap_err();
    assert!(matches!(late, Error::BriefChanged { revision: 2 }));

    let linked = NewDecision {
        pack: Some("kr".into()),
        version: Some("2026-12-01".into()),
        rule: Some("carrier.monthly".into()),
        ..decision(BriefStatus::Linked, "key_2")
    };
    store.decide_brief(1, id, Some(2), &linked, 300).unwrap();
    let decisions = store.brief_decisions(1, id).unwrap();
    let seen: Vec<_> = decisions
        .iter()
        .map(|d| {
            (
                d.revision,
                d.at_ms,
                d.decision.by.as_str(),
                d.decision.verdict,
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (2, 300, "key_2", BriefStatus::Linked),
            (1, 150, "key_1", BriefStatus::Dismissed)
        ]
    );
    assert_eq!(decisions[0].decision, linked);
}

#[test]
fn what_is_no_longer_due_lapses_and_what_is_due_again_opens() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let due = [
        found("review", "1", "a"),
        found("review", "2", "b"),
        found("a", "3", "c"),
    ];
    store.keep_briefs(1, &due, 100).unwrap();
    assert_eq!(store.lapse_briefs(1, "review", &["2"]).unwrap(), 1);
    assert_eq!(list(&store, 1, Some(BriefStatus::Open)).len(), 2);
    assert_eq!(list(&store, 1, Some(BriefStatus::Lapsed))[0].title, "a");
    store.keep_briefs(1, &due, 200).unwrap();
    assert_eq!(list(&store, 1, Some(BriefStatus::Open)).len(), 3);
}

#[test]
fn pages_hold_each_brief_once_newest_first_and_the_filter_holds() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    for n in 0..9 {
        let mut brief = found("a", &n.to_string(), &format!("{n}"));
        if n % 3 == 0 {
            brief.pack = "eu".into();
        }
        store.keep_briefs(1, &[brief], 1_000 + n).unwrap();
    }
    for limit in [1, 2, 4, 100] {
        for (pack, expected) in [("", "876543210"), ("eu", "630"), ("zz", "")] {
            let filter = BriefFilter {
                status: Some(BriefStatus::Open),
                pack: pack.into(),
            };
            let (mut titles, mut before) = (String::new(), None);
            loop {
                let page = store.briefs(1, &filter, before, limit).unwrap();
                titles.extend(page.items.iter().map(|brief| brief.title.as_str()));
                before = page.next;
                if before.is_none() {
                    break;
                }
            }
            assert_eq!(titles, expected, "limit {limit}");
        }
    }
}

#[test]
fn how_a_reading_went_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let mut state = FeedState {
        feed: "a".into(),
        url: "https://a.example/".into(),
        etag: Some("\"1\"".into()),
        read_ms: 5,
        succeeded_ms: Some(5),
        items: 3,
        ..FeedState::default()
    };
    store.put_feed(1, &state).unwrap();
    state.read_ms = 9;
    state.failed = Some(("feed_status".into(), "the server answered 500".into()));
    store.put_feed(1, &state).unwrap();
    assert_eq!(store.feeds(1).unwrap(), [state]);
    assert_eq!(store.feeds(2).unwrap(), []);
}
