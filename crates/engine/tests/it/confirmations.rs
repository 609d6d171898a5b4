//! Payments that wait for their payer: the record keeps the whole question, so that confirming
//! repeats nothing of it.

use crate::law::land::{Land, new_law, operator};
use crate::taxes::{Europe, facts};
use crate::town::*;
use engine::command::Share;
use engine::ids::MandateId;
use engine::law::Confirmed;
use engine::records::Standing;
use engine::terms::Terms;
use engine::{Code, EventKind, Id, Op, Spend};
use ledger::Source;
use money::Atoms;
use policy::{Product, StepUp};
use tax::supply::Pricing;

/// Who asks at 500 whether it is really the payer, and refuses from 900 on.
fn wary(terms: Terms) -> Town {
    let risk = risk::Thresholds {
        step_up_at: Some(risk::Score(500)),
        deny_at: Some(risk::Score(900)),
    };
    let mut town = Town::with(Terms { risk, ..terms });
    town.fund("alice", Source::Card, 1_000);
    town
}

fn risky(amount: u64) -> Spend {
    Spend {
        risk: risk::Score(600),
        ..spend("alice", amount)
    }
}

/// Attests what was asked, and nothing else.
#[track_caller]
fn confirm(town: &mut Town, id: Id, expected: impl Into<Expect>) {
    let pending = town.state.pending[&(TENANT, id)].clone();
    let op = pending.op(pending.step_up.into());
    town.check_as(id, op, expected);
    let again = pending.op(pending.step_up.into());
    town.check_as(id, again, Expect::Known);
    assert!(!town.state.pending.contains_key(&(TENANT, id)));
}

fn mandate(town: &mut Town, per_day: u64) -> MandateId {
    MandateId(town.id_of(Op::GrantMandate {
        payer: wal("alice"),
        agent: par("robot"),
        asset: USD,
        per_payment: None,
        per_day: Some(Atoms(per_day)),
        payees: vec![],
        expires: town.now.plus(30 * DAY),
    }))
}

#[test]
fn every_kind_of_payment_is_confirmed_with_nothing_but_the_confirmation() {
    let mut town = wary(Terms::default());
    let mandate = mandate(&mut town, 100);
    let payee = wal("shop");
    let under_mandate = Spend {
        mandate,
        ..risky(10)
    };
    let mut of_a_game = risky(10);
    of_a_game.circumstances.product = Product::Game;
    of_a_game.circumstances.payee_hours = 3;
    let mut gift = risky(10);
    gift.circumstances.is_gift = true;
    let taxed = Spend {
        tax: facts("ip=DE bank=DE"),
        ..risky(10)
    };
    let shares = |weights: [u64; 2]| {
        let payees = ["shop", "stall"].into_iter().zip(weights);
        let share = payees.map(|(name, weight)| Share {
            payee: wal(name),
            weight,
        });
        share.collect::<Vec<_>>()
    };
    let expires = Some(town.now.plus(3 * DAY));
    let rows = [
        (
            Op::Pay {
                spend: under_mandate,
                payee,
            },
            EventKind::Paid,
        ),
        (
            Op::Pay {
                spend: of_a_game,
                payee,
            },
            EventKind::Paid,
        ),
        (
            Op::Pay {
                spend: taxed,
                payee,
            },
            EventKind::Paid,
        ),
        (
            Op::Authorize {
                spend: under_mandate,
                payee,
                expires,
            },
            EventKind::Authorized,
        ),
        (
            Op::Authorize {
                spend: of_a_game,
                payee,
                expires: None,
            },
            EventKind::Authorized,
        ),
        (
            Op::Transfer {
                spend: gift,
                payee: wal("bob"),
            },
            EventKind::Transferred,
        ),
        (
            Op::Split {
                spend: under_mandate,
                payees: shares([3, 7]),
            },
            EventKind::Split,
        ),
    ];
    for (op, kind) in rows {
        let asks = match kind {
            EventKind::Transferred => EventKind::TransferStepUpAsked,
            _ => EventKind::StepUpAsked,
        };
        let id = town.check(op.clone(), asks);
        let pending = town.state.pending[&(TENANT, id)].clone();
        assert_eq!(
            pending.op(Confirmed::NOTHING),
            op,
            "the record says it whole"
        );
        town.later(MINUTE);
        // Less than was asked is as if nothing had been confirmed.
        let less = pending.op(StepUp::Code.into());
        town.check_as(id, less, Expect::Known);
        confirm(&mut town, id, kind);
        town.check_as(id, op, Expect::Known);
    }
    // Of the split three tenths and seven.
    assert_eq!(town.has("shop"), 3 * 10 + 3);
    assert_eq!((town.has("stall"), town.has("bob")), (7, 10));
    assert_eq!(town.held("alice"), 20);
    assert!(
        town.state
            .timers
            .iter()
            .all(|(at, ..)| *at > town.now.plus(DAY))
    );
}

