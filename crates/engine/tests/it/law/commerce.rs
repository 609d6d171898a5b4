//! Commerce in several lands whose packs count much and refuse little: what happens at random, and what
//! is used of each measure by then.

use super::codes::pack_of;
use super::land::*;
use crate::dice::Dice;
use crate::town::*;
use engine::command::Share;
use engine::law::MEASURE_FIRST;
use engine::records::{Channel, PartyNo};
use engine::{EventKind, Id, Op};
use ledger::Source;
use policy::{Pack, Tier};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What each party has used of each measure, by names.
pub fn counts(land: &Land) -> BTreeMap<(PartyNo, String, u32), u128> {
    let mut sums = BTreeMap::new();
    let law = land.law();
    for no in 0..land.state.parties.len() {
        let party = PartyNo(u32::try_from(no).unwrap());
        for count in land.state.counts_of(party) {
            let (measure, period, used) = (count.measure, count.period, count.used());
            let measure = law.ruleset.measure(measure - MEASURE_FIRST).unwrap();
            if measure.is_used {
                sums.insert((party, measure.name(), period), used);
            }
        }
    }
    sums
}

/// Two lands, whose packs count much and refuse little; in the second, part of the rules comes late.
const BASE: &str = r#"
[[rule]]
id = "each"
title = { en = "Each", ko = "건별" }
kind = "limit"
most = "90 ASSET"
then = "deny"
source = { act = "An act", article = "1" }
certainty = "official"

[[rule]]
id = "sca"
title = { en = "Authentication", ko = "인증" }
kind = "authentication"
applies = { payment = ["spend"], presence = ["contactless"] }
step_up = "strong"
source = { act = "An act", article = "2" }
certainty = "official"
"#;

pub const WINDOWS: [(&str, &str, &str); 7] = [
    ("day", "[\"void\", \"refund\"]", "spend"),
    ("week", "[\"void\"]", "spend\", \"transfer"),
    ("month", "[]", "spend\", \"load"),
    ("rolling 2 days", "[\"void\", \"refund\"]", "spend"),
    (
        "rolling 2 months",
        "[\"refund\"]",
        "transfer\", \"redemption",
    ),
    (
        "year",
        "[\"void\", \"refund\"]",
        "load\", \"redemption\", \"withdrawal",
    ),
    (
        "total",
        "[\"void\", \"refund\"]",
        "spend\", \"transfer\", \"load",
    ),
];

fn pack(id: &str, asset: &str, places: &str, version: &str, late: bool) -> Arc<str> {
    let mut text = pack_of("").split("[[rule]]").next().unwrap().to_owned();
    text = text
        .replace("id = \"one\"", &format!("id = \"{id}\""))
        .replace("2026-11-23", version)
        .replace("EUR", asset)
        .replace("DE = \"Europe/Berlin\"", places);
    text += &BASE.replace("ASSET", asset);
    if late {
        for (n, (window, gives, payment)) in WINDOWS.iter().enumerate() {
            for (measure, side) in [
                ("most = \"1000000 ASSET\"", "payer"),
                ("count = 100000", "payee"),
            ] {
                let measure = measure.replace("ASSET", asset);
                let tag = side.len() * 10 + n;
                text += &format!(
                    "\n[[rule]]\nid = \"late.{side}{tag}\"\ntitle = {{ en = \"L\", ko = \"엘\" }}\nkind = \"limit\"\nwhose = \"{side}\"\n{measure}\nwindow = \"{window}\"\nthen = \"deny\"\nstarts = \"backfilled\"\ngives_back = {gives}\napplies = {{ payment = [\"{payment}\"] }}\nsource = {{ act = \"An act\", article = \"3\" }}\ncertainty = \"official\"\n"
                );
            }
        }
    }
    assert!(
        Pack::parse("pack", &text).is_ok(),
        "{:?}",
        Pack::parse("pack", &text).err()
    );
    text.into()
}

pub fn packs(version: &str, late: bool) -> Vec<Arc<str>> {
    let eu = "DE = \"Europe/Berlin\"\nPT = \"Atlantic/Azores\"";
    vec![
        pack("one", "EUR", eu, version, late),
        pack("two", "KRW", "KR = \"Asia/Seoul\"", version, late),
    ]
}

pub const PEOPLE: [(&str, &[u8; 2], Tier); 5] = [
    ("de", b"DE", Tier::Identified),
    ("pt", b"PT", Tier::Phone),
    ("kr", b"KR", Tier::Anonymous),
    ("us", b"US", Tier::Strong),
    ("mart", b"PT", Tier::Business),
];

pub struct Life {
    pub land: Land,
    dice: Dice,
    made: u64,
    pub paid: Vec<(Id, u64)>,
    holds: Vec<(Id, u64)>,
    outs: Vec<Id>,
    ups: Vec<(Id, u64)>,
    disputes: Vec<Id>,
}

