//! Why the law decided as it did, in words: from an event and the law it was decided under.

use super::laws;
use crate::app::App;
use crate::extract::Caller;
use crate::problem::{Outcome as Handled, Problem};
use engine::event::{Effect, Event, Part, Refused};
use engine::explain::LawExplained;
use engine::law::MEASURE_FIRST;
use engine::records::{Party, PartyKind, WalletNo};
use engine::terms::Country;
use engine::{EventKind, Position, State, UtcMillis};
use policy::{
    Cap, Consequence, Context, Date, Dimension, Explanation, Kind, Outcome, Subject, Tier, Traced,
    Verdict,
};
use std::time::{Duration, Instant};

/// So long is the journal walked for an explanation.
const WALK_MAX: Duration = Duration::from_secs(10);

/// What the law said, in words.
#[derive(Clone, Debug)]
pub struct Why {
    /// The version of the law.
    pub version: u32,
    /// Its verdict, trace and what would help.
    pub words: Explanation,
}

/// What an event tells of the law's part in it.
struct Told {
    version: u32,
    payer: WalletNo,
    payee: WalletNo,
    tier: Option<Tier>,
    verdict: Verdict,
    lines: Lines,
}

enum Lines {
    /// The rule that decided.
    One(Traced),
    /// Measure, before and delta of what was counted.
    Counted(Vec<(u16, u128, i128)>),
}

/// What the law said of an item of an event, as far as the caller may know; `None` if nothing.
///
/// # Errors
/// The node, the read model or the journal does not answer.
pub async fn of_part(
    app: &App,
    caller: &Caller,
    at: UtcMillis,
    part: &Part<'_>,
) -> Handled<Option<Why>> {
    let counted = || {
        let measured = part.effects.iter().flat_map(Effect::measured);
        let of_law = measured.filter_map(|m| {
            let measure = m.measure.checked_sub(MEASURE_FIRST)?;
            Some((measure, m.before, m.delta))
        });
        Lines::Counted(of_law.collect())
    };
    let told = part.effects.iter().find_map(|effect| match effect {
        Effect::Refused(refused) => refusal(caller, refused),
        Effect::Paid(paid) => Some(Told {
            version: paid.law,
            payer: paid.payer,
            payee: paid.payee,
            tier: Some(tier(paid.tier)),
            verdict: Verdict::Allow,
            lines: counted(),
        }),
        Effect::HoldOpened(hold) => Some(Told {
            version: hold.law,
            payer: hold.payer,
            payee: hold.payee,
            tier: Some(tier(hold.tier)),
            verdict: Verdict::Allow,
            lines: counted(),
        }),
        Effect::PendingOpened(pending) => {
            let traced = pending.rule?;
            Some(Told {
                version: pending.law,
                payer: WalletNo::NONE,
                payee: WalletNo::NONE,
                tier: None,
                verdict: Verdict::StepUp {
                    step_up: pending.step_up,
                    rule: traced.rule,
                },
                lines: Lines::One(traced),
            })
        }
        _ => None,
    });
    let pending = part.pending();
    let pending = pending.map(|pending| (pending.payer, pending.payee));
    match told {
        Some(told) if told.version > 0 => words(app, caller, at, told, pending).await,
        _ => Ok(None),
    }
}

/// The same of a refusal.
///
/// # Errors
/// As [`of_part`].
pub async fn of_refused(
    app: &App,
    caller: &Caller,
    at: UtcMillis,
    refused: &Refused,
) -> Handled<Option<Why>> {
    match refusal(caller, refused) {
        Some(told) if told.version > 0 => words(app, caller, at, told, None).await,
        _ => Ok(None),
    }
}

fn refusal(caller: &Caller, refused: &Refused) -> Option<Told> {
    let traced = refused.rule?;
    // Whoever sees the neutral word sees nothing else.
    if refused.code.shown_to(caller.audience()) != refused.code {
        return None;
    }
    Some(Told {
        version: refused.law,
        payer: refused.wallet,
        payee: refused.payee,
        tier: Some(tier(refused.tier)),
        verdict: Verdict::Deny {
            rule: traced.rule,
            verify: refused.verify,
        },
        lines: Lines::One(traced),
    })
}

