//! Random lives of the town, lived by the step and by the oracle: the same verdicts, the same
//! balances.

use crate::oracle::{Ask, Oracle, Rules};
use crate::town::*;
use core::num::NonZeroU64;
use engine::terms::{AssetFee, ReferenceRate, Terms};
use engine::{Code, Id, Op, UtcMillis};
use ledger::{AccountClass, AssetNo, Source};
use money::{Atoms, Rate};
use proptest::prelude::*;
use std::collections::BTreeMap;

const ASSETS: [(&str, AssetNo); 2] = [("USD", USD), ("EUR", EUR)];
const SOURCES: [Source; 4] = [Source::Card, Source::Bank, Source::Carrier, Source::Promo];

fn rules(dice: u64) -> (Terms, Rules) {
    let fee_refundable = dice.is_multiple_of(2);
    let limited = !dice.is_multiple_of(3);
    let (fee_ppm, minimum) = ([0, 23_000, 400_000][dice as usize % 3], dice % 5 * 7);
    let rate = 190_000;
    let funding: Vec<Source> = match dice % 4 {
        0 => vec![Source::Card, Source::Earned],
        1 => vec![Source::Promo, Source::Earned, Source::Bank, Source::Card],
        _ => Terms::default().funding_order,
    };
    let terms = Terms {
        fee_share: ppm(fee_ppm),
        fee_minimums: vec![AssetFee {
            asset: USD,
            minimum: Atoms(minimum),
        }],
        fee_refundable,
        tax: tax_of(&[(b"DE", rate)]),
        limits: limited
            .then(|| limits(USD, [Some(900), Some(2_500), Some(6_000)]))
            .flatten(),
        reference_rates: vec![ReferenceRate {
            base: EUR,
            quote: USD,
            rate: Rate::new(10, NonZeroU64::new(9).unwrap()).unwrap(),
        }],
        refusals_per_second: 1_000,
        funding_order: funding.clone(),
        ..Terms::default()
    };
    let rules = Rules {
        fee_ppm: fee_ppm.into(),
        fee_minimum: BTreeMap::from([("USD".into(), minimum)]),
        fee_refundable,
        tax_ppm: BTreeMap::from([("DE".into(), rate.into())]),
        limits_asset: "USD".into(),
        per_payment: Some(900),
        per_day: Some(2_500),
        per_month: Some(6_000),
        rates: BTreeMap::from([("EUR".into(), (10, 9))]),
        limited,
        funding: funding.iter().map(|s| s.as_str().into()).collect(),
    };
    (terms, rules)
}

/// The step's balances under the oracle's names.
fn balances(town: &Town) -> BTreeMap<String, i128> {
    let state = &town.state;
    let mut all = BTreeMap::new();
    let party = |no: u32| {
        PEOPLE
            .iter()
            .find(|p| state.party_no(TENANT, par(p.1)).unwrap().0 == no)
    };
    let wallet = |no: u32| {
        PEOPLE
            .iter()
            .find(|p| state.wallet_no(TENANT, wal(p.0)).unwrap().0 == no)
    };
    for (_, a) in state.book.iter() {
        let asset = ASSETS.iter().find(|(_, no)| *no == a.asset).unwrap().0;
        let name = match a.class {
            AccountClass::Wallet => {
                let source = match (a.source.unwrap(), a.origin) {
                    (source, None) => source.to_string(),
                    (source, Some(origin)) => format!("{source}:{origin}"),
                };
                format!("{}/{asset}/{source}", wallet(a.owner).unwrap().0)
            }
            AccountClass::Receivable => {
                let rests_on = a.origin.map_or("", Source::as_str);
                format!("owes/{}/{asset}/{rests_on}", party(a.owner).unwrap().1)
            }
            AccountClass::Tax => format!("tax/{asset}/{}", a.origin.map_or("", Source::as_str)),
            AccountClass::Fees => format!("fees/{asset}/{}", a.origin.map_or("", Source::as_str)),
            _ => format!("outside/{asset}"),
        };
        *all.entry(name).or_default() += a.balance;
    }
    all.retain(|_, balance| *balance != 0);
    all
}

struct Run {
    town: Town,
    oracle: Oracle,
    ids: Vec<Id>,
}

impl Run {
    fn new(dice: u64) -> Run {
        let (terms, rules) = rules(dice);
        let mut town = Town::with(terms);
        town.audits = false;
        let mut oracle = Oracle::new(rules);
        for (wallet, party, country) in PEOPLE {
            oracle.register(party, core::str::from_utf8(country).unwrap());
            oracle.open_wallet(wallet, party);
        }
        let ids = Vec::new();
        Run { town, oracle, ids }
    }

