//! Splits under tax rules: each payee with a share supplies by itself.

use crate::taxes::{Europe, each_event, facts, payer, sells};
use crate::town::*;
use engine::records::{PartyKind, PartyNo};
use engine::taxes::TaxMove;
use engine::taxes::returns::{Reassessment, Returns};
use engine::terms::Terms;
use engine::{Effect, EventKind, Id, Op, State, apply, snapshot};
use ledger::AccountClass;
use money::{Atoms, Rounding};
use std::collections::BTreeMap;
use std::sync::Arc;
use tax::supply::{Part, Pricing};
use tax::{Category, Charge, Date, Treatment};

const EURO: u64 = 1_000_000_000;

/// An Irish shop in the one-stop shop, a Swiss stall registered at home only, and an atelier of
/// France, for an operator of Germany that takes a tenth.
fn town() -> Town {
    let terms = Terms {
        fee_share: ppm(100_000),
        ..Terms::default()
    };
    let mut t = Town::at(engine::UtcMillis(1_795_000_000_000), terms);
    t.audits = false;
    Europe::of("DE").put(&mut t);
    t.run(sells("shop", "IE", &["oss IE"]));
    t.run(sells("stall", "CH", &[]));
    payer(&mut t, "marie", "FR", PartyKind::Person);
    payer(&mut t, "atelier", "DE", PartyKind::Business);
    t
}

fn bought(payees: &[(&str, u64)], amount: u64) -> Op {
    let mut op = split("marie", payees, amount);
    if let Op::Split { spend, .. } = &mut op {
        (spend.asset, spend.tax) = (EUR, facts("ip=FR"));
    }
    op
}

fn shares(t: &Town, id: Id) -> Vec<TaxMove> {
    let event = &t.events[&id];
    let part = event.part(id).unwrap();
    let party_of = |wallet| t.state.wallet(wallet).party;
    part.tax_moves(party_of).collect()
}

fn party(t: &Town, name: &str) -> PartyNo {
    t.state.party_no(TENANT, par(name)).unwrap()
}

/// What stands in the tax accounts, by whose and where.
fn held(t: &Town) -> BTreeMap<(PartyNo, String), i128> {
    let mut held = BTreeMap::new();
    for (_, a) in t.state.book.iter() {
        let whose = match a.class {
            AccountClass::Tax => PartyNo::NONE,
            AccountClass::SellerTax => PartyNo(a.owner),
            _ => continue,
        };
        let place = String::from_utf8(a.sub.to_be_bytes().to_vec()).unwrap();
        *held.entry((whose, place)).or_insert(0) += a.balance;
    }
    held.retain(|_, sum| *sum != 0);
    held
}

fn returns(t: &Town) -> (State, Returns) {
    let mut returns = Returns::new(TENANT, Date::MIN..Date::MAX);
    let mut state = State::new(5);
    each_event(&t.rows, |event, at| {
        apply(&mut state, event, at);
        returns.note(&state, event);
    });
    (state, returns)
}

