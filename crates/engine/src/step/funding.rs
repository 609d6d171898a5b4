//! Stage 7: which sources pay, in the tenant's order, each as far as it goes.

use super::{Draft, Payment, Purpose, parties};
use crate::code::Code;
use crate::decide::Rule;
use crate::records::{Leg, WalletNo};
use crate::view::View;
use ledger::{Account, AccountNo, AssetNo, Source};

/// From which accounts how much is taken.
#[derive(Clone, Debug)]
pub(crate) enum Plan {
    /// The commonest: all from one account, without allocating.
    One(Leg),
    /// From several, or none yet.
    Many(Vec<Leg>),
}

impl Default for Plan {
    fn default() -> Self {
        Plan::Many(Vec::new())
    }
}

impl Plan {
    #[inline]
    pub fn legs(&self) -> &[Leg] {
        match self {
            Plan::One(leg) => std::slice::from_ref(leg),
            Plan::Many(legs) => legs,
        }
    }
}

#[inline]
pub(crate) fn plan<V: View>(draft: &Draft<'_, V>, payment: &mut Payment<'_>) -> Rule {
    let credit_allowed = payment.purpose != Purpose::Transfer;
    let usable = |account: &Account| account.source != Some(Source::Credit) || credit_allowed;
    let asset = payment.spend.asset;
    if payment.gross == 0 {
        return Ok(()); // What is free.
    }

    // The commonest wallet has value in one account.
    if let Some(account) = only_account(draft, payment.payer, asset, payment.gross, usable) {
        payment.plan = Plan::One(Leg {
            account,
            amount: payment.gross,
        });
        return Ok(());
    }
    match fill(
        draft,
        payment.payer,
        asset,
        payment.gross,
        &draft.terms.funding_order,
        usable,
    ) {
        Ok(plan) => {
            payment.plan = plan;
            Ok(())
        }
        Err((code, there_is)) => Err(parties::deny(draft, payment, code, (there_is, 0))),
    }
}

/// The account of a wallet that pays an amount alone, because no other has anything.
#[inline(always)]
fn only_account<V: View>(
    draft: &Draft<'_, V>,
    wallet: WalletNo,
    asset: AssetNo,
    amount: u64,
    usable: impl Fn(&Account) -> bool,
) -> Option<AccountNo> {
    let mut only = None;
    let mut no = draft.view.wallet(wallet).first;
    while no.is_some() {
        let account = draft.view.account(no);
        if account.asset == asset && account.available() > 0 {
            let listed = |s| draft.terms.funding_order.contains(&s);
            let pays = account.available() >= amount && usable(account);
            if only.is_some() || !pays || !account.source.is_some_and(listed) {
                return None;
            }
            only = Some(no);
        }
        no = account.next;
    }
    only
}

/// Fills an amount from a wallet's accounts of the listed sources, in that order, as far as
/// `usable` accounts go; or says why not and how much there is.
pub(crate) fn fill<V: View>(
    draft: &Draft<'_, V>,
    wallet: WalletNo,
    asset: AssetNo,
    amount: u64,
    order: &[Source],
    usable: impl Fn(&Account) -> bool,
) -> Result<Plan, (Code, u128)> {
    let mut legs = Vec::new();
    let mut rest = amount;
    let first = draft.view.wallet(wallet).first;
    for source in order {
        let mut no = first;
        while no.is_some() && rest > 0 {
            let account = draft.view.account(no);
            if account.asset == asset && account.source == Some(*source) && usable(account) {
                let taken = account.available().min(rest);
                if taken > 0 {
                    legs.push(Leg {
                        account: no,
                        amount: taken,
                    });
                    rest -= taken;
                }
            }
            no = account.next;
        }
    }
    if rest == 0 {
        return Ok(Plan::Many(legs));
    }
    let mut all = 0u128;
    let mut no = first;
    while no.is_some() {
        let account = draft.view.account(no);
        if account.asset == asset {
            all += u128::from(account.available());
        }
        no = account.next;
    }
    if all >= u128::from(amount) {
        Err((Code::SourceNotAllowed, u128::from(amount - rest)))
    } else {
        Err((Code::InsufficientFunds, all))
    }
}
