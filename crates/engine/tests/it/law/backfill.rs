//! Measures that begin with what was done before: the sums are those that would be there had they been
//! counted all along.

use super::codes::pack_of;
use super::land::*;
use crate::dice::Dice;
use crate::town::*;
use engine::backfill::Backfill;
use engine::codec::FORMAT;
use engine::command::Share;
use engine::law::{Backfilled, Count, Counted, MEASURE_FIRST, NewLaw};
use engine::records::{Channel, PartyNo};
use engine::{Code, EventKind, Id, Op, Replay, State, snapshot};
use ledger::Source;
use policy::{Pack, Tier};
use std::collections::BTreeMap;
use std::sync::Arc;

fn limit(window: &str, starts: &str) -> String {
    pack_of(&format!(
        "kind = \"limit\"\nmost = \"10 EUR\"\nwindow = \"{window}\"\nthen = \"deny\"\nstarts = \"{starts}\"\ngives_back = [\"void\", \"refund\"]\napplies = {{ payment = [\"spend\"] }}"
    ))
}

fn germany() -> Land {
    let mut land = Land::lawless();
    for (name, tier) in [("payer", Tier::Strong), ("seller", Tier::Business)] {
        land.settle(name, b"DE", tier);
    }
    land.load("payer", Source::Card, "1000 EUR", Loaded);
    land
}

fn enact(land: &mut Land, pack: String) {
    let law = new_law(vec![pack.into()], Some(operator(b"DE")));
    land.enact(law);
}

#[test]
fn a_new_measure_starts_empty_or_with_what_was_paid_before_as_its_pack_says() {
    for (window, then) in [
        ("day", 0),
        ("week", 7),
        ("month", 7),
        ("quarter", 7),
        ("year", 7),
        ("total", 8),
        ("rolling 2 days", 3),
        ("rolling 30 days", 7),
        ("rolling 2 months", 7),
        ("rolling 3 months", 8),
    ] {
        for (starts, before) in [("backfilled", then), ("empty", 0)] {
            let mut land = germany();
            // Thursday the 5th of March, and a payment of the year before.
            land.now = local("2025-12-31T23:59:59", "Europe/Berlin");
            land.pays("payer", "seller", "1 EUR", Paid);
            land.now = local("2026-03-03T12:00:00", "Europe/Berlin");
            land.pays("payer", "seller", "4 EUR", Paid);
            land.now = local("2026-03-04T12:00:00", "Europe/Berlin");
            let paid = land.pays("payer", "seller", "5 EUR", Paid);
            let two = land.money("2 EUR").1.0;
            let refund = land.refund(paid, two);
            land.run(refund);
            land.now = local("2026-03-05T12:00:00", "Europe/Berlin");
            if window == "rolling 2 days" {
                land.now = local("2026-03-06T12:00:00", "Europe/Berlin");
            }
            enact(&mut land, limit(window, starts));
            let left = 10 - before;
            let (fits, over) = (format!("{left} EUR"), "0.01 EUR");
            let id = land.pays("payer", "seller", &fits, Paid);
            assert!(land.events[&id].refusal().is_none(), "{window} {starts}");
            let op = pay_with(land.spend("payer", over), "seller");
            let (_, answer) = land.try_run(op);
            let Answer::Done(event) = answer else {
                panic!("{answer:?}");
            };
            assert!(event.refusal().is_some(), "{window} {starts}");
        }
    }
}

#[test]
fn a_payment_counts_in_the_civil_day_it_was_made_and_a_refused_one_never() {
    let mut land = germany();
    land.now = local("2026-03-04T23:59:59", "Europe/Berlin");
    land.pays("payer", "seller", "5 EUR", Paid);
    land.later(1_000);
    land.pays("payer", "seller", "3 EUR", Paid);
    land.pays("payer", "seller", "5000 EUR", Code::InsufficientFunds);
    enact(&mut land, limit("day", "backfilled"));
    land.pays("payer", "seller", "7.01 EUR", Code::LimitPerDay);
    land.pays("payer", "seller", "7 EUR", Paid);
}

