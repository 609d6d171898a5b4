//! How a law comes into force.

use super::land::*;
use crate::town::*;
use engine::law::{LawSettings, NewLaw};
use engine::{Code, EventKind, Op, UtcMillis};
use std::sync::Arc;

#[test]
fn a_law_is_proposed_approved_by_another_and_in_force_at_its_instant() {
    let mut land = Land::lawless();
    land.audits = true;
    let law = new_law(all_packs(), Some(operator(b"KR")));
    let proposal = land.propose(law.clone());
    let at = land.now.plus(DAY);
    let approve = Op::ApproveLaw {
        proposal,
        effective: at,
    };
    // The proposer's own key, and another of the same line.
    land.check(approve.clone(), Code::SameKey);
    let id = land.new_id();
    land.actor = key("judge");
    let command = besides(land.command(id, approve.clone()), |besides| {
        besides.line = key("clerk");
    });
    land.check_command(&command, Code::SameKey);
    land.approve(proposal, at);
    land.check(approve, Code::WrongState);
    assert_eq!(land.run_timers(), 0);
    land.later(DAY - 1);
    assert_eq!(land.run_timers(), 0);
    assert!(land.state.law(TENANT).is_none());
    land.later(1);
    assert_eq!(land.run_timers(), 1);
    assert_eq!(land.law().version, 1);
    assert_eq!(land.law().packs.len(), law.packs.len());
    assert!(land.state.proposals.is_empty());
}

#[test]
fn what_is_not_named_stays_and_an_older_text_is_a_new_activation() {
    let mut land = Land::of(b"KR");
    let kr = builtin("kr");
    let changed: Arc<str> = kr
        .replace("1000000 KRW", "600000 KRW")
        .replace("version = \"2026-11-23\"", "version = \"2026-12-01\"")
        .into();
    land.enact(new_law(vec![changed.clone()], None));
    let version = |land: &Land| {
        let law = land.law();
        let kept = law.packs.iter().find(|pack| pack.id == "kr").unwrap();
        (law.version, kept.text.clone(), law.settings.country.0)
    };
    assert_eq!(version(&land), (2, changed, *b"KR"));
    land.enact(new_law(vec![kr.clone()], None));
    assert_eq!(version(&land), (3, kr, *b"KR"));
    land.enact(NewLaw {
        removed: vec!["br".to_owned()],
        ..NewLaw::default()
    });
    assert!(land.law().packs.iter().all(|pack| pack.id != "br"));
}

#[test]
fn what_cannot_be_meant_is_not_proposed() {
    let mut land = Land::lawless();
    let mut check = |law: NewLaw, code: Code| {
        let law = Box::new(law);
        land.check(Op::ProposeLaw { law }, code);
    };
    let kr = builtin("kr");
    let of = |text: &str| new_law(vec![Arc::from(text)], None);
    check(NewLaw::default(), Code::Malformed);
    check(of("no pack"), Code::PackInvalid);
    let no_source = kr.replacen("certainty = \"secondary\"", "", 1);
    check(of(&no_source), Code::PackInvalid);
    let mut no_zone = of(&kr);
    no_zone.zones.clear();
    check(no_zone, Code::Malformed);
    check(new_law(vec![kr.clone(), kr.clone()], None), Code::Malformed);
    let long = format!("{kr}\n# {}", "x".repeat(256 * 1024));
    check(of(&long), Code::TooMany);
    let claimed_twice = kr.replace("id = \"kr\"", "id = \"kr2\"");
    let twice = new_law(vec![kr.clone(), claimed_twice.into()], None);
    check(twice, Code::LawConflict);
    let mut settings = LawSettings::default();
    let counter = ("kr/nothing".to_owned(), policy::Counter::Count);
    settings.counters.push(counter);
    check(new_law(vec![kr], Some(settings)), Code::LawConflict);
}

#[test]
fn a_proposal_can_be_rejected_until_it_is_in_force() {
    let mut land = Land::lawless();
    let proposal = land.propose(new_law(all_packs(), None));
    land.approve(proposal, UtcMillis(T0 + DAY));
    land.run(Op::RejectLaw { proposal });
    assert!(land.state.timers.is_empty() && land.state.proposals.is_empty());
    land.check(Op::RejectLaw { proposal }, Code::NotFound);
    let event = land
        .events
        .values()
        .find(|e| e.kind == EventKind::LawRejected);
    assert!(event.is_some());
}

#[test]
fn what_no_longer_goes_together_at_its_instant_is_rejected_and_the_law_stays() {
    let mut land = Land::lawless();
    let kr = builtin("kr");
    let twin: Arc<str> = kr.replace("id = \"kr\"", "id = \"kr2\"").into();
    let first = land.propose(new_law(vec![kr], None));
    let second = land.propose(new_law(vec![twin], None));
    for proposal in [first, second] {
        land.approve(proposal, UtcMillis(T0 + DAY));
    }
    land.later(DAY);
    assert_eq!(land.run_timers(), 2);
    assert_eq!((land.law().version, land.law().packs.len()), (1, 1));
    assert!(land.state.proposals.is_empty());
}
