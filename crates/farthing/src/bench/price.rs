//! A flat price for a measurement: what finding it costs is measured in turns with payments that say
//! the same amount themselves, in one run.

use crate::bench::town::AMOUNT;
use engine::ids::PriceId;
use engine::prices::Item;
use engine::records::PriceNo;
use engine::{Id, Op};
use money::Asset;
use pricing::{Model, Period, Price, Rate};

/// One, by the first price that is set.
pub const ITEM: Item = Item {
    price: PriceNo(0),
    unit: 0,
    quantity: 1,
};

/// Sets the price: what a payment is of otherwise.
pub fn flat(id: Id, asset: Asset) -> Op {
    let definition = Price {
        product: 0,
        asset: asset.code,
        tax_included: None,
        period: Period::Payment,
        free: 0,
        rate: Rate {
            base: money::Atoms::ZERO,
            model: Model::Flat { amount: AMOUNT },
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
