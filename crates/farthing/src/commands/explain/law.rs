//! What the law said, from the journal alone: the State right before the event has the packs of then.

use crate::failure::Failure;
use engine::event::{Effect, Event};
use engine::explain::LawExplained;
use engine::{Id, Position, State};
use journal::Head;
use journal::sqlite::SqliteReader;
use policy::{Audience, Context, Explanation, Lang, Pack, Remedy, Ruleset, Verdict};
use serde_json::{Value, json};
use std::sync::Arc;

/// What the law said, with the packs it was made of.
pub(super) struct Said {
    explained: LawExplained,
    ruleset: Arc<Ruleset>,
    packs: Vec<Pack>,
}

/// The same in words.
pub(super) struct Words {
    pub version: u32,
    pub words: Explanation,
}

/// Whether a law was in force for an item of an event.
pub(super) fn was_asked(event: &Event, id: Id) -> bool {
    let effects = event.part(id).map_or(&[][..], |part| part.effects);
    effects.iter().any(|effect| match effect {
        Effect::Paid(paid) => paid.law > 0,
        Effect::HoldOpened(hold) => hold.law > 0,
        Effect::PendingOpened(pending) => pending.law > 0 && pending.rule.is_some(),
        Effect::Refused(refused) => refused.law > 0 && refused.rule.is_some(),
        Effect::TopUpOpened(_) | Effect::WithdrawalOpened(_) => true,
        _ => false,
    })
}

/// Replays the journal up to the event before, and asks again.
pub(super) fn said(
    reader: &mut SqliteReader,
    before: Position,
    event: &Event,
    id: Id,
) -> Result<Option<Said>, Failure> {
    let (mut state, mut head) = (State::new(1), Head::EMPTY);
    let mut said = None;
    node::replay(reader, &mut state, &mut head, |state, _, position| {
        if position != before {
            return;
        }
        let Some(law) = state.law(event.tenant) else {
            return;
        };
        said = engine::explain::law(state, event, id).map(|explained| Said {
            explained,
            ruleset: Arc::clone(&law.ruleset),
            packs: law.packs_parsed(),
        });
    })?;
    Ok(said)
}

impl Said {
    /// In words, as far as the audience may know; nothing, if a rule decided that it may not see.
    pub fn words(&self, audience: Audience, lang: Lang) -> Option<Words> {
        let said = &self.explained;
        let context = Context {
            set: &self.ruleset,
            packs: &self.packs,
            day: said.day,
            payer: said.payer,
            payee: said.payee,
            audience,
            lang,
        };
        let words = policy::explain(&context, said.verdict, &said.trace);
        let is_hidden = said.verdict != Verdict::Allow && words.rule.is_none();
        let version = said.law;
        (!is_hidden).then_some(Words { version, words })
    }
}

impl Words {
    pub fn json(&self) -> Value {
        let mut value = serde_json::to_value(&self.words).unwrap_or_default();
        value["version"] = json!(self.version);
        value
    }

    pub fn remedies(&self) -> impl Iterator<Item = &str> {
        self.words.remedies.iter().map(|remedy| match remedy {
            Remedy::Verify { text, .. }
            | Remedy::Confirm { text, .. }
            | Remedy::PayLess { text, .. }
            | Remedy::Wait { text, .. }
            | Remedy::Contact { text } => text.as_str(),
        })
    }
}
