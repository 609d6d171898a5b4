//! What a quantity costs: a table for every model at its boundaries, and what holds for any price.
#![allow(clippy::unwrap_used)]

use money::{AssetCode, Atoms, Ppm};
use pricing::{
    Band, Context, Kind, Model, NotQuoted, Period, Price, Quote, Rate, SoFar, Unit, Variant,
    Version, When, Wrong, check,
};
use proptest::prelude::*;

const NOON: Context = Context {
    minute: 720,
    weekday: 0,
    country: *b"DE",
    tier: 1,
    kind: Kind::Person,
    tag: 0,
};

fn price(period: Period, model: Model) -> Price {
    Price {
        product: 0,
        asset: AssetCode::new("EUR").unwrap(),
        tax_included: None,
        period,
        free: 0,
        rate: Rate {
            base: Atoms(0),
            model,
        },
        variants: Vec::new(),
        refund_restores_use: false,
    }
}

fn version(price: Price) -> Version {
    Version::new(1, 0, price).unwrap()
}

fn per_unit(units: &[(&str, u64, u64)]) -> Model {
    let unit = |&(name, amount, per): &(&str, u64, u64)| Unit {
        name: name.to_owned(),
        amount: Atoms(amount),
        per,
    };
    Model::PerUnit {
        units: units.iter().map(unit).collect(),
    }
}

fn bands(rows: &[(u64, u64, u64, u64)]) -> Vec<Band> {
    let band = |&(up_to, amount, per, base): &(u64, u64, u64, u64)| Band {
        up_to: (up_to > 0).then_some(up_to),
        amount: Atoms(amount),
        per,
        base: Atoms(base),
    };
    rows.iter().map(band).collect()
}

fn quote(version: &Version, quantity: u64, so_far: SoFar) -> Quote {
    version.quote(0, quantity, so_far, &NOON).unwrap()
}

/// What so much more costs after so much was used: as one quote, and by one at a time.
#[track_caller]
fn costs(price: &Price, used: u64, quantity: u64, expected: u64) {
    let version = version(price.clone());
    let before = match used {
        0 => SoFar::default(),
        used => quote(&version, used, SoFar::default()).after,
    };
    let at_once = quote(&version, quantity, before);
    assert_eq!(at_once.amount, Atoms(expected), "{used} + {quantity}");
    if price.period != Period::Payment {
        let (mut after, mut sum) = (before, 0);
        for _ in 0..quantity {
            let one = quote(&version, 1, after);
            sum += one.amount.0;
            after = one.after;
        }
        assert_eq!(
            (sum, after),
            (expected, at_once.after),
            "{used} + {quantity}"
        );
    }
}