/// A tier as the packs name it.
pub fn tier(tier: engine::terms::Tier) -> Tier {
    let named = Tier::ALL.get(usize::from(tier.0));
    named.copied().unwrap_or(Tier::Business)
}

/// A kind of party as the packs name it.
pub fn kind(kind: PartyKind) -> policy::PartyKind {
    match kind {
        PartyKind::Person => policy::PartyKind::Person,
        PartyKind::Business => policy::PartyKind::Business,
        PartyKind::Agent => policy::PartyKind::Agent,
    }
}

/// A country as the packs name it.
pub fn country(country: Country) -> policy::Country {
    policy::Country::from_letters(country.0)
}

async fn words(
    app: &App,
    caller: &Caller,
    at: UtcMillis,
    told: Told,
    pending: Option<(engine::ids::WalletId, engine::ids::WalletId)>,
) -> Handled<Option<Why>> {
    let tenant = caller.tenant;
    let Some(law) = laws::of_version(app, tenant, told.version).await? else {
        return Ok(None);
    };
    let (payer, payee) = (told.payer, told.payee);
    let parties = app
        .query(move |state| {
            let named = |id| state.wallet_no(tenant, id).unwrap_or(WalletNo::NONE);
            let (payer, payee) = match pending {
                Some((payer, payee)) => (named(payer), named(payee)),
                None => (payer, payee),
            };
            [payer, payee].map(|no| {
                let wallet = state.wallets.get(no.0 as usize)?;
                Some(state.party(wallet.party).clone())
            })
        })
        .await?;
    let [payer, payee] = parties;
    let Some(payer) = payer.or_else(|| payee.clone()) else {
        return Ok(None);
    };
    let payee = payee.unwrap_or_else(|| payer.clone());
    let subject = |party: &Party, tier: Tier| Subject {
        tier,
        kind: kind(party.kind),
    };
    let set = &*law.law.ruleset;
    let zone = set.zone_of(country(payer.country)).unwrap_or(0);
    let utc = || u32::try_from(at.0 / 86_400_000).unwrap_or(u32::MAX);
    let day = law
        .law
        .zones
        .get(zone)
        .map_or_else(utc, |zone| zone.civil(at).day.0);
    let payer_tier = told.tier.unwrap_or(self::tier(payer.tier));
    let said = Said {
        law: &law,
        day: Date(day),
        payer: subject(&payer, payer_tier),
        payee: subject(&payee, self::tier(payee.tier)),
        verdict: told.verdict,
    };
    let trace = match told.lines {
        Lines::One(traced) => vec![traced],
        Lines::Counted(counted) => counted
            .into_iter()
            .flat_map(|(measure, before, delta)| traced(set, &said, measure, before, delta))
            .collect(),
    };
    Ok(said.words(caller, &trace))
}

/// What was said, of whom and when.
struct Said<'a> {
    law: &'a laws::Read,
    day: Date,
    payer: Subject,
    payee: Subject,
    verdict: Verdict,
}

impl Said<'_> {
    /// What was refused because its party had to confirm more is a step-up that came too late.
    fn asked(&self, context: &Context<'_>, trace: &[Traced]) -> Verdict {
        let Verdict::Deny { rule, .. } = self.verdict else {
            return self.verdict;
        };
        let asks = |traced: &&Traced| traced.rule == rule && traced.outcome == Outcome::StepUp;
        let rule_asked = trace.iter().find(asks);
        let found = rule_asked.and_then(|t| policy::rule_of(context.set, context.packs, t.rule));
        let step_up = found.and_then(|(_, rule)| match &rule.kind {
            Kind::Authentication { step_up } => Some(*step_up),
            Kind::Limit(Cap { then, .. })
            | Kind::Diligence(Cap { then, .. })
            | Kind::Balance { then, .. } => match then {
                Consequence::StepUp(step_up) => Some(*step_up),
                _ => None,
            },
            _ => None,
        });
        step_up.map_or(self.verdict, |step_up| Verdict::StepUp { step_up, rule })
    }

    fn words(&self, caller: &Caller, trace: &[Traced]) -> Option<Why> {
        let context = Context {
            set: &self.law.law.ruleset,
            packs: &self.law.packs,
            day: self.day,
            payer: self.payer,
            payee: self.payee,
            audience: caller.policy_audience(),
            lang: caller.lang,
        };
        let words = policy::explain(&context, self.asked(&context, trace), trace);
        // A rule that may not be seen did not say anything.
        let is_hidden = self.verdict != Verdict::Allow && words.rule.is_none();
        let version = self.law.law.version;
        (!is_hidden).then_some(Why { version, words })
    }
}

