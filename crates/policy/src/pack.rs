//! A jurisdiction's rules.

use serde::Serialize;

use crate::civil::Date;
use crate::country::Country;
use crate::dimension::Set;
use crate::error::PolicyError;
use crate::lang::Words;
use crate::rule::Rule;
use crate::vocabulary::{Evidence, Tier};
use money::Asset;

/// A country of a pack and the time zone its civil days follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Territory {
    /// The country.
    pub country: Country,
    /// Its IANA zone; of several, the one where most people live.
    pub zone: String,
}

/// What a tier is called and needs in a jurisdiction, where it differs from the general.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LocalTier {
    /// Which.
    pub tier: Tier,
    /// What it is called there.
    pub title: Words,
    /// What it needs there.
    pub needs: Set<Evidence>,
}

/// One jurisdiction's rules with their sources. Not legal advice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pack {
    /// Its name: `kr`.
    pub id: String,
    /// For people.
    pub title: Words,
    /// Which edition, as a date.
    pub version: String,
    /// What its numbers are mostly in.
    pub asset: Asset,
    /// Whether it stands for every country that no other pack claims.
    pub rest_of_world: bool,
    /// Its countries, in the order of their codes.
    pub territories: Vec<Territory>,
    /// Its own names of tiers.
    pub tiers: Vec<LocalTier>,
    /// Its rules, in the order of the file.
    pub rules: Vec<Rule>,
}

impl Pack {
    /// Reads a pack. `file` is only named in errors.
    ///
    /// # Errors
    /// [`PolicyError::Malformed`] with file, line and key.
    pub fn parse(file: &str, text: &str) -> Result<Pack, PolicyError> {
        crate::parse::pack(file, text)
    }

    /// The rule of an id that holds on a day.
    #[must_use]
    pub fn rule_on(&self, id: &str, day: Date) -> Option<&Rule> {
        self.rules.iter().find(|r| r.id == id && r.is_in_force(day))
    }

    /// What a tier needs here.
    #[must_use]
    pub fn needs(&self, tier: Tier) -> Set<Evidence> {
        let local = self.tiers.iter().find(|local| local.tier == tier);
        local.map_or_else(|| needs_in_general(tier), |local| local.needs)
    }

    /// The rules whose last check is older than their review interval on a day.
    pub fn overdue(&self, day: Date) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |r| r.review_due() < day)
    }
}

/// What a tier needs where a pack does not say otherwise.
#[must_use]
pub fn needs_in_general(tier: Tier) -> Set<Evidence> {
    let needs: &[Evidence] = match tier {
        Tier::Anonymous => &[],
        Tier::Phone => &[Evidence::PhoneNumber],
        Tier::Identified => &[Evidence::PhoneNumber, Evidence::Name, Evidence::Document],
        Tier::Strong => &[
            Evidence::PhoneNumber,
            Evidence::Name,
            Evidence::Document,
            Evidence::InPerson,
        ],
        Tier::Business => &[Evidence::Registration, Evidence::Owners],
    };
    needs.iter().copied().collect()
}