#[test]
fn each_share_of_a_split_is_taxed_by_its_own_case() {
    let mut t = town();
    let op = bought(&[("shop", 2), ("stall", 1), ("atelier", 1)], 120 * EURO);
    let id = t.id_of(op.clone());
    assert_eq!(t.events[&id].kind, EventKind::Split);
    let (shop, stall, atelier) = (party(&t, "shop"), party(&t, "stall"), party(&t, "atelier"));
    let shares = shares(&t, id);
    let told: Vec<_> = shares.iter().map(|s| (s.seller, s.net + s.tax)).collect();
    let euro = |n: u64| i128::from(n * EURO);
    assert_eq!(
        told,
        [(shop, euro(60)), (stall, euro(30)), (atelier, euro(30))]
    );
    let decided = |at: usize| {
        let sale = t.state.tax_case(shares[at].case).unwrap().sale;
        let place = sale.place.unwrap().to_string();
        (
            sale.treatment,
            place,
            sale.rate.get(),
            sale.registration.is_some(),
        )
    };
    let fr = || "FR".to_owned();
    // The shop declares France in the one-stop shop; the stall, from outside the Union, is registered
    // nowhere there; the atelier is below the threshold and stays at home.
    assert_eq!(decided(0), (Treatment::Taxed, fr(), 200_000, true));
    assert_eq!(decided(1), (Treatment::Taxed, fr(), 200_000, false));
    assert_eq!(
        decided(2),
        (Treatment::Taxed, "DE".to_owned(), 190_000, true)
    );
    for (share, rate) in shares.iter().zip([200_000, 200_000, 190_000]) {
        let gross = Atoms(u64::try_from(share.net + share.tax).unwrap());
        let tax = ppm(rate).included_in(gross, Rounding::HalfEven);
        assert_eq!(share.tax, i128::from(tax.0));
    }
    // The fee likewise: to the German business it bears the operator's own tax, to the others none.
    let paid = *t.events[&id].part(id).unwrap().paid().unwrap();
    assert_eq!(paid.fee, 12 * EURO);
    let fees: i128 = shares.iter().map(|s| s.fee + s.fee_tax).sum();
    assert_eq!(fees, euro(12));
    let fee_case = |at: usize| t.state.tax_case(shares[at].case).unwrap().fee.treatment;
    assert_eq!(fee_case(0), Treatment::ReverseCharge);
    assert_eq!(shares[0].fee_tax, 0);
    assert_eq!(fee_case(2), Treatment::Taxed);
    assert!(shares[2].fee_tax > 0);
    assert_eq!(
        t.events[&id].part(id).unwrap().fee_tax(),
        u64::try_from(shares.iter().map(|s| s.fee_tax).sum::<i128>()).unwrap()
    );
    // Each in its own account, and each payee has the rest.
    let mut expected = BTreeMap::new();
    for (whose, place, tax) in [
        (shop, "FR", shares[0].tax),
        (stall, "FR", shares[1].tax),
        (atelier, "DE", shares[2].tax),
        (PartyNo::NONE, "DE", shares.iter().map(|s| s.fee_tax).sum()),
    ] {
        expected.insert((whose, place.to_owned()), tax);
    }
    assert_eq!(held(&t), expected);
    let sum: i128 = shares.iter().map(|s| s.tax).sum();
    assert_eq!(i128::from(paid.tax), sum);
    for (name, share) in ["shop", "stall", "atelier"].into_iter().zip(&shares) {
        let of = |no| t.state.wallet(no).first;
        let wallet = t.state.wallet_no(TENANT, wal(name)).unwrap();
        let earned: i128 = t
            .state
            .chain(of(wallet))
            .filter(|(_, a)| a.source == Some(ledger::Source::Earned))
            .map(|(_, a)| a.balance)
            .sum();
        assert_eq!(earned, share.net - share.fee - share.fee_tax, "{name}");
    }
    // Turnover is counted for each.
    for share in &shares {
        let sold = t.state.taxpayer_of(TENANT, share.seller).unwrap();
        let nets: Vec<_> = sold.turnover().map(|turned| turned.net).collect();
        assert_eq!(nets, [share.net]);
    }
    // Presented again it is known; with other shares it is not.
    t.check_as(id, op, Expect::Known);
    let other = t.command(
        id,
        bought(&[("shop", 1), ("stall", 1), ("atelier", 1)], 120 * EURO),
    );
    let differs = engine::repeat::difference(&t.state, &other, &t.events[&id]);
    assert_eq!(differs, Some("payees"));
    let (state, returns) = returns(&t);
    assert_eq!(returns.agrees(), Ok(()));
    assert_eq!(snapshot::digest(&state), snapshot::digest(&t.state));
}

