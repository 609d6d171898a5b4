//! Tiers: what each needs, what it permits in a country, and what one gains by the next.

use crate::app::{App, Assets};
use crate::extract::{Answer, Caller, Handled, Query};
use crate::guard::Routes;
use crate::language::Spoken;
use crate::law;
use crate::problem::{Outcome, Problem};
use crate::taxes::percent;
use crate::types::law::{self as w, Day, LangWord, Word};
use crate::types::{Amount, CountryText};
use crate::v1::packs::{Shown, Visible};
use crate::v1::policy::PackVersion;
use crate::v1::terms::Part;
use axum::extract::State;
use engine::law::Rewards;
use engine::records::TenantNo;
use engine::terms::Limits;
use identity::Scope;
use money::Ppm;
use policy::{Dimension, Evidence, Lang, Pack, PartyKind, Tier};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the path.
pub fn routes(routes: Routes) -> Routes {
    routes.needs_any(
        &[Scope::PolicyRead, Scope::PartiesRead, Scope::PaymentsRead],
        routes!(list_tiers),
    )
}

/// Whose tiers.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TierQuery {
    /// Of a party in this country.
    country: CountryText,
    /// Of this kind; a person, if not given.
    kind: Option<w::PartyKind>,
    /// On this day; today, if not given.
    on: Option<Day>,
    /// The language of the words; else what `Accept-Language` likes best, else English.
    #[allow(dead_code)]
    lang: Option<LangWord>,
}

/// The tiers of a country.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Tiers {
    /// Where.
    country: CountryText,
    /// Of what kind of party.
    kind: w::PartyKind,
    /// On which day.
    on: Day,
    /// The pack that says so; of a country without one, that of the rest of the world.
    pack: PackVersion,
    /// The tiers, lowest first.
    tiers: Vec<TierShown>,
    /// What part of the platform's fee is taken off a payment confirmed with two factors, if that is
    /// more than the tier's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reward_strong: Option<Part>,
    /// The language of the words.
    lang: LangWord,
}

/// One tier.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Tier)]
struct TierShown {
    /// Its number: `tier` of a party.
    number: u8,
    /// Its word in packs.
    tier: w::Tier,
    /// What it is called there.
    title: String,
    /// What a party shows for it.
    needs: Vec<Need>,
    /// The rules that bind it, and no others do.
    permits: Vec<Shown>,
    /// What one gains by verifying further.
    gains: Vec<Gain>,
    /// The house's own limits of it, everywhere: besides the packs', and the lower one holds.
    house: HouseLimits,
    /// What part of the platform's fee is taken off for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reward: Option<Part>,
}

/// What a house allows a tier; what is absent has no limit.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
struct HouseLimits {
    /// For one payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    per_payment: Option<Amount>,
    /// For a civil day.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    per_day: Option<Amount>,
    /// For a civil month.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    per_month: Option<Amount>,
}

/// What the terms and the operator's settings say of tiers.
struct House {
    limits: Option<Limits>,
    rewards: Rewards,
}

impl House {
    async fn of(app: &App, tenant: TenantNo) -> Outcome<House> {
        app.query(move |state| House {
            limits: state.tenant(tenant).and_then(|t| t.terms.limits.clone()),
            rewards: state
                .law(tenant)
                .map(|l| l.settings.rewards)
                .unwrap_or_default(),
        })
        .await
    }

    fn limits(&self, tier: Tier, assets: &Assets) -> HouseLimits {
        let Some((limits, asset)) = self
            .limits
            .as_ref()
            .and_then(|limits| Some((limits, assets.get(limits.asset)?)))
        else {
            return HouseLimits::default();
        };
        let row = limits.tiers.get(tier.index()).copied().unwrap_or_default();
        let amount = |atoms: Option<u64>| atoms.map(|atoms| Amount::of(asset, atoms));
        HouseLimits {
            per_payment: amount(row.per_payment),
            per_day: amount(row.per_day),
            per_month: amount(row.per_month),
        }
    }

    /// What is taken off the fee, in parts per million.
    fn off(&self, tier: Tier) -> u32 {
        self.rewards.tiers.get(tier.index()).copied().unwrap_or(0)
    }

    fn reward(&self, tier: Tier) -> Option<Part> {
        let off = Ppm::new(self.off(tier)).ok().filter(|off| off.get() > 0);
        off.map(Part::of)
    }

    /// What the next tier with a larger reward takes off the fee.
    fn gain(&self, pack: &Pack, tier: Tier, kind: PartyKind, lang: Lang) -> Option<Gain> {
        let off = self.off(tier);
        let mut higher = Tier::ALL.iter().skip(tier.index() + 1);
        let next = higher.find(|next| is_for(**next, kind) && self.off(**next) > off)?;
        let percent = |ppm| format!("{}%", percent(ppm));
        let (then, named) = (percent(self.off(*next)), title(pack, *next, lang));
        let (words, text) = match lang {
            Lang::En => (
                "Taken off the platform's fee",
                format!("Verify to have {then} taken off the platform's fee ({named})."),
            ),
            Lang::Ko => (
                "플랫폼 수수료 할인",
                format!("본인 확인을 하면 플랫폼 수수료가 {then} 할인됩니다({named})."),
            ),
        };
        Some(Gain {
            rule: "settings/rewards".to_owned(),
            title: words.to_owned(),
            tier: Word(*next),
            from: (off > 0).then(|| percent(off)),
            to: Some(then),
            text,
        })
    }
}

