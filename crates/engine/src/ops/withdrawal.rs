//! Money out: requested, sent, settled or returned.
//!
//! Only from the sources the terms allow, and only what is free: value that rests on a source that
//! has not settled stays. What the party owes is paid first, and only the rest may go.

use crate::code::Code;
use crate::decide::{Rule, Stop};
use crate::event::{Effect, EventKind};
use crate::ids::{Id, WalletId};
use crate::records::{Channel, Leg, WalletNo, Withdrawal};
use crate::step::Draft;
use crate::step::law::{cash, room};
use crate::view::View;
use ledger::{Account, AccountNo, AssetNo, Source};
use money::Atoms;
use policy::GiveBack;

pub(crate) fn request<V: View>(
    draft: &mut Draft<'_, V>,
    wallet: WalletId,
    asset: AssetNo,
    amount: Atoms,
    channel: Channel,
) -> Rule {
    let wallet = draft.find_wallet(WalletNo::NONE, wallet, "wallet")?;
    draft.check_amount(asset, amount.0)?;
    draft.check_active(wallet, |code| draft.deny(code, wallet, asset, amount.0))?;
    let party = draft.view.wallet(wallet).party;
    let owed = draft.owed(party, asset);
    let missing = draft.take(wallet, asset, None, None, owed);
    draft.pay_debts(party, asset, None, owed - missing);
    let barred = cash::barred(draft, wallet, asset, channel);
    let is_barred = |source| barred.iter().any(|(s, _)| *s == source);
    let legs = match fill(draft, wallet, asset, amount.0, |source| !is_barred(source)) {
        Ok(legs) => legs,
        Err((code, there_is)) => {
            // Without the law it would do: the first of its rules that bars what is there.
            let unbarred = fill(draft, wallet, asset, amount.0, |_| true).unwrap_or_default();
            let source = |leg: &Leg| draft.view.account(leg.account).source;
            let of_leg = |(s, _): &&(Source, _)| unbarred.iter().any(|l| source(l) == Some(*s));
            if let Some((_, why)) = barred.iter().find(of_leg) {
                let (why, amount) = (*why, amount.0);
                return Err(cash::refused(draft, wallet, asset, amount, channel, why));
            }
            let code = match code {
                Code::InsufficientFunds if owed > 0 => Code::DebtOutstanding,
                code => code,
            };
            let numbers = (there_is, u128::from(owed));
            return Err(draft.deny_at(code, wallet, asset, amount.0, numbers));
        }
    };
    cash::pay_out(draft, wallet, asset, &legs, channel)?;
    draft.out.kind = EventKind::WithdrawalRequested;
    for leg in &legs {
        draft.debit_account(leg.account, leg.amount);
    }
    let clearing = draft.clearing(channel, asset);
    draft.credit_account(clearing, amount.0);
    let withdrawal = Withdrawal {
        wallet,
        asset,
        legs,
        channel,
        sent: false,
        counted: room::reserved(draft),
    };
    draft.effect(Effect::WithdrawalOpened(Box::new(withdrawal)));
    Ok(())
}

/// Fills an amount from what may be withdrawn; or says why not and how much there is.
fn fill<V: View>(
    draft: &Draft<'_, V>,
    wallet: WalletNo,
    asset: AssetNo,
    amount: u64,
    usable: impl Fn(Source) -> bool,
) -> Result<Vec<Leg>, (Code, u128)> {
    let accounts = || {
        let accounts = draft.state().accounts_of(wallet);
        accounts.filter(|(_, a)| a.asset == asset && a.source != Some(Source::Credit))
    };
    // What has paid a debt by this event is there no more.
    let available = |no: AccountNo, account: &Account| {
        let paid = u64::try_from(-draft.posted(no)).unwrap_or(0);
        account.available().saturating_sub(paid)
    };
    let mut legs = Vec::new();
    let mut rest = amount;
    let (mut all, mut allowed) = (0, 0);
    for (no, account) in accounts() {
        let available = u128::from(available(no, account));
        all += available;
        if account
            .source
            .is_some_and(|s| draft.terms.withdrawable.has(s))
        {
            allowed += available;
        }
    }
    for source in draft.terms.withdrawable.iter().filter(|s| usable(*s)) {
        let of_source = |a: &Account| a.source == Some(source) && a.origin.is_none();
        for (no, account) in accounts().filter(|(_, a)| of_source(a)) {
            let part = available(no, account).min(rest);
            if part > 0 {
                rest -= part;
                legs.push(Leg {
                    account: no,
                    amount: part,
                });
            }
        }
    }
    let asked = u128::from(amount);
    match rest {
        0 => Ok(legs),
        _ if allowed >= asked => Err((Code::SourceNotSettled, asked - u128::from(rest))),
        _ if all >= asked => Err((Code::SourceNotAllowed, allowed)),
        _ => Err((Code::InsufficientFunds, all)),
    }
}

fn find<V: View>(draft: &Draft<'_, V>, id: Id) -> Rule<Withdrawal> {
    let found = draft.state().withdrawals.get(&draft.key(id)).cloned();
    found.ok_or(Stop::Reject(Code::NotFound, "withdrawal"))
}

fn amount(withdrawal: &Withdrawal) -> u64 {
    withdrawal.legs.iter().map(|leg| leg.amount).sum()
}

pub(crate) fn send<V: View>(draft: &mut Draft<'_, V>, id: Id) -> Rule {
    let withdrawal = find(draft, id)?;
    if withdrawal.sent {
        let (wallet, asset) = (withdrawal.wallet, withdrawal.asset);
        return Err(draft.deny(Code::WrongState, wallet, asset, amount(&withdrawal)));
    }
    draft.out.kind = EventKind::WithdrawalSent;
    draft.effect(Effect::About { thing: id });
    draft.effect(Effect::WithdrawalSent { withdrawal: id });
    Ok(())
}

pub(crate) fn settle<V: View>(draft: &mut Draft<'_, V>, id: Id) -> Rule {
    let withdrawal = find(draft, id)?;
    let (wallet, asset, sum) = (withdrawal.wallet, withdrawal.asset, amount(&withdrawal));
    if !withdrawal.sent {
        return Err(draft.deny(Code::WrongState, wallet, asset, sum));
    }
    draft.out.kind = EventKind::WithdrawalSettled;
    draft.effect(Effect::About { thing: id });
    let clearing = draft.clearing(withdrawal.channel, asset);
    draft.debit_account(clearing, sum);
    let safeguarding = draft.safeguarding(asset);
    draft.credit_account(safeguarding, sum);
    draft.effect(Effect::WithdrawalClosed { withdrawal: id });
    Ok(())
}

pub(crate) fn give_back<V: View>(draft: &mut Draft<'_, V>, id: Id) -> Rule {
    let withdrawal = find(draft, id)?;
    let (asset, sum) = (withdrawal.asset, amount(&withdrawal));
    draft.out.kind = EventKind::WithdrawalReturned;
    draft.effect(Effect::About { thing: id });
    let clearing = draft.clearing(withdrawal.channel, asset);
    draft.debit_account(clearing, sum);
    for leg in &withdrawal.legs {
        let account = draft.view.account(leg.account);
        let (source, origin) = (account.source.unwrap_or(Source::Earned), account.origin);
        draft.credit(withdrawal.wallet, asset, source, origin, leg.amount);
    }
    room::give_back(draft, &withdrawal.counted, GiveBack::Void, (0, sum, sum));
    draft.effect(Effect::WithdrawalClosed { withdrawal: id });
    Ok(())
}
