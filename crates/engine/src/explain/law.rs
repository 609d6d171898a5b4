//! What the law said of a payment, shown again as it was decided.

use crate::event::{Effect, Event, Part};
use crate::state::State;
use policy::{Date, Outcome, Subject, Traced, Verdict};

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
/// version 1 after versions 2 and 3.
#[must_use]
pub fn law(before: &State, event: &Event, part: &Part<'_>) -> Option<LawExplained> {
    let law = before.law(event.tenant)?;
    let subject = |wallet| {
        let party = before.party(
            before
                .wallets
                .get(crate::records::WalletNo::as_index(wallet))?
                .party,
        );
        Some(crate::step::law::subject(party))
    };
    let (payer, payee, verdict, traced) = part.effects.iter().find_map(|effect| match effect {
        Effect::Paid(paid) if paid.law > 0 => Some((paid.payer, paid.payee, Verdict::Allow, None)),
        Effect::Refused(refused) => {
            let traced = refused.rule?;
            let (rule, verify) = (traced.rule, refused.verify);
            let verdict = Verdict::Deny { rule, verify };
            Some((refused.wallet, refused.payee, verdict, Some(traced)))
        }
        Effect::PendingOpened(pending) => {
            let traced = pending.rule?;
            let (step_up, rule) = (pending.step_up, traced.rule);
            let payer = before.wallet_no(event.tenant, pending.payer)?;
            let payee = before.wallet_no(event.tenant, pending.payee)?;
            let verdict = Verdict::StepUp { step_up, rule };
            Some((payer, payee, verdict, Some(traced)))
        }
        _ => None,
    })?;
    let _ = Outcome::Denied;
    let payer_party = before.party(before.wallet(payer).party);
    Some(LawExplained {
        law: law.version,
        verdict,
        trace: traced.into_iter().collect(),
        day: crate::step::law::day(law, payer_party, event.at),
        payer: subject(payer)?,
        payee: subject(payee).or_else(|| subject(payer))?,
    })
}