    /// One command from one throw of the dice.
    fn step(&mut self, dice: u64) {
        let mut left = dice;
        let mut pick = |n: u64| {
            let picked = left % n;
            left /= n;
            picked
        };
        let what = pick(20);
        let (a, b) = (pick(7) as usize, pick(7) as usize);
        let (payer, payee) = (PEOPLE[a].0.to_owned(), PEOPLE[b].0.to_owned());
        let (asset, asset_no) = ASSETS[usize::from(pick(5) == 0)];
        let amount = match pick(4) {
            0 => pick(12),
            1 => pick(400),
            _ => pick(1_300),
        };
        let source = SOURCES[pick(4) as usize];
        let thing = match self.ids.len() {
            0 => Id(1),
            n => self.ids[pick(n as u64) as usize],
        };
        let (last, name) = (pick(3) == 0, format!("{thing:?}"));
        let settled = last;
        if what == 0 {
            self.town.later(pick(9) * 5 * HOUR);
            self.town.run_timers();
            self.oracle.expire(self.town.now.0);
            return;
        }
        let mut spending = spend(&payer, amount);
        spending.asset = asset_no;
        let to = wal(&payee);
        let asset = asset.to_owned();
        let (op, ask) = match what {
            1..=4 => (
                top_up_in(&payer, asset_no, source, amount, !settled),
                Ask::TopUp {
                    wallet: payer,
                    asset,
                    source: source.to_string(),
                    amount,
                    settled,
                },
            ),
            5..=9 => (
                Op::Pay {
                    spend: spending,
                    payee: to,
                },
                Ask::Pay {
                    payer,
                    payee,
                    asset,
                    amount,
                },
            ),
            10 | 11 => (
                Op::Transfer {
                    spend: spending,
                    payee: to,
                },
                Ask::Transfer {
                    payer,
                    payee,
                    asset,
                    amount,
                },
            ),
            12 | 13 => {
                let expires = UtcMillis(self.town.now.0 + pick(4) * 9 * HOUR);
                (
                    Op::Authorize {
                        spend: spending,
                        payee: to,
                        expires: Some(expires),
                    },
                    Ask::Authorize {
                        payer,
                        payee,
                        asset,
                        amount,
                        expires_ms: expires.0,
                    },
                )
            }
            14..=16 => (
                Op::Capture {
                    payment: thing,
                    amount: Atoms(amount),
                    asset: None,
                    last,
                },
                Ask::Capture {
                    payment: name,
                    amount,
                    last,
                },
            ),
            17 => (void(thing), Ask::Void { payment: name }),
            _ if self.town.events.contains_key(&thing) => (
                self.town.refund(thing, amount),
                Ask::Refund {
                    payment: name,
                    amount,
                },
            ),
            _ => return,
        };
        let zone = &Terms::default().zone;
        let civil = zone.civil(self.town.now);
        let id = self.town.new_id();
        let command = self.town.command(id, op.clone());
        let verdict = match outcome(&self.town.ask(&command)) {
            Expect::Code(code) => code.as_str(),
            _ => "ok",
        };
        let (day, month) = (civil.day.0.into(), civil.month.0.into());
        let now = self.town.now.0;
        let expected = self.oracle.ask(&format!("{id:?}"), &ask, now, day, month);
        assert_eq!(verdict, expected, "{ask:?}\n{op:?}");
        if let ("ok", Ask::TopUp { settled: true, .. }) = (verdict, &ask) {
            self.town.settle_top_up(id);
        }
        if verdict == "ok" && !matches!(ask, Ask::TopUp { .. } | Ask::Void { .. }) {
            self.ids.push(id);
        }
        assert_eq!(balances(&self.town), self.oracle.balances(), "{ask:?}");
        for (wallet, _, _) in PEOPLE {
            let held = self.oracle.held(wallet, "USD") + self.oracle.held(wallet, "EUR");
            assert_eq!(self.town.held(wallet), u128::try_from(held).unwrap());
        }
    }
}

#[test]
fn the_step_and_the_oracle_agree() {
    proptest!(cases(150), |(rules in 0u64..60, dice in prop::collection::vec(any::<u64>(), 1..150))| {
        let mut run = Run::new(rules);
        for dice in dice {
            run.step(dice);
        }
        run.town.audit();
    });
}

#[test]
fn the_oracle_and_the_step_refuse_with_the_same_words() {
    // The oracle writes codes as text: each must be one of the step's.
    let known: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    for word in [
        "amount_zero",
        "same_wallet",
        "not_found",
        "malformed",
        "insufficient_funds",
        "source_not_allowed",
        "limit_per_payment",
        "limit_per_day",
        "limit_per_month",
        "no_reference_rate",
        "hold_expired",
        "capture_exceeds_hold",
        "refund_exceeds_payment",
        "not_that_payment",
    ] {
        assert!(known.contains(&word), "{word}");
    }
}
