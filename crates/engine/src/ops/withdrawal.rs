//! Money out: requested, sent, settled or returned.
//!
//! Only from the sources the terms allow, and from income only when what paid it has settled.

use crate::code::Code;
use crate::decide::{Rule, Stop};
use crate::event::{Effect, EventKind};
use crate::ids::{Id, WalletId};
use crate::records::{Channel, WalletNo, Withdrawal};
use crate::step::{Draft, funding};
use crate::view::View;
use ledger::{Account, AssetNo, Source};
use money::Atoms;

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
    let order: Vec<Source> = draft.terms.withdrawable.iter().collect();
    let usable =
        |account: &Account| account.source != Some(Source::Credit) && account.origin.is_none();
    let plan = match funding::fill(draft, wallet, asset, amount.0, &order, usable) {
        Ok(plan) => plan,
        Err((code, there_is)) => {
            // The more helpful answer: it is there, but what paid it has not settled.
            let any = funding::fill(draft, wallet, asset, amount.0, &order, |_| true);
            let code = if code == Code::SourceNotAllowed && any.is_ok() {
                Code::SourceNotSettled
            } else {
                code
            };
            return Err(draft.deny_at(code, wallet, asset, amount.0, (there_is, 0)));
        }
    };
    draft.out.kind = EventKind::WithdrawalRequested;
    for leg in plan.legs() {
        draft.debit_account(leg.account, leg.amount);
    }
    let clearing = draft.clearing(channel, asset);
    draft.credit_account(clearing, amount.0);
    let legs = plan.legs().to_vec();
    let withdrawal = Withdrawal {
        wallet,
        asset,
        legs,
        channel,
        sent: false,
    };
    draft.effect(Effect::WithdrawalOpened(Box::new(withdrawal)));
    Ok(())
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
    draft.effect(Effect::WithdrawalClosed { withdrawal: id });
    Ok(())
}
