//! What holds of money whatever the numbers are.
#![allow(clippy::unwrap_used)]

use core::num::NonZeroU64;

use money::{
    Asset, AssetCode, Atoms, Ppm, Rate, Rounding, Scale, allocate, mul_div, reversal_shares,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn asset(scale: u8) -> Asset {
    Asset {
        code: AssetCode::literal("TEST"),
        scale: Scale::new(scale).unwrap(),
    }
}

fn roundings() -> impl Strategy<Value = Rounding> {
    prop_oneof![
        Just(Rounding::HalfEven),
        Just(Rounding::Up),
        Just(Rounding::Down)
    ]
}

/// Numbers of every length in bits, so that small ones and the edges are common.
fn numbers() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => (any::<u64>(), 0_u32..64).prop_map(|(number, shift)| number >> shift),
        1 => Just(u64::MAX),
        1 => Just(0),
    ]
}

fn positive() -> impl Strategy<Value = NonZeroU64> {
    numbers().prop_filter_map("zero", NonZeroU64::new)
}

fn sum(parts: &[u64]) -> u128 {
    parts.iter().copied().map(u128::from).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn printing_then_parsing_is_the_identity(scale in 0_u8..=9, atoms in numbers()) {
        let asset = asset(scale);
        let text = asset.format(Atoms(atoms));
        prop_assert_eq!(asset.parse(&text), Ok(Atoms(atoms)));
        prop_assert!(!text.contains('.') || !text.ends_with('0'));
    }

    #[test]
    fn printing_then_parsing_is_the_identity_with_a_sign(
        scale in 0_u8..=9, atoms in any::<i128>(), shift in 0_u32..127,
    ) {
        let asset = asset(scale);
        let atoms = atoms >> shift;
        prop_assert_eq!(asset.parse_signed(&asset.format_signed(atoms)), Ok(atoms));
    }

    #[test]
    fn canonical_text_survives_parsing(
        scale in 0_u8..=9, text in "(0|[1-9][0-9]{0,12})(\\.[0-9]{0,8}[1-9])?",
    ) {
        if let Ok(atoms) = asset(scale).parse(&text) {
            prop_assert_eq!(asset(scale).format(atoms), text);
        }
    }

    #[test]
    fn no_text_makes_a_parser_panic(scale in 0_u8..=9, text in any::<String>()) {
        let asset = asset(scale);
        let _ = asset.parse(&text);
        let _ = asset.parse_signed(&text);
        let _ = Rate::from_decimal(&text, &asset, &asset);
        let _ = AssetCode::new(&text);
        let _ = Asset::known(&text);
    }

    #[test]
    fn no_nearly_numeric_text_makes_a_parser_panic(
        scale in 0_u8..=9, text in "[-+.0-9e é٣]{0,50}",
    ) {
        let asset = asset(scale);
        if let Ok(atoms) = asset.parse(&text) {
            prop_assert_eq!(asset.parse_signed(&text), Ok(i128::from(atoms.get())));
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
        }
        if let Ok(atoms) = asset.parse_signed(&text) {
            prop_assert_eq!(atoms < 0, text.starts_with('-'));
        }
        let _ = Rate::from_decimal(&text, &asset, &asset);
    }

    #[test]
    fn a_rounding_and_its_remainder_are_exact(
        amount in numbers(), num in numbers(), den in positive(), rounding in roundings(),
    ) {
        let exact = u128::from(amount) * u128::from(num);
        match mul_div(amount, num, den, rounding) {
            Ok(rounded) => {
                let back = u128::from(rounded.value) * u128::from(den.get());
                let numerator = rounded.remainder.numerator;
                prop_assert_eq!(back.checked_add_signed(numerator), Some(exact));
                let divisor = i128::from(den.get());
                let as_named = match rounding {
                    Rounding::Down => (0..divisor).contains(&numerator),
                    Rounding::Up => (1 - divisor..=0).contains(&numerator),
                    Rounding::HalfEven => 2 * numerator.abs() < divisor
                        || (2 * numerator.abs() == divisor && rounded.value % 2 == 0),
                };
                prop_assert!(as_named);
            }
            Err(_) => prop_assert!(
                exact.div_ceil(u128::from(den.get())) > u128::from(u64::MAX)
            ),
        }
    }

    #[test]
    fn a_part_is_at_most_the_whole(
        ppm in 0_u32..=1_000_000, amount in numbers(), rounding in roundings(),
    ) {
        let ppm = Ppm::new(ppm).unwrap();
        let amount = Atoms(amount);
        prop_assert!(ppm.of(amount, rounding) <= amount);
        prop_assert!(ppm.included_in(amount, rounding) <= ppm.of(amount, rounding));
    }

    #[test]
    fn tax_put_on_top_is_found_again_inside(
        ppm in 0_u32..=1_000_000, net in 0..u64::MAX / 2,
    ) {
        let ppm = Ppm::new(ppm).unwrap();
        let tax = ppm.of(Atoms(net), Rounding::HalfEven);
        let gross = tax.checked_add(Atoms(net)).unwrap();
        let found = ppm.included_in(gross, Rounding::HalfEven);
        prop_assert!(found.get().abs_diff(tax.get()) <= 1);
    }

    #[test]
    fn allocated_parts_sum_and_are_within_one_of_exact(
        total in numbers(), weights in vec(numbers(), 1..40),
    ) {
        let mut out = vec![0; weights.len()];
        let weight_sum = sum(&weights);
        if weight_sum == 0 {
            prop_assert!(allocate(total, &weights, &mut out).is_err());
            return Ok(());
        }
        allocate(total, &weights, &mut out).unwrap();
        prop_assert_eq!(sum(&out), u128::from(total));
        for (&weight, &part) in weights.iter().zip(&out) {
            let exact = u128::from(total) * u128::from(weight);
            let (floor, rest) = (exact / weight_sum, exact % weight_sum);
            let part = u128::from(part);
            prop_assert!(part == floor || (rest > 0 && part == floor + 1));
        }
        // Largest remainder: whoever got an atom lost at least as much as whoever did not.
        let loss = |weight: u64| u128::from(total) * u128::from(weight) % weight_sum;
        let got = |i: usize| {
            u128::from(out[i]) > u128::from(total) * u128::from(weights[i]) / weight_sum
        };
        for i in 0..out.len() {
            for j in 0..out.len() {
                if got(i) && !got(j) {
                    let (mine, yours) = (loss(weights[i]), loss(weights[j]));
                    prop_assert!(mine > yours || (mine == yours && i < j));
                }
            }
        }
    }

    #[test]
    fn any_chain_of_reversals_ends_exactly_at_the_parts(
        parts in vec(0..=u64::MAX / 8, 1..8),
        shift in 0_u32..61,
        cuts in vec(any::<u64>(), 0..12),
    ) {
        let parts: Vec<u64> = parts.iter().map(|part| part >> shift).collect();
        let total = parts.iter().sum::<u64>();
        let mut cuts: Vec<u64> = cuts.iter().map(|cut| cut % (total + 1)).collect();
        cuts.extend([0, total]);
        cuts.sort_unstable();
        let mut given = vec![0; parts.len()];
        for cut in cuts.windows(2) {
            let mut out = vec![u64::MAX; parts.len()];
            reversal_shares(&parts, cut[0], cut[1] - cut[0], &mut out).unwrap();
            prop_assert_eq!(sum(&out), u128::from(cut[1] - cut[0]));
            given.iter_mut().zip(&out).for_each(|(sum, part)| *sum += part);
            // What was given in steps is what one step would have given.
            let mut at_once = vec![0; parts.len()];
            reversal_shares(&parts, 0, cut[1], &mut at_once).unwrap();
            prop_assert_eq!(&given, &at_once);
            prop_assert!(given.iter().zip(&parts).all(|(given, part)| given <= part));
        }
        prop_assert_eq!(given, parts.clone());
        prop_assert!(reversal_shares(&parts, total, 1, &mut vec![0; parts.len()]).is_err());
    }

    #[test]
    fn each_share_of_a_reversal_is_near_proportional(
        parts in vec(0_u64..1_000_000, 1..8), cut in any::<u64>(),
    ) {
        let total = parts.iter().sum::<u64>();
        prop_assume!(total > 0);
        let cut = cut % (total + 1);
        let mut out = vec![0; parts.len()];
        reversal_shares(&parts, 0, cut, &mut out).unwrap();
        for (&part, &share) in parts.iter().zip(&out) {
            let exact = u128::from(cut) * u128::from(part) / u128::from(total);
            prop_assert!(u128::from(share).abs_diff(exact) <= parts.len() as u128);
        }
    }

    #[test]
    fn a_conversion_and_its_remainder_are_exact(
        amount in numbers(), num in positive(), den in positive(), rounding in roundings(),
    ) {
        let rate = Rate::new(num.get(), den).unwrap();
        let same = u128::from(rate.num) * u128::from(den.get());
        prop_assert_eq!(same, u128::from(num.get()) * u128::from(rate.den.get()));
        prop_assert_eq!(rate.inverse().unwrap().inverse(), Ok(rate));
        if let Ok(converted) = rate.convert(Atoms(amount), rounding) {
            let exact = u128::from(amount) * u128::from(rate.num);
            let back = u128::from(converted.atoms.get()) * u128::from(rate.den.get());
            let numerator = converted.remainder.numerator;
            prop_assert_eq!(back.checked_add_signed(numerator), Some(exact));
        }
    }

    #[test]
    fn a_quoted_rate_converts_a_unit_to_the_quote(
        whole in 1_u64..100_000, base in 0_u8..=9, quote in 0_u8..=9,
    ) {
        let (base, quote) = (asset(base), asset(quote));
        let rate = Rate::from_decimal(&whole.to_string(), &base, &quote).unwrap();
        let unit = Atoms(base.scale.atoms_per_unit());
        let converted = rate.convert(unit, Rounding::Down).unwrap();
        prop_assert_eq!(quote.format(converted.atoms), whole.to_string());
        prop_assert!(converted.remainder.is_zero());
    }

    #[test]
    fn a_long_way_round_loses_nothing_rounded_to_our_side(
        amount in 0_u64..1 << 40, num in 1_u64..1 << 20, den in 1_u64..1 << 20,
    ) {
        let rate = Rate::new(num, NonZeroU64::new(den).unwrap()).unwrap();
        let there = rate.convert(Atoms(amount), Rounding::Down).unwrap().atoms;
        let back = rate.inverse().unwrap().convert(there, Rounding::Down).unwrap().atoms;
        prop_assert!(back <= Atoms(amount));
    }
}
