//! What few commands carry besides what they ask: whose key it is, of which line, which text is kept.

use crate::codes::{correction, thresholds};
use crate::town::*;
use engine::event::{Effect, Event};
use engine::ids::{ActorId, MandateId};
use engine::repeat::difference;
use engine::terms::Terms;
use engine::{Code, Command, EventKind, Id, Op, UtcMillis};
use ledger::Source;
use money::Atoms;

const TEXT: [u8; 16] = [7; 16];
const OTHER_TEXT: [u8; 16] = [8; 16];

fn rich_with(terms: Terms) -> Town {
    let mut town = Town::with(terms);
    for wallet in ["alice", "shop"] {
        town.fund(wallet, Source::Card, 1_000);
    }
    town
}

fn rich() -> Town {
    rich_with(Terms::default())
}

fn granted(town: &mut Town) -> MandateId {
    MandateId(town.id_of(Op::GrantMandate {
        payer: wal("alice"),
        agent: par("robot"),
        asset: USD,
        per_payment: Some(Atoms(10)),
        per_day: Some(Atoms(60)),
        payees: Vec::new(),
        expires: UtcMillis(T0 + HOUR),
    }))
}

/// Every way to spend, under this mandate or none.
fn ways(mandate: Id, amount: u64) -> Vec<Op> {
    let mut spend = spend("alice", amount);
    spend.mandate = MandateId(mandate);
    let payee = wal("shop");
    let payees = vec![
        engine::command::Share { payee, weight: 1 },
        engine::command::Share {
            payee: wal("stall"),
            weight: 1,
        },
    ];
    vec![
        Op::Pay { spend, payee },
        Op::Authorize {
            spend,
            payee,
            expires: Some(UtcMillis(T0 + HOUR)),
        },
        Op::Transfer { spend, payee },
        Op::Split { spend, payees },
    ]
}

#[test]
fn an_agents_key_spends_under_its_agents_mandate_only() {
    let mut t = rich();
    let mandate = granted(&mut t).0;
    let mut paid = 0;
    for (amount, mandate, expected) in [
        (10, mandate, None),
        (11, mandate, Some(Code::MandatePerPayment)),
        (10, Id::NONE, Some(Code::MandateRequired)),
    ] {
        for op in ways(mandate, amount) {
            let id = t.new_id();
            let command = agents(t.command(id, op), "robot");
            match expected {
                Some(code) => t.check_command(&command, code),
                None => {
                    paid += 1;
                    let Answer::Done(event) = t.ask(&command) else {
                        panic!("{command:?}")
                    };
                    assert!(event.effects.contains(&Effect::By(t.actor)), "{event:?}");
                }
            }
        }
    }
    assert_eq!(paid, 4);
    for op in ways(mandate, 10) {
        let id = t.new_id();
        t.check_command(&agents(t.command(id, op), "bob"), Code::MandateAgent);
    }
    // The four have used 40 of the 60 a day; in a group the mandate binds as well.
    let id = t.new_id();
    let items = |amount| {
        ways(mandate, amount)
            .into_iter()
            .map(move |op| (named(&format!("{amount} {op:?}")), op))
    };
    let group = Op::Group {
        items: items(6).collect(),
    };
    t.check_command(&agents(t.command(id, group), "robot"), Code::MandatePerDay);
    let id = t.new_id();
    let group = Op::Group {
        items: items(5).collect(),
    };
    t.check_command(&agents(t.command(id, group), "robot"), EventKind::Grouped);
    let id = t.new_id();
    let void = Op::Group {
        items: vec![(named("void"), void(named("any")))],
    };
    t.check_command(&agents(t.command(id, void), "robot"), Code::AgentMayNot);
}

#[test]
fn an_agents_key_does_nothing_but_spend() {
    let mut t = rich();
    let hold = t.id_of(authorize("alice", "shop", 10, UtcMillis(T0 + HOUR)));
    let paid = t.id_of(pay("alice", "shop", 10));
    let mandate = granted(&mut t);
    let ops = [
        capture(hold, 1),
        void(hold),
        t.refund(paid, 1),
        t.dispute(paid, 1),
        top_up("alice", Source::Card, 1),
        withdraw("alice", 1),
        credit_line("alice", 1),
        correction(&mut t, "alice", "shop", 1),
        Op::RevokeMandate { mandate },
    ];
    for op in ops {
        let id = t.new_id();
        t.check_command(&agents(t.command(id, op), "robot"), Code::AgentMayNot);
    }
}

#[test]
fn keys_of_one_line_are_one_person() {
    let mut t = rich();
    let of = |command: Command, actor: &str, line: &str| {
        let line = if line.is_empty() {
            ActorId::default()
        } else {
            key(line)
        };
        let command = Command {
            actor: key(actor),
            ..command
        };
        besides(command, |besides| besides.line = line)
    };
    for (proposer, approver, expected) in [
        (("a", ""), ("a", ""), false),
        (("a", ""), ("a2", "a"), false),
        (("a2", "a"), ("a", ""), false),
        (("a2", "a"), ("a3", "a"), false),
        (("a2", "a"), ("b", ""), true),
        (("a", ""), ("b2", "b"), true),
    ] {
        let op = correction(&mut t, "alice", "shop", 1);
        let id = t.new_id();
        let command = of(t.command(id, op), proposer.0, proposer.1);
        let Answer::Done(event) = t.ask(&command) else {
            panic!("{command:?}")
        };
        assert!(
            event.effects.contains(&Effect::By(key(proposer.0))),
            "the key itself is noted"
        );
        let approve = {
            let next = t.new_id();
            t.command(next, Op::ApproveCorrection { correction: id })
        };
        let approve = of(approve, approver.0, approver.1);
        if expected {
            t.check_command(&approve, EventKind::CorrectionMade);
        } else {
            t.check_command(&approve, Code::SameKey);
        }
    }
}