#[test]
fn every_model_at_its_boundaries() {
    use Period::{Day, Month, Payment};
    let flat = |amount| Model::Flat {
        amount: Atoms(amount),
    };
    // A flat price for each payment, whatever the quantity; and a pass for a day.
    let article = price(Payment, flat(50));
    costs(&article, 0, 1, 50);
    costs(&article, 7, 9, 50);
    let pass = price(Day, flat(500));
    costs(&pass, 0, 1, 500);
    costs(&pass, 1, 20, 0);

    // Three for two atoms: what is left over is carried.
    let thirds = price(Payment, per_unit(&[("", 2, 3)]));
    for (used, quantity, expected) in [
        (0, 1, 0),
        (1, 1, 1),
        (2, 1, 1),
        (0, 3, 2),
        (2, 2, 1),
        (3, 1, 0),
    ] {
        costs(&thirds, used, quantity, expected);
    }

    let package = |period| {
        price(
            period,
            Model::Package {
                size: 10,
                amount: Atoms(7),
            },
        )
    };
    for (used, quantity, expected) in [
        (0, 1, 7),
        (0, 10, 7),
        (0, 11, 14),
        (1, 9, 0),
        (9, 1, 0),
        (10, 1, 7),
        (5, 30, 21),
    ] {
        costs(&package(Month), used, quantity, expected);
    }
    costs(&package(Payment), 1, 9, 7); // Of another payment nothing is left.

    // To 10 at 5, to 20 at 3 and 4 besides, then one for two.
    let rows = bands(&[(10, 5, 1, 0), (20, 3, 1, 4), (0, 1, 2, 0)]);
    let graduated = |period| {
        price(
            period,
            Model::Graduated {
                bands: rows.clone(),
            },
        )
    };
    for (used, quantity, expected) in [
        (0, 1, 5),
        (0, 10, 50),
        (0, 11, 57),
        (9, 1, 5),
        (10, 1, 7),
        (11, 1, 3),
        (0, 20, 84),
        (19, 1, 3),
        (20, 1, 0),
        (20, 2, 1),
        (21, 1, 1),
        (0, 24, 86),
        (9, 12, 39),
    ] {
        costs(&graduated(Month), used, quantity, expected);
    }
    costs(&graduated(Payment), 10, 1, 5);

    let volume = |period| {
        price(
            period,
            Model::Volume {
                bands: rows.clone(),
            },
        )
    };
    for (quantity, expected) in [
        (1, 5),
        (10, 50),
        (11, 37),
        (15, 49),
        (20, 64),
        (21, 10),
        (200, 100),
    ] {
        costs(&volume(Payment), 0, quantity, expected);
    }
    // Nothing is given back: more is free until it would have come to what was paid.
    for (used, quantity, expected) in [
        (0, 10, 50),
        (10, 1, 0),
        (10, 5, 0),
        (10, 6, 2),
        (15, 1, 2),
        (0, 16, 52),
        (20, 108, 0),
        (20, 110, 1),
        (0, 200, 100),
    ] {
        costs(&volume(Month), used, quantity, expected);
    }

    // 2.5 %, at least 3 and at most 100.
    let share = |period| {
        let share = Ppm::new(25_000).unwrap();
        price(
            period,
            Model::Percentage {
                share,
                minimum: Atoms(3),
                maximum: Some(Atoms(100)),
            },
        )
    };
    for (quantity, expected) in [
        (1, 3),
        (120, 3),
        (159, 3),
        (160, 4),
        (4_000, 100),
        (9_000, 100),
    ] {
        costs(&share(Payment), 0, quantity, expected);
    }
    for (used, quantity, expected) in [
        (1, 119, 0),
        (120, 39, 0),
        (120, 40, 1),
        (3_999, 2, 1),
        (4_000, 9, 0),
    ] {
        costs(&share(Month), used, quantity, expected);
    }

    // Two parts: a base once a period, or with each payment, and so much a unit.
    let two_part = |period| {
        let mut both = price(period, per_unit(&[("", 2, 1)]));
        both.rate.base = Atoms(30);
        both
    };
    costs(&two_part(Month), 0, 5, 40);
    costs(&two_part(Month), 5, 5, 10);
    costs(&two_part(Payment), 5, 5, 40);
}

#[test]
fn the_first_of_a_period_are_free() {
    let mut three = price(Period::Month, per_unit(&[("", 5, 1)]));
    three.free = 3;
    for (used, quantity, expected) in [(0, 3, 0), (0, 4, 5), (2, 1, 0), (2, 2, 5), (3, 1, 5)] {
        costs(&three, used, quantity, expected);
    }
    let version = version(three.clone());
    let both = quote(
        &version,
        4,
        SoFar {
            used: 1,
            ..SoFar::default()
        },
    );
    assert_eq!((both.free, both.after.used), (2, 5));
    // A base is for use, free or not.
    three.rate.base = Atoms(9);
    costs(&three, 0, 1, 9);
    // Free units are the first of each payment, if that is the period.
    three.period = Period::Payment;
    costs(&three, 8, 4, 14);
}

#[test]
fn periods_have_the_number_of_their_day_month_or_year() {
    let (day, month) = (20_781, 2026 * 12 + 10);
    for (period, number) in [
        (Period::Payment, 0),
        (Period::Day, day),
        (Period::Month, month),
        (Period::Year, 2026),
        (Period::Ever, 0),
    ] {
        assert_eq!(period.number(day, month), number);
    }
}