/// The same of what the step has just said, with every rule it looked at.
///
/// # Errors
/// As [`of_part`].
pub async fn of_step(
    app: &App,
    caller: &Caller,
    part: &Part<'_>,
    said: &LawExplained,
) -> Handled<Option<Why>> {
    let is_neutral = part.effects.iter().any(|effect| match effect {
        Effect::Refused(refused) => {
            refused.rule.is_none() || refused.code.shown_to(caller.audience()) != refused.code
        }
        Effect::PendingOpened(pending) => pending.rule.is_none(),
        _ => false,
    });
    if is_neutral {
        return Ok(None);
    }
    let Some(law) = laws::of_version(app, caller.tenant, said.law).await? else {
        return Ok(None);
    };
    let shown = Said {
        law: &law,
        day: said.day,
        payer: said.payer,
        payee: said.payee,
        verdict: said.verdict,
    };
    Ok(shown.words(caller, &said.trace))
}

/// The same of something of the past: asked again of the State right before it, which the journal
/// alone makes. `None` if no law was asked, nothing may be told, or the journal is too long to be
/// walked in [`WALK_MAX`]; the event itself then says what counted.
///
/// # Errors
/// As [`of_part`].
pub async fn of_past(
    app: &App,
    caller: &Caller,
    at: Position,
    event: &Event,
    part: &Part<'_>,
) -> Handled<Option<Why>> {
    let under_law = part.effects.iter().any(|effect| match effect {
        Effect::Paid(paid) => paid.law > 0,
        Effect::HoldOpened(hold) => hold.law > 0,
        Effect::PendingOpened(pending) => pending.law > 0,
        Effect::Refused(refused) => refused.law > 0,
        Effect::TopUpOpened(_) | Effect::WithdrawalOpened(_) => true,
        _ => false,
    });
    let (tenant, id) = (event.tenant, part.id);
    // A capture says what its authorization was under, and is asked under the law of its own time.
    let is_capture = part.kind == EventKind::Captured;
    let under_law =
        under_law || is_capture && app.query(move |state| state.law(tenant).is_some()).await?;
    if !under_law {
        return Ok(None);
    }
    let said = app.blocking(move |app| {
        // One at a time: each holds a State of its own.
        let _walking = app.laws.walking();
        let start = Instant::now();
        let go_on = || start.elapsed() < WALK_MAX;
        let ask = |before: &State, event: &Event| {
            let is_it = event.tenant == tenant;
            is_it
                .then(|| engine::explain::law(before, event, id))
                .flatten()
        };
        app.node
            .with_reader(|reader| node::look_at(reader, at, go_on, ask))
    });
    let said = said.await?.map_err(|error| Problem::internal(&error))?;
    match said.flatten() {
        Some(said) => of_step(app, caller, part, &said).await,
        None => Ok(None),
    }
}

/// What counted this measure of a payment that was made.
fn traced(
    set: &policy::Ruleset,
    said: &Said<'_>,
    measure: u16,
    used: u128,
    delta: i128,
) -> Vec<Traced> {
    let Ok(asked) = u64::try_from(delta) else {
        // An authentication set it to zero.
        return Vec::new();
    };
    let tier = match set.measure(measure).map(policy::Measured::side) {
        Some(policy::Side::Payee) => said.payee.tier,
        _ => said.payer.tier,
    };
    let rules = set.rules_of(measure, tier, said.day);
    let line = |rule| Traced {
        rule,
        outcome: if set.is_exemption(rule) {
            Outcome::Exempt
        } else {
            Outcome::Within
        },
        used,
        asked,
    };
    rules.into_iter().map(line).collect()
}
