//! Which decision of tax a payment finds again, when its seller has changed in between.

use crate::taxes::{EURO, payer, paying, sells, town};
use crate::town::*;
use engine::records::PartyKind;
use engine::taxes::Seller;
use engine::{Id, Op};

fn seller_of(town: &Town, payment: Id) -> Seller {
    let case = town.state.tax_case(town.paid(payment).case).unwrap();
    case.question.seller
}

#[test]
fn what_is_given_back_or_taken_later_brings_no_earlier_decision_back() {
    let mut t = town("2026-11-23", "DE", &[], 0);
    payer(&mut t, "hans", "DE", PartyKind::Person);
    let spend = paying("hans", 119 * EURO, "bank=DE");
    let buy = |t: &mut Town| t.id_of(pay_with(spend, "shop"));
    let first = buy(&mut t);
    let held = t.id_of(Op::Authorize {
        spend,
        payee: wal("shop"),
        expires: None,
    });
    let before = seller_of(&t, first);
    t.run(sells("shop", "DE", &["FR"]));
    let second = buy(&mut t);
    assert_ne!(seller_of(&t, second), before);
    let (now, given_back) = (seller_of(&t, second), t.refund(first, 19 * EURO));
    t.run(given_back);
    let third = buy(&mut t);
    assert_eq!(seller_of(&t, third), now);
    t.run(capture_last(held, 119 * EURO));
    let fourth = buy(&mut t);
    assert_eq!(seller_of(&t, fourth), now);
}