#[test]
fn the_first_variant_that_fits_stands() {
    let flat = |amount| Rate {
        base: Atoms(0),
        model: Model::Flat {
            amount: Atoms(amount),
        },
    };
    let variant = |name: &str, when, amount| Variant {
        name: name.to_owned(),
        when,
        rate: flat(amount),
    };
    let mut fare = price(Period::Payment, flat(300).model);
    let night = When {
        minutes: Some((1_320, 360)),
        ..When::default()
    };
    let students = When {
        tags: vec![2],
        ..When::default()
    };
    fare.variants = vec![
        variant("night", night, 200),
        variant("students", students, 150),
    ];
    let version = version(fare);
    for (minute, tag, amount, which) in [
        (720, 0, 300, None),
        (1_319, 1, 300, None),
        (1_320, 0, 200, Some(0)),
        (359, 2, 200, Some(0)),
        (360, 2, 150, Some(1)),
        (360, 0, 300, None),
    ] {
        let context = Context {
            minute,
            tag,
            ..NOON
        };
        let quote = version.quote(0, 1, SoFar::default(), &context).unwrap();
        assert_eq!((quote.amount, quote.variant), (Atoms(amount), which));
    }
}

#[test]
fn what_cannot_be_quoted_has_a_name() {
    let tokens = version(price(
        Period::Ever,
        per_unit(&[("in", 1, 2), ("out", u64::MAX, 2)]),
    ));
    let asked = |unit, quantity, used| {
        let so_far = SoFar {
            used,
            ..SoFar::default()
        };
        tokens
            .quote(unit, quantity, so_far, &NOON)
            .map(|q| q.amount)
    };
    assert_eq!(asked(0, 0, 0), Err(NotQuoted::NoQuantity));
    assert_eq!(asked(2, 1, 0), Err(NotQuoted::UnknownUnit(2)));
    assert_eq!(asked(0, 2, u64::MAX - 1), Err(NotQuoted::Overflow));
    assert_eq!(asked(0, 1, u64::MAX - 1), Ok(Atoms(0)));
    assert_eq!(asked(1, 3, 0), Err(NotQuoted::Overflow));
    assert_eq!(asked(1, 2, 0), Ok(Atoms(u64::MAX)));
    assert_eq!(asked(1, u64::MAX, 0), Err(NotQuoted::Overflow));
    let flat = version(price(Period::Payment, Model::Flat { amount: Atoms(1) }));
    let other = flat.quote(1, 1, SoFar::default(), &NOON);
    assert_eq!(other, Err(NotQuoted::UnknownUnit(1)));
}

#[test]
fn what_is_left_over_is_taken_to_another_denominator() {
    let thirds = version(price(Period::Payment, per_unit(&[("", 1, 3)])));
    let tenths = version(price(Period::Payment, per_unit(&[("", 1, 10)])));
    let left = quote(&thirds, 2, SoFar::default()).after; // 2/3
    assert_eq!((left.remainder, left.denominator), (2, 3));
    let next = quote(&tenths, 3, left); // 6/10 and 3/10: nine tenths
    assert_eq!((next.amount, next.after.remainder), (Atoms(0), 9));
    let flat = version(price(Period::Month, Model::Flat { amount: Atoms(4) }));
    let last = quote(&flat, 1, next.after);
    assert_eq!((last.amount, last.after.remainder), (Atoms(4), 0));
}

