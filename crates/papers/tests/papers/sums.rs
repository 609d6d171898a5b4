//! The sums of papers: they add up whatever was paid.

use money::{Asset, Atoms, Ppm, Rounding as Exact};
use papers::facts::{Basis, Paid, Supply, TaxRule, Treatment};
use papers::{Minor, Paper, PaperError, Rounding, compose};
use proptest::prelude::*;

use crate::documents::{self, asset, consumer, draft, party, ppm, supply};

/// BR-CO-10 to BR-CO-17, and that what was paid is not due any more.
fn adds_up(paper: &Paper) {
    let totals = &paper.totals;
    let sum = |amounts: Vec<Minor>| amounts.iter().map(|amount| amount.units()).sum::<i64>();
    let lines = sum(paper.lines.iter().map(|line| line.net).collect());
    assert_eq!(lines, totals.lines.units(), "{}", paper.number);
    let net = totals.lines.units() - totals.allowances.units() + totals.charges.units();
    assert_eq!(net, totals.net.units());
    assert_eq!(
        sum(paper.groups.iter().map(|group| group.net).collect()),
        net
    );
    assert_eq!(
        sum(paper.groups.iter().map(|group| group.tax).collect()),
        totals.tax.units()
    );
    assert_eq!(totals.gross.units(), net + totals.tax.units());
    let due = totals.gross.units() - totals.paid.units() + totals.rounding.units();
    assert_eq!(due, totals.due.units());
}

#[test]
fn all_documents_add_up() {
    for draft in documents::all() {
        let is_paid = draft.paid == Paid::InFull;
        let paper = compose(draft).unwrap();
        adds_up(&paper);
        assert!(!is_paid || paper.totals.due.is_zero(), "{}", paper.number);
    }
}

#[test]
fn japan_rounds_once_for_each_rate_of_the_invoice() {
    let yen = asset("JPY");
    let price = |_| supply("記事", "1.05", &yen, ppm(100), 1);
    let supplies: Vec<Supply> = (0..1_000).map(price).collect();
    let posted: u64 = supplies.iter().map(|supply| supply.tax.get()).sum();
    let paper = compose(draft("1", "JP", party("JP"), yen, supplies)).unwrap();
    // 1,050 yen contain 95.45 yen of tax.
    assert_eq!(paper.totals.tax.to_string(), "95");
    assert_eq!(paper.totals.net.to_string(), "955");
    assert_eq!(paper.totals.gross.to_string(), "1050");
    let remainder = &paper.remainder.tax[0];
    assert_eq!(remainder.posted, u128::from(posted));
    assert_eq!(remainder.stated, 950_000_000);
    assert_eq!(remainder.adjustment, 950_000_000 - i128::from(posted));
    assert_eq!(paper.remainder.gross, 0);
}

#[test]
fn a_paper_that_cannot_be_is_refused() {
    let eur = asset("EUR");
    let good = || {
        draft(
            "1",
            "DE",
            party("DE"),
            eur,
            vec![supply("A", "1.19", &eur, ppm(190), 1)],
        )
    };
    type Change = fn(&mut papers::Draft);
    let table: &[(&str, Change)] = &[
        ("paper_empty", |draft| draft.supplies.clear()),
        ("party_incomplete", |draft| draft.buyer.name.clear()),
        ("party_incomplete", |draft| {
            draft.seller.country = "Germany".to_owned()
        }),
        ("seller_number_missing", |draft| {
            draft.seller.tax_number = None
        }),
        ("tax_without_reason", |draft| {
            draft.supplies[0].treatment = Treatment::Exempt
        }),
        ("tax_does_not_fit", |draft| draft.supplies[0].rate = ppm(70)),
        ("buyer_number_missing", |draft| {
            draft.supplies[0] =
                documents::free("A", "1", &asset("EUR"), Treatment::ReverseCharge, 1);
            draft.buyer = consumer("FR");
        }),
        ("out_of_scope_mixed", |draft| {
            let outside = documents::free("B", "1", &asset("EUR"), Treatment::OutOfScope, 1);
            draft.supplies.push(outside);
        }),
        ("allowance_exceeds", |draft| {
            draft.adjustments.push(papers::facts::Adjustment {
                is_charge: false,
                reason: "too much".to_owned(),
                net: asset("EUR").parse("2").unwrap(),
                tax: Atoms(0),
                rate: ppm(190),
                treatment: Treatment::Taxed,
            });
        }),
        ("not_qualified", |draft| {
            draft.national.qualified_issuer = Some("T1".to_owned())
        }),
    ];
    assert!(compose(good()).is_ok());
    for (code, change) in table {
        let mut draft = good();
        change(&mut draft);
        assert_eq!(compose(draft).map_err(|error| error.code()), Err(*code));
    }
}

#[test]
fn a_simplified_invoice_needs_no_buyer_and_has_no_electronic_form() {
    let eur = asset("EUR");
    let mut draft = draft(
        "1",
        "DE",
        party("DE"),
        eur,
        vec![supply("A", "1.19", &eur, ppm(190), 1)],
    );
    draft.kind = papers::facts::Kind::SimplifiedInvoice;
    draft.buyer = papers::facts::Party::default();
    let paper = compose(draft).unwrap();
    let written = papers::ubl::write(&paper);
    assert_eq!(
        written,
        Err(PaperError::NoElectronicForm("simplified_invoice"))
    );
}

#[test]
fn a_paper_is_kept_as_json_and_comes_back_as_it_was() {
    for draft in documents::all() {
        let paper = compose(draft).unwrap();
        let json = serde_json::to_string(&paper).unwrap();
        assert_eq!(serde_json::from_str::<Paper>(&json).unwrap(), paper);
    }
}

