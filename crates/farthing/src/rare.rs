//! What a journal says besides payments: its tenants, and their law in force. Found by a walk over
//! the rows that decodes nothing but what is rare, so it needs no node and no read model.

use crate::failure::Failure;
use engine::Event;
use engine::codec::RowReader;
use engine::event::{Effect, Hash};
use engine::ids::TenantId;
use engine::law::PackNamed;
use engine::records::{Mode, TenantNo};
use journal::Reader;
use journal::sqlite::SqliteReader;
use node::NodeError;
use policy::Pack;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Shows every event that is not one of the commonest payment, until `look` says so.
fn walk(
    reader: &mut SqliteReader,
    mut look: impl FnMut(&Event) -> ControlFlow<()>,
) -> Result<(), Failure> {
    let (mut event, mut bad) = (Event::empty(), None);
    reader.for_each_from(1, &mut |row| {
        let looked = RowReader::new(row.format, &row.events).and_then(|mut events| {
            while events.next_rare(&mut event)? {
                if look(&event).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        });
        Ok(looked.unwrap_or_else(|error| {
            bad = Some(NodeError::Row {
                seq: row.seq,
                error,
            });
            ControlFlow::Break(())
        }))
    })?;
    bad.map_or(Ok(()), |bad| Err(bad.into()))
}

/// The first test tenant, or the first live one.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Of {
    Test,
    Live,
}

/// The tenant that was asked for, by its name or as the first of a mode; the operator's without.
///
/// # Errors
/// There is none; the journal cannot be read.
pub fn asked(
    reader: &mut SqliteReader,
    named: Option<TenantId>,
    mode: Option<Of>,
) -> Result<TenantNo, Failure> {
    match (named, mode) {
        (Some(named), _) => tenant(reader, named),
        (None, Some(Of::Test)) => tenant_of(reader, Mode::Test),
        (None, Some(Of::Live)) => tenant_of(reader, Mode::Live),
        (None, None) => Ok(TenantNo(0)),
    }
}

/// The number of a tenant: they are counted as they were opened.
///
/// # Errors
/// There is none of that name; the journal cannot be read.
pub fn tenant(reader: &mut SqliteReader, wanted: TenantId) -> Result<TenantNo, Failure> {
    let found = first(reader, |tenant, _| tenant == wanted)?;
    found.ok_or_else(|| Failure::said(format!("the tenant {wanted} was never opened here")))
}

/// The first tenant of a mode.
///
/// # Errors
/// There is none; the journal cannot be read.
pub fn tenant_of(reader: &mut SqliteReader, wanted: Mode) -> Result<TenantNo, Failure> {
    let found = first(reader, |_, mode| mode == wanted)?;
    found.ok_or_else(|| Failure::said("no such tenant was opened here: start the server once"))
}

fn first(
    reader: &mut SqliteReader,
    is_it: impl Fn(TenantId, Mode) -> bool,
) -> Result<Option<TenantNo>, Failure> {
    let (mut next, mut found) = (0, None);
    walk(reader, |event| {
        for effect in &event.effects {
            if let Effect::TenantOpened { tenant, mode } = effect {
                if is_it(*tenant, *mode) {
                    found = Some(TenantNo(next));
                    return ControlFlow::Break(());
                }
                next += 1;
            }
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// The packs in force for a tenant; `None` if no law ever was.
///
/// # Errors
/// The journal cannot be read, or lacks the text of a pack in force.
pub fn packs_in_force(
    reader: &mut SqliteReader,
    tenant: TenantNo,
) -> Result<Option<Vec<Pack>>, Failure> {
    let mut texts: BTreeMap<Hash, Arc<str>> = BTreeMap::new();
    let mut in_force: Option<Vec<PackNamed>> = None;
    walk(reader, |event| {
        for effect in event.effects.iter().filter(|_| event.tenant == tenant) {
            match effect {
                Effect::LawProposed(law) => {
                    texts.extend(law.packs.iter().map(|kept| (kept.hash, kept.text.clone())));
                }
                Effect::LawActivated(law) => in_force = Some(law.packs.clone()),
                _ => {}
            }
        }
        ControlFlow::Continue(())
    })?;
    let read = |named: PackNamed| {
        let text = texts.get(&named.hash);
        let pack = text.and_then(|text| Pack::parse(&named.id, text).ok());
        let (id, version) = (named.id, named.version);
        let lost = || format!("the text of {id} {version} is not in the journal: farthing verify");
        pack.ok_or_else(|| Failure::said(lost()))
    };
    in_force
        .map(|packs| packs.into_iter().map(read).collect())
        .transpose()
}
