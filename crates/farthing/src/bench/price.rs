//! Prices for measurements. A flat one: what finding it costs is measured in turns with payments that say
//! the same amount themselves, in one run.

use crate::bench::town::AMOUNT;
use engine::ids::PriceId;
use engine::prices::Item;
use engine::records::PriceNo;
use engine::{Id, Op};
use money::{Asset, Atoms};
use pricing::{Model, Period, Price, Rate, Unit};

/// One, by the first price that is set.
pub const ITEM: Item = Item {
    price: PriceNo(0),
    unit: 0,
    quantity: 1,
};

/// Sets the price: what a payment is of otherwise.
pub fn flat(id: Id, asset: Asset) -> Op {
    of(id, asset, Model::Flat { amount: AMOUNT })
}

/// Sets a price for tokens, 0.15 and 0.60 for a million: fractions of atoms are carried in meters.
pub fn tokens(id: Id, asset: Asset) -> Op {
    let unit = |name: &str, amount| Unit {
        name: name.to_owned(),
        amount: Atoms(amount),
        per: 1_000_000,
    };
    let units = vec![unit("input", 150_000_000), unit("output", 600_000_000)];
    of(id, asset, Model::PerUnit { units })
}

fn of(id: Id, asset: Asset, model: Model) -> Op {
    let definition = Price {
        product: 0,
        asset: asset.code,
        tax_included: None,
        period: Period::Payment,
        free: 0,
        rate: Rate {
            base: Atoms::ZERO,
            model,
        },
        variants: Vec::new(),
        refund_restores_use: false,
    };
    Op::SetPrice {
        price: PriceId(id),
        from: None,
        definition: Box::new(definition),
    }
}
