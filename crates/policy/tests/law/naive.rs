//! The dense tables against a reading of the packs rule by rule, over random payments; and what an
//! activation is.

use crate::world::*;
use policy::{
    Age, Channel, Counter, Dimension, Flag, Funds, Kind, Pack, PartyFacts, PartyKind, Payment,
    Presence, Product, Role, Rule, Ruleset, Screening, Side, Status, Technology, Tier, compile,
};
use proptest::prelude::*;
use std::sync::LazyLock;

static PACKS: LazyLock<Vec<Pack>> = LazyLock::new(|| policy::builtin_packs().unwrap());

fn any_of<T: Dimension>() -> impl Strategy<Value = T> {
    (0..T::ALL.len()).prop_map(|at| T::ALL[at])
}

fn any_party() -> impl Strategy<Value = PartyFacts> {
    let home = prop::sample::select(vec![
        "FR", "DE", "GB", "KR", "US", "JP", "SG", "IN", "BR", "KE", "NG", "ID", "CH", "ZZ",
    ]);
    (
        home,
        any_of::<Tier>(),
        any_of::<PartyKind>(),
        any_of::<Age>(),
    )
        .prop_map(|(home, tier, kind, age)| PartyFacts {
            country: country(home),
            tier,
            kind,
            age,
            segment: 0,
        })
}

fn any_ask() -> impl Strategy<Value = Ask> {
    let parties = (
        any_party(),
        any_party(),
        any_of::<Payment>(),
        any_of::<Funds>(),
    );
    let how = (
        any_of::<Channel>(),
        any_of::<Product>(),
        any_of::<Presence>(),
        any_of::<Technology>(),
        any_of::<Screening>(),
        0..256u32,
    );
    (parties, how, 1..5_000_000u64, 0..11usize).prop_map(
        |((payer, payee, payment, funds), how, amount, asset)| {
            let mut ask = pay("FR", Tier::Strong, "1", ASSETS[asset]);
            (ask.payer, ask.payee, ask.payment) = (payer, payee, payment);
            (
                ask.channel,
                ask.product,
                ask.presence,
                ask.technology,
                ask.screening,
            ) = (how.0, how.1, how.2, how.3, how.4);
            ask.flags = Flag::ALL
                .iter()
                .copied()
                .filter(|f| how.5 >> *f as u32 & 1 != 0)
                .collect();
            ask.legs = vec![(funds, amount.to_string())];
            ask
        },
    )
}

