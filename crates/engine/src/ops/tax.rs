//! Tax rules and settings put into force, and what is known of sellers and buyers.

use crate::code::Code;
use crate::decide::{Rule, Stop};
use crate::event::{Effect, EventKind};
use crate::ids::PartyId;
use crate::step::Draft;
use crate::taxes::{Profile, REGISTRATIONS_MAX, TaxSet, TaxSettings, hash_of};
use crate::view::View;
use ::tax::{Rules, Supplier};
use std::sync::Arc;

pub(crate) fn set<V: View>(
    draft: &mut Draft<'_, V>,
    rules: Option<&Arc<Rules>>,
    settings: Option<&TaxSettings>,
) -> Rule {
    let tenant = &draft.state().tenants[draft.tenant.0 as usize];
    let before = tenant.tax.as_deref();
    if rules.is_some_and(|rules| !rules.is_sound()) {
        return Err(Stop::Reject(Code::Malformed, "rules"));
    }
    if rules.is_none() && before.is_none() {
        return Err(Stop::Reject(Code::Malformed, "rules"));
    }
    if let Some(settings) = settings {
        check_supplier(&settings.operator, "operator.registrations")?;
    }
    let same = before.map_or([0; 32], |before| before.hash);
    let set = TaxSet {
        version: tenant.tax_version + 1,
        hash: rules.map_or(same, |rules| hash_of(rules)),
        rules: rules.cloned(),
        settings: settings.cloned(),
    };
    draft.out.kind = EventKind::TaxSet;
    draft.effect(Effect::TaxSet(Box::new(set)));
    draft.note_actor();
    Ok(())
}

pub(crate) fn set_taxpayer<V: View>(
    draft: &mut Draft<'_, V>,
    party: PartyId,
    profile: &Profile,
) -> Rule {
    let found = draft.state().party_no(draft.tenant, party);
    let party = found.ok_or(Stop::Reject(Code::NotFound, "party"))?;
    if let Some(supplier) = &profile.supplier {
        check_supplier(supplier, "seller.registrations")?;
    }
    draft.out.kind = EventKind::TaxpayerSet;
    draft.effect(Effect::TaxpayerSet {
        party,
        profile: Box::new(profile.clone()),
    });
    draft.note_actor();
    Ok(())
}

fn check_supplier(supplier: &Supplier, field: &'static str) -> Rule {
    if supplier.registrations.len() > REGISTRATIONS_MAX {
        return Err(Stop::Reject(Code::TooMany, field));
    }
    let held = |r: &::tax::supply::Registration| r.from < r.until;
    if !supplier.registrations.iter().all(held) {
        return Err(Stop::Reject(Code::Malformed, field));
    }
    Ok(())
}
