//! History against a draft law: what would have been decided otherwise, of whom, by which rule.
//!
//! What this promises:
//! - A function of the State before each event and the event, with counters of its own. Nothing is
//!   written and nothing is decided anew: funds, fees and house limits stay as they were.
//! - The draft stands on the law that was in force then: its packs replace those of the same name.
//! - What the draft denies is not counted by it, and gives no room back later. What it asks a step-up
//!   for counts as confirmed and made. Balances are history's.
//! - Before the span that is asked about, everything made is counted and nothing compared, so that
//!   the draft begins with counters that are not empty.
//! - A draft's pilot is held against everything, from the first payment on that is looked at.
//! - What history refused for another reason than the law stays refused, and is not looked at.

mod report;

pub use report::{Becomes, Changed, Changes, RuleChanges, RuleName, Simulated, Was};

use crate::code::Code;
use crate::event::{Effect, Event, EventKind, Part};
use crate::ids::Id;
use crate::law::{Confirmed, Counted, Law, Measured, NewLaw};
use crate::past::question::{self, By, Question};
use crate::past::shadow::{Shadow, Shadowed};
use crate::past::{Look, concerns, each_part};
use crate::records::TenantNo;
use crate::state::State;
use crate::step::law::court::{Case, Court};
use crate::step::law::{cash, pilot};
use crate::terms::Terms;
use crate::time::{UtcMillis, Zone};
use crate::view::View;
use ledger::AssetNo;
use money::Asset;
use policy::{
    Amount, Civil, Date, Moves, Pack, Payment, PolicyError, Redeemable, Ruleset, Settings, Side,
    Verdict,
};
use report::Tally;
use std::collections::{BTreeMap, BTreeSet};

/// What is simulated.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Whose history.
    pub tenant: TenantNo,
    /// The draft: packs, packs taken out, settings, zones.
    pub law: NewLaw,
    /// From when on decisions are compared.
    pub from: UtcMillis,
    /// Until when, not included.
    pub until: UtcMillis,
    /// How many changed payments are listed; all are counted.
    pub list_max: usize,
    /// What the draft's pilot is limited in: the shard numbers it, once it is registered.
    pub pilot_asset: Option<Asset>,
}

/// A simulation under way.
#[derive(Debug)]
pub struct Simulation {
    asked: Asked,
    drafts: Vec<Pack>,
    /// The draft on the law of then.
    compiled: Option<Compiled>,
    shadow: Shadow,
    /// What the draft said of payments that history asked a step-up for.
    pending: BTreeMap<Id, bool>,
    /// Authorizations that the draft denied: nothing of them is captured.
    denied: BTreeSet<Id>,
    tally: Tally,
    moves: Moves,
    now: Vec<Civil>,
    at: UtcMillis,
    failed: Option<PolicyError>,
}

/// The draft as it stands on a law, for as long as that and the assets stay.
#[derive(Debug)]
struct Compiled {
    assets: usize,
    /// Its own version is the one it stands on.
    law: Law,
    packs: Vec<Pack>,
    /// The packs of the law of then.
    then: Vec<Pack>,
}

impl Simulation {
    /// Begins before the first event.
    ///
    /// # Errors
    /// A pack that cannot be read.
    pub fn new(asked: Asked) -> Result<Simulation, PolicyError> {
        let parse = |text: &std::sync::Arc<str>| Pack::parse("draft", text);
        let drafts = asked
            .law
            .packs
            .iter()
            .map(parse)
            .collect::<Result<_, _>>()?;
        Ok(Simulation {
            tally: Tally::new(asked.list_max),
            asked,
            drafts,
            compiled: None,
            shadow: Shadow::default(),
            pending: BTreeMap::new(),
            denied: BTreeSet::new(),
            moves: Moves::new(),
            now: Vec::new(),
            at: UtcMillis(0),
            failed: None,
        })
    }

    /// Looks at an event; `before` is the State right before it.
    pub fn event(&mut self, before: &State, event: &Event) {
        if event.tenant != self.asked.tenant || self.failed.is_some() {
            return;
        }
        if event.at >= self.asked.until || !concerns(event.kind) {
            return;
        }
        if let Err(error) = self.compile(before, event.at) {
            self.failed = Some(error);
            return;
        }
        each_part(self, before, event);
    }

    /// What came of it.
    ///
    /// # Errors
    /// The draft and a law of then do not go together.
    pub fn finish(self) -> Result<Simulated, PolicyError> {
        match self.failed {
            Some(error) => Err(error),
            None => Ok(self.tally.finish()),
        }
    }

