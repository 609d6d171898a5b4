//! Amounts and wallets, as tests need them.
// Each test uses its part of it.
#![allow(dead_code)]

use crate::dice::Dice;
use crate::http::Http;
use serde_json::{Value, json};

/// Atoms of a decimal with nine places.
pub fn atoms(text: &str) -> i128 {
    let (sign, digits) = text
        .strip_prefix('-')
        .map_or((1, text), |digits| (-1, digits));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    assert!(
        !whole.is_empty() && part.len() <= 9,
        "{text:?} is no amount"
    );
    let number: i128 = format!("{whole}{part:0<9}").parse().expect("digits only");
    sign * number
}

/// The atoms of `{"amount": …, "asset": …}`.
pub fn amount_of(value: &Value) -> i128 {
    atoms(
        value["amount"]
            .as_str()
            .unwrap_or_else(|| panic!("no amount in {value}")),
    )
}

/// Registers a party and opens its wallet.
pub fn open_wallet(http: &mut Http, dice: &mut Dice) -> String {
    let party = json!({ "kind": "person", "country": "DE", "tier": 2 });
    let party = http
        .post("/v1/parties", &dice.uuid(), &party)
        .unwrap()
        .expect(201);
    let wallet = json!({ "party": party["id"] });
    let wallet = http
        .post("/v1/wallets", &dice.uuid(), &wallet)
        .unwrap()
        .expect(201);
    wallet["id"].as_str().unwrap().to_owned()
}

/// What a wallet has of its one asset, of all sources, settled or not.
pub fn balance_of(http: &mut Http, wallet: &str) -> i128 {
    let body = http
        .get(&format!("/v1/wallets/{wallet}"))
        .unwrap()
        .expect(200);
    let balances = body["balances"].as_array().expect("a wallet has balances");
    balances
        .iter()
        .map(|of| atoms(of["balance"].as_str().unwrap()))
        .sum()
}
