//! The golden journal: a few hundred rows of every kind of event, written once. Replaying them must
//! come to the same state for ever, whatever becomes of the code.
//!
//! `GOLDEN=write cargo test -p engine --test it golden` writes a new one. That is right only while
//! the format has not been released; afterwards a new format gets a new file beside the old.
//!
//! A digest depends on the records of State, so the file has a line for each snapshot version:
//! `GOLDEN=digest` adds the line of a new version after the old ones.

use crate::codes::correction;
use crate::dice::{Dice, lively, lively_town, next};
use crate::town::*;
use engine::codec::{FORMAT, RowReader};
use engine::ids::{ActorId, MandateId};
use engine::law::{LawSettings, NewLaw, Pilot};
use engine::records::{Standing, TimerKind};
use engine::terms::{Country, Terms};
use engine::time::Zone;
use engine::{Code, Command, Effect, Event, EventKind, Id, Op, Position, State, apply, snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

const COMMANDS: u64 = 800;

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Rows as a file: each behind its length, four bytes, little-endian.
fn to_bytes(rows: &[Vec<u8>]) -> Vec<u8> {
    let with_length = |row: &Vec<u8>| {
        let length = u32::try_from(row.len()).unwrap();
        [length.to_le_bytes().as_slice(), row].concat()
    };
    rows.iter().flat_map(with_length).collect()
}

fn to_rows(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut rows = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let (row, rest) = rest.split_at(u32::from_le_bytes(*length) as usize);
        rows.push(row.to_vec());
        bytes = rest;
    }
    rows
}

/// Every effect there is, and its name: an effect that is not listed does not compile.
macro_rules! effects {
    ($($name:ident)*) => {
        const EFFECTS: &[&str] = &[$(stringify!($name)),*];

        fn name(effect: &Effect) -> &'static str {
            match effect { $(Effect::$name { .. } => stringify!($name),)* }
        }
    };
}

effects! {
    Paid Measured Refused AccountOpened Held HoldOpened HoldTaken HoldCaptured HoldClosed Reversed
    Unreversed MandateUsed Part ShardSet AssetRegistered TenantOpened TermsSet PartyRegistered
    PartyChanged WalletOpened WalletChanged CreditSet TopUpOpened TopUpClosed SourceSettled
    WithdrawalOpened WithdrawalSent WithdrawalClosed MandateGranted MandateRevoked PendingOpened
    PendingClosed DisputeOpened DisputeClosed CorrectionProposed CorrectionClosed RefusalsCounted
    SnapshotTaken By About Text Released Asked Counted LawProposed LawApproved LawClosed LawActivated
    Loaded Piloted Backfilled TaxSet TaxpayerSet TaxCase FeeTax Taxed Moved
    PriceSet PriceArchived Priced Metered
}

/// The kinds of event and the effects that stand in some rows.
fn vocabulary(rows: &[Vec<u8>]) -> BTreeSet<&'static str> {
    let mut words = BTreeSet::new();
    let mut event = Event::empty();
    for row in rows {
        let mut reader = RowReader::new(FORMAT, row).unwrap();
        while reader.next_event(&mut event).unwrap() {
            words.insert(event.kind.as_str());
            words.extend(event.parts().map(|part| part.kind.as_str()));
            words.extend(event.effects.iter().map(name));
        }
    }
    words
}

/// The lines of a digest file: of each snapshot version, the digest.
fn digests(text: &str) -> BTreeMap<u16, String> {
    let line = |line: &str| {
        let (version, digest) = line.split_once(' ').unwrap();
        (version.parse().unwrap(), digest.to_owned())
    };
    text.lines().map(line).collect()
}