#[test]
fn a_refund_of_a_split_gives_each_share_back_to_the_atom() {
    for refundable in [true, false] {
        let mut t = town();
        t.set_terms(Terms {
            fee_share: ppm(100_000),
            fee_refundable: refundable,
            ..Terms::default()
        });
        let before = held(&t);
        let id = t.id_of(bought(
            &[("shop", 3), ("stall", 0), ("atelier", 4)],
            99_999_999_989,
        ));
        let whole = shares(&t, id);
        assert_eq!(whole.len(), 2, "who has no share supplies nothing");
        let mut back = vec![(0, 0, 0, 0); whole.len()];
        let mut rest = t.paid(id).gross;
        for amount in [1, 33_333_333_333, rest - 33_333_333_334] {
            let refund = t.refund(id, amount);
            let refunded = t.id_of(refund);
            for (sum, share) in back.iter_mut().zip(shares(&t, refunded)) {
                assert_eq!(share.of, id);
                sum.0 += share.net;
                sum.1 += share.tax;
                sum.2 += share.fee;
                sum.3 += share.fee_tax;
            }
            rest -= amount;
        }
        assert_eq!(rest, 0);
        for (back, share) in back.iter().zip(&whole) {
            let (fee, fee_tax) = if refundable {
                (share.fee, share.fee_tax)
            } else {
                (0, 0)
            };
            assert_eq!(*back, (-share.net, -share.tax, -fee, -fee_tax));
        }
        let (_, returns) = returns(&t);
        assert_eq!(returns.agrees(), Ok(()));
        if refundable {
            assert_eq!(held(&t), before);
            assert!(
                t.state
                    .taxpayers
                    .iter()
                    .all(|taxpayer| taxpayer.turnover().next().is_none())
            );
        }
    }
}

#[test]
fn tax_on_top_of_a_split_comes_on_top_of_each_share() {
    let mut t = town();
    let mut op = bought(&[("shop", 1), ("atelier", 1)], 200 * EURO);
    if let Op::Split { spend, .. } = &mut op {
        spend.tax.pricing = Some(Pricing::Exclusive);
        spend.tax.category = Category::Standard;
    }
    let id = t.id_of(op.clone());
    let taxes: Vec<_> = shares(&t, id).iter().map(|s| (s.net, s.tax)).collect();
    let euro = |n: u64| i128::from(n * EURO);
    assert_eq!(taxes, [(euro(100), euro(20)), (euro(100), euro(19))]);
    assert_eq!(t.paid(id).gross, 239 * EURO);
    t.check_as(id, op, Expect::Known);
}

#[test]
fn shares_that_ask_the_same_for_the_first_time_have_one_case() {
    let mut t = town();
    payer(&mut t, "purse", "DE", PartyKind::Business);
    let id = t.id_of(bought(
        &[("atelier", 1), ("purse", 1), ("shop", 1)],
        3 * EURO,
    ));
    let cases: Vec<_> = shares(&t, id).iter().map(|s| s.case).collect();
    assert_eq!(cases[0], cases[1]);
    assert_ne!(cases[0], cases[2]);
    let is_case = |e: &&Effect| matches!(e, Effect::TaxCase(_));
    assert_eq!(t.events[&id].effects.iter().filter(is_case).count(), 2);
    assert_eq!(t.state.cases.len(), 2);
    let (state, _) = returns(&t);
    assert_eq!(state.cases, t.state.cases);
}

/// The treatment of each share's sale: its place and rate.
fn places(t: &Town, id: Id) -> Vec<String> {
    let place = |share: &TaxMove| {
        let sale = t.state.tax_case(share.case).unwrap().sale;
        format!("{} {}", sale.place.unwrap(), sale.rate.get())
    };
    shares(t, id).iter().map(place).collect()
}