/// Whether a rule looks at a payment, read as the manual says it.
fn looks(pack: &Pack, rule: &Rule, ask: &Ask, operator: &str, world: &World) -> bool {
    let a = &rule.applies;
    let covers = |c| {
        pack.territories.iter().any(|t| t.country == c)
            || pack.rest_of_world
                && !PACKS
                    .iter()
                    .any(|p| p.territories.iter().any(|t| t.country == c))
    };
    let here = [
        covers(ask.payer.country),
        covers(ask.payee.country),
        covers(country(operator)),
    ];
    let reached = Role::ALL
        .iter()
        .any(|role| a.reach.has(*role) && here[*role as usize]);
    let (subject, order) = match a.side {
        Side::Payer => (
            &ask.payer,
            [ask.payer.country, country(operator), ask.payee.country],
        ),
        Side::Payee => (
            &ask.payee,
            [ask.payee.country, country(operator), ask.payer.country],
        ),
    };
    let mut flags = ask.flags;
    if ask.payer.country != ask.payee.country {
        flags.insert(Flag::CrossBorder);
    }
    let zone = order
        .into_iter()
        .find(|c| covers(*c))
        .and_then(|c| world.set.zone_of(c));
    let Some(now) = zone.map(|zone| world.now[zone]) else {
        return false;
    };
    let hours = match &rule.kind {
        Kind::Limit(cap) | Kind::Diligence(cap) => cap.hours.has(now),
        _ => true,
    };
    reached
        && hours
        && rule.is_in_force(policy::Date(now.day))
        && a.tier.has(subject.tier)
        && a.party.has(subject.kind)
        && a.age.has(subject.age)
        && a.funds.has(ask.legs[0].0)
        && a.payment.has(ask.payment)
        && a.channel.has(ask.channel)
        && a.product.has(ask.product)
        && a.presence.has(ask.presence)
        && a.technology.has(ask.technology)
        && a.screening.has(ask.screening)
        && a.operator.has(Status::EMoney)
        && !a.operator_not.has(Status::EMoney)
        && a.payer_country.has(ask.payer.country, here[0])
        && a.payee_country.has(ask.payee.country, here[1])
        && a.flag.minus(flags).is_empty()
        && a.flag_not.and(flags).is_empty()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn the_tables_look_at_what_the_packs_say(
        ask in any_ask(),
        operator in prop::sample::select(vec!["FR", "KR", "JP", "NG", "CH"]),
        hour in 0..24u32,
        year in 2024..2029u32,
    ) {
        thread_local! {
            static WORLDS: std::cell::RefCell<std::collections::BTreeMap<&'static str, World>> =
                const { std::cell::RefCell::new(std::collections::BTreeMap::new()) };
        }
        WORLDS.with_borrow_mut(|worlds| {
            let world = worlds.entry(operator).or_insert_with(|| {
                World::of(PACKS.clone(), &settings(operator, &[Status::EMoney]))
            });
            world.at(&format!("{year}-07-09T{hour:02}:30:00"), "UTC");
            world.ask(&ask);
            let is_tested = |rule: &Rule| {
                !matches!(rule.kind, Kind::Exemption(_) | Kind::Duty(_) | Kind::Redemption(_))
                    // An exempted duty leaves the exemption's line instead of its own.
                    && !matches!(rule.kind, Kind::Authentication { .. })
            };
            let mut found: Vec<String> = world
                .moves
                .trace
                .iter()
                .map(|t| policy::rule_of(&world.set, &world.packs, t.rule).unwrap())
                .filter(|(_, rule)| is_tested(rule))
                .map(|(pack, rule)| format!("{}/{}", pack.id, rule.id))
                .collect();
            let mut expected = Vec::new();
            for pack in PACKS.iter() {
                for rule in pack.rules.iter().filter(|r| is_tested(r)) {
                    if looks(pack, rule, &ask, operator, world) {
                        expected.push(format!("{}/{}", pack.id, rule.id));
                    }
                }
            }
            found.sort();
            expected.sort();
            prop_assert_eq!(found, expected);
            Ok(())
        })?;
    }
}

#[test]
fn a_ruleset_is_small_and_survives_its_encoding() {
    let set = compile(&PACKS, &settings("FR", &[Status::EMoney]), None).unwrap();
    let bytes = postcard::to_allocvec(&set).unwrap();
    assert_eq!(postcard::from_bytes::<Ruleset>(&bytes).unwrap(), set);
    assert!(bytes.len() < 64 * 1024, "{} bytes", bytes.len());
    assert!(
        set.measures().len() < 64,
        "{} measures",
        set.measures().len()
    );
}