/// A town's life in which everything happens that can.
fn a_life() -> Vec<Vec<u8>> {
    let mut town = lively_town(2_026);
    let mut dice = Dice(9);
    let by_node = |town: &mut Town, op: Op| {
        let command = Command {
            id: Id::NONE,
            tenant: TENANT,
            actor: ActorId(Id::NONE),
            op,
            besides: None,
        };
        assert!(matches!(town.ask(&command), Answer::Done(_)));
    };
    for n in 0..COMMANDS {
        if n % 100 == 50 {
            // Limits and sources run dry, wallets are closed: a fresh start for some of it.
            town.set_terms(lively(&mut dice));
            for (wallet, _, _) in PEOPLE {
                let topup = top_up(wallet, ledger::Source::Card, 3_000);
                if let (id, Answer::Done(event)) = town.try_run(topup)
                    && event.kind == EventKind::TopUpPending
                {
                    town.settle_top_up(id);
                }
            }
            let mandate = town.try_run(Op::GrantMandate {
                payer: wal("carol"),
                agent: par("robot"),
                asset: USD,
                per_payment: None,
                per_day: None,
                payees: vec![],
                expires: town.now.plus(DAY),
            });
            let mut spend = spend("carol", 1 + n);
            spend.mandate = MandateId(mandate.0);
            town.try_run(pay_with(spend, "shop"));
            let id = named(&format!("with text {n}"));
            let told = town.command(id, transfer("bob", "carol", 1));
            let hash = [n as u8; 16];
            town.ask(&besides(told, |besides| {
                besides.texts.insert(id, hash);
            }));
            let (withdrawal, _) = town.try_run(withdraw("carol", 5 + n));
            town.try_run(Op::SendWithdrawal { withdrawal });
            town.try_run(Op::SettleWithdrawal { withdrawal });
            for _ in 0..2 {
                let op = correction(&mut town, "carol", "shop", 1);
                let (correction, _) = town.try_run(op);
                if n % 200 == 50 {
                    town.try_run(Op::RejectCorrection { correction });
                }
            }
            let digest = snapshot::digest(&town.state);
            let (seq, hash) = (n, [n as u8; 32]);
            by_node(&mut town, Op::RecordSnapshot { seq, hash, digest });
            let (party, code) = (engine::records::PartyNo(1), Code::InsufficientFunds);
            let count = 1_000;
            by_node(&mut town, Op::CountRefusals { party, code, count });
        }
        if dice.pick(9) == 0 {
            town.later(dice.pick(4) * 2 * HOUR);
            town.run_timers();
        }
        let (id, op) = next(&mut town, &mut dice);
        let command = town.command(id, op);
        town.ask(&command);
    }
    under_a_law(&mut town, by_node);
    under_tax_rules(&mut town);
    by_prices(&mut town);
    refused(&mut town);
    town.rows
}

/// A transfer that its payer confirms too late, and a top-up that nobody can have.
fn refused(town: &mut Town) {
    let step_up_at = Some(risk::Score(500));
    town.set_terms(Terms {
        risk: risk::Thresholds {
            step_up_at,
            ..Default::default()
        },
        ..Terms::default()
    });
    let mut spend = spend("last", 10);
    (spend.asset, spend.risk) = (EUR, risk::Score(600));
    town.run(Op::Transfer {
        spend,
        payee: wal("till"),
    });
    town.later(HOUR);
    town.run_timers();
    let wallet = wal("closed for good");
    town.run(Op::OpenWallet {
        wallet,
        party: par("bob"),
    });
    town.run(Op::ChangeWallet {
        wallet,
        standing: Standing::Closed,
    });
    let topup = top_up("closed for good", ledger::Source::Card, 1);
    town.check(topup, Code::WalletClosed);
}

/// A life under tax rules, on top of the law.
fn under_tax_rules(town: &mut Town) {
    use crate::taxes::{Europe, facts, sells};
    town.set_terms(Terms {
        fee_share: ppm(50_000),
        ..Terms::default()
    });
    Europe::of("DE").put(town);
    town.run(sells("shop", "DE", &[]));
    let mut spend = spend("last", 100);
    (spend.asset, spend.tax) = (EUR, facts("bank=DE"));
    let paid = town.id_of(pay_with(spend, "till"));
    let refund = town.refund(paid, 50);
    town.run(refund);
    let dispute = town.dispute(paid, 20);
    town.run(dispute);
    let payment = town.id_of(Op::Authorize {
        spend,
        payee: wal("till"),
        expires: None,
    });
    town.run(capture_last(payment, 60));
    town.run(crate::rounding::round(1, "shop", -3));
}

/// A life by prices, on top of both.
fn by_prices(town: &mut Town) {
    use crate::prices::{by, flat, metered, set};
    town.run(set("article", flat(3)));
    town.run(set("tokens", metered()));
    let mut spend = spend("last", 50);
    spend.asset = EUR;
    for (price, unit, quantity) in [("article", 0, 1), ("tokens", 0, 7), ("tokens", 1, 8)] {
        spend.item = by(town, price, unit, quantity);
        town.run(pay_with(spend, "till"));
    }
    let payment = town.id_of(Op::Authorize {
        spend,
        payee: wal("till"),
        expires: None,
    });
    town.run(void(payment));
    let price = crate::prices::pri("article");
    town.run(Op::ArchivePrice { price });
}

