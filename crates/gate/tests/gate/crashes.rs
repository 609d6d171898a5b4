//! A gate that dies: what was served is paid for but for the stated bound, and a payer never pays
//! more than it signed for.

use crate::stage::{Answered, GIFT, Stage, Ways, now};
use gate::payer::{Made, OpenSession, SessionOffer};
use gate::{Secret, SessionOptions};
use std::time::Duration;

const HOST: &str = "site.example";
/// Atoms of USD: what a page costs, and what is set aside at first. One per cent of it is eight
/// pages, so that some are not reported yet at most times.
const PAGE: u64 = 10_000;
const DEPOSIT: u64 = 8_000_000;
const MORE: u64 = 50_000;
const PRICES: &str = "asset = \"USD\"\n[free]\nstatuses_other_than = [\"200\"]\n\
                      [[price]]\npath = \"/articles/**\"\namount = \"0.00001\"";

/// Numbers out of a seed (SplitMix64): a failing case says which it was.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

fn ways() -> Ways<'static> {
    Ways {
        prices: PRICES,
        sessions: SessionOptions::default(),
        ..Ways::default()
    }
}

struct Payer {
    secret: Secret,
    session: OpenSession,
    /// What it was served, by its own count.
    served: u64,
    last: (&'static str, String),
}

impl Payer {
    async fn ask(&mut self, stage: &Stage, path: &'static str) -> Answered {
        let url = format!("http://{HOST}{path}");
        let made = Made {
            method: "GET",
            url: &url,
            digest: None,
        };
        self.last = (path, self.session.pay(&self.secret, made, PAGE));
        let answer = send(stage, path, &self.last.1).await;
        if answer.status == 402 {
            let offer = SessionOffer::read(challenges(&answer), made).unwrap();
            assert!(self.session.correct(&offer), "{:?}", answer.body);
            return answer;
        }
        self.session.receive(answer.text("payment-receipt"));
        if answer.status == 200 && answer.body == "hello" {
            self.served += PAGE;
        }
        answer
    }
}

fn challenges(answer: &Answered) -> Vec<&str> {
    let values = answer.headers.get_all("www-authenticate").iter();
    values.map(|value| value.to_str().unwrap()).collect()
}

async fn send(stage: &Stage, path: &str, header: &str) -> Answered {
    stage
        .get(path, &[("host", HOST), ("authorization", header)])
        .await
}

async fn open(stage: &Stage) -> Payer {
    let secret = stage.payer(1).await;
    let path = "/articles/a";
    let asked = stage.get(path, &[("host", HOST)]).await;
    let url = format!("http://{HOST}{path}");
    let made = Made {
        method: "GET",
        url: &url,
        digest: None,
    };
    let offer = SessionOffer::read(challenges(&asked), made).unwrap();
    let (mut session, header) = offer.open(&secret, now(), DEPOSIT);
    let answer = send(stage, path, &header).await;
    assert_eq!(answer.status, 200);
    session.receive(answer.text("payment-receipt"));
    Payer {
        secret,
        session,
        served: PAGE,
        last: (path, header),
    }
}

/// What a payer has paid, once nothing is held any more.
async fn paid(stage: &Stage, payer: &Payer) -> u64 {
    let wallet = stage.wallet(&payer.secret);
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    loop {
        let (balance, held) = stage.funds(wallet).await;
        if held == 0 {
            let (earned, _) = stage.funds(stage.teller.seller()).await;
            assert_eq!(GIFT - balance, earned);
            return u64::try_from(earned).unwrap();
        }
        assert!(std::time::Instant::now() < deadline, "held {held}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn whatever_happens_what_is_paid_is_what_was_served_but_for_the_bound() {
    for seed in 0..6 {
        let mut dice = Dice(seed);
        let mut stage = Stage::set_in(ways()).await;
        let mut payer = open(&stage).await;
        let (mut crashes, mut replayed) = (0, 0);
        for _ in 0..60 {
            match dice.below(12) {
                0 => {
                    stage.kill();
                    stage.open_another(ways()).await;
                    crashes += 1;
                }
                1 => {
                    payer.ask(&stage, "/articles/500").await;
                }
                2 => {
                    payer.ask(&stage, "/articles/broken").await;
                }
                3 => {
                    let (path, header) = payer.last.clone();
                    let again = send(&stage, path, &header).await;
                    if again.status == 200 && again.body == "hello" {
                        replayed += PAGE;
                    }
                }
                4 => {
                    let deposit = payer.session.deposit() + MORE;
                    let header = payer.session.top_up(&payer.secret, deposit);
                    let answer = send(&stage, "/articles/a", &header).await;
                    assert_eq!(answer.status, 204, "{:?}", answer.body);
                    payer.session.receive(answer.text("payment-receipt"));
                    assert_eq!(payer.session.deposit(), deposit);
                }
                _ => {
                    payer.ask(&stage, "/articles/a").await;
                }
            }
        }
        // What is left of the deposit is released, whoever keeps the session by now.
        while send(&stage, "/articles/a", &payer.session.close(&payer.secret))
            .await
            .status
            != 204
        {
            payer.ask(&stage, "/articles/a").await;
        }
        let (paid, served) = (paid(&stage, &payer).await, payer.served + replayed);
        let bound = payer.session.deposit() / 100;
        let told = format!("seed {seed}: {crashes} crashes, paid {paid}, served {served}");
        assert!(paid <= payer.session.signed(), "{told}");
        assert!(paid <= served && served <= paid + crashes * bound, "{told}");
        assert!(crashes > 0 || paid == served, "{told}");
    }
}

#[tokio::test]
async fn a_session_goes_on_after_a_crash_and_another_gate_takes_it_over_only_later() {
    let mut stage = Stage::set_in(ways()).await;
    let mut payer = open(&stage).await;
    stage.kill();
    let second = Ways {
        name: "http://second.example",
        ..ways()
    };
    stage.open_another(second).await;
    // The first is dead, but its lease is not over.
    let refused = payer.ask(&stage, "/articles/a").await;
    assert_eq!(refused.status, 409);
    assert_eq!(refused.json()["gate"], "http://first.example");
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while payer.ask(&stage, "/articles/a").await.status != 200 {
        assert!(std::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let closed = send(&stage, "/articles/a", &payer.session.close(&payer.secret)).await;
    assert_eq!(closed.status, 204, "{:?}", closed.body);
    let (paid, served) = (paid(&stage, &payer).await, payer.served);
    assert!(
        paid <= served && served <= paid + DEPOSIT / 100,
        "paid {paid}, served {served}"
    );
}

#[tokio::test]
async fn two_gates_that_both_believe_they_keep_a_session_take_no_more_than_its_voucher() {
    let mut stage = Stage::set_in(ways()).await;
    let mut payer = open(&stage).await;
    // The second has taken the first one's name; the first does not know yet.
    let first = stage.open_another(ways()).await;
    let second = stage.gate;
    for round in 0..12 {
        let (leading, trailing) = if round % 2 == 0 {
            (first, second)
        } else {
            (second, first)
        };
        stage.gate = leading;
        let answer = payer.ask(&stage, "/articles/a").await;
        stage.gate = trailing;
        let (path, header) = payer.last.clone();
        let again = send(&stage, path, &header).await;
        let served = [answer, again].iter().filter(|a| a.body == "hello").count();
        assert!(served > 0, "round {round}");
    }
    stage.gate = second;
    while send(&stage, "/articles/a", &payer.session.close(&payer.secret))
        .await
        .status
        != 204
    {
        payer.ask(&stage, "/articles/a").await;
    }
    let paid = paid(&stage, &payer).await;
    assert!(
        paid > PAGE && paid <= payer.session.signed(),
        "{paid} {:?}",
        payer.session
    );
}
