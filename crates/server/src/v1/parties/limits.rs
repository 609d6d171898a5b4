//! What is left to a party of everything that is counted: the house's limits and those of the packs.

use crate::app::App;
use crate::extract::{Answer, Caller, Handled, PathId};
use crate::guard::Routes;
use crate::language::LangParam;
use crate::law::{laws, why};
use crate::problem::Problem;
use crate::types::ids::PartyId;
use crate::types::law::{self as w, Day, LangWord};
use crate::v1::policy::question::SideWord;
use axum::extract::State as Shared;
use engine::State;
use engine::law::used;
use engine::records::{MEASURE_DAY, MEASURE_MONTH, PartyNo, WalletNo};
use engine::terms::{TIERS, Terms};
use identity::Scope;
use ledger::{AssetNo, Source};
use money::{Atoms, Rounding};
use policy::words::{rule_text, scope_text};
use policy::{Context, Counters, Date, Left, Outcome, Per, RuleAsset, Side, Traced};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the path.
pub fn routes(routes: Routes) -> Routes {
    routes.needs_any(
        &[Scope::PartiesRead, Scope::RegulatorRead],
        routes!(get_limits),
    )
}

/// What is left to a party.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PartyLimits)]
struct Limits {
    /// The party.
    id: PartyId,
    /// The house's own limits of what it pays.
    house: Vec<House>,
    /// The version of the law in force; absent, if none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    law: Option<u32>,
    /// The numbers of the packs that bind it and may be seen.
    items: Vec<Item>,
    /// The language of the words.
    lang: LangWord,
}

/// One of the house's limits.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = HouseLimit)]
struct House {
    /// `per_day` or `per_month`.
    #[schema(examples("per_day"))]
    limit: &'static str,
    /// Its number, in units of `asset`.
    number: String,
    /// How much of it is used.
    used: String,
    /// How much is left.
    left: String,
    /// What the numbers are in.
    asset: String,
    /// The first day of the next window, in the terms' time zone.
    until: Day,
}

/// One number of a pack.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PackLimit)]
struct Item {
    /// Pack and rule.
    #[schema(examples("kr/carrier.monthly"))]
    rule: String,
    /// Its title.
    title: String,
    /// What it says.
    says: String,
    /// What it applies to, where that is not everything.
    applies_to: String,
    /// Whether it counts what the party pays, or what it is paid and holds.
    side: SideWord,
    /// Its number.
    number: String,
    /// How much of it is used.
    used: String,
    /// How much is left.
    left: String,
    /// The first day of the next window; absent, where it does not begin anew on a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    until: Option<Day>,
    /// What verifying makes of it, with both numbers; absent, where no tier helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(
        nullable = false,
        examples("Verify to raise your limit from ₦50,000 a day to ₦200,000 a day (identified).")
    )]
    raise: Option<String>,
    /// Act and article, or whose terms.
    source: String,
    /// Where it can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    link: Option<String>,
    /// Whether it is terms and not law.
    is_terms: bool,
    /// How its number was found.
    certainty: w::Certainty,
}

/// What is left to a party of each number that is counted: how much is used, how much is left, and
/// until when.
#[utoipa::path(
    get,
    path = "/v1/parties/{id}/limits",
    params(("id" = PartyId, Path, description = "Whose."), LangParam),
    responses((status = 200, description = "Each number.", body = Limits))
)]
async fn get_limits(
    Shared(app): Shared<App>,
    caller: Caller,
    PathId(id): PathId<PartyId>,
) -> Handled<Limits> {
    let tenant = caller.tenant;
    let now = app.node.now();
    let found = app.query(move |state| {
        let no = state.party_no(tenant, engine::ids::PartyId(id.0))?;
        let terms = &state.tenant(tenant)?.terms;
        let mut moments = Vec::new();
        let left = state.law(tenant).map(|law| {
            law.moments(now, &mut moments);
            let party = state.party(no);
            let facts = policy::PartyFacts {
                country: why::country(party.country),
                tier: why::tier(party.tier),
                kind: why::kind(party.kind),
                age: party.particulars.age,
                segment: party.particulars.segment,
            };
            let books = Books { state, terms, no };
            (law.version, law.ruleset.left(&facts, &moments, &books))
        });
        let day = terms.zone.civil(now).day.0;
        let house = house(state, terms, no, day);
        Some((state.party(no).clone(), house, left, day))
    });
    let found = found.await?;
    let (party, house, left, today) =
        found.ok_or_else(|| Problem::not_found("id", "no such party in this tenant"))?;
    let (version, left) = left.map_or((None, Vec::new()), |(v, left)| (Some(v), left));
    let read = match version {
        Some(version) => laws::of_version(&app, tenant, version).await?,
        None => None,
    };
    let items = read.map_or_else(Vec::new, |read| {
        let subject = policy::Subject {
            tier: why::tier(party.tier),
            kind: why::kind(party.kind),
        };
        let context = Context {
            set: &read.law.ruleset,
            packs: &read.packs,
            day: Date(today),
            payer: subject,
            payee: subject,
            audience: caller.policy_audience(),
            lang: caller.lang,
        };
        left.iter()
            .filter_map(|left| item(&context, left))
            .collect()
    });
    Ok(Answer::ok(Limits {
        id,
        house,
        law: version,
        items,
        lang: caller.lang.into(),
    }))
}

