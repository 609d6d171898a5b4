//! The tax rules that come along, put into force for a measurement: what they cost is measured in
//! turns with what the terms' single rate costs, in one run.

use crate::failure::Failure;
use engine::Op;
use engine::ids::PartyId;
use engine::taxes::{Facts, Profile, TaxSettings};
use std::sync::Arc;
use tax::evidence::Item;
use tax::supply::{Checked, Part, Pricing, Registration, Scheme};
use tax::{Country, Date, Evidence, Supplier};

const HOME: Country = Country::literal("DE");

/// Every rate, for a German operator whose sellers supply in their own name.
pub fn rules() -> Result<Op, Failure> {
    let rules = tax::rates::built_in();
    let rules = rules.map_err(|error| Failure::said(error.to_string()))?;
    let part = Part {
        names_seller: true,
        ..Part::default()
    };
    Ok(Op::SetTax {
        rules: Some(Arc::new(rules)),
        settings: Some(Box::new(TaxSettings {
            operator: Supplier::of(HOME),
            part,
            pricing: Pricing::Inclusive,
            format_is_enough: false,
        })),
    })
}

/// A merchant is a German business in the Union's one-stop shop.
pub fn merchant(party: PartyId) -> Op {
    let registration = Registration {
        scheme: Scheme::OssUnion,
        country: HOME,
        from: Date::MIN,
        until: Date::MAX,
    };
    let supplier = Supplier {
        registrations: vec![registration],
        ..Supplier::of(HOME)
    };
    let profile = Profile {
        supplier: Some(supplier),
        buyer: Some((HOME, Checked::Confirmed)),
    };
    Op::SetTaxpayer {
        party,
        profile: Box::new(profile),
    }
}

/// What each payment says: its payer's bank is at home.
pub fn facts() -> Facts {
    Facts {
        evidence: Evidence::default().with(Item::Bank, HOME),
        ..Facts::default()
    }
}
