//! The judge: holds what a served ledger says against what clients were told.

use crate::farthing::Farthing;
use crate::http::Http;
use crate::load::{Client, Kind, Order, TOP_UP, Town};
use crate::wallets::{amount_of, atoms, balance_of};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A payment is what was ordered, and all its legs are there.
pub fn whole(order: &Order, payment: &Value) {
    let status = if order.kind == Kind::Overspend {
        "denied"
    } else {
        "paid"
    };
    assert_eq!(payment["status"], status, "{order:?}: {payment}");
    assert_eq!(
        amount_of(&payment["amount"]),
        atoms(&order.amount),
        "{payment}"
    );
    let postings = payment["postings"]
        .as_array()
        .expect("an admin sees the postings");
    let sum: i128 = postings
        .iter()
        .map(|leg| atoms(leg["amount"].as_str().unwrap()))
        .sum();
    assert_eq!(sum, 0, "the legs balance: {payment}");
    let moved = postings
        .iter()
        .map(|leg| atoms(leg["amount"].as_str().unwrap()));
    let moved: i128 = moved.filter(|atoms| *atoms > 0).sum();
    let expected = if order.kind == Kind::Overspend {
        0
    } else {
        atoms(&order.amount)
    };
    assert_eq!(moved, expected, "all of it moved: {payment}");
}

/// What the records say there must be.
#[derive(Default)]
struct Expected {
    balances: BTreeMap<String, i128>,
    band: i128,
    fees_and_tax: i128,
    payments: BTreeSet<String>,
}

impl Expected {
    fn add(&mut self, town: &Town, order: &Order, id: &str, within: i128) {
        let amount = atoms(&order.amount);
        let payer = town.payers[order.payer].clone();
        if order.kind != Kind::TopUp {
            assert!(
                self.payments.insert(id.to_owned()),
                "{id} was acknowledged under two keys"
            );
        }
        match order.kind {
            Kind::Pay(payee) => {
                *self.balances.entry(payer).or_default() -= amount;
                *self.balances.entry(town.payees[payee].clone()).or_default() += amount - within;
            }
            Kind::Split => {
                *self.balances.entry(payer).or_default() -= amount;
                self.band += amount - within;
            }
            Kind::TopUp => *self.balances.entry(payer).or_default() += amount,
            Kind::Overspend => return,
        }
        self.fees_and_tax += within;
    }
}

/// What was judged.
#[derive(Debug, Default)]
pub struct Judged {
    pub payments: usize,
    pub denied: usize,
    pub abandoned_there: usize,
    pub abandoned_not_there: usize,
}

/// Holds the served ledger against the clients' records.
pub fn judge(farthing: &Farthing, town: &Town, clients: &[Client]) -> Judged {
    let mut judged = Judged::default();
    let mut expected = Expected::default();
    for payer in &town.payers {
        expected.balances.insert(payer.clone(), atoms(TOP_UP));
    }
    for payee in town.payees.iter().chain([&town.poor]) {
        expected.balances.insert(payee.clone(), 0);
    }
    // Every acknowledged payment is there, as acknowledged.
    std::thread::scope(|scope| {
        for client in clients {
            scope.spawn(|| {
                let mut http = farthing.http(&town.key);
                for (order, ack) in client.done.iter().filter(|(o, _)| o.kind != Kind::TopUp) {
                    let reply = http.get(&format!("/v1/payments/{}", ack.id)).unwrap();
                    let payment = reply.expect(200);
                    whole(order, &payment);
                    if ack.code.is_empty() {
                        assert_eq!(payment["seq"].as_u64(), Some(ack.seq), "{payment}");
                        assert_eq!(payment["index"].as_u64(), Some(ack.index), "{payment}");
                    }
                }
            });
        }
    });
    let mut http = farthing.http(&town.key);
    for client in clients {
        assert!(client.unknown.is_empty(), "settle first");
        for (order, ack) in &client.done {
            expected.add(town, order, &ack.id, ack.fee + ack.tax);
            judged.denied += usize::from(!ack.code.is_empty());
        }
        for order in &client.abandoned {
            let id = order.payment().expect("only those are abandoned");
            let reply = http.get(&format!("/v1/payments/{id}")).unwrap();
            if reply.status == 404 {
                judged.abandoned_not_there += 1;
                continue;
            }
            let payment = reply.expect(200);
            whole(order, &payment);
            judged.abandoned_there += 1;
            let part = |f: &str| {
                if payment[f].is_object() {
                    amount_of(&payment[f])
                } else {
                    0
                }
            };
            expected.add(town, order, &id, part("fee") + part("tax"));
        }
    }
    judged.payments = expected.payments.len();

    for (wallet, balance) in &expected.balances {
        assert_eq!(
            balance_of(&mut http, wallet),
            *balance,
            "the balance of {wallet}"
        );
    }
    let band: i128 = town
        .band
        .iter()
        .map(|wallet| balance_of(&mut http, wallet))
        .sum();
    assert_eq!(band, expected.band, "what the band was paid");
    check_trial_balance(&mut http, expected.fees_and_tax);
    check_history(&mut http, &expected.payments);
    judged
}

/// All sums to nothing, and the platform has what the answers said it took.
fn check_trial_balance(http: &mut Http, fees_and_tax: i128) {
    let body = http.get("/v1/ledger/trial-balance").unwrap().expect(200);
    let lines = body["assets"].as_array().expect("a line an asset");
    assert!(!lines.is_empty());
    for line in lines {
        assert_eq!(line["sum"], "0", "{body}");
    }
    let classes = lines
        .iter()
        .flat_map(|line| line["classes"].as_array().into_iter().flatten());
    let kept = classes.filter(|sum| sum["class"] == "fees" || sum["class"] == "tax");
    let kept: i128 = kept
        .map(|sum| atoms(sum["balance"].as_str().unwrap()))
        .sum();
    assert_eq!(kept, fees_and_tax, "{body}");
}

/// History lists each payment once, and no other.
fn check_history(http: &mut Http, payments: &BTreeSet<String>) {
    let ready = http.get("/ready").unwrap().expect(200);
    let first = format!("/v1/payments?limit=1000&min_seq={}", ready["seq"]);
    let mut listed = BTreeSet::new();
    let mut path = first.clone();
    loop {
        let reply = http.get(&path).unwrap();
        if reply.header("retry-after").is_some() && reply.status == 503 {
            // The read model starts again after a crash; it says when to come back.
            continue;
        }
        let page = reply.expect(200);
        for item in page["items"].as_array().expect("a list has items") {
            let id = item["id"].as_str().unwrap().to_owned();
            assert!(listed.insert(id.clone()), "{id} is listed twice");
        }
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("{first}&cursor={next}");
    }
    assert_eq!(listed.len(), payments.len(), "so many payments are listed");
    assert!(
        listed == *payments,
        "the listed payments are the acknowledged ones"
    );
}