const CURRENCIES: [&str; 4] = ["EUR", "JPY", "USDC", "KWD"];

fn any_supply() -> impl Strategy<Value = (u64, u32, u8)> {
    let rates = prop::sample::select(vec![0, 21_000, 55_000, 70_000, 100_000, 190_000, 270_000]);
    (0..100_000_000_000_u64, rates, 0..4_u8)
}

fn split(asset: &Asset, gross: u64, rate: u32, product: u8) -> Supply {
    let rate = Ppm::new(rate).unwrap();
    let tax = rate.included_in(Atoms(gross), Exact::HalfEven);
    Supply {
        net: Atoms(gross - tax.get()),
        tax,
        ..supply(&format!("P{product}"), "1", asset, rate, 1)
    }
}

proptest! {
    #[test]
    fn whatever_was_paid_adds_up(
        payments in prop::collection::vec(any_supply(), 1..60),
        currency in 0..4_usize,
        is_gross in any::<bool>(),
        mode in 0..4_usize,
    ) {
        let asset = asset(CURRENCIES[currency]);
        let supplies: Vec<Supply> = payments
            .iter()
            .map(|(gross, rate, product)| split(&asset, *gross, *rate, *product))
            .collect();
        let paid: u128 = payments.iter().map(|(gross, ..)| u128::from(*gross)).sum();
        let modes = [Rounding::HalfUp, Rounding::HalfEven, Rounding::Down, Rounding::Up];
        let mut draft = draft("1", "DE", party("DE"), asset, supplies);
        draft.tax_rule = TaxRule {
            basis: if is_gross { Basis::Gross } else { Basis::Net },
            rounding: modes[mode],
        };
        let paper = compose(draft).unwrap();
        adds_up(&paper);
        prop_assert!(paper.totals.due.is_zero());
        // The paper says what was paid, to within half a minor unit.
        let unit = papers::rounding::Unit::of(&asset);
        prop_assert_eq!(unit.round(paid, Rounding::HalfUp).unwrap(), paper.totals.paid);
        prop_assert!(paper.remainder.gross.unsigned_abs() * 2 <= u128::from(unit.atoms()));
        for remainder in &paper.remainder.tax {
            let parted = remainder.stated as i128 - remainder.posted as i128;
            prop_assert_eq!(parted, remainder.adjustment);
        }
    }

    #[test]
    fn credit_notes_over_everything_come_to_the_invoice_in_however_many_parts(
        payments in prop::collection::vec((any_supply(), 0..=1_000_u64, 0..4_usize, 0..4_usize), 1..40),
        currency in 0..4_usize,
        is_gross in any::<bool>(),
        mode in 0..4_usize,
    ) {
        let asset = asset(CURRENCIES[currency]);
        let modes = [Rounding::HalfUp, Rounding::HalfEven, Rounding::Down, Rounding::Up];
        let draft_of = |supplies: Vec<Supply>| {
            let mut draft = draft("1", "DE", party("DE"), asset, supplies);
            draft.tax_rule = TaxRule {
                basis: if is_gross { Basis::Gross } else { Basis::Net },
                rounding: modes[mode],
            };
            draft
        };
        let whole = |&((gross, rate, product), ..): &((u64, u32, u8), u64, usize, usize)| {
            split(&asset, gross, rate, product)
        };
        let invoice = compose(draft_of(payments.iter().map(whole).collect())).unwrap();
        // Each payment is given back in two parts, on credit notes of their own.
        let mut notes: [Vec<Supply>; 4] = Default::default();
        for payment in &payments {
            let (all, (_, share, first, second)) = (whole(payment), *payment);
            let part = |atoms: Atoms| Atoms((u128::from(atoms.0) * u128::from(share) / 1_000) as u64);
            let (net, tax) = (part(all.net), part(all.tax));
            let rest = (Atoms(all.net.0 - net.0), Atoms(all.tax.0 - tax.0));
            notes[first].push(Supply { net, tax, ..all.clone() });
            notes[second].push(Supply { net: rest.0, tax: rest.1, ..all });
        }
        let mut credited: Vec<Supply> = Vec::new();
        let mut sums = [0_i64; 5];
        let mut adjusted = std::collections::BTreeMap::new();
        for supplies in notes.into_iter().filter(|supplies| !supplies.is_empty()) {
            let mut draft = draft_of(supplies.clone());
            draft.kind = papers::facts::Kind::CreditNote {
                original: papers::facts::Reference { number: "1".to_owned(), issued: draft.issued },
                reason: "given back".to_owned(),
            };
            draft.credited = credited.clone();
            let note = compose(draft).unwrap();
            adds_up(&note);
            prop_assert!(note.totals.due.is_zero());
            let of = |totals: &papers::Totals| [
                totals.net, totals.tax, totals.gross, totals.rounding, totals.paid,
            ].map(Minor::units);
            for (sum, more) in sums.iter_mut().zip(of(&note.totals)) {
                *sum += more;
            }
            for one in &note.remainder.tax {
                *adjusted.entry((one.treatment, one.rate)).or_insert(0) += one.adjustment;
            }
            credited.extend(supplies);
        }
        let totals = &invoice.totals;
        let wanted = [totals.net, totals.tax, totals.gross, totals.rounding, totals.paid];
        prop_assert_eq!(sums, wanted.map(Minor::units));
        for one in &invoice.remainder.tax {
            prop_assert_eq!(adjusted[&(one.treatment, one.rate)], one.adjustment);
        }
    }
}
