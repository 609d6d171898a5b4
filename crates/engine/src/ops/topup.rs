//! Money in: pending, settled, reversed in part or whole; and the release of income whose source
//! has settled.
//!
//! A pending top-up stands against its channel's clearing account, a settled one against the
//! safeguarding account. What is credited before it has settled rests on its source ([`settled`]); what
//! is still there when it settles becomes free. A reversal is never refused for lack of funds: what
//! was spent already becomes a receivable.
//!
//! [`settled`]: crate::step::settled

use crate::code::Code;
use crate::command::Carried;
use crate::decide::{Rule, Stop};
use crate::event::{Effect, EventKind};
use crate::ids::{Id, WalletId};
use crate::records::{Channel, Standing, TopUp, WalletNo};
use crate::step::{Draft, law};
use crate::view::View;
use ledger::{AccountNo, AssetNo, Source};
use money::Atoms;
use policy::GiveBack;
use std::collections::BTreeSet;

pub(crate) fn open<V: View>(
    draft: &mut Draft<'_, V>,
    wallet: WalletId,
    asset: AssetNo,
    amount: Atoms,
    source: Source,
    channel: Channel,
    spendable: bool,
) -> Rule {
    let wallet = draft.find_wallet(WalletNo::NONE, wallet, "wallet")?;
    draft.check_amount(asset, amount.0)?;
    if matches!(source, Source::Earned | Source::Credit) {
        return Err(Stop::Reject(Code::Malformed, "source"));
    }
    if draft.view.wallet(wallet).standing == Standing::Closed {
        return Err(draft.deny(Code::WalletClosed, wallet, asset, amount.0));
    }
    law::cash::load(draft, wallet, asset, amount.0, source, channel)?;
    draft.out.kind = EventKind::TopUpPending;
    if spendable {
        let clearing = draft.clearing(channel, asset);
        draft.debit_account(clearing, amount.0);
        draft.credit(wallet, asset, source, Some(source), amount.0);
        law::cash::loaded(draft, wallet, asset);
    }
    let topup = TopUp {
        wallet,
        asset,
        amount: amount.0,
        source,
        channel,
        spendable,
        counted: law::room::reserved(draft),
    };
    draft.effect(Effect::TopUpOpened(Box::new(topup)));
    Ok(())
}

pub(crate) fn settle<V: View>(draft: &mut Draft<'_, V>, topup: Id) -> Rule {
    let key = draft.key(topup);
    let Some(record) = draft.state().topups.get(&key).cloned() else {
        return Err(Stop::Reject(Code::NotFound, "topup"));
    };
    let rest = record.amount - draft.view.reversed(key);
    draft.out.kind = EventKind::TopUpSettled;
    draft.effect(Effect::About { thing: topup });
    let safeguarding = draft.safeguarding(record.asset);
    draft.debit_account(safeguarding, rest);
    let (wallet, asset, source) = (record.wallet, record.asset, record.source);
    let mut free = rest;
    if record.spendable {
        let clearing = draft.clearing(record.channel, asset);
        draft.credit_account(clearing, rest);
        // What has been passed on meanwhile stays as it is, and its holders may have it released.
        let account = find(draft, wallet, asset, source, Some(source));
        free = account.map_or(0, |no| draft.view.account(no).reclaimable().min(rest));
        if let Some(account) = account {
            draft.debit_account(account, free);
        }
    }
    draft.credit(wallet, asset, source, None, free);
    if !record.spendable {
        law::cash::loaded(draft, wallet, asset);
    }
    draft.effect(Effect::TopUpClosed {
        topup,
        record: Box::new(record),
    });
    Ok(())
}

pub(crate) fn reverse<V: View>(
    draft: &mut Draft<'_, V>,
    topup: Id,
    amount: Atoms,
    carried: Option<&Carried>,
) -> Rule {
    let key = draft.key(topup);
    let open = draft.state().topups.get(&key).cloned();
    let settled = carried.and_then(|carried| {
        let event = &carried.0;
        (event.tenant == draft.tenant).then_some(())?;
        event.effects.iter().find_map(|effect| match effect {
            Effect::TopUpClosed { topup: id, record } if *id == topup => Some((**record).clone()),
            _ => None,
        })
    });
    let (record, is_open) = match (open, settled) {
        (Some(record), _) => (record, true),
        (None, Some(record)) => (record, false),
        (None, None) => return Err(Stop::Reject(Code::NotFound, "topup")),
    };
    draft.check_amount(record.asset, amount.0)?;
    let so_far = draft.view.reversed(key);
    if amount.0 > record.amount - so_far {
        let numbers = (u128::from(record.amount), u128::from(so_far));
        let (wallet, asset) = (record.wallet, record.asset);
        return Err(draft.deny_at(Code::ReversalExceedsTopUp, wallet, asset, amount.0, numbers));
    }
    draft.out.kind = EventKind::TopUpReversed;
    draft.effect(Effect::About { thing: topup });
    let (wallet, asset) = (record.wallet, record.asset);
    if !is_open || record.spendable {
        let other_side = if is_open {
            draft.clearing(record.channel, asset)
        } else {
            draft.safeguarding(asset)
        };
        draft.credit_account(other_side, amount.0);
        let claim = is_open.then_some(record.source);
        let first = find(draft, wallet, asset, record.source, claim);
        let missing = draft.take(wallet, asset, first, claim, amount.0);
        let party = draft.view.wallet(wallet).party;
        draft.owe(party, asset, claim, missing);
    }
    draft.effect(Effect::Reversed {
        thing: topup,
        amount: amount.0,
    });
    // What never came was never loaded.
    let how = if is_open {
        GiveBack::Void
    } else {
        GiveBack::Refund
    };
    let part = (so_far, so_far + amount.0, record.amount);
    law::room::give_back(draft, &record.counted, how, part);
    if is_open && so_far + amount.0 == record.amount {
        draft.effect(Effect::TopUpClosed {
            topup,
            record: Box::new(record),
        });
    }
    Ok(())
}

