//! A clock that jumps stops the node until the operator says that it is right.

use crate::town::{Town, config};
use node::{Clock, SystemClock};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The machine's, some way ahead.
#[derive(Default)]
struct Ahead(SystemClock, AtomicU64);

impl Clock for Ahead {
    fn wall_ms(&self) -> u64 {
        self.0.wall_ms() + self.1.load(Ordering::SeqCst)
    }
    fn monotonic_ms(&self) -> u64 {
        self.0.monotonic_ms()
    }
}

#[tokio::test]
async fn an_operator_confirms_a_jump_without_a_restart() {
    let ahead = Arc::new(Ahead::default());
    let town = Town::on(config(), ahead.clone()).await;
    let party = json!({"kind": "person", "country": "DE"}).to_string();
    let register = || town.ask(&town.admin, "POST", "/v1/parties", &[], Some(&party));
    let clock = |key: String, method: &'static str, path: &'static str| {
        let town = &town;
        async move { town.ask(&key, method, path, &[], None).await }
    };
    register().await.is(201);
    let now = clock(town.admin.clone(), "GET", "/v1/clock").await.is(200);
    assert_eq!(now["jumped"], false);

    ahead.1.store(3_600_000, Ordering::SeqCst);
    register().await.problem(503, "clock_unconfirmed");
    town.ask("", "GET", "/ready", &[], None)
        .await
        .problem(503, "clock_unconfirmed");
    let jumped = clock(town.admin.clone(), "GET", "/v1/clock").await.is(200);
    assert_eq!(jumped["jumped"], true);
    assert!(jumped["machine"].as_str() > now["machine"].as_str());
    for (method, path) in [("GET", "/v1/clock"), ("POST", "/v1/clock/confirm")] {
        clock(town.other.clone(), method, path)
            .await
            .problem(403, "operator_only");
    }
    register().await.problem(503, "clock_unconfirmed");
    let confirmed = clock(town.admin.clone(), "POST", "/v1/clock/confirm");
    assert_eq!(confirmed.await.is(200)["jumped"], false);
    register().await.is(201);
    town.ask("", "GET", "/ready", &[], None).await.is(200);
    // Nothing to confirm is no harm.
    let again = clock(town.admin.clone(), "POST", "/v1/clock/confirm");
    assert_eq!(again.await.is(200)["jumped"], false);
}
