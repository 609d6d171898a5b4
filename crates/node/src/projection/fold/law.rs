//! What an event of a law comes to in the read model.

use engine::event::Effect;
use engine::ids::Id;
use serde_json::{Value, json};
use store::read::Change;

/// The change; nothing for what is no law's.
pub(super) fn change(tenant: u32, id: Id, effect: &Effect) -> Option<Change> {
    let edition = |id: &str, version: &str| json!({"id": id, "version": version});
    Some(match effect {
        Effect::LawProposed(law) => {
            let named = |p: &engine::law::PackKept| edition(&p.id, &p.version);
            let packs: Vec<Value> = law.packs.iter().map(named).collect();
            let proposed = json!({
                "packs": packs, "removed": law.removed, "settings": law.settings.is_some(),
            });
            Change::LawProposed {
                tenant,
                id: id.0,
                proposer: law.proposer.0.0,
                proposed: proposed.to_string(),
                packs: law
                    .packs
                    .iter()
                    .map(|p| (p.id.clone(), p.version.clone()))
                    .collect(),
            }
        }
        Effect::LawApproved {
            proposal,
            effective,
        } => Change::LawApproved {
            tenant,
            id: proposal.0,
            approver: 0,
            effective_ms: effective.0,
        },
        Effect::LawClosed { proposal } => Change::LawRejected {
            tenant,
            id: proposal.0,
        },
        Effect::LawActivated(law) => {
            let named = |p: &engine::law::PackNamed| edition(&p.id, &p.version);
            let packs: Vec<Value> = law.packs.iter().map(named).collect();
            Change::LawActivated {
                tenant,
                id: law.proposal.0,
                version: law.version,
                packs: Value::from(packs).to_string(),
            }
        }
        _ => return None,
    })
}
