//! What is settled and what is not: kept exact, in one place, at the end of every event.
//!
//! - An account's origin is the source that its value rests on and that has not settled; without one
//!   the value is free. `open(S)` is what is still to come from S: the pending top-ups that were
//!   credited at once; of credit lines, what is drawn.
//! - Some of what rests on S has settled meanwhile, though nobody knows whose part: `pool(S)`.
//! - So always `pool(S) + open(S)` = the sum of the balances that rest on S. Debts are among them,
//!   below zero: value that rested on S and is owed now is not there to be released.
//!
//! [`post`] books the debts and moves each pool by what the event moved of the other two. Nothing
//! else does.

use super::Draft;
use super::draft::Missing;
use crate::event::{Effect, EventKind};
use crate::view::View;
use ledger::{Account, AccountNo, AssetNo, Source};
use std::collections::BTreeMap;

/// Books what parties owe by this event and emits how each pool moves.
#[inline]
pub(crate) fn post<V: View>(draft: &mut Draft<'_, V>) {
    let topup = matches!(
        draft.out.kind,
        EventKind::TopUpPending | EventKind::TopUpSettled | EventKind::TopUpReversed
    );
    let moves = draft.unsettled || topup || !draft.missing.is_empty();
    // The items of a group have moved theirs.
    if moves && draft.out.kind != EventKind::Grouped {
        let mut pools = moved(draft);
        book_missing(draft, &mut pools);
        for ((asset, source), delta) in pools {
            if delta != 0 {
                draft.effect(Effect::SourceSettled {
                    asset,
                    source,
                    delta,
                });
            }
        }
    }
}

type Pools = BTreeMap<(AssetNo, Source), i128>;

/// How the postings and the top-up of this event move each pool.
fn moved<V: View>(draft: &Draft<'_, V>) -> Pools {
    let mut pools = Pools::new();
    let mut lines = BTreeMap::<AccountNo, (AssetNo, i128)>::new();
    for posting in &draft.out.postings {
        let (asset, source, origin) = what(draft, posting.account);
        if let Some(origin) = origin {
            *pools.entry((asset, origin)).or_default() += posting.amount;
        }
        if source == Some(Source::Credit) {
            lines.entry(posting.account).or_insert((asset, 0)).1 += posting.amount;
        }
    }
    for (line, (asset, moved)) in lines {
        let known = (line.0 as usize) < draft.view.accounts_len();
        let before = known.then(|| draft.view.account(line).balance);
        let before = before.unwrap_or(0);
        let more = Account::drawn(before + moved) - Account::drawn(before);
        *pools.entry((asset, Source::Credit)).or_default() -= more;
    }
    if let Some((key, more)) = to_come(draft) {
        *pools.entry(key).or_default() -= more;
    }
    pools
}

/// Debts rest on what is missing, as far as somebody has value that rests on it. What was released
/// before is missing to nobody but the operator.
fn book_missing<V: View>(draft: &mut Draft<'_, V>, pools: &mut Pools) {
    for missing in std::mem::take(&mut draft.missing) {
        let Missing {
            party,
            asset,
            rested_on,
            amount,
        } = missing;
        let mut free = amount;
        if let Some(source) = rested_on {
            let pool = pools.entry((asset, source)).or_default();
            let there_is = draft.pool(asset, source) + *pool;
            let resting = u64::try_from(there_is.max(0)).unwrap_or(u64::MAX);
            let resting = resting.min(amount);
            *pool -= i128::from(resting);
            free -= resting;
            if resting > 0 {
                let receivable = draft.receivable(party, asset, rested_on);
                draft.debit_account(receivable, resting);
            }
        }
        if free > 0 {
            let receivable = draft.receivable(party, asset, None);
            draft.debit_account(receivable, free);
        }
    }
}

/// An account's asset, source and origin, though this event has opened it.
fn what<V: View>(draft: &Draft<'_, V>, no: AccountNo) -> (AssetNo, Option<Source>, Option<Source>) {
    if (no.0 as usize) < draft.view.accounts_len() {
        let account = draft.view.account(no);
        return (account.asset, account.source, account.origin);
    }
    let opened = draft.out.effects.iter().find_map(|effect| match *effect {
        Effect::AccountOpened {
            no: opened,
            asset,
            source,
            origin,
            ..
        } if opened == no => Some((asset, source, origin)),
        _ => None,
    });
    opened.expect("postings are to accounts that are there or that this event opens")
}

/// By how much the top-up that this event is about, if it was credited at once, makes more (or
/// less) of its source still to come.
fn to_come<V: View>(draft: &Draft<'_, V>) -> Option<((AssetNo, Source), i128)> {
    let state = draft.state();
    draft.out.effects.iter().find_map(|effect| {
        let (topup, more) = match effect {
            Effect::TopUpOpened(topup) => (&**topup, i128::from(topup.amount)),
            Effect::TopUpClosed { topup, record } if draft.out.kind == EventKind::TopUpSettled => {
                let reversed = draft.view.reversed(draft.key(*topup));
                (&**record, i128::from(reversed) - i128::from(record.amount))
            }
            Effect::Reversed { thing, amount } => {
                let topup = state.topups.get(&draft.key(*thing))?;
                (topup, -i128::from(*amount))
            }
            _ => return None,
        };
        let key = (topup.asset, topup.source);
        topup.spendable.then_some((key, more))
    })
}
