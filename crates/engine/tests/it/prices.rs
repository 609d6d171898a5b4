//! Payments by price: what is charged, what meters remember, and what is refused.

use crate::taxes::Europe;
use crate::town::*;
use engine::command::Share;
use engine::ids::{MandateId, PriceId};
use engine::prices::Item;
use engine::records::PriceNo;
use engine::repeat::difference;
use engine::terms::Terms;
use engine::{Code, EventKind, Id, Op, Spend, UtcMillis, snapshot};
use ledger::{AssetNo, Source};
use money::{AssetCode, Atoms};
use pricing::{Kind, Model, Period, Price, Rate, Unit, Variant, When};

pub fn pri(name: &str) -> PriceId {
    PriceId(named(&format!("price {name}")))
}

pub fn in_asset(asset: &str, model: Model) -> Price {
    Price {
        product: 0,
        asset: AssetCode::new(asset).unwrap(),
        tax_included: None,
        period: Period::Payment,
        free: 0,
        rate: Rate {
            base: Atoms(0),
            model,
        },
        variants: Vec::new(),
        refund_restores_use: false,
    }
}

pub fn units(rows: &[(&str, u64, u64)]) -> Model {
    let unit = |&(name, amount, per): &(&str, u64, u64)| Unit {
        name: name.to_owned(),
        amount: Atoms(amount),
        per,
    };
    Model::PerUnit {
        units: rows.iter().map(unit).collect(),
    }
}

/// So much for each payment, in euros.
pub fn flat(amount: u64) -> Price {
    let amount = Atoms(amount);
    in_asset("EUR", Model::Flat { amount })
}

/// Two units of different fractions, in euros.
pub fn metered() -> Price {
    in_asset("EUR", units(&[("in", 3, 7), ("out", 5, 11)]))
}

pub fn set(name: &str, definition: Price) -> Op {
    Op::SetPrice {
        price: pri(name),
        from: None,
        definition: Box::new(definition),
    }
}

pub fn by(town: &Town, name: &str, unit: u16, quantity: u64) -> Item {
    Item {
        price: town.state.price_no(TENANT, pri(name)).unwrap(),
        unit,
        quantity,
    }
}

/// Makes a code of a price, its last command expecting it.
pub fn make(t: &mut Town, code: Code) {
    let mut price = in_asset("USD", units(&[("", 3, 1)]));
    (price.free, price.period) = (1, Period::Ever);
    t.run(set("it", price.clone()));
    match code {
        Code::PriceInvalid => {
            price.rate.model = units(&[]);
            t.check(set("it", price), code);
        }
        Code::PriceArchived => {
            t.run(Op::ArchivePrice { price: pri("it") });
            t.check(pay_with(buys(t, 0, 1, 0), "shop"), code);
        }
        Code::PriceZero => {
            let op = Op::Authorize {
                spend: buys(t, 0, 1, 0),
                payee: wal("shop"),
                expires: None,
            };
            t.check(op, code);
        }
        _ => drop(t.check(pay_with(buys(t, 0, 3, 5), "shop"), code)),
    }
}

/// A town with money and one price, in dollars.
pub fn priced(price: Price) -> Town {
    let mut town = Town::new();
    town.fund("alice", Source::Card, 100_000);
    let asset = AssetCode::new("USD").unwrap();
    town.run(set("it", Price { asset, ..price }));
    town
}

pub fn buys(town: &Town, unit: u16, quantity: u64, at_most: u64) -> Spend {
    Spend {
        item: by(town, "it", unit, quantity),
        ..spend("alice", at_most)
    }
}

/// Pays for so many and says what it came to.
#[track_caller]
pub fn pays(town: &mut Town, unit: u16, quantity: u64) -> u64 {
    let spend = buys(town, unit, quantity, 0);
    let id = town.check(pay_with(spend, "shop"), EventKind::Paid);
    town.paid(id).gross
}

pub fn used(town: &Town) -> u64 {
    let payer = town.state.party_no(TENANT, par("alice")).unwrap();
    let meter = town.state.meters.get(&(payer, PriceNo(0)));
    meter.map_or(0, |meter| meter.so_far.used)
}

