//! The review list: read from feeds served here, decided by people, each tenant its own.

use crate::town::{Town, config, text};
use ::briefs::{Feed, Limits};
use identity::Scope;
use policy::{Certainty, Date};
use serde_json::{Value, json};
use server::FeedSettings;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

/// Serves one text at every path but `/gone`.
fn feed_server(body: &str) -> (SocketAddr, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let body = Arc::new(Mutex::new(body.to_owned()));
    let served = Arc::clone(&body);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let head: Vec<String> = lines
                .map_while(Result::ok)
                .take_while(|l| !l.is_empty())
                .collect();
            let body = served.lock().unwrap().clone();
            let (status, body) = match head.first() {
                Some(first) if first.contains("/gone") => ("404 Not Found", String::new()),
                _ => ("200 OK", body),
            };
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}"
            );
        }
    });
    (address, body)
}

fn feed(address: SocketAddr, id: &str) -> Feed {
    Feed {
        id: id.into(),
        pack: "kr".into(),
        authority: "FSC".into(),
        title: "News".into(),
        url: format!("http://{address}/{id}"),
        language: "ko".into(),
        certainty: Certainty::Unverified,
        checked: Date(20_000),
    }
}

async fn town_reading(feeds: Vec<Feed>) -> Town {
    let feeds = FeedSettings {
        feeds: feeds.into(),
        limits: Limits {
            private: true,
            ..Limits::default()
        },
        every: None,
    };
    Town::with(server::Config { feeds, ..config() }).await
}

fn rss(items: &[(&str, &str)]) -> String {
    let items: String = items
        .iter()
        .map(|(id, title)| format!("<item><guid>{id}</guid><title>{title}</title></item>"))
        .collect();
    format!("<rss><channel>{items}</channel></rss>")
}

async fn of_feed(town: &Town, query: &str) -> Vec<Value> {
    let list = town
        .get(&format!("/v1/briefs?limit=1000{query}"))
        .await
        .is(200);
    let items = list["items"].as_array().unwrap().iter();
    items
        .filter(|one| one["kind"] == "published")
        .cloned()
        .collect()
}

#[tokio::test]
async fn a_brief_is_read_decided_and_opened_again_when_it_changes() {
    let (address, body) = feed_server(&rss(&[("1", "Draft decree"), ("2", "A speech")]));
    let town = town_reading(vec![feed(address, "news"), feed(address, "gone")]).await;
    assert!(of_feed(&town, "").await.is_empty());
    let read = town.post("/v1/briefs/read", json!({})).await.is(200);
    assert_eq!((&read["new"], &read["changed"]), (&json!(2), &json!(0)));
    assert_eq!(read["feeds"][1]["error"]["code"], "feed_status");
    let feeds = town.get("/v1/feeds").await.is(200);
    assert_eq!(feeds["items"][0]["items"], 2);
    assert_eq!(feeds["items"][0]["certainty"], "unverified");
    assert_eq!(
        feeds["items"][1]["error"]["words"],
        "the server answered 404"
    );
    assert!(feeds["items"][1].get("succeeded_at").is_none());

    let open = of_feed(&town, "&status=open&pack=kr").await;
    let id_of = |title: &str| {
        let brief = open.iter().find(|one| one["title"] == title).unwrap();
        text(&brief["id"])
    };
    let (decree, speech) = (id_of("Draft decree"), id_of("A speech"));
    let dismiss = format!("/v1/briefs/{speech}/dismiss");
    let done = town
        .post(&dismiss, json!({"why": "no rule in it"}))
        .await
        .is(200);
    assert_eq!(done["status"], "dismissed");
    assert_eq!(done["decisions"][0]["why"], "no rule in it");
    assert!(text(&done["decisions"][0]["by"]).starts_with("key_"));
    let again = town
        .post(&dismiss, json!({"why": "no rule in it"}))
        .await
        .is(200);
    assert_eq!(again["decisions"].as_array().unwrap().len(), 1);

    let link = format!("/v1/briefs/{decree}/link");
    town.post(&link, json!({"pack": "kr"}))
        .await
        .problem(422, "malformed");
    let to = json!({"pack": "kr", "rule": "carrier.month", "revision": 1});
    let linked = town.post(&link, to.clone()).await.is(200);
    assert_eq!(linked["status"], "linked");
    assert!(of_feed(&town, "&status=open").await.is_empty());

    *body.lock().unwrap() = rss(&[("1", "Decree"), ("2", "A speech")]);
    let read = town.post("/v1/briefs/read", json!({})).await.is(200);
    assert_eq!((&read["new"], &read["changed"]), (&json!(0), &json!(1)));
    let stale = town.post(&link, to).await.problem(409, "brief_changed");
    assert_eq!(stale["field"], "revision");
    let brief = town.get(&format!("/v1/briefs/{decree}")).await.is(200);
    assert_eq!(
        (&brief["title"], &brief["status"]),
        (&json!("Decree"), &json!("open"))
    );
    assert_eq!(
        (&brief["revision"], &brief["decisions"][0]["revision"]),
        (&json!(2), &json!(1))
    );
}

#[tokio::test]
async fn each_tenant_has_its_own_list_and_a_key_needs_its_scope() {
    let (address, _) = feed_server(&rss(&[("1", "one")]));
    let town = town_reading(vec![feed(address, "news")]).await;
    town.post("/v1/briefs/read", json!({})).await.is(200);
    let id = text(&of_feed(&town, "").await[0]["id"]);
    let theirs = town
        .ask(
            &town.other,
            "GET",
            "/v1/briefs?pack=kr&status=open",
            &[],
            None,
        )
        .await;
    let theirs = theirs.is(200);
    let mut items = theirs["items"].as_array().unwrap().iter();
    assert!(items.all(|one| one["kind"] == "review"));
    let path = format!("/v1/briefs/{id}");
    town.ask(&town.other, "GET", &path, &[], None)
        .await
        .problem(404, "not_found");
    let dismiss = format!("{path}/dismiss");
    let body = json!({"why": "x"}).to_string();
    let other = town
        .ask(&town.other, "POST", &dismiss, &[], Some(&body))
        .await;
    other.problem(404, "not_found");
    let reader = town.key(&[Scope::SettingsRead]);
    town.ask(&reader, "GET", &path, &[], None).await.is(200);
    let read_only = town.ask(&reader, "POST", &dismiss, &[], Some(&body)).await;
    read_only.problem(403, "scope_missing");
    let regulator = town.key(&[Scope::RegulatorRead]);
    town.ask(&regulator, "GET", "/v1/feeds", &[], None)
        .await
        .is(200);
    let asked = town
        .ask(&regulator, "POST", "/v1/briefs/read", &[], None)
        .await;
    asked.problem(403, "scope_missing");
}

#[tokio::test]
async fn rules_that_are_due_stand_in_the_same_list() {
    let town = town_reading(Vec::new()).await;
    let list = town.get("/v1/briefs?limit=1000").await.is(200);
    let packs = policy::builtin_packs().unwrap();
    let today = ::briefs::day(town.node.now().0 as i64);
    let due: usize = packs.iter().map(|pack| pack.overdue(today).count()).sum();
    assert_eq!(list["items"].as_array().unwrap().len(), due);
    for one in list["items"].as_array().unwrap() {
        assert_eq!(one["kind"], "review");
        assert_eq!(one["feed"], "review");
    }
}
