//! A pack's text as it is written: every field of every kind, not yet understood.

use std::collections::BTreeMap;

use money::Asset;
use serde::{Deserialize, Deserializer, de};
use toml::Spanned;

use crate::civil::Date;
use crate::country::Country;
use crate::dimension::Set;
use crate::lang::Words;
use crate::rule::{After, Amount, Bites, Choice, Per, Starts};
use crate::vocabulary::{
    Age, Audience, Certainty, Channel, Evidence, Flag, Funds, GiveBack, PartyKind, Payment,
    Presence, Product, Role, Screening, Side, Status, StepUp, Technology, Tier, Topic,
};
use crate::window::{Hours, Window};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileText {
    pub pack: Spanned<PackText>,
    pub territories: BTreeMap<Spanned<String>, Spanned<String>>,
    #[serde(default)]
    pub tiers: BTreeMap<String, Spanned<TierText>>,
    #[serde(default)]
    pub rule: Vec<Spanned<RuleText>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PackText {
    pub id: String,
    pub title: Words,
    pub version: String,
    pub asset: String,
    #[serde(default)]
    pub rest_of_world: bool,
    pub checked: Date,
    #[serde(default = "half_a_year")]
    pub review_days: u32,
}

fn half_a_year() -> u32 {
    180
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TierText {
    pub title: Words,
    pub needs: Set<Evidence>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Then {
    Deny,
    StepUp,
    Verify,
    Report,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Right,
    Forbidden,
    Below,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleText {
    pub id: String,
    pub title: Words,
    pub note: Option<Words>,
    pub kind: String,
    #[serde(default)]
    pub applies: AppliesText,
    #[serde(default)]
    pub except: AppliesText,
    pub from: Option<Date>,
    pub until: Option<Date>,
    pub source: Option<SourceText>,
    pub terms: Option<TermsText>,
    pub certainty: Certainty,
    #[serde(default)]
    pub certainty_of: BTreeMap<String, Certainty>,
    pub checked: Option<Date>,
    pub review_days: Option<u32>,
    pub visible_to: Option<Set<Audience>>,
    pub whose: Option<Side>,

    pub most: Option<Amount>,
    pub count: Option<u64>,
    pub window: Option<Window>,
    pub hours: Option<Hours>,
    pub bites: Option<Bites>,
    pub gives_back: Option<Set<GiveBack>>,
    pub starts: Option<Starts>,
    pub then: Option<Then>,
    pub step_up: Option<StepUp>,
    pub needs: Option<Tier>,
    pub operator_sets: Option<bool>,
    pub per: Option<Per>,
    pub per_payment: Option<Amount>,
    pub in_all: Option<Amount>,
    pub choice: Option<Choice>,
    pub current_counts: Option<bool>,
    pub answer: Option<Answer>,
    pub share: Option<Share>,
    pub after: Option<After>,
    pub wait_hours: Option<u32>,
    pub notice_hours: Option<u32>,
    pub topic: Option<Topic>,
    pub years: Option<u32>,
    pub days: Option<u32>,
    pub countries: Option<Vec<Country>>,
}

impl RuleText {
    /// The fields of particular kinds that are there.
    pub fn given(&self) -> Vec<&'static str> {
        let all = [
            ("whose", self.whose.is_some()),
            ("most", self.most.is_some()),
            ("count", self.count.is_some()),
            ("window", self.window.is_some()),
            ("hours", self.hours.is_some()),
            ("bites", self.bites.is_some()),
            ("gives_back", self.gives_back.is_some()),
            ("starts", self.starts.is_some()),
            ("then", self.then.is_some()),
            ("step_up", self.step_up.is_some()),
            ("needs", self.needs.is_some()),
            ("operator_sets", self.operator_sets.is_some()),
            ("per", self.per.is_some()),
            ("per_payment", self.per_payment.is_some()),
            ("in_all", self.in_all.is_some()),
            ("choice", self.choice.is_some()),
            ("current_counts", self.current_counts.is_some()),
            ("answer", self.answer.is_some()),
            ("share", self.share.is_some()),
            ("after", self.after.is_some()),
            ("wait_hours", self.wait_hours.is_some()),
            ("notice_hours", self.notice_hours.is_some()),
            ("topic", self.topic.is_some()),
            ("years", self.years.is_some()),
            ("days", self.days.is_some()),
            ("countries", self.countries.is_some()),
        ];
        all.into_iter()
            .filter_map(|(name, is_there)| is_there.then_some(name))
            .collect()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceText {
    pub act: String,
    pub article: String,
    pub link: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TermsText {
    pub whose: Words,
    pub link: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AppliesText {
    pub tier: Option<Set<Tier>>,
    pub party: Option<Set<PartyKind>>,
    pub age: Option<Set<Age>>,
    pub segment: Option<Vec<String>>,
    pub channel: Option<Set<Channel>>,
    pub funds: Option<Set<Funds>>,
    pub payment: Option<Set<Payment>>,
    pub product: Option<Set<Product>>,
    pub presence: Option<Set<Presence>>,
    pub technology: Option<Set<Technology>>,
    pub operator: Option<Set<Status>>,
    pub screening: Option<Set<Screening>>,
    pub payer_country: Option<Vec<Place>>,
    pub payee_country: Option<Vec<Place>>,
    pub flag: Option<Set<Flag>>,
    pub reach: Option<Set<Role>>,
}

/// `"domestic"`, `"foreign"` or a country.
#[derive(Clone, Copy)]
pub(super) enum Place {
    Domestic,
    Foreign,
    Country(Country),
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "domestic" => Ok(Place::Domestic),
            "foreign" => Ok(Place::Foreign),
            code => code.parse().map(Place::Country).map_err(|words| {
                de::Error::custom(format!("{words}, nor \"domestic\" or \"foreign\""))
            }),
        }
    }
}

/// A share, parts per million, written `"20%"`.
#[derive(Clone, Copy)]
pub(super) struct Share(pub u32);

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let ppm = (|| {
            let (whole, part) = match text.strip_suffix('%')?.split_once('.') {
                Some((whole, part)) => (whole, part),
                None => (text.strip_suffix('%')?, "0"),
            };
            if part.is_empty() || part.len() > 4 {
                return None;
            }
            let whole: u32 = whole.parse().ok()?;
            let part: u32 = format!("{part:0<4}").parse().ok()?;
            (whole <= 100).then_some(whole * 10_000 + part)
        })();
        ppm.filter(|ppm| *ppm <= 1_000_000)
            .map(Share)
            .ok_or_else(|| de::Error::custom(format!("\"{text}\" is not a share such as \"20%\"")))
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let Some((number, code)) = text.split_once(' ') else {
            return Err(de::Error::custom(format!(
                "\"{text}\" is not an amount with its asset, such as \"30 EUR\""
            )));
        };
        let Some(asset) = Asset::known(code) else {
            return Err(de::Error::custom(format!(
                "\"{code}\" is not a known asset"
            )));
        };
        let atoms = asset
            .parse(number)
            .map_err(|error| de::Error::custom(format!("\"{text}\": {error}")))?;
        Ok(Amount { atoms, asset })
    }
}