#[test]
fn what_is_under_way_gives_its_room_back_when_it_ends() {
    let mut land = germany();
    let expires = Some(land.now.plus(48 * HOUR));
    let hold = |land: &mut Land, text: &str| {
        let (spend, payee) = (land.spend("payer", text), wal("seller"));
        land.id_of(Op::Authorize {
            spend,
            payee,
            expires,
        })
    };
    let (voided, captured) = (hold(&mut land, "4 EUR"), hold(&mut land, "6 EUR"));
    let one = land.money("1 EUR").1.0;
    let first = land.id_of(capture(captured, one));
    enact(&mut land, limit("total", "backfilled"));
    land.pays("payer", "seller", "0.01 EUR", Code::LimitTotal);
    land.run(void(voided));
    land.pays("payer", "seller", "4 EUR", Paid);
    // Of six, one was captured before, one is now, and the rest expires.
    let second = land.id_of(capture(captured, one));
    land.later(49 * HOUR);
    land.run_timers();
    land.pays("payer", "seller", "4 EUR", Paid);
    land.pays("payer", "seller", "0.01 EUR", Code::LimitTotal);
    // A capture of before says nothing of the measure: the strict side.
    let refund = land.refund(first, one);
    land.run(refund);
    land.pays("payer", "seller", "0.01 EUR", Code::LimitTotal);
    let refund = land.refund(second, one);
    land.run(refund);
    land.pays("payer", "seller", "1 EUR", Paid);
}

/// Approves and puts into force, and counts nothing yet.
fn activate(land: &mut Land, law: NewLaw) {
    let proposal = land.propose(law);
    let now = land.now;
    land.approve(proposal, now);
    assert_eq!(land.run_timers(), 1);
}

fn walked(land: &Land) -> Backfill {
    let mut walk = Backfill::new(&land.state, TENANT).unwrap();
    let (mut state, mut replay) = (State::new(7), Replay::default());
    for (seq, row) in (1u64..).zip(&land.rows) {
        let look = |before: &State, event: &engine::Event| walk.event(before, event);
        let read = replay.row_before(&mut state, seq, FORMAT, row, look);
        read.unwrap();
    }
    walk
}

#[test]
fn parts_come_in_order_once_and_from_the_first_again_after_a_restart() {
    let mut land = germany();
    let expires = Some(land.now.plus(48 * HOUR));
    let (spend, payee) = (land.spend("payer", "4 EUR"), wal("seller"));
    let hold = land.id_of(Op::Authorize {
        spend,
        payee,
        expires,
    });
    land.pays("payer", "seller", "5 EUR", Paid);
    let law = new_law(
        vec![limit("total", "backfilled").into()],
        Some(operator(b"DE")),
    );
    activate(&mut land, law);
    let parts: Vec<Op> = walked(&land).parts(&land.state).collect();
    let [Op::Backfill { counted }] = &parts[..] else {
        panic!("{parts:?}");
    };
    let whole = (**counted).clone();
    let part = |part, is_last, sums: &[Counted], open: &[(Id, Counted)]| Op::Backfill {
        counted: Box::new(Backfilled {
            version: whole.version,
            part,
            is_last,
            sums: sums.to_vec(),
            open: open.to_vec(),
        }),
    };
    let refused = |land: &mut Land, op: Op, code: Code| {
        let command = engine::Command {
            id: Id::NONE,
            ..land.command(Id::NONE, op)
        };
        match land.ask(&command) {
            Answer::Rejected(rejection) => assert_eq!(rejection.code, code),
            other => panic!("{other:?}"),
        }
    };
    let first = part(0, false, &whole.sums, &[]);
    let last = part(1, true, &[], &whole.open);
    refused(&mut land, last.clone(), Code::NotFound);
    land.by_node(first.clone());
    land.pays("payer", "seller", "1 EUR", Code::LawNotReady);
    refused(&mut land, part(2, true, &[], &[]), Code::NotFound);
    let others = Counted {
        measure: MEASURE_FIRST + 7,
        ..whole.sums[0]
    };
    refused(&mut land, part(1, true, &[others], &[]), Code::Malformed);
    // The node ends here; what it finds again is in the middle, and it begins anew.
    let restored = snapshot::decode(&snapshot::encode(&land.state), 11).unwrap();
    assert_eq!(snapshot::digest(&restored), snapshot::digest(&land.state));
    land.0.state = restored;
    land.by_node(first);
    land.by_node(last.clone());
    refused(&mut land, last, Code::NotFound);
    land.pays("payer", "seller", "1.01 EUR", Code::LimitTotal);
    land.run(void(hold));
    land.pays("payer", "seller", "5 EUR", Paid);
}

#[test]
fn what_one_law_waits_for_the_next_of_the_same_instant_waits_for_too() {
    let mut land = germany();
    land.pays("payer", "seller", "9 EUR", Paid);
    let law = new_law(
        vec![limit("total", "backfilled").into()],
        Some(operator(b"DE")),
    );
    let settings = NewLaw {
        settings: Some(operator(b"FR")),
        ..NewLaw::default()
    };
    let proposals = [law, settings].map(|law| land.propose(law));
    let now = land.now;
    for proposal in proposals {
        land.approve(proposal, now);
    }
    assert_eq!(land.run_timers(), 2);
    land.backfill();
    assert_eq!(land.law().version, 2);
    land.pays("payer", "seller", "1.01 EUR", Code::LimitTotal);
    land.pays("payer", "seller", "1 EUR", Paid);
}

