//! A small simulated town for `farthing demo`. Nothing in it happened: every name says so, and
//! whoever shows it must too ([`SIMULATED`]).
//!
//! - The same seed gives the same people and the same acts, on every machine, for ever.
//! - Amounts are whole ten-thousandths of a unit, 0.0005 to 2.50 (overspending aside), whatever the
//!   asset.
//! - It knows no balances: [`Deed::Overspend`] asks for twice what its resident ever had, so that it
//!   is refused; whoever plays the town may top residents up at will, but not with that much at once.
//! - A refund names an earlier act, never twice the same, never more than was paid.

mod cast;

use std::collections::VecDeque;

use money::{Asset, Atoms};

use crate::country::Country;
use crate::error::TrafficError;

/// To be shown beside everything the town does.
pub const SIMULATED: &str = "simulated";
const RESIDENTS: usize = 120;
/// Payments a refund may still reach back to.
const REFUNDABLE_MAX: usize = 64;
const MUSICIANS_A_CONCERT: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResidentKind {
    Reader,
    Rider,
    Gamer,
    Tipper,
    /// A program that pays for calls of an API.
    Agent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SellerKind {
    Newspaper,
    Transit,
    Arcade,
    Musician,
    ApiProvider,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resident {
    pub name: String,
    pub kind: ResidentKind,
    pub country: Country,
    pub top_up: Atoms,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seller {
    pub name: &'static str,
    pub kind: SellerKind,
    pub country: Country,
}

/// What an act is beyond "resident pays seller".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    Pay,
    Tip,
    /// One payment, several payees (`Act::seller` is the first): sellers and their weights.
    Split(Vec<(usize, u64)>),
    /// The seller gives back `Act::atoms` of the act with this number.
    Refund {
        of: u64,
    },
    /// More than the resident has: to be refused.
    Overspend,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// From 0, in order.
    pub number: u64,
    /// Into [`Town::residents`].
    pub resident: usize,
    /// Into [`Town::sellers`].
    pub seller: usize,
    pub atoms: Atoms,
    pub label: &'static str,
    pub deed: Deed,
}

#[derive(Debug, Clone)]
pub struct Town {
    residents: Vec<Resident>,
    sellers: Vec<Seller>,
    /// Atoms of a ten-thousandth of a unit.
    grain: u64,
    dice: Dice,
}

impl Town {
    /// # Errors
    /// `asset_too_coarse` if the asset has fewer than four decimals.
    pub fn new(seed: u64, asset: &Asset) -> Result<Self, TrafficError> {
        let grain = asset.scale.atoms_per_unit() / 10_000;
        if grain == 0 {
            return Err(TrafficError::AssetTooCoarse {
                code: asset.code.to_string(),
                scale: asset.scale.get(),
            });
        }
        let mut dice = Dice::new(seed);
        let residents = cast::residents(&mut dice, RESIDENTS, grain);
        Ok(Self {
            residents,
            sellers: cast::sellers(),
            grain,
            dice,
        })
    }

    pub fn residents(&self) -> &[Resident] {
        &self.residents
    }

    pub fn sellers(&self) -> &[Seller] {
        &self.sellers
    }

    /// What they do, from the first act on, without end.
    pub fn acts(&self) -> Acts<'_> {
        Acts {
            town: self,
            dice: self.dice.clone(),
            number: 0,
            refundable: VecDeque::with_capacity(REFUNDABLE_MAX),
        }
    }

    fn sellers_of(&self, kind: SellerKind) -> Vec<usize> {
        let of_kind = |&at: &usize| self.sellers[at].kind == kind;
        (0..self.sellers.len()).filter(of_kind).collect()
    }
}

/// The endless iterator of [`Town::acts`].
#[derive(Debug, Clone)]
pub struct Acts<'a> {
    town: &'a Town,
    dice: Dice,
    number: u64,
    refundable: VecDeque<Act>,
}

impl Acts<'_> {
    fn act(&mut self) -> Act {
        match self.dice.below(1_000) {
            0..10 => {
                if let Some(refund) = self.refund() {
                    return refund;
                }
            }
            10..20 => return self.overspend(),
            20..45 => return self.concert(),
            _ => {}
        }
        self.everyday()
    }

    fn everyday(&mut self) -> Act {
        let resident = self.dice.index(self.town.residents.len());
        let wants = cast::wants(self.town.residents[resident].kind);
        let (kind, labels, least, most) = wants[self.dice.index(wants.len())];
        let sellers = self.town.sellers_of(kind);
        let seller = sellers[self.dice.index(sellers.len())];
        let deed = match kind {
            SellerKind::Musician => Deed::Tip,
            _ => Deed::Pay,
        };
        let grains = least + self.dice.below(most - least + 1);
        let label = labels[self.dice.index(labels.len())];
        self.make(resident, seller, grains * self.town.grain, label, deed)
    }

    fn concert(&mut self) -> Act {
        let resident = self.dice.index(self.town.residents.len());
        let mut band = self.town.sellers_of(SellerKind::Musician);
        let first = self.dice.index(band.len());
        band.rotate_left(first);
        band.truncate(MUSICIANS_A_CONCERT);
        let parts: Vec<(usize, u64)> = band
            .iter()
            .map(|&at| (at, 1 + self.dice.below(5)))
            .collect();
        let grains = 500 * (1 + self.dice.below(10));
        let atoms = grains * self.town.grain;
        self.make(
            resident,
            band[0],
            atoms,
            "a concert, shared by the band",
            Deed::Split(parts),
        )
    }

    fn overspend(&mut self) -> Act {
        let resident = self.dice.index(self.town.residents.len());
        let seller = self.dice.index(self.town.sellers.len());
        let atoms = self.town.residents[resident].top_up.get().saturating_mul(2);
        self.make(
            resident,
            seller,
            atoms,
            "more than the wallet holds",
            Deed::Overspend,
        )
    }

    fn refund(&mut self) -> Option<Act> {
        if self.refundable.is_empty() {
            return None;
        }
        let at = self.dice.index(self.refundable.len());
        let paid = self.refundable.remove(at)?;
        let whole = paid.atoms.get();
        let half = whole / self.town.grain / 2 * self.town.grain;
        let atoms = if half > 0 && self.dice.below(3) == 0 {
            half
        } else {
            whole
        };
        let deed = Deed::Refund { of: paid.number };
        Some(self.make(paid.resident, paid.seller, atoms, "money back", deed))
    }

    fn make(
        &self,
        resident: usize,
        seller: usize,
        atoms: u64,
        label: &'static str,
        deed: Deed,
    ) -> Act {
        Act {
            number: self.number,
            resident,
            seller,
            atoms: Atoms(atoms),
            label,
            deed,
        }
    }
}

impl Iterator for Acts<'_> {
    type Item = Act;

    fn next(&mut self) -> Option<Act> {
        let act = self.act();
        self.number += 1;
        if act.deed == Deed::Pay {
            if self.refundable.len() == REFUNDABLE_MAX {
                self.refundable.pop_front();
            }
            self.refundable.push_back(act.clone());
        }
        Some(act)
    }
}

/// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014). For a
/// play, not for secrets.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `end` - 1, by multiplication: its bias is below 2^-50 here.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }

    pub(crate) fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }
}

#[cfg(test)]
mod tests;
