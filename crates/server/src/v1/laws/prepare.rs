//! From what is asked to a law that the engine takes, and what it would change.

use super::settings::{Settings, for_packs};
use super::{Backfill, NewLaw};
use crate::app::App;
use crate::extract::{Caller, excerpt};
use crate::law::{self, PackRef, Source, laws};
use crate::problem::{Finding, Outcome, Problem};
use crate::v1::packs::{self, Change, Visible};
use crate::v1::terms::zone;
use engine::Code;
use engine::law::{LawSettings, Proposal};
use policy::{Date, Lang, Pack, Ruleset};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

fn malformed(field: &str, words: &str) -> Box<Problem> {
    Problem::of(Code::Malformed, words).at(field)
}

/// The law as the engine takes it: texts, zones and settings found, read and looked through.
///
/// # Errors
/// `pack_invalid` with everything that was found; a reference to nothing.
pub async fn law(app: &App, caller: &Caller, new: &NewLaw) -> Outcome<engine::law::NewLaw> {
    if let Some(version) = new.back_to {
        if !new.packs.is_empty() || !new.remove.is_empty() || new.settings.is_some() {
            let words = "going back names nothing besides";
            return Err(malformed("back_to", words));
        }
        return back_to(app, caller, version).await;
    }
    if new.packs.is_empty() && new.remove.is_empty() && new.settings.is_none() {
        let words = "give `packs`, `remove`, `settings` or `back_to`";
        return Err(malformed("packs", words));
    }
    if new.packs.len() > law::PACKS_MAX || new.remove.len() > law::PACKS_MAX {
        return Err(Problem::of(Code::TooMany, "at most 64 packs").at("packs"));
    }
    let here = laws::in_force(app, caller.tenant).await?;
    for (at, id) in new.remove.iter().enumerate() {
        if here.active().iter().all(|pack| pack.id != *id) {
            let words = format!("no pack \"{}\" is in force", excerpt(id));
            return Err(Problem::not_found(&format!("remove[{at}]"), words));
        }
    }
    let mut sources = Vec::with_capacity(new.packs.len());
    for (at, given) in new.packs.iter().enumerate() {
        sources.push(source(app, caller, given, &format!("packs[{at}]")).await?);
    }
    let texts: Vec<Arc<str>> = sources.iter().map(|s| Arc::from(&*s.text)).collect();
    let day = law::today(app);
    let read = app
        .blocking(move |_| law::read_sources(&sources, day))
        .await??;
    let packs: Vec<Pack> = read.into_iter().map(|read| read.pack).collect();
    for (at, pack) in packs.iter().enumerate() {
        let field = format!("packs[{at}]");
        if packs[..at].iter().any(|other| other.id == pack.id) || new.remove.contains(&pack.id) {
            let words = format!("the pack \"{}\" is named twice", pack.id);
            return Err(malformed(&field, &words));
        }
        edition_is_its_own(app, caller, pack, &texts[at], &field).await?;
    }
    let settings = match &new.settings {
        Some(settings) => Some(settings.compile(app, "settings").await?),
        None => None,
    };
    goes_together(app, &here, &packs, &new.remove, settings.as_ref()).await?;
    Ok(engine::law::NewLaw {
        zones: zones(&packs)?,
        packs: texts,
        removed: new.remove.clone(),
        settings,
    })
}

/// A pack to propose: a text; by name, of the program; by name and version, whichever has it.
///
/// # Errors
/// A reference to nothing.
pub async fn source(app: &App, caller: &Caller, given: &PackRef, field: &str) -> Outcome<Source> {
    if let (Some(id), None, None) = (&given.id, &given.version, &given.text)
        && let Some(source) = law::of_program(id, None)
    {
        return Ok(source);
    }
    law::find(app, caller, given, field).await
}

