//! From a command to an answer: what the node said, as the API says it.

use crate::app::App;
use crate::extract::Caller;
use crate::law::why::{self, Why};
use crate::problem::{Outcome, Problem, Remedy};
use crate::texts::{self, Text};
use crate::types::Time;
use crate::v1::owed::owed_in;
use engine::command::{Besides, Command, Op};
use engine::event::{Event, Refused, TextHash};
use engine::explain;
use engine::ids::{ActorId, PartyId};
use engine::law::{Circumstances, Confirmed};
use engine::{Code, Id, Position, State, UtcMillis};
use node::{Answer, Unavailable};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;
use utoipa::ToSchema;

/// Something that happened, and where it stands.
#[derive(Clone, Debug)]
pub struct Done {
    /// Where.
    pub position: Position,
    /// What.
    pub event: Box<Event>,
    /// Whether it happened before.
    pub replayed: bool,
}

/// Makes a command of the caller's, with the hashes of its texts.
pub fn command(caller: &Caller, id: Id, op: Op, texts: BTreeMap<Id, TextHash>) -> Command {
    let agent = caller.key.agent.map(|agent| PartyId(Id(agent)));
    let in_pairs = matches!(
        op,
        Op::ProposeCorrection { .. }
            | Op::ApproveCorrection { .. }
            | Op::ProposeLaw { .. }
            | Op::ApproveLaw { .. }
    );
    let besides = (agent.is_some() || in_pairs || !texts.is_empty()).then(|| {
        let line = ActorId(Id(caller.key.head().0));
        Arc::new(Besides {
            line,
            agent,
            texts,
            ..Besides::default()
        })
    });
    Command {
        id,
        tenant: caller.tenant,
        actor: caller.actor(),
        op,
        besides,
    }
}

/// What the caller vouches for in a top-up or withdrawal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attested {
    /// What its party has done for it.
    pub confirmed: Confirmed,
    /// What else the law asks about.
    pub circumstances: Circumstances,
}

/// The same with text: kept before, and only as long as the command is not refused.
///
/// # Errors
/// See [`submit`].
pub async fn submit_with(
    app: &App,
    caller: &Caller,
    shown: impl Display,
    op: Op,
    text: &Text,
) -> Outcome<Done> {
    submit_attested(app, caller, shown, op, text, Attested::default()).await
}

/// The same with what the caller vouches for.
///
/// # Errors
/// See [`submit`].
pub async fn submit_attested(
    app: &App,
    caller: &Caller,
    shown: impl Display,
    op: Op,
    text: &Text,
    attested: Attested,
) -> Outcome<Done> {
    let id = text.command;
    let kept = match texts::keep(app, caller, std::slice::from_ref(text))
        .await?
        .pop()
    {
        Some(kept) => kept?,
        None => None,
    };
    let hashes = kept.iter().map(|kept| (id, kept.hash)).collect();
    let mut command = command(caller, id, op, hashes);
    if attested != Attested::default() {
        let mut besides = match command.besides.take() {
            Some(besides) => Arc::unwrap_or_clone(besides),
            None => Besides::default(),
        };
        (besides.confirmed, besides.circumstances) = (attested.confirmed, attested.circumstances);
        command.besides = Some(Arc::new(besides));
    }
    let answer = app.node.submit(command).await;
    if let Some(kept) = kept {
        texts::settle(kept, id, &answer);
    }
    let answer = answer.map_err(|why| unanswered(why, &shown))?;
    match told(app, caller, shown, answer).await {
        Ok(done) => Ok(done),
        Err(problem) => Err(texts::name_field(app, caller, text, problem).await),
    }
}

/// Why there is no answer, with the id to ask again with.
pub fn unanswered(why: Unavailable, shown: impl Display) -> Box<Problem> {
    let mut problem: Box<Problem> = why.into();
    problem.id = Some(shown.to_string());
    problem
}

/// What went wrong while the answer to a command was put together that has been decided: the node
/// may not say now that it is busy, as if nothing had happened.
pub fn after(problem: Box<Problem>, shown: impl Display) -> Box<Problem> {
    match problem.status {
        503 => unanswered(Unavailable::OutcomeUnknown, shown),
        _ => problem,
    }
}

/// Asks the node; what was refused for good or could not be considered is a problem. `shown` is the
/// id as the caller knows it.
///
/// # Errors
/// All of them; see [`crate::codes`].
pub async fn submit(
    app: &App,
    caller: &Caller,
    id: Id,
    shown: impl Display,
    op: Op,
) -> Outcome<Done> {
    let command = command(caller, id, op, BTreeMap::new());
    send(app, caller, shown, command).await
}

/// The same of a whole command.
///
/// # Errors
/// See [`submit`].
pub async fn send(
    app: &App,
    caller: &Caller,
    shown: impl Display,
    command: Command,
) -> Outcome<Done> {
    let answer = app.node.submit(command).await;
    let answer = answer.map_err(|why| unanswered(why, &shown))?;
    told(app, caller, shown, answer).await
}