#[test]
fn compiling_twice_gives_the_same_and_one_edition_after_another_keeps_the_measures() {
    let with = settings("NG", &[Status::EMoney]);
    let first = compile(&PACKS, &with, None).unwrap();
    assert_eq!(compile(&PACKS, &with, None).unwrap(), first);
    let again = compile(&PACKS, &with, Some(&first)).unwrap();
    assert_eq!(again, first);

    let builtin = policy::BUILTIN.iter().find(|b| b.id == "ng").unwrap();
    let edition = |edit: &dyn Fn(&str) -> String| {
        let text = edit(builtin.text);
        let mut packs = PACKS.clone();
        *packs.iter_mut().find(|p| p.id == "ng").unwrap() = Pack::parse("ng.toml", &text).unwrap();
        packs
    };
    // Another number: the same measure, so what was used still counts.
    let raised = edition(&|t| {
        t.replace(
            "\"50000 NGN\"\nwindow = \"day\"\ng",
            "\"60000 NGN\"\nwindow = \"day\"\ng",
        )
    });
    let second = compile(&raised, &with, Some(&first)).unwrap();
    assert_eq!(second.measures_new_since(Some(&first)).count(), 0);
    let mut world = World::of(PACKS.clone(), &with);
    let of = |amount: &str| pay("NG", Tier::Phone, amount, "NGN");
    assert_eq!(world.pay(&of("50000")), "allow");
    assert_eq!(world.pay(&of("1")), "deny ng/wallet.daily.tier-1");
    world.set = second.clone();
    world.packs = raised;
    assert_eq!(world.pay(&of("10000")), "allow");
    assert_eq!(world.pay(&of("1")), "deny ng/wallet.daily.tier-1");

    // Another window: a new measure; the old one's number is not used again.
    let weekly = edition(&|t| t.replace("window = \"day\"\ngives", "window = \"week\"\ngives"));
    let third = compile(&weekly, &with, Some(&second)).unwrap();
    let new: Vec<u16> = third
        .measures_new_since(Some(&second))
        .map(|m| m.number)
        .collect();
    let last = first.measures().last().unwrap().number;
    assert_eq!(new, [last + 1]);
    assert!(
        third
            .measures()
            .iter()
            .any(|m| !m.is_used && m.window() == policy::Window::Day)
    );
    // And back: the old number again.
    let fourth = compile(&PACKS, &with, Some(&third)).unwrap();
    let back: Vec<u16> = fourth
        .measures_new_since(Some(&third))
        .map(|m| m.number)
        .collect();
    assert!(back[0] <= last, "{back:?}");
}

#[test]
fn settings_that_nothing_leaves_to_the_operator_are_refused() {
    let refused = |edit: &dyn Fn(&mut policy::Settings)| {
        let mut with = settings("GB", &[Status::EMoney]);
        edit(&mut with);
        compile(&PACKS, &with, None).unwrap_err().code()
    };
    for rule in [
        "eu/anonymous.remote",
        "eu/nothing",
        "uk",
        "xx/sca.low-value",
    ] {
        let code = refused(&|s| s.counters.push((rule.into(), Counter::Count)));
        assert_eq!(code, "pack_not_the_operators");
        let code = refused(&|s| s.numbers.push((rule.into(), amount("1", "EUR"))));
        assert_eq!(code, "pack_not_the_operators");
    }
    let twice = || {
        let mut packs = PACKS.clone();
        packs.push(packs[0].clone());
        compile(&packs, &settings("GB", &[Status::EMoney]), None)
            .unwrap_err()
            .code()
    };
    assert_eq!(twice(), "pack_territory_twice");
}

#[test]
fn rules_that_ended_before_the_first_day_are_left_out() {
    let mut with = settings("GB", &[Status::EMoney]);
    with.first_day = "2026-11-22".parse().unwrap();
    let mut world = World::of(PACKS.clone(), &with);
    let tap = pay("GB", Tier::Strong, "100", "GBP").presence(Presence::Contactless);
    assert_eq!(world.pay(&tap), "allow");
    world.at("2026-03-18T12:00:00", "Europe/London");
    assert_eq!(
        world.pay(&tap),
        "step_up uk/sca",
        "the exemption of then is not there"
    );
}