/// Payees with their weights, the euros paid, and where each share is taxed.
type Shared<'a> = (&'a [(&'a str, u64)], u64, &'a [&'a str]);

#[test]
fn a_threshold_is_crossed_between_two_shares_of_a_split() {
    // The atelier of Germany sells to France, taxed at home up to 10,000 a year.
    let table: [Shared<'_>; 5] = [
        // Each share alone stays below; the second counts the first.
        (
            &[("atelier", 1), ("atelier", 1)],
            14_000,
            &["DE 190000", "FR 200000"],
        ),
        (
            &[("atelier", 1), ("atelier", 1)],
            9_000,
            &["DE 190000", "DE 190000"],
        ),
        // Another's turnover is its own.
        (
            &[("gilder", 1), ("atelier", 1)],
            14_000,
            &["DE 190000", "DE 190000"],
        ),
        (
            &[("atelier", 2), ("gilder", 1), ("atelier", 1), ("gilder", 2)],
            18_000,
            &["DE 190000", "DE 190000", "DE 190000", "DE 190000"],
        ),
        (
            &[
                ("atelier", 1),
                ("gilder", 1),
                ("atelier", 1),
                ("atelier", 1),
            ],
            28_000,
            &["DE 190000", "DE 190000", "FR 200000", "FR 200000"],
        ),
    ];
    for (payees, euros, expected) in table {
        let mut t = town();
        payer(&mut t, "gilder", "DE", PartyKind::Business);
        let id = t.id_of(bought(payees, euros * EURO));
        assert_eq!(places(&t, id), expected, "{payees:?}");
        // The same, whether it was sold with one payment or with several.
        let mut apart = town();
        payer(&mut apart, "gilder", "DE", PartyKind::Business);
        let weights: u64 = payees.iter().map(|(_, weight)| weight).sum();
        for ((payee, weight), expected) in payees.iter().zip(expected) {
            let share = euros * EURO * weight / weights;
            let id = apart.id_of(bought(&[(payee, 1)], share));
            assert_eq!(places(&apart, id), [*expected], "{payees:?}");
        }
        let (state, returns) = returns(&t);
        assert_eq!(returns.agrees(), Ok(()));
        assert_eq!(snapshot::digest(&state), snapshot::digest(&t.state));
    }
}

#[test]
fn what_the_platform_sells_in_a_split_counts_as_its_own() {
    let mut t = town();
    let mut europe = Europe::of("DE");
    europe.settings.part = Part {
        authorises_charge: true,
        sets_terms: true,
        ..Part::default()
    };
    europe.put(&mut t);
    let payees = [("shop", 1), ("stall", 1)];
    let id = t.id_of(bought(&payees, 14_000 * EURO));
    assert_eq!(places(&t, id), ["DE 190000", "FR 200000"]);
}

#[test]
fn a_split_is_reassessed_share_by_share() {
    let mut t = town();
    let id = t.id_of(bought(&[("shop", 1), ("stall", 1)], 240 * EURO));
    // The rate of France had been typed in wrong.
    let mut rules = (*Europe::of("DE").rules).clone();
    for rate in &mut rules.rates {
        if rate.place == "FR".parse().unwrap() && rate.category == Category::Standard {
            rate.charge = Charge::Taxed(ppm(100_000));
        }
    }
    let rules = Arc::new(rules);
    let europe = Europe {
        rules,
        ..Europe::of("DE")
    };
    europe.put(&mut t);
    let mut reassessment = Reassessment::default();
    let mut state = State::new(3);
    each_event(&t.rows, |event, at| {
        apply(&mut state, event, at);
        reassessment.note(&state, event, &(Date::MIN..Date::MAX));
    });
    let found = reassessment.found(&state, TENANT);
    let told: Vec<_> = found
        .iter()
        .map(|f| (f.payment, f.supplier, f.tax_was))
        .collect();
    let each = 20 * EURO;
    assert_eq!(
        told,
        [
            (id, party(&t, "shop"), each),
            (id, party(&t, "stall"), each)
        ]
    );
}