#[test]
fn all_that_is_wrong_is_said() {
    let rate = |model| Rate {
        base: Atoms(0),
        model,
    };
    let month = |model| price(Period::Month, model);
    let rows = |rows: &[(u64, u64, u64, u64)]| month(Model::Graduated { bands: bands(rows) });
    let mut flat_base = month(Model::Flat { amount: Atoms(1) });
    flat_base.rate.base = Atoms(1);
    let with = |whens: Vec<When>, model: Model| {
        let mut price = month(Model::Flat { amount: Atoms(1) });
        let variant = |when| Variant {
            name: "v".into(),
            when,
            rate: rate(model.clone()),
        };
        price.variants = whens.into_iter().map(variant).collect();
        price
    };
    let flat = Model::Flat { amount: Atoms(2) };
    let german = When {
        countries: vec![*b"DE"],
        ..When::default()
    };
    let german_night = When {
        minutes: Some((0, 60)),
        ..german.clone()
    };
    let share = Ppm::new(1).unwrap();
    let (least, most) = (Atoms(2), Some(Atoms(1)));
    for (price, expected) in [
        (
            month(per_unit(&[("", 1, 0)])),
            vec![Wrong::ZeroQuantity(None)],
        ),
        (
            month(per_unit(&[("", 1, 1), ("b", 1, 1)])),
            vec![Wrong::UnitName(None)],
        ),
        (month(per_unit(&[])), vec![Wrong::Nothing(None)]),
        (
            month(per_unit(&[("a", 1, 1), ("a", 1, 1)])),
            vec![Wrong::UnitName(None)],
        ),
        (
            month(per_unit(&[("a", 1, 999_983), ("b", 1, 1_000_003)])),
            vec![],
        ),
        (
            month(per_unit(&[("a", 1, 1_000_003), ("b", 1, 1_000_033)])),
            vec![Wrong::TooFine],
        ),
        (
            month(Model::Package {
                size: 0,
                amount: Atoms(1),
            }),
            vec![Wrong::ZeroQuantity(None)],
        ),
        (rows(&[]), vec![Wrong::Nothing(None)]),
        (rows(&[(10, 1, 1, 0), (0, 1, 1, 0)]), vec![]),
        (
            rows(&[(10, 1, 1, 0), (10, 1, 1, 0), (0, 1, 1, 0)]),
            vec![Wrong::NotAscending(None)],
        ),
        (rows(&[(10, 1, 1, 0)]), vec![Wrong::OpenEnd(None)]),
        (
            rows(&[(0, 1, 1, 0), (10, 1, 1, 0)]),
            vec![Wrong::OpenEnd(None)],
        ),
        (
            rows(&[(10, 1, 0, 0), (0, 1, 1, 0)]),
            vec![Wrong::ZeroQuantity(None)],
        ),
        (
            month(Model::Percentage {
                share,
                minimum: least,
                maximum: most,
            }),
            vec![Wrong::MinimumAboveMaximum(None)],
        ),
        (flat_base, vec![Wrong::BaseOfFlat(None)]),
        (with(vec![german.clone()], flat.clone()), vec![]),
        (
            with(vec![german_night.clone(), german.clone()], flat.clone()),
            vec![],
        ),
        (
            with(vec![german.clone(), german_night], flat.clone()),
            vec![Wrong::Unreachable {
                variant: Some(1),
                earlier: 0,
            }],
        ),
        (
            with(
                vec![When {
                    weekdays: vec![7],
                    ..When::default()
                }],
                flat.clone(),
            ),
            vec![Wrong::Never(Some(0))],
        ),
        (
            with(
                vec![When {
                    minutes: Some((9, 9)),
                    ..When::default()
                }],
                flat,
            ),
            vec![Wrong::Never(Some(0))],
        ),
        (
            with(vec![german], per_unit(&[("a", 1, 1)])),
            vec![Wrong::OtherUnits(Some(0))],
        ),
    ] {
        assert_eq!(
            check(&price).err().unwrap_or_default(),
            expected,
            "{price:?}"
        );
    }
}