fn item(context: &Context<'_>, left: &Left) -> Option<Item> {
    let traced = Traced {
        rule: left.rule,
        outcome: Outcome::Within,
        used: left.used,
        asked: 0,
    };
    let line = policy::explain_line(context, &traced)?;
    let (pack, rule) = policy::rule_of(context.set, context.packs, left.rule)?;
    let who = context.payer;
    let gain = pack.gain(rule, who.tier, who.kind, context.day);
    Some(Item {
        rule: line.rule,
        title: line.title,
        says: rule_text(rule, context.lang),
        applies_to: scope_text(rule, context.lang),
        side: match left.side {
            Side::Payer => SideWord::Payer,
            Side::Payee => SideWord::Payee,
        },
        number: line.number?,
        used: line.used?,
        left: line.left?,
        until: left.until.map(Day),
        raise: gain.map(|gain| gain.sentence(context.lang)),
        source: line.source,
        link: line.link,
        is_terms: line.is_terms,
        certainty: w::Word(line.certainty),
    })
}

/// The house's limits of a party's tier.
fn house(state: &State, terms: &Terms, no: PartyNo, day: u32) -> Vec<House> {
    let Some(limits) = &terms.limits else {
        return Vec::new();
    };
    let (party, Some(asset)) = (
        state.party(no),
        state.assets.get(usize::from(limits.asset.0)),
    ) else {
        return Vec::new();
    };
    let row = limits.tiers[usize::from(party.tier.0).min(TIERS - 1)];
    let civil = policy::Civil::new(day, 0);
    let (year, month, _) = Date(day).parts();
    let next_month = match month {
        12 => Date::of(year + 1, 1, 1),
        month => Date::of(year, month + 1, 1),
    };
    let rows = [
        (
            "per_day",
            row.per_day,
            MEASURE_DAY,
            civil.day,
            Some(Date(day + 1)),
        ),
        (
            "per_month",
            row.per_month,
            MEASURE_MONTH,
            civil.month,
            next_month,
        ),
    ];
    let shown = rows
        .into_iter()
        .filter_map(|(limit, number, measure, period, until)| {
            let number = number?;
            let used = party.used_in(measure, period);
            let left = u128::from(number).saturating_sub(used);
            let show =
                |atoms: u128| asset.format_signed(i128::try_from(atoms).unwrap_or(i128::MAX));
            Some(House {
                limit,
                number: show(u128::from(number)),
                used: show(used),
                left: show(left),
                asset: asset.code.to_string(),
                until: Day(until?),
            })
        });
    shown.collect()
}

/// What a party has used and holds.
struct Books<'a> {
    state: &'a State,
    terms: &'a Terms,
    no: PartyNo,
}

impl Books<'_> {
    fn holds(&self, wallet: WalletNo, asset: &RuleAsset) -> u128 {
        let mut sum = 0_u128;
        let mut no = self.state.wallet(wallet).first;
        while let Some(account) = self.state.book.get(no) {
            let held = u128::try_from(account.balance).unwrap_or(0);
            if held > 0 && account.source != Some(Source::Credit) {
                let more = self.convert(account.asset, asset, held);
                sum = sum.saturating_add(more);
            }
            no = account.next;
        }
        sum
    }

    /// In the rule's asset, rounded up; what has no rate counts as more than any number.
    fn convert(&self, from: AssetNo, to: &RuleAsset, held: u128) -> u128 {
        if from.0 == to.number {
            return held;
        }
        let atoms = Atoms(u64::try_from(held).unwrap_or(u64::MAX));
        let is_it =
            |row: &&engine::terms::ReferenceRate| row.base == from && row.quote.0 == to.number;
        let rate = self.terms.reference_rates.iter().find(is_it);
        let converted = rate.and_then(|row| row.rate.convert(atoms, Rounding::Up).ok());
        converted.map_or(u128::MAX, |converted| u128::from(converted.atoms.0))
    }
}

impl Counters for Books<'_> {
    fn used(&self, _: Side, measure: u16, from: u32, _: u32) -> u128 {
        used(self.state, self.no, measure, from)
    }

    /// Of one instrument, the fullest wallet.
    fn balance(&self, _: Side, per: Per, asset: &RuleAsset) -> u128 {
        let held = self
            .state
            .wallets_of(self.no)
            .map(|wallet| self.holds(wallet, asset));
        match per {
            Per::Party => held.fold(0, u128::saturating_add),
            Per::Instrument => held.max().unwrap_or(0),
        }
    }
}