#[test]
fn a_void_gives_room_back_in_shares_that_never_exceed_what_was_moved() {
    use policy::GiveBack;
    let mut world = World::new("NG");
    assert_eq!(
        world.pay(&pay("NG", Tier::Phone, "0.0000010", "NGN")),
        "allow"
    );
    let moved = *world.moves.moves.iter().find(|m| m.delta == 10).unwrap();
    let back = |how, before, after| {
        world
            .set
            .give_back(&moved, how, before, after, 3)
            .map(|m| (m.period, m.delta))
    };
    let period = moved.period;
    assert_eq!(back(GiveBack::Void, 0, 1), Some((period, -3)));
    assert_eq!(back(GiveBack::Void, 1, 2), Some((period, -3)));
    assert_eq!(back(GiveBack::Void, 2, 3), Some((period, -4)));
    assert_eq!(back(GiveBack::Void, 0, 3), Some((period, -10)));
    assert_eq!(
        back(GiveBack::Refund, 0, 3),
        None,
        "a refund does not, by this pack"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Kinds more than are remembered, in any order, with amounts, confirmations and waiting times
    /// that differ from payment to payment.
    #[test]
    fn what_is_remembered_of_a_kind_answers_as_if_asked_afresh(
        kinds in prop::collection::vec((any_ask(), any::<bool>()), 1..24),
        turns in prop::collection::vec((0..24usize, 1..200u64, 0..3u8, 0..50u32), 1..60),
    ) {
        thread_local! {
            static WORLD: std::cell::RefCell<World> = std::cell::RefCell::new(
                World::of(PACKS.clone(), &settings("FR", &[Status::EMoney])),
            );
        }
        WORLD.with_borrow_mut(|world| {
            world.book = Book::default();
            let mut remembering = policy::Moves::brief();
            remembering.recall(Some(0));
            let mut seen: Vec<String> = Vec::new();
            for (kind, amount, confirmed, waited) in turns {
                let (strange, is_ordinary) = &kinds[kind % kinds.len()];
                let mut ask = strange.clone();
                if *is_ordinary {
                    ask = pay("FR", strange.payer.tier, "1", strange.asset);
                    ask.payee = strange.payee;
                }
                ask.legs[0].1 = "1".to_owned();
                ask.confirmed = policy::Set::from_bits(u32::from(confirmed));
                let this = format!("{ask:?}");
                let at = seen.iter().position(|other| *other == this).unwrap_or(seen.len());
                if at == seen.len() {
                    seen.push(this);
                }
                // Words that differ in one place or another.
                let mut alike = policy::Alike::default();
                alike.0[at % 4] = at as u64 / 4 + 1;
                ask.legs[0].1 = amount.to_string();
                ask.elapsed.payee = waited;
                let (remembered, _) = world.ask_alike(&ask, &alike, &mut remembering);
                prop_assert_eq!(world.pay(&ask), remembered);
                prop_assert_eq!(&world.moves.moves, &remembering.moves);
                let is_whole = |t: &policy::Traced| world.moves.trace.contains(t);
                prop_assert!(remembering.trace.iter().all(is_whole));
            }
            Ok(())
        })?;
    }
}

#[test]
fn what_is_within_its_numbers_is_known_after_the_first_of_its_kind_and_no_longer_than_that() {
    let mut world = World::new("DE");
    let mut moves = policy::Moves::brief();
    moves.recall(Some(1));
    let alike = policy::Alike([1, 2, 3, 4]);
    // By a remote payment of at most 50 EUR of 150 a month, exempt up to 30 and to 100 in all.
    let mut pays = |world: &mut World, amount: &str| {
        let ask = pay("DE", Tier::Phone, amount, "EUR");
        let found = world.ask_alike(&ask, &alike, &mut moves);
        assert_eq!(world.pay(&ask), found.0, "{amount}");
        assert_eq!(world.moves.moves, moves.moves, "{amount}");
        found
    };
    assert_eq!(pays(&mut world, "30"), ("allow".to_owned(), false));
    assert_eq!(pays(&mut world, "30"), ("allow".to_owned(), true));
    assert_eq!(pays(&mut world, "30"), ("allow".to_owned(), true));
    assert_eq!(pays(&mut world, "10"), ("allow".to_owned(), true));
    let (said, is_known) = pays(&mut world, "0.000000001");
    assert_eq!((said.as_str(), is_known), ("step_up eu/sca", false));
    let (said, is_known) = pays(&mut world, "50.000000001");
    assert!(said.starts_with("verify identified eu/anonymous"), "{said}");
    assert!(!is_known);
    // Another ruleset, or another day.
    world.book = Book::default();
    let ask = pay("DE", Tier::Identified, "1", "EUR");
    let mut moves = policy::Moves::brief();
    for of in [1, 2] {
        moves.recall(Some(of));
        assert!(!world.ask_alike(&ask, &alike, &mut moves).1);
        assert!(world.ask_alike(&ask, &alike, &mut moves).1);
    }
    moves.recall(None);
    assert!(!world.ask_alike(&ask, &alike, &mut moves).1);
    assert!(!world.ask_alike(&ask, &alike, &mut moves).1);
}
