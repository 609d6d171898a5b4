//! A node with more to do than it may queue: 503 `busy` says that nothing was done.

use crate::town::{Town, eur, id, payment, text};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Asks the state again and again, so that the queue, which is short, is full now and then.
fn press(town: &Town) -> (Arc<AtomicBool>, Vec<std::thread::JoinHandle<()>>) {
    let pressing = Arc::new(AtomicBool::new(true));
    let press = |_| {
        let (node, pressing) = (town.node.clone(), Arc::clone(&pressing));
        std::thread::spawn(move || {
            while pressing.load(Ordering::Relaxed) {
                let _ = node.query_blocking(|state| state.now);
            }
        })
    };
    let threads = (0..6).map(press).collect();
    (pressing, threads)
}

#[tokio::test]
async fn what_answers_busy_has_not_been_done() {
    let town = Town::short_of_room(4).await;
    let (from, to) = (town.wallet("100").await, town.wallet("0").await);
    let paid = town.post("/v1/payments", payment(&from, &to, "20")).await;
    let refund = format!("/v1/payments/{}/refund", text(&paid.is(201)["id"]));
    let part = json!({"amount": eur("0.01")});
    let asks: [(&str, Value); 4] = [
        (
            "/v1/withdrawals",
            json!({"wallet": from, "amount": eur("0.01")}),
        ),
        (
            "/v1/transfers",
            json!({"from": from, "to": to, "amount": eur("0.01")}),
        ),
        (
            "/v1/topups",
            json!({"wallet": to, "amount": eur("0.01"), "source": "bank", "spendable": true}),
        ),
        (&refund, part),
    ];
    let (pressing, threads) = press(&town);
    // How many of each were told done.
    let mut done = [0usize; 4];
    for round in 0..400 {
        let at = round % asks.len();
        let (path, body) = &asks[at];
        let reply = town.post(path, body.clone()).await;
        match reply.status.as_u16() {
            201 => done[at] += 1,
            503 => assert_eq!(reply.problem(503, "busy")["remedy"]["action"], "retry"),
            _ => panic!("{}", reply.text),
        }
    }
    pressing.store(false, Ordering::Relaxed);
    for thread in threads {
        thread.join().unwrap();
    }
    let open = |state: &engine::State| {
        let refunded: u64 = state.reversed.values().sum();
        (state.withdrawals.len(), state.topups.len(), refunded)
    };
    let open = town.node.query(open).await.unwrap();
    let cent = 10_000_000;
    assert_eq!(open, (done[0], done[2], cent * done[3] as u64));
    let cents = 8_000 - done[0] - done[1] + done[3];
    let left: f64 = town.balance(&from).await.parse().unwrap();
    assert_eq!((left * 100.0).round(), cents as f64);
}

#[tokio::test]
async fn what_is_not_answered_names_the_id_to_ask_again_with() {
    let town = Town::new().await;
    let (from, to) = (town.wallet("1").await, town.wallet("0").await);
    town.node.shutdown();
    let mut new = payment(&from, &to, "1");
    new["id"] = json!(id(&town, "pay"));
    let stopped = town.post("/v1/payments", new.clone()).await;
    assert_eq!(stopped.is(503)["id"], new["id"]);
}
