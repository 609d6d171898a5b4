//! Amounts as people write them: `₩1,000,000`, `€30`, `₹1,20,000`.

use money::{Asset, Atoms};

/// The sign of an asset, or its code and a space.
fn sign(code: &str) -> String {
    let sign = match code {
        "EUR" => "€",
        "GBP" => "£",
        "USD" => "$",
        "KRW" => "₩",
        "JPY" => "¥",
        "INR" => "₹",
        "NGN" => "₦",
        "SGD" => "S$",
        "BRL" => "R$",
        "KES" => "KSh ",
        "IDR" => "Rp ",
        other => return format!("{other} "),
    };
    sign.to_owned()
}

/// Puts a comma after each third digit from the right; in India after the third, then each second.
fn grouped(digits: &str, is_indian: bool) -> String {
    let length = digits.len();
    let mut text = String::with_capacity(length + length / 2);
    for (at, digit) in digits.chars().enumerate() {
        let right = length - at;
        let is_edge = if is_indian {
            right == 3 || right > 3 && right % 2 == 1
        } else {
            right.is_multiple_of(3)
        };
        if at > 0 && is_edge {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// An amount with its sign and grouped digits; no digit is left out.
#[must_use]
pub fn amount_text(atoms: u128, asset: Asset) -> String {
    let code = asset.code.as_str();
    let plain = match u64::try_from(atoms) {
        Ok(atoms) => asset.format(Atoms(atoms)),
        Err(_) => asset.format_signed(i128::try_from(atoms).unwrap_or(i128::MAX)),
    };
    let (whole, part) = plain.split_once('.').unwrap_or((&plain, ""));
    let mut text = sign(code) + &grouped(whole, code == "INR");
    if !part.is_empty() {
        text.push('.');
        text.push_str(part);
        if part.len() == 1 && asset.minor_unit_digits() == 2 {
            text.push('0');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_as_people_do() {
        for (number, code, expected) in [
            ("1000000", "KRW", "₩1,000,000"),
            ("30", "EUR", "€30"),
            ("0.01", "EUR", "€0.01"),
            ("12.5", "GBP", "£12.50"),
            ("0.000000001", "EUR", "€0.000000001"),
            ("120000", "INR", "₹1,20,000"),
            ("10000", "INR", "₹10,000"),
            ("999", "INR", "₹999"),
            ("250000", "KES", "KSh 250,000"),
            ("1", "CHF", "CHF 1"),
        ] {
            let asset = Asset::known(code).unwrap();
            let atoms = u128::from(asset.parse(number).unwrap().0);
            assert_eq!(amount_text(atoms, asset), expected);
        }
    }
}