/// The same of an answer that is already there.
///
/// # Errors
/// See [`submit`].
pub async fn told(
    app: &App,
    caller: &Caller,
    shown: impl Display,
    answer: Answer,
) -> Outcome<Done> {
    let done = match answer {
        Answer::Done { position, event } => Done {
            position,
            event,
            replayed: false,
        },
        Answer::Known { position, event } => Done {
            position,
            event,
            replayed: true,
        },
        Answer::Rejected(rejection) => {
            return Err(Problem::rejected(&rejection, caller.audience()));
        }
    };
    match done.event.refusal() {
        None => Ok(done),
        Some(refused) => {
            let mut problem = denied(app, caller, done.event.at, refused).await;
            problem.id = Some(shown.to_string());
            problem.replayed = done.replayed;
            Err(problem)
        }
    }
}

/// A denial in words, as far as the caller may know. It stands, so that a node too busy to look its
/// remedy, its rule or its asset up leaves them out.
pub async fn denied(app: &App, caller: &Caller, at: UtcMillis, refused: &Refused) -> Box<Problem> {
    let refused = *refused;
    let code = refused.code.shown_to(caller.audience());
    let mut problem = Problem::of(code, code.help());
    if code != refused.code {
        return problem;
    }
    if let Ok(Some(why)) = why::of_refused(app, caller, at, &refused).await {
        of_law(&mut problem, &why);
        return problem;
    }
    let assets = match app.assets() {
        known if known.get(refused.asset).is_some() => known,
        known => app.assets_now().await.unwrap_or(known),
    };
    let mut owed = 0;
    let remedy = match refused.code {
        Code::InsufficientFunds => {
            let owing = app.query(move |state| owed_by(state, &refused)).await;
            owed = owing.unwrap_or_default();
            // What comes in pays the debt first.
            let asked = refused.asked.saturating_add(owed);
            let with_debt = Refused { asked, ..refused };
            let terms = engine::terms::Terms::default();
            Some(explain::remedy(&with_debt, &terms, &assets.0))
        }
        Code::LimitPerPayment | Code::LimitPerDay | Code::LimitPerMonth => {
            let tenant = caller.tenant;
            app.query(move |state| {
                let terms = state
                    .tenant(tenant)
                    .map(|t| t.terms.clone())
                    .unwrap_or_default();
                explain::remedy(&refused, &terms, &state.assets)
            })
            .await
            .ok()
        }
        _ => {
            let terms = engine::terms::Terms::default();
            Some(explain::remedy(&refused, &terms, &assets.0))
        }
    };
    problem.remedy = remedy.map(Into::into);
    if matches!(refused.code, Code::GroupItemRefused | Code::StepUpInGroup) || refused.item > 0 {
        problem.item = Some(refused.item);
    }
    if refused.code == Code::RiskDeclined {
        return problem;
    }
    if let Some(asset) = assets.get(refused.asset)
        && refused.code == Code::NoReferenceRate
    {
        problem.detail = format!(
            "a limit is in another asset, and the terms have no reference rate from {} to it: the \
             operator sets `reference_rates`",
            asset.code
        );
    }
    if let Some(asset) = assets.get(refused.asset) {
        let show =
            |atoms: u128| Some(asset.format_signed(i128::try_from(atoms).unwrap_or(i128::MAX)));
        if refused.asked > 0 || refused.used > 0 {
            problem.asset = Some(asset.code.to_string());
            problem.asked = show(u128::from(refused.asked));
            if refused.limit > 0 || refused.used > 0 || refused.code == Code::InsufficientFunds {
                (problem.limit, problem.used) = (show(refused.limit), show(refused.used));
            }
        }
        if refused.code == Code::InsufficientFunds {
            let words = |atoms: u128| show(atoms).unwrap_or_default();
            let (asked, there) = (words(refused.asked.into()), words(refused.limit));
            problem.detail = format!("{asked} {} was asked and {there} is there", asset.code);
            if owed > 0 {
                let owed = words(owed.into());
                problem.detail += &format!("; {owed} is owed and paid out of what comes in first");
            }
        }
    }
    problem
}

/// A denial by a rule of the law: its words, its number and what would help.
fn of_law(problem: &mut Problem, why: &Why) {
    let words = &why.words;
    if let Some(text) = &words.text {
        problem.detail.clone_from(text);
    }
    problem.rule.clone_from(&words.rule);
    let decisive = words.trace.last().filter(|_| words.rule.is_some());
    if let Some(line) = decisive {
        (problem.limit, problem.used) = (line.number.clone(), line.used.clone());
    }
    problem.remedy = words.remedies.first().map(Remedy::of_law);
}

/// What the party that has too little owes in that asset: now, for it may have been paid since.
fn owed_by(state: &State, refused: &Refused) -> u64 {
    let wallet = state.wallets.get(refused.wallet.0 as usize);
    wallet.map_or(0, |wallet| owed_in(state, wallet.party, refused.asset))
}

/// What happened, in brief: the answer to commands whose whole effect is that they were done.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Happened {
    /// The command's id: the one given, or a fresh one.
    pub id: String,
    /// What happened.
    #[schema(examples("topup.settled"))]
    pub kind: String,
    /// When.
    pub at: Time,
    /// The row of the journal.
    pub seq: u64,
    /// The place in that row.
    pub index: u32,
}

impl Happened {
    /// From what the node said.
    pub fn new(id: impl Display, done: &Done) -> Happened {
        Happened {
            id: id.to_string(),
            kind: done.event.kind.as_str().to_owned(),
            at: Time(done.event.at),
            seq: done.position.seq,
            index: done.position.index,
        }
    }
}
