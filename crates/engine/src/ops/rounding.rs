//! What rounding a paper leaves of a tax: the tax account comes to what the paper states, which is
//! what is owed (Directive 2006/112/EC art. 203), and the remainder stands in an account of its own.
//!
//! One event for each tax of a paper. A credit note posts what it states less what its refunds gave
//! back; over all credit notes of an invoice that is what the invoice had posted, the other way.

use crate::code::Code;
use crate::command::TaxRounding;
use crate::decide::{Rule, Stop};
use crate::event::{Effect, EventKind};
use crate::ids::Id;
use crate::records::PartyNo;
use crate::step::{Draft, tax};
use crate::taxes::TaxMove;
use crate::terms::Country;
use crate::view::View;
use ledger::AccountClass;

pub(crate) fn post<V: View>(draft: &mut Draft<'_, V>, paper: Id, rounding: &TaxRounding) -> Rule {
    let not_found = |field| Stop::Reject(Code::NotFound, field);
    let malformed = |field| Stop::Reject(Code::Malformed, field);
    let TaxRounding {
        asset,
        is_fee,
        amount,
        ..
    } = *rounding;
    if !paper.is_some() {
        return Err(malformed("paper"));
    }
    if usize::from(asset.0) >= draft.state().assets.len() {
        return Err(not_found("asset"));
    }
    if amount == 0 {
        return Err(malformed("amount"));
    }
    let seller = draft.state().party_no(draft.tenant, rounding.seller);
    let seller = seller.ok_or(not_found("seller"))?;
    let (owner, country) = match rounding.case {
        0 => (None, rounding.country),
        no => {
            let case = draft.view.case(no);
            let case = case.filter(|case| case.question.tenant == draft.tenant);
            let case = case.ok_or(not_found("case"))?;
            let outcome = if is_fee { &case.fee } else { &case.sale };
            let place = outcome.place.ok_or(malformed("case"))?;
            let owner = if is_fee {
                PartyNo::NONE
            } else {
                case.supplier(seller)
            };
            let owner = (owner != PartyNo::NONE).then_some(owner);
            (owner, Country(place.country.code()))
        }
    };

    // Nothing refuses from here on.
    draft.out.kind = EventKind::TaxRounded;
    draft.effect(Effect::About { thing: paper });
    let sub = tax::sub(country);
    let (owed, left) = match owner {
        Some(seller) => (
            draft.seller_tax(seller, sub, asset, None),
            draft.sellers(AccountClass::SellerRounding, seller, sub, asset, None),
        ),
        None => (
            draft.operator(AccountClass::Tax, sub, asset, None),
            draft.operator(AccountClass::Rounding, sub, asset, None),
        ),
    };
    let amount = i128::from(amount);
    draft.post(owed, amount);
    draft.post(left, -amount);
    if rounding.case > 0 {
        let (tax, fee_tax) = if is_fee { (0, amount) } else { (amount, 0) };
        draft.effect(Effect::Taxed(Box::new(TaxMove {
            case: rounding.case,
            seller,
            asset,
            net: 0,
            tax,
            fee: 0,
            fee_tax,
            of: Id::NONE,
        })));
    }
    Ok(())
}