#[test]
fn a_flat_price_is_charged_and_no_meter_is_kept() {
    let mut t = priced(flat(25));
    assert_eq!((pays(&mut t, 0, 1), pays(&mut t, 0, 9)), (25, 25));
    assert!(t.state.meters.is_empty());
    assert_eq!(t.has("shop"), 50);
    // In the layout of the commonest payment: its tag, its bytes, and few behind them.
    let row = t.rows.last().unwrap();
    assert_eq!((row[12], row.len()), (4, 12 + 1 + 116 + 1 + 8));
    let id = t.id_of(pay_with(buys(&t, 0, 1, 0), "shop"));
    let part = t.events[&id].part(id).unwrap();
    let priced = part.priced().unwrap();
    assert_eq!(
        (priced.version, priced.free, priced.item.quantity),
        (1, 0, 1)
    );
}

#[test]
fn small_charges_sum_to_one_large_one_over_all_units() {
    let mut t = priced(metered());
    t.audits = false;
    let (mut charged, mut exact) = (0, 0);
    for n in 1..500u64 {
        let (unit, quantity) = ((n % 2) as u16, n * 37 % 101 + 1);
        charged += pays(&mut t, unit, quantity);
        exact += quantity * if unit == 0 { 3 * 11 } else { 5 * 7 };
        assert_eq!(charged, exact / 77);
    }
    assert_eq!(t.has("shop"), i128::from(charged));
    // A snapshot has the catalogue and the meters.
    let back = snapshot::decode(&snapshot::encode(&t.state), 7).unwrap();
    assert_eq!(snapshot::digest(&back), snapshot::digest(&t.state));
    assert_eq!(
        (&back.prices, &back.meters),
        (&t.state.prices, &t.state.meters)
    );
    assert_eq!(back.price_no(TENANT, pri("it")), Some(PriceNo(0)));
    t.state = back;
    let more = pays(&mut t, 0, 7);
    assert_eq!(charged + more, (exact + 7 * 33) / 77);
}

#[test]
fn what_is_free_is_paid_with_nothing_and_counts() {
    let mut price = in_asset("USD", units(&[("", 4, 1)]));
    (price.free, price.period) = (3, Period::Day);
    let mut t = priced(price);
    t.now = UtcMillis(T0 / DAY * DAY + DAY); // Midnight.
    assert_eq!(
        (pays(&mut t, 0, 2), pays(&mut t, 0, 2), pays(&mut t, 0, 2)),
        (0, 4, 8)
    );
    assert_eq!(used(&t), 6);
    t.later(DAY - 1);
    assert_eq!(pays(&mut t, 0, 1), 4);
    t.later(1);
    assert_eq!((pays(&mut t, 0, 3), pays(&mut t, 0, 1)), (0, 4));
    // Another payer has a quota of its own, and may have no money at all.
    let mut bob = buys(&t, 0, 3, 0);
    bob.payer = wal("bob");
    let id = t.check(pay_with(bob, "shop"), EventKind::Paid);
    assert_eq!(t.paid(id).gross, 0);
    t.check(pay_with(bob, "shop"), Code::InsufficientFunds);
    // What costs nothing is not set aside.
    t.later(DAY);
    let free = Op::Authorize {
        spend: buys(&t, 0, 1, 0),
        payee: wal("shop"),
        expires: None,
    };
    t.check(free, Code::PriceZero);
}

#[test]
fn variants_go_by_the_payer_and_the_tenants_clock() {
    let mut price = flat(30);
    let variant = |when, amount| Variant {
        name: String::new(),
        when,
        rate: flat(amount).rate,
    };
    let at_night = When {
        minutes: Some((0, 6 * 60)),
        ..When::default()
    };
    let french = When {
        countries: vec![*b"FR"],
        kinds: vec![Kind::Person],
        ..When::default()
    };
    price.variants = vec![variant(at_night, 10), variant(french, 20)];
    let mut t = priced(price);
    t.fund("carol", Source::Card, 1_000);
    for (wallet, hour, amount) in [
        ("alice", 7, 30),
        ("carol", 7, 20),
        ("alice", 29, 10),
        ("carol", 29, 10),
    ] {
        t.now = UtcMillis(T0 / DAY * DAY + DAY + hour * HOUR);
        let mut spend = buys(&t, 0, 1, 0);
        spend.payer = wal(wallet);
        let id = t.check(pay_with(spend, "shop"), EventKind::Paid);
        assert_eq!(t.paid(id).gross, amount, "{wallet} at {hour}");
    }
}

