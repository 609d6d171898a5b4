//! Ids that carry no time, past the window in which State remembers them.
//!
//! What this promises: a command under such an id, or with such an id in its group, reaches the
//! queue only when the read model, whose index forgets nothing, is near enough to the journal to
//! say that the id was never answered. What State still remembers it judges itself.

use crate::answer::{Answer, Brief, Unavailable};
use crate::node::{Shared, block_on};
use crate::options::OpaqueIds;
use crate::projection::Projection;
use crate::queue::{Raw, Told, ask};
use engine::recents::Seen;
use engine::records::TenantNo;
use engine::{Code, Command, Id, Op, Position, Rejection, State};
use std::sync::Arc;

/// Whether an id carries no time. One that no command may have is the step's to refuse.
fn is_untimed(id: Id) -> bool {
    id.is_some() && id.time_ms().is_none() && !id.is_by_itself()
}

/// Whether anything in a command must be looked up here.
fn concerns(command: &Command) -> bool {
    let in_group = || match &command.op {
        Op::Group { items } => items.iter().any(|(id, _)| is_untimed(*id)),
        _ => false,
    };
    is_untimed(command.id) || in_group()
}

/// Whether State has the answer to an id, or a payment of it waits.
fn remembers(state: &State, tenant: TenantNo, id: Id) -> bool {
    let hash = state.recents.hash(tenant.0, id);
    let seen = state.recents.seen(tenant.0, id, hash, state.now);
    matches!(seen, Seen::At(_)) || state.pending.contains_key(&(tenant, id))
}

impl Shared {
    /// Whether anything may be known of a command before it is queued.
    fn must_look(&self, command: &Command) -> bool {
        concerns(command) && self.options.opaque_ids == OpaqueIds::Durable
    }

    /// What the read model knows of a command.
    fn indexed(&self, command: &Command) -> Told<Option<Raw>> {
        if !self.must_look(command) {
            return Ok(None);
        }
        let Some(projection) = &self.projection else {
            return Err(Unavailable::ReadModelOff);
        };
        if is_untimed(command.id)
            && let Some(position) = projection.known(command.tenant, command.id)?
        {
            return Ok(Some(Raw::Known(position)));
        }
        let Op::Group { items } = &command.op else {
            return Ok(None);
        };
        let reused = reused_item(projection, command, items)?;
        Ok(reused.map(|item| {
            Raw::Answer(Answer::Rejected(Rejection {
                code: Code::IdReused,
                field: "id",
                item: Some(item),
                throttled: None,
            }))
        }))
    }

    /// What is known of a command before it is queued.
    ///
    /// # Errors
    /// [`Unavailable::ReadModelBehind`] or [`Unavailable::ReadModelOff`] when nothing can be said.
    pub async fn known_before(&self, command: &Command) -> Told<Option<Raw>> {
        let found = self.indexed(command)?;
        let Some(Raw::Known(_)) = found else {
            return Ok(found);
        };
        // What State remembers it judges itself: it knows the newest answer, which the read model
        // may not have yet, and whether a payment waits for its payer.
        let (tenant, id) = (command.tenant, command.id);
        let remembers = ask(&self.queue, move |state| remembers(state, tenant, id))?;
        let remembers = remembers.told().await?;
        Ok(found.filter(|_| !remembers))
    }

    /// [`Self::known_before`] of many, which come back with it: the read model is read where it holds up
    /// nobody, and State is asked once.
    ///
    /// # Errors
    /// [`Unavailable`], for all of them.
    pub async fn known_before_all(
        self: &Arc<Shared>,
        commands: Vec<Command>,
    ) -> Told<(Vec<Command>, Vec<Told<Option<Raw>>>)> {
        let shared = Arc::clone(self);
        let look = move || {
            let found: Vec<_> = commands.iter().map(|one| shared.indexed(one)).collect();
            (commands, found)
        };
        let looked = tokio::task::spawn_blocking(look).await;
        let (commands, mut found) = looked.map_err(|_| Unavailable::ReadModelBehind)?;
        let is_known = |found: &Told<Option<Raw>>| matches!(found, Ok(Some(Raw::Known(_))));
        let known = commands.iter().zip(&mut found);
        let (keys, known): (Vec<_>, Vec<_>) = known
            .filter(|(_, found)| is_known(found))
            .map(|(command, found)| ((command.tenant, command.id), found))
            .unzip();
        if !known.is_empty() {
            let remembered = ask(&self.queue, move |state| {
                let remembered = |(tenant, id)| remembers(state, tenant, id);
                keys.into_iter().map(remembered).collect::<Vec<_>>()
            })?;
            for (found, is_remembered) in known.into_iter().zip(remembered.told().await?) {
                if is_remembered {
                    *found = Ok(None);
                }
            }
        }
        Ok((commands, found))
    }

    /// [`Self::known_before`] in brief, for threads that are not async.
    pub fn brief_before(&self, command: &Command) -> Told<Option<Brief>> {
        if !self.must_look(command) {
            return Ok(None);
        }
        Ok(match block_on(self.known_before(command))? {
            None => None,
            Some(Raw::Known(position)) => Some(Brief::Known(position)),
            Some(Raw::Answer(Answer::Rejected(rejection))) => Some(Brief::Rejected(rejection)),
            Some(Raw::Answer(_)) => Some(Brief::OutcomeUnknown),
        })
    }
}

/// The first item of a group whose id was answered before, unless by this very group: then the
/// group's id says what was.
fn reused_item(
    projection: &Projection,
    command: &Command,
    items: &[(Id, Op)],
) -> Told<Option<u32>> {
    let mut itself: Option<Option<Position>> = None;
    for (at, (id, _)) in (0u32..).zip(items).filter(|(_, (id, _))| is_untimed(*id)) {
        let Some(position) = projection.known(command.tenant, *id)? else {
            continue;
        };
        let itself = match itself {
            Some(found) => found,
            None => *itself.insert(projection.known(command.tenant, command.id)?),
        };
        if itself != Some(position) {
            return Ok(Some(at));
        }
    }
    Ok(None)
}