fn with_text(command: Command, text: Option<[u8; 16]>) -> Command {
    let id = command.id;
    match text {
        Some(text) => besides(command, |besides| besides.texts.extend([(id, text)])),
        None => command,
    }
}

#[track_caller]
fn done(town: &mut Town, command: &Command) -> Event {
    match town.ask(command) {
        Answer::Done(event) => *event,
        other => panic!("{command:?}: {other:?}"),
    }
}

#[test]
fn the_event_says_which_text_is_its_own_and_a_repeat_with_another_is_another() {
    let mut t = rich();
    let payments = [pay("alice", "shop", 1), pay("alice", "shop", 1_000_000)];
    for op in payments
        .into_iter()
        .chain(ways(Id::NONE, 1))
        .chain([withdraw("alice", 1)])
    {
        for text in [Some(TEXT), None] {
            let id = t.new_id();
            let command = t.command(id, op.clone());
            let event = done(&mut t, &with_text(command.clone(), text));
            assert_eq!(event.part(id).unwrap().text(), text);
            for again in [None, Some(TEXT), Some(OTHER_TEXT)] {
                let expected = (again != text).then_some("text");
                let again = with_text(command.clone(), again);
                assert_eq!(difference(&t.state, &again, &event), expected, "{again:?}");
            }
        }
    }
}

#[test]
fn items_of_a_group_have_their_own_texts() {
    let mut t = rich();
    let (a, b) = (named("a"), named("b"));
    let items = vec![(a, pay("alice", "shop", 1)), (b, pay("alice", "shop", 2))];
    let id = t.new_id();
    let group = t.command(id, Op::Group { items });
    let with = |texts: &[(Id, [u8; 16])]| {
        besides(group.clone(), |besides| {
            besides.texts.extend(texts.iter().copied())
        })
    };
    let event = done(&mut t, &with(&[(b, TEXT)]));
    let texts = [a, b].map(|id| event.part(id).unwrap().text());
    assert_eq!(texts, [None, Some(TEXT)]);
    assert_eq!(difference(&t.state, &with(&[(b, TEXT)]), &event), None);
    for other in [&[][..], &[(a, TEXT), (b, TEXT)], &[(b, OTHER_TEXT)]] {
        assert_eq!(difference(&t.state, &with(other), &event), Some("items"));
    }
}

#[test]
fn a_confirmed_payment_has_its_text_too() {
    let mut t = rich_with(Terms {
        risk: thresholds(),
        ..Terms::default()
    });
    let mut spend = spend("alice", 10);
    spend.risk = risk::Score(600);
    let id = t.new_id();
    let asked = with_text(t.command(id, pay_with(spend, "shop")), Some(TEXT));
    assert_eq!(done(&mut t, &asked).kind, EventKind::StepUpAsked);
    spend.confirmed = true.into();
    let confirmed = with_text(t.command(id, pay_with(spend, "shop")), Some(TEXT));
    let event = done(&mut t, &confirmed);
    assert_eq!(
        (event.kind, event.part(id).unwrap().text()),
        (EventKind::Paid, Some(TEXT))
    );
    // And one that was not confirmed in time.
    spend.confirmed = false.into();
    let id = t.new_id();
    let asked = with_text(t.command(id, pay_with(spend, "shop")), Some(TEXT));
    assert_eq!(done(&mut t, &asked).kind, EventKind::StepUpAsked);
    t.later(HOUR);
    t.run_timers();
    let late = t.events[&id].clone();
    assert_eq!(late.kind, EventKind::StepUpExpired);
    assert_eq!(late.part(id).unwrap().text(), Some(TEXT));
    assert_eq!(difference(&t.state, &asked, &late), None);
    let other = with_text(t.command(id, pay_with(spend, "shop")), Some(OTHER_TEXT));
    assert_eq!(difference(&t.state, &other, &late), Some("text"));
}

#[test]
fn an_agents_key_does_not_say_alone_how_risky_it_is() {
    // The floor of the terms, the score it gives, and what comes of it.
    for (floor, given, expected) in [
        (0, 0, Expect::Kind(EventKind::Paid)),
        (0, 600, Expect::Kind(EventKind::StepUpAsked)),
        (600, 0, Expect::Kind(EventKind::StepUpAsked)),
        (600, 300, Expect::Kind(EventKind::StepUpAsked)),
        (600, 950, Expect::Code(Code::RiskDeclined)),
        (950, 0, Expect::Code(Code::RiskDeclined)),
    ] {
        let mut t = rich_with(Terms {
            risk: thresholds(),
            agent_risk: risk::Score(floor),
            ..Terms::default()
        });
        let mut spend = spend("alice", 10);
        spend.risk = risk::Score(given);
        spend.mandate = granted(&mut t);
        let id = t.new_id();
        let command = t.command(id, pay_with(spend, "shop"));
        t.check_command(&agents(command, "robot"), expected);
        // A key that is no agent's says what its own scorer said.
        spend.risk = risk::Score(0);
        t.check(pay_with(spend, "shop"), EventKind::Paid);
    }
}
