//! Corrections: a new entry with a reason and two keys. Nothing is ever edited. What is proposed is
//! approved within a week, rejected, or lapses: it was meant for the balances of its time.

use crate::code::Code;
use crate::command::CORRECTION_POSTINGS_MAX;
use crate::decide::{Rule, Stop};
use crate::event::{Effect, EventKind};
use crate::ids::Id;
use crate::records::{Correction, WalletNo};
use crate::step::Draft;
use crate::view::View;
use ledger::{AssetNo, Book, LedgerError, Posting};

/// How long a proposal waits for its second key: seven days.
const WAITS_MS: u64 = 7 * 86_400_000;

pub(crate) fn propose<V: View>(
    draft: &mut Draft<'_, V>,
    postings: &[Posting],
    reason: [u8; 32],
) -> Rule {
    if postings.len() < 2 {
        return Err(Stop::Reject(Code::Malformed, "postings"));
    }
    if postings.len() > CORRECTION_POSTINGS_MAX {
        return Err(Stop::Reject(Code::TooMany, "postings"));
    }
    if !draft.actor.0.is_some() {
        return Err(Stop::Reject(Code::Malformed, "actor"));
    }
    let book = &draft.state().book;
    for posting in postings {
        let most = i128::from(u64::MAX);
        if posting.amount == 0 || posting.amount.abs() > most {
            return Err(Stop::Reject(Code::Malformed, "postings"));
        }
        if !belongs(draft, posting) {
            return Err(Stop::Reject(Code::NotFound, "postings"));
        }
    }
    let asset_of = |no| book.get(no).map(|account| account.asset);
    Book::check_entry(postings, asset_of).map_err(|error| match error {
        LedgerError::Unbalanced { .. } => Stop::Reject(Code::Unbalanced, "postings"),
        _ => Stop::Reject(Code::NotFound, "postings"),
    })?;
    draft.out.kind = EventKind::CorrectionProposed;
    let postings = postings.to_vec();
    let correction = Correction {
        postings,
        reason,
        proposer: draft.line(),
        expires: draft.now.plus(WAITS_MS),
    };
    draft.effect(Effect::CorrectionProposed(Box::new(correction)));
    draft.note_actor();
    Ok(())
}

/// Whether a posting's account is this tenant's.
fn belongs<V: View>(draft: &Draft<'_, V>, posting: &Posting) -> bool {
    let state = draft.state();
    let account = state.book.get(posting.account);
    account.is_some_and(|account| state.tenant_of(account) == Some(draft.tenant))
}

fn find<V: View>(draft: &Draft<'_, V>, correction: Id) -> Rule<Correction> {
    let found = draft.state().corrections.get(&draft.key(correction));
    let not_found = Stop::Reject(Code::NotFound, "correction");
    found.cloned().ok_or(not_found)
}

pub(crate) fn approve<V: View>(draft: &mut Draft<'_, V>, correction: Id) -> Rule {
    let record = find(draft, correction)?;
    let deny = |code| Err(draft.deny(code, WalletNo::NONE, AssetNo(0), 0));
    // Two keys are two people: whoever can make a second key cannot approve with it.
    if draft.line() == record.proposer || !draft.actor.0.is_some() {
        return deny(Code::SameKey);
    }
    if draft.now >= record.expires {
        return deny(Code::CorrectionExpired);
    }
    for posting in &record.postings {
        let account = draft.view.account(posting.account);
        let same = record
            .postings
            .iter()
            .filter(|p| p.account == posting.account);
        let after: i128 = account.balance + same.map(|p| p.amount).sum::<i128>();
        let held = i128::try_from(account.held).unwrap_or(i128::MAX);
        let floor = held.saturating_sub(i128::from(account.credit_limit));
        if account.class.has_floor() && posting.amount < 0 && after < floor {
            return deny(Code::BelowFloor);
        }
    }
    draft.out.kind = EventKind::CorrectionMade;
    draft.effect(Effect::About { thing: correction });
    for posting in &record.postings {
        draft.post(posting.account, posting.amount);
    }
    draft.effect(Effect::CorrectionClosed { correction });
    draft.note_actor();
    Ok(())
}

pub(crate) fn reject<V: View>(draft: &mut Draft<'_, V>, correction: Id) -> Rule {
    find(draft, correction)?;
    close(draft, EventKind::CorrectionRejected, correction);
    draft.note_actor();
    Ok(())
}

pub(crate) fn expire<V: View>(draft: &mut Draft<'_, V>, correction: Id) -> Rule {
    let record = find(draft, correction)?;
    if draft.now < record.expires {
        return Err(Stop::Reject(Code::NotFound, "timer"));
    }
    close(draft, EventKind::CorrectionExpired, correction);
    Ok(())
}

fn close<V: View>(draft: &mut Draft<'_, V>, kind: EventKind, correction: Id) {
    draft.out.kind = kind;
    draft.effect(Effect::About { thing: correction });
    draft.effect(Effect::CorrectionClosed { correction });
}
