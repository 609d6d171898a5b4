//! The files' shape, before their texts are read.

use crate::rules::{BusinessRule, Certainty, Once, Over, PlatformRule, Scope};
use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CountryFile {
    pub country: Spanned<String>,
    pub facts: Said,
    #[serde(default)]
    pub rate: Vec<Group>,
    #[serde(default)]
    pub threshold: Vec<ThresholdText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UnionFile {
    pub facts: Said,
    pub member: Vec<MemberText>,
    #[serde(default)]
    pub threshold: Vec<ThresholdText>,
    pub single_item: ThresholdText,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Said {
    pub name: String,
    pub tax: String,
    pub currency: Spanned<String>,
    pub rounding: Option<RoundingText>,
    pub abroad: Option<AbroadText>,
    pub platforms: Option<PlatformsText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sourced {
    pub act: Spanned<String>,
    pub link: Spanned<String>,
    pub certainty: Certainty,
    pub checked: Spanned<Datetime>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RoundingText {
    pub once: Once,
    pub mode: Spanned<String>,
    pub source: Sourced,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AbroadText {
    pub from: Spanned<Datetime>,
    pub business: BusinessRule,
    pub source: Sourced,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlatformsText {
    pub from: Spanned<Datetime>,
    pub rule: PlatformRule,
    pub source: Sourced,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    pub region: Option<Spanned<String>>,
    pub category: Spanned<Vec<Spanned<String>>>,
    pub source: Sourced,
    pub steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    pub from: Spanned<Datetime>,
    pub percent: Option<Spanned<String>>,
    pub is: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ThresholdText {
    pub scope: Scope,
    pub amount: Spanned<String>,
    pub asset: Spanned<String>,
    pub over: Over,
    pub from: Spanned<Datetime>,
    pub source: Sourced,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MemberText {
    pub country: Spanned<String>,
    pub from: Spanned<Datetime>,
    pub until: Option<Spanned<Datetime>>,
}