/// A life under a law, from its proposal on.
fn under_a_law(town: &mut Town, by_node: impl Fn(&mut Town, Op)) {
    town.later(HOUR);
    town.run_timers();
    town.set_terms(Terms::default());
    let rules = "kind = \"redemption\"\nanswer = \"below\"\nshare = \"20%\"\n\
                 source = { act = \"An act\", article = \"1\" }\ncertainty = \"official\"\n\n\
                 [[rule]]\nid = \"second\"\ntitle = { en = \"A rule\", ko = \"규칙\" }\n\
                 kind = \"limit\"\nmost = \"1000 EUR\"\nwindow = \"rolling 30 days\"\n\
                 then = \"deny\"\nstarts = \"backfilled\"\ngives_back = [\"void\", \"refund\"]";
    let zone = Zone {
        name: "Europe/Berlin".to_owned(),
        ..Zone::utc()
    };
    let law = Box::new(NewLaw {
        packs: vec![crate::law::codes::pack_of(rules).into()],
        removed: Vec::new(),
        settings: Some(LawSettings {
            country: Country(*b"DE"),
            pilot: Some(Pilot::default()),
            ..LawSettings::default()
        }),
        zones: vec![zone],
    });
    let propose = Op::ProposeLaw { law };
    let proposal = town.id_of(propose.clone());
    town.run(Op::RejectLaw { proposal });
    let proposal = town.id_of(propose);
    let (clerk, effective) = (town.actor, town.now);
    town.actor = key("judge");
    town.run(Op::ApproveLaw {
        proposal,
        effective,
    });
    town.actor = clerk;
    let (kind, thing) = (TimerKind::Law, proposal);
    by_node(town, Op::Expire { kind, thing });
    town.backfill();
    let (wallet, party) = (wal("last"), par("bob"));
    town.run(Op::OpenWallet { wallet, party });
    town.run(Op::OpenWallet {
        wallet: wal("till"),
        party: par("shop"),
    });
    let open = |town: &mut Town, party: &str| {
        town.run(Op::ChangeParty {
            party: par(party),
            country: Some(Country(*b"DE")),
            tier: None,
            standing: Some(Standing::Active),
            particulars: None,
        })
    };
    for party in ["bob", "shop"] {
        open(town, party);
    }
    town.run(top_up_in("last", EUR, ledger::Source::Card, 5_000, true));
    let mut spend = spend("last", 100);
    spend.asset = EUR;
    let paid = town.id_of(pay_with(spend, "till"));
    let refund = town.refund(paid, 50);
    town.run(refund);
    spend.circumstances.product = policy::Product::Digital;
    town.run(pay_with(spend, "till"));
    let payment = town.id_of(Op::Authorize {
        spend,
        payee: wal("till"),
        expires: None,
    });
    let captured = town.id_of(capture(payment, 60));
    let refund = town.refund(captured, 60);
    town.run(refund);
    town.run(void(payment));
}

#[test]
fn the_golden_journal_replays_to_the_same_state() {
    let (journal, digest) = (file("format-1.journal"), file("format-1.digest"));
    let golden = std::env::var("GOLDEN").unwrap_or_default();
    if golden == "write" {
        std::fs::create_dir_all(journal.parent().unwrap()).unwrap();
        std::fs::write(&journal, to_bytes(&a_life())).unwrap();
        std::fs::write(&digest, "").unwrap();
    }
    let rows = to_rows(&std::fs::read(journal).unwrap());
    let state = replay(&rows, 0xfeed);
    let mut expected = digests(&std::fs::read_to_string(&digest).unwrap());
    if golden == "write" || golden == "digest" {
        let known = expected.entry(snapshot::VERSION);
        known.or_insert_with(|| hex(&snapshot::digest(&state)));
        let line = |(version, digest): (&u16, &String)| format!("{version} {digest}\n");
        std::fs::write(&digest, expected.iter().map(line).collect::<String>()).unwrap();
    }
    let expected = expected.get(&snapshot::VERSION).map(String::as_str);
    assert_eq!(
        Some(hex(&snapshot::digest(&state)).as_str()),
        expected,
        "`apply` has changed, which it never may; or a record of State has, and \
         `snapshot::VERSION` must count up"
    );
    assert!(state.trial_balance().iter().all(|(_, sum)| *sum == 0));
    // The whole vocabulary is in it.
    let kinds = EventKind::ALL.iter().map(|kind| kind.as_str());
    let all: BTreeSet<_> = kinds.chain(EFFECTS.iter().copied()).collect();
    let missing: Vec<_> = all.difference(&vocabulary(&rows)).copied().collect();
    assert!(missing.is_empty(), "the golden journal lacks {missing:?}");
    // Batched otherwise, or half of it from a snapshot, it is the same.
    let half = rows.len() / 2;
    let bytes = snapshot::encode(&replay(&rows[..half], 3));
    let mut state: State = snapshot::decode(&bytes, 4).unwrap();
    let mut event = Event::empty();
    for (seq, row) in (1u64..).zip(&rows).skip(half) {
        let mut reader = RowReader::new(FORMAT, row).unwrap();
        while reader.next_event(&mut event).unwrap() {
            apply(&mut state, &event, Position { seq, index: 0 });
        }
    }
    assert_eq!(Some(hex(&snapshot::digest(&state)).as_str()), expected);
}
