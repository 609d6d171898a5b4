//! The laws of a tenant: the one in force, and those that were, with their packs read.
//!
//! What was in force is found in the journal: its activation has the tables and the names of its
//! packs, their proposals have the texts.

use crate::app::App;
use crate::history;
use crate::problem::{Outcome, Problem};
use engine::event::{Effect, Event, Hash};
use engine::law::{Activated, Law, PackKept, PackNamed};
use engine::records::TenantNo;
use engine::{Id, Position, UtcMillis};
use policy::Pack;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Laws that were read, so that words need no parsing each time.
#[derive(Debug, Default)]
pub struct Cache {
    read: Mutex<HashMap<(TenantNo, u32), Arc<Read>>>,
    walking: Mutex<()>,
}

/// The most laws that stay read.
const CACHED_MAX: usize = 64;

/// A law with its packs read.
#[derive(Clone, Debug)]
pub struct Read {
    /// As it is, or was, in force.
    pub law: Arc<Law>,
    /// Its packs, in the order of its tables.
    pub packs: Vec<Pack>,
}

/// The law in force of a tenant, if one is.
#[derive(Clone, Debug, Default)]
pub struct InForce(Option<Arc<Read>>);

impl InForce {
    /// The law.
    pub fn law(&self) -> Option<&Law> {
        self.0.as_ref().map(|read| &*read.law)
    }

    /// Its packs.
    pub fn active(&self) -> &[Pack] {
        self.0.as_ref().map_or(&[], |read| &read.packs)
    }

    /// Its packs; where none was ever activated, those that come with the program.
    pub fn packs(&self) -> &[Pack] {
        match &self.0 {
            Some(read) => &read.packs,
            None => super::builtin(),
        }
    }
}

impl Cache {
    fn get(&self, key: (TenantNo, u32)) -> Option<Arc<Read>> {
        let known = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&key).cloned()
    }

    /// For who walks the journal to a decision of the past: one at a time.
    pub fn walking(&self) -> MutexGuard<'_, ()> {
        self.walking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, key: (TenantNo, u32), read: &Arc<Read>) {
        let mut known = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= CACHED_MAX {
            known.clear();
        }
        known.insert(key, Arc::clone(read));
    }
}

/// The law in force of a tenant.
///
/// # Errors
/// The node does not answer.
pub async fn in_force(app: &App, tenant: TenantNo) -> Outcome<InForce> {
    let law = app.query(move |state| state.tenant(tenant)?.law.clone());
    match law.await? {
        None => Ok(InForce(None)),
        Some(law) => Ok(InForce(Some(read(app, tenant, law).await?))),
    }
}

async fn read(app: &App, tenant: TenantNo, law: Arc<Law>) -> Outcome<Arc<Read>> {
    let key = (tenant, law.version);
    if let Some(read) = app.laws.get(key) {
        return Ok(read);
    }
    app.blocking(move |app| {
        let packs = law.packs_parsed();
        if packs.len() != law.packs.len() {
            return Err(Problem::internal(&"a pack in force cannot be read"));
        }
        let read = Arc::new(Read { law, packs });
        app.laws.put(key, &read);
        Ok(read)
    })
    .await?
}

/// A law of a tenant by its version, in force or not.
///
/// # Errors
/// The node, the read model or the journal does not answer.
pub async fn of_version(app: &App, tenant: TenantNo, version: u32) -> Outcome<Option<Arc<Read>>> {
    if let Some(read) = app.laws.get((tenant, version)) {
        return Ok(Some(read));
    }
    let current = app.query(move |state| state.tenant(tenant)?.law.clone());
    if let Some(law) = current.await?.filter(|law| law.version == version) {
        return read(app, tenant, law).await.map(Some);
    }
    let Some((activated, at)) = activation(app, tenant, version).await? else {
        return Ok(None);
    };
    let mut packs = Vec::with_capacity(activated.packs.len());
    for PackNamed { id, version, hash } in &activated.packs {
        let kept = edition(app, tenant, id, version, Some(*hash)).await?;
        packs.push(kept.ok_or_else(|| Problem::internal(&"a pack's text is nowhere"))?);
    }
    let law = Law {
        version: activated.version,
        proposal: activated.proposal,
        activated: at,
        settings: activated.settings,
        packs,
        ruleset: activated.ruleset,
        zones: activated.zones,
        backfilling: None,
    };
    read(app, tenant, Arc::new(law)).await.map(Some)
}

/// What put a version into force, and when.
async fn activation(
    app: &App,
    tenant: TenantNo,
    version: u32,
) -> Outcome<Option<(Box<Activated>, UtcMillis)>> {
    let number = u64::from(version);
    let line = history::ask_now(app, move |m| m.activation(tenant.0, number)).await?;
    let Some(line) = line else { return Ok(None) };
    let life = history::ask_now(app, move |m| m.events_about(tenant.0, line.id)).await?;
    for at in life {
        let Some(event) = event_at(app, at.seq, at.index).await? else {
            continue;
        };
        let when = event.at;
        for effect in event.effects {
            if let Effect::LawActivated(activated) = effect
                && activated.version == version
            {
                return Ok(Some((activated, when)));
            }
        }
    }
    Ok(None)
}

async fn event_at(app: &App, seq: u64, index: u32) -> Outcome<Option<Event>> {
    let position = Position { seq, index };
    let event = app.blocking(move |app| app.node.event_at(position)).await?;
    event.map_err(|error| Problem::internal(&error))
}

/// The text of an edition of a pack, from where it was proposed; of this hash, if one is given.
///
/// # Errors
/// The read model or the journal does not answer.
pub async fn edition(
    app: &App,
    tenant: TenantNo,
    id: &str,
    version: &str,
    hash: Option<Hash>,
) -> Outcome<Option<PackKept>> {
    if app.node.projection().is_none() {
        return Ok(None);
    }
    let (pack, edition) = (id.to_owned(), version.to_owned());
    let proposed = history::ask_now(app, move |m| m.pack_proposed(tenant.0, &pack, &edition));
    for at in proposed.await? {
        let event = event_at(app, at.seq, at.index).await?;
        let proposals = event.iter().flat_map(|event| &event.effects);
        let mut packs = proposals.filter_map(|effect| match effect {
            Effect::LawProposed(proposal) => Some(&proposal.packs),
            _ => None,
        });
        let is_it = |kept: &&PackKept| {
            let named = (kept.id.as_str(), kept.version.as_str()) == (id, version);
            named && hash.is_none_or(|hash| hash == kept.hash)
        };
        if let Some(kept) = packs.find_map(|packs| packs.iter().find(is_it)) {
            return Ok(Some(kept.clone()));
        }
    }
    Ok(None)
}

/// A proposal as it stands in the journal.
///
/// # Errors
/// The node or the journal does not answer.
pub async fn proposal(
    app: &App,
    tenant: TenantNo,
    id: Id,
) -> Outcome<Option<(Box<engine::law::Proposal>, UtcMillis)>> {
    let found = crate::lookup::event_of(app, tenant, id).await?;
    Ok(found.and_then(|(_, event)| {
        let at = event.at;
        event.effects.into_iter().find_map(|effect| match effect {
            Effect::LawProposed(proposal) => Some((proposal, at)),
            _ => None,
        })
    }))
}
