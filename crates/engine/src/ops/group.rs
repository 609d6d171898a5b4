//! Groups: several commands, all or nothing, decided one on top of the other and journaled as one
//! event.

use crate::apply::fold;
use crate::code::Code;
use crate::command::{Besides, Command, GROUP_ITEMS_MAX, Op};
use crate::decide::{Outcome, Rule, Stop, decide_item};
use crate::event::{Effect, Event, EventKind, Refused};
use crate::ids::Id;
use crate::records::WalletNo;
use crate::step::Draft;
use crate::view::{Overlay, View};
use ledger::AssetNo;
use std::sync::Arc;

/// What may be in a group: what moves value between wallets.
fn allowed(op: &Op) -> bool {
    matches!(
        op,
        Op::Pay { .. }
            | Op::Authorize { .. }
            | Op::Capture { .. }
            | Op::Void { .. }
            | Op::Refund { .. }
            | Op::Transfer { .. }
            | Op::Split { .. }
    )
}

pub(crate) fn group<V: View>(
    draft: &mut Draft<'_, V>,
    items: &[(Id, Op)],
    besides: Option<&Arc<Besides>>,
) -> Rule {
    if items.is_empty() || !items.iter().all(|(_, op)| allowed(op)) {
        return Err(Stop::Reject(Code::Malformed, "items"));
    }
    if items.len() > GROUP_ITEMS_MAX {
        return Err(Stop::Reject(Code::TooMany, "items"));
    }
    let view = draft.view;
    let mut overlay = Overlay::new(view.base());
    overlay.use_id(draft.out.id);
    let mut event = Event::empty();
    for (at, (id, op)) in (0u32..).zip(items) {
        let command = Command {
            id: *id,
            tenant: draft.tenant,
            actor: draft.actor,
            op: op.clone(),
            besides: besides.cloned(),
        };
        // A payment that waits for its payer is continued alone.
        let waits = view.base().pending.contains_key(&draft.key(*id));
        if waits {
            return Err(Stop::RejectItem(Code::IdReused, "id", at));
        }
        match decide_item(&overlay, &command, draft.now, &mut event) {
            Outcome::Event => {}
            Outcome::Known(_) => return Err(Stop::RejectItem(Code::IdReused, "id", at)),
            Outcome::Rejected(rejection) => {
                let Some((party, _)) = rejection.throttled else {
                    return Err(Stop::RejectItem(rejection.code, rejection.field, at));
                };
                // Counted as its payer's, so that one payer's flood throttles no other.
                let code = Code::GroupItemRefused;
                let none = draft.refusal(code, WalletNo::NONE, AssetNo(0), 0);
                return Err(refused_item(
                    draft,
                    at,
                    code,
                    Some(Refused { party, ..none }),
                ));
            }
        }
        match event.kind {
            kind if kind.is_refusal() => {
                let why = event.refusal().copied();
                let asked = event.effects.drain(..).find_map(|effect| match effect {
                    Effect::Asked(asked) => Some(asked),
                    _ => None,
                });
                draft.asked = asked;
                return Err(refused_item(draft, at, Code::GroupItemRefused, why));
            }
            kind if kind.asks_step_up() => {
                let code = Code::StepUpInGroup;
                let why = event.parts().find_map(|part| {
                    let pending = part.pending()?;
                    let payer = draft.state().wallet_no(draft.tenant, pending.payer)?;
                    Some(draft.refusal(code, payer, pending.asset, pending.amount.0))
                });
                return Err(refused_item(draft, at, code, why));
            }
            _ => {}
        }
        fold(&mut overlay, &event);
        overlay.use_id(*id);
        draft.out.postings.extend_from_slice(&event.postings);
        draft.out.effects.append(&mut event.effects);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let (postings, effects) = (draft.out.postings.len(), draft.out.effects.len());
        draft.effect(Effect::Part {
            id: *id,
            kind: event.kind,
            postings: count(postings),
            effects: count(effects),
        });
    }
    draft.out.kind = EventKind::Grouped;
    Ok(())
}

/// The refusal of a group, with the item's own code and numbers where there are any.
fn refused_item<V: View>(
    draft: &Draft<'_, V>,
    item: u32,
    code: Code,
    why: Option<Refused>,
) -> Stop {
    let none = draft.refusal(code, WalletNo::NONE, AssetNo(0), 0);
    Stop::Deny(Box::new(Refused {
        item,
        ..why.unwrap_or(none)
    }))
}
