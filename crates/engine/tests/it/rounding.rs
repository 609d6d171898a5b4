//! What rounding a paper leaves of a tax: posted once, in double entry, told in the return, and
//! given back.

use crate::taxes::{EURO, each_event, payer, paying, town};
use crate::town::*;
use engine::command::TaxRounding;
use engine::records::{PartyKind, PartyNo};
use engine::repeat::difference;
use engine::taxes::returns::{Reassessment, Returns};
use engine::terms::Country;
use engine::{Code, EventKind, Id, Op, State, apply};
use ledger::AccountClass;
use tax::Date;

const PAPER: Id = Id(77);

/// What a paper over a seller's payments of one case left.
pub fn round(case: u32, seller: &str, amount: i64) -> Op {
    let rounding = TaxRounding {
        case,
        seller: par(seller),
        is_fee: false,
        country: Country(*b"DE"),
        asset: EUR,
        amount,
    };
    Op::RoundTax {
        paper: PAPER,
        rounding,
    }
}

fn of(op: Op, change: impl FnOnce(&mut TaxRounding)) -> Op {
    match op {
        Op::RoundTax {
            paper,
            mut rounding,
        } => {
            change(&mut rounding);
            Op::RoundTax { paper, rounding }
        }
        other => other,
    }
}

/// The accounts that a rounding may move, with what is in them.
fn balances(town: &Town) -> Vec<(AccountClass, u32, [u8; 2], i128)> {
    use AccountClass::*;
    let accounts = town.state.book.iter().map(|(_, account)| account);
    let ours = accounts.filter(|a| matches!(a.class, Tax | SellerTax | Rounding | SellerRounding));
    let mut found: Vec<_> = ours
        .filter(|a| a.balance != 0)
        .map(|a| (a.class, a.owner, a.sub.to_be_bytes(), a.balance))
        .collect();
    found.sort_unstable();
    found
}

fn sold() -> Town {
    let mut t = town("2026-11-23", "IE", &["oss IE"], 100_000);
    payer(&mut t, "marie", "FR", PartyKind::Person);
    t.id_of(pay_with(paying("marie", 120 * EURO, "ip=FR"), "shop"));
    t
}

#[test]
fn a_remainder_moves_the_tax_account_and_one_of_its_own() {
    let mut t = sold();
    let shop = t.state.party_no(TENANT, par("shop")).unwrap();
    let before = balances(&t);
    let event = t.run(round(1, "shop", -7));
    assert_eq!(event.kind, EventKind::TaxRounded);
    assert_eq!(event.postings.iter().map(|p| p.amount).sum::<i128>(), 0);
    let after = balances(&t);
    assert!(after.contains(&(AccountClass::SellerRounding, shop.0, *b"FR", 7)));
    let tax = (AccountClass::SellerTax, shop.0, *b"FR");
    assert!(after.contains(&(tax.0, tax.1, tax.2, i128::from(20 * EURO) - 7)));
    // Turnover is what was paid: rounding moves none.
    let taxpayer = t.state.taxpayer_of(TENANT, shop).unwrap();
    assert!(
        taxpayer
            .turnover()
            .all(|turned| turned.net == i128::from(100 * EURO))
    );
    t.run(round(1, "shop", 7));
    assert_eq!(balances(&t), before);
    t.audit();
}

#[test]
fn the_tax_in_a_fee_and_tax_by_the_terms_are_the_operators() {
    let mut t = sold();
    t.run(of(round(1, "shop", 3), |r| r.is_fee = true));
    let rounding = |land: &[u8; 2], amount| (AccountClass::Rounding, TENANT.0, *land, amount);
    // The fee to a seller of Ireland is taxed there, by whichever treatment.
    assert!(balances(&t).contains(&rounding(b"IE", -3)));
    t.run(of(round(0, "shop", 4), |r| r.country = Country(*b"JP")));
    assert!(balances(&t).contains(&rounding(b"JP", -4)));
    t.audit();
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let mut t = sold();
    let unknown = of(round(1, "shop", 1), |r| r.asset.0 = 999);
    for (op, code, field) in [
        (round(1, "shop", 0), Code::Malformed, "amount"),
        (round(9, "shop", 1), Code::NotFound, "case"),
        (round(1, "nobody", 1), Code::NotFound, "seller"),
        (unknown, Code::NotFound, "asset"),
    ] {
        let (_, answer) = t.try_run(op);
        let Answer::Rejected(why) = answer else {
            panic!("{answer:?}");
        };
        assert_eq!((why.code, why.field), (code, field));
    }
}

#[test]
fn one_id_posts_once_and_anything_else_under_it_is_another_command() {
    let mut t = sold();
    let id = t.new_id();
    let first = t.command(id, round(1, "shop", -7));
    assert!(matches!(t.ask(&first), Answer::Done(_)));
    let stands = balances(&t);
    assert!(matches!(t.ask(&first), Answer::Known(..)));
    let by_terms = t.new_id();
    let without = round(0, "shop", -7);
    t.ask(&t.command(by_terms, without.clone()));
    let asks = |op: &Op, change: fn(&mut TaxRounding)| of(op.clone(), change);
    let with = round(1, "shop", -7);
    for (id, op, expected) in [
        (id, with.clone(), None),
        (id, asks(&with, |r| r.amount = -8), Some("rounding")),
        (id, asks(&with, |r| r.case = 0), Some("rounding")),
        (
            id,
            asks(&with, |r| r.seller = par("stall")),
            Some("rounding"),
        ),
        (id, asks(&with, |r| r.is_fee = true), Some("rounding")),
        (id, asks(&with, |r| r.asset.0 = 0), Some("rounding")),
        (id, asks(&with, |r| r.country.0 = *b"JP"), None),
        (by_terms, without.clone(), None),
        (
            by_terms,
            asks(&without, |r| r.country.0 = *b"JP"),
            Some("rounding"),
        ),
        (by_terms, asks(&without, |r| r.case = 1), Some("rounding")),
    ] {
        let again = t.command(id, op);
        let told = difference(&t.state, &again, &t.events[&id]);
        assert_eq!(told, expected, "{again:?}");
    }
    t.run(of(round(0, "shop", 7), |_| ()));
    assert_eq!(balances(&t), stands);
}

#[test]
fn a_return_tells_it_with_its_rate_and_a_reassessment_leaves_it() {
    let mut t = sold();
    t.run(round(1, "shop", 5));
    t.run(of(round(0, "shop", 4), |r| r.country = Country(*b"JP")));
    let mut returns = Returns::new(TENANT, Date::MIN..Date::MAX);
    let mut again = Reassessment::default();
    let mut state = State::new(5);
    each_event(&t.rows, |event, at| {
        apply(&mut state, event, at);
        returns.note(&state, event);
        again.note(&state, event, &(Date::MIN..Date::MAX));
    });
    assert_eq!(returns.agrees(), Ok(()));
    let shop = t.state.party_no(TENANT, par("shop")).unwrap();
    let sale = returns.figures.iter().find(|(f, _)| f.supplier == shop);
    let (_, sum) = sale.unwrap();
    assert_eq!(
        (sum.net, sum.tax),
        (i128::from(100 * EURO), i128::from(20 * EURO) + 5)
    );
    assert_eq!(sum.behind.len(), 2);
    // What no tax rule decided stands beside.
    assert_eq!(returns.besides.get(&(PartyNo::NONE, *b"JP", EUR)), Some(&4));
    assert!(again.found(&state, TENANT).is_empty());
}