#[test]
fn what_has_changed_meanwhile_decides() {
    let per_day = Terms {
        limits: limits(USD, [None, Some(100), None]),
        ..Terms::default()
    };
    // What happens between asking and confirming, and what then becomes of 60.
    type Between = fn(&mut Town);
    let rows: [(Between, Expect); 7] = [
        (|_| (), EventKind::Paid.into()),
        (
            |town| drop(town.run(stand("alice", Standing::Frozen))),
            Code::WalletFrozen.into(),
        ),
        (
            |town| drop(town.run(stand("shop", Standing::Frozen))),
            Code::PayeeUnavailable.into(),
        ),
        (
            |town| drop(town.run(pay("alice", "stall", 41))),
            Code::LimitPerDay.into(),
        ),
        (
            |town| drop(town.run(withdraw("alice", 950))),
            Code::InsufficientFunds.into(),
        ),
        (
            |town| {
                // The score that it was asked with is high enough now.
                let mut terms = town.state.tenants[0].terms.clone();
                terms.risk.deny_at = Some(risk::Score(600));
                town.set_terms(terms);
            },
            Code::RiskDeclined.into(),
        ),
        (|town| town.later(10 * MINUTE), Code::StepUpExpired.into()),
    ];
    for (between, then) in rows {
        let mut town = wary(per_day.clone());
        let id = town.check(pay_with(risky(60), "shop"), EventKind::StepUpAsked);
        between(&mut town);
        confirm(&mut town, id, then);
        let paid = if then == EventKind::Paid.into() {
            60
        } else {
            0
        };
        assert_eq!(town.has("shop"), paid);
    }
    // A mandate that has ended meanwhile pays nothing.
    let mut town = wary(per_day);
    let mandate = mandate(&mut town, 100);
    let spend = Spend {
        mandate,
        ..risky(60)
    };
    let id = town.check(pay_with(spend, "shop"), EventKind::StepUpAsked);
    town.run(Op::RevokeMandate { mandate });
    confirm(&mut town, id, Code::MandateRevoked);
}

#[test]
fn what_is_confirmed_is_all_that_is_paid() {
    let mut town = wary(Terms::default());
    let mut europe = Europe::of("DE");
    europe.settings.pricing = Pricing::Exclusive;
    town.later(60 * DAY);
    europe.put(&mut town);
    let spend = Spend {
        tax: facts("ip=DE bank=DE"),
        ..risky(100)
    };
    let id = town.check(pay_with(spend, "shop"), EventKind::StepUpAsked);
    let pending = town.state.pending[&(TENANT, id)].clone();
    assert_eq!((pending.amount.0, pending.to_pay()), (100, 119));
    confirm(&mut town, id, EventKind::Paid);
    assert_eq!(town.paid(id).gross, 119);
    // The payer has agreed to one hundred and nineteen, and not to one hundred.
    let id = town.check(pay_with(spend, "shop"), EventKind::StepUpAsked);
    europe.settings.pricing = Pricing::Inclusive;
    europe.put(&mut town);
    confirm(&mut town, id, Code::StepUpNeeded);
}