#[test]
fn what_the_payer_agreed_to_is_never_exceeded() {
    let mut t = priced(in_asset("USD", units(&[("", 7, 1)])));
    for (quantity, at_most, expected) in [
        (10, 70, EventKind::Paid.into()),
        (10, 69, Expect::Code(Code::PriceAboveLimit)),
        (10, 0, EventKind::Paid.into()),
        (u64::MAX, 0, Expect::Code(Code::Malformed)),
        (20_000, 0, Expect::Code(Code::InsufficientFunds)),
        (0, 5, Expect::Code(Code::Malformed)),
    ] {
        t.check(pay_with(buys(&t, 0, quantity, at_most), "shop"), expected);
    }
    let id = t.check(pay_with(buys(&t, 0, 9, 62), "shop"), Code::PriceAboveLimit);
    let refused = t.refusal(id);
    assert_eq!((refused.asked, refused.limit), (63, 62));
    assert_eq!(t.has("shop"), 140);
}

#[test]
fn a_mandate_is_asked_for_what_it_costs_and_not_for_the_most() {
    let mut t = priced(in_asset("USD", units(&[("", 7, 1)])));
    let mandate = t.id_of(Op::GrantMandate {
        payer: wal("alice"),
        agent: par("robot"),
        asset: USD,
        per_payment: Some(Atoms(70)),
        per_day: Some(Atoms(100)),
        payees: vec![],
        expires: UtcMillis(T0 + DAY),
    });
    let by_agent = |t: &Town, quantity, at_most| {
        let mut spend = buys(t, 0, quantity, at_most);
        spend.mandate = MandateId(mandate);
        pay_with(spend, "shop")
    };
    t.check(by_agent(&t, 10, 1_000), EventKind::Paid);
    t.check(by_agent(&t, 11, 0), Code::MandatePerPayment);
    t.check(by_agent(&t, 5, 0), Code::MandatePerDay);
    t.check(by_agent(&t, 4, 0), EventKind::Paid);
    assert_eq!(t.has("shop"), 98);
}

#[test]
fn what_no_price_can_be_is_refused_by_name() {
    let mut t = priced(flat(25));
    let euros: AssetNo = EUR;
    let buy = buys(&t, 0, 1, 0);
    let item = |price, unit| Item {
        price: PriceNo(price),
        unit,
        quantity: 1,
    };
    for (spend, code) in [
        (
            Spend {
                item: item(9, 0),
                ..buy
            },
            Code::NotFound,
        ),
        (
            Spend {
                item: item(0, 1),
                ..buy
            },
            Code::NotFound,
        ),
        (
            Spend {
                asset: euros,
                ..buy
            },
            Code::Malformed,
        ),
    ] {
        t.check(pay_with(spend, "shop"), code);
    }
    let payee = wal("shop");
    t.check(Op::Transfer { spend: buy, payee }, Code::Malformed);
    // Another tenant's.
    let mut elsewhere = t.command(named("elsewhere's"), set("theirs", flat(1)));
    elsewhere.tenant = OTHER_TENANT;
    t.check_command(&elsewhere, EventKind::PriceSet);
    t.check(
        pay_with(
            Spend {
                item: item(1, 0),
                ..buy
            },
            "shop",
        ),
        Code::NotFound,
    );
    // A definition that contradicts itself, in no asset, or in another than before.
    let zero = in_asset(
        "USD",
        Model::Package {
            size: 0,
            amount: Atoms(1),
        },
    );
    t.check(set("other", zero), Code::PriceInvalid);
    t.check(
        set("other", in_asset("CHF", flat(1).rate.model)),
        Code::NotFound,
    );
    t.check(set("it", flat(1)), Code::PriceInvalid);
    // Archived for good.
    t.run(Op::ArchivePrice { price: pri("it") });
    t.check(pay_with(buy, "shop"), Code::PriceArchived);
    t.check(Op::ArchivePrice { price: pri("it") }, Code::PriceArchived);
    t.check(
        set("it", in_asset("USD", flat(1).rate.model)),
        Code::PriceArchived,
    );
    t.check(
        Op::ArchivePrice {
            price: pri("other"),
        },
        Code::NotFound,
    );
}

