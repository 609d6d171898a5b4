//! Clients that pay without pause and record every answer.
//!
//! - What was answered is in `done`; what was sent and not answered is in `unknown`, and is sent
//!   again, under the same key, when the server is back.
//! - Before that its payment is looked up: it is there whole, and the retry is told so, or it is
//!   not there at all, and the retry makes it.
//! - Now and then something answered is sent again, and must get the same answer.
//! - A few are never sent again (`abandoned`): they may have happened or not, but never in half.

use crate::dice::Dice;
use crate::farthing::Farthing;
use crate::http::{Http, Reply};
use crate::judge::whole;
use crate::wallets::{amount_of, open_wallet};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};

const ASSET: &str = "EUR";
const PAYERS: usize = 16;
const PAYEES: usize = 4;
/// What each payer gets at the start: more than is ever paid.
pub const TOP_UP: &str = "1000000";
/// What the poor payer asks for and never has.
const TOO_MUCH: &str = "25.00";

/// Who pays whom.
pub struct Town {
    pub key: String,
    pub payers: Vec<String>,
    pub payees: Vec<String>,
    /// Each split goes to all of them.
    pub band: Vec<String>,
    pub poor: String,
}

impl Town {
    /// Registers everybody.
    pub fn open(farthing: &Farthing, key: &str, dice: &mut Dice) -> Town {
        let mut http = farthing.http(key);
        let terms = json!({
            "fee": { "share": "0.025" },
            "refusals_per_second": 1_000_000,
            "tax": [{ "country": "DE", "rate": "0.19" }],
        });
        http.put("/v1/terms", &dice.uuid(), &terms)
            .unwrap()
            .expect(200);
        let mut wallets = |count: usize| -> Vec<String> {
            (0..count).map(|_| open_wallet(&mut http, dice)).collect()
        };
        let (payers, payees, band) = (wallets(PAYERS), wallets(PAYEES), wallets(3));
        let poor = wallets(1).remove(0);
        for payer in &payers {
            let body = json!({
                "wallet": payer, "source": "card", "spendable": true,
                "amount": { "amount": TOP_UP, "asset": ASSET },
            });
            http.post("/v1/topups", &dice.uuid(), &body)
                .unwrap()
                .expect(201);
        }
        Town {
            key: key.to_owned(),
            payers,
            payees,
            band,
            poor,
        }
    }
}

/// What kind of thing is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Pay(usize),
    Split,
    Overspend,
    TopUp,
}

/// Something asked for.
#[derive(Clone, Debug)]
pub struct Order {
    pub key: String,
    /// Whether the key is a UUIDv7, and so the payment's own id.
    pub timed: bool,
    pub kind: Kind,
    pub payer: usize,
    pub amount: String,
}

/// How it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ack {
    pub id: String,
    /// Empty when it was done.
    pub code: String,
    pub seq: u64,
    pub index: u64,
    pub fee: i128,
    pub tax: i128,
}

impl Order {
    fn path(&self) -> &'static str {
        if self.kind == Kind::TopUp {
            "/v1/topups"
        } else {
            "/v1/payments"
        }
    }

    fn body(&self, town: &Town) -> Value {
        let amount = json!({ "amount": self.amount, "asset": ASSET });
        let payer = &town.payers[self.payer];
        match self.kind {
            Kind::Pay(payee) => {
                json!({ "payer": payer, "payee": town.payees[payee], "amount": amount })
            }
            Kind::Split => {
                let share =
                    |(at, wallet): (usize, &String)| json!({ "wallet": wallet, "weight": at + 1 });
                let shares: Vec<Value> = town.band.iter().enumerate().map(share).collect();
                json!({ "payer": payer, "payees": shares, "amount": amount })
            }
            Kind::Overspend => {
                json!({ "payer": town.poor, "payee": town.payees[0], "amount": amount })
            }
            Kind::TopUp => {
                json!({ "wallet": payer, "source": "card", "spendable": true, "amount": amount })
            }
        }
    }

    /// The payment's id, where the client knows it before it is answered.
    pub fn payment(&self) -> Option<String> {
        let known = self.timed && self.kind != Kind::TopUp;
        known.then(|| format!("pay_{}", self.key))
    }
}

/// One client: its own connection, chance and record.
pub struct Client {
    dice: Dice,
    pub done: Vec<(Order, Ack)>,
    pub unknown: Vec<Order>,
    pub abandoned: Vec<Order>,
    pub retried: u64,
    pub found_done: u64,
    pub repeated: u64,
}

impl Client {
    pub fn new(seed: u64) -> Client {
        Client {
            dice: Dice::new(seed),
            done: Vec::new(),
            unknown: Vec::new(),
            abandoned: Vec::new(),
            retried: 0,
            found_done: 0,
            repeated: 0,
        }
    }

    pub fn acknowledged(&self) -> usize {
        self.done.len()
    }

    pub fn unknown(&self) -> usize {
        self.unknown.len()
    }

    /// Pays until the connection breaks or `stop` is set. True if something is left unknown.
    pub fn pay(&mut self, address: &str, town: &Town, stop: &AtomicBool) {
        // Refused because the server is gone already: nothing was sent.
        let Ok(mut http) = Http::connect(address, &town.key) else {
            return;
        };
        while !stop.load(Ordering::Relaxed) && self.once(&mut http, town) {}
    }