#[test]
fn too_much_is_refused_before_it_is_looked_at() {
    let variant = |when| Variant {
        name: String::new(),
        when,
        rate: flat_rate(),
    };
    let at = |count: usize| When {
        weekdays: vec![6; count],
        ..When::default()
    };
    let countries = |count: usize| When {
        countries: vec![*b"DE"; count],
        ..When::default()
    };
    let units = |count: usize| Model::PerUnit {
        units: (0..count)
            .map(|at| Unit {
                name: at.to_string(),
                amount: Atoms(1),
                per: 1,
            })
            .collect(),
    };
    let flat = |variants| Price {
        variants,
        ..price(Period::Month, flat_rate().model)
    };
    for (price, is_too_much) in [
        (price(Period::Month, units(Price::ROWS_MAX)), false),
        (price(Period::Month, units(Price::ROWS_MAX + 1)), true),
        (flat(vec![variant(at(7))]), false),
        (flat(vec![variant(at(8))]), true),
        (flat(vec![variant(countries(Price::COUNTRIES_MAX))]), false),
        (
            flat(vec![variant(countries(Price::COUNTRIES_MAX + 1))]),
            true,
        ),
        (flat(vec![variant(at(1)); Price::VARIANTS_MAX + 1]), true),
    ] {
        let wrong = check(&price).err().unwrap_or_default();
        assert_eq!(wrong == [Wrong::TooMany], is_too_much, "{wrong:?}");
        assert!(is_too_much || wrong.is_empty(), "{wrong:?}");
    }
}

fn flat_rate() -> Rate {
    Rate {
        base: Atoms(0),
        model: Model::Flat { amount: Atoms(1) },
    }
}

fn any_bands() -> impl Strategy<Value = Vec<Band>> {
    let row = (1u64..400, 0u64..2_000, 1u64..40, 0u64..50);
    proptest::collection::vec(row, 1..5).prop_map(|rows| {
        let (mut end, last) = (0, rows.len() - 1);
        let band = |(at, (width, amount, per, base))| {
            end += width;
            Band {
                up_to: (at < last).then_some(end),
                amount: Atoms(amount),
                per,
                base: Atoms(base),
            }
        };
        rows.into_iter().enumerate().map(band).collect()
    })
}

fn any_model() -> impl Strategy<Value = Model> {
    prop_oneof![
        (0u64..500).prop_map(|amount| Model::Flat {
            amount: Atoms(amount)
        }),
        (0u64..5_000, 1u64..1_000).prop_map(|(amount, per)| per_unit(&[("u", amount, per)])),
        (1u64..50, 0u64..500).prop_map(|(size, amount)| Model::Package {
            size,
            amount: Atoms(amount)
        }),
        any_bands().prop_map(|bands| Model::Graduated { bands }),
        any_bands().prop_map(|bands| Model::Volume { bands }),
        (0u32..=1_000_000, 0u64..50, 50u64..500, any::<bool>()).prop_map(
            |(share, least, most, has)| {
                Model::Percentage {
                    share: Ppm::new(share).unwrap(),
                    minimum: Atoms(least),
                    maximum: has.then_some(Atoms(most)),
                }
            }
        ),
    ]
}

fn any_price() -> impl Strategy<Value = Price> {
    (any_model(), 0u64..200, 0u64..100).prop_map(|(model, free, base)| {
        let mut price = price(Period::Ever, model);
        price.free = free;
        if !matches!(price.rate.model, Model::Flat { .. }) {
            price.rate.base = Atoms(base);
        }
        price
    })
}