#[test]
fn the_newest_version_that_has_begun_stands() {
    let mut t = priced(flat(25));
    let later = |amount, from| Op::SetPrice {
        price: pri("it"),
        from: Some(UtcMillis(from)),
        definition: Box::new(in_asset("USD", flat(amount).rate.model)),
    };
    t.run(later(30, T0 + 2 * HOUR));
    t.run(later(40, T0 + 4 * HOUR));
    t.run(later(50, T0 + 3 * HOUR)); // Takes the place of the one before it too.
    let first = t.id_of(pay_with(buys(&t, 0, 1, 0), "shop"));
    for amount in [25, 25, 30, 50, 50] {
        assert_eq!(pays(&mut t, 0, 1), amount);
        t.later(HOUR);
    }
    // A version from before now is from now on.
    let id = t.id_of(later(60, 5));
    assert_eq!(
        difference(&t.state, &t.command(id, later(60, 5)), &t.events[&id]),
        None
    );
    assert_eq!(pays(&mut t, 0, 1), 60);
    let versions = &t.state.price(PriceNo(0)).unwrap().versions;
    let numbers: Vec<_> = versions.iter().map(|version| version.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    // A refund is of what was paid then.
    t.check(t.refund(first, 26), Code::RefundExceedsPayment);
    t.check(t.refund(first, 25), EventKind::Refunded);
}

#[test]
fn a_unit_keeps_its_number_in_every_version() {
    let mut t = Town::new();
    let all = |rows: &[&str]| {
        let rows: Vec<_> = rows.iter().map(|name| (*name, 1, 1)).collect();
        in_asset("USD", units(&rows))
    };
    for (names, expected) in [
        (&["in", "out"][..], EventKind::PriceSet.into()),
        (&["out", "in"], Expect::Code(Code::PriceInvalid)),
        (&["in", "all"], Expect::Code(Code::PriceInvalid)),
        (&["in"], EventKind::PriceSet.into()),
        // Of a price without names no unit is asked for by name.
        (&[""], EventKind::PriceSet.into()),
        (&["in", "images"], Expect::Code(Code::PriceInvalid)),
        (&["in", "out", "images"], EventKind::PriceSet.into()),
    ] {
        t.check(set("it", all(names)), expected);
    }
}

#[test]
fn the_flag_of_a_price_says_whether_tax_comes_on_top() {
    for (flag, said, gross, tax) in [
        (None, None, 119, 19),
        (Some(true), Some(tax::supply::Pricing::Exclusive), 119, 19),
        (Some(false), Some(tax::supply::Pricing::Inclusive), 142, 23),
        (None, Some(tax::supply::Pricing::Exclusive), 142, 23),
    ] {
        let mut price = flat(119);
        price.tax_included = flag;
        let mut t = priced(price);
        Europe::of("DE").put(&mut t);
        let mut spend = buys(&t, 0, 1, 0);
        spend.tax = crate::taxes::facts("ip=DE bank=DE");
        spend.tax.pricing = said;
        let op = pay_with(spend, "shop");
        let id = t.id_of(op.clone());
        let paid = t.paid(id);
        assert_eq!((paid.gross, paid.tax), (gross, tax), "{flag:?} {said:?}");
        // The same again is the same.
        let again = t.command(id, op);
        assert_eq!(difference(&t.state, &again, &t.events[&id]), None);
        // What was agreed to contains the tax.
        spend.amount = Atoms(141);
        let expected = match gross {
            119 => EventKind::Paid.into(),
            _ => Expect::Code(Code::PriceAboveLimit),
        };
        t.check(pay_with(spend, "shop"), expected);
    }
}

#[test]
fn a_cart_is_a_group_whose_items_see_each_others_use() {
    let mut price = in_asset("USD", units(&[("", 1, 3)]));
    (price.period, price.free) = (Period::Day, 1);
    let mut t = priced(price);
    let buy = |(at, quantity)| {
        let op = pay_with(buys(&t, 0, quantity, 0), "shop");
        (named(&format!("item {at}")), op)
    };
    let items: Vec<_> = (0..).zip([2, 2, 3]).map(buy).collect();
    let ids: Vec<Id> = items.iter().map(|(id, _)| *id).collect();
    let event = t.run(Op::Group {
        items: items.clone(),
    });
    let amounts = ids.iter().map(|id| t.paid(*id).gross);
    assert_eq!(amounts.collect::<Vec<_>>(), [0, 1, 1]);
    assert_eq!((t.has("shop"), used(&t)), (2, 7));
    let again = t.command(event.id, Op::Group { items });
    assert_eq!(difference(&t.state, &again, &event), None);
}

#[test]
fn a_split_shares_what_it_costs() {
    let mut t = priced(flat(100));
    let share = |payee, weight| Share {
        payee: wal(payee),
        weight,
    };
    let payees = vec![share("shop", 3), share("stall", 1)];
    let spend = buys(&t, 0, 1, 0);
    let op = Op::Split { spend, payees };
    let id = t.id_of(op.clone());
    assert_eq!((t.has("shop"), t.has("stall")), (75, 25));
    assert_eq!(
        difference(&t.state, &t.command(id, op), &t.events[&id]),
        None
    );
}

#[test]
fn the_same_again_is_the_same_and_another_item_is_named() {
    let mut t = priced(in_asset("USD", units(&[("in", 7, 1), ("out", 9, 1)])));
    let buy = buys(&t, 0, 5, 50);
    let payee = wal("shop");
    let expires = Some(UtcMillis(T0 + HOUR));
    for of in [
        |spend, payee, _| Op::Pay { spend, payee },
        |spend, payee, expires| Op::Authorize {
            spend,
            payee,
            expires,
        },
    ] {
        let id = t.id_of(of(buy, payee, expires));
        let differs = |spend: Spend| {
            let command = t.command(id, of(spend, payee, expires));
            difference(&t.state, &command, &t.events[&id])
        };
        assert_eq!(differs(buy), None);
        let other = |unit, quantity| Spend {
            item: by(&t, "it", unit, quantity),
            ..buy
        };
        assert_eq!(differs(other(1, 5)), Some("price"));
        assert_eq!(differs(other(0, 6)), Some("price"));
        assert_eq!(
            differs(Spend {
                amount: Atoms(49),
                ..buy
            }),
            Some("amount")
        );
        assert_eq!(differs(spend("alice", 35)), Some("price"));
    }
    let refused = Spend {
        amount: Atoms(34),
        ..buy
    };
    let id = t.check(pay_with(refused, "shop"), Code::PriceAboveLimit);
    let differs = |spend| {
        difference(
            &t.state,
            &t.command(id, pay_with(spend, "shop")),
            &t.events[&id],
        )
    };
    assert_eq!(differs(refused), None);
    assert_eq!(
        differs(Spend {
            payer: wal("bob"),
            ..refused
        }),
        Some("payer")
    );
    assert_eq!(
        differs(Spend {
            item: by(&t, "it", 1, 5),
            ..refused
        }),
        Some("id")
    );
    // A version of a price, and an archived one.
    let op = set("more", in_asset("USD", flat(2).rate.model));
    let id = t.id_of(op.clone());
    let differs = |op| difference(&t.state, &t.command(id, op), &t.events[&id]);
    assert_eq!(differs(op), None);
    assert_eq!(differs(set("more", flat(3))), Some("definition"));
    let archived = t.id_of(Op::ArchivePrice { price: pri("more") });
    let differs = |op| difference(&t.state, &t.command(archived, op), &t.events[&archived]);
    assert_eq!(differs(Op::ArchivePrice { price: pri("more") }), None);
    assert_eq!(
        differs(Op::ArchivePrice { price: pri("it") }),
        Some("price")
    );
}

#[test]
fn what_waits_for_its_payer_is_confirmed_at_its_price() {
    let mut price = in_asset("USD", units(&[("", 10, 1)]));
    (price.period, price.free) = (Period::Ever, 1);
    let mut t = priced(price);
    t.set_terms(Terms {
        risk: crate::codes::thresholds(),
        ..Terms::default()
    });
    let risky = |t: &Town, quantity| Spend {
        risk: risk::Score(600),
        ..buys(t, 0, quantity, 0)
    };
    // What costs nothing may have to be confirmed too.
    for (quantity, gross) in [(1, 0), (3, 30)] {
        let id = t.check(
            pay_with(risky(&t, quantity), "shop"),
            EventKind::StepUpAsked,
        );
        let pending = t.state.pending[&(TENANT, id)].clone();
        assert_eq!(pending.to_pay(), gross);
        t.check_as(id, pending.op(pending.step_up.into()), EventKind::Paid);
        assert_eq!(t.paid(id).gross, gross);
    }
    assert_eq!(used(&t), 4);
    // Another price meanwhile is not what was confirmed.
    let id = t.check(pay_with(risky(&t, 2), "shop"), EventKind::StepUpAsked);
    let pending = t.state.pending[&(TENANT, id)].clone();
    t.run(set("it", in_asset("USD", units(&[("", 11, 1)]))));
    t.check_as(id, pending.op(pending.step_up.into()), Code::StepUpNeeded);
}

#[test]
fn what_is_free_is_asked_of_the_law_as_well() {
    let rule = "kind = \"forbid\"\napplies = { product = [\"gambling\"] }";
    let mut only_one = crate::law::codes::land_of(rule);
    let mut every = crate::law::land::Land::of(b"DE");
    crate::law::codes::people(&mut every);
    for land in [&mut only_one, &mut every] {
        let mut price = in_asset("EUR", units(&[("", 1_000, 1)]));
        (price.free, price.period) = (5, Period::Ever);
        land.run(set("it", price));
        let mut spend = land.spend("payer", "1 EUR");
        for (quantity, gross) in [(2, 0), (2, 0), (2, 1_000), (1, 1_000)] {
            spend.item = by(land, "it", 0, quantity);
            let id = land.check(pay_with(spend, "seller"), EventKind::Paid);
            assert_eq!(land.paid(id).gross, gross);
        }
        let payees = vec![
            Share {
                payee: wal("seller"),
                weight: 1,
            },
            Share {
                payee: wal("shop"),
                weight: 1,
            },
        ];
        spend.payer = wal("low");
        spend.item = by(land, "it", 0, 1);
        land.check(Op::Split { spend, payees }, EventKind::Split);
    }
    let mut spend = only_one.spend("payer", "1 EUR");
    spend.circumstances.product = policy::Product::Gambling;
    spend.item = by(&only_one, "it", 0, 1);
    only_one.check(pay_with(spend, "seller"), Code::NotAllowed);
}

#[test]
fn ten_thousand_calls_of_a_language_model_cost_what_their_tokens_do() {
    // $0.15 for a million input tokens and $0.60 for a million output tokens.
    let cents = 10_000_000;
    let tokens = units(&[
        ("input", 15 * cents, 1_000_000),
        ("output", 60 * cents, 1_000_000),
    ]);
    let mut t = priced(in_asset("USD", tokens));
    t.audits = false;
    t.fund("alice", Source::Card, 100_000 * cents);
    let mut dice = crate::dice::Dice(3);
    let (mut charged, mut exact_per_million) = (0u128, 0u128);
    for _ in 0..5_000 {
        let (input, output) = (1 + dice.pick(9_973), 1 + dice.pick(1_999));
        charged += u128::from(pays(&mut t, 0, input) + pays(&mut t, 1, output));
        exact_per_million += u128::from(input * 15 * cents + output * 60 * cents);
        // Never more than it costs exactly, and less than an atom below.
        assert_eq!(charged, exact_per_million / 1_000_000);
    }
    assert!(charged > 1_000_000_000, "it is about dollars");
    assert_eq!(t.has("shop"), i128::try_from(charged).unwrap());
}
