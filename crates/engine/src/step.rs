//! What one payment does, in order. Each stage is a file; adding one touches its file and the list
//! in [`run`].
//!
//! 1. idempotency (before the step is entered), 2. [`parties`], 3. [`price`], 4. [`tax`],
//! 5. [`fee`], 6. [`risk`], 7. [`funding`], 8. [`policy`], 9. [`law`], 10. [`entry`].

pub(crate) mod draft;
pub(crate) mod entry;
pub(crate) mod fee;
pub(crate) mod funding;
pub(crate) mod law;
pub(crate) mod parties;
pub(crate) mod pending;
pub(crate) mod policy;
pub(crate) mod price;
pub(crate) mod risk;
pub(crate) mod settled;
pub(crate) mod tax;

use crate::code::Code;
use crate::command::{SPLIT_PAYEES_MAX, Share, Spend};
use crate::decide::{Rule, Stop};
use crate::ids::WalletId;
use crate::records::{PartyNo, WalletNo};
use crate::taxes::Facts;
use crate::time::UtcMillis;
use crate::view::View;
use ::policy::{StepUp, Traced};
pub(crate) use draft::Draft;

/// What a payment is for: which stages and sources apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Pay at once.
    Pay,
    /// Set funds aside until then; `asked` is what the command said.
    Authorize {
        asked: Option<UtcMillis>,
        expires: UtcMillis,
    },
    /// Pass value on: no tax, no fee, no credit.
    Transfer,
}

/// A payment as the stages fill it in.
#[derive(Debug)]
pub(crate) struct Payment<'c> {
    pub spend: &'c Spend,
    pub purpose: Purpose,
    pub payer: WalletNo,
    pub payer_party: PartyNo,
    /// The payees with their weights; one payee has all.
    pub payees: Payees,
    pub gross: u64,
    /// What its item was priced by.
    pub priced: Option<price::Set>,
    /// What it says of itself for tax.
    pub facts: &'c Facts,
    pub tax: tax::Tax,
    /// Of a split under tax rules, the payees with a share.
    pub shares: Vec<tax::Share>,
    pub fee: u64,
    pub plan: funding::Plan,
    pub room: policy::Room,
    /// A stage asks the payer to confirm: what, and by which rule of the law.
    pub step_up: Option<(StepUp, Option<Traced>)>,
    /// What was asked before the law's stage.
    pub asked_before_law: Option<(StepUp, Option<Traced>)>,
}

/// Who is paid.
#[derive(Debug)]
pub(crate) enum Payees {
    One(WalletNo),
    Many(Vec<(WalletNo, u64)>),
}

impl Payees {
    pub fn first(&self) -> WalletNo {
        match self {
            Payees::One(payee) => *payee,
            Payees::Many(payees) => payees[0].0,
        }
    }
}

pub(crate) fn pay<V: View>(
    draft: &mut Draft<'_, V>,
    spend: &Spend,
    payee: WalletId,
    known: (WalletNo, WalletNo),
) -> Rule {
    one(draft, spend, payee, Purpose::Pay, known)
}

/// Pays by itself, between wallets that were found before.
pub(crate) fn charge<V: View>(
    draft: &mut Draft<'_, V>,
    spend: &Spend,
    (payer, payee): (WalletNo, WalletNo),
) -> Rule {
    run(draft, spend, Purpose::Pay, payer, Payees::One(payee))
}

pub(crate) fn authorize<V: View>(
    draft: &mut Draft<'_, V>,
    spend: &Spend,
    payee: WalletId,
    asked: Option<UtcMillis>,
    known: (WalletNo, WalletNo),
) -> Rule {
    let by_default = draft.now.plus(draft.terms.hold_ms());
    let expires = asked.unwrap_or(by_default);
    // What waited for its payer was in time when it was asked.
    let is_long = !draft.continued && expires > draft.now.plus(draft.terms.hold_ms_max);
    if expires <= draft.now || is_long {
        return Err(Stop::Reject(Code::Malformed, "expires_at"));
    }
    let purpose = Purpose::Authorize { asked, expires };
    one(draft, spend, payee, purpose, known)
}

pub(crate) fn transfer<V: View>(
    draft: &mut Draft<'_, V>,
    spend: &Spend,
    payee: WalletId,
    known: (WalletNo, WalletNo),
) -> Rule {
    one(draft, spend, payee, Purpose::Transfer, known)
}

#[inline]
fn one<V: View>(
    draft: &mut Draft<'_, V>,
    spend: &Spend,
    payee: WalletId,
    purpose: Purpose,
    (known_payer, known_payee): (WalletNo, WalletNo),
) -> Rule {
    let payer = draft.find_wallet(known_payer, spend.payer, "payer")?;
    let payee = draft.find_wallet(known_payee, payee, "payee")?;
    run(draft, spend, purpose, payer, Payees::One(payee))
}

pub(crate) fn split<V: View>(draft: &mut Draft<'_, V>, spend: &Spend, shares: &[Share]) -> Rule {
    if shares.is_empty() || shares.iter().all(|share| share.weight == 0) {
        return Err(Stop::Reject(Code::Malformed, "payees"));
    }
    if shares.len() > SPLIT_PAYEES_MAX {
        return Err(Stop::Reject(Code::TooMany, "payees"));
    }
    let payer = draft.find_wallet(WalletNo::NONE, spend.payer, "payer")?;
    let mut payees = Vec::with_capacity(shares.len());
    for share in shares {
        payees.push((
            draft.find_wallet(WalletNo::NONE, share.payee, "payees")?,
            share.weight,
        ));
    }
    run(draft, spend, Purpose::Pay, payer, Payees::Many(payees))
}

#[inline]
fn run<V: View>(
    draft: &mut Draft<'_, V>,
    spend: &Spend,
    purpose: Purpose,
    payer: WalletNo,
    payees: Payees,
) -> Rule {
    let mut payment = Payment {
        spend,
        purpose,
        payer,
        payer_party: draft.view.wallet(payer).party,
        payees,
        gross: 0,
        priced: None,
        facts: &spend.tax,
        tax: tax::Tax::default(),
        shares: Vec::new(),
        fee: 0,
        plan: funding::Plan::default(),
        room: policy::Room::default(),
        step_up: None,
        asked_before_law: None,
    };
    parties::check(draft, &payment)?;
    price::set(draft, &mut payment)?;
    let facts;
    if let Some(own) = payment.priced.as_ref().and_then(|set| set.facts(spend)) {
        facts = own;
        payment.facts = &facts;
    }
    tax::set(draft, &mut payment)?;
    pending::is_as_confirmed(draft, &payment)?;
    if payment.priced.is_some() {
        price::check(draft, &payment)?;
    }
    let is_news = payment.priced.is_some() || payment.gross > spend.amount.0;
    if is_news && spend.mandate.0.is_some() {
        parties::mandate(draft, &payment)?;
    }
    fee::set(draft, &mut payment);
    risk::check(draft, &mut payment)?;
    funding::plan(draft, &mut payment)?;
    policy::check(draft, &mut payment)?;
    payment.asked_before_law = payment.step_up;
    law::check(draft, &mut payment)?;
    if let Some((step_up, rule)) = payment.step_up {
        return pending::ask(draft, &payment, step_up, rule);
    }
    // Nothing below refuses.
    entry::post(draft, &mut payment);
    Ok(())
}