    /// Sends again all that is unknown, until nothing is.
    pub fn settle(&mut self, address: &str, town: &Town) {
        let mut http = Http::connect(address, &town.key).unwrap();
        while !self.unknown.is_empty() {
            assert!(
                self.once(&mut http, town),
                "the connection broke with nobody killed"
            );
        }
    }

    /// One exchange; false when the connection broke.
    fn once(&mut self, http: &mut Http, town: &Town) -> bool {
        if let Some(order) = self.unknown.pop() {
            return self.retry(http, town, order);
        }
        if !self.done.is_empty() && self.dice.below(20) == 0 {
            return self.repeat(http, town);
        }
        let order = self.order();
        match http.post(order.path(), &order.key, &order.body(town)) {
            Ok(reply) => {
                let replayed = self.answered(order, &reply);
                assert_ne!(
                    replayed,
                    Some(true),
                    "a new key was answered before: {}",
                    reply.text()
                );
                true
            }
            Err(_) => {
                if order.payment().is_some() && self.dice.below(4) == 0 {
                    self.abandoned.push(order);
                } else {
                    self.unknown.push(order);
                }
                false
            }
        }
    }

    fn order(&mut self) -> Order {
        let timed = self.dice.below(2) == 0;
        let key = match timed {
            true => self.dice.uuid(),
            false => format!("order-{:x}", self.dice.roll()),
        };
        let (kind, amount) = match self.dice.below(100) {
            0..2 => (Kind::Overspend, TOO_MUCH.to_owned()),
            2..5 => (Kind::TopUp, format!("{}.5", 1 + self.dice.below(9))),
            5..15 => (
                Kind::Split,
                format!("0.{:07}", 1_000 + self.dice.below(9_000_000)),
            ),
            _ => {
                let payee = self.dice.index(PAYEES);
                (
                    Kind::Pay(payee),
                    format!("0.{:09}", 1 + self.dice.below(900_000_000)),
                )
            }
        };
        Order {
            key,
            timed,
            kind,
            payer: self.dice.index(PAYERS),
            amount,
        }
    }

    /// Notes an answer; returns whether it had been given before. "Come back" leaves it unknown.
    fn answered(&mut self, order: Order, reply: &Reply) -> Option<bool> {
        match reply.status {
            429 | 503 => {
                self.unknown.push(order);
                None
            }
            _ => {
                let ack = ack(&order, reply);
                self.done.push((order, ack));
                Some(reply.header("idempotent-replayed") == Some("true"))
            }
        }
    }

    fn retry(&mut self, http: &mut Http, town: &Town, order: Order) -> bool {
        let mut there = None;
        if let Some(payment) = order.payment() {
            match http.get(&format!("/v1/payments/{payment}")) {
                Ok(reply) if reply.status == 503 => {}
                Ok(reply) if reply.status == 404 => there = Some(false),
                Ok(reply) => {
                    whole(&order, &reply.expect(200));
                    there = Some(true);
                }
                Err(_) => {
                    self.unknown.push(order);
                    return false;
                }
            }
        }
        match http.post(order.path(), &order.key, &order.body(town)) {
            Ok(reply) => {
                let replayed = self.answered(order, &reply);
                if let (Some(there), Some(replayed)) = (there, replayed) {
                    assert_eq!(there, replayed, "there before the retry? {}", reply.text());
                }
                if let Some(replayed) = replayed {
                    self.retried += 1;
                    self.found_done += u64::from(replayed);
                }
                true
            }
            Err(_) => {
                self.unknown.push(order);
                false
            }
        }
    }

    /// Sends again what was answered: the same answer, and nothing more happens.
    fn repeat(&mut self, http: &mut Http, town: &Town) -> bool {
        let (order, first) = &self.done[self.dice.index(self.done.len())];
        let Ok(reply) = http.post(order.path(), &order.key, &order.body(town)) else {
            return false;
        };
        if !matches!(reply.status, 429 | 503) {
            assert_eq!(ack(order, &reply), *first, "{}", reply.text());
            assert_eq!(
                reply.header("idempotent-replayed"),
                Some("true"),
                "{}",
                reply.text()
            );
            self.repeated += 1;
        }
        true
    }
}

fn ack(order: &Order, reply: &Reply) -> Ack {
    let body = reply.json();
    let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
    let number = |field: &str| body[field].as_u64().unwrap_or_default();
    let expected = if order.kind == Kind::Overspend {
        402
    } else {
        201
    };
    assert_eq!(reply.status, expected, "{order:?}: {}", reply.text());
    let part = |field: &str| {
        if body[field].is_object() {
            amount_of(&body[field])
        } else {
            0
        }
    };
    let (fee, tax) = (part("fee"), part("tax"));
    let ack = Ack {
        id: text("id"),
        code: text("code"),
        seq: number("seq"),
        index: number("index"),
        fee,
        tax,
    };
    assert!(
        !ack.id.is_empty(),
        "an answer names its id: {}",
        reply.text()
    );
    if let Some(payment) = order.payment() {
        assert_eq!(ack.id, payment);
    }
    ack
}