/// One edition has one text, so that a version names it for good.
async fn edition_is_its_own(
    app: &App,
    caller: &Caller,
    pack: &Pack,
    text: &str,
    field: &str,
) -> Outcome<()> {
    let known = law::named(app, caller, &pack.id, Some(&pack.version)).await?;
    if known.is_none_or(|known| known.text == text) {
        return Ok(());
    }
    let words = format!(
        "{} {} is known here with another text: give the changed pack a `version` of its own",
        pack.id, pack.version
    );
    Err(Problem::of(Code::PackInvalid, words).at(field))
}

/// Compiles what would be in force, so that what does not go together is named.
async fn goes_together(
    app: &App,
    here: &laws::InForce,
    new: &[Pack],
    removed: &[String],
    settings: Option<&LawSettings>,
) -> Outcome<Ruleset> {
    let stays =
        |pack: &&Pack| !removed.contains(&pack.id) && new.iter().all(|other| other.id != pack.id);
    let mut packs: Vec<Pack> = here.active().iter().filter(stays).cloned().collect();
    packs.extend_from_slice(new);
    packs.sort_by(|a, b| a.id.cmp(&b.id));
    let law = here.law();
    let of_law = law.map(|law| law.settings.clone());
    let earlier = law.map(|law| Arc::clone(&law.ruleset));
    let settings = settings.cloned().or(of_law).unwrap_or_default();
    let assets = app.assets_now().await?;
    let first = Date(law::today(app).0.saturating_sub(1));
    let settings = for_packs(&settings, &assets, first);
    let compiled = app.blocking(move |_| policy::compile(&packs, &settings, earlier.as_deref()));
    compiled.await?.map_err(|error| {
        let field = match error {
            policy::PolicyError::NotTheOperators { .. } => "settings",
            _ => "packs",
        };
        law::together(&error, field)
    })
}

/// The time zones of the packs' territories.
fn zones(packs: &[Pack]) -> Outcome<Vec<engine::time::Zone>> {
    let names = packs
        .iter()
        .flat_map(|pack| &pack.territories)
        .map(|t| &t.zone);
    let names: BTreeSet<&String> = names.collect();
    let compiled = |name: &String| {
        // Found again by the name the pack has.
        let zone = zone(name)?;
        Ok(engine::time::Zone {
            name: name.clone(),
            ..zone
        })
    };
    names.into_iter().map(compiled).collect()
}

/// What was in force as a version of the law.
async fn back_to(app: &App, caller: &Caller, version: u32) -> Outcome<engine::law::NewLaw> {
    let was = laws::of_version(app, caller.tenant, version).await?;
    let was = was.ok_or_else(|| {
        let words = format!("there was no version {version} of the law");
        Problem::not_found("back_to", words)
    })?;
    let here = laws::in_force(app, caller.tenant).await?;
    let now = here.law().map_or(&[][..], |law| &law.packs);
    let differs = |kept: &&engine::law::PackKept| now.iter().all(|other| other.hash != kept.hash);
    let packs: Vec<_> = was.law.packs.iter().filter(differs).collect();
    let is_gone = |kept: &&engine::law::PackKept| was.law.packs.iter().all(|w| w.id != kept.id);
    let changed = |pack: &&Pack| packs.iter().any(|kept| kept.id == pack.id);
    let read: Vec<Pack> = was.packs.iter().filter(changed).cloned().collect();
    Ok(engine::law::NewLaw {
        packs: packs.iter().map(|kept| kept.text.clone()).collect(),
        removed: now
            .iter()
            .filter(is_gone)
            .map(|kept| kept.id.clone())
            .collect(),
        settings: Some(was.law.settings.clone()),
        zones: zones(&read)?,
    })
}