#[test]
fn a_confirmation_waits_no_longer_than_what_would_be_set_aside() {
    let mut town = wary(Terms::default());
    let (payee, expires) = (wal("shop"), Some(town.now.plus(2 * MINUTE)));
    let spend = risky(10);
    let op = Op::Authorize {
        spend,
        payee,
        expires,
    };
    let id = town.check(op, EventKind::StepUpAsked);
    assert_eq!(Some(town.state.pending[&(TENANT, id)].expires), expires);
    town.later(2 * MINUTE);
    confirm(&mut town, id, Code::StepUpExpired);
}

/// A land where a day ends at €100, and more than €50 at a time is confirmed as said.
pub fn strict(step_up: &str, most: &str, version: &str) -> std::sync::Arc<str> {
    let rule = |id: &str, more: &str| {
        format!(
            "[[rule]]\nid = \"{id}\"\ntitle = {{ en = \"{id}\", ko = \"{id}\" }}\nkind = \"limit\"\n\
             applies = {{ payment = [\"spend\", \"transfer\"] }}\n{more}\n\
             source = {{ act = \"Act\", article = \"s. 1\" }}\ncertainty = \"official\"\n\n"
        )
    };
    let large = format!("most = \"50 EUR\"\nthen = \"step_up\"\nstep_up = \"{step_up}\"");
    let day = format!("most = \"{most}\"\nwindow = \"day\"\ngives_back = []\nstarts = \"empty\"");
    format!(
        "[pack]\nid = \"tt\"\ntitle = {{ en = \"Testland\", ko = \"시험국\" }}\nversion = \"{version}\"\n\
         asset = \"EUR\"\nchecked = 2026-09-20\nreview_days = 36500\n\n[territories]\nDE = \"Europe/Berlin\"\n\n{}{}",
        rule("day", &day),
        rule("large", &large),
    )
    .into()
}

#[test]
fn a_law_that_has_changed_meanwhile_is_asked_anew() {
    let enact = |land: &mut Land, pack| land.enact(new_law(vec![pack], Some(operator(b"DE"))));
    let rows: [(&str, &str, Expect); 4] = [
        ("code", "100 EUR", EventKind::Paid.into()),
        // The stronger confirmation was never given, so nothing is paid.
        ("strong", "100 EUR", Code::StepUpNeeded.into()),
        ("confirm", "100 EUR", EventKind::Paid.into()),
        ("code", "59 EUR", Code::LimitPerDay.into()),
    ];
    for (step_up, most, then) in rows {
        let mut land = Land::lawless();
        enact(&mut land, strict("code", "100 EUR", "1"));
        land.give("alice", Source::Card, "200 EUR");
        let spend = land.spend("alice", "60 EUR");
        let id = land.check(pay_with(spend, "shop"), EventKind::StepUpAsked);
        enact(&mut land, strict(step_up, most, "2"));
        confirm(&mut land, id, then);
        let is_paid = then == EventKind::Paid.into();
        let there = land
            .state
            .counts_of(land.state.party_no(TENANT, par("alice")).unwrap());
        assert_eq!(
            there.len(),
            usize::from(is_paid),
            "it counts once, or not at all"
        );
    }
    // A part of the limit that is used up meanwhile is used up.
    let mut land = Land::lawless();
    enact(&mut land, strict("code", "100 EUR", "1"));
    land.give("alice", Source::Card, "200 EUR");
    let spend = land.spend("alice", "60 EUR");
    let first = land.check(pay_with(spend, "shop"), EventKind::StepUpAsked);
    let second = land.check(pay_with(spend, "stall"), EventKind::StepUpAsked);
    confirm(&mut land, first, EventKind::Paid);
    confirm(&mut land, second, Code::LimitPerDay);
}