/// Something a tier needs.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Need {
    /// Its word.
    evidence: w::Evidence,
    /// What it is called.
    title: String,
}

/// What is gained.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Gain {
    /// The rule that holds the party back now; `settings/rewards` for what the operator takes off its
    /// fee.
    rule: String,
    /// Its title.
    title: String,
    /// The lowest tier that helps.
    tier: w::Tier,
    /// The number now; absent, if it is not allowed at all, or nothing is taken off.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    from: Option<String>,
    /// The number then; absent, if there is no such limit any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    to: Option<String>,
    /// In a sentence.
    text: String,
}

/// The tiers a party may choose from in a country: what each needs and permits, and what one gains by
/// the next, with the exact numbers.
#[utoipa::path(
    get,
    path = "/v1/tiers",
    params(TierQuery),
    responses((status = 200, description = "The tiers, lowest first.", body = Tiers))
)]
async fn list_tiers(
    State(app): State<App>,
    caller: Caller,
    Spoken(lang): Spoken,
    Query(query): Query<TierQuery>,
) -> Handled<Tiers> {
    let on = query.on.unwrap_or(Day(law::today(&app)));
    let kind = query.kind.map_or(PartyKind::Person, |word| word.0);
    let country = policy::Country::from_letters(query.country.0.0);
    let packs = law::laws::in_force(&app, caller.tenant).await?;
    let pack = law::pack_of(packs.packs(), country).ok_or_else(|| {
        Problem::not_found(
            "country",
            "no pack in force is for this country or the rest of the world",
        )
    })?;
    let visible = Visible {
        audience: caller.policy_audience(),
        lang,
    };
    let tiers = Tier::ALL.iter().filter(|tier| is_for(**tier, kind));
    let house = House::of(&app, caller.tenant).await?;
    let assets = app.assets_now().await?;
    let tiers = tiers.map(|tier| {
        let mut shown = shown(pack, *tier, kind, on, visible);
        shown.gains.extend(house.gain(pack, *tier, kind, lang));
        TierShown {
            house: house.limits(*tier, &assets),
            reward: house.reward(*tier),
            ..shown
        }
    });
    let strong = Ppm::new(house.rewards.strong).ok();
    Ok(Answer::ok(Tiers {
        country: query.country,
        kind: Word(kind),
        on,
        pack: PackVersion {
            id: pack.id.clone(),
            version: pack.version.clone(),
        },
        tiers: tiers.collect(),
        reward_strong: strong.filter(|off| off.get() > 0).map(Part::of),
        lang: lang.into(),
    }))
}

/// Whether a party of a kind may have a tier.
fn is_for(tier: Tier, kind: PartyKind) -> bool {
    (tier == Tier::Business) <= (kind == PartyKind::Business)
}

/// What a tier is called there.
fn title(pack: &Pack, tier: Tier, lang: Lang) -> &str {
    let local = pack.tiers.iter().find(|local| local.tier == tier);
    local.map_or_else(|| tier.title(lang), |local| local.title.in_(lang))
}

fn shown(pack: &Pack, tier: Tier, kind: PartyKind, on: Day, visible: Visible) -> TierShown {
    let lang = visible.lang;
    let need = |evidence: Evidence| Need {
        evidence: Word(evidence),
        title: evidence.title(lang).to_owned(),
    };
    let permits = pack.permits(tier, kind, on.0);
    let permits = permits.filter_map(|rule| visible.rule(rule)).collect();
    let may_see = |gain: &policy::Gain| {
        let rule = pack.rule_on(&gain.rule, on.0);
        rule.is_some_and(|rule| rule.visible_to.has(visible.audience))
    };
    let gains = pack.gains(tier, kind, on.0).into_iter().filter(may_see);
    TierShown {
        number: tier.index() as u8,
        tier: Word(tier),
        title: title(pack, tier, lang).to_owned(),
        needs: pack.needs(tier).iter().map(need).collect(),
        permits,
        gains: gains.map(|gain| gained(&gain, lang)).collect(),
        house: HouseLimits::default(),
        reward: None,
    }
}

fn gained(gain: &policy::Gain, lang: Lang) -> Gain {
    let (from, to) = gain.numbers(lang);
    Gain {
        rule: gain.rule.clone(),
        title: gain.title.in_(lang).to_owned(),
        tier: Word(gain.tier),
        from,
        to,
        text: gain.sentence(lang),
    }
}
