//! Why something was decided as it was, under the terms and the law it was decided with.

use crate::app::App;
use crate::extract::{Answer, Caller, Handled};
use crate::guard::Routes;
use crate::history;
use crate::language::LangParam;
use crate::law::laws;
use crate::law::why::{self, Why};
use crate::lookup;
use crate::problem::{Outcome, Problem};
use crate::taxes::Decided;
use crate::types::Time;
use crate::types::ids::parse_digits;
use crate::types::law::LangWord;
use crate::v1::payments::{Trace, tax_decided, trace};
use axum::extract::{Path, State};
use engine::event::{Effect, Part};
use engine::{UtcMillis, explain};
use identity::Scope;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the path.
pub fn routes(routes: Routes) -> Routes {
    routes.needs_or_regulator(Scope::PaymentsRead, routes!(get_explanation))
}

/// Why something was decided as it was.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Explanation {
    /// What it is about.
    id: String,
    /// What happened.
    #[schema(examples("payment.refused"))]
    kind: String,
    /// When.
    at: Time,
    /// The version of the terms it was decided under.
    terms_version: u32,
    /// Why.
    #[serde(flatten)]
    trace: Trace,
    /// What was decided of its tax, and by which act; absent without tax rules in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    tax: Option<Decided>,
    /// The language of what the law said.
    lang: LangWord,
}

/// Why an item of an event was decided so, as far as the caller may know, and the version of the terms.
///
/// # Errors
/// The node, the read model or the journal does not answer.
pub async fn trace_of(
    app: &App,
    caller: &Caller,
    at: UtcMillis,
    part: &Part<'_>,
) -> Outcome<(Trace, u32)> {
    let law = why::of_part(app, caller, at, part).await?;
    with_law(app, caller, part, law).await
}

/// The same, where what the law said is known.
///
/// # Errors
/// As [`trace_of`].
pub async fn with_law(
    app: &App,
    caller: &Caller,
    part: &Part<'_>,
    law: Option<Why>,
) -> Outcome<(Trace, u32)> {
    let tenant = caller.tenant;
    let terms = app.query(move |state| {
        let tenant = state.tenant(tenant)?;
        Some((tenant.terms.clone(), tenant.terms_version))
    });
    let (current, current_version) = terms.await?.unwrap_or_default();
    let version = part.effects.iter().find_map(|effect| match effect {
        Effect::Paid(paid) => Some(paid.terms),
        Effect::HoldOpened(hold) => Some(hold.terms),
        Effect::Refused(refused) => Some(refused.terms),
        _ => None,
    });
    let version = version.unwrap_or(current_version);
    let terms = if version == current_version {
        current
    } else {
        let then = history::terms_of(app, tenant, version).await?;
        then.map_or(current, |(_, terms)| terms)
    };
    let assets = app.assets_now().await?;
    let audience = caller.audience();
    let under = part.effects.iter().find_map(|effect| match effect {
        Effect::Paid(paid) if paid.law > 0 => Some(paid.law),
        _ => None,
    });
    let under = match under {
        Some(version) => laws::of_version(app, tenant, version).await?,
        None => None,
    };
    let rewards = under.as_ref().map(|read| &read.law.settings.rewards);
    let house = explain::explain(part, (&terms, version), rewards, &assets.0, audience);
    Ok((trace(house, law, audience), version))
}

/// Why a payment, capture, refund, transfer, top-up or withdrawal was made or refused: what the house
/// and the packs in force then said of it, in English or Korean, to whom each rule allows.
#[utoipa::path(
    get,
    path = "/v1/explanations/{id}",
    params(
        ("id" = String, Path, description = "Of what, with its prefix.", example = "pay_01936b2f040070008000000000000004"),
        LangParam,
    ),
    responses((status = 200, description = "Why.", body = Explanation))
)]
async fn get_explanation(
    State(app): State<App>,
    caller: Caller,
    Path(text): Path<String>,
) -> Handled<Explanation> {
    let not_there = || Problem::not_found("id", "nothing of this id was decided in this tenant");
    let digits = text.rsplit_once('_').map(|(_, digits)| digits);
    let id = digits.and_then(parse_digits).ok_or_else(not_there)?;
    let (position, event) = lookup::event_of(&app, caller.tenant, id)
        .await?
        .ok_or_else(not_there)?;
    let part = event.part(id).ok_or_else(not_there)?;
    // Every rule that was looked at; of too long a journal, those that the event itself tells of.
    let law = match why::of_past(&app, &caller, position, &event, &part).await? {
        Some(law) => Some(law),
        None => why::of_part(&app, &caller, event.at, &part).await?,
    };
    let (trace, terms_version) = with_law(&app, &caller, &part, law).await?;
    Ok(Answer::ok(Explanation {
        id: text,
        kind: part.kind.as_str().to_owned(),
        at: Time(event.at),
        terms_version,
        trace,
        tax: tax_decided(&app, &part).await?,
        lang: caller.lang.into(),
    }))
}
