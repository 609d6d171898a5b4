//! Verdicts in words: the numbers, in two languages, to whom they may be told.

use crate::world::*;
use policy::{
    Audience, Context, Explanation, Funds, Lang, Payment, Remedy, Screening, Side, Subject, Tier,
    Verdict, explain,
};

fn said(world: &mut World, ask: &Ask, audience: Audience, lang: Lang) -> Explanation {
    let verdict = match world.ask(ask).split_whitespace().next().unwrap() {
        "allow" => Verdict::Allow,
        word => {
            use policy::Outcome;
            let stop = |t: &&policy::Traced| {
                matches!(
                    t.outcome,
                    Outcome::Denied | Outcome::Verify | Outcome::NoRate | Outcome::StepUp
                )
            };
            let rule = world.moves.trace.iter().find(stop).unwrap().rule;
            match word {
                "step_up" => Verdict::StepUp {
                    step_up: policy::StepUp::Strong,
                    rule,
                },
                _ => Verdict::Deny { rule, verify: None },
            }
        }
    };
    let of = |party: &policy::PartyFacts| Subject {
        tier: party.tier,
        kind: party.kind,
    };
    let context = Context {
        set: &world.set,
        packs: &world.packs,
        day: "2026-11-23".parse().unwrap(),
        payer: of(&ask.payer),
        payee: of(&ask.payee),
        audience,
        lang,
    };
    explain(&context, verdict, &world.moves.trace)
}

#[test]
fn a_carrier_refusal_says_that_it_is_terms_and_what_is_left() {
    let mut world = World::new("KR");
    let ask = |amount: &str| pay("KR", Tier::Identified, amount, "KRW").funds(Funds::Carrier);
    world.pay(&ask("999000"));
    let en = said(&mut world, &ask("2000"), Audience::Payer, Lang::En);
    assert_eq!((en.verdict, en.reason), ("deny", Some("limit_per_month")));
    assert_eq!(en.rule.as_deref(), Some("kr/carrier.monthly-spend"));
    assert_eq!(
        en.text.unwrap(),
        "carrier monthly limit: ₩1,000,000 a month; ₩999,000 used before, ₩2,000 asked: refused \
         (terms of the mobile operators, not law)"
    );
    let line = en
        .trace
        .iter()
        .find(|l| l.rule == "kr/carrier.monthly-spend")
        .unwrap();
    assert!(line.is_terms);
    assert_eq!(line.left.as_deref(), Some("₩1,000"));
    let texts: Vec<&str> = en
        .remedies
        .iter()
        .map(|r| match r {
            Remedy::PayLess { text, .. } | Remedy::Wait { text, .. } => text.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        texts,
        ["Pay no more than ₩1,000.", "Wait until 2026-12-01."]
    );
    let ko = said(&mut world, &ask("2000"), Audience::Payer, Lang::Ko);
    assert_eq!(
        ko.text.unwrap(),
        "휴대폰 소액결제 월 한도: 월 ₩1,000,000; 종전 사용 ₩999,000, 요청 ₩2,000: 거절 \
         (이동통신사의 약관(terms), 법령 아님)"
    );
}

#[test]
fn verifying_is_offered_with_the_numbers() {
    let mut world = World::new("NG");
    let ask = pay("NG", Tier::Phone, "50001", "NGN");
    let en = said(&mut world, &ask, Audience::Payer, Lang::En);
    let Remedy::Verify { tier, text, .. } = &en.remedies[0] else {
        panic!("{:?}", en.remedies);
    };
    assert_eq!(*tier, Tier::Identified);
    assert_eq!(
        text,
        "Verify to raise your limit from ₦50,000 a day to ₦200,000 a day (identified)."
    );
    let ko = said(&mut world, &ask, Audience::Payer, Lang::Ko);
    let Remedy::Verify { text, .. } = &ko.remedies[0] else {
        panic!("{:?}", ko.remedies);
    };
    assert_eq!(
        text,
        "본인 확인을 하면 한도가 1일 ₦50,000에서 1일 ₦200,000(으)로 올라갑니다(본인 확인)."
    );
    // A payee whose wallet is full verifies too.
    let mut world = World::new("KR");
    world.holds(Side::Payee, "500000", "KRW");
    let load = pay("KR", Tier::Phone, "1", "KRW").payment(Payment::Load);
    let full = said(&mut world, &load, Audience::Payer, Lang::En);
    assert_eq!(full.reason, Some("verification_needed"));
    assert!(matches!(
        &full.remedies[0],
        Remedy::Verify {
            tier: Tier::Identified,
            ..
        }
    ));
}

#[test]
fn a_screening_match_is_a_neutral_refusal_to_payer_and_seller() {
    for home in ["FR", "KR", "CH"] {
        let mut world = World::new(home);
        let ask = pay(home, Tier::Strong, "1", "EUR").confirmed();
        for screening in [Screening::Sanctions, Screening::Laundering] {
            let stopped = ask.clone().screening(screening);
            for audience in [Audience::Payer, Audience::Seller, Audience::Operator] {
                for lang in [Lang::En, Lang::Ko] {
                    let neutral = said(&mut world, &stopped, audience, lang);
                    assert_eq!(
                        (neutral.verdict, neutral.reason),
                        ("deny", Some("declined"))
                    );
                    assert_eq!(neutral.rule, None);
                    assert!(matches!(neutral.remedies[..], [Remedy::Contact { .. }]));
                    let clear = said(&mut world, &ask, audience, lang);
                    assert_eq!(
                        neutral.trace, clear.trace,
                        "nothing but the verdict differs"
                    );
                    let words = format!("{neutral:?}").to_lowercase();
                    for betrayal in ["screen", "sanction", "launder", "심사", "제재", "세탁"]
                    {
                        assert!(!words.contains(betrayal), "{betrayal}: {words}");
                    }
                }
            }
            let told = said(&mut world, &stopped, Audience::Compliance, Lang::En);
            assert_eq!(told.reason, Some("not_allowed"));
            assert!(told.rule.unwrap().ends_with("/screening"));
        }
    }
}

#[test]
fn every_rule_has_words_in_both_languages() {
    for pack in policy::builtin_packs().unwrap() {
        for rule in &pack.rules {
            for lang in [Lang::En, Lang::Ko] {
                let text = policy::words::rule_text(rule, lang);
                assert!(!text.is_empty(), "{}/{}", pack.id, rule.id);
                for (field, _) in rule.numbers() {
                    assert!(
                        text.chars().any(|c| c.is_ascii_digit()),
                        "{}/{} does not say {field}: {text}",
                        pack.id,
                        rule.id
                    );
                }
            }
        }
    }
}