    /// How many decisions were compared so far.
    #[must_use]
    pub fn compared(&self) -> u64 {
        self.tally.compared()
    }

    fn compile(&mut self, before: &State, at: UtcMillis) -> Result<(), PolicyError> {
        let law = before.law(self.asked.tenant);
        let version = law.map_or(0, |law| law.version);
        let stands = self.compiled.as_ref().is_some_and(|compiled| {
            compiled.assets == before.assets.len() && compiled.law.version == version
        });
        if !stands {
            let known = self.compiled.take();
            // Measures keep their numbers from one to the next: the counters go by them.
            let earlier = known.as_ref().map(|known| &*known.law.ruleset);
            let compiled = compiled(&self.asked, &self.drafts, law, before, at, earlier)?;
            self.compiled = Some(compiled);
            self.at = UtcMillis(u64::MAX);
        }
        if let Some(compiled) = &self.compiled
            && self.at != at
        {
            self.at = at;
            self.now.clear();
            self.now
                .extend(compiled.law.zones.iter().map(|zone| zone.moment(at)));
        }
        Ok(())
    }

    /// What the draft says, compared with what history said, and counted if it is made.
    /// Whether it is made.
    fn answer<V: View>(
        &mut self,
        view: &V,
        event: &Event,
        part: &Part<'_>,
        question: &Question,
    ) -> bool {
        let Some(compiled) = &self.compiled else {
            return true;
        };
        let continued = match part.kind {
            kind if kind.asks_step_up() || kind.is_refusal() => None,
            _ => self.pending.remove(&part.id),
        };
        if continued == Some(false) {
            // Denied when it was asked for: it was never confirmed.
            return false;
        }
        let (before, case) = (view.base(), question.cases[0]);
        let Some(tenant) = before.tenant(event.tenant) else {
            return true;
        };
        let draft = Draft {
            compiled,
            now: &self.now,
            view: Shadowed {
                view,
                shadow: &self.shadow,
            },
            terms: &tenant.terms,
            tenant: event.tenant,
            at: event.at,
        };
        let said = draft.say(question, &mut self.moves);
        let becomes = match said.outside {
            Some(_) => Becomes::Denied,
            None => Becomes::of(said.verdict),
        };
        let made = becomes != Becomes::Denied;
        let compared = event.at >= self.asked.from && continued.is_none();
        if part.kind.asks_step_up() {
            self.pending.insert(part.id, made);
        }
        if compared {
            let rule = draft.rule_of(&said, question, tenant.law.as_deref());
            let party = view.wallet(case.payer).party;
            self.tally.note(report::Noted {
                id: part.id,
                payment: case.payment,
                at: event.at,
                party,
                public: before.party_id(party),
                asset: case.asset,
                atoms: question.gross,
                was: question.was,
                becomes,
                rule,
            });
        }
        let piloted = draft.piloted(question);
        if made && !part.kind.asks_step_up() {
            let set = &compiled.law.ruleset;
            self.shadow.take(set, part.id, question.gross, said.moves);
            if let Some(amount) = piloted {
                let payer = view.wallet(case.payer).party;
                self.shadow.pilot(payer, amount);
            }
        }
        made
    }
}

impl Look for Simulation {
    fn part<V: View>(&mut self, view: &V, event: &Event, part: &Part<'_>) {
        if part.kind.is_step_up_expired() {
            for effect in part.effects {
                if let Effect::PendingClosed { payment } = effect {
                    self.pending.remove(payment);
                }
            }
        }
        if captured(part).is_some_and(|hold| self.denied.contains(&hold)) {
            return;
        }
        let question = question::of(view, event, part);
        let made = question.is_none_or(|question| self.answer(view, event, part, &question));
        if !made && part.kind == EventKind::Authorized {
            self.denied.insert(part.id);
        }
        // A refund that the draft denies gives nothing back.
        if made
            && question::undoes(part.kind)
            && let Some(compiled) = &self.compiled
        {
            let set = &compiled.law.ruleset;
            self.shadow.undo(view, set, event.tenant, part);
        }
    }
}

/// The authorization that something was captured of, or was to be.
fn captured(part: &Part<'_>) -> Option<Id> {
    let is_refused = || part.asked().is_some_and(|asked| asked.is_capture);
    if part.kind != EventKind::Captured && !is_refused() {
        return None;
    }
    part.effects.iter().find_map(|effect| match effect {
        Effect::Paid(paid) => Some(paid.of),
        Effect::About { thing } => Some(*thing),
        _ => None,
    })
}