/// A wallet's account of a source that rests on `origin`, if it has one.
fn find<V: View>(
    draft: &Draft<'_, V>,
    wallet: WalletNo,
    asset: AssetNo,
    source: Source,
    origin: Option<Source>,
) -> Option<AccountNo> {
    let mut accounts = draft.state().accounts_of(wallet);
    let it = (asset, Some(source), origin);
    let found = accounts.find(|(_, a)| (a.asset, a.source, a.origin) == it);
    found.map(|(no, _)| no)
}

/// What rests on a source becomes free of it, up to what of that source has settled and rests with
/// holders who are not known one by one. What the party's own top-ups of it have still to bring is not
/// among that: income goes first, and of value of the source itself only what is beyond them.
pub(crate) fn settle_earned<V: View>(
    draft: &mut Draft<'_, V>,
    wallet: WalletId,
    asset: AssetNo,
    origin: Source,
    amount: Atoms,
) -> Rule {
    let wallet = draft.find_wallet(WalletNo::NONE, wallet, "wallet")?;
    draft.check_amount(asset, amount.0)?;
    let mut rest = amount.0;
    let mut legs = Vec::new();
    for own in [false, true] {
        for (no, account) in draft.state().accounts_of(wallet) {
            let rests = (account.asset, account.origin) == (asset, Some(origin));
            if rests && (account.source == account.origin) == own {
                let part = account.reclaimable().min(rest);
                legs.push((no, account.source.unwrap_or(Source::Earned), part));
                rest -= part;
            }
        }
    }
    if rest > 0 {
        let numbers = (u128::from(amount.0 - rest), 0);
        return Err(draft.deny_at(Code::InsufficientFunds, wallet, asset, amount.0, numbers));
    }
    let of_source = legs.iter().filter(|(_, source, _)| *source == origin);
    let of_source: i128 = of_source.map(|(_, _, part)| i128::from(*part)).sum();
    if of_source > 0 {
        let beyond = beyond_own(draft, wallet, asset, origin);
        if of_source > beyond {
            let free = i128::from(amount.0) - of_source + beyond.max(0);
            let numbers = (u128::try_from(free).unwrap_or(0), 0);
            return Err(draft.deny_at(Code::SourceNotSettled, wallet, asset, amount.0, numbers));
        }
    }
    let pool = draft.pool(asset, origin);
    if pool < i128::from(amount.0) {
        let numbers = (u128::try_from(pool).unwrap_or(0), 0);
        return Err(draft.deny_at(Code::SourceNotSettled, wallet, asset, amount.0, numbers));
    }
    draft.out.kind = EventKind::EarnedSettled;
    draft.effect(Effect::Released {
        wallet,
        asset,
        origin,
        amount: amount.0,
    });
    for (no, _, part) in &legs {
        draft.debit_account(*no, *part);
    }
    for (_, source, part) in legs {
        draft.credit(wallet, asset, source, None, part);
    }
    Ok(())
}

/// How much value of an unsettled source a wallet has beyond what its party's own top-ups have still to
/// bring, counting what is still in the wallets those went to. Below zero if that was passed on.
fn beyond_own<V: View>(draft: &Draft<'_, V>, wallet: WalletNo, asset: AssetNo, of: Source) -> i128 {
    let state = draft.state();
    let party = draft.view.wallet(wallet).party;
    let (mut wallets, mut to_come) = (BTreeSet::from([wallet]), 0);
    for (key, topup) in &state.topups {
        let same = topup.spendable && (topup.asset, topup.source) == (asset, of);
        if same && draft.view.wallet(topup.wallet).party == party {
            wallets.insert(topup.wallet);
            to_come += i128::from(topup.amount) - i128::from(draft.view.reversed(*key));
        }
    }
    let account = |wallet| find(draft, wallet, asset, of, Some(of));
    let there = wallets.into_iter().filter_map(account);
    let there: i128 = there.map(|no| draft.view.account(no).balance).sum();
    there - to_come
}
