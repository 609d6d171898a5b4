//! Policy as a service: what the packs say of a payment whose ledger is kept elsewhere. Nothing is
//! remembered; what was counted before comes with the question, what to count with the answer.

mod counted;
pub mod question;
pub mod shown;

use crate::app::App;
use crate::extract::{Answer, Caller, Handled, Json};
use crate::guard::Routes;
use crate::language::{LangParam, Spoken};
use crate::law;
use crate::problem::{Outcome, Problem};
use crate::types::Signed;
use crate::types::law::{self as w, LangWord, Word};
use axum::extract::State;
use counted::Counted;
use identity::Scope;
use policy::{Audience, Context, Date, Moves, Ruleset, Subject};
use question::Question;
use serde::{Deserialize, Serialize};
use shown::{Remedy, Rule};
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the path.
pub fn routes(routes: Routes) -> Routes {
    routes.needs(Scope::PolicyRead, routes!(check_policy))
}

/// What the packs say.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Checked {
    /// `allow`, `step_up` or `deny`.
    #[schema(examples("deny"))]
    verdict: &'static str,
    /// Why, in a stable word.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, examples("limit_per_month"))]
    reason: Option<&'static str>,
    /// By which rule, if it may be seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, examples("kr/carrier.monthly"))]
    rule: Option<String>,
    /// The reason in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    text: Option<String>,
    /// The rules looked at that may be seen, in order.
    trace: Vec<Rule>,
    /// What would help, the best first.
    remedies: Vec<Remedy>,
    /// What to count if the payment is made: to be given back as `used`. Nothing, if it is refused.
    count: Vec<Count>,
    /// Names in `used` that these packs do not know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ignored: Vec<String>,
    /// The packs that were asked, by name and version.
    packs: Vec<PackVersion>,
    /// The language of the words.
    lang: LangWord,
}

/// A pack and its edition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PackVersion {
    /// Its name.
    pub id: String,
    /// Which edition.
    pub version: String,
}

/// Something to count.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Count {
    /// What it sums; whose use it is, in what and over what time, is in the name.
    #[schema(examples("kr.payer.krw.month.9c01e2d4a7b3f586"))]
    measure: String,
    /// In which period.
    period: u32,
    /// To be added: units of `asset`, or payments. Negative, where an authentication sets it to zero.
    add: Signed,
    /// The asset it sums; absent, if it counts payments.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    asset: Option<String>,
    /// The sum over the window before.
    before: Signed,
    /// How many periods before this one are still needed.
    periods_kept: u32,
    /// Whether a void or expiry gives the room back.
    void_gives_back: bool,
    /// Whether a refund gives the room back.
    refund_gives_back: bool,
}

/// Ask what the packs say of a payment, top-up or withdrawal. For those who keep their ledger
/// elsewhere: nothing is paid, counted or remembered here.
#[utoipa::path(
    post,
    path = "/v1/policy/check",
    params(LangParam),
    request_body = Question,
    responses((status = 200, description = "The verdict, whatever it is.", body = Checked))
)]
async fn check_policy(
    State(app): State<App>,
    caller: Caller,
    Spoken(lang): Spoken,
    Json(question): Json<Question>,
) -> Handled<Checked> {
    let audience = audience(&caller, question.audience)?;
    let read = law::read_all(&app, &caller, &question.packs, "packs").await?;
    let packs: Vec<policy::Pack> = read.into_iter().map(|read| read.pack).collect();
    let asked = question.prepare(&app).await?;
    let set = policy::compile(&packs, &asked.settings, None);
    let set = set.map_err(|error| law::together(&error, "packs"))?;
    let moments = question::moments(&set, asked.at)?;
    let (counters, ignored) = Counted::new(&set, &asked)?;
    let mut moves = Moves::new();
    let convert = |asset: &policy::RuleAsset, atoms: u64| asked.convert(asset.asset.code, atoms);
    let verdict = set.check(&asked.facts(), &moments, &counters, convert, &mut moves);
    let zone = set.zone_of(asked.payer.country).unwrap_or(0);
    let subject = |party: &policy::PartyFacts| Subject {
        tier: party.tier,
        kind: party.kind,
    };
    let context = Context {
        set: &set,
        packs: &packs,
        day: moments.get(zone).map_or(Date(0), |civil| Date(civil.day)),
        payer: subject(&asked.payer),
        payee: subject(&asked.payee),
        audience,
        lang,
    };
    let why = policy::explain(&context, verdict, &moves.trace);
    Ok(Answer::ok(Checked {
        verdict: why.verdict,
        reason: why.reason,
        rule: why.rule,
        text: why.text,
        trace: why.trace.into_iter().map(Rule::from).collect(),
        remedies: why.remedies.into_iter().map(Remedy::from).collect(),
        count: moves.moves.iter().filter_map(|m| count(&set, m)).collect(),
        ignored,
        packs: versions(&packs),
        lang: lang.into(),
    }))
}

/// The names and versions of packs.
pub fn versions(packs: &[policy::Pack]) -> Vec<PackVersion> {
    let version = |pack: &policy::Pack| PackVersion {
        id: pack.id.clone(),
        version: pack.version.clone(),
    };
    packs.iter().map(version).collect()
}

/// For whom the words are: the caller, or somebody who may see less.
fn audience(caller: &Caller, asked: Option<w::Audience>) -> Outcome<Audience> {
    let own = caller.policy_audience();
    match asked {
        None => Ok(own),
        Some(Word(asked)) if asked <= own => Ok(asked),
        Some(_) => {
            let words = "the key may not see what is for this audience";
            Err(Problem::new(crate::codes::SCOPE_MISSING, words).at("audience"))
        }
    }
}

fn count(set: &Ruleset, moved: &policy::Move) -> Option<Count> {
    let measure = set.measure(moved.measure)?;
    let asset = set.asset_of(measure).map(|asset| asset.asset);
    let before = i128::try_from(moved.before).unwrap_or(i128::MAX);
    let show = |n: i128| match asset {
        Some(asset) => Signed(asset.format_signed(n)),
        None => Signed(n.to_string()),
    };
    Some(Count {
        measure: measure.name(),
        period: moved.period,
        add: show(moved.delta),
        asset: measure.asset().map(str::to_owned),
        before: show(before),
        periods_kept: measure.periods_kept(),
        void_gives_back: measure.void_gives_back(),
        refund_gives_back: measure.refund_gives_back(),
    })
}