impl Life {
    pub fn new(seed: u64, late: bool) -> Life {
        let mut land = Land::lawless();
        for (name, country, tier) in PEOPLE {
            land.settle(name, country, tier);
            land.load(name, Source::Card, "5000 EUR", Loaded);
            land.load(name, Source::Carrier, "5000 KRW", Loaded);
        }
        land.enact(new_law(packs("2026-01-01", late), Some(operator(b"DE"))));
        Life {
            land,
            dice: Dice(seed),
            made: 0,
            paid: Vec::new(),
            holds: Vec::new(),
            outs: Vec::new(),
            ups: Vec::new(),
            disputes: Vec::new(),
        }
    }

    /// The same id in each of two lives.
    fn ask(&mut self, op: Op) -> Option<engine::Event> {
        self.made += 1;
        let hash = blake3::hash(&self.made.to_le_bytes());
        let random = u128::from_be_bytes(hash.as_bytes()[..16].try_into().unwrap());
        let id = Id::timed(self.land.now.0, random);
        let command = besides(self.land.command(id, op), |b| b.confirmed = true.into());
        match self.land.ask(&command) {
            Answer::Done(event) => Some(*event),
            _ => None,
        }
    }

    pub fn step(&mut self) {
        let ms = self.dice.pick(9) * HOUR;
        self.land.later(ms);
        self.land.run_timers();
        let name = |dice: &mut Dice| PEOPLE[dice.pick(5) as usize].0;
        let (payer, payee) = (name(&mut self.dice), name(&mut self.dice));
        let texts = [
            "1 EUR", "9.99 EUR", "91 EUR", "30 KRW", "0.07 KRW", "17 EUR",
        ];
        let text = *self.dice.of(&texts);
        let mut spend = self.land.spend(payer, text);
        spend.confirmed = (self.dice.pick(3) == 0).into();
        if self.dice.pick(4) == 0 {
            spend.circumstances.presence = policy::Presence::Contactless;
        }
        let (asset, amount) = (spend.asset, spend.amount);
        let what = self.dice.pick(15);
        let some = self.dice.pick(1 << 20);
        let pick = |len: usize| (some % len as u64) as usize;
        let op = match what {
            0 => Op::Transfer {
                spend,
                payee: wal(payee),
            },
            1 => Op::Split {
                spend,
                payees: [payee, "mart", "us"]
                    .map(|name| Share {
                        payee: wal(name),
                        weight: 1 + some % 3,
                    })
                    .to_vec(),
            },
            2 | 3 => Op::Authorize {
                spend,
                payee: wal(payee),
                expires: Some(self.land.now.plus(90 * HOUR)),
            },
            4 | 5 if !self.holds.is_empty() => {
                let (id, whole) = self.holds[pick(self.holds.len())];
                match some % 4 {
                    0 => void(id),
                    1 => capture_last(id, 1 + some % whole),
                    _ => capture(id, 1 + some % (whole / 3 + 1)),
                }
            }
            6 | 7 if !self.paid.is_empty() => {
                let (id, whole) = self.paid[pick(self.paid.len())];
                self.land.refund(id, 1 + some % whole)
            }
            8 if !self.paid.is_empty() => {
                let (payment, whole) = self.paid[pick(self.paid.len())];
                Op::OpenDispute {
                    payment,
                    amount: money::Atoms(1 + some % whole),
                    carried: self.land.carried(payment),
                }
            }
            9 if !self.disputes.is_empty() => {
                let dispute = self.disputes.swap_remove(pick(self.disputes.len()));
                let verdict = match some % 2 {
                    0 => engine::command::DisputeVerdict::PayeeWins,
                    _ => engine::command::DisputeVerdict::PayerWins,
                };
                Op::ResolveDispute { dispute, verdict }
            }
            10 => Op::Withdraw {
                wallet: wal(payer),
                asset,
                amount,
                channel: Channel::MANUAL,
            },
            11 if !self.outs.is_empty() => {
                let withdrawal = self.outs.swap_remove(pick(self.outs.len()));
                match some % 2 {
                    0 => Op::ReturnWithdrawal { withdrawal },
                    _ => Op::SendWithdrawal { withdrawal },
                }
            }
            12 => Op::TopUp {
                wallet: wal(payer),
                asset,
                amount,
                source: Source::Bank,
                channel: Channel::MANUAL,
                spendable: true,
            },
            13 if !self.ups.is_empty() => {
                let (topup, whole) = self.ups[pick(self.ups.len())];
                Op::ReverseTopUp {
                    topup,
                    amount: money::Atoms(1 + some % whole),
                    carried: None,
                }
            }
            _ => pay_with(spend, payee),
        };
        let Some(event) = self.ask(op) else {
            return;
        };
        let amount = amount.0;
        let gross = event
            .part(event.id)
            .and_then(|part| part.paid().copied())
            .map(|paid| paid.gross);
        match event.kind {
            Paid | EventKind::Split | Transferred | EventKind::Captured => {
                self.paid.push((event.id, gross.unwrap()));
            }
            EventKind::Authorized => self.holds.push((event.id, amount)),
            EventKind::WithdrawalRequested => self.outs.push(event.id),
            EventKind::TopUpPending => self.ups.push((event.id, amount)),
            EventKind::DisputeOpened => self.disputes.push(event.id),
            _ => {}
        }
    }
}