fn compiled(
    asked: &Asked,
    drafts: &[Pack],
    law: Option<&Law>,
    state: &State,
    at: UtcMillis,
    earlier: Option<&Ruleset>,
) -> Result<Compiled, PolicyError> {
    let draft = &asked.law;
    let stays =
        |pack: &Pack| !draft.removed.contains(&pack.id) && drafts.iter().all(|d| d.id != pack.id);
    let then = law.map_or_else(Vec::new, Law::packs_parsed);
    let mut packs = then.clone();
    packs.retain(stays);
    packs.extend(drafts.iter().cloned());
    packs.sort_by(|a, b| a.id.cmp(&b.id));
    let of_law = law.map(|law| law.settings.clone());
    let mut settings = draft.settings.clone().or(of_law).unwrap_or_default();
    if let (Some(asset), Some(pilot)) = (asked.pilot_asset, &mut settings.pilot) {
        let known = state.asset(asset.code).filter(|(_, known)| *known == asset);
        // Before there is such an asset, nothing has been paid in it or converted to it.
        let unknown = AssetNo(u16::MAX);
        let number = known.map_or(unknown, |(no, _)| no);
        pilot.volume_max = pilot.volume_max.map(|(_, most)| (number, most));
    }
    let today = u32::try_from(at.0 / 86_400_000).unwrap_or(u32::MAX);
    let numbers = settings.numbers.iter().map(|own| {
        let (atoms, asset) = (own.atoms, own.asset);
        (own.rule.clone(), Amount { atoms, asset })
    });
    let compiled = Settings {
        country: policy::Country::from_letters(settings.country.0),
        status: settings.status,
        assets: state.assets.clone(),
        segments: settings.segments.clone(),
        counters: settings.counters.clone(),
        numbers: numbers.collect(),
        first_day: Date(today.saturating_sub(1)),
    };
    let ruleset = policy::compile(&packs, &compiled, earlier)?;
    let known = || {
        let of_law = law.into_iter().flat_map(|law| &law.zones);
        draft.zones.iter().chain(of_law)
    };
    let zone = |name: &String| {
        let found = known().find(|zone| zone.name == *name).cloned();
        // Whoever asks gives the packs' zones; without one its days are UTC's.
        found.unwrap_or_else(Zone::utc)
    };
    let zones = ruleset.zones().iter().map(zone).collect();
    Ok(Compiled {
        assets: state.assets.len(),
        law: Law {
            version: law.map_or(0, |law| law.version),
            proposal: Id::NONE,
            activated: at,
            settings,
            packs: Vec::new(),
            ruleset: ruleset.into(),
            zones,
            backfilling: None,
        },
        packs,
        then,
    })
}

/// The draft, asked about one thing at one time.
struct Draft<'d, V: View> {
    compiled: &'d Compiled,
    now: &'d [Civil],
    view: Shadowed<'d, V>,
    terms: &'d Terms,
    tenant: TenantNo,
    at: UtcMillis,
}

/// What it says, and what moves if that is made.
struct Said {
    /// The pilot does not take it.
    outside: Option<Code>,
    verdict: Verdict,
    moves: Vec<Counted>,
}