/// What a proposal would change of what is in force, in words, and what a reading of it finds.
///
/// # Errors
/// The node does not answer; a pack in the journal cannot be read, which is a mistake of ours.
pub async fn difference(
    app: &App,
    caller: &Caller,
    proposal: &Proposal,
    lang: Lang,
) -> Outcome<(Vec<Change>, Vec<Finding>)> {
    let sources: Vec<Source> = proposal
        .packs
        .iter()
        .map(|kept| Source {
            file: kept.id.clone(),
            text: Cow::Owned(kept.text.as_ref().to_owned()),
        })
        .collect();
    let day = law::today(app);
    let read = app
        .blocking(move |_| law::read_sources(&sources, day))
        .await??;
    let here = laws::in_force(app, caller.tenant).await?;
    let visible = Visible {
        audience: caller.policy_audience(),
        lang,
    };
    let (mut changes, mut findings) = (Vec::new(), Vec::new());
    for one in read {
        let before = here.active().iter().find(|pack| pack.id == one.pack.id);
        match before {
            Some(before) => changes.extend(packs::changes(before, &one.pack, visible)),
            None => changes.push(whole_pack(&one.pack, true, lang)),
        }
        findings.extend(one.findings);
    }
    let goes = here
        .active()
        .iter()
        .filter(|pack| proposal.removed.contains(&pack.id));
    changes.extend(goes.map(|pack| whole_pack(pack, false, lang)));
    if let Some(settings) = &proposal.settings {
        let assets = app.assets_now().await?;
        let before = here
            .law()
            .map(|law| law.settings.clone())
            .unwrap_or_default();
        let (old, new) = (
            Settings::of(&before, &assets),
            Settings::of(settings, &assets),
        );
        let said = Settings::changes(&old, &new, lang).into_iter();
        changes.extend(said.map(|(name, words)| Change {
            pack: "settings".to_owned(),
            rule: Some(name),
            words,
        }));
    }
    Ok((changes, findings))
}

/// So many bytes of a journal are walked in a second, at the least.
const WALK_BYTES: u64 = 20_000_000;

/// What a proposal counts of what was done before it; nothing if its counters begin empty.
///
/// # Errors
/// The node does not answer; a pack in the journal cannot be read, which is a mistake of ours.
pub async fn backfill(
    app: &App,
    caller: &Caller,
    proposal: &Proposal,
) -> Outcome<Option<Backfill>> {
    let here = laws::in_force(app, caller.tenant).await?;
    let texts: Vec<Arc<str>> = proposal
        .packs
        .iter()
        .map(|kept| kept.text.clone())
        .collect();
    let read = move |_: &App| texts.iter().map(|text| Pack::parse("pack", text)).collect();
    let packs: Result<Vec<Pack>, _> = app.blocking(read).await?;
    let packs = packs.map_err(|error| Problem::internal(&error))?;
    let settings = proposal.settings.as_ref();
    let together = goes_together(app, &here, &packs, &proposal.removed, settings).await;
    // What no longer goes together is rejected at its instant.
    let Ok(ruleset) = together else {
        return Ok(None);
    };
    let earlier = here.law().map(|law| &*law.ruleset);
    let numbers = ruleset.backfilled_since(earlier);
    if numbers.is_empty() {
        return Ok(None);
    }
    let measures = numbers.iter().filter_map(|number| ruleset.measure(*number));
    let journal = app.node.dir().join("journal.db");
    let bytes = std::fs::metadata(journal).map_or(0, |file| file.len());
    Ok(Some(Backfill {
        measures: measures.map(policy::Measured::name).collect(),
        seconds: bytes.div_ceil(WALK_BYTES),
    }))
}

/// A pack that comes or goes as a whole.
fn whole_pack(pack: &Pack, comes: bool, lang: Lang) -> Change {
    let (id, title, n) = (
        pack.id.to_uppercase(),
        pack.title.in_(lang),
        pack.rules.len(),
    );
    let words = match (comes, lang) {
        (true, Lang::En) => format!(
            "{id} {title}: comes into force, {n} rules ({})",
            pack.version
        ),
        (true, Lang::Ko) => format!("{id} {title}: 새로 시행, 규칙 {n}개 ({})", pack.version),
        (false, Lang::En) => format!("{id} {title}: taken out, {n} rules"),
        (false, Lang::Ko) => format!("{id} {title}: 제외, 규칙 {n}개"),
    };
    Change {
        pack: pack.id.clone(),
        rule: None,
        words,
    }
}
