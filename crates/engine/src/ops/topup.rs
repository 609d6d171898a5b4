//! Money in: pending, settled, reversed in part or whole; and the release of income whose source
//! has settled.
//!
//! A pending top-up stands against its channel's clearing account, a settled one against the
//! safeguarding account. A reversal is never refused for lack of funds: what was spent already
//! becomes a receivable.

use crate::code::Code;
use crate::command::Carried;
use crate::decide::{Rule, Stop};
use crate::event::{Effect, EventKind};
use crate::ids::{Id, WalletId};
use crate::records::{Channel, Standing, TopUp, WalletNo};
use crate::step::Draft;
use crate::view::View;
use ledger::{AssetNo, Source};
use money::Atoms;

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
    draft.out.kind = EventKind::TopUpPending;
    if spendable {
        let clearing = draft.clearing(channel, asset);
        draft.debit_account(clearing, amount.0);
        draft.credit(wallet, asset, source, None, amount.0);
    }
    let topup = TopUp {
        wallet,
        asset,
        amount: amount.0,
        source,
        channel,
        spendable,
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
    if record.spendable {
        let clearing = draft.clearing(record.channel, record.asset);
        draft.credit_account(clearing, rest);
    } else {
        draft.credit(record.wallet, record.asset, record.source, None, rest);
    }
    let (asset, source) = (record.asset, record.source);
    draft.effect(Effect::SourceSettled {
        asset,
        source,
        delta: i128::from(rest),
    });
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
        let preferred = draft
            .state()
            .accounts_of(wallet)
            .find(|(_, a)| a.asset == asset && a.source == Some(record.source))
            .map(|(no, _)| no);
        draft.reclaim(wallet, asset, preferred, amount.0);
    }
    if !is_open {
        let (source, delta) = (record.source, -i128::from(amount.0));
        draft.effect(Effect::SourceSettled {
            asset,
            source,
            delta,
        });
    }
    draft.effect(Effect::Reversed {
        thing: topup,
        amount: amount.0,
    });
    if is_open && so_far + amount.0 == record.amount {
        draft.effect(Effect::TopUpClosed {
            topup,
            record: Box::new(record),
        });
    }
    Ok(())
}

/// Income paid from a source becomes free of it, up to what that source has settled.
pub(crate) fn settle_earned<V: View>(
    draft: &mut Draft<'_, V>,
    wallet: WalletId,
    asset: AssetNo,
    origin: Source,
    amount: Atoms,
) -> Rule {
    let wallet = draft.find_wallet(WalletNo::NONE, wallet, "wallet")?;
    draft.check_amount(asset, amount.0)?;
    let account = draft.state().accounts_of(wallet).find(|(_, a)| {
        a.asset == asset && a.source == Some(Source::Earned) && a.origin == Some(origin)
    });
    let available = account.map_or(0, |(_, a)| a.reclaimable());
    let Some((from, _)) = account.filter(|_| available >= amount.0) else {
        let numbers = (u128::from(available), 0);
        return Err(draft.deny_at(Code::InsufficientFunds, wallet, asset, amount.0, numbers));
    };
    let settled = draft.settled(asset, origin);
    if settled < i128::from(amount.0) {
        let numbers = (u128::try_from(settled).unwrap_or(0), 0);
        return Err(draft.deny_at(Code::SourceNotSettled, wallet, asset, amount.0, numbers));
    }
    draft.out.kind = EventKind::EarnedSettled;
    draft.debit_account(from, amount.0);
    let free = draft.wallet_account(wallet, asset, Source::Earned, None);
    draft.credit_account(free, amount.0);
    let delta = -i128::from(amount.0);
    draft.effect(Effect::SourceSettled {
        asset,
        source: origin,
        delta,
    });
    Ok(())
}