#[test]
fn what_was_left_of_a_measure_from_a_law_long_gone_is_counted_anew() {
    let mut land = germany();
    enact(&mut land, limit("total", "backfilled"));
    land.pays("payer", "seller", "2 EUR", Paid);
    land.enact(NewLaw {
        removed: vec!["one".to_owned()],
        ..NewLaw::default()
    });
    land.pays("payer", "seller", "3 EUR", Paid);
    enact(&mut land, limit("total", "backfilled"));
    land.pays("payer", "seller", "5.01 EUR", Code::LimitTotal);
    land.pays("payer", "seller", "5 EUR", Paid);
}

/// What each party has used of each measure, by names.
fn counts(land: &Land) -> BTreeMap<(PartyNo, String, u32), u128> {
    let mut sums = BTreeMap::new();
    let law = land.law();
    for no in 0..land.state.parties.len() {
        let party = PartyNo(u32::try_from(no).unwrap());
        for Count {
            measure,
            period,
            used,
        } in land.state.counts_of(party)
        {
            let measure = law.ruleset.measure(measure - MEASURE_FIRST).unwrap();
            if measure.is_used {
                sums.insert((party, measure.name(), *period), *used);
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

const WINDOWS: [(&str, &str, &str); 7] = [
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

fn packs(version: &str, late: bool) -> Vec<Arc<str>> {
    let eu = "DE = \"Europe/Berlin\"\nPT = \"Atlantic/Azores\"";
    vec![
        pack("one", "EUR", eu, version, late),
        pack("two", "KRW", "KR = \"Asia/Seoul\"", version, late),
    ]
}

const PEOPLE: [(&str, &[u8; 2], Tier); 5] = [
    ("de", b"DE", Tier::Identified),
    ("pt", b"PT", Tier::Phone),
    ("kr", b"KR", Tier::Anonymous),
    ("us", b"US", Tier::Strong),
    ("mart", b"PT", Tier::Business),
];

struct Life {
    land: Land,
    dice: Dice,
    made: u64,
    paid: Vec<(Id, u64)>,
    holds: Vec<(Id, u64)>,
    outs: Vec<Id>,
    ups: Vec<(Id, u64)>,
    disputes: Vec<Id>,
}

impl Life {
    fn new(seed: u64, late: bool) -> Life {
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

    fn step(&mut self) {
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

#[test]
fn backfilled_counters_are_those_that_had_been_in_force_all_along() {
    let mut kinds: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in 1..=6 {
        let mut lives = [Life::new(seed, true), Life::new(seed, false)];
        for _ in 0..500 {
            lives.iter_mut().for_each(Life::step);
        }
        let [all_along, late] = &mut lives;
        late.land.enact(new_law(packs("2026-02-02", true), None));
        assert_eq!(counts(&all_along.land), counts(&late.land), "seed {seed}");
        assert!(counts(&late.land).len() > 20);
        // What is under way goes on alike, and so does all that is new.
        for life in &mut lives {
            life.paid.clear();
            (0..200).for_each(|_| life.step());
        }
        let [all_along, late] = &mut lives;
        // Those of the past that are refunded or disputed are none of these.
        assert_eq!(counts(&all_along.land), counts(&late.land), "seed {seed}");
        for row in &late.land.rows {
            let mut event = engine::Event::empty();
            let mut reader = engine::codec::RowReader::new(FORMAT, row).unwrap();
            assert!(reader.next_event(&mut event).unwrap());
            *kinds.entry(event.kind.as_str()).or_default() += 1;
        }
        // The journal alone shows it all, and so does a snapshot.
        let mut replayed = State::new(3);
        for (seq, row) in (1..).zip(&late.land.rows) {
            let mut replay = Replay::default();
            let read = replay.row(&mut replayed, seq, FORMAT, row, |_, _, _| {});
            read.unwrap();
        }
        let digest = snapshot::digest(&late.land.state);
        assert_eq!(snapshot::digest(&replayed), digest);
        let restored = snapshot::decode(&snapshot::encode(&late.land.state), 5).unwrap();
        assert_eq!(snapshot::digest(&restored), digest);
    }
    for kind in [
        "payment.voided",
        "payment.expired",
        "payment.captured",
        "payment.refunded",
        "withdrawal.returned",
        "topup.reversed",
        "dispute.won",
        "dispute.lost",
        "payment.split",
        "refused",
    ] {
        assert!(kinds.get(kind).is_some_and(|seen| *seen > 5), "{kinds:?}");
    }
}
