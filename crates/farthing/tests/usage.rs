//! Usage through the real binary, killed in the middle: a fifth of the events are sent twice, all are
//! shuffled and sent in batches over several connections. After kill -9 everything is sent again, and
//! every event was charged exactly once: as if nothing had happened.
//!
//! FARTHING_EVENTS says how many are sent (a million in a release build, else 20,000); FARTHING_SEED
//! repeats a run's choices.
#![allow(clippy::unwrap_used)]

#[path = "common/dice.rs"]
mod dice;
#[path = "common/farthing.rs"]
mod farthing;
#[path = "common/http.rs"]
mod http;
#[path = "common/wallets.rs"]
mod wallets;

use dice::Dice;
use farthing::{Farthing, verify};
use http::Http;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use wallets::{balance_of, open_wallet};

const PAYERS: usize = 20;
const PAYEES: usize = 3;
const BATCH: usize = 500;
const CONNECTIONS: usize = 3;
const TOP_UP: i128 = 1_000_000_000_000_000;
/// Atoms for so many: a price with fractions.
const PRICE: (i128, i128) = (5, 7);

fn events_to_send() -> usize {
    let given = std::env::var("FARTHING_EVENTS").ok();
    let given = given.and_then(|text| text.parse().ok());
    given.unwrap_or(if cfg!(debug_assertions) {
        20_000
    } else {
        1_000_000
    })
}

struct Event {
    payer: usize,
    payee: usize,
    quantity: u64,
    line: String,
}

struct Town {
    payers: Vec<String>,
    payees: Vec<String>,
    price: String,
}

impl Town {
    fn open(http: &mut Http, dice: &mut Dice) -> Town {
        let mut post = |http: &mut Http, path: &str, body: Value| {
            http.post(path, &dice.uuid(), &body).unwrap().expect(201)
        };
        let price = json!({"definition": {"asset": "EUR", "period": "month", "model": {"per_unit":
            {"units": [{"amount": "0.000000005", "per": 7}]}}}});
        let price = post(http, "/v1/prices", price)["id"].clone();
        let mut wallets =
            |count| -> Vec<String> { (0..count).map(|_| open_wallet(http, dice)).collect() };
        let (payers, payees) = (wallets(PAYERS), wallets(PAYEES));
        for payer in &payers {
            let body = json!({"wallet": payer, "source": "card", "spendable": true,
                "amount": {"amount": "1000000", "asset": "EUR"}});
            http.post("/v1/topups", &dice.uuid(), &body)
                .unwrap()
                .expect(201);
        }
        Town {
            payers,
            payees,
            price: price.as_str().unwrap().to_owned(),
        }
    }

    fn events(&self, count: usize, dice: &mut Dice) -> Vec<Event> {
        let event = |number: usize| {
            let (payer, payee) = (dice.index(PAYERS), dice.index(PAYEES));
            let quantity = 1 + dice.below(500);
            let line = json!({"id": format!("event {number}"), "source": "meter", "quantity": quantity,
                "payer": self.payers[payer], "payee": self.payees[payee], "price": self.price});
            Event {
                payer,
                payee,
                quantity,
                line: line.to_string(),
            }
        };
        (0..count).map(event).collect()
    }
}

/// Sends batches until all are answered or the server is gone; how many events were charged.
fn send((address, key): (&str, &str), batches: &[String], answered: &AtomicUsize) -> u64 {
    let next = AtomicUsize::new(0);
    let connection = || {
        let Ok(mut http) = Http::connect(address, key) else {
            return 0;
        };
        let mut charged = 0;
        while let Some(batch) = batches.get(next.fetch_add(1, Relaxed)) {
            let kind = [("Content-Type", "application/x-ndjson")];
            let Ok(reply) = http.send("POST", "/v1/usage", &kind, batch.as_bytes()) else {
                return charged;
            };
            let text = reply.text();
            let summary: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
            let summary = &summary["summary"];
            let counts = ["refused", "failed", "unanswered", "waiting"].map(|name| &summary[name]);
            assert!(counts.iter().all(|count| **count == 0), "{summary}");
            charged += summary["charged"].as_u64().unwrap();
            answered.fetch_add(1, Relaxed);
        }
        charged
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(connection)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    })
}

#[test]
fn every_event_is_charged_once_though_the_server_is_killed_in_between() {
    let seed = dice::seed();
    println!("usage: FARTHING_SEED={seed}");
    let mut dice = Dice::new(seed);
    let folder = tempfile::tempdir().unwrap();
    let (data, log) = (folder.path().join("data"), folder.path().join("stderr.log"));
    let config = folder.path().join("farthing.toml");
    std::fs::write(
        &config,
        "snapshot_every = 3000\nrequests_per_second = 100000\n",
    )
    .unwrap();
    let arguments = ["--config", farthing::path(&config)];
    let first = Farthing::start(&data, &log, &arguments);
    let (key, address) = (first.keys[0].clone(), first.address.clone());
    let town = Town::open(&mut first.http(&key), &mut dice);

    let sent = events_to_send();
    let unique = sent - sent / 5;
    let events = town.events(unique, &mut dice);
    let mut order: Vec<usize> = (0..unique).collect();
    order.extend((unique..sent).map(|_| dice.index(unique)));
    for last in (1..order.len()).rev() {
        order.swap(last, dice.index(last + 1));
    }
    let batches: Vec<String> = order
        .chunks(BATCH)
        .map(|batch| {
            batch
                .iter()
                .map(|at| events[*at].line.as_str())
                .collect::<Vec<_>>()
                .join("\n")
        })
        .collect();

    // Killed when about a third is answered, while others are on their way.
    let answered = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| send((&address, &key), &batches, &answered));
        while answered.load(Relaxed) < batches.len() / 3 {
            std::thread::sleep(Duration::from_millis(1));
        }
        first.kill();
        sending.join().unwrap();
    });
    let at_the_crash = answered.load(Relaxed);
    assert!(at_the_crash < batches.len(), "it was killed too late");

    // The whole of it again, twice: the second time nothing is new.
    let second = Farthing::start(&data, &log, &arguments);
    let to = (second.address.as_str(), key.as_str());
    let after = send(to, &batches, &answered);
    assert_eq!(send(to, &batches, &answered), 0);
    assert!(after < unique as u64, "what was answered was kept");

    let mut http = second.http(&key);
    let mut paid = 0;
    for (number, payer) in town.payers.iter().enumerate() {
        let of = events.iter().filter(|event| event.payer == number);
        let used: i128 = of.map(|event| i128::from(event.quantity)).sum();
        let exact = used * PRICE.0 / PRICE.1;
        assert_eq!(
            balance_of(&mut http, payer),
            TOP_UP - exact,
            "payer {number}"
        );
        paid += exact;
    }
    let has: i128 = town
        .payees
        .iter()
        .map(|payee| balance_of(&mut http, payee))
        .sum();
    assert_eq!(has, paid);
    assert!(events.iter().any(|event| event.payee == 0));
    assert!(second.stop().success());
    verify(&data);
    println!(
        "{sent} events, {unique} of them once: {at_the_crash} of {} batches answered before the kill, \
         {after} charged after it",
        batches.len()
    );
}
