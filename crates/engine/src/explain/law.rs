//! What the law said of a payment, shown again as it was decided.

use crate::apply::fold;
use crate::event::{Effect, Event, Part};
use crate::ids::Id;
use crate::state::State;
use crate::step::law::{again, subject};
use crate::view::{Overlay, View};
use policy::{Date, Subject, Traced, Verdict};

/// What the law said, and of whom: with the packs of the law of then
/// ([`crate::law::Law::packs_parsed`]) it is put into words by [`policy::explain`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LawExplained {
    /// The version of the law; the State before the event holds it.
    pub law: u32,
    /// What it said.
    pub verdict: Verdict,
    /// The rules looked at, in order.
    pub trace: Vec<Traced>,
    /// The civil day in the payer's country.
    pub day: Date,
    /// Who paid, as it was then.
    pub payer: Subject,
    /// Who was paid, as it was then.
    pub payee: Subject,
}

/// What the law said of an item of an event; `None` if no law was asked.
///
/// `before` is the State right before the event: replayed from the journal for one of long ago, and
/// the State of now for a preview ([`crate::decide_one`]). So the journal alone shows a decision of
/// version 1 after versions 2 and 3. Nothing is looked up but the ruleset of then.
#[must_use]
pub fn law(before: &State, event: &Event, item: Id) -> Option<LawExplained> {
    before.law(event.tenant)?;
    let mut overlay = Overlay::new(before);
    for part in event.parts() {
        if part.id == item {
            return on(&overlay, event, &part);
        }
        // What an item of a group was decided on is what the ones before it left.
        let done = Event {
            at: event.at,
            tenant: event.tenant,
            kind: part.kind,
            id: part.id,
            postings: part.postings.to_vec(),
            effects: part.effects.to_vec(),
        };
        fold(&mut overlay, &done);
    }
    None
}

fn on<V: View>(view: &V, event: &Event, part: &Part<'_>) -> Option<LawExplained> {
    let state = view.base();
    let law = state.law(event.tenant)?;
    let terms = &state.tenant(event.tenant)?.terms;
    let by_another = |effect: &Effect| matches!(effect, Effect::Refused(r) if r.rule.is_none());
    if part.effects.iter().any(by_another) {
        return None;
    }
    let cases = again::cases(view, event.tenant, part);
    let first = cases.first()?;
    let (mut verdict, mut trace, _) = again::ask(view, law, terms, event.at, &cases);
    // What was said stands in the event; a redemption is answered by no limit.
    let said = part.effects.iter().find_map(|effect| match effect {
        Effect::Refused(refused) => {
            let traced = refused.rule?;
            let (rule, verify) = (traced.rule, refused.verify);
            Some((Verdict::Deny { rule, verify }, traced))
        }
        Effect::PendingOpened(pending) => {
            let traced = pending.rule?;
            let (step_up, rule) = (pending.step_up, traced.rule);
            Some((Verdict::StepUp { step_up, rule }, traced))
        }
        _ => None,
    });
    if let Some((then, traced)) = said {
        verdict = then;
        if !trace.contains(&traced) {
            trace.push(traced);
        }
    }
    let subject = |wallet| subject(view.party(view.wallet(wallet).party));
    Some(LawExplained {
        law: law.version,
        verdict,
        trace,
        day: again::day(view, law, first.payer, event.at),
        payer: subject(first.payer),
        payee: subject(first.payee),
    })
}
