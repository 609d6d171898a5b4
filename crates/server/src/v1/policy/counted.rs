//! What was counted elsewhere, as the rules read it.

use super::question::Asked;
use crate::problem::{Outcome, Problem};
use engine::Code;
use money::Asset;
use policy::{Counters, Per, RuleAsset, Ruleset, Side};
use std::collections::BTreeMap;

/// Sums by measure and period, and what is held.
pub struct Counted<'a> {
    sums: BTreeMap<(u16, u32), u128>,
    asked: &'a Asked,
}

impl<'a> Counted<'a> {
    /// Reads what was counted; also the names of measures that the rules do not know.
    ///
    /// # Errors
    /// A sum that is no number of its asset, or below zero.
    pub fn new(set: &Ruleset, asked: &'a Asked) -> Outcome<(Counted<'a>, Vec<String>)> {
        let known: BTreeMap<String, (u16, Option<Asset>)> = set
            .measures()
            .iter()
            .map(|measure| {
                let asset = set.asset_of(measure).map(|asset| asset.asset);
                (measure.name(), (measure.number, asset))
            })
            .collect();
        let (mut sums, mut ignored) = (BTreeMap::new(), Vec::new());
        for (at, row) in asked.used.iter().enumerate() {
            let Some((number, asset)) = known.get(&row.measure) else {
                ignored.push(row.measure.clone());
                continue;
            };
            let sum = match asset {
                Some(asset) => asset.parse_signed(&row.sum.0).ok(),
                None => row.sum.0.parse().ok(),
            };
            let sum = sum.and_then(|sum: i128| u128::try_from(sum).ok());
            let sum = sum.ok_or_else(|| {
                let words = "a sum is a number of its asset or of payments, not below zero";
                Problem::of(Code::Malformed, words).at(format!("used[{at}].sum"))
            })?;
            *sums.entry((*number, row.period)).or_insert(0_u128) += sum;
        }
        Ok((Counted { sums, asked }, ignored))
    }
}

impl Counters for Counted<'_> {
    fn used(&self, _: Side, measure: u16, from: u32, to: u32) -> u128 {
        // What stands later than `to` counts as `to`.
        let of_measure = self
            .sums
            .range((measure, from.min(to))..=(measure, u32::MAX));
        of_measure.map(|(_, sum)| sum).sum()
    }

    fn balance(&self, side: Side, per: Per, asset: &RuleAsset) -> u128 {
        let here = self
            .asked
            .held
            .iter()
            .filter(|held| (held.0, held.1) == (side, per));
        here.map(|(_, _, of, atoms)| {
            let converted = self.asked.exchange(of.code, asset.asset.code, atoms.0);
            // What cannot be converted might be any amount: the strict side.
            converted.map_or(u128::from(u64::MAX), u128::from)
        })
        .sum()
    }
}