proptest! {
    #[test]
    fn any_parts_cost_what_the_whole_does(
        price in any_price(), parts in proptest::collection::vec(1u64..300, 1..20),
    ) {
        prop_assume!(check(&price).is_ok());
        let version = version(price);
        let (mut so_far, mut sum, mut free) = (SoFar::default(), 0, 0);
        for part in &parts {
            let part = quote(&version, *part, so_far);
            (so_far, sum, free) = (part.after, sum + part.amount.0, free + part.free);
        }
        let whole = quote(&version, parts.iter().sum(), SoFar::default());
        prop_assert_eq!((Atoms(sum), free, so_far), (whole.amount, whole.free, whole.after));
    }

    #[test]
    fn more_never_costs_less(price in any_price(), used in 0u64..2_000, more in 1u64..2_000) {
        prop_assume!(check(&price).is_ok());
        let version = version(price);
        let before = match used {
            0 => SoFar::default(),
            used => quote(&version, used, SoFar::default()).after,
        };
        let (less, more) = (quote(&version, more, before), quote(&version, more + 1, before));
        prop_assert!(less.amount <= more.amount);
        prop_assert!(less.after.remainder < version.denominator());
    }

    #[test]
    fn several_units_share_one_remainder(
        (input, output) in ((0u64..1_000_000, 1u64..500), (0u64..1_000_000, 1u64..500)),
        calls in proptest::collection::vec((0u16..2, 1u64..100_000), 1..60),
    ) {
        let units = [("in", input.0, input.1), ("out", output.0, output.1)];
        let version = version(price(Period::Payment, per_unit(&units)));
        let (mut so_far, mut charged, mut used) = (SoFar::default(), 0u128, [0u128; 2]);
        for (unit, quantity) in calls {
            let quote = version.quote(unit, quantity, so_far, &NOON).unwrap();
            so_far = quote.after;
            charged += u128::from(quote.amount.0);
            used[usize::from(unit)] += u128::from(quantity);
            // All that was used, priced exactly and rounded down once.
            let [(of_in, per_in), (of_out, per_out)] =
                [input, output].map(|(amount, per)| (u128::from(amount), u128::from(per)));
            let exact = used[0] * of_in * per_out + used[1] * of_out * per_in;
            prop_assert_eq!(charged, exact / (per_in * per_out));
        }
    }
}

#[test]
fn what_stands_costs_what_it_would_have_alone() {
    let mut graduated = price(
        Period::Month,
        Model::Graduated {
            bands: bands(&[(10, 5, 1, 3), (0, 1, 3, 7)]),
        },
    );
    graduated.free = 2;
    let graduated = version(graduated);
    let (first, second) = (13, 5);
    let a = quote(&graduated, first, SoFar::default());
    let b = quote(&graduated, second, a.after);
    // The first is given back whole: the second is worth what five alone are.
    let back = graduated.given_back(0, (first, a.amount), b.after);
    let back = back.unwrap();
    let alone = quote(&graduated, second, SoFar::default());
    assert_eq!(back.used, second);
    let next = (
        quote(&graduated, 9, back),
        quote(&graduated, 9, alone.after),
    );
    assert_eq!(
        b.amount.0 + next.0.amount.0,
        alone.amount.0 + next.1.amount.0
    );
    // Another period owes the fraction only.
    let over = back.carried_over();
    assert_eq!((over.used, over.due), (0, 0));
    // Of a price for each payment nothing is added up.
    let each = version(price(Period::Payment, per_unit(&[("", 2, 3)])));
    let of_each = each.given_back(0, (4, Atoms(2)), quote(&each, 4, SoFar::default()).after);
    assert_eq!(of_each, None);
}

proptest! {
    #[test]
    fn what_is_paid_is_what_the_use_that_stands_comes_to(
        free in 0u64..8, base in 0u64..20, per in 1u64..7, amount in 0u64..30,
        steps in proptest::collection::vec((0u8..3, 1u64..12), 1..30),
    ) {
        let mut price = price(Period::Month, per_unit(&[("", amount, per)]));
        (price.free, price.rate.base) = (free, Atoms(base));
        let version = version(price);
        let (mut so_far, mut made, mut paid) = (SoFar::default(), Vec::new(), 0i128);
        for (what, quantity) in steps {
            if what > 0 || made.is_empty() {
                let next = quote(&version, quantity, so_far);
                made.push((quantity, next.amount));
                paid += i128::from(next.amount.0);
                so_far = next.after;
            } else {
                let (quantity, amount) = made.swap_remove(quantity as usize % made.len());
                paid -= i128::from(amount.0);
                so_far = version.given_back(0, (quantity, amount), so_far).unwrap_or(so_far);
            }
            let used = so_far.used;
            prop_assert_eq!(used, made.iter().map(|(quantity, _)| quantity).sum::<u64>());
            let exact = used.saturating_sub(free) * amount;
            let worth = if used > 0 { base } else { 0 } + exact / per;
            prop_assert_eq!(paid + i128::from(so_far.due), i128::from(worth));
            prop_assert_eq!(so_far.remainder, exact % per * (so_far.denominator / per));
        }
    }
}