impl<V: View> Draft<'_, V> {
    fn say(&self, question: &Question, moves: &mut Moves) -> Said {
        let outside = self.outside(question);
        let first = self.hear(question, Confirmed::NOTHING, moves);
        let Verdict::StepUp { step_up, .. } = first.verdict else {
            return Said { outside, ..first };
        };
        // Made as if the payer had done what is asked.
        let again = self.hear(question, step_up.into(), moves);
        Said {
            outside,
            verdict: first.verdict,
            moves: again.moves,
        }
    }

    /// Why the draft's pilot does not take it.
    fn outside(&self, question: &Question) -> Option<Code> {
        let pilot = self.compiled.law.settings.pilot.as_ref()?;
        let case = &question.cases[0];
        // Whoever was let in gets back what was paid, and is paid what was authorized.
        if case.payment == Payment::Refund || case.is_capture {
            return None;
        }
        let cases = &mut question.cases.iter();
        let elsewhere = cases.find_map(|case| pilot::outside(&self.view, pilot, case));
        let beyond = || {
            let (terms, gross) = (self.terms, question.gross);
            let beyond = pilot::beyond(&self.view, terms, self.tenant, pilot, case, gross);
            beyond.map(|(code, _)| code)
        };
        elsewhere.or_else(|| is_between_wallets(case).then(beyond)?)
    }

    /// How much it counts in the draft's pilot, if it does.
    fn piloted(&self, question: &Question) -> Option<u64> {
        let pilot = self.compiled.law.settings.pilot.as_ref()?;
        let case = &question.cases[0];
        let (terms, gross) = (self.terms, question.gross);
        let in_its_asset = |(to, _)| terms.convert(case.asset, to, gross);
        let amount = pilot.volume_max.map_or(Some(0), in_its_asset);
        is_between_wallets(case).then(|| amount.unwrap_or(0))
    }

    /// Asks once for payer and payee; of a split once for the payer and then for each share, each
    /// seeing what the ones before it moved. The strictest answer stands.
    fn hear(&self, question: &Question, besides: Confirmed, moves: &mut Moves) -> Said {
        let mut said = Said {
            outside: None,
            verdict: Verdict::Allow,
            moves: Vec::new(),
        };
        let mut counting = Vec::new();
        for case in &question.cases {
            let confirmed = Confirmed(case.confirmed.0 | besides.0);
            let case = Case { confirmed, ..*case };
            let court = Court {
                view: &self.view,
                law: &self.compiled.law,
                terms: self.terms,
                moments: self.now,
                now: self.at,
                counting: &counting,
            };
            let verdict = match court.answer(&case, moves) {
                Verdict::Allow => redeemed(&court, &case),
                verdict => verdict,
            };
            said.verdict = stricter(said.verdict, verdict);
            if matches!(verdict, Verdict::Deny { .. }) {
                break;
            }
            let party = |wallet| self.view.wallet(wallet).party;
            for moved in &moves.moves {
                let party = match moved.side {
                    Side::Payer => party(case.payer),
                    Side::Payee => party(case.payee),
                };
                let counted = self.view.shadow.placed(party, moved);
                counting.push(Measured {
                    party,
                    measure: counted.measure,
                    period: counted.period,
                    delta: moved.delta,
                    before: moved.before,
                });
                said.moves.push(counted);
            }
        }
        said
    }

    /// The rule that a change is put down to: the draft's, or the one of then that refused or asked.
    fn rule_of(&self, said: &Said, question: &Question, law: Option<&Law>) -> Option<RuleName> {
        let name = |packs: &[Pack], set: &Ruleset, rule| {
            let (table, index) = set.rule_in_pack(rule)?;
            let (pack, version) = set.packs().nth(table)?;
            let found = packs.iter().find(|p| p.id == pack && p.version == version);
            Some(RuleName {
                pack: pack.to_owned(),
                rule: found?.rules.get(index)?.id.clone(),
            })
        };
        if let Some(code) = said.outside {
            return Some(RuleName::of_pilot(code));
        }
        match said.verdict {
            Verdict::StepUp { rule, .. } | Verdict::Deny { rule, .. } => {
                name(&self.compiled.packs, &self.compiled.law.ruleset, rule)
            }
            Verdict::Allow if question.was == Was::Allowed => None,
            Verdict::Allow => match question.by? {
                By::Rule(rule) => name(&self.compiled.then, &law?.ruleset, rule),
                By::Pilot(code) => Some(RuleName::of_pilot(code)),
            },
        }
    }
}

/// What counts in a pilot: an authorization once, as it is given.
fn is_between_wallets(case: &Case) -> bool {
    let is_between = matches!(
        case.payment,
        Payment::Spend | Payment::Transfer | Payment::Gift
    );
    is_between && !case.is_capture
}

/// Whether what was loaded may be paid out: forbidden in one country, and in another only when
/// little of it is left.
fn redeemed<V: View>(court: &Court<'_, V>, case: &Case) -> Verdict {
    if case.payment != Payment::Redemption {
        return Verdict::Allow;
    }
    let (rule, may) = match court.redemption(case) {
        None | Some((Redeemable::Right, _)) => return Verdict::Allow,
        Some((Redeemable::Forbidden, rule)) => (rule, false),
        Some((Redeemable::Below(share), rule)) => {
            let left = cash::prepaid_in(court.view, case.payer, case.asset);
            let of = court.view.loaded(case.payer, case.asset).unwrap_or(left);
            let may = u128::from(left) * 1_000_000 <= u128::from(of) * u128::from(share);
            (rule, may)
        }
    };
    match may {
        true => Verdict::Allow,
        false => Verdict::Deny { rule, verify: None },
    }
}

fn stricter(one: Verdict, other: Verdict) -> Verdict {
    match (one, other) {
        (Verdict::Deny { .. }, _) | (_, Verdict::Allow) => one,
        (Verdict::StepUp { step_up: a, .. }, Verdict::StepUp { step_up: b, .. }) if a <= b => one,
        _ => other,
    }
}
